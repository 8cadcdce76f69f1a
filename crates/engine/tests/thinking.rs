//! A checkpoint whose template opens a thought, as those of the Thinking models do: the bundled weights with another template.
//! They never learned to close one, so what they write is all thought, until the engine breaks it off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::io::Cursor;
use std::path::Path;

use engine::{Engine, Settings};
use futures::StreamExt;
use timeline::events::Usage;
use timeline::{AnswerEvent, FrameIn, NewVideo, Timestamp, VideoId};

/// An engine with the thinking checkpoint, which has `window` positions.
fn open(folder: &Path, window: u32) -> Engine {
    let model = folder.join("model");
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/timepin-tiny")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, model.join(path.file_name().unwrap())).unwrap();
    }
    let template = model.join("chat_template.jinja");
    let opens = "{%- if add_generation_prompt %}{{- '<think>\\n' }}{%- endif %}";
    fs::write(&template, fs::read_to_string(&template).unwrap().trim_end().to_owned() + opens).unwrap();
    let config = model.join("config.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    json["text_config"]["max_position_embeddings"] = window.into();
    fs::write(config, json.to_string()).unwrap();
    Engine::open(Settings { data_dir: folder.join("data"), model_dir: model, ..Settings::default() }).unwrap()
}

async fn video(engine: &Engine) -> VideoId {
    let about = NewVideo {
        title: "grey.mp4".into(),
        file_bytes: 1,
        duration: Timestamp::from_millis(3_000),
        width: 96,
        height: 64,
        codec: "avc1".into(),
        planned_frames: 6,
    };
    let id = engine.create_video(about).await.unwrap();
    let frame = |n: u8| {
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_pixel(96, 64, image::Rgb([n * 40, 90, 60]));
        picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        FrameIn { pts: Timestamp::from_millis(i64::from(n) * 500), bytes }
    };
    engine.append_frames(&id, (0..6).map(frame).collect()).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    id
}

/// Thought, answer and what they took.
async fn ask(engine: &Engine, id: &VideoId) -> (String, String, Usage) {
    let mut events = std::pin::pin!(engine.ask(id, "When does the red circle appear?".into()).unwrap());
    let (mut thought, mut answer) = (String::new(), String::new());
    while let Some(event) = events.next().await {
        match event {
            AnswerEvent::Thought { text } => thought.push_str(&text),
            AnswerEvent::Token { text, .. } => answer.push_str(&text),
            AnswerEvent::Done { usage } => return (thought, answer, usage),
            AnswerEvent::Error { code, message, .. } => panic!("{code}: {message}"),
            _ => {}
        }
    }
    panic!("the stream ended without a last event");
}

#[tokio::test]
async fn what_is_written_inside_the_opened_thought_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), 32_768);
    let id = video(&engine).await;
    let (thought, answer, usage) = ask(&engine, &id).await;
    assert!(!thought.is_empty() && answer.is_empty(), "{thought} / {answer}");
    assert!(usage.thought_tokens > 0 && usage.answer_tokens == 0);
    let record = engine.questions(&id).await.unwrap().remove(0);
    assert!(record.answer.is_empty() && record.spans.is_empty() && record.complete);
}

#[tokio::test]
async fn a_thought_that_leaves_no_room_is_broken_off_and_an_answer_follows() {
    let folder = tempfile::tempdir().unwrap();
    // Some tokens more than the prompt and what is kept free for the answer.
    let engine = open(folder.path(), 1_086);
    let id = video(&engine).await;
    let (thought, answer, usage) = ask(&engine, &id).await;
    assert!((1..10).contains(&usage.thought_tokens) && !thought.is_empty(), "{thought}: {usage:?}");
    assert!(!answer.is_empty() && !answer.contains("think"), "{answer}");
    assert_eq!(engine.questions(&id).await.unwrap().remove(0).answer, answer);
}
