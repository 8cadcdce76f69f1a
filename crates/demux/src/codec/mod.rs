//! What containers share: codec strings and names, and the few bits of a picture that are read here.

pub(crate) mod annexb;
pub(crate) mod fourcc;
pub(crate) mod h264;
pub(crate) mod h265;
pub(crate) mod mpeg;
pub(crate) mod names;
pub(crate) mod sound;
pub(crate) mod strings;
pub(crate) mod vpx;

use crate::movie::{Codec, Color};

/// A codec without a description for the decoder.
pub(crate) fn plain(fourcc: &str, name: &str, string: &str) -> Codec {
    Codec {
        fourcc: fourcc.to_owned(),
        name: name.to_owned(),
        string: string.to_owned(),
        description: None,
        encrypted: false,
        scheme: None,
    }
}

/// H.264 described by an `avcC`; a broken one leaves the string short, which no decoder accepts.
pub(crate) fn avc(fourcc: &str, config: &[u8]) -> Codec {
    let string = strings::avc(config).map(|s| format!("avc1.{s}"));
    let description = string.is_some().then(|| config.to_vec());
    Codec { description, ..plain(fourcc, "H.264", string.as_deref().unwrap_or("avc1")) }
}

/// HEVC described by an `hvcC`.
pub(crate) fn hevc(fourcc: &str, config: &[u8]) -> Codec {
    let string = strings::hevc(config).map(|s| format!("hvc1.{s}"));
    let description = string.is_some().then(|| config.to_vec());
    Codec { description, ..plain(fourcc, "HEVC (H.265)", string.as_deref().unwrap_or("hvc1")) }
}

/// What a sequence's own header says about its pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixel_aspect: Option<(u32, u32)>,
    pub(crate) color: Option<Color>,
}

/// A pixel's width : height in lowest terms; square ones need no word.
pub(crate) fn pixel_aspect(width: u64, height: u64) -> Option<(u32, u32)> {
    if width == 0 || height == 0 || width == height {
        return None;
    }
    Some(crate::time::reduced(width, height)).filter(|(w, h)| w != h)
}
