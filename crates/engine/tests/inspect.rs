//! What `timepin inspect` writes is what transformers computes for the same request.
//!
//! `inspect/reference.safetensors` was written by `training/compare.py --save` for the random-weight model `tied` of
//! `training/golden.py`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use candle_core::{DType, Device, Tensor};
use engine::{Scored, Settings, inspect};
use serde_json::{Value, json};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn model() -> Settings {
    Settings { model_dir: here("../qwen3-vl/tests/golden/tied"), device: "cpu".into(), ..Settings::default() }
}

fn read(path: &Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(path, &Device::Cpu).unwrap()
}

/// Inspects a request given as JSON, in a folder of its own.
fn run(request: &Value, scored: Scored) -> Result<HashMap<String, Tensor>, engine::Error> {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("request.json"), folder.path().join("out.safetensors"));
    std::fs::write(&file, request.to_string()).unwrap();
    inspect(&model(), &file, &out, scored)?;
    Ok(read(&out))
}

#[test]
fn every_tensor_is_the_references() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.safetensors");
    let told = inspect(&model(), &here("tests/inspect/request.json"), &out, Scored::All).unwrap();
    let (found, expected) = (read(&out), read(&here("tests/inspect/reference.safetensors")));
    assert_eq!((told.tokens, told.tensors), (found["input_ids"].elem_count(), found.len()));
    let names = |tensors: &HashMap<String, Tensor>| {
        let mut names: Vec<_> = tensors.keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&found), names(&expected));
    for (name, expected) in &expected {
        let found = &found[name];
        assert_eq!((found.dims(), found.dtype()), (expected.dims(), expected.dtype()), "{name}");
        let values = |t: &Tensor| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let (found, expected_values) = (values(found), values(expected));
        let largest = expected_values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let gap = found.iter().zip(&expected_values).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        let allowed = if expected.dtype() == DType::F32 { 1e-5 * largest } else { 0.0 };
        assert!(gap <= allowed, "{name}: off by {gap} of {largest}");
    }
}

#[test]
fn logits_of_the_last_token_alone_are_the_last_of_all() {
    let request: Value = serde_json::from_slice(&std::fs::read(here("tests/inspect/request.json")).unwrap()).unwrap();
    let (all, last) = (run(&request, Scored::All).unwrap(), run(&request, Scored::Last).unwrap());
    let rows = all["logits"].dim(0).unwrap();
    assert_eq!(last["logits"].dim(0).unwrap(), 1);
    let expected = all["logits"].get(rows - 1).unwrap().to_vec1::<f32>().unwrap();
    let found = last["logits"].get(0).unwrap().to_vec1::<f32>().unwrap();
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-3));
}

#[test]
fn a_frame_is_the_same_as_a_file_as_its_bytes_and_as_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let picture = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8 * 6, y as u8 * 8, (x * y) as u8]));
    let mut png = Vec::new();
    picture.write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    std::fs::write(folder.path().join("a.png"), &png).unwrap();
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let pictures = [
        json!({"path": folder.path().join("a.png")}),
        json!({"base64": encode(&png)}),
        json!({"rgb": encode(picture.as_raw()), "width": 40, "height": 30}),
    ];
    let pixels = pictures.map(|mut picture| {
        picture["pts_us"] = json!(1_500_000);
        let content = json!([{"type": "video", "frames": [picture]}, {"type": "text", "text": "What?"}]);
        let found = run(&json!({"messages": [{"role": "user", "content": content}]}), Scored::Last).unwrap();
        assert_eq!(found["stamps"].to_vec1::<u8>().unwrap(), b"1.5");
        assert_eq!(found["segment_pts_us"].to_vec2::<i64>().unwrap(), [[1_500_000, 1_500_000]]);
        found["pixel_values_videos"].flatten_all().unwrap().to_vec1::<f32>().unwrap()
    });
    assert!(pixels[0] == pixels[1] && pixels[1] == pixels[2]);
}

#[test]
fn requests_that_cannot_be_run_say_why() {
    let video =
        |frames: Value| json!({"messages": [{"role": "user", "content": [{"type": "video", "frames": frames}]}]});
    let frame = |pts: i64| json!({"pts_us": pts, "rgb": "AAAA", "width": 1, "height": 1});
    for (request, expected) in [
        (json!({"messages": 3}), "is no request"),
        (json!({"messages": [{"role": "user", "content": [{"type": "song"}]}]}), "song"),
        (video(json!([])), "no frames"),
        (video(json!([frame(5), frame(5)])), "do not ascend"),
        (video(json!([{"pts_us": 0, "path": "gone.png"}])), "gone.png"),
        (video(json!([{"pts_us": 0, "base64": "AAAA"}])), "not a picture"),
        (video(json!([{"pts_us": 0, "rgb": "AAAA", "width": 9, "height": 9}])), "needs 243 bytes"),
    ] {
        let said = run(&request, Scored::Last).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}
