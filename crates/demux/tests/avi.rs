//! What FFmpeg does not write on a small scale: OpenDML beyond four gigabytes, files without an index, empty chunks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::{Seek, SeekFrom, Write};

use common::{corpus, open, samples, times};
use demux::Container;

fn chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
    [kind, &(body.len() as u32).to_le_bytes(), body, &vec![0; body.len() % 2]].concat()
}

fn list(kind: &[u8], body: &[u8]) -> Vec<u8> {
    chunk(b"LIST", &[kind, body].concat())
}

/// The header list of a Motion JPEG of `rate / scale` pictures a second; `more` goes into the stream's list.
fn header(scale: u32, rate: u32, more: &[u8]) -> Vec<u8> {
    let mut stream = vec![0; 56];
    stream[..8].copy_from_slice(b"vidsMJPG");
    stream[20..24].copy_from_slice(&scale.to_le_bytes());
    stream[24..28].copy_from_slice(&rate.to_le_bytes());
    let mut format = vec![0; 40];
    format[4..8].copy_from_slice(&160_u32.to_le_bytes());
    format[8..12].copy_from_slice(&120_u32.to_le_bytes());
    format[16..20].copy_from_slice(b"MJPG");
    list(b"hdrl", &list(b"strl", &[chunk(b"strh", &stream), chunk(b"strf", &format), more.to_vec()].concat()))
}

fn riff(parts: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"RIFF", &[b"AVI ".to_vec(), parts.concat()].concat())
}

/// An `idx1` of pictures at these places.
fn older(entries: &[(u32, u32, u32)]) -> Vec<u8> {
    let entry = |&(flags, at, size): &(u32, u32, u32)| {
        [&b"00dc"[..], &flags.to_le_bytes(), &at.to_le_bytes(), &size.to_le_bytes()].concat()
    };
    chunk(b"idx1", &entries.iter().flat_map(entry).collect::<Vec<_>>())
}

#[test]
fn an_index_may_count_from_the_list_or_from_the_file() {
    let pictures = [chunk(b"00dc", &[1; 9]), chunk(b"01wb", &[0; 4]), chunk(b"00dc", &[]), chunk(b"00dc", &[2; 8])];
    let head = header(1001, 30_000, &[]);
    let movie = list(b"movi", &pictures.concat());
    // "RIFF", its size and kind; then "LIST" and its size, up to "movi".
    let start = (12 + head.len() + 8) as u32;
    for base in [0, start] {
        let index = older(&[(16, base + 4, 9), (0, base + 34, 0), (0, base + 42, 8)]);
        let film = riff(&[head.clone(), movie.clone(), index]);
        let movie = open(&film);
        assert_eq!((movie.container, movie.warnings.len()), (Container::Avi, 0));
        // The empty chunk repeats the first picture for a tick of 1001/30000 s.
        assert_eq!(times(&movie), [0, 66_733]);
        assert_eq!(movie.duration.micros(), 100_100);
        assert_eq!(samples(&movie, &film), [vec![1; 9], vec![2; 8]]);
        assert_eq!(movie.video().unwrap().samples.iter().map(|s| s.key).collect::<Vec<_>>(), [true, false, false]);
    }
}

#[test]
fn without_an_index_the_chunks_are_walked() {
    for name in ["mpeg4.avi", "sound.avi", "h264-b.avi", "packed.avi"] {
        let Ok(film) = std::fs::read(corpus().join(name)) else { continue };
        let index = film.windows(4).rposition(|w| w == b"idx1").unwrap();
        let (whole, walked) = (open(&film), open(&film[..index]));
        assert_eq!(times(&whole), times(&walked), "{name}");
        assert_eq!(whole.video().unwrap().samples, walked.video().unwrap().samples, "{name}");
        assert!(walked.warnings.iter().any(|w| w.to_string().contains("no index that is whole")), "{name}");
    }
}

#[test]
fn a_recording_that_was_never_finished_is_read_as_far_as_it_goes() {
    let mut film = std::fs::read(corpus().join("mjpeg.avi")).unwrap();
    let whole = open(&film);
    let movie = film.windows(4).position(|w| w == b"movi").unwrap();
    film.truncate(film.len() / 2);
    film[4..8].fill(0);
    film[movie - 4..movie].fill(0);
    let cut = open(&film);
    let (cut_times, whole_times) = (times(&cut), times(&whole));
    assert!(cut_times.len() > 20 && cut_times.len() < whole_times.len());
    assert_eq!(cut_times, whole_times[..cut_times.len()]);
    assert!(cut.warnings.iter().any(|w| w.to_string().contains("never finished")), "{:?}", cut.warnings);
}

#[test]
fn an_index_that_points_behind_the_file_is_not_believed() {
    let movie = list(b"movi", &[chunk(b"00dc", &[1; 9]), chunk(b"00dc", &[2; 8])].concat());
    let film = riff(&[header(1, 25, &[]), movie, older(&[(16, 4, 9), (16, u32::MAX, 8)])]);
    let movie = open(&film);
    assert_eq!(samples(&movie, &film), [vec![1; 9], vec![2; 8]]);
    assert_eq!(movie.warnings.len(), 1);
}

#[test]
fn a_clock_without_ticks_counts_25_a_second() {
    let movie = list(b"movi", &[chunk(b"00dc", &[1; 9]), chunk(b"00dc", &[2; 8])].concat());
    for (scale, rate) in [(0, 25), (1, 0), (0, 0)] {
        assert_eq!(times(&open(&riff(&[header(scale, rate, &[]), movie.clone()]))), [0, 40_000]);
    }
}

/// A hole of five gigabytes in the first `movi`, and a second `RIFF` behind it.
#[test]
fn open_dml_reaches_beyond_four_gigabytes() {
    const HOLE: u64 = 5 << 30;
    let standard = |base: u64, entries: &[(u32, u32)]| {
        let mut body = vec![2, 0, 0, 1];
        body.extend((entries.len() as u32).to_le_bytes());
        body.extend(b"00dc");
        body.extend(base.to_le_bytes());
        body.extend([0; 4]);
        entries.iter().for_each(|(at, size)| body.extend([at.to_le_bytes(), size.to_le_bytes()].concat()));
        chunk(b"ix00", &body)
    };
    let super_index = |places: [u64; 2]| {
        let mut body = vec![4, 0, 0, 0];
        body.extend(2_u32.to_le_bytes());
        body.extend(b"00dc");
        body.extend([0; 12]);
        places.iter().for_each(|at| body.extend([&at.to_le_bytes()[..], &[0; 8]].concat()));
        chunk(b"indx", &body)
    };
    let first = chunk(b"00dc", &[1; 10]);
    let length = 12 + header(1, 25, &super_index([0, 0])).len() as u64;
    let movie = length + 12;
    let index = movie + first.len() as u64;
    let far = index + HOLE;
    let head = header(1, 25, &super_index([index, far + 24 + first.len() as u64]));
    let mut file = tempfile::tempfile().unwrap();
    let opened = |kind: &[u8], list: &[u8]| [kind, &u32::MAX.to_le_bytes(), list].concat();
    file.write_all(&[opened(b"RIFF", b"AVI "), head, opened(b"LIST", b"movi"), first.clone()].concat()).unwrap();
    // Sizes are those of pictures; the top bit says that one is no key.
    file.write_all(&standard(movie, &[(8, 10)])).unwrap();
    file.seek(SeekFrom::Start(far)).unwrap();
    file.write_all(&[opened(b"RIFF", b"AVIX"), opened(b"LIST", b"movi"), first].concat()).unwrap();
    file.write_all(&standard(far + 24, &[(8, 10 | 1 << 31)])).unwrap();
    let film = demux::open(&mut file).unwrap();
    let track = film.video().unwrap();
    assert_eq!(times(&film), [0, 40_000]);
    assert_eq!(track.samples.iter().map(|s| s.key).collect::<Vec<_>>(), [true, false]);
    assert_eq!(track.samples[1].offset, far + 32);
    assert_eq!(track.read_sample(&mut file, 1).unwrap(), [1; 10]);
}
