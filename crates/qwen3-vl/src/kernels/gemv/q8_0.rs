//! Q8_0: blocks of 32 weights of 8 bits with a scale of 16 (ggml-common.h, `block_q8_0`).

use std::arch::x86_64::*;

use super::rounded::Rounded;
use super::{Kernel, prefetch};

/// Values of a block.
pub(super) const VALUES: usize = 32;
/// Bytes of a block: scale, quants.
const BYTES: usize = 2 + VALUES;

/// A block of activations.
#[repr(align(32))]
struct Block {
    quants: [i8; VALUES],
    /// −128 times the sum of every four quants: what the products with weights that are 128 too large have too much.
    excess: [i32; VALUES / 4],
    scale: f32,
}

/// Rows of activations.
pub(super) struct Activations {
    blocks: Vec<Block>,
    /// Blocks of a row.
    width: usize,
}

impl Activations {
    /// x: rows of `k` values, `k` a multiple of [`VALUES`].
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(x: &[f32], k: usize) -> Self {
        let block = |rounded: Rounded<VALUES, 2>| {
            let four = |four: &[i8; 4]| -128 * four.iter().map(|quant| i32::from(*quant)).sum::<i32>();
            let mut excess = [0; VALUES / 4];
            excess.iter_mut().zip(rounded.quants.as_chunks::<4>().0).for_each(|(to, quants)| *to = four(quants));
            Block { quants: rounded.quants, excess, scale: rounded.scale }
        };
        Self { blocks: Rounded::all(x).into_iter().map(block).collect(), width: k / VALUES }
    }
}

impl Kernel for Activations {
    type Weight = u8;

    /// The processor multiplies unsigned bytes with signed ones, so 128 is added to the weights.
    #[allow(unsafe_code)]
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn tile<const C: usize, const R: usize>(&self, w: [&[u8]; C], first: usize) -> [[f32; R]; C] {
        let w = w.map(|w| &w.as_chunks::<BYTES>().0[..self.width]);
        let x: [_; R] = std::array::from_fn(|row| &self.blocks[(first + row) * self.width..][..self.width]);
        let mut sums = [[_mm256_setzero_ps(); R]; C];
        for at in 0..self.width {
            let w: [_; C] = std::array::from_fn(|c| {
                prefetch(&w[c][at], 0);
                open(&w[c][at])
            });
            for (row, x) in x.iter().enumerate() {
                let x = &x[at];
                for ((quants, scale), sums) in w.iter().zip(&mut sums) {
                    let excess = load(&x.excess);
                    let whole = _mm256_dpbusd_epi32(excess, *quants, load(&x.quants));
                    let scale = _mm256_mul_ps(*scale, _mm256_set1_ps(x.scale));
                    sums[row] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(whole), scale, sums[row]);
                }
            }
        }
        sums.map(|sums| sums.map(|sum| total(sum)))
    }
}

/// Quants and 128, and their scale in all of a register.
#[target_feature(enable = "avx2,f16c")]
#[inline]
fn open(block: &[u8; BYTES]) -> (__m256i, __m256) {
    let [low, high, quants @ ..] = block;
    let scale = _mm256_cvtph_ps(_mm_set1_epi16(i16::from_le_bytes([*low, *high])));
    (_mm256_xor_si256(load(quants), _mm256_set1_epi8(-128)), scale)
}

/// The 32 bytes of an array.
#[target_feature(enable = "avx2")]
#[inline]
fn load<T: Copy, const N: usize>(array: &[T; N]) -> __m256i {
    const { assert!(size_of::<[T; N]>() == 32) };
    // SAFETY: the array has as many bytes as a register, and the load needs no alignment.
    #[allow(unsafe_code)]
    unsafe {
        _mm256_loadu_si256(array.as_ptr().cast())
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn total(sum: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}
