//! Times, samples and shapes of the corpus (`corpus.sh`) equal what `ffprobe` prints, to the microsecond.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod corpus;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use corpus::{all, corpus, open};
use demux::{Movie, Rotation};

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

fn written(t: timeline::Timestamp) -> String {
    let (sign, t) = if t.micros() < 0 { ("-", -t.micros()) } else { ("", t.micros()) };
    format!("{sign}{}.{:06}", t / 1_000_000, t % 1_000_000)
}

fn presented(movie: &Movie) -> Vec<String> {
    movie.video().unwrap().presented.iter().map(|f| written(f.pts)).collect()
}

#[test]
fn frames_come_at_the_times_of_ffprobe() {
    let (mut compared, mut differing) = (0, Vec::new());
    for file in all() {
        let Ok(movie) = open(&file) else { continue };
        if movie.video().is_err() {
            continue;
        }
        let theirs = ffprobe(&file, &["-show_frames", "-show_entries", "frame=pts_time"]);
        // Side data of a frame is printed behind its time.
        let theirs: Vec<_> = theirs.iter().filter_map(|l| l.split(',').next()).collect();
        let ours = presented(&movie);
        if ours != theirs {
            let at = ours.iter().zip(&theirs).position(|(a, b)| a != b);
            let around = at.map(|i| (&ours[i..ours.len().min(i + 4)], &theirs[i..theirs.len().min(i + 4)]));
            let (file, counts) = (file.file_name().unwrap().display(), (ours.len(), theirs.len()));
            differing.push(format!("{file}: frames {counts:?}, from {at:?}: {around:?}"));
        }
        compared += 1;
    }
    assert!(differing.is_empty(), "ours and ffprobe's differ:\n{}", differing.join("\n"));
    assert!(compared >= 35, "only {compared} files were compared: is the corpus whole?");
}

#[test]
fn samples_lie_where_ffprobe_finds_them() {
    for file in all() {
        let Ok(movie) = open(&file) else { continue };
        let Ok(track) = movie.video() else { continue };
        // FFmpeg leaves out samples that no shown frame needs, so its packets are among ours.
        let ours: BTreeSet<_> = track
            .samples
            .iter()
            .map(|s| format!("{},{},{}", s.size, s.offset, if s.key { "K" } else { "_" }))
            .collect();
        for packet in ffprobe(&file, &["-show_packets", "-show_entries", "packet=size,pos,flags"]) {
            let packet = packet.split("_,").next().unwrap_or_default();
            let mut fields = packet.split(',');
            let (size, at) = (fields.next().unwrap(), fields.next().unwrap());
            let key = if fields.next().is_some_and(|f| f.starts_with('K')) { "K" } else { "_" };
            let wanted = format!("{size},{at},{key}");
            assert!(ours.contains(&wanted), "{}: no sample {wanted}", file.display());
        }
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
