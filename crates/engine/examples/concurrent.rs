//! Measures answers written at the same time: tokens a second of 1, 2, 4 and 8 of them, as JSON lines.
//!
//! ```text
//! cargo run --release -p engine --example concurrent -- models/timepin-tiny 120
//! ```
//! The second argument is the number of frames of the video everybody asks about. The first question is not counted: it
//! has the video read.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::Cursor;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine::{Engine, Place, Settings};
use futures::StreamExt;
use futures::future::try_join_all;
use timeline::events::Usage;
use timeline::{AnswerEvent, FrameIn, NewVideo, Timestamp, VideoId};

/// A square that wanders over a gradient.
fn frame(n: u32) -> Result<FrameIn, Box<dyn Error>> {
    let picture = image::RgbImage::from_fn(160, 90, |x, y| {
        let inside = x.abs_diff(10 + 6 * (n % 24)) < 9 && y.abs_diff(45) < 9;
        if inside { image::Rgb([220, 30, 30]) } else { image::Rgb([x as u8, y as u8 * 2, 90]) }
    });
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)?;
    Ok(FrameIn { pts: Timestamp::from_millis(i64::from(n) * 500), bytes })
}

async fn video(engine: &Engine, frames: u32) -> Result<VideoId, Box<dyn Error>> {
    let about = NewVideo {
        title: "square".into(),
        file_bytes: 1,
        duration: Timestamp::from_millis(i64::from(frames) * 500),
        width: 160,
        height: 90,
        codec: "avc1".into(),
        planned_frames: frames,
    };
    let id = engine.create_video(about).await?;
    for from in (0..frames).step_by(64) {
        let batch = (from..frames.min(from + 64)).map(frame).collect::<Result<_, _>>()?;
        engine.append_frames(&id, batch).await?;
    }
    engine.finish_video(&id).await?;
    Ok(id)
}

/// What the answer took, and when its first and its last token came.
async fn ask(engine: &Engine, id: &VideoId) -> Result<(Usage, Instant, Instant), Box<dyn Error>> {
    let asked = Instant::now();
    let mut events = std::pin::pin!(engine.ask(id, "List all events, one after another.".into())?);
    while let Some(event) = events.next().await {
        match event {
            AnswerEvent::Done { usage } => {
                let first = asked + Duration::from_millis(u64::from(usage.first_token_ms));
                return Ok((usage, first, Instant::now()));
            }
            AnswerEvent::Error { message, .. } => return Err(message.into()),
            _ => {}
        }
    }
    Err("the answer ended before its end".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let model_dir = PathBuf::from(words.next().ok_or("give a model folder")?);
    let frames = words.next().map_or(Ok(120), |n| n.parse())?;
    let data_dir = std::env::temp_dir().join(format!("timepin-concurrent-{}", std::process::id()));
    let settings = Settings { data_dir: data_dir.clone(), library: Place::Temporary, model_dir, ..Settings::default() };
    let engine = Engine::open(settings)?;
    let id = video(&engine, frames).await?;
    ask(&engine, &id).await?;
    for together in [1, 2, 4, 8] {
        let answers = try_join_all((0..together).map(|_| ask(&engine, &id))).await?;
        let first = answers.iter().map(|(_, first, _)| *first).min().ok_or("nobody asked")?;
        let last = answers.iter().map(|(.., last)| *last).max().ok_or("nobody asked")?;
        let tokens: u32 = answers.iter().map(|(usage, ..)| usage.answer_tokens).sum();
        let seconds = (last - first).as_secs_f64();
        println!(
            r#"{{"together":{together},"tokens":{tokens},"seconds":{seconds:.3},"tokens_per_second":{:.1}}}"#,
            f64::from(tokens) / seconds.max(1e-6)
        );
    }
    drop(engine);
    std::fs::remove_dir_all(&data_dir)?;
    Ok(())
}
