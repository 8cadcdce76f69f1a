//! `TrackEntry` (RFC 9559 §5.1.4): what a track carries and how its picture is shown.

use super::ebml::Content;
use super::sound::{self, Sound};
use super::{codec, ids, text};
use crate::codec::{Shape, pixel_aspect};
use crate::layout::Layout;
use crate::movie::{Codec, Color, Orientation, Rotation, TrackKind, Wanted};
use crate::subtitles::Text;

/// A track before its blocks.
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) kind: TrackKind,
    pub(super) enabled: bool,
    pub(super) codec: Codec,
    pub(super) shape: Shape,
    pub(super) orientation: Orientation,
    pub(super) layout: Layout,
    /// Nanoseconds a frame lasts; zero where the file does not say.
    pub(super) default_duration: u64,
    /// What only a subtitle track has.
    pub(super) text: Text,
    /// What only a sound track has.
    pub(super) sound: Sound,
    /// `CodecPrivate` of a VP9 track, until the first key frame completes its string.
    pub(super) features: Option<Vec<u8>>,
}

impl Entry {
    /// Whether the blocks of such a track are looked at.
    pub(super) fn is_read(&self, wanted: Wanted) -> bool {
        wanted.has(self.kind) && (self.kind != TrackKind::Subtitle || self.text.form.is_some())
    }
}

/// Reads one entry.
pub(super) fn entry(entry: Content<'_>) -> Entry {
    let uint = |id, otherwise| entry.child(id).map_or(otherwise, Content::uint);
    let id = entry.child(ids::CODEC_ID).map(Content::text).unwrap_or_default();
    let kind = match uint(ids::TRACK_TYPE, 0) {
        1 => TrackKind::Video,
        2 => TrackKind::Audio,
        17 => TrackKind::Subtitle,
        _ if text::is_subtitle(&id) => TrackKind::Subtitle,
        _ => TrackKind::Other,
    };
    let (layout, scheme) = entry.child(ids::CONTENT_ENCODINGS).map_or((Layout::Plain, None), encodings);
    let private = entry.child(ids::CODEC_PRIVATE).map(|c| c.bytes).unwrap_or_default();
    let (mut codec, text) = match kind {
        TrackKind::Video => (codec::picture(&id, private), Text::default()),
        TrackKind::Subtitle => text::described(&id, entry),
        _ => (codec::sound(&id), Text::default()),
    };
    (codec.encrypted, codec.scheme) = (scheme.is_some(), scheme);
    let video = entry.child(ids::VIDEO).filter(|_| kind == TrackKind::Video);
    Entry {
        number: uint(ids::TRACK_NUMBER, 0),
        kind,
        enabled: uint(ids::FLAG_ENABLED, 1) != 0 && uint(ids::FLAG_DEFAULT, 1) != 0,
        codec,
        shape: video.map(shape).unwrap_or_default(),
        orientation: video.map(orientation).unwrap_or_default(),
        layout,
        default_duration: uint(ids::DEFAULT_DURATION, 0),
        text,
        sound: if kind == TrackKind::Audio { sound::described(&id, private, entry) } else { Sound::default() },
        features: (id == "V_VP9").then(|| private.iter().copied().take(64).collect()),
    }
}

/// What was done to the bytes of a track, and how they are encrypted.
fn encodings(list: Content<'_>) -> (Layout, Option<String>) {
    let (mut layout, mut scheme) = (Layout::Plain, None);
    for (id, encoding) in list.children() {
        let scope = encoding.child(ids::ENCODING_SCOPE).map_or(1, Content::uint);
        if id != ids::CONTENT_ENCODING || scope & 1 == 0 {
            continue;
        }
        if encoding.child(ids::ENCODING_TYPE).map_or(0, Content::uint) != 0 {
            let encryption = encoding.child(ids::ENCRYPTION);
            scheme =
                Some(cipher(encryption.and_then(|e| e.child(ids::ENCRYPTION_ALGORITHM)).map(Content::uint)).to_owned());
            continue;
        }
        let compression = encoding.child(ids::COMPRESSION);
        let settings = compression.and_then(|c| c.child(ids::COMPRESSION_SETTINGS)).map(|c| c.bytes);
        let algorithm = compression.and_then(|c| c.child(ids::COMPRESSION_ALGORITHM)).map_or(0, Content::uint);
        layout = match (algorithm, layout) {
            (3, Layout::Plain) => Layout::Stripped(settings.unwrap_or_default().to_vec()),
            (0, Layout::Plain) => Layout::Zlib,
            (0 | 3, _) => Layout::Compressed("a Matroska track whose frames are encoded twice"),
            (1, _) => Layout::Compressed("a Matroska track compressed with bzlib"),
            (2, _) => Layout::Compressed("a Matroska track compressed with lzo1x"),
            _ => Layout::Compressed("a Matroska track compressed in an unknown way"),
        };
    }
    (layout, scheme)
}

/// `ContentEncAlgo` in words.
fn cipher(algorithm: Option<u64>) -> &'static str {
    match algorithm {
        Some(1) => "DES",
        Some(2) => "Triple DES",
        Some(3) => "Twofish",
        Some(4) => "Blowfish",
        Some(5) => "AES",
        _ => "unnamed encryption",
    }
}

/// Size, pixel aspect and colour of `Video`.
fn shape(video: Content<'_>) -> Shape {
    let uint = |id, otherwise| video.child(id).map_or(otherwise, Content::uint);
    let side = |id| u32::try_from(uint(id, 0)).unwrap_or(u32::MAX);
    let (width, height) = (side(ids::PIXEL_WIDTH), side(ids::PIXEL_HEIGHT));
    let shown = |whole: u32, a, b| u64::from(whole).saturating_sub(uint(a, 0).saturating_add(uint(b, 0)));
    let (inner_width, inner_height) =
        (shown(width, ids::CROP_LEFT, ids::CROP_RIGHT), shown(height, ids::CROP_TOP, ids::CROP_BOTTOM));
    // Display sizes in pixels, centimetres, inches or as a ratio: what they say of a pixel's shape is the same.
    let aspect = match uint(ids::DISPLAY_UNIT, 0) {
        0..=3 => {
            let (wide, high) = (uint(ids::DISPLAY_WIDTH, inner_width), uint(ids::DISPLAY_HEIGHT, inner_height));
            wide.checked_mul(inner_height).zip(high.checked_mul(inner_width)).and_then(|(h, v)| pixel_aspect(h, v))
        }
        _ => None,
    };
    Shape { width, height, pixel_aspect: aspect, color: video.child(ids::COLOUR).and_then(color) }
}

/// `Colour`; a part that is left out is "unspecified".
fn color(colour: Content<'_>) -> Option<Color> {
    let code = |id| colour.child(id).map(|c| u16::try_from(c.uint()).unwrap_or(2));
    let (primaries, transfer, matrix) = (code(ids::PRIMARIES), code(ids::TRANSFER), code(ids::MATRIX));
    let range = colour.child(ids::RANGE).map(Content::uint);
    if primaries.or(transfer).or(matrix).is_none() && range.is_none() {
        return None;
    }
    Some(Color {
        primaries: primaries.unwrap_or(2),
        transfer: transfer.unwrap_or(2),
        matrix: matrix.unwrap_or(2),
        full_range: range == Some(2),
    })
}

/// The roll of `Projection` counts against the clock; a yaw of half a circle is a mirror.
fn orientation(video: Content<'_>) -> Orientation {
    let angle = |id| video.child(ids::PROJECTION).and_then(|p| p.child(id)).and_then(Content::float).unwrap_or(0.0);
    let quarters = (-angle(ids::POSE_ROLL) / 90.0).round();
    let rotation = match quarters.rem_euclid(4.0) as u8 {
        1 => Rotation::Clockwise90,
        2 => Rotation::Half,
        3 => Rotation::Clockwise270,
        _ => Rotation::None,
    };
    Orientation { rotation, mirrored: (angle(ids::POSE_YAW).abs() - 180.0).abs() < 1.0 }
}
