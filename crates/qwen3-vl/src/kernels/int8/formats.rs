//! GGML's blocks as unsigned 8-bit values with a scale and a minimum for every 32 (`block_q8_0`, `block_q4_K`, `block_q5_K` of
//! ggml-common.h; `get_scale_min_k4` of ggml-quants.c).

use candle_core::quantized::GgmlDType;
use half::f16;

use super::super::simd;
use super::pack::{Opened, words};

/// How a format is opened.
#[derive(Clone, Copy)]
pub(super) struct Open {
    /// Values `256·index..` of a row, those that are not there zero.
    pub(super) open: fn(&[u8], usize) -> Opened,
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

simd! {
    /// Of each block: a scale, 32 signed values.
    fn q8_0(row: &[u8], index: usize) -> Opened {
        const BYTES: usize = 34;
        let mut opened = Opened::default();
        let blocks = row.get(8 * index * BYTES..).unwrap_or_default().chunks_exact(BYTES).take(8);
        for (at, block) in blocks.enumerate() {
            opened.scales[at] = number(block, 0);
            let values: [u8; 32] = bytes::<32>(block, 2).map(|byte| byte ^ 0x80);
            let quads: [u32; 8] = words(&values);
            opened.quads[at / 2][at % 2 * 8..][..8].copy_from_slice(&quads);
        }
        opened
    }
}

/// Scales and minima of the eight blocks of a super-block: `d · 6 bits`, `dmin · 6 bits`, packed in 12 bytes. The first four of each
/// have six bits together; the last four their low halves in the last bytes and their high bits above the first four.
#[inline(always)]
fn scales(block: &[u8]) -> ([f32; 8], [f32; 8]) {
    let (d, dmin) = (number(block, 0), number(block, 2));
    let [scales, minima, rest] = words(bytes::<12>(block, 4));
    let six = |word: u32| word & 0x3f3f_3f3f;
    let high = |word: u32| (word >> 6 & 0x0303_0303) << 4;
    let joined = |first: u32, last: u32| u64::from(first) | u64::from(last) << 32;
    let scaled = |by: f32, six: u64| six.to_le_bytes().map(|six| by * f32::from(six));
    (
        scaled(d, joined(six(scales), rest & 0x0f0f_0f0f | high(scales))),
        scaled(dmin, joined(six(minima), rest >> 4 & 0x0f0f_0f0f | high(minima))),
    )
}

simd! {
    /// Two numbers, scales, 128 bytes of which 32 hold two blocks: the low halves and the high halves.
    fn q4_k(row: &[u8], index: usize) -> Opened {
        const BYTES: usize = 144;
        let Some(block) = row.get(index * BYTES..).and_then(|rest| rest.first_chunk::<BYTES>()) else {
            return Opened::default();
        };
        let (scales, minima) = scales(block);
        let quads = std::array::from_fn(|pair| {
            let nibbles = bytes::<32>(block, 16 + 32 * pair);
            let values: [u8; 64] = std::array::from_fn(|i| if i < 32 { nibbles[i] & 15 } else { nibbles[i - 32] >> 4 });
            words(&values)
        });
        Opened { quads, scales, minima }
    }
}

simd! {
    /// As Q4_K, with 32 bytes of fifth bits before the halves: bit `b` of each belongs to block `b`.
    fn q5_k(row: &[u8], index: usize) -> Opened {
        const BYTES: usize = 176;
        let Some(block) = row.get(index * BYTES..).and_then(|rest| rest.first_chunk::<BYTES>()) else {
            return Opened::default();
        };
        let (scales, minima) = scales(block);
        let fifths = bytes::<32>(block, 16);
        let quads = std::array::from_fn(|pair| {
            let nibbles = bytes::<32>(block, 48 + 32 * pair);
            let fifth = |i: usize, of: usize| (fifths[i] >> (2 * pair + of) & 1) << 4;
            let values: [u8; 64] = std::array::from_fn(|i| {
                if i < 32 { nibbles[i] & 15 | fifth(i, 0) } else { nibbles[i - 32] >> 4 | fifth(i - 32, 1) }
            });
            words(&values)
        });
        Opened { quads, scales, minima }
    }
}
