//! JSON: what Timepin exports, and the segments Whisper and its relatives write (`{"segments": [{"start", "end", "text"}]}`,
//! seconds as decimal numbers).

use serde::Deserialize;

use super::collect::Collector;
use super::error::CueError;
use super::{Damage, Format};
use crate::time::Timestamp;

/// A file, in either form.
#[derive(Deserialize)]
struct File {
    language: Option<String>,
    #[serde(default, alias = "segments")]
    cues: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Micros { start_us: i64, end_us: i64, text: String },
    Seconds { start: f64, end: f64, text: String },
}

/// A thousand hours, in microseconds: what is further away is no time.
const FURTHEST: i64 = 3_600_000_000_000;

/// Reads the cues; returns the language the file names.
pub(super) fn read(text: &str, found: &mut Collector) -> Result<Option<String>, CueError> {
    let text = text.trim_start_matches('\u{feff}');
    let bare = |cues| File { language: None, cues };
    let parsed = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map(bare)
    } else {
        serde_json::from_str::<File>(text)
    };
    let file = parsed.map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(u32::MAX).max(1);
        CueError::NoCues { format: Format::Json, line, reason: error.to_string() }
    })?;
    // A parsed document has no lines any more: what is left out is counted from the first cue.
    for (number, entry) in (1_u32..).zip(file.cues) {
        let (start, end, text) = match entry {
            Entry::Micros { start_us, end_us, text } => (start_us, end_us, text),
            Entry::Seconds { start, end, text } => {
                (Timestamp::from_seconds(start).micros(), Timestamp::from_seconds(end).micros(), text)
            }
        };
        if start.saturating_abs() > FURTHEST || end.saturating_abs() > FURTHEST {
            found.warn(number, Damage::Time);
            continue;
        }
        found.add(number, start, Some(end), &text)?;
    }
    Ok(file.language)
}
