//! Codecs by the four characters of a `BITMAPINFOHEADER`, as AVI and Matroska's `V_MS/VFW/FOURCC` have them.

use super::names::{Fourcc, picture_name};
use super::{annexb, avc, h264, hevc, plain};
use crate::movie::Codec;

/// Bytes of a `BITMAPINFOHEADER` before what belongs to the codec.
pub(crate) const BITMAP_HEADER: usize = 40;

/// Compression, width, height of a `BITMAPINFOHEADER`.
pub(crate) fn bitmap(header: &[u8]) -> Option<(Fourcc, u32, u32)> {
    let word = |at: usize| header.get(at..at + 4).and_then(|w| <[u8; 4]>::try_from(w).ok());
    let side = |at: usize| word(at).map(|w| i32::from_le_bytes(w).unsigned_abs());
    Some((word(16)?, side(4)?, side(8)?))
}

/// The codec of a `BITMAPINFOHEADER` and what follows it.
pub(crate) fn codec(fourcc: Fourcc, extra: &[u8]) -> Codec {
    let name = crate::mp4::name(fourcc);
    match &fourcc.map(|b| b.to_ascii_uppercase()) {
        b"H264" | b"X264" | b"AVC1" | b"DAVC" | b"VSSH" => h264_of(&name, extra),
        b"HEVC" | b"H265" | b"X265" | b"HVC1" | b"HEV1" => match extra {
            [1, ..] => hevc(&name, extra),
            _ => plain(&name, "HEVC (H.265)", "hev1.1.6.L153.B0"),
        },
        b"XVID" | b"DIVX" | b"DX50" | b"FMP4" | b"MP4V" | b"MP4S" | b"M4S2" | b"3IV2" | b"RMP4" | b"SEDG" | b"UMP4" => {
            plain(&name, "MPEG-4 Visual", "mp4v.20")
        }
        b"MJPG" | b"AVRN" | b"LJPG" | b"JPEG" | b"MJLS" | b"DMB1" => plain(&name, "Motion JPEG", "mjpg"),
        b"VP80" => plain(&name, "VP8", "vp8"),
        b"VP90" => plain(&name, "VP9", "vp09.00.51.08"),
        b"AV01" => plain(&name, "AV1", "av01.0.12M.08"),
        b"MPG1" | b"MPEG" => plain(&name, "MPEG-1", "mp4v.6A"),
        b"MPG2" | b"EM2V" => plain(&name, "MPEG-2", "mp4v.61"),
        b"DIV3" | b"MP43" | b"DIV4" | b"MP42" | b"MPG4" | b"MP41" => plain(&name, "MS-MPEG-4", &name),
        b"DVSD" | b"DV25" | b"DV50" | b"DVHD" => plain(&name, "DV", &name),
        b"WMV1" | b"WMV2" | b"WMV3" | b"WVC1" => plain(&name, "Windows Media Video", &name),
        b"HFYU" | b"FFVH" => plain(&name, "HuffYUV", &name),
        b"FFV1" => plain(&name, "FFV1", &name),
        b"ULRG" | b"ULY0" | b"ULY2" | b"ULRA" => plain(&name, "Ut Video", &name),
        b"MAGY" | b"M8RG" | b"M8Y0" => plain(&name, "MagicYUV", &name),
        b"CVID" => plain(&name, "Cinepak", &name),
        b"IV31" | b"IV32" | b"IV41" | b"IV50" => plain(&name, "Indeo", &name),
        [0, 0, 0, 0] | b"DIB " | b"RGB " | b"YUY2" | b"UYVY" | b"I420" | b"IYUV" | b"YV12" => {
            plain(&name, "uncompressed video", "raw")
        }
        _ => plain(&name, picture_name(fourcc).unwrap_or(&name), &name),
    }
}

/// H.264: an `avcC`, or Annex B whose parameter set may stand here or in the pictures.
fn h264_of(name: &str, extra: &[u8]) -> Codec {
    if let [1, ..] = extra {
        return avc(name, extra);
    }
    let set = annexb::units(extra).find(|unit| unit.first().is_some_and(|h| h & 0x1F == 7)).and_then(h264::sps);
    let string = set.map_or_else(|| "avc1".to_owned(), |set| format!("avc1.{}", set.string));
    plain(name, "H.264", &string)
}
