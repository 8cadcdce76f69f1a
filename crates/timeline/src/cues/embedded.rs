//! Subtitles out of a track of a video file: the container says when, each packet says what, in one of a few ways to write.
//!
//! Cues go through the same repair as those of a file. What warnings call a line is the number of the packet here. A [`Track`] is
//! read where the file is (in the page, on the server) and travels; its packets become cues where the library is.

use std::borrow::Cow;

use encoding_rs::{Encoding, MACINTOSH, UTF_8};
use serde::{Deserialize, Serialize};

use super::collect::Collector;
use super::error::CueError;
use super::{Damage, Format, MAX_FILE_BYTES, Reading, Transcript, ass, language, language_of, plain, ttml};
use crate::time::Timestamp;

/// The most of a track's own name that is shown.
const MAX_TITLE_CHARS: usize = 80;

/// A text track as it was read from its file, not made sense of yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The file's own number for it.
    pub id: u32,
    /// As BCP 47 names it, where the container says it.
    pub language: Option<String>,
    /// What the file calls it: "Director's comments".
    pub title: Option<String>,
    /// What its text is written in.
    pub script: Script,
    /// Ascending by number.
    pub packets: Vec<Packet>,
}

/// One text of a track and when it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// From 1; several may have the same.
    pub number: u32,
    /// From when.
    pub start: Timestamp,
    /// Nothing where the container does not say: until the next.
    pub end: Option<Timestamp>,
    /// Nothing where the file does not hold what the container says.
    pub text: Option<Text>,
}

/// The bytes of a text, as the file has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text(#[serde(with = "crate::video::bytes")] pub Vec<u8>);

impl Track {
    /// What it is called among the transcripts of a video: `Track 3 · English · Director's comments`.
    pub fn name(&self) -> String {
        let language = self.language.as_deref().map(language::own_name);
        let title: Option<String> = self.title.as_deref().map(|title| title.chars().take(MAX_TITLE_CHARS).collect());
        let parts = [Some(Self::place(self.id)), language, title.filter(|title| !title.trim().is_empty())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// The beginning of its name, which tells it from the other tracks of its file.
    pub fn place(id: u32) -> String {
        format!("Track {id}")
    }

    /// Makes cues of it, repaired like those of a file.
    ///
    /// # Errors
    /// When it has more text or more cues than are kept, or none that can be read.
    pub fn read(&self) -> Result<Reading, CueError> {
        let texts = self.packets.iter().filter_map(|packet| packet.text.as_ref());
        let bytes = texts.fold(0_u64, |sum, text| sum.saturating_add(text.0.len() as u64));
        if bytes > MAX_FILE_BYTES as u64 {
            return Err(CueError::TooLarge { bytes, limit: MAX_FILE_BYTES as u64 });
        }
        let mut found = Packets::new(self.script);
        for Packet { number, start, end, text } in &self.packets {
            match text {
                Some(text) => found.add(*number, *start, *end, &text.0)?,
                None => found.lost(*number),
            }
        }
        found.finish(self.language.as_deref())
    }
}

/// What the text of a track is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Script {
    /// Plain text, no marks: 3GPP timed text.
    Plain,
    /// Plain text that may be in the Macintosh's own encoding: QuickTime text.
    QuickTime,
    /// Text with SubRip's tags.
    SubRip,
    /// A cue's payload as WebVTT has it.
    Vtt,
    /// A line of ASS or SSA without its times: number, layer, style, name, three margins, effect, text.
    Ass,
    /// A TTML document a packet, with times on the clock of the track.
    Ttml,
}

impl Script {
    /// The file format nearest to it, whose repairs it gets.
    const fn format(self) -> Format {
        match self {
            Self::Plain | Self::QuickTime | Self::SubRip => Format::Srt,
            Self::Vtt => Format::Vtt,
            Self::Ass => Format::Ass,
            Self::Ttml => Format::Ttml,
        }
    }
}

/// Packets of one track on their way to a transcript.
#[derive(Debug)]
struct Packets {
    script: Script,
    found: Collector,
    encoding: &'static Encoding,
}

impl Packets {
    /// None yet.
    fn new(script: Script) -> Self {
        Self { script, found: Collector::default(), encoding: UTF_8 }
    }

    /// Adds packet `number` (from 1), shown from `start` to `end`, or to the next where the container does not say.
    ///
    /// Several may have one number: a packet of WebVTT in MP4 holds all cues that are shown at a time.
    fn add(&mut self, number: u32, start: Timestamp, end: Option<Timestamp>, bytes: &[u8]) -> Result<(), CueError> {
        let text = self.decode(number, bytes);
        let (start, end) = (start.micros(), end.map(Timestamp::micros));
        let words = match self.script {
            Script::Plain | Script::QuickTime => text,
            Script::SubRip | Script::Vtt => Cow::Owned(plain::strip(&text)),
            Script::Ass => Cow::Owned(ass::packet(&text)),
            Script::Ttml => return self.document(number, (start, end), &text),
        };
        // Between two subtitles some containers need an empty one; that is no damage.
        if words.trim().is_empty() { Ok(()) } else { self.found.add(number, start, end, &words) }
    }

    /// Notes that a packet is not where the container says, or not whole.
    fn lost(&mut self, number: u32) {
        self.found.warn(number, Damage::Text);
    }

    /// The transcript. `language` is what the container says of the track.
    fn finish(mut self, language: Option<&str>) -> Result<Reading, CueError> {
        if matches!(self.script, Script::Vtt | Script::Ttml) {
            self.found.join();
        }
        let format = self.script.format();
        let (cues, warnings, further_warnings) = self.found.finish(format)?;
        let language = language.map(str::to_owned).or_else(|| language_of(&cues));
        let transcript = Transcript { language, cues };
        Ok(Reading { transcript, format, encoding: self.encoding.name(), warnings, further_warnings })
    }

    fn document(&mut self, number: u32, shown: (i64, Option<i64>), text: &str) -> Result<(), CueError> {
        let mut part = Collector::default();
        match ttml::read(text, &mut part) {
            Ok(_) => self.found.absorb(part, number, shown),
            Err(error @ CueError::TooManyCues { .. }) => Err(error),
            Err(_) => {
                self.found.warn(number, Damage::Markup);
                Ok(())
            }
        }
    }

    fn decode<'a>(&mut self, number: u32, bytes: &'a [u8]) -> Cow<'a, str> {
        let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or((UTF_8, 0));
        let bytes = bytes.get(mark..).unwrap_or_default();
        let (text, damaged) = encoding.decode_without_bom_handling(bytes);
        if damaged && mark == 0 && self.script == Script::QuickTime {
            self.encoding = MACINTOSH;
            return MACINTOSH.decode_without_bom_handling(bytes).0;
        }
        if damaged {
            self.found.warn(number, Damage::Characters);
        }
        if mark > 0 {
            self.encoding = encoding;
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(script: Script, packets: &[(i64, Option<i64>, &[u8])]) -> Track {
        let packet = |(number, &(start, end, bytes)): (u32, &(i64, Option<i64>, &[u8]))| Packet {
            number,
            start: Timestamp::from_millis(start),
            end: end.map(Timestamp::from_millis),
            text: Some(Text(bytes.to_vec())),
        };
        let packets = (1..).zip(packets).map(packet).collect();
        Track { id: 3, language: None, title: None, script, packets }
    }

    fn read(script: Script, packets: &[(i64, Option<i64>, &[u8])]) -> Result<Reading, CueError> {
        track(script, packets).read()
    }

    fn cues(reading: &Reading) -> Vec<(i64, i64, &str)> {
        let millis = |at: Timestamp| at.micros() / 1_000;
        let cue = |cue: &'_ super::super::Cue| (millis(cue.span.start), millis(cue.span.end));
        reading.transcript.cues.iter().map(|own| (cue(own).0, cue(own).1, own.text.as_str())).collect()
    }

    #[test]
    fn a_track_is_called_by_its_number_its_language_and_its_title() {
        let named = |language: Option<&str>, title: Option<&str>| {
            let (language, title) = (language.map(str::to_owned), title.map(str::to_owned));
            Track { language, title, ..track(Script::Plain, &[]) }.name()
        };
        assert_eq!(named(Some("en"), Some("Director's comments")), "Track 3 · English · Director's comments");
        assert_eq!(named(Some("zh-Hans"), None), "Track 3 · 简体中文");
        assert_eq!(named(Some("xx"), Some(" ")), "Track 3 · xx");
        assert_eq!(named(None, Some(&"x".repeat(900))).chars().count(), "Track 3 · ".chars().count() + 80);
    }

    #[test]
    fn a_track_of_more_text_than_a_file_may_have_is_refused() {
        let much = vec![b'a'; MAX_FILE_BYTES / 2 + 1];
        let refused = read(Script::Plain, &[(0, None, &much), (9, None, &much)]);
        assert!(matches!(refused, Err(CueError::TooLarge { .. })), "{refused:?}");
    }

    #[test]
    fn every_script_loses_its_own_marks_and_no_other() {
        let of = |script, text: &str| read(script, &[(0, Some(1_000), text.as_bytes())]).unwrap().transcript.cues;
        let text = |script, text: &str| of(script, text).first().map(|cue| cue.text.clone()).unwrap_or_default();
        assert_eq!(text(Script::Plain, "<i>a</i> &amp; b"), "<i>a</i> &amp; b");
        assert_eq!(text(Script::SubRip, r"<i>a</i> {\an8}b"), "a b");
        assert_eq!(text(Script::Vtt, "<v Anna>a &amp; b"), "Anna: a & b");
        assert_eq!(text(Script::Ass, r"7,0,Default,,0,0,0,,{\i1}Well, a{\i0}\Nb"), "Well, a\nb");
        let document = "<tt><body><div><p begin='0.25s' end='0.5s'>a<br/>b</p></div></body></tt>";
        assert_eq!(text(Script::Ttml, document), "a\nb");
    }

    #[test]
    fn empty_packets_are_gaps_and_a_track_of_gaps_has_no_subtitles() {
        let reading = read(Script::Plain, &[(0, Some(500), b""), (500, Some(900), b"a"), (900, None, b" \n")]).unwrap();
        assert_eq!((cues(&reading), reading.warnings.len()), (vec![(500, 900, "a")], 0));
        assert!(matches!(read(Script::Plain, &[(0, None, b"")]), Err(CueError::NoCues { .. })));
    }

    #[test]
    fn a_cue_that_is_repeated_in_the_packets_it_lasts_through_is_one() {
        let packets: [(i64, Option<i64>, &[u8]); 5] = [
            (0, Some(2_000), b"a"),
            (2_000, Some(4_000), b"a"),
            (2_000, Some(4_000), b"b"),
            (4_000, Some(6_000), b"b"),
            (7_000, Some(8_000), b"b"),
        ];
        let reading = read(Script::Vtt, &packets).unwrap();
        assert_eq!(cues(&reading), [(0, 4_000, "a"), (2_000, 6_000, "b"), (7_000, 8_000, "b")]);
        // Where packets do not repeat, two that say the same are two.
        assert_eq!(read(Script::Plain, &packets[..2]).unwrap().transcript.cues.len(), 2);
    }

    #[test]
    fn a_document_is_shown_no_longer_than_its_packet() {
        let document = |text: &str| format!("<tt><body><div>{text}</div></body></tt>");
        let first = document("<p begin='1s' end='3s'>a</p><p begin='9s' end='10s'>b</p>");
        let second = document("<p begin='1s' end='3s'>a</p><p begin='3.5s'>c</p>");
        let packets: [(i64, Option<i64>, &[u8]); 3] =
            [(0, Some(2_000), first.as_bytes()), (2_000, Some(4_000), second.as_bytes()), (4_000, None, b"<tt><p")];
        let reading = read(Script::Ttml, &packets).unwrap();
        assert_eq!(cues(&reading), [(1_000, 3_000, "a"), (3_500, 4_000, "c")]);
    }

    #[test]
    fn encodings_are_told_apart_where_the_script_allows_several() {
        let of = |script, bytes: &[u8]| {
            let reading = read(script, &[(0, Some(1_000), bytes)]).unwrap();
            (reading.transcript.cues.first().map(|cue| cue.text.clone()).unwrap_or_default(), reading.encoding)
        };
        assert_eq!(of(Script::Plain, &[0xFE, 0xFF, 0x71, 0xB5, 0, b'!']), ("熵!".to_owned(), "UTF-16BE"));
        assert_eq!(of(Script::QuickTime, b"caf\x8E"), ("café".to_owned(), "macintosh"));
        assert_eq!(of(Script::QuickTime, "café".as_bytes()), ("café".to_owned(), "UTF-8"));
        let damaged = read(Script::SubRip, &[(0, Some(1_000), b"a\xFFb")]).unwrap();
        assert_eq!(
            damaged.warnings.first().map(|warning| (warning.line, warning.damage)),
            Some((1, Damage::Characters))
        );
    }

    #[test]
    fn a_packet_without_an_end_lasts_until_the_next() {
        let reading = read(Script::SubRip, &[(0, None, b"a"), (1_500, None, b"b")]).unwrap();
        assert_eq!(cues(&reading), [(0, 1_500, "a"), (1_500, 3_500, "b")]);
    }
}
