//! Sample descriptions (`stsd`) to codec strings and decoder descriptions.
//!
//! Sources: RFC 6381 and ISO/IEC 14496-15 annex E (`avc1`, `hvc1`), the WebM project's "VP Codec ISO Media File Format
//! Binding" (`vp09`), the "AV1 Codec ISO Media File Format Binding" §5 (`av01`), the WebCodecs codec registry.

use super::boxes::{Body, Kind, name};
use super::header;
use crate::Error;
use crate::movie::{Codec, Color, TrackKind};

/// The first sample description of a track.
pub(super) struct Entry {
    pub(super) codec: Codec,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixel_aspect: Option<(u32, u32)>,
    pub(super) color: Option<Color>,
}

/// Reads the first entry of `stsd`.
pub(super) fn entry(mut stsd: Body<'_>, kind: TrackKind) -> Result<Entry, Error> {
    stsd.version()?;
    stsd.u32()?;
    let (fourcc, body) = stsd.children().next().ok_or_else(|| stsd.malformed("no entry"))??;
    if kind != TrackKind::Video {
        let codec = plain(fourcc, sound_name(fourcc).map_or_else(|| name(fourcc), str::to_owned));
        return Ok(Entry { codec, width: 0, height: 0, pixel_aspect: None, color: None });
    }
    // VisualSampleEntry: reserved and reference index 8, predefined 16, width, height, the rest up to 78.
    let mut body = body;
    body.skip(24)?;
    let (width, height) = (body.u16()?.into(), body.u16()?.into());
    body.skip(50)?;
    let encrypted = &fourcc == b"encv";
    let original = body.child(b"sinf").and_then(|s| s.child(b"frma")).and_then(|mut f| f.u32().ok());
    let fourcc = if encrypted { original.map_or(fourcc, u32::to_be_bytes) } else { fourcc };
    let mut codec = video(fourcc, body);
    codec.encrypted = encrypted;
    Ok(Entry {
        codec,
        width,
        height,
        pixel_aspect: body.child(b"pasp").and_then(header::pixel_aspect),
        color: body.child(b"colr").and_then(header::color),
    })
}

fn plain(fourcc: Kind, people: String) -> Codec {
    let fourcc = name(fourcc);
    Codec { string: fourcc.clone(), fourcc, name: people, description: None, encrypted: false }
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
            if let Some(object) = body.child(b"esds").and_then(object_type) {
                codec.string = format!("mp4v.{object:02X}");
                codec.name = object_name(object).to_owned();
            }
        }
        _ => {}
    }
    codec
}

/// `PPCCLL`: profile, constraint flags, level of an `avcC`.
fn avc(config: &[u8]) -> Option<String> {
    match config {
        [1, profile, constraints, level, ..] => Some(format!("{profile:02X}{constraints:02X}{level:02X}")),
        _ => None,
    }
}

/// `1.6.L93.B0`: profile space and number, compatibility flags in reverse bit order, tier and level, constraint bytes.
fn hevc(config: &[u8]) -> Option<String> {
    let [_, profile, c0, c1, c2, c3, constraints @ ..] = config else { return None };
    let (constraints, level) = (constraints.get(..6)?, constraints.get(6)?);
    let space = ["", "A", "B", "C"].get(usize::from(profile >> 6))?;
    let tier = if profile & 0x20 != 0 { 'H' } else { 'L' };
    let compatibility = u32::from_be_bytes([*c0, *c1, *c2, *c3]).reverse_bits();
    let mut string = format!("{space}{}.{compatibility:X}.{tier}{level}", profile & 0x1F);
    let used = constraints.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    for byte in constraints.iter().take(used) {
        string.push_str(&format!(".{byte:X}"));
    }
    Some(string)
}

/// `vp09.PP.LL.DD.CC.cp.tc.mc.FF` of a `vpcC`.
fn vp9(config: &[u8]) -> Option<String> {
    let [_, _, _, _, profile, level, depth, primaries, transfer, matrix, ..] = config else { return None };
    let level = if *level == 0 { 51 } else { *level };
    let (bits, chroma, range) = (depth >> 4, depth >> 1 & 7, depth & 1);
    Some(format!(
        "vp09.{profile:02}.{level:02}.{bits:02}.{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{range:02}"
    ))
}

/// `av01.P.LLT.DD` of an `av1C`.
fn av1(config: &[u8]) -> Option<String> {
    let [_, profile_level, flags, ..] = config else { return None };
    let (profile, level) = (profile_level >> 5, profile_level & 0x1F);
    let tier = if flags & 0x80 != 0 { 'H' } else { 'M' };
    let depth = match (profile, flags & 0x40 != 0, flags & 0x20 != 0) {
        (2, true, true) => 12,
        (_, true, _) => 10,
        _ => 8,
    };
    Some(format!("av01.{profile}.{level:02}{tier}.{depth:02}"))
}

/// `objectTypeIndication` of an `esds` (ISO/IEC 14496-1 §7.2.6).
fn object_type(mut esds: Body<'_>) -> Option<u8> {
    esds.version().ok()?;
    if descriptor(&mut esds)? == 3 {
        esds.skip(2).ok()?;
        let flags = esds.u8().ok()?;
        esds.skip(if flags & 0x80 != 0 { 2 } else { 0 }).ok()?;
        if flags & 0x40 != 0 {
            let length = esds.u8().ok()?;
            esds.skip(length.into()).ok()?;
        }
        esds.skip(if flags & 0x20 != 0 { 2 } else { 0 }).ok()?;
        if descriptor(&mut esds)? == 4 {
            return esds.u8().ok();
        }
    }
    None
}

/// Tag of a descriptor; its length (up to four bytes of seven bits) is passed over.
fn descriptor(body: &mut Body<'_>) -> Option<u8> {
    let tag = body.u8().ok()?;
    for _ in 0..4 {
        if body.u8().ok()? & 0x80 == 0 {
            break;
        }
    }
    Some(tag)
}

fn object_name(object: u8) -> &'static str {
    match object {
        0x20 => "MPEG-4 Visual",
        0x60..=0x65 => "MPEG-2",
        0x6A => "MPEG-1",
        0x6C => "Motion JPEG",
        0x6D => "PNG",
        _ => "MPEG-4 systems video",
    }
}

fn picture_name(fourcc: Kind) -> Option<&'static str> {
    Some(match &fourcc {
        b"avc1" | b"avc3" | b"dva1" | b"dvav" => "H.264",
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => "HEVC (H.265)",
        b"vvc1" | b"vvi1" => "VVC (H.266)",
        b"vp08" => "VP8",
        b"vp09" => "VP9",
        b"av01" => "AV1",
        b"mp4v" => "MPEG-4 Visual",
        b"jpeg" | b"mjpa" | b"mjpb" | b"mjpg" | b"AVDJ" => "Motion JPEG",
        b"apcn" | b"apch" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "ProRes",
        b"AVdn" | b"AVdh" => "DNxHD",
        b"CFHD" => "CineForm",
        b"h263" | b"s263" => "H.263",
        b"SVQ1" | b"SVQ3" => "Sorenson Video",
        b"png " | b"MPNG" => "PNG",
        b"rle " => "QuickTime Animation",
        b"m1v " => "MPEG-1",
        b"m2v1" | b"mx5p" | b"hdv1" | b"hdv2" | b"hdv3" => "MPEG-2",
        b"dvc " | b"dvcp" | b"dvpp" | b"dv5n" | b"dvh5" | b"dvh6" => "DV",
        _ => return None,
    })
}

fn sound_name(fourcc: Kind) -> Option<&'static str> {
    Some(match &fourcc {
        b"mp4a" => "AAC",
        b"Opus" => "Opus",
        b".mp3" => "MP3",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"alac" => "ALAC",
        b"fLaC" => "FLAC",
        b"sowt" | b"twos" | b"lpcm" | b"in24" | b"in32" | b"fl32" | b"ipcm" | b"fpcm" => "PCM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codec_strings_are_those_browsers_ask_for() {
        assert_eq!(avc(&[1, 0x64, 0, 0x1F, 0xFF]).as_deref(), Some("64001F"));
        let hvcc = [1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0xF0];
        assert_eq!(hevc(&hvcc).as_deref(), Some("1.6.L93.90"));
        assert_eq!(vp9(&[1, 0, 0, 0, 0, 31, 0x82, 1, 1, 1, 0, 0]).as_deref(), Some("vp09.00.31.08.01.01.01.01.00"));
        assert_eq!(av1(&[0x81, 0x08, 0x0C, 0]).as_deref(), Some("av01.0.08M.08"));
    }

    #[test]
    fn a_description_that_is_too_short_gives_no_string() {
        for length in 0..4 {
            let bytes = vec![1; length];
            assert_eq!(avc(&bytes), None);
            assert_eq!((hevc(&bytes), vp9(&bytes)), (None, None));
        }
    }
}
