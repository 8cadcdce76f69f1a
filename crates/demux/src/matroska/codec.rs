//! Codec IDs and `CodecPrivate` (the Matroska codec specifications) to codec strings and descriptions.

use crate::codec::fourcc::{self, BITMAP_HEADER};
use crate::codec::names::picture_name;
use crate::codec::{avc, hevc, mpeg, plain, strings};
use crate::movie::Codec;

/// The codec of a video track.
pub(super) fn picture(id: &str, private: &[u8]) -> Codec {
    match id {
        "V_MPEG4/ISO/AVC" => avc(id, private),
        "V_MPEGH/ISO/HEVC" => hevc(id, private),
        "V_VP8" => plain(id, "VP8", "vp8"),
        "V_VP9" => plain(id, "VP9", &vp9(private, None)),
        "V_AV1" => plain(id, "AV1", strings::av1(private).as_deref().unwrap_or("av01.0.12M.08")),
        "V_MPEG4/ISO/SP" | "V_MPEG4/ISO/ASP" | "V_MPEG4/ISO/AP" => plain(id, "MPEG-4 Visual", "mp4v.20"),
        "V_MPEG4/MS/V3" => plain(id, "MS-MPEG-4", "MP43"),
        "V_MPEG1" => plain(id, "MPEG-1", "mp4v.6A"),
        "V_MPEG2" => plain(id, "MPEG-2", mpeg2(private)),
        "V_MJPEG" => plain(id, "Motion JPEG", "mjpg"),
        "V_PRORES" => prores(id, private),
        "V_THEORA" => plain(id, "Theora", "theora"),
        "V_FFV1" => plain(id, "FFV1", "ffv1"),
        "V_DIRAC" => plain(id, "Dirac", "dirac"),
        "V_UNCOMPRESSED" => plain(id, "uncompressed video", "raw"),
        "V_MS/VFW/FOURCC" => match fourcc::bitmap(private) {
            Some((code, _, _)) => {
                Codec { fourcc: id.to_owned(), ..fourcc::codec(code, private.get(BITMAP_HEADER..).unwrap_or_default()) }
            }
            None => plain(id, "an unnamed codec", "V_MS/VFW/FOURCC"),
        },
        "V_QUICKTIME" => match private.get(4..8).and_then(|code| <[u8; 4]>::try_from(code).ok()) {
            Some(code) => plain(id, picture_name(code).unwrap_or("a QuickTime codec"), &crate::mp4::name(code)),
            None => plain(id, "a QuickTime codec", id),
        },
        _ => plain(id, id, id),
    }
}

/// `vp09.PP.LL.DD`, by the features in `CodecPrivate` or what the first key frame says of profile and depth.
pub(super) fn vp9(private: &[u8], told: Option<(u8, u8)>) -> String {
    let feature = |wanted: u8| {
        let mut rest = private;
        while let [id, 1, value, tail @ ..] = rest {
            if *id == wanted {
                return Some(*value);
            }
            rest = tail;
        }
        None
    };
    let profile = told.map(|(profile, _)| profile).or_else(|| feature(1)).unwrap_or(0);
    let level = feature(2).filter(|&level| level > 0).unwrap_or(51);
    let depth = told.map(|(_, depth)| depth).or_else(|| feature(3)).unwrap_or(if profile < 2 { 8 } else { 10 });
    format!("vp09.{profile:02}.{level:02}.{depth:02}")
}

fn mpeg2(private: &[u8]) -> &'static str {
    crate::codec::annexb::units(private).find_map(mpeg::mpeg2_string).unwrap_or("mp4v.61")
}

fn prores(id: &str, private: &[u8]) -> Codec {
    let code = private.get(..4).and_then(|code| <[u8; 4]>::try_from(code).ok());
    plain(id, "ProRes", &code.map_or_else(|| "apcn".to_owned(), crate::mp4::name))
}

/// The codec of a track that is not looked at, for messages.
pub(super) fn sound(id: &str) -> Codec {
    let name = match id {
        _ if id.starts_with("A_AAC") => "AAC",
        "A_OPUS" => "Opus",
        "A_VORBIS" => "Vorbis",
        "A_MPEG/L3" => "MP3",
        "A_MPEG/L2" => "MP2",
        _ if id.starts_with("A_AC3") => "AC-3",
        _ if id.starts_with("A_EAC3") => "E-AC-3",
        _ if id.starts_with("A_DTS") => "DTS",
        "A_TRUEHD" => "TrueHD",
        "A_FLAC" => "FLAC",
        "A_ALAC" => "ALAC",
        _ if id.starts_with("A_PCM") => "PCM",
        _ => id,
    };
    plain(id, name, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_named_by_id_and_private_data() {
        assert_eq!(picture("V_MPEG4/ISO/AVC", &[1, 0x64, 0, 0x1F, 0xFF]).string, "avc1.64001F");
        assert_eq!(picture("V_VP9", &[1, 1, 2, 2, 1, 31, 3, 1, 10]).string, "vp09.02.31.10");
        assert_eq!(picture("V_VP9", &[]).string, "vp09.00.51.08");
        assert_eq!(picture("V_MS/VFW/FOURCC", &[0; 12]).name, "an unnamed codec");
        let mut header = vec![0; 40];
        header[16..20].copy_from_slice(b"MJPG");
        assert_eq!(picture("V_MS/VFW/FOURCC", &header).name, "Motion JPEG");
        assert_eq!(sound("A_AAC/MPEG4/LC").name, "AAC");
        // A broken description is no description.
        assert_eq!(picture("V_MPEG4/ISO/AVC", &[7]).description, None);
    }
}
