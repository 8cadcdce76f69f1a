//! Directions against Hugging Face transformers (`training/golden_meaning.py`), and folders that are no encoder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use meaning::{Encoder, Error, nearness};
use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn sentences_point_where_the_reference_points_whatever_stands_beside_them() {
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(golden().join("sentences.json")).unwrap()).unwrap();
    let encoder = Encoder::open(&golden()).unwrap();
    let texts: Vec<&str> = cases.iter().map(|case| case["text"].as_str().unwrap()).collect();
    let together = encoder.encode(&texts).unwrap();
    for (case, direction) in cases.iter().zip(&together) {
        let expected: Vec<f32> =
            case["direction"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        let gap = expected.iter().zip(direction).fold(0.0_f32, |gap, (a, b)| gap.max((a - b).abs()));
        assert!(gap < 1e-4, "{}: off by {gap}", case["text"]);
        assert!((nearness(direction, direction) - 1.0).abs() < 1e-5);
        let alone = encoder.encode(&[case["text"].as_str().unwrap()]).unwrap().remove(0);
        assert!(nearness(&alone, direction) > 0.9999);
    }
    assert!(encoder.encode(&[]).unwrap().is_empty());
}

#[test]
fn a_folder_that_is_no_encoder_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Encoder::open(folder.path()).err().unwrap();
    assert!(matches!(open(), Error::Read { path, .. } if path.ends_with("config.json")));
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(golden().join(name), folder.path().join(name)).unwrap();
    }
    let config = std::fs::read_to_string(golden().join("config.json")).unwrap();
    let with =
        |from: &str, to: &str| std::fs::write(folder.path().join("config.json"), config.replace(from, to)).unwrap();
    with("\"num_attention_heads\": 4", "\"num_attention_heads\": 0");
    assert!(matches!(open(), Error::Config(_)));
    with("\"hidden_size\": 32", "\"hidden_size\": 64");
    assert!(matches!(open(), Error::Model(_)));
    with("", "");
    let weights = std::fs::read(golden().join("model.safetensors")).unwrap();
    std::fs::write(folder.path().join("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    assert!(matches!(open(), Error::Model(_)));
}
