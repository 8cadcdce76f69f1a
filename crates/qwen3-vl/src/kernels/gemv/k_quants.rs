//! Products with Q4_K, Q5_K and Q6_K, activations rounded to 8 bits by the 256.
//!
//! A super-block opens (`super_blocks`) to unsigned quants and 16-bit scales. Quants are multiplied and added by the four,
//! fours multiplied with their scale in 32 bits, and what makes weights smaller than their unsigned quants (the minimum of a
//! group, or 32) is taken off once a super-block by the sums of the activations.

use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::rounded::Rounded;
use super::super_blocks::{Format, Opened, VALUES, load};
use super::{Kernel, prefetch};

/// A super-block of activations.
#[repr(align(64))]
struct Block {
    quants: [i8; VALUES],
    /// Of every 16 values, rounded.
    sums: [f32; 16],
    scale: f32,
}

/// Rows of activations in the order in which a format opens.
pub(super) struct Activations<F> {
    blocks: Vec<Block>,
    /// Super-blocks of a row.
    width: usize,
    format: PhantomData<fn() -> F>,
}

impl<F: Format> Activations<F> {
    /// x: rows of `k` values, `k` a multiple of [`VALUES`].
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(x: &[f32], k: usize) -> Self {
        let block = |rounded: Rounded<VALUES, 16>| {
            let mut quants = [0; VALUES];
            let groups = rounded.quants.as_chunks::<32>().0;
            for (to, from) in quants.as_chunks_mut::<32>().0.iter_mut().zip(F::ORDER) {
                *to = groups[from];
            }
            Block { quants, sums: rounded.sums.map(|sum| rounded.scale * f32::from(sum)), scale: rounded.scale }
        };
        let blocks = Rounded::all(x).into_iter().map(block).collect();
        Self { blocks, width: k / VALUES, format: PhantomData }
    }
}

impl<F: Format> Kernel for Activations<F> {
    type Weight = u8;

    #[allow(unsafe_code)]
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn tile<const C: usize, const R: usize>(&self, w: [&[u8]; C], first: usize) -> [[f32; R]; C] {
        let w = w.map(|w| &F::blocks(w)[..self.width]);
        let x: [_; R] = std::array::from_fn(|row| &self.blocks[(first + row) * self.width..][..self.width]);
        let mut sums = [[_mm512_setzero_ps(); R]; C];
        for at in 0..self.width {
            for (w, sums) in w.iter().zip(&mut sums) {
                let block = &w[at];
                for line in (0..size_of::<F::Bytes>()).step_by(64) {
                    prefetch(block, line);
                }
                // SAFETY: the caller's.
                let opened = unsafe { F::open(block) };
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum = add(*sum, &opened, &x[at]);
                }
            }
        }
        sums.map(|sums| sums.map(|sum| _mm512_reduce_add_ps(sum)))
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn add(sum: __m512, w: &Opened, x: &Block) -> __m512 {
    let fours = |part: usize| _mm512_dpbusd_epi32(_mm512_setzero_si512(), w.quants[part], load(&x.quants, 64 * part));
    let mut whole = _mm512_setzero_si512();
    for (pair, scales) in w.scales.iter().enumerate() {
        // Four products are 63 · 127 · 4 at most, which 16 bits hold.
        let fours = _mm512_packs_epi32(fours(2 * pair), fours(2 * pair + 1));
        whole = _mm512_dpwssd_epi32(whole, fours, *scales);
    }
    // SAFETY: a register has the bits of 16 numbers.
    #[allow(unsafe_code)]
    let sums: __m512 = unsafe { std::mem::transmute(x.sums) };
    let sum = _mm512_fnmadd_ps(w.offsets, sums, sum);
    let value = _mm512_mul_ps(_mm512_cvtepi32_ps(whole), w.scale);
    _mm512_fmadd_ps(value, _mm512_set1_ps(x.scale), sum)
}
