//! What a file holds: tracks, samples in decoding order, frames in presentation order.

use serde::Serialize;
use timeline::Timestamp;

use crate::layout::Layout;
use crate::sniff::Container;
use crate::subtitles::SubtitleTrack;
use crate::{Error, Warning};

/// The index of one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Movie {
    /// What the file is.
    pub container: Container,
    /// All tracks, in the file's order. Only video tracks carry samples.
    pub tracks: Vec<Track>,
    /// The subtitle tracks among them, and how their cues are read.
    pub subtitles: Vec<SubtitleTrack>,
    /// End of the last frame of the longest video track.
    pub duration: Timestamp,
    /// What to add to a time here to get the file's own (and `ffprobe`'s). The clock of a transport stream begins
    /// anywhere, so it is moved to begin at zero, as players do; zero in every other container.
    pub origin: Timestamp,
    /// What is missing or damaged in a file that can be read all the same.
    pub warnings: Vec<Warning>,
}

/// For what a file is opened: the rest costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Pictures, and the texts that belong to them.
    Pictures,
    /// Sound.
    Sound,
}

impl Wanted {
    /// Whether the samples of such tracks are looked for.
    pub(crate) fn has(self, kind: TrackKind) -> bool {
        match kind {
            TrackKind::Video | TrackKind::Subtitle => self == Self::Pictures,
            TrackKind::Audio => self == Self::Sound,
            TrackKind::Other => false,
        }
    }
}

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles; see [`Movie::subtitles`].
    Subtitle,
    /// Time codes, chapters, metadata …
    Other,
}

/// One track.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Track {
    /// The file's own number for it.
    pub id: u32,
    /// What it carries.
    pub kind: TrackKind,
    /// Whether players show it unasked.
    pub enabled: bool,
    /// How it is coded.
    pub codec: Codec,
    /// Coded width in pixels, before pixel aspect and rotation.
    pub width: u32,
    /// Coded height in pixels.
    pub height: u32,
    /// How the picture is turned before it is shown.
    pub orientation: Orientation,
    /// Width : height of one pixel, where the container says it.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Colour description, where the container says it.
    pub color: Option<Color>,
    /// Seconds that a tick of the container's clock for this track lasts, as a fraction: `(1, 90000)`, `(1001, 30000)`.
    pub time_base: (u32, u32),
    /// End of the last shown frame.
    pub duration: Timestamp,
    /// Decoding order.
    pub samples: Vec<Sample>,
    /// Presentation order, edit list applied: what `ffprobe -show_frames` lists.
    pub presented: Vec<Frame>,
    /// How the bytes of a sample become what a decoder is given; see [`Track::read_sample`].
    #[serde(skip)]
    pub layout: Layout,
}

/// A coded picture in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// First byte in the file; in a transport stream, of the packet in which it begins.
    pub offset: u64,
    /// Bytes of it in the file, without what a container puts between them.
    pub size: u32,
    /// When it is decoded, on the clock of `pts`.
    pub dts: Timestamp,
    /// When it is shown; samples outside the edit list keep their place on the same clock (negative before the start).
    pub pts: Timestamp,
    /// How long, by the container's table.
    pub duration: Timestamp,
    /// Whether decoding can start here.
    pub key: bool,
}

/// A picture as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// From when.
    pub pts: Timestamp,
    /// Index into [`Track::samples`].
    pub sample: u32,
}

/// How a track is coded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Codec {
    /// The container's own name for it: four characters, a Matroska codec ID, a stream type.
    pub fourcc: String,
    /// Name for people: "H.264", "HEVC (H.265)".
    pub name: String,
    /// The string WebCodecs knows it by (`avc1.64001F`); the four characters where there is none.
    pub string: String,
    /// What WebCodecs calls the decoder's description (payload of `avcC`, `hvcC`); absent where the stream carries it.
    pub description: Option<Vec<u8>>,
    /// Whether the samples are encrypted.
    pub encrypted: bool,
    /// By which scheme, where the container names it: `cenc`, `cbcs`, `AES`.
    pub scheme: Option<String>,
}

/// Code points of ITU-T H.273, as in box `colr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Color {
    /// Colour primaries.
    pub primaries: u16,
    /// Transfer characteristics.
    pub transfer: u16,
    /// Matrix coefficients.
    pub matrix: u16,
    /// Whether luma spans 0–255 instead of 16–235.
    pub full_range: bool,
}

/// A turn by quarter circles, clockwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// Upright.
    #[default]
    None,
    /// A quarter clockwise: the usual upright phone.
    Clockwise90,
    /// Upside down.
    Half,
    /// A quarter counter-clockwise.
    Clockwise270,
}

impl Rotation {
    /// Degrees clockwise.
    pub const fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Clockwise90 => 90,
            Self::Half => 180,
            Self::Clockwise270 => 270,
        }
    }

    /// Whether width and height change places.
    pub const fn swaps_sides(self) -> bool {
        matches!(self, Self::Clockwise90 | Self::Clockwise270)
    }
}

/// How a decoded picture is turned: mirrored first (left and right exchanged), then rotated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Orientation {
    /// The turn.
    pub rotation: Rotation,
    /// Whether left and right are exchanged.
    pub mirrored: bool,
}

impl Movie {
    /// The subtitle tracks in the order in which they are of use: what is shown unasked first, signs and foreign speech alone
    /// last, else as in the file.
    pub fn subtitles_by_use(&self) -> Vec<&SubtitleTrack> {
        let mut tracks: Vec<_> = self.subtitles.iter().collect();
        tracks.sort_by_key(|track| (track.forced, !track.default));
        tracks
    }

    /// The track to look at: the first enabled video track with frames, or the first video track at all.
    ///
    /// # Errors
    /// No video track, nothing shown in it, or encrypted.
    pub fn video(&self) -> Result<&Track, Error> {
        let videos = || self.tracks.iter().filter(|t| t.kind == TrackKind::Video);
        let track = videos()
            .find(|t| t.enabled && !t.presented.is_empty())
            .or_else(|| videos().find(|t| !t.presented.is_empty()))
            .or_else(|| videos().next())
            .ok_or_else(|| Error::NoVideoTrack { found: self.found() })?;
        if track.codec.encrypted {
            let scheme = track.codec.scheme.clone().unwrap_or_else(|| "DRM".to_owned());
            return Err(Error::Encrypted { scheme });
        }
        if let Layout::Compressed(feature) = track.layout {
            return Err(Error::Unsupported { feature });
        }
        if track.presented.is_empty() || track.duration <= Timestamp::ZERO {
            return Err(Error::ZeroDuration);
        }
        Ok(track)
    }

    fn found(&self) -> String {
        let sound: Vec<_> =
            self.tracks.iter().filter(|t| t.kind == TrackKind::Audio).map(|t| t.codec.name.as_str()).collect();
        match (sound.as_slice(), self.tracks.len()) {
            ([], 0) => "an index without tracks".to_owned(),
            ([], _) => "data tracks".to_owned(),
            (names, _) => format!("sound ({})", names.join(", ")),
        }
    }
}

impl Track {
    /// Width and height as a player shows the picture: pixel aspect applied to the width, then turned.
    pub fn shown_size(&self) -> (u32, u32) {
        let width = match self.pixel_aspect {
            Some((h, v)) if h > 0 && v > 0 => {
                let wide = (u64::from(self.width) * u64::from(h) + u64::from(v) / 2) / u64::from(v);
                u32::try_from(wide).unwrap_or(u32::MAX).max(1)
            }
            _ => self.width,
        };
        if self.orientation.rotation.swaps_sides() { (self.height, width) } else { (width, self.height) }
    }

    /// Index of the sample from which decoding must start for `sample` to come out right: the last key sample not later
    /// in decoding *and* in presentation. A picture that leads an open group is decoded from the group before.
    pub fn decode_from(&self, sample: usize) -> usize {
        let Some(wanted) = self.samples.get(sample) else { return 0 };
        self.samples
            .get(..=sample)
            .and_then(|before| before.iter().rposition(|s| s.key && s.pts <= wanted.pts))
            .unwrap_or(0)
    }

    /// Index of the last key sample before `sample` in decoding order; zero when there is none.
    pub fn key_before(&self, sample: usize) -> usize {
        self.samples.get(..sample).and_then(|before| before.iter().rposition(|s| s.key)).unwrap_or(0)
    }

    /// Index of the first key sample after `sample` in decoding order; the number of samples when there is none.
    pub fn key_after(&self, sample: usize) -> usize {
        let from = sample.saturating_add(1);
        let after = self.samples.get(from..).and_then(|after| after.iter().position(|s| s.key));
        after.map_or(self.samples.len(), |distance| from + distance)
    }
}
