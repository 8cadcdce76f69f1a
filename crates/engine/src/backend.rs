//! The one seam behind which a model stands: it encodes pairs of frames, is shown a video, is asked, and writes.
//!
//! The words are those of the task (segments, stamps, questions), not of an implementation (tokens, tensors, caches), so
//! that a server spoken to over a network fits as well as a model in this process.

use std::sync::Arc;

use qwen3_vl::{RgbFrame, SegmentFeatures};
use timeline::ModelInfo;
use timeline::resize::Size;

use crate::error::Result;
use crate::selection::ANSWER_TOKENS;
use crate::thought::Kind;

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

/// Asked between steps of long work: whether to stop.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// A model's memory of one video, and of one question about it.
pub(crate) trait Conversation: Send {
    /// Another conversation that remembers the same without copying it.
    fn fork(&self) -> Result<Box<dyn Conversation>>;

    /// Tokens remembered.
    fn tokens(&self) -> u32;

    /// Memory it takes.
    fn bytes(&self) -> u64;

    /// Shows further segments of the video. When it fails or is stopped, nothing of them is remembered.
    fn show(&mut self, segments: &[Shown], stop: Stop<'_>) -> Result<()>;

    /// Reads the question; what follows is the answer.
    fn ask(&mut self, question: &str, stop: Stop<'_>) -> Result<()>;

    /// Writes the next token; nothing when the answer is over.
    fn write(&mut self) -> Result<Option<Piece>>;
}
