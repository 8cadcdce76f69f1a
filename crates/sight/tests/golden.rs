//! Directions against Hugging Face transformers (`training/golden_sight.py`), and folders that are no CLIP model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use image::RgbImage;
use serde_json::Value;
use sight::{Encoder, Error, nearness};

const SIDE: u32 = 32;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn cases(of: &str) -> Vec<Value> {
    let all: Value = serde_json::from_slice(&std::fs::read(golden().join("directions.json")).unwrap()).unwrap();
    all[of].as_array().unwrap().clone()
}

fn check(case: &Value, direction: &[f32]) {
    let expected: Vec<f32> = case["direction"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
    let gap = expected.iter().zip(direction).fold(0.0_f32, |gap, (a, b)| gap.max((a - b).abs()));
    assert!(expected.len() == direction.len() && gap < 1e-4, "{}: off by {gap}", case["text"]);
    assert!((nearness(direction, direction) - 1.0).abs() < 1e-5);
}

#[test]
fn sentences_and_pictures_point_where_the_reference_points() {
    let encoder = Encoder::open(&golden(), 1).unwrap();
    for case in cases("sentences") {
        check(&case, &encoder.sentence(case["text"].as_str().unwrap()).unwrap());
    }
    let cases = cases("pictures");
    let picture = |case: &Value| {
        let bytes = case["bytes"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u8).collect();
        RgbImage::from_raw(SIDE, SIDE, bytes).unwrap()
    };
    let pictures: Vec<_> = cases.iter().map(picture).collect();
    let together = encoder.pictures(&pictures.iter().collect::<Vec<_>>()).unwrap();
    for (case, direction) in cases.iter().zip(&together) {
        check(case, direction);
    }
    assert!(encoder.pictures(&[]).unwrap().is_empty());
}

#[test]
fn a_picture_of_another_shape_is_seen_whole() {
    let encoder = Encoder::open(&golden(), 1).unwrap();
    let square = RgbImage::from_fn(SIDE, SIDE, |x, _| image::Rgb(if x < 4 { [250, 0, 0] } else { [0, 0, 90] }));
    let wide = image::imageops::resize(&square, SIDE * 4, SIDE, image::imageops::FilterType::Nearest);
    let plain = RgbImage::from_pixel(SIDE, SIDE, image::Rgb([0, 0, 90]));
    let found = encoder.pictures(&[&square, &wide, &plain]).unwrap();
    assert!(nearness(&found[0], &found[1]) > 0.99 && nearness(&found[0], &found[2]) < 0.99);
}

#[test]
fn a_folder_that_is_no_clip_model_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Encoder::open(folder.path(), 1).err().unwrap();
    assert!(matches!(open(), Error::Read { path, .. } if path.ends_with("config.json")));
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(golden().join(name), folder.path().join(name)).unwrap();
    }
    let config = std::fs::read_to_string(golden().join("config.json")).unwrap();
    let with = |from: &str, to: &str| {
        assert!(config.contains(from), "{from}");
        std::fs::write(folder.path().join("config.json"), config.replace(from, to)).unwrap();
    };
    with("\"num_attention_heads\": 4", "\"num_attention_heads\": 0");
    assert!(matches!(open(), Error::Config(_)));
    with("\"model_type\": \"clip\"", "\"model_type\": \"siglip\"");
    assert!(matches!(open(), Error::Config(message) if message.contains("siglip")));
    with("quick_gelu", "gelu");
    assert!(matches!(open(), Error::Config(message) if message.contains("quick_gelu")));
    with("\"hidden_size\": 32", "\"hidden_size\": 64");
    assert!(matches!(open(), Error::Model(_)));
    with("\"hidden_size\": 32", "\"hidden_size\": 32");
    let weights = std::fs::read(golden().join("model.safetensors")).unwrap();
    std::fs::write(folder.path().join("model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    assert!(matches!(open(), Error::Model(_)));
}
