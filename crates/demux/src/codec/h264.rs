//! H.264 (ITU-T H.264 §7.3): the shape in a sequence parameter set, and the kind and order of a picture.

use super::{Shape, annexb};
use crate::bits::{Bits, unescaped};
use crate::movie::Color;

/// A sequence parameter set, as far as it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sps {
    /// `PPCCLL` of the codec string.
    pub(crate) string: String,
    pub(crate) shape: Shape,
    separate_planes: bool,
    frame_num_bits: u32,
    /// Bits of `pic_order_cnt_lsb`; zero where pictures are shown in decoding order or ordered in another way.
    order_bits: u32,
    frames_only: bool,
}

/// What the header of a picture's first slice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) idr: bool,
    pub(crate) first: bool,
    /// Whether it refers to no other picture.
    pub(crate) intra: bool,
    /// For a field: whether it is the bottom one.
    pub(crate) field: Option<bool>,
    pub(crate) frame_num: u32,
    order: u32,
}

/// `PPCCLL` of the set in a NAL unit, and what else it says.
pub(crate) fn sps(nal: &[u8]) -> Option<Sps> {
    let bytes = unescaped(nal.get(1..)?);
    let [profile, constraints, level, ..] = *bytes.as_slice() else { return None };
    let string = format!("{profile:02X}{constraints:02X}{level:02X}");
    let mut bits = Bits::new(bytes.get(3..)?);
    bits.ue()?;
    let (mut chroma, mut separate_planes) = (1, false);
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.ue()?;
        separate_planes = chroma == 3 && bits.bit()?;
        bits.ue()?;
        bits.ue()?;
        bits.bit()?;
        if bits.bit()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.bit()? {
                    scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    let frame_num_bits = bits.ue()?.saturating_add(4);
    let order_bits = match bits.ue()? {
        0 => bits.ue()?.saturating_add(4),
        1 => {
            bits.bit()?;
            bits.se()?;
            bits.se()?;
            for _ in 0..bits.ue()?.min(255) {
                bits.se()?;
            }
            0
        }
        _ => 0,
    };
    if frame_num_bits > 16 || order_bits > 16 {
        return None;
    }
    bits.ue()?;
    bits.bit()?;
    let (columns, rows) = (bits.ue()?.saturating_add(1), bits.ue()?.saturating_add(1));
    let frames_only = bits.bit()?;
    if !frames_only {
        bits.bit()?;
    }
    bits.bit()?;
    let height = rows.saturating_mul(if frames_only { 16 } else { 32 });
    let cropped = |bits: &mut Bits<'_>| -> Option<(u32, u32)> {
        let (x, y) = match (chroma, frames_only) {
            (1, true) => (2, 2),
            (1, false) => (2, 4),
            (2, true) => (2, 1),
            (2, false) => (2, 2),
            (_, true) => (1, 1),
            (_, false) => (1, 2),
        };
        let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
        Some((left.saturating_add(right).saturating_mul(x), top.saturating_add(bottom).saturating_mul(y)))
    };
    let (off_width, off_height) = if bits.bit()? { cropped(&mut bits)? } else { (0, 0) };
    let mut shape = Shape {
        width: columns.saturating_mul(16).saturating_sub(off_width),
        height: height.saturating_sub(off_height),
        ..Shape::default()
    };
    if bits.bit()? {
        // Broken usability information must not hide the pictures.
        (shape.pixel_aspect, shape.color) = usability(&mut bits).unwrap_or_default();
    }
    Some(Sps { string, shape, separate_planes, frame_num_bits, order_bits, frames_only })
}

fn scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + i64::from(bits.se()?)).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// Pixel aspect and colour, where they are told.
pub(super) type Usability = (Option<(u32, u32)>, Option<Color>);

/// Pixel aspect and colour of `vui_parameters` (annex E; HEVC begins the same way).
pub(super) fn usability(bits: &mut Bits<'_>) -> Option<Usability> {
    let aspect = if bits.bit()? {
        match bits.take(8)? {
            255 => super::pixel_aspect(bits.take(16)?.into(), bits.take(16)?.into()),
            known => ASPECTS.get(known as usize).copied(),
        }
    } else {
        None
    };
    if bits.bit()? {
        bits.bit()?;
    }
    let mut color = None;
    if bits.bit()? {
        bits.take(3)?;
        let full_range = bits.bit()?;
        if bits.bit()? {
            let mut code = || bits.take(8).map(|code| code as u16);
            color = Some(Color { primaries: code()?, transfer: code()?, matrix: code()?, full_range });
        }
    }
    Some((aspect.filter(|(w, h)| w != h && *w > 0), color))
}

/// Table E-1.
const ASPECTS: [(u32, u32); 17] = [
    (0, 0),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// The header of a slice (§7.3.3), as far as the picture's order.
pub(crate) fn slice(nal: &[u8], sps: &Sps) -> Option<Slice> {
    let bytes = unescaped(nal.get(..nal.len().min(40))?);
    let idr = bytes.first()? & 0x1F == 5;
    let mut bits = Bits::new(bytes.get(1..)?);
    let first = bits.ue()? == 0;
    let intra = matches!(bits.ue()?, 2 | 4 | 7 | 9);
    bits.ue()?;
    if sps.separate_planes {
        bits.skip(2)?;
    }
    let frame_num = bits.take(sps.frame_num_bits)?;
    let field = if !sps.frames_only && bits.bit()? { Some(bits.bit()?) } else { None };
    if idr {
        bits.ue()?;
    }
    let order = bits.take(sps.order_bits)?;
    Some(Slice { idr, first, intra, field, frame_num, order })
}

/// Whether a supplemental message tells of a recovery point (§D.2.8): decoding can begin here.
pub(crate) fn recovery_point(nal: &[u8]) -> bool {
    let bytes = unescaped(nal.get(1..).unwrap_or_default());
    let mut rest = bytes.as_slice();
    while rest.len() >= 2
        && let Some((kind, after)) = number(rest)
    {
        if kind == 6 {
            return true;
        }
        let Some((size, after)) = number(after) else { break };
        rest = after.get(size..).unwrap_or_default();
    }
    false
}

/// A number of a message header: bytes of 255 and a last one, added up.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let long = bytes.iter().position(|&b| b != 255)?;
    let (last, rest) = bytes.get(long..)?.split_first()?;
    Some((long * 255 + usize::from(*last), rest))
}

/// Counts pictures in the order they are shown (§8.2.1.1), for containers that do not say it.
#[derive(Debug, Default)]
pub(crate) struct Order {
    sequence: i64,
    high: i64,
    low: i64,
}

impl Order {
    /// A number that grows with the time a picture is shown; nothing when its sequence keeps decoding order.
    pub(crate) fn of(&mut self, slice: &Slice, sps: &Sps) -> Option<(i64, i64)> {
        if sps.order_bits == 0 {
            return None;
        }
        if slice.idr {
            (self.sequence, self.high, self.low) = (self.sequence + 1, 0, 0);
        }
        let (low, span) = (i64::from(slice.order), 1_i64 << sps.order_bits);
        if low < self.low && self.low - low >= span / 2 {
            self.high += span;
        } else if low > self.low && low - self.low > span / 2 {
            self.high -= span;
        }
        self.low = low;
        Some((self.sequence, self.high + low))
    }
}

/// How a picture of Annex B or of a file is told: what its NAL units say.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) key: bool,
    pub(crate) slice: Option<Slice>,
}

/// Reads the beginning of a picture in Annex B; a parameter set that stands in it replaces the one known.
pub(crate) fn told(bytes: &[u8], known: &mut Option<Sps>) -> Told {
    let mut told = Told::default();
    for unit in annexb::units(bytes) {
        match unit.first().map(|header| header & 0x1F) {
            Some(7) => *known = sps(unit).or_else(|| known.take()),
            Some(6) => told.key |= recovery_point(unit),
            Some(kind @ 1..=5) => {
                told.key |= kind == 5;
                told.slice = known.as_ref().and_then(|sps| slice(unit, sps));
                break;
            }
            _ => {}
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a film of 160×120 with wide pixels that x264 wrote.
    const SPS: &[u8] = &[
        0x67, 0x64, 0x00, 0x0B, 0xAC, 0xD9, 0x42, 0x84, 0x7E, 0x5C, 0x38, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00,
        0x00, 0x0C, 0x83, 0xC5, 0x0A, 0x65, 0x80,
    ];

    #[test]
    fn a_parameter_set_tells_string_and_shape() {
        let sps = sps(SPS).unwrap();
        assert_eq!(sps.string, "64000B");
        assert_eq!((sps.shape.width, sps.shape.height), (160, 120));
        assert_eq!(sps.shape.pixel_aspect, Some((4, 3)));
    }

    #[test]
    fn a_cut_parameter_set_is_none_or_says_less() {
        for end in 0..SPS.len() {
            let _ = super::sps(&SPS[..end]);
            let _ = slice(&SPS[..end], &super::sps(SPS).unwrap());
        }
    }

    #[test]
    fn no_flipped_bits_of_a_parameter_set_panic() {
        for bit in 0..SPS.len() * 8 {
            let mut bytes = SPS.to_vec();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            // Scaling lists, and numbers as long as they get.
            for long in [0, 4, 8, 12] {
                let mut bytes = bytes.clone();
                bytes[long + 4..long + 8].fill(0);
                let _ = super::sps(&bytes);
            }
            if let Some(sps) = super::sps(&bytes) {
                let _ = slice(&SPS[..8], &sps);
            }
        }
    }

    #[test]
    fn a_recovery_point_is_found_behind_other_messages() {
        assert!(recovery_point(&[6, 6, 1, 0xC4, 0x80]));
        assert!(recovery_point(&[6, 5, 3, 1, 2, 4, 6, 1, 0xC4, 0x80]));
        assert!(!recovery_point(&[6, 5, 3, 6, 6, 6, 0x80]));
        assert!(!recovery_point(&[6]) && !recovery_point(&[]) && !recovery_point(&[6, 255, 255]));
    }
}
