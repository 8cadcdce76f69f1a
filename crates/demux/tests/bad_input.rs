//! Files that are no videos, cut or damaged: a typed error that says what to do, never a panic, never much memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Cursor;

use common::boxes::{ENTRY, boxed, rewritten, text_film, words};
use common::{all, film, find, try_open as open};
use demux::{Container, Error, Movie};
use proptest::prelude::*;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// Remembers the largest single allocation of each thread.
struct Watched;

#[allow(unsafe_code, reason = "an allocator cannot be written without; it only forwards")]
// SAFETY: every call is forwarded unchanged to the system allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|l| l.set(l.get().max(layout.size())));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

/// What opening costs: no single allocation beyond a small multiple of the file.
fn open_within_bounds(bytes: &[u8]) -> Result<Movie, Error> {
    LARGEST.with(|l| l.set(0));
    let result = open(bytes);
    let largest = LARGEST.with(Cell::get);
    assert!(largest <= 4096 + 160 * bytes.len(), "{largest} bytes at once for a file of {}", bytes.len());
    result
}

#[test]
fn an_empty_file_is_called_empty() {
    assert!(matches!(open(&[]), Err(Error::Empty)));
}

#[test]
fn a_text_file_is_no_video_whatever_its_name() {
    let text = "Dear diary, today I renamed you to film.mp4.\n".repeat(50);
    assert!(matches!(open(text.as_bytes()), Err(Error::NotAVideo)));
    assert!(matches!(open(b"x"), Err(Error::NotAVideo)));
}

#[test]
fn other_containers_are_named() {
    for (file, expected) in [("other.flv", Container::Flv), ("other.mpg", Container::MpegPs)] {
        match open(&film(file)) {
            Err(error @ Error::Container { container }) => {
                assert_eq!(container, expected);
                assert!(error.to_string().contains("ffmpeg"), "{error}");
            }
            other => panic!("{file}: {other:?}"),
        }
    }
}

#[test]
fn a_recording_that_was_never_finished_lacks_its_index() {
    let film = film("r25.mp4");
    let moov = find(&film, b"moov") - 4;
    let error = open(&film[..moov]).unwrap_err();
    assert!(matches!(error, Error::MoovMissing { file_len } if file_len == moov as u64), "{error}");
}

#[test]
fn an_index_that_is_cut_names_its_box() {
    let film = film("r25.mp4");
    let error = open(&film[..film.len() - 100]).unwrap_err();
    assert!(matches!(&error, Error::Malformed { name, .. } if name == "moov"), "{error}");
}

#[test]
fn frames_behind_the_end_of_the_file_are_counted() {
    let film = film("faststart.mp4");
    let mdat = find(&film, b"mdat");
    let half = mdat + (film.len() - mdat) / 2;
    match open(&film[..half]) {
        Err(Error::SampleBeyondFile { missing, total, readable, .. }) => {
            assert!(missing > 10 && missing < total && total == 100);
            assert!(readable > timeline::Timestamp::ZERO);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn sound_alone_is_no_video() {
    let movie = open(&film("audio-only.m4a")).unwrap();
    let error = movie.video().unwrap_err();
    assert_eq!(error.to_string(), "there is no video in this file, only sound (AAC); choose a file with a video track");
}

#[test]
fn a_track_that_is_never_shown_has_no_length() {
    let mut film = film("noedit.mp4");
    // All durations of the time table become zero, and so do the composition offsets.
    let stts = find(&film, b"stts");
    let entries = u32::from_be_bytes(film[stts + 8..stts + 12].try_into().unwrap()) as usize;
    for entry in 0..entries {
        film[stts + 16 + 8 * entry..stts + 20 + 8 * entry].fill(0);
    }
    let ctts = find(&film, b"ctts");
    film[ctts..ctts + 4].copy_from_slice(b"free");
    assert!(matches!(open(&film).unwrap().video(), Err(Error::ZeroDuration)));
}

#[test]
fn a_clock_without_ticks_is_refused_by_name() {
    let mut film = film("r25.mp4");
    let mdhd = find(&film, b"mdhd");
    film[mdhd + 16..mdhd + 20].fill(0);
    let error = open(&film).unwrap_err();
    assert!(matches!(&error, Error::Malformed { name, .. } if name == "mdhd"), "{error}");
}

#[test]
fn a_clock_of_edits_without_ticks_leaves_the_pictures_where_they_are() {
    let mut film = film("cut.mp4");
    let mvhd = find(&film, b"mvhd");
    film[mvhd + 16..mvhd + 20].fill(0);
    let (all, cut) = (open(&film).unwrap(), open(&common::film("cut.mp4")).unwrap());
    assert!(all.video().unwrap().presented.len() > cut.video().unwrap().presented.len());
}

#[test]
fn a_small_file_cannot_claim_a_billion_samples() {
    let mut film = film("r25.mp4");
    let stsz = find(&film, b"stsz");
    // One size for all, and four billion of them.
    film[stsz + 8..stsz + 12].copy_from_slice(&1_u32.to_be_bytes());
    film[stsz + 12..stsz + 16].fill(0xFF);
    let error = open_within_bounds(&film).unwrap_err();
    assert!(matches!(error, Error::TooMany { claimed: 0xFFFF_FFFF, .. }), "{error}");
}

#[test]
fn encrypted_pictures_are_refused_and_the_scheme_is_named() {
    let mut bare = film("r25.mp4");
    let entry = find(&bare, b"avc1\0\0\0\0\0\0\0\x01");
    bare[entry..entry + 4].copy_from_slice(b"encv");
    assert!(matches!(open(&bare).unwrap().video(), Err(Error::Encrypted { scheme }) if scheme == "DRM"));
    let movie = open(&film("cenc.mp4")).unwrap();
    assert_eq!((movie.tracks[0].codec.name.as_str(), movie.tracks[0].presented.len()), ("H.264", 25));
    let error = movie.video().unwrap_err();
    assert!(matches!(&error, Error::Encrypted { scheme } if scheme == "cenc"), "{error}");
}

/// What holds of every movie, however damaged its file.
fn check(movie: &Movie, film: &[u8]) {
    for track in &movie.tracks {
        assert!(track.presented.iter().all(|f| (f.sample as usize) < track.samples.len()));
        assert!(track.presented.windows(2).all(|w| w[0].pts <= w[1].pts));
        for frame in track.presented.iter().step_by(track.presented.len().div_ceil(8).max(1)) {
            track.decode_from(frame.sample as usize);
            let size = track.samples[frame.sample as usize].size as usize;
            let read = track.read_sample(&mut Cursor::new(film), frame.sample as usize);
            assert!(read.is_err() || read.is_ok_and(|bytes| bytes.len() <= size + 64));
        }
    }
    for track in &movie.subtitles {
        match track.read(&mut Cursor::new(film)) {
            Ok(reading) => assert!(!reading.transcript.cues.is_empty()),
            Err(error) => assert!(error.to_string().contains(&format!("track {}", track.id)), "{error}"),
        }
    }
}

#[test]
fn every_cut_of_a_file_is_an_error_or_a_movie() {
    let mut kept = 0;
    for file in all() {
        let film = std::fs::read(&file).unwrap();
        for end in (0..film.len()).step_by(film.len().div_ceil(60).max(1)) {
            match open_within_bounds(&film[..end]) {
                Ok(movie) => {
                    check(&movie, &film[..end]);
                    let frames = movie.tracks.iter().map(|t| t.presented.len()).sum::<usize>();
                    kept += usize::from(frames > 0 && !movie.warnings.is_empty());
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    // Matroska, AVI and MPEG-TS open with what is there, and say what is not.
    assert!(kept > 500, "{kept}");
}

/// A generator of numbers that are the same in every run (Steele, Lea and Flood: SplitMix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

#[test]
fn a_thousand_flipped_bits_in_every_file_never_panic() {
    let mut state = 7;
    for file in all() {
        let mut film = std::fs::read(&file).unwrap();
        // Most of a film is pictures, where a bit changes nothing here: half of the flips go where the index is.
        let index = film.windows(4).rposition(|w| w == b"moov").unwrap_or(0).min(film.len() - 1);
        for round in 0..1_000 {
            let span = if round % 2 == 0 { film.len() as u64 } else { 4_000.min(film.len() - index) as u64 };
            let from = if round % 2 == 0 { 0 } else { index };
            let (at, bit) = (from + (random(&mut state) % span) as usize, random(&mut state) % 8);
            film[at] ^= 1 << bit;
            if let Ok(movie) = open_within_bounds(&film) {
                check(&movie, &film);
            }
            film[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_kilobyte_that_claims_a_gigabyte_takes_no_memory() {
    let claims: [&[u8]; 5] = [
        b"\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x16\x54\xAE\x6B\x08\x40\0\0\0",
        b"\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x15\x49\xA9\x66\x08\x40\0\0\0",
        b"RIFF\0\0\0\x40AVI LIST\0\0\0\x40hdrlLIST\0\0\0\x40strlstrf\0\0\0\x40",
        b"RIFF\0\0\0\x40AVI LIST\0\0\0\x40movi00dc\0\0\0\x40",
        b"\0\0\0\x08ftyp\x40\0\0\0moov\x40\0\0\0trak",
    ];
    for claim in claims {
        let mut film = claim.to_vec();
        film.resize(1024, 0);
        assert!(open_within_bounds(&film).and_then(|movie| movie.video().map(|_| ())).is_err());
    }
}

/// A track of one byte a sample, and an edit list that shows all of it again and again.
#[test]
fn an_edit_list_without_end_takes_no_more_memory_than_any_other() {
    const SAMPLES: u32 = 50_000;
    for handler in [b"vide", b"sbtl"] {
        let entry = boxed(b"tx3g", &[&ENTRY[..], &[0; 80]].concat());
        let small = text_film(handler, &entry, &[(1, &vec![0; SAMPLES as usize])]);
        let moov = find(&small, b"moov") - 4;
        let edits = [0, 2_000].into_iter().chain((0..2_000).flat_map(|_| [SAMPLES, 0, 1 << 16])).collect::<Vec<_>>();
        let clock = boxed(b"mvhd", &words(&[[0, 0, 0, 1_000].as_slice(), &[0; 21]].concat()));
        let index = rewritten(&small[moov..], &|kind, _| match kind {
            b"stts" => Some(boxed(kind, &words(&[0, 1, SAMPLES, 1]))),
            b"stsc" => Some(boxed(kind, &words(&[0, 1, 1, SAMPLES, 1]))),
            b"stsz" => Some(boxed(kind, &words(&[0, 1, SAMPLES]))),
            b"tkhd" => Some([small_box(&small, b"tkhd"), boxed(b"edts", &boxed(b"elst", &words(&edits)))].concat()),
            _ => None,
        });
        let index = boxed(b"moov", &[clock, index[8..].to_vec()].concat());
        let film = [&small[..moov], &index].concat();
        let movie = open_within_bounds(&film).unwrap();
        let shown = movie.tracks[0].presented.len();
        assert!(handler == b"sbtl" || (SAMPLES as usize + 1..5 * SAMPLES as usize).contains(&shown), "{shown}");
    }
}

/// Sixty fragments of four thousand million texts each, none of which takes a byte: counted one by one they take minutes.
#[test]
fn fragments_of_texts_without_number_are_passed_over() {
    let film = film("fragmented.mp4");
    let texts = text_film(b"sbtl", &boxed(b"tx3g", &[&ENTRY[..], &[0; 30]].concat()), &[(40, b"\0\x01x")]);
    let mut text = small_box(&texts, b"trak");
    let id = find(&text, b"tkhd") + 16;
    text[id..id + 4].copy_from_slice(&9_u32.to_be_bytes());
    let (header, run) = (boxed(b"tfhd", &words(&[0x0002_0000, 9])), boxed(b"trun", &words(&[0, u32::MAX])));
    let fragment = boxed(b"moof", &boxed(b"traf", &[header, run].concat()));
    let moov = find(&film, b"moov") - 4;
    let size = small_box(&film, b"moov").len();
    let index = [&film[moov + 8..moov + size], &text].concat();
    let fragments = fragment.repeat(60);
    let crowded = [&film[..moov], &boxed(b"moov", &index), &film[moov + size..], &fragments].concat();
    let movie = open_within_bounds(&crowded).unwrap();
    assert!(movie.video().unwrap().presented.len() >= 100);
}

/// A box of a film, as it stands there.
fn small_box(film: &[u8], kind: &[u8]) -> Vec<u8> {
    let at = find(film, kind) - 4;
    let size = u32::from_be_bytes(film[at..at + 4].try_into().unwrap()) as usize;
    film[at..at + size].to_vec()
}

#[test]
fn a_hundred_thousand_tracks_hide_no_picture() {
    let film = film("faststart.mp4");
    let moov = find(&film, b"moov") - 4;
    let size = u32::from_be_bytes(film[moov..moov + 4].try_into().unwrap());
    let more = b"\0\0\0\x08trak".repeat(100_000);
    let end = moov + size as usize;
    let mut crowded = [&film[..end], &more, &film[end..]].concat();
    crowded[moov..moov + 4].copy_from_slice(&(size + more.len() as u32).to_be_bytes());
    assert_eq!(open_within_bounds(&crowded).unwrap().video().unwrap().presented.len(), 100);
}

#[test]
fn a_fragment_that_is_cut_is_told() {
    let film = film("fragmented.mp4");
    let last = film.windows(4).rposition(|w| w == b"moof").unwrap();
    let movie = open(&film[..last + 20]).unwrap();
    assert!(movie.video().unwrap().presented.len() >= 100);
    assert!(movie.warnings[0].to_string().contains(&format!("'moof' at byte {}", last - 4)), "{:?}", movie.warnings);
}

/// A file of the corpus, and some bytes of it changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let names = all().into_iter().filter(|f| f.metadata().is_ok_and(|m| m.len() < 150_000)).collect::<Vec<_>>();
    let change = (any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    (prop::sample::select(names), prop::collection::vec(change, 1..24)).prop_map(|(name, changes)| {
        let mut bytes = std::fs::read(name).unwrap();
        // Damage in the pictures changes nothing here; most of it goes where the index is.
        let index = bytes.windows(4).position(|w| w == b"moov").unwrap_or(0);
        for (at, value, anywhere) in changes {
            let from = if anywhere { 0 } else { index };
            let position = from + at.index(bytes.len() - from);
            bytes[position] = value;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let _ = open_within_bounds(&bytes);
    }

    #[test]
    fn no_bytes_behind_a_file_type_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let mut film = b"\0\0\0\x08ftyp\0\0\0\0moov".to_vec();
        film.extend(bytes);
        let _ = open_within_bounds(&film);
    }

    #[test]
    fn damaged_films_never_panic(film in damaged()) {
        if let Ok(movie) = open_within_bounds(&film) {
            check(&movie, &film);
        }
    }
}
