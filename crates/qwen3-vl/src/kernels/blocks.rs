//! GGML's quantised blocks, opened into 16-bit integers: `value ≈ scale · integer − offset`.
//!
//! A weight row is a run of blocks; the 6-bit (Q4_K, Q5_K) or 8-bit (Q6_K) scales of its sub-blocks are multiplied into the
//! integers, which fit 16 bits by construction (15·63, 31·63, 32·128), so one product sum per block is left to the caller.
//! Layouts: `ggml-common.h`, `block_q8_0`, `block_q4_K`, `block_q5_K`, `block_q6_K`.

use candle_core::quantized::GgmlDType;
use half::f16;

use super::simd;

/// Values between two scales of the K formats.
pub(crate) const SUPER: usize = 256;
/// Values of a Q8_0 block, and values that share an offset in Q4_K and Q5_K.
pub(crate) const SUB: usize = 32;

/// The formats that are computed with as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
}

impl Format {
    pub(crate) fn of(dtype: GgmlDType) -> Option<Self> {
        match dtype {
            GgmlDType::Q8_0 => Some(Self::Q8_0),
            GgmlDType::Q4K => Some(Self::Q4K),
            GgmlDType::Q5K => Some(Self::Q5K),
            GgmlDType::Q6K => Some(Self::Q6K),
            _ => None,
        }
    }

    /// Values of a block.
    pub(crate) fn values(self) -> usize {
        if self == Self::Q8_0 { SUB } else { SUPER }
    }

    /// Bytes of a block.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Q8_0 => 34,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Whether values have an offset besides their scale.
    pub(crate) fn has_offsets(self) -> bool {
        matches!(self, Self::Q4K | Self::Q5K)
    }
}

/// Where a run of blocks is opened to.
pub(crate) struct Opened<'a> {
    /// One per value.
    pub(crate) integers: &'a mut [i16],
    /// One per block.
    pub(crate) scales: &'a mut [f32],
    /// One per 32 values, to be added; empty for formats without.
    pub(crate) offsets: &'a mut [f32],
}

/// Opens whole blocks. The slices have the lengths that `format` gives for `blocks`.
pub(crate) fn open(format: Format, blocks: &[u8], to: Opened<'_>) {
    match format {
        Format::Q8_0 => open_q8_0(blocks, to.integers, to.scales),
        Format::Q4K => open_q4k(blocks, to.integers, to.scales, to.offsets),
        Format::Q5K => open_q5k(blocks, to.integers, to.scales, to.offsets),
        Format::Q6K => open_q6k(blocks, to.integers, to.scales),
    }
}

#[inline(always)]
fn float(bytes: [u8; 2]) -> f32 {
    f16::from_le_bytes(bytes).to_f32()
}

/// The 6-bit scale and minimum of each of the 8 sub-blocks (`get_scale_min_k4`).
#[inline(always)]
fn scales_and_minima(packed: &[u8; 12]) -> ([i16; 8], [f32; 8]) {
    let (mut scales, mut minima) = ([0_i16; 8], [0.0_f32; 8]);
    for j in 0..4 {
        scales[j] = i16::from(packed[j] & 63);
        minima[j] = f32::from(packed[j + 4] & 63);
        scales[j + 4] = i16::from((packed[j + 8] & 15) | ((packed[j] >> 6) << 4));
        minima[j + 4] = f32::from((packed[j + 8] >> 4) | ((packed[j + 4] >> 6) << 4));
    }
    (scales, minima)
}

/// `N` elements from `at`: lengths the compiler knows are what makes the loops below vector code.
#[inline(always)]
fn part<const N: usize>(block: &[u8], at: usize) -> &[u8; N] {
    block[at..].first_chunk().unwrap_or(&[0; N])
}

simd! {
    fn open_q8_0(blocks: &[u8], integers: &mut [i16], scales: &mut [f32]) {
        let parts = blocks.as_chunks::<34>().0.iter().zip(integers.as_chunks_mut::<SUB>().0).zip(scales);
        for ((block, out), scale) in parts {
            *scale = float(*part(block, 0));
            let q = part::<SUB>(block, 2);
            for i in 0..SUB {
                out[i] = i16::from(q[i] as i8);
            }
        }
    }
}

simd! {
    fn open_q4k(blocks: &[u8], integers: &mut [i16], scales: &mut [f32], offsets: &mut [f32]) {
        let parts = blocks.as_chunks::<144>().0.iter().zip(integers.as_chunks_mut::<SUPER>().0).zip(scales);
        for (((block, out), scale), offsets) in parts.zip(offsets.as_chunks_mut::<8>().0) {
            *scale = float(*part(block, 0));
            let minimum = float(*part(block, 2));
            let (sub_scales, minima) = scales_and_minima(part(block, 4));
            for j in 0..8 {
                offsets[j] = -minimum * minima[j];
            }
            for (j, out) in out.as_chunks_mut::<64>().0.iter_mut().enumerate() {
                let (low, high) = (sub_scales[2 * j], sub_scales[2 * j + 1]);
                let q = part::<32>(block, 16 + 32 * j);
                for l in 0..32 {
                    out[l] = i16::from(q[l] & 15) * low;
                }
                for l in 0..32 {
                    out[l + 32] = i16::from(q[l] >> 4) * high;
                }
            }
        }
    }
}

simd! {
    fn open_q5k(blocks: &[u8], integers: &mut [i16], scales: &mut [f32], offsets: &mut [f32]) {
        let parts = blocks.as_chunks::<176>().0.iter().zip(integers.as_chunks_mut::<SUPER>().0).zip(scales);
        for (((block, out), scale), offsets) in parts.zip(offsets.as_chunks_mut::<8>().0) {
            *scale = float(*part(block, 0));
            let minimum = float(*part(block, 2));
            let (sub_scales, minima) = scales_and_minima(part(block, 4));
            for j in 0..8 {
                offsets[j] = -minimum * minima[j];
            }
            let high_bits = part::<32>(block, 16);
            for (j, out) in out.as_chunks_mut::<64>().0.iter_mut().enumerate() {
                let (low, high) = (sub_scales[2 * j], sub_scales[2 * j + 1]);
                let q = part::<32>(block, 48 + 32 * j);
                let bit = 1_u8 << (2 * j);
                for l in 0..32 {
                    let fifth = if high_bits[l] & bit == 0 { 0 } else { 16 };
                    out[l] = i16::from((q[l] & 15) | fifth) * low;
                }
                for l in 0..32 {
                    let fifth = if high_bits[l] & (bit << 1) == 0 { 0 } else { 16 };
                    out[l + 32] = i16::from((q[l] >> 4) | fifth) * high;
                }
            }
        }
    }
}

simd! {
    fn open_q6k(blocks: &[u8], integers: &mut [i16], scales: &mut [f32]) {
        let parts = blocks.as_chunks::<210>().0.iter().zip(integers.as_chunks_mut::<SUPER>().0).zip(scales);
        for ((block, out), scale) in parts {
            *scale = float(*part(block, 208));
            for (half, out) in out.as_chunks_mut::<128>().0.iter_mut().enumerate() {
                let (low, high) = (part::<64>(block, half * 64), part::<32>(block, 128 + half * 32));
                let sub = part::<8>(block, 192 + half * 8);
                // A quarter of 32 values takes its low bits from one place and two high bits from another.
                let mut quarter = |index: usize, values: [u8; 32]| {
                    let scales = [sub[2 * index] as i8, sub[2 * index + 1] as i8].map(i16::from);
                    for l in 0..32 {
                        out[index * 32 + l] = (i16::from(values[l]) - 32) * scales[l / 16];
                    }
                };
                quarter(0, std::array::from_fn(|l| (low[l] & 15) | ((high[l] & 3) << 4)));
                quarter(1, std::array::from_fn(|l| (low[l + 32] & 15) | (((high[l] >> 2) & 3) << 4)));
                quarter(2, std::array::from_fn(|l| (low[l] >> 4) | (((high[l] >> 4) & 3) << 4)));
                quarter(3, std::array::from_fn(|l| (low[l + 32] >> 4) | ((high[l] >> 6) << 4)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::quantized::QTensor;
    use candle_core::{Device, Result, Tensor};

    #[test]
    fn opened_blocks_are_the_dequantised_values() -> Result<()> {
        let formats = [GgmlDType::Q8_0, GgmlDType::Q4K, GgmlDType::Q5K, GgmlDType::Q6K];
        for dtype in formats {
            let weight = QTensor::quantize(&Tensor::randn(0.1_f32, 1.0, (3, 512), &Device::Cpu)?, dtype)?;
            let expected = weight.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
            let format = Format::of(dtype).unwrap();
            let count = expected.len() / format.values();
            let offset_count = if format.has_offsets() { expected.len() / SUB } else { 0 };
            let (mut integers, mut scales) = (vec![0; expected.len()], vec![0.0; count]);
            let mut offsets = vec![0.0; offset_count];
            let data = weight.data()?;
            assert_eq!(data.len(), count * format.bytes());
            open(format, &data, Opened { integers: &mut integers, scales: &mut scales, offsets: &mut offsets });
            for (i, value) in expected.iter().enumerate() {
                let offset = offsets.get(i / SUB).copied().unwrap_or(0.0);
                let found = scales[i / format.values()] * f32::from(integers[i]) + offset;
                assert!((found - value).abs() < 1e-5, "{dtype:?} value {i}: {found} for {value}");
            }
        }
        Ok(())
    }
}
