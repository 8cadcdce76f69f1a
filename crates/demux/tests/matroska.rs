//! What FFmpeg does not write: lacing, stripped headers, turned pictures, lying marks, clusters without a size, noise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::{Cursor, Seek, SeekFrom, Write};

use common::ebml::{
    CLUSTER, SEGMENT, TRACKS, VOID, block, cluster, ebml, element, encoding, film, head, number, simple, track,
    unsized_element,
};
use common::{Counted, open, samples, times};
use demux::{Container, Error, Rotation};
use miniz_oxide::deflate::compress_to_vec_zlib;

#[test]
fn laced_frames_have_their_own_times_and_bytes() {
    let frames: [&[u8]; 3] = [&[1; 300], &[2; 20], &[3; 100]];
    let content = frames.concat();
    let xiph = [&[2, 255, 45, 20][..], &content].concat();
    // 300, then 280 less in two bytes.
    let ebml = [&[2, 0x41, 0x2C, 0x5E, 0xE7][..], &content].concat();
    let fixed = [&[2][..], &[7; 30], &[8; 30], &[9; 30]].concat();
    let film = film(
        &track("V_MJPEG", &[number(0x23_E383, 40_000_000)]),
        &[cluster(0, &[simple(0, 0x82, &xiph), simple(120, 0x86, &ebml), simple(240, 0x84, &fixed)])],
    );
    let movie = open(&film);
    assert_eq!(movie.container, Container::Matroska);
    assert_eq!(times(&movie), [0, 40, 80, 120, 160, 200, 240, 280, 320].map(|ms| ms * 1000));
    assert_eq!(movie.duration.micros(), 360_000);
    let found = samples(&movie, &film);
    assert_eq!(found[..3], frames);
    assert_eq!(found[3..6], frames);
    assert_eq!(found[6..], [vec![7; 30], vec![8; 30], vec![9; 30]]);
}

#[test]
fn stripped_headers_are_put_back() {
    let compression = element(0x5034, &[number(0x4254, 3), element(0x4255, &[0x10, 2, 0])].concat());
    let track = track("V_VP8", &[encoding(&[compression])]);
    let film = film(&track, &[cluster(5, &[simple(0, 0x80, &[0x9D, 1, 0x2A, 5]), simple(40, 0, &[9])])]);
    let movie = open(&film);
    assert_eq!(samples(&movie, &film), [vec![0x10, 2, 0, 0x9D, 1, 0x2A, 5], vec![0x10, 2, 0, 9]]);
    assert!(movie.video().unwrap().samples[0].key, "the first byte is looked for in front of the block");
}

#[test]
fn pictures_compressed_with_zlib_are_unpacked() {
    let pictures: [&[u8]; 2] = [&[7; 5_000], &[8; 90]];
    let packed = pictures.map(|picture| compress_to_vec_zlib(picture, 6));
    let track = track("V_MJPEG", &[encoding(&[element(0x5034, &[])])]);
    let film = film(&track, &[cluster(5, &[simple(0, 0x80, &packed[0]), simple(40, 0x80, &packed[1])])]);
    let movie = open(&film);
    assert_eq!(samples(&movie, &film), pictures);
    // The beginning of a sample is the beginning of its picture.
    let beginning = movie.video().unwrap().read_beginning(&mut Cursor::new(&film), 0, 20).unwrap();
    assert!(pictures[0].starts_with(&beginning), "{}", beginning.len());
}

#[test]
fn other_compression_is_refused_by_name_and_encryption_as_such() {
    let refused = |encodings: Vec<u8>| {
        let film = film(
            &track("V_MJPEG", &[encodings]),
            &[cluster(0, &[simple(0, 0x80, &[1; 9]), simple(40, 0x80, &[1; 9])])],
        );
        open(&film).video().unwrap_err()
    };
    let error = refused(encoding(&[element(0x5034, &number(0x4254, 2))]));
    assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("lzo1x"), "{error}");
    let twice = [element(0x6240, &element(0x5034, &[])), element(0x6240, &element(0x5034, &[]))].concat();
    assert!(refused(element(0x6D80, &twice)).to_string().contains("encoded twice"));
    assert!(
        matches!(refused(encoding(&[number(0x5033, 1)])), Error::Encrypted { scheme } if scheme.contains("unnamed"))
    );
    let aes = element(0x5035, &number(0x47E1, 5));
    assert!(matches!(refused(encoding(&[number(0x5033, 1), aes])), Error::Encrypted { scheme } if scheme == "AES"));
    // What is done to CodecPrivate alone is no matter.
    let private = encoding(&[number(0x5032, 2), element(0x5034, &number(0x4254, 0))]);
    let film =
        film(&track("V_MJPEG", &[private]), &[cluster(0, &[simple(0, 0x80, &[1; 9]), simple(40, 0x80, &[1; 9])])]);
    assert!(open(&film).video().is_ok());
}

#[test]
fn pictures_are_shown_as_the_track_says() {
    let projection = |roll: f64| element(0x7670, &element(0x7675, &roll.to_be_bytes()));
    let shown = |more: &[Vec<u8>]| {
        let video = element(0xE0, &[&[number(0xB0, 720), number(0xBA, 576)], more].concat().concat());
        let film =
            film(&track("V_MJPEG", &[video]), &[cluster(0, &[simple(0, 0x80, &[1; 9]), simple(40, 0x80, &[1; 9])])]);
        let movie = open(&film);
        let track = movie.video().unwrap();
        (track.shown_size(), track.orientation.rotation, track.color)
    };
    assert_eq!(shown(&[]), ((720, 576), Rotation::None, None));
    // The roll of a projection counts against the clock.
    assert_eq!(shown(&[projection(-90.0)]).1, Rotation::Clockwise90);
    assert_eq!(shown(&[projection(90.0)]).1, Rotation::Clockwise270);
    assert_eq!(shown(&[projection(180.0)]).1, Rotation::Half);
    assert_eq!(shown(&[projection(f64::NAN)]).1, Rotation::None);
    let display = |unit: u64, wide: u64, high: u64| [number(0x54B2, unit), number(0x54B0, wide), number(0x54BA, high)];
    assert_eq!(shown(&display(0, 1024, 576)).0, (1024, 576));
    assert_eq!(shown(&display(3, 16, 9)).0, (1024, 576));
    assert_eq!(shown(&display(1, 0, 0)).0, (720, 576));
    let colour =
        element(0x55B0, &[number(0x55BB, 9), number(0x55BA, 16), number(0x55B1, 9), number(0x55B9, 2)].concat());
    let color = shown(&[colour]).2.unwrap();
    assert_eq!((color.primaries, color.transfer, color.matrix, color.full_range), (9, 16, 9, true));
}

#[test]
fn marks_of_vp8_and_vp9_are_not_believed() {
    let key = [0x10, 2, 0, 0x9D, 1, 0x2A, 0, 0];
    let film8 = film(
        &track("V_VP8", &[]),
        &[cluster(0, &[simple(0, 0x80, &key), simple(40, 0x80, &[0x11, 0]), simple(60, 0, &[0x01, 0])])],
    );
    let movie = open(&film8);
    assert_eq!(movie.video().unwrap().samples.iter().map(|s| s.key).collect::<Vec<_>>(), [true, false, false]);
    // The third one is a reference that nobody sees.
    assert_eq!(times(&movie), [0, 40_000]);
    let film9 = film(
        &track("V_VP9", &[]),
        &[cluster(
            0,
            &[
                simple(0, 0x80, &[0x92, 0x49, 0x83, 0x42, 0x80]),
                simple(40, 0x80, &[0x86, 0]),
                simple(60, 0, &[0x84, 0]),
                simple(80, 0, &[0x84, 0, 0xC0]),
            ],
        )],
    );
    let movie = open(&film9);
    assert_eq!(movie.video().unwrap().samples.iter().map(|s| s.key).collect::<Vec<_>>(), [true, false, false, false]);
    assert_eq!(times(&movie), [0, 40_000, 80_000]);
    assert_eq!(movie.video().unwrap().codec.string, "vp09.02.51.12");
}

#[test]
fn a_group_without_a_reference_is_a_key_and_tells_its_length() {
    let group =
        |time: i16, more: &[u8]| element(0xA0, &[element(0xA1, &block(time, 0, &[1; 9])), more.to_vec()].concat());
    let film = film(
        &track("V_MPEG4/ISO/ASP", &[]),
        &[cluster(0, &[group(0, &[]), group(40, &element(0xFB, &[0xD8])), group(80, &number(0x9B, 500))])],
    );
    let movie = open(&film);
    let track = movie.video().unwrap();
    assert_eq!(track.samples.iter().map(|s| s.key).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(track.samples.iter().map(|s| s.duration.micros()).collect::<Vec<_>>(), [40_000, 40_000, 500_000]);
    assert_eq!(track.duration.micros(), 580_000);
}

#[test]
fn a_clock_finer_than_milliseconds_is_exact() {
    let info = element(0x1549_A966, &number(0x2A_D7B1, 100_100));
    let content = [
        info,
        element(TRACKS, &track("V_MJPEG", &[])),
        cluster(1, &[simple(0, 0x80, &[1; 9]), simple(333, 0x80, &[1; 9])]),
    ];
    let movie = open(&[ebml(), element(SEGMENT, &content.concat())].concat());
    // 334 · 100.1 µs = 33 433.4 µs
    assert_eq!(times(&movie), [100, 33_433]);
}

#[test]
fn impossible_lengths_are_passed_over() {
    let picture = cluster(0, &[simple(0, 0x80, &[1; 9]), simple(40, 0x80, &[1; 9])]);
    let read = |info: &[Vec<u8>], default: u64| {
        let tracks = element(TRACKS, &track("V_MJPEG", &[number(0x23_E383, default)]));
        let content = [element(0x1549_A966, &info.concat()), tracks, picture.clone()].concat();
        open(&[ebml(), element(SEGMENT, &content)].concat())
    };
    for length in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1.0] {
        let movie = read(&[element(0x4489, &length.to_be_bytes())], 0);
        assert_eq!((times(&movie), movie.duration.micros()), (vec![0, 40_000], 80_000), "{length}");
    }
    let movie = read(&[number(0x2A_D7B1, 0)], 40_000_000);
    assert_eq!((times(&movie), movie.warnings.len()), (vec![0, 40_000], 1));
    // An hour a tick is the longest there is.
    let movie = read(&[number(0x2A_D7B1, u64::MAX)], u64::MAX);
    assert_eq!(times(&movie), [0, 144_000_000_000]);
}

#[test]
fn stamps_in_any_order_are_put_in_order_and_lose_no_picture() {
    let shuffled = [0, 400, 40, 360, 80, 320, 120, 280, 160, 240, 200];
    let blocks = shuffled.map(|time| simple(time, 0x80, &[1; 9]));
    let movie = open(&film(&track("V_MJPEG", &[]), &[cluster(0, &blocks), cluster(20, &blocks)]));
    let found = times(&movie);
    assert_eq!(found.len(), 22);
    assert!(found.windows(2).all(|w| w[1] - w[0] == 20_000), "{found:?}");
}

#[test]
fn clusters_and_segments_need_no_size() {
    let open_cluster = |time: u64| unsized_element(CLUSTER, &[number(0xE7, time), simple(0, 0x80, &[1; 9])].concat());
    let content = [element(TRACKS, &track("V_MJPEG", &[])), open_cluster(0), open_cluster(40)].concat();
    let cues = element(0x1C53_BB6B, &[0xBB, 0x80]);
    let movie = open(&[ebml(), unsized_element(SEGMENT, &[content, cues].concat())].concat());
    assert_eq!((times(&movie), movie.warnings.len()), (vec![0, 40_000], 0));
}

#[test]
fn tracks_are_found_behind_the_pictures() {
    let picture = cluster(0, &[simple(0, 0x80, &[1; 9]), simple(40, 0x80, &[1; 9])]);
    let tracks = element(TRACKS, &track("V_MJPEG", &[]));
    let plain = [ebml(), element(SEGMENT, &[picture.clone(), tracks.clone()].concat())].concat();
    assert_eq!(times(&open(&plain)), [0, 40_000]);
    let seek = |position: u64| {
        let entry = [element(0x53AB, &TRACKS.to_be_bytes()), number(0x53AC, position)].concat();
        element(0x114D_9B74, &element(0x4DBB, &entry))
    };
    let position = seek(0).len() + picture.len();
    let sought = [ebml(), element(SEGMENT, &[seek(position as u64), picture, tracks].concat())].concat();
    assert_eq!(times(&open(&sought)), [0, 40_000]);
}

#[test]
fn a_file_without_tracks_says_what_is_missing() {
    let film = [ebml(), element(SEGMENT, &cluster(0, &[simple(0, 0x80, &[1; 9])]))].concat();
    let error = demux::open(&mut Cursor::new(film)).unwrap_err();
    assert!(matches!(error, Error::HeaderMissing { .. }) && error.to_string().contains("Tracks"), "{error}");
}

#[test]
fn noise_and_cuts_leave_the_rest_readable_and_are_told() {
    let clusters: Vec<_> = (0..4).map(|n| cluster(n * 40, &[simple(0, 0x80, &[n as u8; 50])])).collect();
    let mut noisy = film(&track("V_MJPEG", &[]), &clusters);
    let second = noisy.windows(4).enumerate().filter(|(_, w)| *w == CLUSTER.to_be_bytes()).nth(1).unwrap().0;
    noisy[second..second + 4].fill(0);
    let movie = open(&noisy);
    assert_eq!(times(&movie), [0, 80_000, 120_000]);
    assert!(movie.warnings[0].to_string().contains(&format!("'Cluster' at byte {second}")), "{:?}", movie.warnings);
    let whole = film(&track("V_MJPEG", &[]), &clusters);
    let movie = open(&whole[..whole.len() - 10]);
    assert_eq!(times(&movie), [0, 40_000, 80_000]);
    assert!(movie.warnings[0].to_string().contains("the file ends in the middle"), "{:?}", movie.warnings);
    let twice = [whole.clone(), whole].concat();
    let movie = open(&twice);
    assert_eq!(times(&movie).len(), 4);
    assert!(movie.warnings[0].to_string().contains("second film"), "{:?}", movie.warnings);
}

#[test]
fn a_hundred_thousand_tracks_are_cut_to_a_thousand() {
    let entry = element(0xAE, &[0xD7, 0x81, 2]);
    let entries = [track("V_MJPEG", &[]), entry.repeat(100_000)].concat();
    let movie = open(&film(&entries, &[cluster(0, &[simple(0, 0x80, &[1; 9]), simple(40, 0x80, &[1; 9])])]));
    assert_eq!((movie.tracks.len(), movie.warnings.len()), (1_000, 1));
    assert_eq!(times(&movie), [0, 40_000]);
}

/// Ten gigabytes of holes: 500 pictures of 20 MB, and a void of 5 GB before them.
#[test]
fn ten_gigabytes_cost_the_headers_of_their_blocks() {
    const PICTURE: u64 = 20_000_000;
    let mut file = tempfile::tempfile().unwrap();
    let sized = |id: u32, size: u64| [head(id), (size | 1 << 56).to_be_bytes().to_vec()].concat();
    file.write_all(&[ebml(), unsized_element(SEGMENT, &element(TRACKS, &track("V_MJPEG", &[])))].concat()).unwrap();
    file.write_all(&sized(VOID, 5 << 30)).unwrap();
    file.seek(SeekFrom::Current(5 << 30)).unwrap();
    for n in 0..500_u64 {
        let time = number(0xE7, n * 40);
        file.write_all(&sized(CLUSTER, time.len() as u64 + 9 + 4 + PICTURE)).unwrap();
        file.write_all(&time).unwrap();
        file.write_all(&sized(0xA3, 4 + PICTURE)).unwrap();
        file.write_all(&block(0, 0x80, &[n as u8])).unwrap();
        file.seek(SeekFrom::Current(PICTURE as i64 - 1)).unwrap();
    }
    let end = file.stream_position().unwrap();
    file.set_len(end).unwrap();
    let mut reader = Counted { inner: file, bytes: 0 };
    let movie = demux::open(&mut reader).unwrap();
    let track = movie.video().unwrap();
    assert_eq!((track.samples.len(), track.duration.micros()), (500, 20_000_000));
    assert!(track.samples[499].offset > 14 << 30, "{}", track.samples[499].offset);
    assert!(reader.bytes < 1_000_000, "{} bytes were read", reader.bytes);
    assert_eq!(track.read_sample(&mut reader, 499).unwrap()[..2], [243, 0]);
}

/// Sizes of all ones, of whatever length, are unknown ones.
#[test]
fn a_live_recording_is_read_like_a_finished_one() {
    let mut film = common::film("plain.webm");
    let finished = open(&film);
    for at in (0..film.len() - 12).filter(|&at| film[at..at + 4] == CLUSTER.to_be_bytes()).collect::<Vec<_>>() {
        let length = film[at + 4].leading_zeros() as usize + 1;
        film[at + 4] = 0xFF >> (length - 1);
        film[at + 5..at + 4 + length].fill(0xFF);
    }
    let live = open(&film);
    assert_eq!((times(&live), live.warnings.len()), (times(&finished), 0));
    assert_eq!(live.video().unwrap().samples, finished.video().unwrap().samples);
}
