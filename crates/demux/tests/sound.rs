//! Sound tracks give the packets that FFmpeg copies from them, at its times, and say what of them is heard when.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use common::{corpus, film};
use demux::{Error, SoundTrack};

fn open(name: &str) -> (SoundTrack, Vec<u8>) {
    let bytes = film(name);
    (demux::open_sound(&mut Cursor::new(&bytes)).unwrap(), bytes)
}

fn output(program: &str, file: &Path, before: &[&str], after: &[&str]) -> Vec<u8> {
    // Edit lists are ours to apply; Matroska's reader knows no such option.
    let ignore: &[&str] = if file.extension().unwrap() == "mkv" || file.extension().unwrap() == "webm" {
        &[]
    } else {
        &["-ignore_editlist", "1"]
    };
    let made = Command::new(program).args(["-v", "error"]).args(ignore).args(before).arg(file).args(after).output();
    made.expect("ffmpeg is needed to check sound: install the package ffmpeg").stdout
}

/// All bytes of the packets, one after another.
fn copied(file: &Path) -> Vec<u8> {
    output("ffmpeg", file, &["-copyts", "-i"], &["-map", "0:a:0", "-c", "copy", "-f", "data", "-"])
}

/// When the packets begin, in microseconds.
fn times(file: &Path) -> Vec<i64> {
    let entries = ["-select_streams", "a:0", "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
    let lines = String::from_utf8(output("ffprobe", file, &entries, &[])).unwrap();
    let time = |line: &str| (line.trim_end_matches(',').parse::<f64>().unwrap() * 1e6).round() as i64;
    lines.lines().filter(|line| !line.is_empty()).map(time).collect()
}

/// The files, the codec string, samples a second, channels.
const FILES: [(&str, &str, u32, u32); 13] = [
    ("sound-aac.mp4", "mp4a.40.2", 44_100, 2),
    ("sound-aac-fragmented.mp4", "mp4a.40.2", 48_000, 1),
    ("sound-aac.mov", "mp4a.40.2", 44_100, 1),
    ("sound-opus.mp4", "opus", 48_000, 2),
    ("sound-flac.mp4", "flac", 44_100, 2),
    ("sound-mp3.mp4", "mp3", 44_100, 2),
    ("sound-pcm.mov", "pcm-s16", 44_100, 2),
    ("sound-pcm24.mov", "pcm-s24", 48_000, 1),
    ("sound-aac.mkv", "mp4a.40.2", 22_050, 1),
    ("sound-opus.webm", "opus", 48_000, 2),
    ("sound-vorbis.webm", "vorbis", 44_100, 2),
    ("sound-flac.mkv", "flac", 48_000, 1),
    ("sound-pcm.mkv", "pcm-s16", 44_100, 2),
];

#[test]
fn packets_are_those_that_ffmpeg_copies_at_its_times() {
    for (name, string, rate, channels) in FILES {
        let (track, bytes) = open(name);
        assert_eq!((track.codec.string.as_str(), track.rate, track.channels), (string, rate, channels), "{name}");
        let read = |packet| track.read_packet(&mut Cursor::new(&bytes), packet).unwrap();
        let ours: Vec<u8> = (0..track.packets.len()).flat_map(read).collect();
        let file = corpus().join(name);
        assert!(ours == copied(&file), "{name}: {} bytes", ours.len());
        let (at, theirs) = (|packet: usize| track.packets[packet].at.micros(), times(&file));
        if string.starts_with("pcm") {
            // Cut elsewhere; but both begin where they begin.
            assert_eq!(at(0), theirs[0], "{name}");
            continue;
        }
        assert_eq!(track.packets.len(), theirs.len(), "{name}");
        // Matroska's clock has milliseconds; here samples are counted, and the delay of a codec is not rounded.
        let coarse = if name.ends_with("mkv") || name.ends_with("webm") { 1_000 } else { 0 };
        for (packet, theirs) in theirs.into_iter().enumerate() {
            assert!((at(packet) - theirs).abs() <= coarse, "{name}, packet {packet}: {} {theirs}", at(packet));
        }
    }
}

#[test]
fn a_packet_says_how_long_it_is_as_the_containers_clock_does() {
    // Vorbis does not say it; and FFmpeg's fragments say something else of the first.
    for (name, ..) in FILES.iter().filter(|(name, ..)| !name.contains("vorbis") && !name.contains("fragmented")) {
        let (track, bytes) = open(name);
        for packet in 0..track.packets.len() - 1 {
            let sound = track.read_packet(&mut Cursor::new(&bytes), packet).unwrap();
            let (frames, rate) = track.frames(&sound).unwrap();
            let told = (frames * 1_000_000 / u64::from(rate)) as i64;
            let apart = (track.until(packet).unwrap() - track.packets[packet].at).micros();
            assert!((told - apart).abs() <= 1_000, "{name}, packet {packet}: {told} {apart}");
        }
    }
}

#[test]
fn priming_is_left_out_and_a_late_track_begins_late() {
    let heard = |name: &str| {
        let track = open(name).0;
        assert_eq!(track.stretches.len(), 1, "{name}");
        let stretch = track.stretches[0];
        (stretch.from.micros(), stretch.at.micros())
    };
    // 1,024 samples at 44.1 kHz; 312 at 48 kHz.
    assert_eq!(heard("sound-aac.mp4"), (23_220, 0));
    assert_eq!(heard("sound-opus.mp4"), (6_500, 0));
    // Half a second: FFmpeg takes the priming from the empty edit.
    let (from, at) = heard("sound-late.mp4");
    assert!((at - from - 476_780).abs() < 1_000, "{from} {at}");
    // In Matroska the times say it: what the codec needs lies before the beginning.
    let track = open("sound-opus.webm").0;
    assert_eq!((track.packets[0].at.micros(), track.stretches[0].from.micros()), (-6_500, 0));
}

#[test]
fn a_film_without_sound_and_containers_that_are_not_read_are_told() {
    let refused = |name: &str| demux::open_sound(&mut Cursor::new(film(name))).unwrap_err();
    assert!(matches!(refused("r25.mp4"), Error::NoSoundTrack));
    assert!(matches!(refused("plain.webm"), Error::NoSoundTrack));
    for name in ["sound.avi", "sound.ts"] {
        let error = refused(name);
        assert!(matches!(error, Error::Unsupported { feature } if feature.contains("sound")), "{error}");
    }
    let error = refused("sound-cenc.mp4");
    assert!(matches!(&error, Error::Encrypted { scheme } if scheme == "cenc"), "{error}");
}

#[test]
fn damage_is_an_error_or_less_sound_and_never_a_panic() {
    for name in ["sound-aac.mp4", "sound-opus.mp4", "sound-pcm.mov", "sound-opus.webm", "sound-aac-fragmented.mp4"] {
        let whole = film(name);
        let mut state = 7_u64;
        for _ in 0..300 {
            let mut bytes = whole.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (state >> 33) as usize % bytes.len();
                bytes[at] ^= 1 << (state >> 60 & 7);
            }
            bytes.truncate(bytes.len() - (state >> 50) as usize % (bytes.len() / 2));
            if let Ok(track) = demux::open_sound(&mut Cursor::new(&bytes)) {
                assert!(track.packets.len() <= bytes.len());
                for packet in 0..track.packets.len().min(20) {
                    let _ = track.read_packet(&mut Cursor::new(&bytes), packet);
                }
            }
        }
    }
}
