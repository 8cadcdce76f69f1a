//! Published weights, as a person gets them: pulled from a hub of our own, listed, loaded, asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;
#[path = "../../crates/hub/tests/hub_server/mod.rs"]
mod hub_server;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{eventually, repository, timepin};
use hub_server::{Accident, HubServer};
use serde_json::Value;

const WEIGHTS: &str = "model.safetensors";

/// A hub that has the bundled checkpoint under another name.
fn hub_with_a_model() -> HubServer {
    let folder = repository().join("models/timepin-tiny");
    let names = [
        "config.json",
        "generation_config.json",
        "preprocessor_config.json",
        "video_preprocessor_config.json",
        "timepin.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "time_pointer.safetensors",
        WEIGHTS,
    ];
    HubServer::start(&names.map(|name| (name, fs::read(folder.join(name)).unwrap())))
}

/// The binary, speaking to that hub and to nobody else.
fn with_hub(folder: &Path, hub: &HubServer) -> Command {
    let mut command = timepin(folder);
    command.env("HF_ENDPOINT", &hub.endpoint).env("HF_HOME", folder).env_remove("HF_TOKEN").env_remove("HF_TOKEN_PATH");
    command
}

fn run(command: &mut Command, arguments: &[&str]) -> Output {
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn listed(folder: &Path) -> Vec<Value> {
    let output = run(&mut timepin(folder), &["models", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_model_is_pulled_listed_and_answers() {
    let (hub, folder) = (hub_with_a_model(), tempfile::tempdir().unwrap());
    hub.next(WEIGHTS, [Accident::Cut(2_000_000)]);
    let output = run(&mut with_hub(folder.path(), &hub), &["pull", "owner/name", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["model"], "owner/name");
    assert_eq!(hub.asked(WEIGHTS)[1].from, Some(2_000_000));

    let models = listed(folder.path());
    let names: Vec<&str> = models.iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bundled", "owner/name"]);
    assert_eq!(models[1]["state"], "complete");
    assert_eq!(models[1]["precision"], "F16");
    assert_eq!(models[1]["bytes"], report["bytes"]);
    assert_eq!(models[0]["parameters"], models[1]["parameters"]);
    // A bundled model and a minute of video fit every machine that runs this test.
    assert_eq!(models[1]["fit"]["fits"], true, "{}", models[1]);
    let table = text(&run(&mut timepin(folder.path()), &["models", "--minutes", "1"]).stdout);
    let line = table.lines().nth(2).unwrap();
    assert!(line.starts_with("owner/name  3.3 M") && line.ends_with("complete  yes"), "{table}");
    assert!(table.lines().next().unwrap().ends_with("FITS 1 MIN"), "{table}");

    let clip = repository().join("end2end/fixtures/world-b.mp4").canonicalize().unwrap();
    let mut ask = timepin(folder.path());
    let output = run(ask.arg("ask").arg(clip), &["What is shown at 00:05?", "--json", "--model", "owner/name"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["usage"]["answer_tokens"].as_u64() > Some(0), "{answer}");
}

#[test]
fn stopped_by_hand_it_keeps_what_came_and_the_same_command_goes_on() {
    let (hub, folder) = (hub_with_a_model(), tempfile::tempdir().unwrap());
    hub.next(WEIGHTS, [Accident::Slow(20_000)]);
    let mut child = with_hub(folder.path(), &hub)
        .args(["pull", "owner/name"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let partial = folder.path().join("data/models/owner/name").join(format!("{WEIGHTS}.partial"));
    let length = || fs::metadata(&partial).map_or(0, |about| about.len());
    eventually(|| length() > 1_000_000);
    assert!(Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
    let status = child.wait().unwrap();
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("what was loaded is kept"), "{said}");
    let kept = length();

    let partial_model = &listed(folder.path())[1];
    assert_eq!(partial_model["state"], "partial");
    assert!(
        partial_model["bytes"].as_u64() >= Some(kept)
            && partial_model["bytes"].as_u64() < partial_model["total"].as_u64()
    );
    let table = text(&run(&mut timepin(folder.path()), &["models"]).stdout);
    assert!(table.contains("go on with: timepin pull owner/name"), "{table}");
    // A part of a model is not loaded.
    let output = run(&mut timepin(folder.path()), &["serve", "--model", "owner/name"]);
    assert!(text(&output.stderr).contains("is here in part only; complete it with: timepin pull owner/name"));

    let output = run(&mut with_hub(folder.path(), &hub), &["pull", "owner/name"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("timepin serve --model owner/name"));
    assert_eq!(hub.asked(WEIGHTS)[1].from, Some(kept as usize));
    assert_eq!(listed(folder.path())[1]["state"], "complete");
}

#[test]
fn what_cannot_be_pulled_or_found_is_told_in_one_sentence() {
    let (hub, folder) = (hub_with_a_model(), tempfile::tempdir().unwrap());
    let cases: [(&[&str], &str); 4] = [
        (&["pull", "Qwen3-VL"], "write it as owner/name"),
        (&["pull", "owner/name", "--revision", "../x"], "no branch, tag or commit"),
        (&["pull", "owner/name", "--file", "Q4"], "no safetensors and no GGUF"),
        (&["serve", "--model", "Qwen/Qwen3-VL-2B-Instruct"], "timepin pull Qwen/Qwen3-VL-2B-Instruct"),
    ];
    for (arguments, told) in cases {
        let output = run(&mut with_hub(folder.path(), &hub), arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(told) && said.lines().count() == 1, "{arguments:?}: {said}");
    }
    let mut elsewhere = with_hub(folder.path(), &hub);
    let output = run(elsewhere.env("HF_ENDPOINT", "not an address"), &["pull", "owner/name"]);
    assert!(text(&output.stderr).contains("HF_ENDPOINT is `not an address`"));
}
