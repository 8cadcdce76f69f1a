//! The bundled checkpoint loads and answers, whatever stage of training it is in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use qwen3_vl::{Content, Error, LoadOptions, Message, Qwen3Vl, RgbFrame, Sampling, VideoItem, Wrapper};
use timeline::resize::Size;

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/timepin-tiny");
    folder.join("model.safetensors").exists().then_some(folder)
}

fn frame(width: u32, height: u32, seed: u32) -> RgbFrame {
    let data = (0..width * height * 3).map(|i| (i * (seed + 3) / 7) as u8).collect();
    RgbFrame::new(width, height, data).unwrap()
}

#[test]
fn the_bundled_checkpoint_answers_about_frames() {
    let Some(folder) = folder() else { return };
    let model = Qwen3Vl::load(&folder, LoadOptions::default()).unwrap();
    assert_eq!(model.fingerprint().len(), 64);
    let size = model.profile().resize.target(Size { width: 640, height: 360 }, 16).unwrap();
    let frames: Vec<_> =
        (0..8).map(|i| [frame(size.width, size.height, i), frame(size.width, size.height, i + 50)]).collect();
    let features = model.encode_segments(&frames).unwrap();
    let alone = model.encode_segments(&frames[3..4]).unwrap();
    let gap = (features[3].merged() - alone[0].merged())
        .unwrap()
        .abs()
        .unwrap()
        .max_all()
        .unwrap()
        .to_scalar::<f32>()
        .unwrap();
    assert!(gap < 1e-4, "a segment depends on its neighbours by {gap}");

    let video = features
        .into_iter()
        .enumerate()
        .map(|(i, f)| VideoItem::Segment { stamp: format!("{i}.2"), features: Arc::new(f) })
        .collect();
    let question = Content::Text("When does the red circle appear?".into());
    let prompt = model.prompt(&[Message::user(vec![Content::Video(video), question])], Wrapper::default()).unwrap();
    let (video, question) = prompt.split_after_video();
    let mut session = model.new_session();
    model.prefill(&mut session, &video, &|| false).unwrap();
    assert_eq!(session.segments(), 8);
    model.prefill(&mut session, &question, &|| false).unwrap();
    let pointing = model.profile().pointer.is_some() || model.profile().time_pointer.is_some();
    let answer = model
        .generate(&mut session, Sampling::default(), 24, |_, step| {
            if pointing {
                let weights = &step.pointer.as_ref().expect("a pointer for every token").weights;
                assert!(weights.len() == 8 && (weights.iter().sum::<f32>() - 1.0).abs() < 1e-3);
            }
            true
        })
        .unwrap();
    assert!(answer.len() <= 24);
    model.tokenizer().decode(&answer).unwrap();
}

#[test]
fn a_folder_without_a_model_says_which_file_is_missing() {
    let error = Qwen3Vl::load(Path::new("no/such/folder"), LoadOptions::default()).unwrap_err();
    assert!(matches!(&error, Error::Read { path, .. } if path.ends_with("config.json")), "{error}");
}
