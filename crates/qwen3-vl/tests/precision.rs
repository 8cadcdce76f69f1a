//! A model with random weights kept in every precision: how far logits move, what memory is taken, what is shared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use common::{golden, merged};
use qwen3_vl::{CachePrecision, LoadOptions, Precision, PromptPart, Qwen3Vl};
use serde_json::json;
use tempfile::TempDir;

/// Image pad, video pad, vision start, vision end in the golden models' tokenizer.
const IDS: [u32; 4] = [326, 327, 323, 324];
const LAYERS: usize = 2;
const VOCABULARY: usize = 512;
const HIDDEN: usize = 256;
/// Not a multiple of 256: `down_proj` falls back to blocks of 32.
const MLP: usize = 352;

/// A model folder with tied embeddings, its weights stored as `dtype`.
fn model(dtype: DType) -> TempDir {
    let folder = merged(&[&golden().join("tied")]);
    let mut tensors = HashMap::new();
    // A seeded generator of its own: candle has none for the CPU. Sums of bytes are near enough to normal.
    let mut state = 7_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut add = |name: String, shape: &[usize], mean: f32, spread: f32| {
        let values = (0..shape.iter().product()).map(|_| mean + spread * 2.0 * (0..3).map(|_| uniform()).sum::<f32>());
        let tensor = Tensor::from_vec(values.collect::<Vec<_>>(), shape, &Device::Cpu).unwrap();
        tensors.insert(name, tensor.to_dtype(dtype).unwrap());
    };
    let text = "model.language_model.";
    add(format!("{text}embed_tokens.weight"), &[VOCABULARY, HIDDEN], 0.0, 0.3);
    add(format!("{text}norm.weight"), &[HIDDEN], 1.0, 0.1);
    for i in 0..LAYERS {
        let layer = format!("{text}layers.{i}.");
        for (name, rows, columns) in [
            ("self_attn.q_proj", 256, HIDDEN),
            ("self_attn.k_proj", 128, HIDDEN),
            ("self_attn.v_proj", 128, HIDDEN),
            ("self_attn.o_proj", HIDDEN, 256),
            ("mlp.gate_proj", MLP, HIDDEN),
            ("mlp.up_proj", MLP, HIDDEN),
            ("mlp.down_proj", HIDDEN, MLP),
        ] {
            add(format!("{layer}{name}.weight"), &[rows, columns], 0.0, 1.2 / (columns as f32).sqrt());
        }
        for (name, width) in [
            ("input_layernorm", HIDDEN),
            ("post_attention_layernorm", HIDDEN),
            ("self_attn.q_norm", 64),
            ("self_attn.k_norm", 64),
        ] {
            add(format!("{layer}{name}.weight"), &[width], 1.0, 0.1);
        }
    }
    let mut linear = |name: &str, shape: &[usize]| {
        add(format!("model.visual.{name}.weight"), shape, 0.0, 0.1);
        add(format!("model.visual.{name}.bias"), &shape[..1], 0.0, 0.1);
    };
    linear("patch_embed.proj", &[32, 3, 2, 16, 16]);
    for (name, shape) in
        [("attn.qkv", [96, 32]), ("attn.proj", [32, 32]), ("mlp.linear_fc1", [64, 32]), ("mlp.linear_fc2", [32, 64])]
    {
        linear(&format!("blocks.0.{name}"), &shape);
    }
    for name in ["blocks.0.norm1", "blocks.0.norm2", "merger.norm"] {
        linear(name, &[32]);
    }
    linear("deepstack_merger_list.0.norm", &[128]);
    for merger in ["merger", "deepstack_merger_list.0"] {
        linear(&format!("{merger}.linear_fc1"), &[128, 128]);
        linear(&format!("{merger}.linear_fc2"), &[HIDDEN, 128]);
    }
    add("model.visual.pos_embed.weight".into(), &[36, 32], 0.0, 0.3);
    candle_core::safetensors::save(&tensors, folder.path().join("model.safetensors")).unwrap();
    let config = json!({
        "model_type": "qwen3_vl",
        // Those of the golden model, whose tokenizer this borrows.
        "image_token_id": IDS[0], "video_token_id": IDS[1], "vision_start_token_id": IDS[2], "vision_end_token_id": IDS[3],
        "text_config": {
            "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "intermediate_size": MLP, "num_hidden_layers": LAYERS,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "tie_word_embeddings": true,
            "rope_scaling": { "rope_type": "default", "mrope_section": [12, 10, 10] },
        },
        "vision_config": {
            "depth": 1, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": HIDDEN,
            "num_position_embeddings": 36, "deepstack_visual_indexes": [0],
        },
    });
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    folder
}

fn load(folder: &TempDir, precision: Precision) -> Qwen3Vl {
    // Keys and values in f32: what differs are the weights.
    let options = LoadOptions { precision, cache: CachePrecision::Full, ..LoadOptions::default() };
    Qwen3Vl::load(folder.path(), options).unwrap()
}

fn logits(model: &Qwen3Vl) -> Tensor {
    let ids = (0..96).map(|i| i * 37 % VOCABULARY as u32).filter(|id| !IDS.contains(id)).collect();
    model.prefill_scored(&mut model.new_session(), &[PromptPart::Tokens(ids)], 4096).unwrap()
}

/// Whether this processor multiplies weights of 16 bits with activations rounded to 16.
fn rounds_products() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Of the difference, relative to `exact`.
fn gap(exact: &Tensor, found: &Tensor) -> f32 {
    let norm = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
    norm(&(exact - found).unwrap()) / norm(exact)
}

#[test]
fn fewer_bits_move_the_logits_more_and_take_less_memory() {
    let folder = model(DType::BF16);
    let exact = load(&folder, Precision::F32);
    let expected = logits(&exact);
    let rounds = rounds_products();
    // Random weights amplify: a rounding of 1 % moves these logits by about 4 %.
    let (mut last_gap, mut last_bytes) = (0.0, exact.footprint().bytes());
    for (precision, bound) in [
        (Precision::Stored16, if rounds { 0.03 } else { 1e-5 }),
        (Precision::Q8_0, 0.045),
        (Precision::Q6K, 0.11),
        (Precision::Q5K, 0.2),
        (Precision::Q4K, 0.38),
    ] {
        let model = load(&folder, precision);
        let (gap, bytes) = (gap(&expected, &logits(&model)), model.footprint().bytes());
        assert!(gap < bound && gap >= last_gap, "{precision}: {gap} after {last_gap}");
        assert!(bytes < last_bytes, "{precision}: {bytes} after {last_bytes}");
        assert_eq!(model.fingerprint() == exact.fingerprint(), !rounds, "features are those of bf16 weights, exactly");
        (last_gap, last_bytes) = (gap, bytes);
    }
}

#[test]
fn blocks_are_for_the_decoder_and_a_tied_projection_shares_the_table() {
    let folder = model(DType::BF16);
    let q4 = load(&folder, Precision::Q4K);
    let (decoder, vision) = (q4.footprint().decoder(), q4.footprint().vision());
    let blocks = VOCABULARY * HIDDEN + LAYERS * (256 + 2 * 128 + 256 + 2 * MLP) * HIDDEN;
    assert_eq!(decoder["Q4K"], (blocks / 256 * 144) as u64, "the table counts once");
    assert_eq!(decoder["Q8_0"], (LAYERS * HIDDEN * MLP / 32 * 34) as u64, "rows of {MLP} are no multiple of 256");
    assert_eq!(decoder["F32"], ((LAYERS * (2 * HIDDEN + 2 * 64) + HIDDEN) * 4) as u64, "norms");
    assert_eq!(vision.keys().collect::<Vec<_>>(), ["BF16", "F32"]);
}

#[test]
fn a_tower_that_is_rounded_has_features_of_its_own() {
    let folder = model(DType::F32);
    let [auto, f32, sixteen, q4] =
        [Precision::Auto, Precision::F32, Precision::Stored16, Precision::Q4K].map(|p| load(&folder, p));
    assert_eq!(auto.fingerprint(), f32.fingerprint());
    assert_ne!(auto.fingerprint(), sixteen.fingerprint());
    assert_eq!(sixteen.fingerprint(), q4.fingerprint(), "the decoder's precision changes no feature");
    assert_eq!(auto.footprint(), f32.footprint(), "a small model computes in f32");
}
