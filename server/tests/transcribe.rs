//! Speech, as a person gets it on the command line. The model here is the golden one of `crates/speech`: real in everything but what it
//! learned, so texts are nonsense and times are not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{repository, timepin};
use timeline::cues;

fn model() -> PathBuf {
    repository().join("crates/speech/tests/golden").canonicalize().unwrap()
}

/// A clip whose sound is a warble between two seconds and the end, in a track that begins there.
fn clip(folder: &Path) -> PathBuf {
    let path = folder.join("clip.mkv");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc=duration=6:size=64x48:rate=4"])
        .args(["-itsoffset", "2", "-f", "lavfi", "-i", "aevalsrc=0.4*sin(880*t)*sin(9*t):d=4:s=44100"])
        .args(["-c:v", "libx264", "-c:a", "aac", "-map", "0:v", "-map", "1:a"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    path
}

fn transcribe(folder: &Path, file: &Path, arguments: &[&str]) -> Output {
    timepin(folder).arg("transcribe").arg(file).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_is_heard_is_written_in_every_format_at_the_files_own_times() {
    let folder = tempfile::tempdir().unwrap();
    let (clip, model) = (clip(folder.path()), model());
    let run = |format: &str| {
        let arguments = ["--speech-model", model.to_str().unwrap(), "--language", "de", "--format", format];
        let output = transcribe(folder.path(), &clip, &arguments);
        assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
        output.stdout
    };
    let read = |format: &str| cues::read(&run(format), &format!("clip.{format}")).unwrap().transcript;
    let spoken = read("json");
    assert_eq!(spoken.language.as_deref(), Some("de"));
    assert!(!spoken.cues.is_empty());
    for cue in &spoken.cues {
        let (start, end) = (cue.span.start.seconds(), cue.span.end.seconds());
        assert!((1.7..=6.4).contains(&start) && start <= end && end <= 6.4, "{cue:?}");
    }
    for format in ["srt", "vtt"] {
        let again = read(format);
        assert_eq!(again.cues.len(), spoken.cues.len(), "{format}");
        assert_eq!(again.cues[0].span.start.micros() / 1_000, spoken.cues[0].span.start.micros() / 1_000);
    }
    assert_eq!(text(&run("txt")).lines().count(), spoken.cues.len());
    let printed: serde_json::Value = serde_json::from_slice(&run("json")).unwrap();
    for cue in printed["cues"].as_array().unwrap() {
        let words = cue["words"].as_array().unwrap();
        assert_eq!(words[0]["start_us"], cue["start_us"]);
    }
}

#[test]
fn the_clock_of_a_transport_stream_counts_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let (clip, stream) = (clip(folder.path()), folder.path().join("clip.ts"));
    let mut remux = Command::new("ffmpeg");
    remux.args(["-v", "error", "-i"]).arg(&clip).args(["-c", "copy", "-output_ts_offset", "100"]).arg(&stream);
    assert!(remux.status().unwrap().success());
    let run = |file: &Path| {
        let model = model();
        let arguments = ["--speech-model", model.to_str().unwrap(), "--language", "de", "--format", "srt"];
        text(&transcribe(folder.path(), file, &arguments).stdout)
    };
    assert!(!run(&clip).is_empty());
    assert_eq!(run(&stream), run(&clip));
}

#[test]
fn a_question_takes_what_is_said_for_subtitles() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip(folder.path());
    let output = timepin(folder.path())
        .args(["ask", "--speech", "--speech-model", model().to_str().unwrap(), "--json"])
        .arg(&clip)
        .arg("When is entropy mentioned?")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    // Evidence is there, and empty, only where there is a transcript to look in.
    assert_eq!(answer["evidence"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_transcribed_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (clip, model) = (clip(folder.path()), model());
    let model = model.to_str().unwrap();
    let told = |file: &Path, arguments: &[&str]| {
        let output = transcribe(folder.path(), file, arguments);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
        text(&output.stderr)
    };
    let none = told(&clip, &[]);
    assert!(none.contains("timepin pull openai/whisper-base") && none.contains("--speech-model"), "{none}");
    let away = told(&clip, &["--speech-model", "openai/whisper-base"]);
    assert!(away.contains("timepin pull openai/whisper-base"), "{away}");
    let other = repository().join("models/timepin-tiny").canonicalize().unwrap();
    let other = told(&clip, &["--speech-model", other.to_str().unwrap()]);
    assert!(other.contains("Whisper"), "{other}");
    let language = told(&clip, &["--speech-model", model, "--language", "tlh"]);
    assert!(language.contains("no language `tlh`") && language.contains("zh"), "{language}");
    let mute = repository().join("public/sample.mp4").canonicalize().unwrap();
    let mute = told(&mute, &["--speech-model", model]);
    assert!(mute.contains("has no sound track"), "{mute}");
    std::fs::write(folder.path().join("letter.txt"), "Dear reader").unwrap();
    let letter = told(&folder.path().join("letter.txt"), &["--speech-model", model]);
    assert!(letter.contains("nothing that FFmpeg can hear"), "{letter}");
}
