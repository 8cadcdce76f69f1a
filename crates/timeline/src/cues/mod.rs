//! Timed text: subtitles and transcripts, read from whatever a file holds, and written again.
//!
//! ```text
//! bytes ─▶ encoding ─▶ format ─▶ srt | vtt | ass | ttml | json ─▶ collect (order, repair) ─▶ Reading
//! ```
//!
//! What a track inside a video file holds comes by the packet ([`embedded`]) and is collected in the same way.
//!
//! Damage is repaired where its meaning is clear and told with its line; a file of which nothing can be made is refused
//! with the line at fault.
//!
//! | I want to change how … | file |
//! |---|---|
//! | bytes become text | `encoding.rs` |
//! | a format is recognised | `format.rs` |
//! | times are read and written | `clock.rs` |
//! | tags and entities go and come back | `plain.rs` |
//! | one format is read | `srt.rs`, `vtt.rs`, `ass.rs`, `ttml.rs`, `json.rs` |
//! | packets of a track inside a video file are read | [`embedded`] |
//! | cues are ordered and repaired | `collect.rs` |
//! | damage is told | [`damage`] |
//! | times are shifted or stretched | [`retime`] |
//! | cues are written to a file | [`export`] |
//! | words are found | [`search`] |
//! | a question about words is recognised | [`asked`] |
//! | cues are laid between segments | [`windows`] |

pub mod asked;
mod ass;
mod clock;
mod collect;
pub mod damage;
pub mod embedded;
mod encoding;
mod error;
pub mod export;
mod format;
mod json;
mod language;
mod plain;
pub mod retime;
pub mod search;
mod srt;
mod ttml;
mod vtt;
pub mod windows;

use serde::{Deserialize, Serialize};

pub use damage::{Damage, Warning};
pub use error::CueError;
pub use export::Export;
pub use format::Format;
pub use language::{of_code as language_of_code, of_text as language_of_text};
pub use plain::tidy;
pub use retime::Retiming;

use crate::time::Span;
use collect::Collector;

/// The most a file may have.
pub const MAX_FILE_BYTES: usize = 8 << 20;
/// The most cues of one file.
pub const MAX_CUES: usize = 50_000;
/// The most one cue's text keeps.
pub const MAX_CUE_CHARS: usize = 2_000;

/// A text and when it is shown or said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cue {
    /// From its first moment to its last. Before zero when it was shifted out of the video.
    pub span: Span,
    /// Plain text: lines trimmed, none empty, no tags.
    pub text: String,
}

/// A word and when it is said. Words join to a text as they are: the space before one belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// From its first sound to its last.
    pub span: Span,
    /// As written, with the punctuation that belongs to it.
    pub text: String,
}

/// The cues of one file or track, in the order of their starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// As BCP 47 names it (`en`, `zh-Hans`), when it is known or obvious.
    pub language: Option<String>,
    /// Ascending by start.
    pub cues: Vec<Cue>,
}

/// What a file, or a track of a video file, turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its cues.
    pub transcript: Transcript,
    /// The format found; of a track, the one nearest to it.
    pub format: Format,
    /// The name of the encoding found, as the WHATWG standard has it.
    pub encoding: &'static str,
    /// What was repaired or left out, by line (of a track: by packet); the first of them when there are many.
    pub warnings: Vec<Warning>,
    /// Further repairs that `warnings` has no room for.
    pub further_warnings: u32,
}

/// Reads a subtitle file or a transcript. `name` is the file's name: a hint of the format and the language, no more.
///
/// # Errors
/// When it is too large, no text, of no known format, or has no cue that can be read; the line is named.
pub fn read(bytes: &[u8], name: &str) -> Result<Reading, CueError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(CueError::TooLarge { bytes: bytes.len() as u64, limit: MAX_FILE_BYTES as u64 });
    }
    let named = language::of_name(name);
    let decoded = encoding::decode(bytes, named.as_deref())?;
    let format = format::sniff(&decoded.text, name)?;
    let mut found = Collector::default();
    if let Some(line) = decoded.damaged_line {
        found.warn(line, Damage::Characters);
    }
    let written = match format {
        Format::Srt => srt::read(&decoded.text, &mut found).map(|()| None),
        Format::Vtt => vtt::read(&decoded.text, &mut found),
        Format::Ass => ass::read(&decoded.text, &mut found).map(|()| None),
        Format::Ttml => ttml::read(&decoded.text, &mut found),
        Format::Json => json::read(&decoded.text, &mut found),
    }?;
    let (cues, warnings, further_warnings) = found.finish(format)?;
    let language = named.or(written.as_deref().and_then(language::tag)).or_else(|| language_of(&cues));
    let transcript = Transcript { language, cues };
    Ok(Reading { transcript, format, encoding: decoded.encoding, warnings, further_warnings })
}

fn language_of(cues: &[Cue]) -> Option<String> {
    let beginning: String = cues.iter().flat_map(|cue| cue.text.chars()).take(2_000).collect();
    language::of_text(&beginning).map(str::to_owned)
}
