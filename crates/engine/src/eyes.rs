//! Who delivers frames for a closer look: the server's own decoder where it has the file, else whoever asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use timeline::{AnswerEvent, AppendReceipt, FrameIn, Timestamp, VideoId};

use crate::Engine;
use crate::error::{Error, Result};
use crate::images::{self, MAX_BATCH_FRAMES};
use crate::question::Question;
use crate::worker::Shared;

/// How long the server's decoder may take: it may have to look for the place in a long film.
pub(crate) const SERVER_WAIT: Duration = Duration::from_secs(120);
/// How long whoever asked may take.
pub(crate) const ASKER_WAIT: Duration = Duration::from_secs(30);

/// Takes what was decoded; none when the file is not at hand.
pub type Deliver = Box<dyn FnOnce(Option<Vec<FrameIn>>) + Send>;

/// Decodes frames of videos whose files are at hand.
pub trait FrameSource: Send + Sync {
    /// Starts to decode the frames that a player shows at some instants (ascending), and returns at once. `deliver` is called
    /// when they are there; dropping it says that they will not come.
    fn fetch(&self, video: VideoId, instants: Vec<Timestamp>, deliver: Deliver);
}

/// Instants that questions wait for.
#[derive(Default)]
pub(crate) struct Wanted(Mutex<HashMap<i64, (VideoId, Vec<Timestamp>)>>);

impl Wanted {
    fn lock(&self) -> MutexGuard<'_, HashMap<i64, (VideoId, Vec<Timestamp>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody waits any more.
    pub(crate) fn forget(&self, question: i64) {
        self.lock().remove(&question);
    }
}

impl Engine {
    /// Who decodes frames of files that the server has. Without one, only whoever asks can deliver frames for a closer look.
    pub fn set_frame_source(&self, source: Arc<dyn FrameSource>) {
        *self.shared.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    /// Keeps the frames that a question waits for, durably; none: they will not come. For a question that waits for nothing
    /// (any more) nothing is kept.
    ///
    /// # Errors
    /// When a frame is no picture, there are too many, or the disk refuses.
    pub async fn append_close_ups(
        &self,
        video: &VideoId,
        question: i64,
        frames: Vec<FrameIn>,
    ) -> Result<AppendReceipt> {
        let video = video.clone();
        self.blocking(move |shared| {
            let accepted = shared.take_close_ups(&video, question, &frames)?;
            Ok(AppendReceipt { accepted, total: shared.library.video(&video)?.frames })
        })
        .await
    }
}

impl Shared {
    /// Whether anybody can deliver frames for a question.
    pub(crate) fn has_eyes(&self, question: &Question) -> bool {
        question.manner.sends_frames || self.frame_source().is_some()
    }

    fn frame_source(&self) -> Option<Arc<dyn FrameSource>> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the server's decoder for frames; false where there is none.
    pub(crate) fn ask_source(&self, question: &Question, instants: &[Timestamp]) -> bool {
        let Some(source) = self.frame_source() else { return false };
        self.want(question, instants);
        let (me, video, number) = (self.me.clone(), question.video.clone(), question.id);
        let deliver = Guard { me, video, number, done: false };
        source.fetch(question.video.clone(), instants.to_vec(), Box::new(move |frames| deliver.take(frames)));
        true
    }

    /// Asks whoever asked for frames; false where it was said that none will be sent.
    pub(crate) fn ask_asker(&self, question: &Question, instants: &[Timestamp]) -> bool {
        if question.manner.sends_frames {
            self.want(question, instants);
            question.tell(AnswerEvent::Wanted { instants: instants.to_vec() });
        }
        question.manner.sends_frames
    }

    fn want(&self, question: &Question, instants: &[Timestamp]) {
        self.wanted.lock().insert(question.id, (question.video.clone(), instants.to_vec()));
    }

    /// Keeps frames for the instants that a question waits for, and tells it.
    fn take_close_ups(&self, video: &VideoId, question: i64, frames: &[FrameIn]) -> Result<u32> {
        let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
        if count > MAX_BATCH_FRAMES {
            return Err(Error::TooManyFrames { found: count, limit: MAX_BATCH_FRAMES });
        }
        let waits = |(of, instants): &(VideoId, Vec<Timestamp>)| (of == video).then(|| instants.clone());
        let Some(instants) = self.wanted.lock().get(&question).and_then(waits) else { return Ok(0) };
        for frame in frames {
            self.backend.info().resize.target(images::check(frame)?, 1)?;
        }
        let mut frames: Vec<_> = frames.iter().collect();
        frames.sort_by_key(|frame| frame.pts);
        let shown = |at: &Timestamp| {
            let behind = frames.partition_point(|frame| frame.pts <= *at);
            let frame = frames.get(behind.checked_sub(1)?)?;
            Some((*at, frame.pts, frame.bytes.as_slice()))
        };
        let shown: Vec<_> = instants.iter().filter_map(shown).collect();
        let kept = self.library.append_close_ups(video, &shown)?;
        let come = (!shown.is_empty()).then_some(count);
        self.registry.with(&self.library, video, |entry| {
            entry.close_ups.extend(kept.into_iter().map(|close| (close.at, (close.pts, close.blob))));
        })?;
        self.wanted.forget(question);
        self.queue.deliver(question, come);
        Ok(count)
    }
}

/// Says that nothing will come if it is dropped before anything did.
struct Guard {
    me: std::sync::Weak<Shared>,
    video: VideoId,
    number: i64,
    done: bool,
}

impl Guard {
    fn take(mut self, frames: Option<Vec<FrameIn>>) {
        let (Some(shared), Some(frames)) = (self.me.upgrade(), frames) else { return };
        match shared.take_close_ups(&self.video, self.number, &frames) {
            Ok(_) => self.done = true,
            Err(error) => tracing::warn!(video = %self.video, %error, "frames for a closer look could not be kept"),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(shared) = self.me.upgrade().filter(|_| !self.done) {
            shared.wanted.forget(self.number);
            shared.queue.deliver(self.number, None);
        }
    }
}
