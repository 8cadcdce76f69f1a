//! Answers written together are the answers written one after another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::Arc;

use qwen3_vl::{Content, Error, LoadOptions, Message, Qwen3Vl, RgbFrame, Session, Step, VideoItem, Wrapper};
use timeline::resize::Size;

const TOLERANCE: f32 = 1e-4;

fn model() -> Qwen3Vl {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/timepin-tiny");
    Qwen3Vl::load(&folder, LoadOptions::default()).unwrap()
}

fn frame(size: Size, seed: u32) -> RgbFrame {
    let data = (0..size.width * size.height * 3).map(|i| (i * (seed + 3) / 7) as u8).collect();
    RgbFrame::new(size.width, size.height, data).unwrap()
}

/// Sessions that have read a video of `segments` and one question each; the video is read once for all of them.
fn asked(model: &Qwen3Vl, segments: u32, questions: &[&str]) -> Vec<Session> {
    let size = model.profile().resize.target(Size { width: 640, height: 360 }, 16).unwrap();
    let frames: Vec<_> = (0..segments).map(|i| [frame(size, i + 9 * segments), frame(size, i + 70)]).collect();
    let features = model.encode_segments(&frames).unwrap().into_iter().map(Arc::new).enumerate();
    let items: Vec<_> =
        features.map(|(i, features)| VideoItem::Segment { stamp: format!("{i}.2"), features }).collect();
    let mut prefix = model.new_session();
    let sessions = questions.iter().map(|question| {
        let content = vec![Content::Video(items.clone()), Content::Text((*question).to_owned())];
        let prompt = model.prompt(&[Message::user(content)], Wrapper::default()).unwrap();
        let (video, question) = prompt.split_after_video();
        if prefix.is_empty() {
            model.prefill(&mut prefix, &video, &|| false).unwrap();
        }
        let mut session = prefix.fork().unwrap();
        model.prefill(&mut session, &question, &|| false).unwrap();
        session
    });
    sessions.collect()
}

fn everybody(model: &Qwen3Vl) -> Vec<Session> {
    let mut all = asked(model, 5, &["When does the red circle appear?", "What is shown?"]);
    all.extend(asked(model, 1, &["第 42 秒显示什么？"]));
    all.extend(asked(model, 23, &["How many times does a square appear?", "List all events, one after another.", "?"]));
    all
}

fn largest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn assert_same(found: &Step, expected: &Step) {
    let gap = largest(found.logits.values(), expected.logits.values());
    assert!(gap < TOLERANCE, "logits are off by {gap}");
    let weights = |step: &Step| step.pointer.as_ref().unwrap().weights.clone();
    let (found, expected) = (&weights(found), &weights(expected));
    assert!(largest(found, expected) < TOLERANCE, "{found:?} instead of {expected:?}");
}

#[test]
fn sessions_that_come_and_go_write_together_what_each_writes_alone() {
    const TOKENS: usize = 12;
    let model = model();
    let alone: Vec<Vec<(u32, Step)>> = everybody(&model)
        .into_iter()
        .map(|mut session| {
            let mut token = model.step(&session).unwrap().logits.argmax();
            let mut read = || {
                let step = model.decode_step(&mut session, token).unwrap();
                let read = token;
                token = step.logits.argmax();
                (read, step)
            };
            (0..TOKENS).map(|_| read()).collect()
        })
        .collect();
    let mut sessions = everybody(&model);
    let mut next: Vec<u32> = sessions.iter().map(|s| model.step(s).unwrap().logits.argmax()).collect();
    let mut written = vec![0; sessions.len()];
    // Session i joins in round i and leaves when it has written its tokens: every size of batch occurs.
    for round in 0.. {
        let writes = |i: usize, n: usize| i <= round && n < TOKENS;
        let who: Vec<usize> = (0..sessions.len()).filter(|&i| writes(i, written[i])).collect();
        if who.is_empty() {
            break;
        }
        let mut steps: Vec<(&mut Session, u32)> =
            sessions.iter_mut().enumerate().filter(|(i, _)| who.contains(i)).map(|(i, s)| (s, next[i])).collect();
        let done = model.decode_batch(&mut steps).unwrap();
        assert_eq!(done.len(), who.len());
        for (&i, step) in who.iter().zip(done) {
            let (step, (token, expected)) = (step.unwrap(), &alone[i][written[i]]);
            assert_eq!(next[i], *token, "session {i}, token {}", written[i]);
            assert_same(&step, expected);
            next[i] = step.logits.argmax();
            written[i] += 1;
        }
    }
    assert_eq!(written, [TOKENS; 6]);
}

#[test]
fn a_token_that_cannot_be_read_disturbs_nobody_else() {
    let model = model();
    let mut sessions = asked(&model, 3, &["When?", "What?"]);
    let (before, token) = (sessions[1].ids().to_vec(), model.step(&sessions[0]).unwrap().logits.argmax());
    let expected = model.decode_step(&mut sessions[0].fork().unwrap(), token).unwrap();
    let [one, two] = sessions.get_disjoint_mut([0, 1]).unwrap();
    let done = model.decode_batch(&mut [(two, u32::MAX), (one, token)]).unwrap();
    assert!(matches!(done[0], Err(Error::Prompt(_))));
    assert_same(done[1].as_ref().unwrap(), &expected);
    assert_eq!(sessions[1].ids(), before);
    model.decode_step(&mut sessions[1], token).unwrap();
    assert!(model.decode_batch(&mut []).unwrap().is_empty());
}
