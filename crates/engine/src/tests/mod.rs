//! How the engine orders, keeps, stops and resumes work, with a back end that dreams instead of computing.

mod between;
mod closer;
mod concurrency;
mod dream;
mod find;
mod indexing;
mod leads;
mod outline;
mod overview;
mod prefixes;
mod questions;
mod subtitles;

use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use timeline::events::Usage;
use timeline::{AnswerEvent, FrameIn, NewVideo, ProgressEvent, Timestamp, VideoId, VideoState};

use crate::engine::Encoders;
use crate::meaning::{Meaning, Sense};
use crate::{Engine, Manner, Settings};
use dream::Dream;

/// An engine over `folder` whose model is `dream`.
fn open(folder: &Path, dream: &Arc<Dream>) -> Engine {
    open_with(folder, dream, |_| {})
}

/// One that also compares what is said by meaning.
fn open_sensing(folder: &Path, dream: &Arc<Dream>, sense: impl Sense + 'static) -> Engine {
    let settings = Settings { data_dir: folder.to_owned(), ..Settings::default() };
    let encoders = Encoders { meaning: Some(Meaning::new(Box::new(sense))), sight: None };
    Engine::with_backend(&settings, Arc::clone(dream) as Arc<_>, encoders).unwrap()
}

fn open_with(folder: &Path, dream: &Arc<Dream>, change: impl FnOnce(&mut Settings)) -> Engine {
    let mut settings = Settings { data_dir: folder.to_owned(), zoom_rounds: 2, ..Settings::default() };
    change(&mut settings);
    Engine::with_backend(&settings, Arc::clone(dream) as Arc<_>, Encoders::default()).unwrap()
}

fn new_video(planned_frames: u32) -> NewVideo {
    NewVideo {
        title: "clip.mp4".into(),
        file_bytes: 1,
        duration: Timestamp::from_seconds(60.0),
        width: 64,
        height: 32,
        codec: "avc1".into(),
        planned_frames,
    }
}

/// A frame every half second, each of its own colour.
fn frame(n: u8) -> FrameIn {
    let mut bytes = Vec::new();
    let picture = image::RgbImage::from_pixel(64, 32, image::Rgb([n, n.wrapping_mul(7), 40]));
    picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    FrameIn { pts: Timestamp::from_millis(i64::from(n) * 500), bytes }
}

fn frames(numbers: impl IntoIterator<Item = u8>) -> Vec<FrameIn> {
    numbers.into_iter().map(frame).collect()
}

/// A video of `count` frames, completely received.
async fn video(engine: &Engine, count: u8) -> VideoId {
    video_of(engine, 0..count).await
}

/// A video of some frames, completely received.
async fn video_of(engine: &Engine, numbers: Range<u8>) -> VideoId {
    let id = engine.create_video(new_video(numbers.len() as u32)).await.unwrap();
    engine.append_frames(&id, frames(numbers)).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    id
}

/// Waits until every segment is encoded.
async fn ready(engine: &Engine, id: &VideoId) {
    let mut events = std::pin::pin!(engine.progress(id).unwrap());
    while let Some(event) = events.next().await {
        let (ProgressEvent::State { state } | ProgressEvent::Snapshot { state, .. }) = event else { continue };
        if state == VideoState::Ready {
            return;
        }
    }
    panic!("the stream ended");
}

/// The text and the last event of an answer.
async fn read(events: impl Stream<Item = AnswerEvent>) -> (String, AnswerEvent) {
    let events: Vec<_> = events.collect().await;
    let text =
        events.iter().filter_map(|e| if let AnswerEvent::Token { text, .. } = e { Some(text.as_str()) } else { None });
    (text.collect(), events.last().unwrap().clone())
}

async fn ask(engine: &Engine, id: &VideoId, question: &str) -> (String, Usage) {
    match read(engine.ask(id, question.into()).unwrap()).await {
        (text, AnswerEvent::Done { usage }) => (text, usage),
        (_, other) => panic!("{other:?}"),
    }
}
