//! What streams from server to page: how the index grows, and how an answer is written. One JSON object a line.

use serde::{Deserialize, Serialize};

use crate::course::Course;
use crate::overview::{Coarse, Glimpse};
use crate::time::{Span, Timestamp};
use crate::transcripts::Evidence;
use crate::video::{SpanInText, VideoState};

/// The moment a token describes: the mean of the time pointer's distribution over segments, and its spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Where the model looked.
    pub at: Timestamp,
    /// One standard deviation of where it looked.
    pub spread: Timestamp,
    /// Where a trained pointer meant to look before the frames had their say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Timestamp>,
}

/// A segment the model looked at, and how much. On the wire `[from µs, to µs, thousandths]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64, u16)", into = "(i64, i64, u16)")]
pub struct Gaze {
    /// The segment.
    pub span: Span,
    /// Its share of the whole look, in thousandths.
    pub share: u16,
}

impl From<(i64, i64, u16)> for Gaze {
    fn from((from, to, share): (i64, i64, u16)) -> Self {
        Self { span: Span::new(Timestamp::from_micros(from), Timestamp::from_micros(to)), share }
    }
}

impl From<Gaze> for (i64, i64, u16) {
    fn from(gaze: Gaze) -> Self {
        (gaze.span.start.micros(), gaze.span.end.micros(), gaze.share)
    }
}

/// How a video's index grows. The first event of a stream is always a `Snapshot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ProgressEvent {
    /// Where things stand when the stream opens.
    Snapshot {
        /// How far the video has come.
        state: VideoState,
        /// Frames of the plan, ascending and without a gap.
        frames: Vec<Timestamp>,
        /// Segments encoded, ascending.
        segments: Vec<Span>,
        /// Key frames of what lies behind them, ascending; none when all frames are here.
        #[serde(default)]
        overview: Vec<Glimpse>,
        /// First frames of shots, ascending; the video's first frame is not told.
        #[serde(default)]
        cuts: Vec<Timestamp>,
    },
    /// Shots were found in what became durable.
    Cuts {
        /// Their first frames, ascending.
        cuts: Vec<Timestamp>,
    },
    /// Key frames became durable that show what lies ahead of the plan's frames.
    Overview {
        /// Ascending.
        glimpses: Vec<Glimpse>,
    },
    /// Frames became durable; the overview up to the last of them has served.
    Frames {
        /// Their timestamps, ascending.
        frames: Vec<Timestamp>,
    },
    /// Segments were encoded.
    Segments {
        /// From the first frame to the second of each.
        segments: Vec<Span>,
    },
    /// The video changed its state.
    State {
        /// The state now.
        state: VideoState,
    },
    /// Encoding failed; the rest of the library is not affected.
    Failed {
        /// A sentence for the log and the curious; the page shows its own words for the code.
        message: String,
    },
}

/// How an answer is written. The last event of a stream is `Done` or `Error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AnswerEvent {
    /// The question was accepted and stored.
    Started {
        /// Its number within the video.
        question: i64,
    },
    /// The question asks where something is said: the subtitles in which its words stand, ascending in time; none when they
    /// stand nowhere. Told before the model has begun, and only of videos with a transcript.
    Found {
        /// What was found.
        evidence: Vec<Evidence>,
    },
    /// There is no memory for it yet.
    Waiting {
        /// Questions that come first.
        ahead: u32,
    },
    /// Frames are still on their way: how coarsely the answer sees what has not come.
    Coarse(Coarse),
    /// The video is longer than the model reads at once: one window after the other is asked where it is.
    Searching {
        /// The window that is being read.
        span: Span,
        /// Its number, from 1.
        window: u32,
        /// Windows in all.
        windows: u32,
    },
    /// The answer that stands is looked at again, with frames that lie closer to each other.
    Closer {
        /// Its number, from 1.
        round: u32,
        /// The stretches that are looked at, ascending.
        spans: Vec<Span>,
        /// Frames that are wanting for it.
        frames: u32,
    },
    /// The server has no file to take them from: whoever asked is to send the frames that a player shows at these instants.
    Wanted {
        /// Ascending.
        instants: Vec<Timestamp>,
    },
    /// What follows is a new answer that takes the place of the one before.
    Again,
    /// What was done beside one reading of the video, as far as it has come; stored with the answer.
    Course(Course),
    /// The prompt is being read: the wait before the first word has a length.
    Reading {
        /// Tokens read.
        done: u32,
        /// Tokens to read, kept ones not counted.
        total: u32,
    },
    /// More of what a thinking model says to itself before it answers. No part of the answer, and not stored.
    Thought {
        /// The text; never half a character.
        text: String,
    },
    /// More text.
    Token {
        /// The text; never half a character.
        text: String,
        /// The moment it describes.
        pin: Option<Pin>,
        /// The segments the model looked at most while it wrote this, the most first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        looked: Vec<Gaze>,
    },
    /// A time was recognised in the text so far.
    Span(SpanInText),
    /// The answer is complete and stored.
    Done {
        /// What it took.
        usage: Usage,
    },
    /// The answer ends here; what was written so far is stored.
    Error {
        /// Machine-readable, see the server's error type.
        code: String,
        /// A sentence that says what to do.
        message: String,
        /// With a prompt that is too long: what it needs and what there is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tokens: Option<TokensWanting>,
    },
}

/// Tokens that a prompt needs, and fewer that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensWanting {
    /// Needed.
    pub needed: u32,
    /// There.
    pub limit: u32,
}

/// What an answer took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of those, tokens whose KV was kept from an earlier question.
    pub kept_tokens: u32,
    /// Tokens written.
    pub answer_tokens: u32,
    /// Tokens a thinking model wrote to itself before.
    #[serde(default)]
    pub thought_tokens: u32,
    /// From the question to the first word, in milliseconds.
    pub first_token_ms: u32,
    /// From the question to the end, in milliseconds.
    pub total_ms: u32,
    /// Segments the model was shown.
    #[serde(default)]
    pub shown_segments: u32,
    /// Segments there were: more than shown when the context is too short for all, or still pictures were left out.
    #[serde(default)]
    pub all_segments: u32,
}
