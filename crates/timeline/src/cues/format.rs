//! Which format a text is in: what it holds decides, the file's name only where that leaves it open.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clock::{self, Style};
use super::error::CueError;

/// A format of timed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// SubRip.
    Srt,
    /// WebVTT.
    Vtt,
    /// Advanced SubStation Alpha, and its forerunner SSA.
    Ass,
    /// TTML, DFXP, IMSC.
    Ttml,
    /// Timepin's own export, or segments as Whisper writes them.
    Json,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Srt => "SRT",
            Self::Vtt => "WebVTT",
            Self::Ass => "ASS",
            Self::Ttml => "TTML",
            Self::Json => "JSON",
        })
    }
}

/// Lines that are looked at for something that looks like a time.
const LOOKED_AT: usize = 2_000;

pub(super) fn sniff(text: &str, name: &str) -> Result<Format, CueError> {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let begins = |with: &str| start.get(..with.len()).is_some_and(|own| own.eq_ignore_ascii_case(with));
    if begins("WEBVTT") {
        return Ok(Format::Vtt);
    }
    if start.starts_with('<') {
        let head = start.char_indices().nth(4_000).map_or(start, |(at, _)| start.get(..at).unwrap_or(start));
        if ["<tt", ":tt"].iter().any(|tag| head.contains(tag)) || matches!(ending.as_str(), "ttml" | "dfxp" | "xml") {
            return Ok(Format::Ttml);
        }
    }
    let is_dialogue = |line: &str| line.starts_with("Dialogue:");
    if begins("[Script Info]") || begins("[V4") || begins("[Events]") || start.lines().any(is_dialogue) {
        return Ok(Format::Ass);
    }
    if start.starts_with('{') && start.contains('"') || start.starts_with('[') && start.contains('{') {
        return Ok(Format::Json);
    }
    let timed = |line: &str| clock::timing(line, Style::Srt).is_some() || line.contains("-->");
    if start.lines().take(LOOKED_AT).any(timed) {
        return Ok(if ending == "vtt" { Format::Vtt } else { Format::Srt });
    }
    let before = text.len() - start.len();
    Err(CueError::UnknownFormat { line: super::encoding::line_of(text, before) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_holds_decides_and_its_name_only_helps() {
        let cue = "1\n00:00:01,000 --> 00:00:02,000\nHello";
        assert_eq!(sniff(cue, "clip.vtt"), Ok(Format::Vtt));
        assert_eq!(sniff(cue, "clip.txt"), Ok(Format::Srt));
        assert_eq!(sniff("\u{feff}WEBVTT\n", "clip.srt"), Ok(Format::Vtt));
        assert_eq!(sniff("[Script Info]\n", "x"), Ok(Format::Ass));
        assert_eq!(sniff("<?xml version='1.0'?>\n<tt:tt xmlns:tt='x'>", "x"), Ok(Format::Ttml));
        assert_eq!(sniff(r#"{"segments": []}"#, "x"), Ok(Format::Json));
    }

    #[test]
    fn other_texts_are_refused_with_a_line() {
        assert_eq!(sniff("\n\nDear reader,\n", "letter.srt"), Err(CueError::UnknownFormat { line: 3 }));
        assert_eq!(sniff("{1}{25}Hello|world", "film.sub"), Err(CueError::UnknownFormat { line: 1 }));
        assert_eq!(sniff("", "x.srt"), Err(CueError::UnknownFormat { line: 1 }));
    }
}
