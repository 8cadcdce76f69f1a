//! GGML's blocks as unsigned 8-bit values with a scale and a minimum for every 32 (`block_q8_0`, `block_q4_K`, `block_q5_K` of
//! ggml-common.h; `get_scale_min_k4` of ggml-quants.c).

use candle_core::quantized::GgmlDType;
use half::f16;

use super::pack::{Pair, words};

/// How a format is opened.
#[derive(Clone, Copy)]
pub(super) struct Open {
    /// Blocks of 32 values `2·index` and `2·index + 1` of a row.
    pub(super) open: fn(&[u8], usize) -> Pair,
    /// Whether there are minima; otherwise values have 128 added.
    pub(super) minima: bool,
}

/// The opener of a format, if it is one of those opened here.
pub(super) fn opener(format: GgmlDType) -> Option<Open> {
    match format {
        GgmlDType::Q8_0 => Some(Open { open: q8_0, minima: false }),
        GgmlDType::Q4K => Some(Open { open: q4_k, minima: true }),
        GgmlDType::Q5K => Some(Open { open: q5_k, minima: true }),
        _ => None,
    }
}

/// `count` bytes from `at` on.
#[inline(always)]
fn bytes<const N: usize>(row: &[u8], at: usize) -> &[u8; N] {
    match row.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(found) => found,
        None => &[0; N],
    }
}

#[inline(always)]
fn number(row: &[u8], at: usize) -> f32 {
    f16::from_le_bytes(*bytes(row, at)).to_f32()
}

/// A scale, 32 signed values.
fn q8_0(row: &[u8], index: usize) -> Pair {
    const BYTES: usize = 34;
    let mut pair = Pair::default();
    let mut values = [0_u8; 64];
    for half in 0..2 {
        let at = (2 * index + half) * BYTES;
        if at >= row.len() {
            break;
        }
        pair.scales[half] = number(row, at);
        for (to, from) in values[half * 32..].iter_mut().zip(bytes::<32>(row, at + 2)) {
            *to = from ^ 0x80;
        }
    }
    pair.quads = words(&values);
    pair
}

/// Scale and minimum of blocks `2·group` and `2·group + 1` of a super-block: `d · 6 bits`, `dmin · 6 bits`, 12 bytes in all.
#[inline(always)]
fn scales(row: &[u8], at: usize, group: usize) -> ([f32; 2], [f32; 2]) {
    let (d, dmin) = (number(row, at), number(row, at + 2));
    let packed = bytes::<12>(row, at + 4);
    let six = |block: usize| match block {
        0..4 => (packed[block] & 63, packed[block + 4] & 63),
        _ => (packed[block + 4] & 15 | packed[block - 4] >> 6 << 4, packed[block + 4] >> 4 | packed[block] >> 6 << 4),
    };
    let both = [six(2 * group), six(2 * group + 1)];
    (both.map(|(scale, _)| d * f32::from(scale)), both.map(|(_, minimum)| dmin * f32::from(minimum)))
}

/// Two numbers, scales, 128 bytes of which 32 hold two blocks: the low halves and the high halves.
fn q4_k(row: &[u8], index: usize) -> Pair {
    const BYTES: usize = 144;
    let (at, group) = (index / 4 * BYTES, index % 4);
    let (scales, minima) = scales(row, at, group);
    let nibbles = bytes::<32>(row, at + 16 + 32 * group);
    let mut values = [0_u8; 64];
    for (i, byte) in nibbles.iter().enumerate() {
        values[i] = byte & 15;
        values[32 + i] = byte >> 4;
    }
    Pair { quads: words(&values), scales, minima }
}

/// As Q4_K, with 32 bytes of fifth bits before the halves: bit `b` of each belongs to block `b`.
fn q5_k(row: &[u8], index: usize) -> Pair {
    const BYTES: usize = 176;
    let (at, group) = (index / 4 * BYTES, index % 4);
    let (scales, minima) = scales(row, at, group);
    let fifths = bytes::<32>(row, at + 16);
    let nibbles = bytes::<32>(row, at + 48 + 32 * group);
    let mut values = [0_u8; 64];
    for (i, (byte, fifth)) in nibbles.iter().zip(fifths).enumerate() {
        let bits = fifth >> (2 * group);
        values[i] = byte & 15 | (bits & 1) << 4;
        values[32 + i] = byte >> 4 | (bits >> 1 & 1) << 4;
    }
    Pair { quads: words(&values), scales, minima }
}
