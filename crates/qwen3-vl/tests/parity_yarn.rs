//! YaRN against Hugging Face transformers 4.57.6: the weights of `tied`, a native window of 64 positions, factor 3.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{golden, load_as, merged, numbers};
use qwen3_vl::LoadOptions;

#[test]
fn positions_behind_the_native_window_are_stretched_as_the_reference_does() {
    let folder = merged(&[&golden().join("tied"), &golden().join("yarn")]);
    let mut golden = load_as("yarn", folder.path(), LoadOptions::default());
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
