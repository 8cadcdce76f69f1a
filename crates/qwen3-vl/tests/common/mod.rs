//! Golden files of the reference (`training/golden.py`): loaded, their pictures run through the vision tower, and the
//! comparisons that every model has to pass.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{Device, Tensor};
use qwen3_vl::{
    Content, LoadOptions, Message, Prompt, PromptPart, Qwen3Vl, RgbFrame, Sampling, SegmentFeatures, Session,
    VideoItem, Wrapper, patchify, resize_bicubic,
};
use serde_json::Value;
use timeline::Timestamp;

pub(crate) const TOLERANCE: f32 = 1e-4;

pub(crate) fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The picture both sides draw: see `picture` in `training/golden.py`.
pub(crate) fn picture(t: u32, height: u32, width: u32) -> RgbFrame {
    let value = |y: u32, x: u32, c: u32| ((x * 7 + y * 13 + t * 29 + c * 53) ^ ((x * y) >> 2)) as u8;
    let data = (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| value(y, x, c)))).collect();
    RgbFrame::new(width, height, data).unwrap()
}

pub(crate) fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

pub(crate) fn largest(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

/// A picture or a video of a case: segments of two frames at the size the model sees, and their stamps.
struct Media {
    segments: Vec<[RgbFrame; 2]>,
    stamps: Vec<String>,
}

fn media(item: &Value, grid: &Value) -> Media {
    let (height, width) = (item["height"].as_u64().unwrap() as u32, item["width"].as_u64().unwrap() as u32);
    let grid = numbers(grid);
    let mut frames: Vec<RgbFrame> = numbers(&item["frames"])
        .iter()
        .map(|&t| resize_bicubic(&picture(t, height, width), grid[2] * 16, grid[1] * 16))
        .collect();
    if frames.len() % 2 == 1 {
        frames.push(frames.last().unwrap().clone());
    }
    let segments = frames.chunks(2).map(|pair| [pair[0].clone(), pair[1].clone()]).collect();
    let mut times = Vec::new();
    if let (Some(fps), Some(_)) = (item["fps"].as_f64(), item["indices"].as_array()) {
        times = numbers(&item["indices"]).iter().map(|&i| Timestamp::from_seconds(f64::from(i) / fps)).collect();
        if times.len() % 2 == 1 {
            times.push(*times.last().unwrap());
        }
    }
    Media { segments, stamps: times.chunks(2).map(|pair| timeline::time::stamp(pair[0], pair[1])).collect() }
}

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) json: Value,
    pub(crate) messages: Vec<Message>,
}

pub(crate) struct Golden {
    pub(crate) model: Qwen3Vl,
    pub(crate) tensors: HashMap<String, Tensor>,
    pub(crate) cases: Vec<Case>,
    /// How far logits may be off.
    pub(crate) tolerance: f32,
}

/// Loads a golden model and runs its pictures through the tower, comparing pixels and features on the way.
pub(crate) fn load(name: &str) -> Golden {
    load_as(name, &golden().join(name), LoadOptions::default())
}

/// As [`load`], the model from another folder: `name` has what is expected of it.
pub(crate) fn load_as(name: &str, model: &Path, options: LoadOptions) -> Golden {
    let folder = golden().join(name);
    let model = Qwen3Vl::load(model, options).unwrap();
    let mut tensors = candle_core::safetensors::load(folder.join("cases.safetensors"), &Device::Cpu).unwrap();
    tensors.extend(candle_core::safetensors::load(golden().join("pixels.safetensors"), &Device::Cpu).unwrap());
    let json: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("cases.json")).unwrap()).unwrap();
    let mut cases = Vec::new();
    for (case, json) in json.as_object().unwrap() {
        let mut videos = encode(&model, &tensors, json, "video").into_iter();
        let mut images = encode(&model, &tensors, json, "image").into_iter();
        let messages = json["messages"].as_array().unwrap().iter().map(|m| {
            let content = m["content"].as_array().unwrap().iter().map(|c| match c["type"].as_str().unwrap() {
                "text" => Content::Text(c["text"].as_str().unwrap().into()),
                "image" => Content::Image(Arc::clone(&images.next().unwrap().1[0])),
                _ => {
                    let (stamps, features) = videos.next().unwrap();
                    let items = stamps.into_iter().zip(features);
                    Content::Video(items.map(|(stamp, features)| VideoItem::Segment { stamp, features }).collect())
                }
            });
            Message { role: m["role"].as_str().unwrap().into(), content: content.collect() }
        });
        let messages = messages.collect();
        cases.push(Case { name: format!("{name}: {case}"), json: json.clone(), messages });
    }
    Golden { model, tensors, cases, tolerance: TOLERANCE }
}

type Encoded = Vec<(Vec<String>, Vec<Arc<SegmentFeatures>>)>;

fn encode(model: &Qwen3Vl, tensors: &HashMap<String, Tensor>, case: &Value, kind: &str) -> Encoded {
    let key = format!("{}.{kind}", case["key"].as_str().unwrap());
    let items = case["messages"].as_array().unwrap().iter().flat_map(|m| m["content"].as_array().unwrap());
    let items: Vec<_> = items.filter(|c| c["type"] == kind).collect();
    let (mut patch, mut token) = (0, 0);
    let mut all = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let media = media(item, &case[format!("{kind}_grids")][i]);
        if kind == "video" {
            let expected: Vec<_> = case["stamps"][i].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
            assert_eq!(media.stamps, expected, "{key}: stamps");
        }
        let rows = patchify(&media.segments, 16, Default::default()).unwrap();
        let pixels = tensors[&format!("{key}.pixels")].narrow(0, patch, rows.len() / 1536).unwrap();
        for (found, expected) in rows.iter().zip(pixels.flatten_all().unwrap().to_vec1::<u8>().unwrap()) {
            assert!(
                (found * 127.5 + 127.5 - f32::from(expected)).abs() < 1.01,
                "{key}: a pixel is {found}, not {expected}"
            );
        }
        patch += rows.len() / 1536;
        // Features are compared on the reference's own pixels, so that a level of rounding does not count.
        let own: Vec<f32> = pixels
            .flatten_all()
            .unwrap()
            .to_vec1::<u8>()
            .unwrap()
            .iter()
            .map(|&p| (f32::from(p) - 127.5) / 127.5)
            .collect();
        let (frame, count) = (&media.segments[0][0], media.segments.len());
        let grid = (frame.height() as usize / 16, frame.width() as usize / 16);
        let features = model.encode_patches(&own, count, grid).unwrap();
        for feature in &features {
            let compare = |found: &Tensor, name: String| {
                // Models that are about the decoder have no features stored.
                let Some(expected) = tensors.get(&format!("{key}.{name}")) else { return };
                let expected = expected.narrow(0, token, feature.tokens()).unwrap();
                let gap = largest(found, &expected);
                assert!(gap < TOLERANCE, "{key}.{name}: off by {gap}");
            };
            compare(feature.merged(), "merged".into());
            feature.taps().iter().enumerate().for_each(|(i, tap)| compare(tap, format!("tap{i}")));
            token += feature.tokens();
        }
        all.push((media.stamps, features.into_iter().map(Arc::new).collect()));
    }
    all
}

/// A model folder with the files of several, later ones winning.
pub(crate) fn merged(folders: &[&Path]) -> tempfile::TempDir {
    let target = tempfile::tempdir().unwrap();
    for file in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(Result::unwrap) {
        std::fs::copy(file.path(), target.path().join(file.file_name())).unwrap();
    }
    target
}

pub(crate) fn prompt(golden: &Golden, case: &Case, wrapper: Wrapper) -> Prompt {
    golden.model.prompt(&case.messages, wrapper).unwrap()
}

impl Golden {
    /// Logits at the rows that were stored, the prompt read in passes of `chunk` tokens.
    pub(crate) fn logits_agree(&self, case: &Case, chunk: usize) {
        let expected = &self.tensors[&format!("{}.logits", case.json["key"].as_str().unwrap())];
        let rows = numbers(&case.json["logit_rows"]);
        let rows = Tensor::from_vec(rows.clone(), rows.len(), &Device::Cpu).unwrap();
        let mut session = self.model.new_session();
        let prompt = prompt(self, case, Wrapper::Replaced);
        let logits = self.model.prefill_scored(&mut session, prompt.parts(), chunk).unwrap();
        let gap = largest(&logits.index_select(&rows, 0).unwrap(), expected);
        // f32 sums in another order: the larger the scores, the further apart.
        let scale = expected.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let tolerance = self.tolerance.max(scale * 1e-5);
        assert!(gap < tolerance, "{}, chunks of {chunk}: off by {gap}", case.name);
        assert_eq!(session.rope_delta(), case.json["delta"].as_i64().unwrap());
        let last = self.model.step(&session).unwrap().logits;
        let last = Tensor::from_slice(last.values(), last.values().len(), &Device::Cpu).unwrap();
        assert!(largest(&last, &expected.get(expected.dim(0).unwrap() - 1).unwrap()) < tolerance);
    }

    /// The answer, always the likeliest token.
    pub(crate) fn greedy_agrees(&self, case: &Case) {
        let expected = numbers(&case.json["greedy"]);
        let mut session = self.model.new_session();
        self.model.prefill(&mut session, prompt(self, case, Wrapper::Replaced).parts(), &|| false).unwrap();
        let mut found = Vec::new();
        let mut step = self.model.step(&session).unwrap();
        for _ in 0..expected.len() {
            found.push(step.logits.argmax());
            step = self.model.decode_step(&mut session, *found.last().unwrap()).unwrap();
        }
        assert_eq!(found, expected, "{}", case.name);
    }

    /// A prompt cut anywhere and continued by forks answers as the whole one.
    pub(crate) fn forks_agree(&self, case: &Case) {
        let model = &self.model;
        let prompt = prompt(self, case, Wrapper::Replaced);
        let answer = |mut session: Session, parts: &[PromptPart]| {
            model.prefill(&mut session, parts, &|| false).unwrap();
            let first = model.step(&session).unwrap().logits;
            (model.generate(&mut session, Sampling::default(), 8, |_, _| true).unwrap(), first)
        };
        let (whole, logits) = answer(model.new_session(), prompt.parts());
        let half = prompt.tokens() / 2;
        for (head, tail) in [prompt.split_after_video(), prompt.split_at(half), prompt.split_at(0)] {
            assert_eq!(head.iter().chain(&tail).map(PromptPart::tokens).sum::<usize>(), prompt.tokens());
            if tail.is_empty() {
                continue;
            }
            let mut prefix = model.new_session();
            model.prefill(&mut prefix, &head, &|| false).unwrap();
            let (length, bytes) = (prefix.len(), prefix.bytes());
            for _ in 0..2 {
                let (found, first) = answer(prefix.fork().unwrap(), &tail);
                assert_eq!(found, whole, "{}", case.name);
                let gap = first.values().iter().zip(logits.values()).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
                assert!(gap < self.tolerance, "{}: off by {gap}", case.name);
            }
            // The forks left the prefix alone, and it can go on by itself.
            assert_eq!((prefix.len(), prefix.bytes()), (length, bytes));
            assert_eq!(answer(prefix, &tail).0, whole);
        }
    }
}
