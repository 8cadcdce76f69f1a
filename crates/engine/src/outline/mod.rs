//! What happens in a video: the model is asked about the middle of every stretch that shows something new, and what it says
//! becomes a scene with a title. Runs beside questions, gives way to them, and goes on after a restart.

mod stretches;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::{Stream, stream};
use timeline::outline::{self, chapters};
use timeline::video::SpanInText;
use timeline::{AnswerEvent, Outline, OutlineState, Scene, Span, Timestamp, TitleLanguage, VideoId, VideoState};
use tokio::sync::{mpsc, watch};

use self::stretches::{Stretch, stretches};
use crate::Engine;
use crate::error::{Error, Result};
use crate::question::{Manner, Question};
use crate::worker::Shared;

/// Tokens of an answer that becomes a title.
const TITLE_TOKENS: u32 = 64;
/// How far a time in the answer may be from the moment asked about.
const NEAR: Timestamp = Timestamp::from_millis(1_500);
/// How often it is looked whether a question that somebody asked has been answered.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Videos that are being looked through.
#[derive(Default)]
pub(crate) struct Outlines {
    running: Mutex<HashMap<VideoId, Running>>,
}

struct Running {
    stop: Arc<AtomicBool>,
    told: watch::Receiver<Outline>,
}

impl Outlines {
    /// Stops looking through a video that goes away.
    pub(crate) fn forget(&self, video: &VideoId) {
        if let Some(running) = self.lock().get(video) {
            running.stop.store(true, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VideoId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Looks through a video, beside questions and behind them. While it does so, asking again changes nothing; what was cut off
    /// goes on, what was complete is done anew.
    ///
    /// # Errors
    /// When the video is unknown, its index is not complete, or the disk refuses.
    pub async fn begin_outline(&self, id: &VideoId, language: TitleLanguage) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| {
            let state = shared.registry.with(&shared.library, &id, |entry| entry.index.state())?;
            if state != VideoState::Ready {
                return Err(Error::NotReady(id));
            }
            let mut running = shared.outlines.lock();
            if running.contains_key(&id) {
                return Ok(());
            }
            shared.library.begin_outline(&id, language)?;
            run_beside(shared, &mut running, &id)
        })
        .await
    }

    /// Stops looking through a video; what was found stays.
    ///
    /// # Errors
    /// When the video is unknown or the disk refuses.
    pub async fn cancel_outline(&self, id: &VideoId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| {
            shared.library.video(&id)?;
            shared.outlines.forget(&id);
            Ok(())
        })
        .await
    }

    /// What happens in a video, as far as it is known.
    ///
    /// # Errors
    /// When the video is unknown or the library cannot be read.
    pub async fn outline(&self, id: &VideoId) -> Result<Outline> {
        let id = id.clone();
        self.blocking(move |shared| shared.outline(&id)).await
    }

    /// What happens in a video: as far as it is known, and again whenever more is, until looking has ended. Dropping the stream
    /// leaves it alone.
    ///
    /// # Errors
    /// When the video is unknown or the library cannot be read.
    pub async fn outline_changes(&self, id: &VideoId) -> Result<impl Stream<Item = Outline> + Send + 'static + use<>> {
        let id = id.clone();
        let (known, told) = self
            .blocking(move |shared| {
                // In this order: what ends in between is known to have ended.
                let told = shared.outlines.lock().get(&id).map(|running| running.told.clone());
                Ok((shared.outline(&id)?, told))
            })
            .await?;
        Ok(stream::unfold((Some(known), told), async |(known, told)| match (known, told) {
            (Some(known), told) => Some((known, (None, told))),
            (None, Some(mut told)) => {
                told.changed().await.ok()?;
                let outline = told.borrow_and_update().clone();
                Some((outline, (None, Some(told))))
            }
            (None, None) => None,
        }))
    }
}

impl Shared {
    /// What is known of a video's scenes.
    pub(crate) fn outline(&self, id: &VideoId) -> Result<Outline> {
        let duration = self.library.video(id)?.video.duration;
        let Some(row) = self.library.outline(id)? else { return Ok(Outline::default()) };
        let scenes = self.library.scenes(id)?;
        let chapters = if row.state == OutlineState::Done { chapters(&scenes, duration) } else { Vec::new() };
        Ok(Outline { state: row.state, done: row.done, total: row.total, scenes, chapters })
    }

    /// Goes on with what was cut off when the last run ended.
    pub(crate) fn resume_outlines(self: &Arc<Self>) -> Result<()> {
        for video in self.library.running_outlines()? {
            run_beside(self, &mut self.outlines.lock(), &video)?;
        }
        Ok(())
    }

    /// Asks the model something that nobody hears of: it is not kept, and nothing gives way to it.
    fn ask_aside(&self, video: &VideoId, text: String, stop: &Arc<AtomicBool>) -> Result<(String, Vec<SpanInText>)> {
        let (events, mut receiver) = mpsc::unbounded_channel();
        // No question in the library has this number.
        let (id, said, flashes, asked) = (0, Vec::new(), Vec::new(), Instant::now());
        let manner = Manner { most: TITLE_TOKENS, looks_closer: false, sends_frames: false };
        let (video, stop, _held) = (video.clone(), Arc::clone(stop), Arc::default());
        let question = Question { id, video, text, said, flashes, manner, asked, events, stop, _held };
        self.queue.ask(question).map_err(|_| Error::ShuttingDown)?;
        let (mut text, mut spans) = (String::new(), Vec::new());
        while let Some(event) = receiver.blocking_recv() {
            match event {
                AnswerEvent::Token { text: more, .. } => text.push_str(&more),
                AnswerEvent::Span(span) => spans.push(span),
                AnswerEvent::Done { .. } => return Ok((text, spans)),
                AnswerEvent::Error { code, message, .. } => {
                    return Err(match code.as_str() {
                        "cancelled" => Error::Cancelled,
                        "shutting_down" => Error::ShuttingDown,
                        _ => Error::Internal(message),
                    });
                }
                _ => {}
            }
        }
        Err(Error::ShuttingDown)
    }
}

/// Starts the thread that looks through a video whose outline is marked as running.
fn run_beside(shared: &Arc<Shared>, running: &mut HashMap<VideoId, Running>, video: &VideoId) -> Result<()> {
    let (tell, told) = watch::channel(shared.outline(video)?);
    let stop = Arc::new(AtomicBool::new(false));
    let job = Job { shared: Arc::clone(shared), video: video.clone(), stop: Arc::clone(&stop), tell };
    std::thread::Builder::new()
        .name("timepin-outline".to_owned())
        .spawn(move || job.run())
        .map_err(|e| Error::Internal(format!("no thread to look through a video: {e}")))?;
    running.insert(video.clone(), Running { stop, told });
    Ok(())
}

/// One video being looked through.
struct Job {
    shared: Arc<Shared>,
    video: VideoId,
    stop: Arc<AtomicBool>,
    tell: watch::Sender<Outline>,
}

impl Job {
    fn run(self) {
        let ended = match self.look_through() {
            Ok(()) => Some(OutlineState::Done),
            // It goes on when the engine is there again.
            Err(Error::ShuttingDown) => None,
            Err(Error::Cancelled) if self.shared.is_halting() => None,
            Err(Error::Cancelled) => Some(OutlineState::Stopped),
            Err(error) => {
                tracing::error!(video = %self.video, %error, "looking through a video stopped");
                Some(OutlineState::Stopped)
            }
        };
        if let Some(state) = ended
            && let Err(error) = self.shared.library.end_outline(&self.video, state)
        {
            tracing::error!(video = %self.video, %error, "the end of an outline could not be kept");
        }
        // First out of the list, then told: who asks now reads what is on the disk.
        self.shared.outlines.lock().remove(&self.video);
        self.told();
    }

    fn look_through(&self) -> Result<()> {
        let Some(row) = self.shared.library.outline(&self.video)? else { return Err(Error::Cancelled) };
        let (all, duration) = self.stretches()?;
        let total = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let mut scenes = self.shared.library.scenes(&self.video)?;
        for (place, stretch) in (0_u32..).zip(&all).skip(row.done as usize) {
            let scene = self.scene(row.language, stretch, &scenes, duration)?;
            self.shared.library.advance_outline(&self.video, place + 1, total, scene.as_ref())?;
            if let Some(scene) = scene {
                scenes.retain(|other| other.span.start != scene.span.start);
                scenes.push(scene);
            }
            self.told();
        }
        Ok(())
    }

    fn told(&self) {
        // Deleted meanwhile: nobody is left to be told.
        if let Ok(outline) = self.shared.outline(&self.video) {
            self.tell.send_replace(outline);
        }
    }

    fn stretches(&self) -> Result<(Vec<Stretch>, Timestamp)> {
        let shared = &self.shared;
        let (pairs, size, cuts, duration) = shared.registry.with(&shared.library, &self.video, |entry| {
            let cuts: Vec<_> = entry.cuts.iter().copied().collect();
            (entry.index.pairs(), entry.index.size(), cuts, entry.duration)
        })?;
        let size = size?;
        let looks = pairs.iter().map(|pair| shared.look(&self.video, pair, size)).collect::<Result<Vec<_>>>()?;
        let spans: Vec<_> = pairs.iter().map(|pair| pair.span).collect();
        Ok((stretches(&spans, &looks, &cuts, duration), duration))
    }

    /// What a stretch shows; none when it was seen as part of an earlier scene, or the answer is about another moment.
    fn scene(
        &self,
        language: TitleLanguage,
        stretch: &Stretch,
        earlier: &[Scene],
        duration: Timestamp,
    ) -> Result<Option<Scene>> {
        let moment = stretch.span.start.midpoint(stretch.span.end);
        if earlier.iter().any(|scene| scene.span.contains(moment)) {
            return Ok(None);
        }
        self.give_way()?;
        let (answer, times) = self.shared.ask_aside(&self.video, language.question(moment), &self.stop)?;
        let near = |span: &Span| span.start - NEAR <= moment && moment <= span.end + NEAR;
        let told = times.iter().map(|time| time.span).find(near);
        if told.is_none() && !times.is_empty() {
            return Ok(None);
        }
        let places: Vec<_> = times.iter().map(|time| (time.from as usize, time.to as usize)).collect();
        let title = outline::title(&answer, &places);
        let span = told.filter(|span| span.length() > Timestamp::ZERO).unwrap_or(stretch.span);
        let span = span.clamp_to(duration).unwrap_or(stretch.span);
        Ok((!title.is_empty()).then_some(Scene { span, title, novelty: stretch.novelty }))
    }

    /// Waits while somebody has asked something.
    fn give_way(&self) -> Result<()> {
        while Arc::strong_count(&self.shared.asked) > 1 && !self.stop.load(Ordering::Relaxed) {
            if self.shared.is_halting() {
                return Err(Error::ShuttingDown);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        if self.stop.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}
