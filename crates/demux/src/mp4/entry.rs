//! Sample descriptions (`stsd`): how a track is coded, and the shape of its pictures.

use super::boxes::{Body, Kind, name};
use super::{header, sound, text};
use crate::Error;
use crate::codec;
use crate::codec::names::{object_name, picture_name, sound_name};
use crate::codec::sound::Heard;
use crate::codec::strings::{av1, avc, hevc, vp9};
use crate::movie::{Codec, Color, TrackKind};
use crate::subtitles::Form;

/// The first sample description of a track.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) codec: Codec,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixel_aspect: Option<(u32, u32)>,
    pub(super) color: Option<Color>,
    /// How a text track is written, and whether all of it is always shown.
    pub(super) form: Option<Form>,
    pub(super) forced: bool,
    /// What a sound track is.
    pub(super) heard: Option<Heard>,
}

/// Reads the first entry of `stsd`.
pub(super) fn entry(mut stsd: Body<'_>, kind: TrackKind) -> Result<Entry, Error> {
    let (version, _) = stsd.version()?;
    stsd.u32()?;
    let (fourcc, body) = stsd.children().next().ok_or_else(|| stsd.malformed("no entry"))??;
    if kind == TrackKind::Subtitle {
        return Ok(text_entry(fourcc, body));
    }
    if kind != TrackKind::Video {
        return Ok(sound_entry(fourcc, body, version == 0));
    }
    // VisualSampleEntry: reserved and reference index 8, predefined 16, width, height, the rest up to 78.
    let mut body = body;
    body.skip(24)?;
    let (width, height) = (body.u16()?.into(), body.u16()?.into());
    body.skip(50)?;
    let protection = (&fourcc == b"encv").then(|| protection(body.child(b"sinf")));
    let original = protection.as_ref().and_then(|p| p.original);
    let mut codec = video(original.unwrap_or(fourcc), body);
    (codec.encrypted, codec.scheme) = (protection.is_some(), protection.and_then(|p| p.scheme));
    Ok(Entry {
        codec,
        width,
        height,
        pixel_aspect: body.child(b"pasp").and_then(header::pixel_aspect),
        color: body.child(b"colr").and_then(header::color),
        ..Entry::default()
    })
}

/// A text entry: reserved and reference index 8, then what its kind has. Of a protected one the scheme is found by its box.
fn text_entry(fourcc: Kind, body: Body<'_>) -> Entry {
    let protection = (&fourcc == b"enct" || &fourcc == b"encs").then(|| protection(body.find(b"sinf")));
    let original = protection.as_ref().and_then(|p| p.original).unwrap_or(fourcc);
    let (form, people) = text::codec(original);
    let mut codec = plain(original, people.map_or_else(|| name(original), str::to_owned));
    (codec.encrypted, codec.scheme) = (protection.is_some(), protection.and_then(|p| p.scheme));
    Entry { codec, form, forced: &original == b"tx3g" && text::forced(body), ..Entry::default() }
}

/// Sound, and whatever else is neither seen nor read. Of a protected track the scheme is found by its box.
fn sound_entry(fourcc: Kind, body: Body<'_>, is_quicktime: bool) -> Entry {
    let protection = (&fourcc == b"enca").then(|| protection(body.find(b"sinf")));
    let original = protection.as_ref().and_then(|p| p.original).unwrap_or(fourcc);
    let mut codec = plain(fourcc, sound_name(original).map_or_else(|| name(original), str::to_owned));
    (codec.encrypted, codec.scheme) = (protection.is_some(), protection.and_then(|p| p.scheme));
    let heard = sound::heard(original, body, is_quicktime);
    if heard.as_ref().is_some_and(|heard| heard.string == "mp3") {
        codec.name = "MP3".to_owned();
    }
    Entry { codec, heard, ..Entry::default() }
}

/// `sinf` (ISO/IEC 14496-12 §8.12): what was encrypted, and how.
#[derive(Default)]
struct Protection {
    original: Option<Kind>,
    scheme: Option<String>,
}

fn protection(sinf: Option<Body<'_>>) -> Protection {
    let Some(sinf) = sinf else { return Protection::default() };
    let original = sinf.child(b"frma").and_then(|mut frma| frma.u32().ok()).map(u32::to_be_bytes);
    let scheme = sinf.child(b"schm").and_then(|mut schm| schm.version().and_then(|_| schm.u32()).ok());
    Protection { original, scheme: scheme.map(|scheme| name(scheme.to_be_bytes())) }
}

fn plain(fourcc: Kind, people: String) -> Codec {
    let fourcc = name(fourcc);
    codec::plain(&fourcc, &people, &fourcc)
}

fn video(fourcc: Kind, body: Body<'_>) -> Codec {
    let mut codec = plain(fourcc, picture_name(fourcc).map_or_else(|| name(fourcc), str::to_owned));
    let described = |kind: &Kind| body.child(kind).map(|b| b.bytes());
    match &fourcc {
        b"avc1" | b"avc3" | b"dva1" | b"dvav" => {
            let config = described(b"avcC");
            if let Some(string) = config.and_then(avc) {
                let prefix = if &fourcc == b"avc3" || &fourcc == b"dvav" { "avc3" } else { "avc1" };
                codec.string = format!("{prefix}.{string}");
                codec.description = config.map(<[u8]>::to_vec);
            }
        }
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => {
            let config = described(b"hvcC");
            if let Some(string) = config.and_then(hevc) {
                let prefix = if &fourcc == b"hev1" || &fourcc == b"dvhe" { "hev1" } else { "hvc1" };
                codec.string = format!("{prefix}.{string}");
                codec.description = config.map(<[u8]>::to_vec);
            }
        }
        b"vp08" => codec.string = "vp8".to_owned(),
        b"vp09" => codec.string = described(b"vpcC").and_then(vp9).unwrap_or_else(|| "vp09.00.51.08".to_owned()),
        b"av01" => codec.string = described(b"av1C").and_then(av1).unwrap_or_else(|| "av01.0.12M.08".to_owned()),
        b"mp4v" => {
            if let Some((object, _)) = body.child(b"esds").and_then(decoder_config) {
                codec.string = format!("mp4v.{object:02X}");
                codec.name = object_name(object).to_owned();
            }
        }
        _ => {}
    }
    codec
}

/// `objectTypeIndication` of an `esds` (ISO/IEC 14496-1 §7.2.6), and the decoder's own description behind it.
pub(super) fn decoder_config(mut esds: Body<'_>) -> Option<(u8, &[u8])> {
    esds.version().ok()?;
    if descriptor(&mut esds)?.0 == 3 {
        esds.skip(2).ok()?;
        let flags = esds.u8().ok()?;
        esds.skip(if flags & 0x80 != 0 { 2 } else { 0 }).ok()?;
        if flags & 0x40 != 0 {
            let length = esds.u8().ok()?;
            esds.skip(length.into()).ok()?;
        }
        esds.skip(if flags & 0x20 != 0 { 2 } else { 0 }).ok()?;
        if descriptor(&mut esds)?.0 == 4 {
            let object = esds.u8().ok()?;
            // Kind of stream, size of its buffer, two rates.
            let specific = esds.skip(12).ok().and_then(|()| descriptor(&mut esds));
            let specific = specific.filter(|(tag, _)| *tag == 5).and_then(|(_, length)| esds.take(length).ok());
            return Some((object, specific.unwrap_or_default()));
        }
    }
    None
}

/// Tag and length of a descriptor: up to four bytes of seven bits.
fn descriptor(body: &mut Body<'_>) -> Option<(u8, usize)> {
    let (tag, mut length) = (body.u8().ok()?, 0);
    for _ in 0..4 {
        let byte = body.u8().ok()?;
        length = length << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((tag, length))
}
