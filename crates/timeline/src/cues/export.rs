//! Cues written to a file. What is written as SRT, WebVTT or JSON reads back as the same cues (SRT and WebVTT keep
//! milliseconds).

use serde::{Deserialize, Serialize};

use super::{Transcript, clock, plain};
use crate::time::Timestamp;

/// What a transcript is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Export {
    /// SubRip.
    Srt,
    /// WebVTT.
    Vtt,
    /// A line a cue, with the time a player shows.
    Txt,
    /// Everything, in microseconds.
    Json,
}

impl Export {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Srt, Self::Vtt, Self::Txt, Self::Json];

    /// The ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Txt => "txt",
            Self::Json => "json",
        }
    }

    /// By its ending.
    pub fn named(ending: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|export| export.ending() == ending)
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
            Self::Txt => "text/plain; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

#[derive(Serialize)]
struct File<'a> {
    language: Option<&'a str>,
    cues: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    start_us: i64,
    end_us: i64,
    text: &'a str,
}

/// The file's text. Cues that end before the video begins are in JSON only; nothing else can write them down.
pub fn write(transcript: &Transcript, export: Export) -> String {
    let shown = || transcript.cues.iter().filter(|cue| cue.span.end >= Timestamp::ZERO);
    let times = |span: crate::Span, sign| {
        format!("{} --> {}", clock::write(span.start.micros(), sign), clock::write(span.end.micros(), sign))
    };
    match export {
        Export::Srt => (1..)
            .zip(shown())
            .map(|(n, cue)| format!("{n}\n{}\n{}\n\n", times(cue.span, ','), plain::escape(&cue.text, false)))
            .collect(),
        Export::Vtt => {
            let language = transcript.language.iter().map(|tag| format!("Language: {tag}\n"));
            let cues = shown().map(|cue| format!("\n{}\n{}\n", times(cue.span, '.'), plain::escape(&cue.text, true)));
            std::iter::once("WEBVTT\n".to_owned()).chain(language).chain(cues).collect()
        }
        Export::Txt => shown().map(|cue| format!("{}\t{}\n", cue.span.start.clock(), line(&cue.text))).collect(),
        Export::Json => {
            let entry = |cue: &'_ super::Cue| (cue.span.start.micros(), cue.span.end.micros());
            let cues = transcript.cues.iter().map(|cue| {
                let (start_us, end_us) = entry(cue);
                Entry { start_us, end_us, text: &cue.text }
            });
            let file = File { language: transcript.language.as_deref(), cues: cues.collect() };
            // Strings and integers: nothing in there can fail.
            serde_json::to_string_pretty(&file).unwrap_or_default()
        }
    }
}

/// A cue's text on one line.
pub fn line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}
