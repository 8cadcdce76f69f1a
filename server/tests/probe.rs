//! `timepin probe` against `ffprobe`, on one clip in four containers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{repository, timepin};
use serde_json::Value;

fn probe(folder: &Path, video: &Path, arguments: &[&str]) -> Output {
    timepin(folder).arg("probe").arg(video).args(arguments).output().unwrap()
}

/// Presentation times in microseconds, and key flags, as `ffprobe -show_frames` prints them.
fn ffprobe(video: &Path) -> Vec<(i64, bool)> {
    let output = Command::new("ffprobe")
        .args(["-v", "quiet", "-select_streams", "v:0", "-show_frames", "-of", "json"])
        .args(["-show_entries", "frame=key_frame,best_effort_timestamp_time"])
        .arg(video)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let frame = |frame: &Value| {
        let time = frame["best_effort_timestamp_time"].as_str().unwrap();
        (time.replace('.', "").parse().unwrap(), frame["key_frame"] == 1)
    };
    report["frames"].as_array().unwrap().iter().map(frame).collect()
}

#[test]
fn frames_are_those_of_ffprobe_in_every_container() {
    let folder = tempfile::tempdir().unwrap();
    let clip = repository().join("end2end/fixtures/world-b.mp4").canonicalize().unwrap();
    for (name, container) in [("a.mp4", "mp4"), ("a.mkv", "matroska"), ("a.ts", "mpeg_ts"), ("a.avi", "avi")] {
        let video = folder.path().join(name);
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-i"]).arg(&clip);
        // AVI has no times for pictures that are stored out of order.
        ffmpeg.args(if container == "avi" { &["-c:v", "mjpeg"][..] } else { &["-c", "copy"] });
        assert!(ffmpeg.arg(&video).status().unwrap().success());
        let output = probe(folder.path(), &video, &["--json", "--frames"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["container"], container);
        assert_eq!(report["tracks"][0]["kind"], "video");
        assert_eq!(report["warnings"].as_array().map(Vec::len), Some(0), "{report}");
        let frame = |f: &Value| (f["pts_us"].as_i64().unwrap(), f["key"].as_bool().unwrap());
        let frames: Vec<_> = report["frames"].as_array().unwrap().iter().map(frame).collect();
        assert_eq!(frames, ffprobe(&video), "{name}");
        assert_eq!(report["tracks"][0]["frames"].as_u64(), Some(frames.len() as u64));
    }
}

#[test]
fn people_read_what_the_file_is_and_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let clip = repository().join("end2end/fixtures/world-b.mp4").canonicalize().unwrap();
    let output = probe(folder.path(), &clip, &[]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("MP4") && said.contains("H.264 (avc1."), "{said}");
    let text = folder.path().join("diary.mkv");
    std::fs::write(&text, "Dear diary. ".repeat(99)).unwrap();
    let output = probe(folder.path(), &text, &["--json"]);
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("not a video file"));
}
