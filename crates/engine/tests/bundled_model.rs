//! The real path: pictures through the vision tower, prompts through the decoder, with the checkpoint that comes along.
//! What it answers is measured elsewhere; here the point is that however the work is cut up, it answers the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use engine::{Engine, Settings};
use futures::StreamExt;
use timeline::events::Usage;
use timeline::{AnswerEvent, FrameIn, NewVideo, Timestamp, VideoId};

fn open(data: &Path) -> Engine {
    open_with(data, |_| {})
}

fn open_with(data: &Path, change: impl FnOnce(&mut Settings)) -> Engine {
    let model_dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/timepin-tiny");
    let mut settings = Settings { data_dir: data.to_owned(), model_dir, ..Settings::default() };
    change(&mut settings);
    Engine::open(settings).unwrap()
}

/// A square that wanders over a gradient: every frame differs from every other.
fn frame(n: u32) -> FrameIn {
    let picture = image::RgbImage::from_fn(160, 90, |x, y| {
        let inside = x.abs_diff(10 + 6 * n) < 9 && y.abs_diff(45) < 9;
        if inside { image::Rgb([220, 30, 30]) } else { image::Rgb([x as u8, y as u8 * 2, 90]) }
    });
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    FrameIn { pts: Timestamp::from_millis(i64::from(n) * 500), bytes }
}

fn about(count: u32) -> NewVideo {
    NewVideo {
        title: "square.mp4".into(),
        file_bytes: 1,
        duration: Timestamp::from_millis(i64::from(count) * 500),
        width: 160,
        height: 90,
        codec: "avc1".into(),
        planned_frames: count,
    }
}

async fn video(engine: &Engine, count: u32) -> VideoId {
    let id = engine.create_video(about(count)).await.unwrap();
    engine.append_frames(&id, (0..count).map(frame).collect()).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    id
}

async fn ask(engine: &Engine, id: &VideoId, question: &str) -> (String, Usage) {
    let mut events = std::pin::pin!(engine.ask(id, question.into()).unwrap());
    let mut answer = String::new();
    while let Some(event) = events.next().await {
        match event {
            AnswerEvent::Token { text, .. } => answer.push_str(&text),
            AnswerEvent::Done { usage } => return (answer, usage),
            AnswerEvent::Error { code, message, .. } => panic!("{code}: {message}"),
            _ => {}
        }
    }
    panic!("the stream ended without a last event");
}

#[tokio::test]
async fn a_kept_prefix_gives_the_answer_of_a_fresh_one_and_costs_only_the_question() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    assert!(engine.model().demo);
    let id = video(&engine, 25).await;
    let (_, first) = ask(&engine, &id, "How many times does a square appear?").await;
    let (kept, second) = ask(&engine, &id, "When does the red square appear?").await;
    assert_eq!(first.kept_tokens, 0);
    assert!(second.kept_tokens > 100 && second.prompt_tokens - second.kept_tokens < 60, "{second:?}");
    assert_eq!((second.shown_segments, second.all_segments), (13, 13));
    drop(engine);

    // After a restart: other prefix, cached segments, same answer.
    let engine = open(folder.path());
    let (restarted, usage) = ask(&engine, &id, "When does the red square appear?").await;
    assert_eq!((restarted.as_str(), usage.kept_tokens), (kept.as_str(), 0));
    drop(engine);

    // From nothing, and with frames arriving in pieces between questions: the prefix grows instead of being read at once.
    let other = tempfile::tempdir().unwrap();
    let engine = open(other.path());
    let id = engine.create_video(about(25)).await.unwrap();
    for from in [0, 6, 12, 20] {
        let frames = (from..25.min(from + 8)).map(frame).collect();
        engine.append_frames(&id, frames).await.unwrap();
        ask(&engine, &id, "What is shown?").await;
    }
    engine.finish_video(&id).await.unwrap();
    let (pieces, usage) = ask(&engine, &id, "When does the red square appear?").await;
    assert_eq!(pieces, kept);
    assert!(usage.kept_tokens > 100, "{usage:?}");
}

#[tokio::test]
async fn pruned_tokens_make_a_shorter_prompt_of_the_same_segments() {
    let folder = tempfile::tempdir().unwrap();
    let question = "When does the red square appear?";
    let engine = open(folder.path());
    let id = video(&engine, 25).await;
    let (whole, all) = ask(&engine, &id, question).await;
    drop(engine);

    let engine = open_with(folder.path(), |settings| settings.token_pruning = true);
    let (pruned, fewer) = ask(&engine, &id, question).await;
    assert_eq!((fewer.shown_segments, fewer.all_segments), (13, 13));
    assert!(fewer.prompt_tokens + 20 < all.prompt_tokens, "{fewer:?} {all:?}");
    assert_eq!(pruned, whole);
    // What was shown is good for the next question here too.
    let (_, next) = ask(&engine, &id, "What is shown?").await;
    assert!(next.kept_tokens > 100, "{next:?}");
}

#[tokio::test]
async fn answers_asked_for_at_once_are_those_asked_for_one_after_another() {
    let questions =
        ["When does the red square appear?", "What is shown?", "How many shapes are there?", "第 3 秒显示什么？"];
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let videos = [video(&engine, 25).await, video(&engine, 8).await];
    let all: Vec<_> = videos.iter().flat_map(|id| questions.iter().map(move |q| (id.clone(), *q))).collect();
    let mut alone = Vec::new();
    for (id, question) in &all {
        alone.push(ask(&engine, id, question).await.0);
    }
    drop(engine);

    // Nothing is kept in memory: both videos are read while the first answers are already being written.
    let engine = open(folder.path());
    let together = all.iter().map(|(id, question)| ask(&engine, id, question));
    let together = futures::future::join_all(together).await;
    assert_eq!(together.iter().map(|(answer, _)| answer).collect::<Vec<_>>(), alone.iter().collect::<Vec<_>>());
    // Each video was read once, by whoever asked first about it.
    let read: Vec<_> = together.iter().map(|(_, usage)| usage.prompt_tokens - usage.kept_tokens > 60).collect();
    assert_eq!(read.iter().filter(|first| **first).count(), 2, "{together:?}");
}

#[tokio::test]
async fn a_folder_without_a_model_and_a_device_that_is_not_there_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { data_dir: folder.path().to_owned(), ..Settings::default() };
    let missing = Engine::open(Settings { model_dir: folder.path().to_owned(), ..settings.clone() }).unwrap_err();
    assert_eq!(missing.code(), "model_missing");
    assert!(missing.to_string().contains("config.json"), "{missing}");
    let model_dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/timepin-tiny");
    let device = Engine::open(Settings { model_dir: model_dir.clone(), device: "tpu".into(), ..settings.clone() });
    assert_eq!(device.unwrap_err().code(), "no_device");
    // Weights that were cut off in a download.
    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    for file in std::fs::read_dir(&model_dir).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), broken.join(file.file_name())).unwrap();
    }
    let weights = broken.join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(Engine::open(Settings { model_dir: broken, ..settings }).unwrap_err().code(), "model_failed");
}
