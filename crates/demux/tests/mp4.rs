//! What FFmpeg does not write on a small scale: MP4 beyond four gigabytes, broken tracks beside whole ones, recordings cut in
//! the middle of a fragment, stamps out of order.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::{Cursor, Seek, SeekFrom, Write};
use std::process::Command;

use common::boxes::{boxed, rewritten, words};
use common::{Counted, film, find, open, samples, times};
use demux::TrackKind;

/// A film in its boxes, `ftyp` and `free` first, and its index (`moov`) with chunks that lie `shift` bytes further on, told in
/// 64 bits.
fn moved(bytes: &[u8], shift: u64) -> (&[u8], &[u8], Vec<u8>) {
    let (mdat, moov) = (find(bytes, b"mdat") - 4, find(bytes, b"moov") - 4);
    assert!(mdat < moov);
    let chunks = |kind: &[u8], content: &[u8]| {
        let offsets = content.get(8..).filter(|_| kind == b"stco")?.chunks(4);
        let offset = |word: &[u8]| (u64::from(u32::from_be_bytes(word.try_into().unwrap())) + shift).to_be_bytes();
        Some(boxed(b"co64", &[content[..8].to_vec(), offsets.flat_map(offset).collect()].concat()))
    };
    (&bytes[..mdat], &bytes[mdat + 8..moov], rewritten(&bytes[moov..], &chunks))
}

/// The pictures of a film, and a subtitle track, behind a hole of five gigabytes in an `mdat` of 64-bit size.
#[test]
fn sizes_and_offsets_reach_beyond_four_gigabytes() {
    const HOLE: u64 = 5 << 30;
    let small = film("tx3g.mp4");
    // The larger header of the box takes eight bytes more.
    let (start, data, index) = moved(&small, HOLE + 8);
    let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    file.write_all(start).unwrap();
    let length = 16 + HOLE + data.len() as u64;
    file.write_all(&[&1_u32.to_be_bytes()[..], b"mdat", &length.to_be_bytes()].concat()).unwrap();
    file.seek(SeekFrom::Current(HOLE as i64)).unwrap();
    file.write_all(data).unwrap();
    file.write_all(&index).unwrap();
    let mut reader = Counted { inner: file.reopen().unwrap(), bytes: 0 };
    let (large, small_film) = (demux::open(&mut reader).unwrap(), open(&small));
    assert_eq!(times(&large), times(&small_film));
    assert!(reader.bytes < 20_000, "{} bytes were read", reader.bytes);
    let track = large.video().unwrap();
    assert!(track.samples.iter().all(|sample| sample.offset > HOLE));
    let read: Vec<_> = (0..track.samples.len()).map(|i| track.read_sample(&mut reader, i).unwrap()).collect();
    assert_eq!(read, samples(&small_film, &small));
    assert_eq!(large.subtitles[0].read(&mut reader).unwrap().transcript.cues.len(), 4);
    let arguments = ["-v", "error", "-select_streams", "v", "-show_entries", "packet=pos", "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(arguments).arg(file.path()).output().unwrap();
    let theirs: Vec<u64> = String::from_utf8(output.stdout).unwrap().lines().map(|l| l.parse().unwrap()).collect();
    assert_eq!(track.samples.iter().map(|sample| sample.offset).collect::<Vec<_>>(), theirs);
}

#[test]
fn a_broken_track_beside_the_pictures_is_left_out_and_told() {
    let mut damaged = film("tx3g.mp4");
    let text = find(&damaged, b"tx3g") - 4;
    let clock = damaged[..text].windows(4).rposition(|w| w == b"mdhd").unwrap();
    damaged[clock + 16..clock + 20].fill(0);
    let movie = open(&damaged);
    assert_eq!((times(&movie).len(), movie.subtitles.len(), movie.tracks.len()), (150, 0, 1));
    let told = movie.warnings[0].to_string();
    assert!(told.starts_with(&format!("'mdhd' at byte {}", clock + 20)) && told.contains("left out"), "{told}");
}

#[test]
fn a_recording_cut_in_the_pictures_of_a_fragment_is_read_up_to_there() {
    let whole = film("fragmented.mp4");
    let last = whole.windows(4).rposition(|w| w == b"mdat").unwrap();
    let cut = &whole[..last + 2_000];
    let (full, movie) = (times(&open(&whole)), open(cut));
    let kept = times(&movie);
    assert!(kept.len() >= 125 && kept.len() < full.len(), "{}", kept.len());
    assert!(kept.iter().all(|time| full.contains(time)));
    assert!(
        movie.warnings.iter().any(|w| w.name == "mdat" && w.what.contains("ends in the middle")),
        "{:?}",
        movie.warnings
    );
    let sizes = movie.video().unwrap().samples.iter().map(|sample| sample.offset + u64::from(sample.size));
    assert!(sizes.max().unwrap() <= cut.len() as u64);
}

#[test]
fn stamps_that_overlap_or_go_back_lose_no_picture() {
    let plain = film("noreorder.mp4");
    let count = times(&open(&plain)).len() as u32;
    let shifted = |offsets: &[i32]| {
        let runs: Vec<u32> =
            (0..count as usize).flat_map(|i| [1, offsets[i % offsets.len()].cast_unsigned()]).collect();
        let moov = find(&plain, b"moov") - 4;
        let add = |kind: &[u8], content: &[u8]| {
            let table = boxed(b"ctts", &[words(&[1 << 24, count]), words(&runs)].concat());
            (kind == b"stts")
                .then(|| [boxed(kind, content), table].concat())
                .or_else(|| (kind == b"edts").then(Vec::new))
        };
        open(&[&plain[..moov], &rewritten(&plain[moov..], &add)].concat())
    };
    let step = 12_800 / 25;
    // Every second one a whole frame late: two share each moment.
    let same = times(&shifted(&[step, 0]));
    assert_eq!(same.len(), count as usize);
    assert!(same.windows(2).all(|w| w[0] <= w[1]) && same.windows(2).any(|w| w[0] == w[1]), "{same:?}");
    // One that jumps back before the start.
    let back = shifted(&[0, 0, -40 * step, 7 * step]);
    let shown = times(&back);
    assert_eq!(shown.len(), count as usize);
    assert!(shown.windows(2).all(|w| w[0] <= w[1]) && shown[0] < 0, "{shown:?}");
    assert!(back.video().unwrap().duration.micros() > 0);
}

#[test]
fn a_film_of_three_hours_ends_to_the_microsecond() {
    for name in ["hours.mp4", "hours.mkv"] {
        let movie = open(&film(name));
        let frames = times(&movie);
        assert_eq!((frames.len(), movie.duration.micros()), (5_400, 10_800_000_000), "{name}");
        assert!(frames.iter().zip(0..).all(|(&time, n)| time == n * 2_000_000), "{name}");
    }
}

#[test]
fn more_than_a_thousand_tracks_are_left_out_and_hide_no_picture() {
    let small = film("tx3g.mp4");
    let moov = find(&small, b"moov") - 4;
    let text = find(&small, b"tx3g");
    let trak = small[..text].windows(4).rposition(|w| w == b"trak").unwrap() - 4;
    let size = u32::from_be_bytes(small[trak..trak + 4].try_into().unwrap()) as usize;
    let more = small[trak..trak + size].repeat(100_000);
    // In front of all others.
    let index = rewritten(&small[moov..], &|kind, content| {
        (kind == b"mvhd").then(|| [boxed(kind, content), more.clone()].concat())
    });
    let movie = open(&[&small[..moov], &index].concat());
    assert_eq!(times(&movie).len(), 150);
    assert_eq!(movie.tracks.iter().filter(|track| track.kind == TrackKind::Subtitle).count(), 1_000);
    assert_eq!((movie.subtitles.len(), movie.warnings.len()), (1_000, 1));
    assert_eq!(movie.subtitles[999].read(&mut Cursor::new(&small)).unwrap().transcript.cues.len(), 4);
}
