//! What a search across the library finds.

use serde::{Deserialize, Serialize};

use crate::time::Span;
use crate::video::VideoId;

/// The most letters a search has.
pub const MAX_WORDS_CHARS: usize = 200;

/// A place that has the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The video.
    pub video: VideoId,
    /// Its title.
    pub title: String,
    /// Where in it the words stand.
    pub place: Place,
    /// When; none where it is not about a moment.
    pub span: Option<Span>,
    /// What stands there: the title, what is said, what is seen, or the question.
    pub text: String,
}

/// Where in a video words stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In its title.
    Title,
    /// In subtitles or what is said.
    Said,
    /// In the title of a scene.
    Seen,
    /// In a question or its answer.
    Asked,
}
