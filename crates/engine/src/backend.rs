//! The one seam behind which a model stands: it encodes pairs of frames, is shown a video, is asked, and writes.
//!
//! The words are those of the task (segments, stamps, questions), not of an implementation (tokens, tensors, caches), so
//! that a server spoken to over a network fits as well as a model in this process.

use std::any::Any;
use std::sync::Arc;

use qwen3_vl::{Look, RgbFrame, SegmentFeatures, Window};
use timeline::resize::Size;
use timeline::{ModelInfo, Timestamp};

use crate::error::Result;
use crate::selection::ANSWER_TOKENS;
use crate::thought::Kind;
use crate::worker::survive;

/// Looks at frames and holds conversations about videos.
pub(crate) trait Backend: Send + Sync {
    /// What the page may know of it.
    fn info(&self) -> &ModelInfo;

    /// Changes whenever what is remembered of the same pictures would be another.
    fn fingerprint(&self) -> &str;

    /// Between the segments of the only grid its model was trained on, which has to start where the video does; none: it reads any
    /// stamps, or who answers sees to that.
    fn beat(&self) -> Option<Timestamp> {
        None
    }

    /// What computes the memory of a segment; none when the pictures themselves are the memory, because whoever looks at
    /// them does so anew with every question.
    fn encoder(&self) -> Option<&dyn Encoder>;

    /// Tokens of one segment in the prompt, its stamp and delimiters included.
    fn segment_tokens(&self, stamp: &str, size: Size) -> u32;

    /// Tokens of a caption before a segment.
    fn caption_tokens(&self, caption: &str) -> u32;

    /// Tokens of everything in the prompt that is not a segment.
    fn question_tokens(&self, question: &str) -> Result<u32>;

    /// Tokens to keep free for what will be written.
    fn room(&self) -> u32 {
        ANSWER_TOKENS
    }

    /// The window for a prompt of so many tokens, so many segments of one size among them: the model's own if that holds it, since
    /// a wider one changes every answer. None when not even the widest does.
    fn window(&self, _tokens: u32, _segments: u32, _size: Size) -> Option<Window> {
        Some(Window::Native)
    }

    /// Tokens that fit into the widest window whatever they are, and the most there are room for when they are those of a video.
    /// More than [`ModelInfo::max_context`] is used only when the settings ask for it.
    fn widest_context(&self) -> (u32, u32) {
        (self.info().max_context, self.info().max_context)
    }

    /// A conversation about a video of which nothing has been shown yet.
    fn conversation(&self, window: Window) -> Box<dyn Conversation>;

    /// Memory that one token of a conversation takes; 0 where others look after it.
    fn token_bytes(&self) -> u64;

    /// Writes the next token of each of several answers, as [`Conversation::write`] does for one, in their order. What
    /// fails for one does not disturb the others: a pass for all that panics leaves every answer as it was.
    fn write(&self, answers: &mut [&mut dyn Conversation]) -> Vec<Result<Written>> {
        answers.iter_mut().map(|answer| survive("writing", || answer.write())).collect()
    }
}

/// Turns pictures into what a model in this process reads of them.
pub(crate) trait Encoder: Send + Sync {
    /// Scales a picture to exactly `size`, as the model was trained.
    fn resize(&self, frame: &RgbFrame, size: Size) -> Result<RgbFrame>;

    /// Encodes pairs of frames, all of one size.
    fn encode(&self, pairs: &[[RgbFrame; 2]]) -> Result<Vec<SegmentFeatures>>;
}

/// A segment to be shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// What is said from its first frame to the next segment's, one line a subtitle; read before the stamp. Mostly empty.
    pub(crate) caption: Arc<str>,
    /// What the model reads before it: seconds with one decimal.
    pub(crate) stamp: String,
    /// What there is to see.
    pub(crate) memory: Memory,
}

/// What is remembered of a segment between its arrival and a question.
#[derive(Debug, Clone)]
pub(crate) enum Memory {
    /// What the [`Encoder`] made of it.
    Features(Arc<SegmentFeatures>),
    /// The pictures as they are stored, each with its own moment: two, or one at the end of an odd number.
    Pictures(Vec<Picture>),
}

impl Memory {
    /// What an encoder made, shown at a moment.
    pub(crate) fn shown_at(self, at: Timestamp) -> Self {
        match self {
            Self::Features(features) => Self::Features(Arc::new(features.shown_at(at))),
            pictures @ Self::Pictures(_) => pictures,
        }
    }

    /// Of what an encoder made, only these tokens; `None` for all.
    pub(crate) fn pruned(self, kept: Option<&[u32]>) -> Result<Self> {
        match (self, kept) {
            (Self::Features(features), Some(kept)) => Ok(Self::Features(Arc::new(features.pruned(kept)?))),
            (memory, _) => Ok(memory),
        }
    }
}

/// A frame as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) at: Timestamp,
    /// JPEG, PNG or WebP.
    pub(crate) bytes: Vec<u8>,
}

/// Text that was written, and where the model looked as it wrote the last token of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    /// Whole characters; empty while one is unfinished.
    pub(crate) text: String,
    /// Whether it is said to the asker, or by a thinking model to itself.
    pub(crate) kind: Kind,
    /// Where it looked among the segments shown, when the model has a time pointer.
    pub(crate) looked: Option<Look>,
}

/// What asking for the next piece gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written {
    /// The next piece.
    Piece(Piece),
    /// It is on its way: ask again after a while. Only who waits for somebody else says so.
    Waiting,
    /// The answer is over.
    Over,
}

/// Tokens as whoever answered counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) prompt: u32,
    /// Of those, tokens that had been read before.
    pub(crate) kept: u32,
    pub(crate) answer: u32,
}

/// Asked between steps of long work: whether to stop.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// A model's memory of one video, and of one question about it. Dropping it ends whatever it does.
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

    /// When the answer is over: its tokens, if they are counted elsewhere.
    fn counted(&self) -> Option<Counted> {
        None
    }
}
