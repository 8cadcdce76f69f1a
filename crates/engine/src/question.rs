//! A question as it was asked: whom to tell, and whether anybody still listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use timeline::{AnswerEvent, Coarse, Span, VideoId};
use tokio::sync::mpsc::UnboundedSender;

use crate::error::{Error, Result};
use crate::selection::ANSWER_TOKENS;
use crate::worker::Shared;

/// How a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Tokens the answer may have; never more than [`ANSWER_TOKENS`].
    pub most: u32,
    /// Whether an answer may take the place of one that was told, after a closer look.
    pub looks_closer: bool,
    /// Whether whoever asks has the video's file: frames that are [`Wanted`](AnswerEvent::Wanted) then come by
    /// [`append_close_ups`](crate::Engine::append_close_ups).
    pub sends_frames: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { most: ANSWER_TOKENS, looks_closer: true, sends_frames: false }
    }
}

/// A question and the stream of its answer.
pub(crate) struct Question {
    pub(crate) id: i64,
    pub(crate) video: VideoId,
    pub(crate) text: String,
    /// Where the words it asks for are said: what stands around there is shown first when not everything can be.
    pub(crate) said: Vec<Span>,
    /// Where its video flashed and no frame shows it.
    pub(crate) flashes: Vec<Span>,
    pub(crate) manner: Manner,
    pub(crate) asked: Instant,
    pub(crate) events: UnboundedSender<AnswerEvent>,
    /// Set when the listener is gone.
    pub(crate) stop: Arc<AtomicBool>,
    /// As long as it is there, somebody waits for an answer.
    pub(crate) _held: Arc<()>,
}

impl Question {
    pub(crate) fn tell(&self, event: AnswerEvent) {
        // A listener that went away has set `stop`, which is looked at where it matters.
        let _ = self.events.send(event);
    }

    /// Tells, and keeps with the question, that not all frames were there.
    pub(crate) fn tell_coarse(&self, shared: &Shared, coarse: Option<Coarse>) -> Result<()> {
        let Some(coarse) = coarse else { return Ok(()) };
        self.tell(AnswerEvent::Coarse(coarse));
        match shared.library.save_coarse(self.id, coarse) {
            // Deleted while it was being answered: the listener still gets the rest.
            Err(store::Error::UnknownQuestion(_)) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Ends the stream with an error.
    pub(crate) fn fail(&self, shared: &Shared, error: &Error) {
        if !matches!(error, Error::Cancelled) {
            tracing::error!(video = %self.video, question = self.id, %error, "no answer");
        }
        let error = if shared.is_halting() { &Error::ShuttingDown } else { error };
        let (code, message) = (error.code().to_owned(), error.to_string());
        self.tell(AnswerEvent::Error { code, message, tokens: error.tokens_wanting() });
    }

    /// Whether the work on it has to end.
    pub(crate) fn is_stopped(&self, shared: &Shared) -> bool {
        shared.is_halting() || self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn elapsed_ms(&self) -> u32 {
        u32::try_from(self.asked.elapsed().as_millis()).unwrap_or(u32::MAX)
    }
}
