//! Transport streams as they come off the air: cut anywhere, joined, with noise between packets, scrambled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{film, open, samples, times, try_open};
use demux::{Container, Error};

#[test]
fn a_clock_begins_at_zero_wherever_the_file_s_own_does() {
    let movie = open(&film("late.ts"));
    assert_eq!(movie.container, Container::MpegTs);
    assert!(movie.origin.micros() > 36_000_000_000, "{:?}", movie.origin);
    assert_eq!(times(&movie)[..3], [0, 40_000, 80_000]);
    assert_eq!(movie.duration.micros(), 3_000_000);
    // Sound begins a little earlier than the first picture.
    let movie = open(&film("sound.ts"));
    let first = times(&movie)[0];
    assert!((0..200_000).contains(&first), "{first}");
}

#[test]
fn a_joined_stream_goes_on_after_the_picture_before() {
    let one = film("gop1s.ts");
    let single = open(&one);
    let joined = [one.clone(), one].concat();
    let movie = open(&joined);
    let (times, before) = (times(&movie), times(&single));
    assert_eq!(times.len(), 2 * before.len());
    assert!(times.windows(2).all(|w| w[0] < w[1]));
    // The stretch between the halves is that of any two pictures, give or take the decoder's delay.
    let step = times[before.len()] - times[before.len() - 1];
    assert!((1..200_000).contains(&step), "{step}");
    assert!(movie.warnings.iter().any(|w| w.to_string().contains("the clock jumps")), "{:?}", movie.warnings);
    assert_eq!(samples(&movie, &joined).len(), 2 * single.video().unwrap().samples.len());
}

#[test]
fn a_stream_cut_in_the_middle_of_a_packet_begins_with_its_next_key() {
    let whole = film("gop1s.ts");
    let movie = open(&whole[70_000 + 55..]);
    let times = times(&movie);
    assert!(times.len() > 50 && times.len() < 150 && times.len().is_multiple_of(25), "{}", times.len());
    let track = movie.video().unwrap();
    assert!(track.samples[track.presented[0].sample as usize].key);
    let movie = open(&whole[..whole.len() - 1000]);
    assert!(movie.video().unwrap().presented.len() > 140);
}

#[test]
fn noise_between_packets_is_stepped_over() {
    let whole = film("noreorder.ts");
    let clean = open(&whole);
    let at = whole.len() / 2 / 188 * 188;
    let noisy = [&whole[..at], &[0x47, 1, 2, 3, 4, 0x47, 9][..], &whole[at..]].concat();
    let movie = open(&noisy);
    assert_eq!(times(&movie), times(&clean));
    assert_eq!(samples(&movie, &noisy), samples(&clean, &whole));
    assert!(movie.warnings[0].to_string().contains(&format!("at byte {at}")), "{:?}", movie.warnings);
}

#[test]
fn parity_behind_packets_is_passed_over() {
    let whole = film("bframes.ts");
    let with_parity: Vec<u8> = whole.chunks(188).flat_map(|p| [p, &[0x55; 16]].concat()).collect();
    let (plain, coded) = (open(&whole), open(&with_parity));
    assert_eq!(times(&coded), times(&plain));
    assert_eq!(samples(&coded, &with_parity), samples(&plain, &whole));
}

#[test]
fn packets_sent_twice_count_once() {
    let whole = film("bframes.ts");
    let twice: Vec<u8> =
        whole.chunks(188).flat_map(|p| if p[1] & 0x40 == 0 { p.repeat(2) } else { p.to_vec() }).collect();
    let (plain, doubled) = (open(&whole), open(&twice));
    assert_eq!(samples(&doubled, &twice), samples(&plain, &whole));
}

#[test]
fn scrambled_pictures_are_called_encrypted() {
    let mut whole = film("bframes.ts");
    for packet in whole.chunks_mut(188).filter(|p| p[1] & 0x1F == 1 && p[2] == 0) {
        packet[3] |= 0x80;
    }
    assert!(matches!(open(&whole).video(), Err(Error::Encrypted { scheme }) if scheme.contains("scrambling")));
}

#[test]
fn a_stream_without_tables_says_what_is_missing() {
    let whole = film("bframes.ts");
    let headless: Vec<u8> = whole.chunks(188).filter(|p| p[1] & 0x1F != 0 || p[2] != 0).flatten().copied().collect();
    let error = try_open(&headless).unwrap_err();
    assert!(error.to_string().contains("program map"), "{error}");
}

#[test]
fn mpeg_2_is_named_though_no_browser_decodes_it() {
    let codec = |name: &str| open(&film(name)).video().unwrap().codec.clone();
    assert_eq!((codec("mpeg2.ts").string.as_str(), codec("mpeg2.ts").name.as_str()), ("mp4v.61", "MPEG-2"));
    assert_eq!(codec("mpeg1.ts").name, "MPEG-1");
    assert!(codec("bframes.ts").string.starts_with("avc1.64") && codec("bframes.ts").description.is_none());
    let movie = open(&film("sound.ts"));
    assert!(movie.tracks.iter().any(|t| t.codec.name == "AAC"));
}
