//! What does not fit is read densely where it looks, or is called, like what is asked for.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use qwen3_vl::RgbFrame;
use timeline::Span;

use super::*;
use crate::error::{Error, Result};
use crate::sight::{Eye, Sight};

/// Sees two kinds of pictures: those with these reds, which a sentence with "red" names, and others.
#[derive(Clone)]
struct Colours {
    looked: Arc<AtomicU32>,
    broken: Arc<AtomicBool>,
}

impl Colours {
    fn new() -> Self {
        Self { looked: Arc::default(), broken: Arc::default() }
    }
}

impl Eye for Colours {
    fn fingerprint(&self) -> &str {
        "colours"
    }

    fn sentence(&self, text: &str) -> Result<Vec<f32>> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(Error::Internal("blind".to_owned()));
        }
        Ok(if text.contains("red") { vec![1.0, 0.0] } else { vec![0.0, 1.0] })
    }

    fn pictures(&self, pictures: &[RgbFrame]) -> Result<Vec<Vec<f32>>> {
        self.looked.fetch_add(pictures.len() as u32, Ordering::SeqCst);
        let direction =
            |picture: &RgbFrame| if (150..156).contains(&picture.data()[0]) { vec![1.0, 0.0] } else { vec![0.0, 1.0] };
        Ok(pictures.iter().map(direction).collect())
    }
}

fn open_seeing(folder: &Path, eye: &Colours) -> Engine {
    let max_context_length = Some(250);
    let settings = Settings { data_dir: folder.to_owned(), max_context_length, zoom_rounds: 0, ..Settings::default() };
    let encoders = Encoders { meaning: None, sight: Some(Sight::new(Box::new(eye.clone()))) };
    Engine::with_backend(&settings, Dream::new() as Arc<_>, encoders).unwrap()
}

/// Waits until so many frames were looked at.
async fn looked(eye: &Colours, frames: u32) {
    while eye.looked.load(Ordering::SeqCst) < frames {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Seconds between 70 and 84 that an answer saw.
fn seen_near(answer: &str) -> usize {
    let stamps = answer.split(' ').filter_map(|word| word.split_once(':')?.0.parse::<f64>().ok());
    stamps.filter(|stamp| (70.0..84.0).contains(stamp)).count()
}

#[tokio::test]
async fn what_does_not_fit_is_read_densely_where_it_looks_like_what_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let eye = Colours::new();
    let engine = open_seeing(folder.path(), &eye);
    let long = NewVideo { duration: Timestamp::from_seconds(125.0), ..new_video(250) };
    let id = engine.create_video(long).await.unwrap();
    engine.append_frames(&id, frames(0..250)).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    ready(&engine, &id).await;
    looked(&eye, 125).await;
    let events: Vec<_> = engine.ask(&id, "where is the red one?".into()).unwrap().collect().await;
    let answer: String = events
        .iter()
        .filter_map(|e| if let AnswerEvent::Token { text, .. } = e { Some(text.as_str()) } else { None })
        .collect();
    assert!(seen_near(&answer) >= 8, "{answer}");
    let told =
        events.iter().find_map(|e| if let AnswerEvent::Course(course) = e { Some(course.clone()) } else { None });
    assert_eq!(told.as_ref().unwrap().leads, [Span::at(Timestamp::from_seconds(75.0))]);
    assert_eq!(Some(engine.questions(&id).await.unwrap().remove(0).course), told);
    // Where nothing looks like it, or nothing can be compared, it is read evenly.
    eye.broken.store(true, Ordering::SeqCst);
    let (answer, _) = ask(&engine, &id, "where is the red one now?").await;
    assert!(seen_near(&answer) <= 3, "{answer}");
    assert!(engine.questions(&id).await.unwrap()[1].course.is_plain());
}

#[tokio::test]
async fn what_frames_look_like_is_kept_and_noted_after_a_restart_if_it_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let id = {
        let engine = open(folder.path(), &Dream::new());
        video(&engine, 40).await
    };
    let eye = Colours::new();
    let engine = open_seeing(folder.path(), &eye);
    looked(&eye, 20).await;
    engine.shutdown(std::time::Duration::ZERO).await;
    drop(engine);
    let eye = Colours::new();
    let engine = open_seeing(folder.path(), &eye);
    engine.append_frames(&video(&engine, 2).await, Vec::new()).await.unwrap();
    looked(&eye, 1).await;
    assert_eq!(
        (engine.shared.library.directed(&id, "colours").unwrap().len(), eye.looked.load(Ordering::SeqCst)),
        (20, 1)
    );
}
