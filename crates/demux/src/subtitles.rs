//! Subtitle tracks inside a video file: which there are, and from the packets of one to cues.
//!
//! Opening a file notes where the packets lie; [`SubtitleTrack::read`] reads them and nothing else. The containers say when
//! and in which [`Form`]; `timeline::cues::embedded` makes plain text of it and repairs it like a subtitle file. A page reads
//! the packets alone ([`SubtitleTrack::packets`]) and leaves the rest to its server.

use std::io::{Read, Seek};

use serde::Serialize;
use timeline::Timestamp;
use timeline::cues::embedded::{self, Script};
use timeline::cues::{self, CueError, MAX_CUES, MAX_FILE_BYTES};

use crate::layout::Layout;
use crate::movie::{Codec, Track};
use crate::source::Source;
use crate::{Error, matroska, mp4};

/// Packets of all subtitle tracks of a file; between two subtitles there may be an empty one.
pub(crate) const MOST_PACKETS: u64 = 4 * MAX_CUES as u64;

/// A subtitle track.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubtitleTrack {
    /// The file's own number for it, as in [`Track::id`].
    pub id: u32,
    /// How it is coded.
    pub codec: Codec,
    /// As BCP 47 names it (`en`, `zh-Hans`), where the container says it.
    pub language: Option<String>,
    /// What the file calls it: "Director's comments".
    pub name: Option<String>,
    /// Whether players show it unasked.
    pub default: bool,
    /// Whether it is shown even to those who want no subtitles: signs, foreign speech.
    pub forced: bool,
    /// How the text is written; nothing where it is none, or none that is read.
    #[serde(skip)]
    pub(crate) form: Option<Form>,
    #[serde(skip)]
    pub(crate) layout: Layout,
    #[serde(skip)]
    pub(crate) packets: Vec<Packet>,
}

/// Where a packet lies and when it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) offset: u64,
    pub(crate) size: u32,
    pub(crate) start: Timestamp,
    /// Nothing where the container does not say: until the next.
    pub(crate) end: Option<Timestamp>,
}

/// How a container writes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// 3GPP timed text (3GPP TS 26.245): a length, the text, boxes of style.
    Tx3g,
    /// QuickTime text: the same, older.
    QuickTime,
    /// Boxes of WebVTT cues (ISO/IEC 14496-30 §5).
    VttBoxes,
    /// A TTML document a packet (ISO/IEC 14496-30 §6; ETSI and W3C IMSC).
    Ttml,
    /// SubRip's text.
    SubRip,
    /// A line of ASS.
    Ass,
    /// The payload of a WebVTT cue.
    Vtt,
    /// WebM's first way to write WebVTT: a line with a name, a line of settings, the payload.
    WebmVtt,
}

/// Why a subtitle track gives no cues.
#[derive(Debug, thiserror::Error)]
pub enum SubtitleError {
    /// Reading the file failed.
    #[error(transparent)]
    Read(#[from] Error),
    /// Pictures, captions of television, or something unknown.
    #[error(
        "the subtitles of track {track} are not text that is read here ({codec}); choose another track, or have them \
         converted to SRT and add that file"
    )]
    NotText {
        /// Number of the track.
        track: u32,
        /// Its codec's name.
        codec: String,
    },
    /// Protected content.
    #[error(
        "the subtitles of track {track} are encrypted ({scheme}) and cannot be read; use a file without copy protection"
    )]
    Encrypted {
        /// Number of the track.
        track: u32,
        /// The scheme, where the file names it.
        scheme: String,
    },
    /// Packed in a way that is not undone here.
    #[error(
        "the subtitles of track {track} cannot be unpacked ({how}); extract them first: ffmpeg -i INPUT OUTPUT.srt"
    )]
    Compressed {
        /// Number of the track.
        track: u32,
        /// How, in words.
        how: &'static str,
    },
    /// More text than any film has.
    #[error(
        "track {track} holds more than {limit} bytes of subtitles, which no film has; extract and split them first"
    )]
    TooLarge {
        /// Number of the track.
        track: u32,
        /// The most that is read.
        limit: u64,
    },
    /// More cues than are kept.
    #[error("track {track} holds more than {limit} subtitles; extract and split them first")]
    TooManyCues {
        /// Number of the track.
        track: u32,
        /// The most that are kept.
        limit: u32,
    },
    /// No text at all.
    #[error("track {track} holds no subtitles that can be read ({reason}); choose another track")]
    Empty {
        /// Number of the track.
        track: u32,
        /// What is wrong, or that there are none.
        reason: String,
    },
}

impl SubtitleTrack {
    /// What [`Movie::tracks`](crate::Movie::tracks) lists becomes what can be read.
    pub(crate) fn of(track: &Track, text: Text, packets: Vec<Packet>) -> Self {
        Self {
            id: track.id,
            codec: track.codec.clone(),
            language: text.language,
            name: text.name.filter(|name| !name.trim().is_empty()),
            default: track.enabled,
            forced: text.forced,
            form: text.form,
            layout: track.layout.clone(),
            packets,
        }
    }

    /// Whether its text is of a kind that [`read`](Self::read) reads; images (PGS, VobSub) and captions of television are
    /// not.
    pub fn is_text(&self) -> bool {
        self.form.is_some()
    }

    /// Reads the cues: the packets of this track, nothing else of the file. Times are those of the video's frames, in
    /// microseconds; warnings are numbered by packet. What the file no longer holds is left out and told.
    ///
    /// # Errors
    /// It is no text, encrypted, compressed in an unknown way, beyond all measure, or empty; or the file cannot be read.
    pub fn read<R: Read + Seek>(&self, reader: &mut R) -> Result<cues::Reading, SubtitleError> {
        self.packets(reader)?.read().map_err(|error| self.refused(error))
    }

    /// Reads the packets alone, so that cues can be made of them elsewhere.
    ///
    /// # Errors
    /// As for [`read`](Self::read), but for what only shows in the text.
    pub fn packets<R: Read + Seek>(&self, reader: &mut R) -> Result<embedded::Track, SubtitleError> {
        let form = self.readable()?;
        let too_large = || SubtitleError::TooLarge { track: self.id, limit: MAX_FILE_BYTES as u64 };
        let mut source = Source::new(reader)?;
        let mut found = Vec::with_capacity(self.packets.len());
        let mut left = MAX_FILE_BYTES;
        for (number, &Packet { offset, size, start, end }) in (1_u32..).zip(&self.packets) {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if size > left {
                return Err(too_large());
            }
            let bytes = source.peek(offset, size)?;
            // What unfolds to more than is left is cut there, and so found to be too large.
            let unpacked = self.layout.undone(bytes, left + 1);
            left = left.checked_sub(unpacked.bytes.len().max(size)).ok_or_else(too_large)?;
            let packet = |text| embedded::Packet { number, start, end, text };
            if bytes.len() < size || !unpacked.whole {
                found.push(packet(None));
                continue;
            }
            form.texts(&unpacked.bytes, |text| found.push(packet(Some(embedded::Text(text.to_vec())))));
        }
        Ok(embedded::Track {
            id: self.id,
            language: self.language.clone(),
            title: self.name.clone(),
            script: form.script(),
            packets: found,
        })
    }

    /// How the text is written, if it can be read.
    fn readable(&self) -> Result<Form, SubtitleError> {
        let track = self.id;
        if self.codec.encrypted {
            let scheme = self.codec.scheme.clone().unwrap_or_else(|| "DRM".to_owned());
            return Err(SubtitleError::Encrypted { track, scheme });
        }
        if let Layout::Compressed(how) = self.layout {
            return Err(SubtitleError::Compressed { track, how });
        }
        self.form.ok_or_else(|| SubtitleError::NotText { track, codec: self.codec.name.clone() })
    }

    fn refused(&self, error: CueError) -> SubtitleError {
        let track = self.id;
        match error {
            CueError::TooManyCues { limit, .. } => SubtitleError::TooManyCues { track, limit },
            CueError::NoCues { reason, .. } => SubtitleError::Empty { track, reason },
            other => SubtitleError::Empty { track, reason: other.to_string() },
        }
    }
}

/// What a container says of a subtitle track beside its codec.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pub(crate) form: Option<Form>,
    pub(crate) language: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) forced: bool,
}

impl Form {
    const fn script(self) -> Script {
        match self {
            Self::Tx3g => Script::Plain,
            Self::QuickTime => Script::QuickTime,
            Self::VttBoxes | Self::Vtt | Self::WebmVtt => Script::Vtt,
            Self::Ttml => Script::Ttml,
            Self::SubRip => Script::SubRip,
            Self::Ass => Script::Ass,
        }
    }

    /// The texts of a packet.
    fn texts(self, packet: &[u8], mut each: impl FnMut(&[u8])) {
        match self {
            Self::Tx3g | Self::QuickTime => each(mp4::sized_text(packet)),
            Self::VttBoxes => mp4::vtt_payloads(packet).for_each(each),
            Self::WebmVtt => each(matroska::webm_payload(packet)),
            Self::Ttml | Self::SubRip | Self::Ass | Self::Vtt => each(packet),
        }
    }
}
