//! How an answer came about when reading the video once was not enough: windows searched, moments looked at closer. Streamed,
//! and stored with the question, so that its cost can always be seen.

use serde::{Deserialize, Serialize};

use crate::time::Span;
use crate::video::SpanInText;

/// What was done for an answer beside one reading of the video.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// The search for the places that the answer was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// Where the question led when not everything fitted: moments that look, or scenes that are called, like what it asks for. The
    /// video was read densely there. Ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leads: Vec<Span>,
    /// Where the search found something, when that is in several places: an answer may tell of one of them only. Ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Span>,
    /// Closer looks, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<Round>,
}

impl Course {
    /// Whether the video was read once and that was all.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// A search through the windows of a video that is longer than the model reads at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Windows asked; none where the subtitles or the question itself said where to look.
    pub windows: u32,
    /// Places found.
    pub found: u32,
    /// Tokens read.
    pub tokens: u32,
    /// Milliseconds.
    pub ms: u32,
}

/// A closer look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The stretches looked at, ascending.
    pub spans: Vec<Span>,
    /// Frames that came for it.
    pub frames: u32,
    /// Tokens read for it.
    pub tokens: u32,
    /// Milliseconds, the wait for frames included.
    pub ms: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// The answer whose place was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Earlier>,
}

/// What came of a closer look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A new answer took the place of the one before.
    Answered,
    /// What was written then named no time, or another than was looked for: the answer before stands.
    Stands,
    /// Nobody had the file: the answer before stands.
    NoFile,
    /// Whoever asked stopped it: the answer before stands.
    Stopped,
    /// It went wrong: the answer before stands.
    Failed,
}

/// An answer that a closer look replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// Its text.
    pub answer: String,
    /// The times in it.
    pub spans: Vec<SpanInText>,
}
