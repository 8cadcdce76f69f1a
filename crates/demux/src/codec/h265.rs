//! HEVC (ITU-T H.265 §7.3): the shape in a sequence parameter set, and the kind of a picture.

use super::Shape;
use super::h264::{Usability, usability};
use super::strings;
use crate::bits::{Bits, unescaped};

/// What a sequence parameter set says: the part of the codec string behind the four characters, and the shape.
pub(crate) fn sps(nal: &[u8]) -> Option<(String, Shape)> {
    let bytes = unescaped(nal.get(2..)?);
    // Profile, compatibility, constraints and level stand here as they do in an `hvcC`, one byte further on.
    let mut record = vec![1];
    record.extend_from_slice(bytes.get(1..13)?);
    let string = strings::hevc(&record)?;
    let mut bits = Bits::new(&bytes);
    bits.take(4)?;
    let layers = bits.take(3)?;
    bits.bit()?;
    bits.skip(12 * 8)?;
    sub_layers(&mut bits, layers)?;
    bits.ue()?;
    let chroma = bits.ue()?;
    if chroma == 3 {
        bits.bit()?;
    }
    let (width, height) = (bits.ue()?, bits.ue()?);
    let mut shape = Shape { width, height, ..Shape::default() };
    if bits.bit()? {
        let (x, y) = (if matches!(chroma, 1 | 2) { 2 } else { 1 }, if chroma == 1 { 2 } else { 1 });
        let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
        shape.width = width.saturating_sub(left.saturating_add(right).saturating_mul(x));
        shape.height = height.saturating_sub(top.saturating_add(bottom).saturating_mul(y));
    }
    // What stands before the usability information is long; where it cannot be read, square pixels are meant.
    (shape.pixel_aspect, shape.color) = usability_behind(&mut bits, layers).unwrap_or_default();
    Some((string, shape))
}

/// `sub_layer` parts of `profile_tier_level`.
fn sub_layers(bits: &mut Bits<'_>, layers: u32) -> Option<()> {
    let mut present = Vec::new();
    for _ in 0..layers {
        present.push((bits.bit()?, bits.bit()?));
    }
    if layers > 0 {
        bits.skip(2 * (8 - layers as usize))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Some(())
}

/// Passes over coding sizes, scaling lists and reference sets.
fn usability_behind(bits: &mut Bits<'_>, layers: u32) -> Option<Usability> {
    numbers(bits, 2)?;
    let order_bits = bits.ue()?.saturating_add(4);
    let each = bits.bit()?;
    for _ in 0..if each { layers + 1 } else { 1 } {
        numbers(bits, 3)?;
    }
    numbers(bits, 6)?;
    if bits.bit()? && bits.bit()? {
        scaling_lists(bits)?;
    }
    bits.skip(2)?;
    if bits.bit()? {
        bits.skip(8)?;
        numbers(bits, 2)?;
        bits.bit()?;
    }
    reference_sets(bits)?;
    if bits.bit()? {
        for _ in 0..bits.ue()?.min(32) {
            bits.take(order_bits)?;
            bits.bit()?;
        }
    }
    bits.skip(2)?;
    if bits.bit()? { usability(bits) } else { None }
}

/// Passes over Exp-Golomb numbers.
fn numbers(bits: &mut Bits<'_>, count: u32) -> Option<()> {
    (0..count).try_for_each(|_| bits.ue().map(|_| ()))
}

fn scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    for size in 0..4 {
        for _ in (0..6).step_by(if size == 3 { 3 } else { 1 }) {
            if !bits.bit()? {
                bits.ue()?;
                continue;
            }
            if size > 1 {
                bits.se()?;
            }
            for _ in 0..64.min(1 << (4 + 2 * size)) {
                bits.se()?;
            }
        }
    }
    Some(())
}

/// `st_ref_pic_set` of all indices (§7.3.7).
fn reference_sets(bits: &mut Bits<'_>) -> Option<()> {
    let mut before = 0_u32;
    for index in 0..bits.ue()?.min(64) {
        if index > 0 && bits.bit()? {
            bits.bit()?;
            bits.ue()?;
            let mut kept = 0;
            for _ in 0..=before {
                let used = bits.bit()?;
                if used || bits.bit()? {
                    kept += 1;
                }
            }
            before = kept;
        } else {
            let (negative, positive) = (bits.ue()?, bits.ue()?);
            before = negative.saturating_add(positive);
            if before > 32 {
                return None;
            }
            for _ in 0..before {
                bits.ue()?;
                bits.bit()?;
            }
        }
    }
    Some(())
}

/// Whether decoding can begin at a slice of this type: IDR, BLA and CRA (Table 7-1).
pub(crate) const fn is_entry(kind: u8) -> bool {
    matches!(kind, 16..=23)
}
