//! Times, samples and shapes of the corpus (`corpus.sh`) equal what `ffprobe` prints, to the microsecond.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;

use common::{all, corpus, open_file as open};
use demux::{Rotation, verify_keys};

/// What `ffprobe` prints, one line an item.
fn ffprobe(file: &Path, arguments: &[&str]) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "quiet", "-select_streams", "v:0", "-of", "csv=p=0"])
        .args(arguments)
        .arg(file)
        .output()
        .expect("ffprobe is needed to check timestamps: install the package ffmpeg");
    assert!(output.status.success(), "ffprobe refuses {}", file.display());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).filter(|l| !l.is_empty()).collect()
}

/// What `ffprobe` and this crate say of a frame: its time, and whether it is a key frame.
type Told = (i64, bool);

fn presented(file: &Path) -> Option<Vec<Told>> {
    let movie = open(file).ok()?;
    let mut track = movie.video().ok()?.clone();
    verify_keys(&mut BufReader::new(File::open(file).unwrap()), &mut track).unwrap();
    let key = |sample: u32| track.samples[sample as usize].key;
    Some(track.presented.iter().map(|f| ((f.pts + movie.origin).micros(), key(f.sample))).collect())
}

fn micros(text: &str) -> i64 {
    let Some((seconds, decimals)) = text.split_once('.') else { return i64::MIN };
    assert_eq!(decimals.len(), 6);
    let micros = seconds.trim_start_matches('-').parse::<i64>().unwrap() * 1_000_000 + decimals.parse::<i64>().unwrap();
    if seconds.starts_with('-') { -micros } else { micros }
}

/// Frames as `ffprobe` shows them. AVI has no presentation times: FFmpeg takes the time of whatever packet made the decoder
/// give a picture, which is late by the decoder's delay, the same for all pictures.
fn told(file: &Path) -> Vec<Told> {
    let avi = file.extension().is_some_and(|e| e == "avi");
    let time = if avi { "best_effort_timestamp_time" } else { "pts_time" };
    let frames = ffprobe(file, &["-show_frames", "-show_entries", &format!("frame=key_frame,{time}")]);
    // Side data of a frame is printed on lines of its own, or behind its time.
    let told = frames.iter().filter_map(|line| {
        let mut fields = line.split(',');
        let key = fields.next().filter(|key| ["0", "1"].contains(key))?;
        Some((micros(fields.next()?), key == "1"))
    });
    let mut told: Vec<_> = told.collect();
    let delay = if avi { told.first().map_or(0, |&(pts, _)| pts) } else { 0 };
    told.iter_mut().for_each(|(pts, _)| *pts = pts.saturating_sub(delay));
    told
}

#[test]
fn frames_come_at_the_times_of_ffprobe_and_its_key_frames_are_key() {
    let (mut compared, mut differing) = (0, Vec::new());
    for file in all() {
        let Some(ours) = presented(&file) else { continue };
        let theirs = told(&file);
        // The last pictures a decoder gives come with no packet, so FFmpeg has no time for them in AVI.
        let untimed = theirs.iter().rev().take_while(|&&(pts, _)| pts == i64::MIN).count();
        assert!(untimed <= 4, "{}: {untimed} frames without a time", file.display());
        let timed = theirs.len() - untimed;
        if ours.len() != theirs.len() || ours[..timed] != theirs[..timed] {
            let at = ours.iter().zip(&theirs).position(|(a, b)| a != b);
            let around = at.map(|i| (&ours[i..ours.len().min(i + 4)], &theirs[i..theirs.len().min(i + 4)]));
            let (file, counts) = (file.file_name().unwrap().display(), (ours.len(), theirs.len()));
            differing.push(format!("{file}: frames {counts:?}, from {at:?}: {around:?}"));
        }
        compared += 1;
    }
    assert!(differing.is_empty(), "ours and ffprobe's differ:\n{}", differing.join("\n"));
    assert!(compared >= 90, "only {compared} files were compared: is the corpus whole?");
}

/// Adler-32 (RFC 1950 §8.2), which is what `ffprobe` is asked for.
fn adler32(bytes: &[u8]) -> String {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    format!("{:08x}", b << 16 | a)
}

#[test]
fn samples_hold_the_bytes_that_ffprobe_finds() {
    for file in all() {
        let Ok(movie) = open(&file) else { continue };
        let Ok(track) = movie.video() else { continue };
        let mut reader = File::open(&file).unwrap();
        // FFmpeg leaves out samples that no shown frame needs, so its packets are among ours.
        let read = |(index, sample): (usize, &demux::Sample)| {
            let bytes = track.read_sample(&mut reader, index).unwrap_or_default();
            assert!(sample.size == 0 || !bytes.is_empty(), "{}: sample {index} is empty", file.display());
            adler32(&bytes)
        };
        let ours: BTreeSet<_> = track.samples.iter().enumerate().map(read).collect();
        if file.ends_with("hevc.ts") {
            continue; // FFmpeg's parser gives each picture the first zero of the next one; see the test below.
        }
        let packets =
            ffprobe(&file, &["-show_packets", "-show_data_hash", "adler32", "-show_entries", "packet=data_hash"]);
        let hashes: Vec<_> = packets.iter().filter_map(|l| l.split("adler32:").nth(1)?.get(..8)).collect();
        assert!(hashes.len() > 10, "{}: ffprobe gives no sums: {:?}", file.display(), packets.first());
        let missing = hashes.iter().filter(|&&hash| !ours.contains(hash)).count();
        assert_eq!(missing, 0, "{}: {missing} of {} packets are no sample", file.display(), hashes.len());
    }
}

#[test]
fn the_samples_of_a_transport_stream_are_the_whole_elementary_stream() {
    for (name, format) in
        [("hevc.ts", "hevc"), ("pyramid.ts", "h264"), ("blu-ray.m2ts", "h264"), ("mpeg2.ts", "mpeg2video")]
    {
        let file = corpus().join(name);
        if !file.exists() {
            continue;
        }
        let movie = open(&file).unwrap();
        let track = movie.video().unwrap();
        let mut reader = File::open(&file).unwrap();
        let ours: Vec<u8> = (0..track.samples.len()).flat_map(|i| track.read_sample(&mut reader, i).unwrap()).collect();
        let arguments = ["-v", "quiet", "-i", file.to_str().unwrap(), "-map", "0:v", "-c", "copy", "-f", format, "-"];
        let theirs = Command::new("ffmpeg").args(arguments).output().unwrap().stdout;
        assert!(ours == theirs, "{name}: {} bytes, ffmpeg has {}", ours.len(), theirs.len());
    }
}

#[test]
fn a_frame_is_decoded_from_a_key_that_shows_no_later() {
    for file in all() {
        let Ok(movie) = open(&file) else { continue };
        let Ok(track) = movie.video() else { continue };
        for frame in &track.presented {
            let (sample, start) = (frame.sample as usize, track.decode_from(frame.sample as usize));
            assert!(start <= sample && track.samples[start].pts <= track.samples[sample].pts, "{}", file.display());
            assert!(track.samples[start].key, "{}: frame {sample} has no key before it", file.display());
        }
    }
}

#[test]
fn shapes_are_those_a_player_shows() {
    let shown = |name: &str| open(&corpus().join(name)).unwrap().video().unwrap().shown_size();
    assert_eq!(shown("r25.mp4"), (160, 120));
    assert_eq!(shown("turned90.mp4"), (120, 160));
    assert_eq!(shown("wide.mp4"), (213, 120));
    let turned = open(&corpus().join("turned90.mp4")).unwrap();
    // Recorded as 270 degrees counter-clockwise, which is a quarter clockwise.
    assert_eq!(turned.video().unwrap().orientation.rotation, Rotation::Clockwise90);
}

#[test]
fn sizes_and_pixel_aspects_are_those_of_ffprobe() {
    let mut stretched = 0;
    for file in all() {
        let Ok(movie) = open(&file) else { continue };
        let Ok(track) = movie.video() else { continue };
        let theirs = ffprobe(&file, &["-show_entries", "stream=width,height,sample_aspect_ratio"]);
        let (wide, high) = track.pixel_aspect.unwrap_or((1, 1));
        let ours = format!("{},{},{wide}:{high}", track.width, track.height);
        let theirs = theirs[0].trim_end_matches(',').replace("N/A", "1:1").replace("0:1", "1:1");
        assert_eq!(ours, theirs, "{}", file.display());
        stretched += usize::from(wide != high);
    }
    assert!(stretched >= 3, "{stretched}");
}

#[test]
fn one_stream_is_told_alike_in_every_container() {
    let of = |name: &str| open(&corpus().join(name)).unwrap().video().unwrap().clone();
    let mp4 = of("bframes.mp4");
    for name in ["bframes.mkv", "bframes.ts"] {
        let other = of(name);
        assert_eq!((&other.codec.string, &other.codec.name), (&mp4.codec.string, &mp4.codec.name), "{name}");
        assert_eq!(other.codec.description.is_some(), name.ends_with("mkv"), "{name}");
    }
    assert_eq!(of("bframes.mkv").codec.description, mp4.codec.description);
    assert!(of("h264-b.avi").codec.string.starts_with("avc1.64"), "{}", of("h264-b.avi").codec.string);
    for (name, string) in
        [("mpeg4.avi", "mp4v.20"), ("mpeg4.mkv", "mp4v.20"), ("mjpeg.mkv", "mjpg"), ("mjpeg.avi", "mjpg")]
    {
        assert_eq!(of(name).codec.string, string, "{name}");
    }
    assert_eq!(of("vfw.mkv").codec.name, "MS-MPEG-4");
    if corpus().join("hevc.ts").exists() {
        let string = of("hevc.mp4").codec.string.replace("hvc1.", "hev1.");
        assert_eq!(
            (of("hevc.ts").codec.string, of("hevc.mkv").codec.string.replace("hvc1.", "hev1.")),
            (string.clone(), string)
        );
    }
    let color = of("coloured.mkv").color.unwrap();
    assert_eq!((color.primaries, color.transfer, color.matrix, color.full_range), (1, 1, 1, false));
}

#[test]
fn the_first_video_track_is_the_one_ffprobe_calls_first() {
    let movie = open(&corpus().join("two-videos.mp4")).unwrap();
    assert_eq!(movie.tracks.len(), 2);
    assert_eq!(movie.video().unwrap().id, movie.tracks[0].id);
    let sound = open(&corpus().join("sound.mp4")).unwrap();
    assert_eq!(sound.tracks[0].codec.name, "AAC");
    assert_eq!(sound.video().unwrap().id, sound.tracks[1].id);
}

#[test]
fn codecs_have_the_strings_browsers_know() {
    let codec = |name: &str| open(&corpus().join(name)).unwrap().video().unwrap().codec.clone();
    let h264 = codec("r25.mp4");
    assert!(h264.string.starts_with("avc1.64"), "{}", h264.string);
    assert_eq!(h264.description.unwrap()[0], 1);
    assert_eq!(codec("mpeg4.mp4").string, "mp4v.20");
    assert_eq!(codec("mpeg4.mp4").name, "MPEG-4 Visual");
    assert_eq!(codec("intra.mov").name, "Motion JPEG");
    for (file, start) in [("hevc.mp4", "hvc1.1."), ("vp9.mp4", "vp09."), ("av1.mp4", "av01.0.")] {
        if corpus().join(file).exists() {
            let codec = codec(file);
            assert!(codec.string.starts_with(start), "{}", codec.string);
        }
    }
}
