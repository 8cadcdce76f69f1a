//! The one seam behind which a model stands: it encodes pairs of frames, is shown a video, is asked, and writes.
//!
//! The words are those of the task (segments, stamps, questions), not of an implementation (tokens, tensors, caches), so
//! that a server spoken to over a network fits as well as a model in this process.

use std::any::Any;
use std::sync::Arc;

use qwen3_vl::{RgbFrame, SegmentFeatures};
use timeline::ModelInfo;
use timeline::resize::Size;

use crate::error::Result;
use crate::selection::ANSWER_TOKENS;
use crate::thought::Kind;
use crate::worker::survive;

/// Looks at frames and holds conversations about videos.
pub(crate) trait Backend: Send + Sync {
    /// What the page may know of it.
    fn info(&self) -> &ModelInfo;

    /// Changes whenever the same pixels would be encoded otherwise.
    fn fingerprint(&self) -> &str;

    /// Scales a picture to exactly `size`, as the model was trained.
    fn resize(&self, frame: &RgbFrame, size: Size) -> Result<RgbFrame>;

    /// Encodes pairs of frames, all of one size.
    fn encode(&self, pairs: &[[RgbFrame; 2]]) -> Result<Vec<SegmentFeatures>>;

    /// Tokens of one segment in the prompt, its stamp and delimiters included.
    fn segment_tokens(&self, stamp: &str, size: Size) -> u32;

    /// Tokens of everything in the prompt that is not a segment.
    fn question_tokens(&self, question: &str) -> Result<u32>;

    /// Tokens to keep free for what will be written.
    fn room(&self) -> u32 {
        ANSWER_TOKENS
    }

    /// A conversation about a video of which nothing has been shown yet.
    fn conversation(&self) -> Box<dyn Conversation>;

    /// Memory that one token of a conversation takes; 0 where others look after it.
    fn token_bytes(&self) -> u64;

    /// Writes the next token of each of several answers, as [`Conversation::write`] does for one, in their order. What
    /// fails for one does not disturb the others: a pass for all that panics leaves every answer as it was.
    fn write(&self, answers: &mut [&mut dyn Conversation]) -> Vec<Result<Written>> {
        answers.iter_mut().map(|answer| survive("writing", || answer.write())).collect()
    }
}

/// A segment to be shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// What the model reads before it: seconds with one decimal.
    pub(crate) stamp: String,
    /// What the vision tower saw.
    pub(crate) features: Arc<SegmentFeatures>,
}

/// Text that was written, and where the model looked as it wrote the last token of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    /// Whole characters; empty while one is unfinished.
    pub(crate) text: String,
    /// Whether it is said to the asker, or by a thinking model to itself.
    pub(crate) kind: Kind,
    /// Weight of every segment shown, when the model has a time pointer.
    pub(crate) looked: Option<Vec<f32>>,
}

/// What asking for the next piece gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written {
    /// The next piece.
    Piece(Piece),
    /// The answer is over.
    Over,
}

/// Asked between steps of long work: whether to stop.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// A model's memory of one video, and of one question about it.
pub(crate) trait Conversation: Any + Send {
    /// Another conversation that remembers the same without copying it.
    fn fork(&self) -> Result<Box<dyn Conversation>>;

    /// Tokens remembered.
    fn tokens(&self) -> u32;

    /// Memory it takes beside what it shares with the conversation it was forked from.
    fn own_bytes(&self) -> u64;

    /// Told that so many tokens will be shown before the next fork, so that room is made for them once.
    fn expect(&mut self, _tokens: u32) -> Result<()> {
        Ok(())
    }

    /// Shows further segments of the video. When it fails or is stopped, nothing of them is remembered.
    fn show(&mut self, segments: &[Shown], stop: Stop<'_>) -> Result<()>;

    /// Takes the question in. What follows is the answer, once [`read`](Self::read) has read all of it.
    fn ask(&mut self, question: &str, stop: Stop<'_>) -> Result<()>;

    /// Reads up to `tokens` more of the question; true when nothing is left and the answer can be written.
    fn read(&mut self, _tokens: u32, _stop: Stop<'_>) -> Result<bool> {
        Ok(true)
    }

    /// Writes the next token. After a failure it may be tried again.
    fn write(&mut self) -> Result<Written>;
}
