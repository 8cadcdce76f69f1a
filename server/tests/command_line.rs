//! What shells and scripts see: output, errors, exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{repository, timepin};
use serde_json::Value;

fn sample() -> PathBuf {
    repository().join("end2end/fixtures/world-b.mp4").canonicalize().unwrap()
}

fn ask(folder: &Path, video: &Path, arguments: &[&str]) -> Output {
    timepin(folder).arg("ask").arg(video).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_question_to_a_real_clip_prints_one_object() {
    let folder = tempfile::tempdir().unwrap();
    let output = ask(folder.path(), &sample(), &["When does the red circle appear?", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let printed = text(&output.stdout);
    assert_eq!(printed.lines().count(), 1);
    let answer: Value = serde_json::from_str(&printed).unwrap();
    assert!(answer["answer"].is_string());
    for span in answer["spans"].as_array().unwrap() {
        assert!(span["start_us"].as_i64() <= span["end_us"].as_i64() && span["text"].is_string());
    }
    // The library stays empty, the segments are kept for next time, nothing temporary is left.
    let data = folder.path().join("data");
    assert!(!data.join("timepin.sqlite").exists());
    assert!(fs::read_dir(data.join("segments")).unwrap().count() > 0);
    assert_eq!(fs::read_dir(data.join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_clip_of_more_than_a_hundred_frames_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let output = ask(folder.path(), &repository().join("public/sample.mp4"), &["List the events.", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["usage"]["all_segments"].as_u64() > Some(50), "{answer}");
}

#[test]
fn many_questions_read_the_video_once_and_a_model_inside_the_binary_answers() {
    let folder = tempfile::tempdir().unwrap();
    let questions = folder.path().join("questions.txt");
    fs::write(&questions, "What is shown at 00:05?\n\n第几秒出现红色圆形？\n").unwrap();
    let output = ask(folder.path(), &sample(), &["--json", "--questions", questions.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answers: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[1]["question"], "第几秒出现红色圆形？");
    assert!(answers[1]["usage"]["kept_tokens"].as_u64() > Some(100));
    // There is no models folder where this ran.
    assert!(fs::read_dir(folder.path().join("data/bundled")).unwrap().count() == 1);
}

#[test]
fn what_does_not_fit_is_read_closely_where_it_looks_like_what_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    // A CLIP of random weights: it knows nothing, but leads somewhere.
    let encoder = repository().join("crates/sight/tests/golden").canonicalize().unwrap();
    let asked = ["When does the red circle appear?", "--json", "--max-context-length", "512", "--image-model"];
    let output = ask(folder.path(), &sample(), &[&asked[..], &[encoder.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let leads = answer["course"]["leads"].as_array().unwrap();
    assert!((1..=12).contains(&leads.len()), "{answer}");
    assert!(answer["usage"]["shown_segments"].as_u64() < answer["usage"]["all_segments"].as_u64());
    let missing = ask(folder.path(), &sample(), &[&asked[..], &[folder.path().to_str().unwrap()]].concat());
    assert!(text(&missing.stderr).contains("a CLIP model is a folder with"), "{missing:?}");
}

#[test]
fn subtitles_beside_the_video_answer_where_something_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.mp4");
    fs::copy(sample(), &clip).unwrap();
    let file = "1\n00:00:05,000 --> 00:00:07,000\nNow the gradient\n";
    fs::write(folder.path().join("clip.en.srt"), file).unwrap();
    let question = "In which minute is the gradient mentioned?";
    let output = ask(folder.path(), &clip, &[question, "--json", "--subtitles-offset", "1.5"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("Subtitles beside the video: clip.en.srt"));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let evidence = serde_json::json!([{ "start_us": 6_500_000, "end_us": 8_500_000, "text": "Now the gradient" }]);
    assert_eq!(answer["evidence"], evidence);

    let named = folder.path().join("other.vtt");
    fs::write(&named, "WEBVTT\n\n00:01.000 --> 00:02.000\nthe gradient\n").unwrap();
    let output = ask(folder.path(), &clip, &[question, "--subtitles", named.to_str().unwrap()]);
    assert!(text(&output.stdout).starts_with("[0:01.0] the gradient\n"), "{}", text(&output.stdout));
    assert_eq!(text(&output.stderr), "");
    // An encoder of random weights: it knows no meaning, but its neighbours are listed as such and never as found words.
    let encoder = repository().join("crates/meaning/tests/golden").canonicalize().unwrap();
    let near = ["When is thermodynamics mentioned?", "--text-model", encoder.to_str().unwrap()];
    let output = ask(folder.path(), &clip, &near);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).lines().next().unwrap().contains("] ~"), "{output:?}");
    let missing = ask(folder.path(), &clip, &[question, "--text-model", folder.path().to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("a sentence encoder is a folder with"), "{missing:?}");

    let output = ask(folder.path(), &clip, &[question, "--no-subtitles", "--json"]);
    assert_eq!(text(&output.stderr), "");
    assert!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["evidence"].is_null());

    fs::write(&named, "Dear reader\n").unwrap();
    let output = ask(folder.path(), &clip, &[question, "--subtitles", named.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("line 1: no subtitle format"), "{}", text(&output.stderr));
}

#[test]
fn subtitles_inside_the_video_are_read_where_none_lie_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.mkv");
    for (name, words) in [("en.srt", "Now the gradient"), ("zh.srt", "接下来是梯度")] {
        fs::write(folder.path().join(name), format!("1\n00:00:05,000 --> 00:00:07,000\n{words}\n")).unwrap();
    }
    let ffmpeg = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-i", sample().to_str().unwrap(), "-i", "en.srt", "-i", "zh.srt"])
        .args([
            "-map",
            "0:v",
            "-map",
            "1",
            "-map",
            "2",
            "-c:v",
            "copy",
            "-c:s",
            "srt",
            "-metadata:s:s:0",
            "language=eng",
        ])
        .args(["-metadata:s:s:1", "language=chi", "-metadata:s:s:1", "title=Lecture", "clip.mkv"])
        .current_dir(folder.path())
        .status();
    assert!(ffmpeg.unwrap().success());
    let question = "When is the gradient mentioned?";
    let output = ask(
        folder.path(),
        &clip,
        &[question, "--question", "第几分钟提到梯度？", "--json", "--subtitles-offset", "1.5"],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stderr);
    assert!(
        told.contains("inside the video: Track 2 · English") && told.contains("Track 3 · 中文 · Lecture"),
        "{told}"
    );
    let answers: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (answer, words) in answers.iter().zip(["Now the gradient", "接下来是梯度"]) {
        let evidence = serde_json::json!([{ "start_us": 6_500_000, "end_us": 8_500_000, "text": words }]);
        assert_eq!(answer["evidence"], evidence);
    }
    assert_eq!(answers.len(), 2);

    let output = ask(folder.path(), &clip, &[question, "--json", "--no-subtitles"]);
    assert!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["evidence"].is_null());
    // A file beside the video wins.
    fs::write(folder.path().join("clip.srt"), "1\n00:00:01,000 --> 00:00:02,000\nA gradient\n").unwrap();
    let output = ask(folder.path(), &clip, &[question]);
    assert!(text(&output.stdout).starts_with("[0:01.0] A gradient\n"), "{}", text(&output.stdout));
    assert!(!text(&output.stderr).contains("inside the video"), "{}", text(&output.stderr));
}

#[test]
fn files_that_are_no_videos_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let whole = fs::read(sample()).unwrap();
    let sound = folder.path().join("sound.m4a");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "sine=duration=1"])
        .arg(&sound)
        .stdin(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let cases = [
        (make("text.mp4", b"just some words\n"), "is not a video that FFmpeg can read"),
        (make("empty.mp4", b""), "is not a video that FFmpeg can read"),
        (make("cut.mp4", &whole[..600]), "is not a video that FFmpeg can read"),
        (folder.path().join("gone.mp4"), "cannot read"),
        (sound, "has no video track"),
    ];
    for (path, expected) in cases {
        let output = ask(folder.path(), &path, &["when?"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{path:?}: {said}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_clip_cut_off_in_the_middle_is_answered_from_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("-half clip.mkv");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(sample())
        .args(["-c", "copy", "-f", "matroska"])
        .arg(folder.path().join("whole.mkv"))
        .stdin(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let whole = fs::read(folder.path().join("whole.mkv")).unwrap();
    fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    let output =
        timepin(folder.path()).args(["ask", "--json", "--", "-half clip.mkv", "What is shown?"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn wrong_calls_end_with_2_and_say_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| timepin(folder.path()).args(arguments).output().unwrap();
    for arguments in [&["ask", "clip.mp4"][..], &["play"], &["--colour", "red"], &["--threads", "many"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
    let long = "x".repeat(9000);
    let output = ask(folder.path(), &sample(), &[&long]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("9000 bytes"), "{}", text(&output.stderr));
    let output = ask(folder.path(), &sample(), &["when?", "--model", "/nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no model in /nowhere"), "{}", text(&output.stderr));
}

#[test]
fn the_settings_in_force_are_printed_with_their_origin() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.yaml"), "prefix_cache_videos: 3\n").unwrap();
    let output =
        timepin(folder.path()).args(["config", "--device", "cpu"]).env("TIMEPIN_THREADS", "2").output().unwrap();
    assert!(output.status.success());
    let printed = text(&output.stdout);
    let line = |name: &str| {
        printed.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(line("prefix_cache_videos"), ["prefix_cache_videos:", "3", "#", "config.yaml"]);
    assert_eq!(line("threads"), ["threads:", "2", "#", "TIMEPIN_THREADS"]);
    assert_eq!(line("device"), ["device:", "cpu", "#", "--device"]);
    assert_eq!(line("segment_cache"), ["segment_cache:", "8GiB", "#", "default"]);
}

#[test]
fn a_device_that_is_not_there_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = ask(folder.path(), &sample(), &["when?", "--device", "cuda:7"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cuda:7 cannot be used") && said.contains("set device to cpu"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn what_fits_is_told_without_a_model_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let fit = |arguments: &[&str]| timepin(folder.path()).arg("fit").args(arguments).output().unwrap();
    let output =
        fit(&["--model", "Qwen/Qwen3-VL-8B-Instruct", "--minutes", "60", "--gpu", "4090d", "--gpu", "H100", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no card `H100`") && text(&output.stderr).contains("H100 80GB"));
    let output = fit(&["--model", "8B", "--minutes", "60", "--gpu", "4090d", "--gpu", "h100-80gb", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["parameters"], 8_767_123_696_u64);
    let [small, large] = report["devices"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&large["precision"], &large["fits"]), (&Value::from("16bit"), &Value::from(true)));
    assert!(small["weights_bytes"].as_u64() < large["weights_bytes"].as_u64());
    let table = text(&fit(&["--model", "235B-A22B"]).stdout);
    assert!(table.contains("RTX 3090") && table.contains("too much") && table.contains("this machine"), "{table}");
    // A folder is read, GGUF without a config.json too; what is neither folder nor name says what there is.
    let gguf = repository().join("crates/qwen3-vl/tests/golden/gguf").canonicalize().unwrap();
    let table = text(&fit(&["--model", gguf.to_str().unwrap()]).stdout);
    assert!(table.contains(" parameters; weights in GiB") && table.contains("fits"), "{table}");
    let output = fit(&["--model", "7B"]);
    assert!(text(&output.stderr).contains("30B-A3B"), "{}", text(&output.stderr));
}

#[test]
fn a_request_is_inspected_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let request = repository().join("crates/engine/tests/inspect/request.json").canonicalize().unwrap();
    let output = timepin(folder.path())
        .args(["inspect", "--logits", "last", "--out", "found.safetensors", "--request"])
        .arg(&request)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("found.safetensors"));
    let bytes = fs::read(folder.path().join("found.safetensors")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    assert_eq!(header["__metadata__"]["format"], "timepin-inspect-1");
    // The bundled vocabulary, one row.
    assert_eq!(header["logits"]["shape"], serde_json::json!([1, 960]));
}

#[test]
fn help_and_version_read_well() {
    let folder = tempfile::tempdir().unwrap();
    let version = timepin(folder.path()).arg("--version").output().unwrap();
    assert_eq!(text(&version.stdout), format!("timepin {}\n", env!("CARGO_PKG_VERSION")));
    let help = text(&timepin(folder.path()).arg("--help").output().unwrap().stdout);
    for word in ["serve", "ask", "transcribe", "config", "bench", "fit", "inspect", "--address", "TIMEPIN_"] {
        assert!(help.contains(word), "{help}");
    }
}
