//! Cues written to a file. What is written as SRT, WebVTT or JSON reads back as the same cues (SRT and WebVTT keep
//! milliseconds).

use serde::{Deserialize, Serialize};

use super::{Cue, Transcript, Word, clock, plain};
use crate::time::{Span, Timestamp};

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
struct Entry<'a> {
    start_us: i64,
    end_us: i64,
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<Entry<'a>>,
}

impl<'a> Entry<'a> {
    fn new(span: Span, text: &'a str) -> Self {
        Self { start_us: span.start.micros(), end_us: span.end.micros(), text, words: Vec::new() }
    }
}

/// Writes a file piece by piece, for cues that come one by one.
#[derive(Debug)]
pub struct Writer {
    export: Export,
    written: u32,
}

impl Writer {
    /// Begins a file. Returns the writer of its cues and the text before them.
    pub fn begin(export: Export, language: Option<&str>) -> (Self, String) {
        let head = match (export, language) {
            (Export::Srt | Export::Txt, _) => String::new(),
            (Export::Vtt, None) => "WEBVTT\n".to_owned(),
            (Export::Vtt, Some(tag)) => format!("WEBVTT\nLanguage: {tag}\n"),
            (Export::Json, tag) => format!("{{\n  \"language\": {},\n  \"cues\": [", json(&tag)),
        };
        (Self { export, written: 0 }, head)
    }

    /// A cue's text. One that ends before the video begins is in JSON only, and so are the words; nothing else can write them
    /// down.
    pub fn cue(&mut self, cue: &Cue, words: &[Word]) -> String {
        let is_json = self.export == Export::Json;
        if cue.span.end < Timestamp::ZERO && !is_json {
            return String::new();
        }
        self.written = self.written.saturating_add(1);
        let times = |sign| {
            let [start, end] = [cue.span.start, cue.span.end].map(|moment| clock::write(moment.micros(), sign));
            format!("{start} --> {end}")
        };
        match self.export {
            Export::Srt => format!("{}\n{}\n{}\n\n", self.written, times(','), plain::escape(&cue.text, false)),
            Export::Vtt => format!("\n{}\n{}\n", times('.'), plain::escape(&cue.text, true)),
            Export::Txt => format!("{}\t{}\n", cue.span.start.clock(), line(&cue.text)),
            Export::Json => {
                let words = words.iter().map(|word| Entry::new(word.span, &word.text)).collect();
                let entry = json(&Entry { words, ..Entry::new(cue.span, &cue.text) });
                let comma = if self.written > 1 { "," } else { "" };
                format!("{comma}\n    {}", entry.replace('\n', "\n    "))
            }
        }
    }

    /// The text after the last cue.
    pub fn end(self) -> &'static str {
        match (self.export, self.written) {
            (Export::Json, 0) => "]\n}",
            (Export::Json, _) => "\n  ]\n}",
            _ => "",
        }
    }
}

/// The file's text.
pub fn write(transcript: &Transcript, export: Export) -> String {
    let (mut writer, mut text) = Writer::begin(export, transcript.language.as_deref());
    transcript.cues.iter().for_each(|cue| text.push_str(&writer.cue(cue, &[])));
    text + writer.end()
}

/// Strings and integers: nothing in there can fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A cue's text on one line.
pub fn line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}
