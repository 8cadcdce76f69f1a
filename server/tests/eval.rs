//! `timepin eval`, as a person uses it: published formats in, scores out, and the bundled model asked about its own world.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use common::{repository, timepin};
use serde_json::{Value, json};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    timepin(folder).arg("eval").args(arguments).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn official_predictions_are_scored_without_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let golden = repository().join("crates/eval/tests/golden").canonicalize().unwrap();
    let file = |name: &str| golden.join(name).to_str().unwrap().to_owned();
    let (annotations, predictions) = (file("qvhighlights.jsonl"), file("qvhighlights.predictions.jsonl"));
    let output = run(folder.path(), &["qvhighlights", &annotations, "--predictions", &predictions]);
    assert!(output.status.success(), "{}", said(&output));
    let expected: Value = serde_json::from_str(&fs::read_to_string(file("qvhighlights.scores.json")).unwrap()).unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let row = table.lines().find(|line| line.starts_with("MR-full-mAP ")).unwrap();
    assert!(row.ends_with(&format!("{} %", expected["MR-full-mAP"].as_str().unwrap())), "{row}");
    let wrong = run(folder.path(), &["vue-tr", &annotations, "--predictions", &predictions]);
    assert!(!wrong.status.success() && said(&wrong).contains("vue-tr has a list of"), "{}", said(&wrong));
}

#[test]
fn the_model_is_asked_about_videos_and_a_cut_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = repository().join("end2end/fixtures").canonicalize().unwrap();
    let truth: Value = serde_json::from_str(&fs::read_to_string(fixtures.join("world-b.json")).unwrap()).unwrap();
    let asked = truth["questions"].as_array().unwrap().iter().filter(|q| q["kind"] == "when" && q["lang"] == "en");
    let micros = |seconds: &Value| (seconds.as_f64().unwrap() * 1e6) as i64;
    let queries: Vec<_> = asked
        .enumerate()
        .map(|(id, q)| {
            let span = [micros(&q["span"][0]), micros(&q["span"][1])];
            json!({"id": id, "video": "world-b", "query": q["question"], "spans_us": [span]})
        })
        .collect();
    fs::write(folder.path().join("world.json"), json!(queries).to_string()).unwrap();
    let videos = fixtures.to_str().unwrap();
    let base = ["plain", "world.json", "--predictions", "found.jsonl", "--parser", "lenient"];
    let ask = [&base[..], &["--videos", videos, "--prompt", "{}", "--json"]].concat();
    let first = run(folder.path(), &[&ask[..], &["--limit", "2"]].concat());
    assert!(first.status.success(), "{}", said(&first));
    // As `kill` leaves it: the second answer is half written.
    let lines = fs::read_to_string(folder.path().join("found.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 2);
    fs::write(folder.path().join("found.jsonl"), &lines[..lines.len() - 9]).unwrap();
    let rest = run(folder.path(), &ask);
    assert!(
        rest.status.success() && said(&rest).contains(&format!("world-b: {} queries", queries.len() - 1)),
        "{}",
        said(&rest)
    );
    assert!(fs::read_to_string(folder.path().join("found.jsonl")).unwrap().starts_with(lines.lines().next().unwrap()));
    let report: Value = serde_json::from_slice(&rest.stdout).unwrap();
    assert_eq!((&report["queries"], &report["missing"]), (&json!(queries.len()), &json!(0)));
    let hit = report["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == "start within 1 s").unwrap();
    assert!(hit["value"].as_f64().unwrap() >= 66.0, "{report}");

    // A file of another form is refused, and stays as it is; a film that is none is left out.
    fs::write(folder.path().join("list.json"), r#"[{"id": 0, "answer": "no"}]"#).unwrap();
    let other = run(folder.path(), &["plain", "world.json", "--predictions", "list.json", "--videos", videos]);
    assert!(!other.status.success() && said(&other).contains("name another file"), "{}", said(&other));
    assert_eq!(fs::read_to_string(folder.path().join("list.json")).unwrap(), r#"[{"id": 0, "answer": "no"}]"#);
    fs::create_dir(folder.path().join("films")).unwrap();
    fs::write(folder.path().join("films/world-b.mp4"), "no film").unwrap();
    let broken = run(folder.path(), &["plain", "world.json", "--predictions", "broken.jsonl", "--videos", "films"]);
    assert!(said(&broken).contains("is left out"), "{}", said(&broken));

    fs::create_dir(folder.path().join("empty")).unwrap();
    let nowhere = run(folder.path(), &["plain", "world.json", "--predictions", "new.jsonl", "--videos", "empty"]);
    assert!(!nowhere.status.success() && said(&nowhere).contains("world-b"), "{}", said(&nowhere));
}
