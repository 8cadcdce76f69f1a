//! YaRN against Hugging Face transformers 4.57.6: the weights of `tied`, a native window of 64 positions, factor 3.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{golden, load_as, merged, numbers};
use qwen3_vl::{Error, LoadOptions, PromptPart, Window, Wrapper};
use serde_json::Value;
use tempfile::TempDir;

/// The golden model with another `max_position_embeddings`.
fn with_window(positions: u32) -> TempDir {
    let folder = merged(&[&golden().join("tied"), &golden().join("yarn")]);
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["text_config"]["max_position_embeddings"] = positions.into();
    std::fs::write(path, config.to_string()).unwrap();
    folder
}

/// What the recipe of Qwen3-VL writes: 1,000,000 positions beside a factor of 3 and 262,144 native ones, which is 3.8 times.
/// transformers 4.57 takes that ratio for the factor; the models were stretched by the factor.
#[test]
fn the_factor_stretches_and_not_the_ratio_of_the_windows() {
    let mut golden = load_as("yarn", with_window(244).path(), LoadOptions::default());
    golden.tolerance = 3e-4;
    golden.cases.iter().for_each(|case| golden.logits_agree(case, 4096));
}

/// A segment of many tokens takes few positions: only these count.
#[test]
fn a_prompt_fits_the_window_by_its_positions_and_not_by_its_tokens() {
    let yarn = load_as("yarn", with_window(192).path(), LoadOptions::default());
    let case = yarn.cases.iter().max_by_key(|case| numbers(&case.json["input_ids"]).len()).unwrap();
    let tokens = numbers(&case.json["input_ids"]).len() as u32;
    let furthest = case.json["positions"].as_array().unwrap().iter().flat_map(numbers).max().unwrap();
    assert!(furthest + 1 < tokens);
    let read = |window| {
        let golden = load_as("yarn", with_window(window).path(), LoadOptions::default());
        let case = golden.cases.iter().find(|other| other.name == case.name).unwrap();
        let prompt = common::prompt(&golden, case, Wrapper::Replaced);
        golden.model.prefill(&mut golden.model.new_session(), prompt.parts(), &|| false)
    };
    assert!(read(furthest + 1).is_ok());
    let refused = read(furthest).unwrap_err();
    assert!(
        matches!(refused, Error::TooLong { needed, limit } if (needed, limit) == (furthest as usize + 1, furthest as usize)),
        "{refused}"
    );
}

/// The weights without a word of YaRN in their configuration, and a session that was begun in the extended window.
#[test]
fn an_extended_session_of_a_plain_checkpoint_is_the_stretched_model() {
    let folder = merged(&[&golden().join("tied"), &golden().join("yarn")]);
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["text_config"]["max_position_embeddings"] = 64.into();
    config["text_config"]["rope_scaling"]["rope_type"] = "default".into();
    std::fs::write(path, config.to_string()).unwrap();
    let golden = load_as("yarn", folder.path(), LoadOptions::default());
    let text = &golden.model.config().text_config;
    assert_eq!([Window::Native, Window::Extended].map(|window| text.positions(window)), [64, 192]);
    for case in &golden.cases {
        let prompt = common::prompt(&golden, case, Wrapper::Replaced);
        let mut session = golden.model.session(Window::Extended);
        golden.model.prefill(&mut session, prompt.parts(), &|| false).unwrap();
        let mut step = golden.model.step(&session).unwrap();
        for expected in numbers(&case.json["greedy"]) {
            assert_eq!(step.logits.argmax(), expected, "{}", case.name);
            // Another session in the same pass, of the native window, turns its own way and disturbs nobody.
            let mut other = golden.model.new_session();
            golden.model.prefill(&mut other, &[PromptPart::Tokens(vec![1, 2])], &|| false).unwrap();
            let mut steps = golden.model.decode_batch(&mut [(&mut other, 3), (&mut session, expected)]).unwrap();
            step = steps.pop().unwrap().unwrap();
        }
        let native = golden.model.prefill(&mut golden.model.new_session(), prompt.parts(), &|| false);
        let furthest = case.json["positions"].as_array().unwrap().iter().flat_map(numbers).max().unwrap();
        assert_eq!(native.is_err(), furthest >= 64, "{}", case.name);
    }
}

#[test]
fn positions_behind_the_native_window_are_stretched_as_the_reference_does() {
    let mut golden = load_as("yarn", with_window(192).path(), LoadOptions::default());
    // Scores are a fifth larger than without YaRN; the reference in f32 is 1e-4 off itself in f64.
    golden.tolerance = 3e-4;
    let rope = golden.model.config().text_config.rope_scaling.clone().unwrap();
    let window = rope.original_max_position_embeddings.unwrap() as u32;
    let furthest = golden
        .cases
        .iter()
        .map(|case| case.json["positions"].as_array().unwrap().iter().flat_map(numbers).max().unwrap());
    assert!(furthest.max().unwrap() > window, "no case leaves the native window");
    for case in &golden.cases {
        [4096, 7].into_iter().for_each(|chunk| golden.logits_agree(case, chunk));
        golden.greedy_agrees(case);
        golden.forks_agree(case);
    }
}
