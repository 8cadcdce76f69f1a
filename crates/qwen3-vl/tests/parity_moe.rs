//! Mixtures of experts against Hugging Face transformers 4.57.6, in every form experts are stored in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use common::{golden, load, load_as, merged};
use qwen3_vl::LoadOptions;

#[test]
fn a_mixture_answers_as_the_reference_however_the_prompt_is_cut() {
    let golden = load("moe");
    assert_eq!(golden.cases.len(), 2);
    for case in &golden.cases {
        // Passes that end inside segments, whose taps are then added in parts.
        [4096, 7, 1].into_iter().for_each(|chunk| golden.logits_agree(case, chunk));
        golden.greedy_agrees(case);
        golden.forks_agree(case);
    }
}

/// Rewrites the expert tensors of the golden model: fused, inputs first.
fn rewritten(rewrite: impl Fn(&str, &Tensor) -> Vec<(String, Tensor)>) -> tempfile::TempDir {
    let source = golden().join("moe");
    let tensors = candle_core::safetensors::load(source.join("model.safetensors"), &Device::Cpu).unwrap();
    let (mut changed, mut all) = (0, HashMap::new());
    for (name, tensor) in tensors {
        let new =
            if name.contains(".experts.") { rewrite(&name, &tensor) } else { vec![(name.clone(), tensor.clone())] };
        changed += usize::from(!new.iter().any(|(n, t)| *n == name && t.dims() == tensor.dims()));
        all.extend(new);
    }
    assert_eq!(changed, 6, "two tensors of each of three mixtures");
    let folder = merged(&[&source]);
    candle_core::safetensors::save(&all, folder.path().join("model.safetensors")).unwrap();
    folder
}

fn answers_as_the_reference(folder: &tempfile::TempDir) {
    let golden = load_as("moe", folder.path(), LoadOptions::default());
    for case in &golden.cases {
        golden.logits_agree(case, 4096);
    }
}

#[test]
fn fused_experts_with_outputs_first_are_seen_by_their_shape() {
    answers_as_the_reference(&rewritten(|name, fused| {
        vec![(name.to_owned(), fused.transpose(1, 2).unwrap().contiguous().unwrap())]
    }));
}

#[test]
fn experts_stored_one_by_one_are_the_same_experts() {
    answers_as_the_reference(&rewritten(|name, fused| {
        let (prefix, part) = name.rsplit_once('.').unwrap();
        let mut parts = Vec::new();
        for expert in 0..fused.dim(0).unwrap() {
            let matrix = fused.get(expert).unwrap().t().unwrap();
            let halves: Vec<_> = match part {
                "gate_up_proj" => ["gate_proj", "up_proj"].into_iter().zip(matrix.chunk(2, 0).unwrap()).collect(),
                _ => vec![("down_proj", matrix)],
            };
            for (part, half) in halves {
                parts.push((format!("{prefix}.{expert}.{part}.weight"), half.contiguous().unwrap()));
            }
        }
        parts
    }));
}
