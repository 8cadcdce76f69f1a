//! Transcripts of a video as they travel between page and server.

use serde::{Deserialize, Serialize};

use crate::cues::{Cue, Format, Warning};
use crate::time::{Span, Timestamp};

/// One transcript of a video, without its cues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptInfo {
    /// Its number.
    pub id: i64,
    /// The name of the file it came from; another file of the same name takes its place.
    pub name: String,
    /// As BCP 47 names it, when it is known.
    pub language: Option<String>,
    /// Cues it has.
    pub cues: u32,
    /// When it came: milliseconds since 1970.
    pub created_ms: i64,
    /// Of one that is heard and not whole yet: what was said up to here.
    pub heard: Option<Timestamp>,
}

/// A cue that can be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CueRecord {
    /// Its number, unique on the server.
    pub id: i64,
    /// When, and what.
    pub cue: Cue,
}

/// What became of a subtitle file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptReceipt {
    /// As it is kept.
    pub info: TranscriptInfo,
    /// The format found.
    pub format: Format,
    /// The encoding found, as the WHATWG standard names it.
    pub encoding: String,
    /// What was repaired or left out, by line.
    pub warnings: Vec<Warning>,
    /// Further repairs that `warnings` has no room for.
    pub further_warnings: u32,
}

/// A cue in which the words of a question stand: evidence that is there before the model's first word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When it is shown or said, inside the video.
    pub span: Span,
    /// What is said.
    pub text: String,
    /// The transcript it stands in.
    pub transcript: i64,
    /// Whether it says in other words what was looked for.
    #[serde(default)]
    pub is_similar: bool,
}
