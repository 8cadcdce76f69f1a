//! The bundled trained time pointer in use: named in `timepin.json`, it points at segments whose times were said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use qwen3_vl::{Content, HeadFile, LoadOptions, Look, Message, Profile, Qwen3Vl, RgbFrame, VideoItem, Wrapper};
use timeline::Timestamp;

/// The bundled model with its trained head named in front.
fn model(layer: usize) -> qwen3_vl::Result<Qwen3Vl> {
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/timepin-tiny");
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&bundled).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let named = HeadFile { file: "time_pointer.safetensors".into(), layer };
    let profile = Profile { time_pointer: Some(named), ..Profile::read(&bundled).unwrap() };
    fs::write(folder.path().join("timepin.json"), serde_json::to_string(&profile).unwrap()).unwrap();
    Qwen3Vl::load(folder.path(), LoadOptions::default())
}

fn frame(seed: u32) -> RgbFrame {
    let data = (0..96 * 64 * 3).map(|i: u32| (i * (seed + 3) / 7) as u8).collect();
    RgbFrame::new(96, 64, data).unwrap()
}

/// Where some tokens look that continue a question about six segments, a second apart from `begin` on.
fn looks(model: &Qwen3Vl, begin: Option<f64>) -> Vec<Look> {
    let frames: Vec<_> = (0..6).map(|i| [frame(i), frame(i + 50)]).collect();
    let items = model.encode_segments(&frames).unwrap().into_iter().enumerate().map(|(i, features)| {
        let features = match begin {
            Some(begin) => features.shown_at(Timestamp::from_seconds(begin + i as f64)),
            None => features,
        };
        VideoItem::Segment { stamp: format!("{i}.2"), features: Arc::new(features) }
    });
    let content = vec![Content::Video(items.collect()), Content::Text("When does the red circle appear?".into())];
    let prompt = model.prompt(&[Message::user(content)], Wrapper::default()).unwrap();
    let (video, question) = prompt.split_after_video();
    let mut prefix = model.new_session();
    model.prefill(&mut prefix, &video, &|| false).unwrap();
    let mut session = prefix.fork().unwrap();
    model.prefill(&mut session, &question, &|| false).unwrap();
    let mut step = model.step(&session).unwrap();
    let mut read = || {
        step = model.decode_step(&mut session, step.logits.argmax()).unwrap();
        step.pointer.clone().expect("a look for every token")
    };
    (0..6).map(|_| read()).collect()
}

#[test]
fn every_token_looks_at_segments_and_says_what_was_proposed() {
    let model = model(2).unwrap();
    for begin in [0.25, 7_200.25] {
        for look in looks(&model, Some(begin)) {
            assert!(look.weights.len() == 6 && (look.weights.iter().sum::<f32>() - 1.0).abs() < 1e-3, "{look:?}");
            let proposed = look.proposed.expect("a proposal").seconds();
            assert!((begin - 1e-3..=begin + 5.001).contains(&proposed), "{proposed}");
        }
    }
}

#[test]
fn where_no_times_were_said_the_attention_head_answers() {
    for look in looks(&model(2).unwrap(), None) {
        assert!(look.proposed.is_none() && look.weights.len() == 6, "{look:?}");
    }
}

#[test]
fn a_layer_the_model_lacks_is_refused() {
    let error = model(5).unwrap_err();
    assert!(error.to_string().contains("layer 5"), "{error}");
}
