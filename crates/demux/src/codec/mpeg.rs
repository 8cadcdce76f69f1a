//! MPEG-1, MPEG-2 and MPEG-4 Visual: start codes and the few bits behind them (ISO/IEC 11172-2, 13818-2, 14496-2).

use super::{Shape, annexb, pixel_aspect};
use crate::bits::Bits;

/// What a picture's own header says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Needs no other picture.
    Intra,
    /// Refers to what was shown before; shown after the ones between.
    Predicted,
    /// Shown between its references.
    Between,
}

/// The first picture in bytes of MPEG-4 Visual.
pub(crate) fn mpeg4(bytes: &[u8]) -> Option<Kind> {
    let mut at = 0;
    while let Some(code) = annexb::start_code(bytes, at) {
        if let [0xB6, kind, ..] = bytes.get(code + 3..)? {
            return Some(match kind >> 6 {
                0 => Kind::Intra,
                2 => Kind::Between,
                _ => Kind::Predicted,
            });
        }
        at = code + 3;
    }
    None
}

/// `picture_coding_type` behind a picture's start code, and whether it is a field that completes a frame.
pub(crate) fn picture(unit: &[u8]) -> Option<Kind> {
    match unit.get(2)? >> 3 & 7 {
        1 => Some(Kind::Intra),
        2 => Some(Kind::Predicted),
        3 => Some(Kind::Between),
        _ => None,
    }
}

/// `picture_structure` of a picture coding extension: 1 and 2 are fields, 3 is a frame.
pub(crate) fn structure(unit: &[u8]) -> Option<u8> {
    let [0xB5, rest @ ..] = unit else { return None };
    (rest.first()? >> 4 == 8).then_some(rest.get(2)? & 3)
}

/// Shape of a sequence header (`B3`); pixel aspect as MPEG-2 says it, for the whole picture.
pub(crate) fn sequence(unit: &[u8]) -> Option<Shape> {
    let [0xB3, rest @ ..] = unit else { return None };
    let mut bits = Bits::new(rest);
    let (width, height) = (bits.take(12)?, bits.take(12)?);
    let screen = match bits.take(4)? {
        2 => Some((4, 3)),
        3 => Some((16, 9)),
        4 => Some((221, 100)),
        _ => None,
    };
    let aspect = screen.and_then(|(w, h)| pixel_aspect(w * u64::from(height), h * u64::from(width)));
    Some(Shape { width, height, pixel_aspect: aspect, color: None })
}

/// Shape of an MPEG-4 video object layer (ISO/IEC 14496-2 §6.2.3), the unit behind start codes 20 to 2F.
pub(crate) fn object_layer(unit: &[u8]) -> Option<Shape> {
    let mut bits = Bits::new(unit.get(1..)?);
    bits.skip(9)?;
    if bits.bit()? {
        bits.skip(7)?;
    }
    let aspect = match bits.take(4)? {
        2 => Some((12, 11)),
        3 => Some((10, 11)),
        4 => Some((16, 11)),
        5 => Some((40, 33)),
        15 => pixel_aspect(bits.take(8)?.into(), bits.take(8)?.into()),
        _ => None,
    };
    if bits.bit()? {
        bits.skip(3)?;
        if bits.bit()? {
            bits.skip(79)?;
        }
    }
    // Anything but a rectangle has no size of its own.
    if bits.take(2)? != 0 {
        return None;
    }
    bits.skip(1)?;
    let resolution = bits.take(16)?;
    bits.skip(1)?;
    if bits.bit()? {
        bits.skip((32 - resolution.saturating_sub(1).leading_zeros()).max(1) as usize)?;
    }
    bits.skip(1)?;
    let width = bits.take(13)?;
    bits.skip(1)?;
    Some(Shape { width, height: bits.take(13)?, pixel_aspect: aspect, color: None })
}

/// The codec string by the profile of a sequence extension (RFC 6381: object types 60 to 65).
pub(crate) fn mpeg2_string(unit: &[u8]) -> Option<&'static str> {
    let [0xB5, rest @ ..] = unit else { return None };
    if rest.first()? >> 4 != 1 {
        return None;
    }
    Some(match rest.first()? & 7 {
        5 => "mp4v.60",
        3 => "mp4v.62",
        2 => "mp4v.63",
        1 => "mp4v.64",
        _ => "mp4v.61",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_tell_their_kind() {
        assert_eq!(mpeg4(&[0, 0, 1, 0xB2, 7, 0, 0, 1, 0xB6, 0x10]), Some(Kind::Intra));
        assert_eq!(mpeg4(&[0, 0, 1, 0xB6, 0x50]), Some(Kind::Predicted));
        assert_eq!(mpeg4(&[0, 0, 1, 0xB6, 0x90]), Some(Kind::Between));
        assert_eq!((mpeg4(&[0, 0, 1, 0xB6]), mpeg4(&[])), (None, None));
        assert_eq!(picture(&[0, 0x00, 0x08]), Some(Kind::Intra));
    }

    #[test]
    fn a_wide_screen_has_wide_pixels() {
        let shape = sequence(&[0xB3, 0x2D, 0x02, 0x40, 0x33]).unwrap();
        assert_eq!((shape.width, shape.height, shape.pixel_aspect), (720, 576, Some((64, 45))));
    }
}
