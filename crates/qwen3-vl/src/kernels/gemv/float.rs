//! f32, bf16 and f16 weights: widened in registers, multiplied and added in f32.

use std::arch::x86_64::*;
use std::marker::PhantomData;

use half::{bf16, f16};

use super::{Kernel, prefetch, streamed};

/// Weights opened at a time.
const RUN: usize = 32;
/// Those in a register.
const LANES: usize = 16;

/// A format of single numbers.
pub(crate) trait Element: Copy + Sync + Default {
    /// Whether a run opens to its even values and then its odd ones, not in order.
    const SPLIT: bool;

    /// Values of a run in two registers.
    ///
    /// # Safety
    /// The machine has AVX-512 F.
    #[allow(unsafe_code)]
    unsafe fn open(run: &[Self; RUN]) -> [__m512; 2];
}

/// x·Wᵀ, or nothing where the processor lacks AVX-512.
/// x: [M, k], w: [N, k], both row-major → [M, N].
pub(crate) fn product<E: Element>(x: &[f32], w: &[E], k: usize) -> Option<Vec<f32>> {
    let rows = x.len() / k.max(1);
    if k == 0 || !std::is_x86_feature_detected!("avx512f") {
        return None;
    }
    let kernel = Activations::<E>::new(x, k);
    // SAFETY: the instructions were found on this machine above.
    #[allow(unsafe_code)]
    Some(unsafe { streamed(&kernel, w, k, rows, k) })
}

/// Rows of activations as runs, in the order in which those of the weights open, zeros after the last.
struct Activations<E> {
    runs: Vec<[[f32; LANES]; 2]>,
    /// Runs of a row.
    width: usize,
    format: PhantomData<fn() -> E>,
}

impl<E: Element> Activations<E> {
    fn new(x: &[f32], k: usize) -> Self {
        let width = k.div_ceil(RUN);
        let mut runs = vec![[[0.0; LANES]; 2]; width * (x.len() / k)];
        for (x, runs) in x.chunks_exact(k).zip(runs.chunks_exact_mut(width)) {
            for (x, run) in x.chunks(RUN).zip(runs) {
                for (at, x) in x.iter().enumerate() {
                    let (half, lane) = if E::SPLIT { (at % 2, at / 2) } else { (at / LANES, at % LANES) };
                    run[half][lane] = *x;
                }
            }
        }
        Self { runs, width, format: PhantomData }
    }
}

#[inline(always)]
fn bits<T: Copy>(run: &[T; RUN]) -> [__m512i; 2] {
    const { assert!(size_of::<[T; RUN]>() == size_of::<[__m512i; 2]>()) };
    // SAFETY: the sizes were compared, a register is any bits, and the load needs no alignment.
    #[allow(unsafe_code)]
    unsafe {
        std::ptr::from_ref(run).cast::<[__m512i; 2]>().read_unaligned()
    }
}

#[inline(always)]
fn half_bits<T: Copy>(run: &[T; RUN]) -> __m512i {
    const { assert!(size_of::<[T; RUN]>() == size_of::<__m512i>()) };
    // SAFETY: as above.
    #[allow(unsafe_code)]
    unsafe {
        std::ptr::from_ref(run).cast::<__m512i>().read_unaligned()
    }
}

impl Element for f32 {
    const SPLIT: bool = false;

    #[allow(unsafe_code)]
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn open(run: &[Self; RUN]) -> [__m512; 2] {
        bits(run).map(|bits| _mm512_castsi512_ps(bits))
    }
}

impl Element for bf16 {
    const SPLIT: bool = true;

    /// bf16 is the upper half of f32: a shift opens the first of a pair, a mask the second.
    #[allow(unsafe_code)]
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn open(run: &[Self; RUN]) -> [__m512; 2] {
        let pairs = half_bits(run);
        let upper = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
        [_mm512_slli_epi32::<16>(pairs), _mm512_and_si512(pairs, upper)].map(|bits| _mm512_castsi512_ps(bits))
    }
}

impl Element for f16 {
    const SPLIT: bool = false;

    #[allow(unsafe_code)]
    #[target_feature(enable = "avx512f")]
    #[inline]
    unsafe fn open(run: &[Self; RUN]) -> [__m512; 2] {
        let all = half_bits(run);
        let halves = [_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64::<1>(all)];
        halves.map(|half| _mm512_cvtph_ps(half))
    }
}

impl<E: Element> Kernel for Activations<E> {
    type Weight = E;

    #[allow(unsafe_code)]
    #[target_feature(enable = "avx512f")]
    unsafe fn tile<const C: usize, const R: usize>(&self, w: [&[E]; C], first: usize) -> [[f32; R]; C] {
        let width = self.width;
        let x: [_; R] = std::array::from_fn(|row| &self.runs[(first + row) * width..][..width]);
        let mut sums = [[_mm512_setzero_ps(); R]; C];
        let w = w.map(|w| w.as_chunks::<RUN>());
        let whole = w[0].0.len();
        for at in 0..whole {
            for (w, sums) in w.iter().zip(&mut sums) {
                let run = &w.0[at];
                for line in (0..size_of_val(run)).step_by(64) {
                    prefetch(run, line);
                }
                // SAFETY: the caller's.
                let w = unsafe { E::open(run) };
                add(sums, w, x.map(|x| &x[at]));
            }
        }
        if whole < width {
            for (w, sums) in w.iter().zip(&mut sums) {
                let mut run = [E::default(); RUN];
                run[..w.1.len()].copy_from_slice(w.1);
                // SAFETY: the caller's.
                let w = unsafe { E::open(&run) };
                add(sums, w, x.map(|x| &x[whole]));
            }
        }
        sums.map(|sums| sums.map(|sum| _mm512_reduce_add_ps(sum)))
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn add<const R: usize>(sums: &mut [__m512; R], w: [__m512; 2], x: [&[[f32; LANES]; 2]; R]) {
    for (sum, x) in sums.iter_mut().zip(x) {
        for (w, x) in w.iter().zip(x) {
            // SAFETY: a register has the bits of 16 numbers.
            #[allow(unsafe_code)]
            let x: __m512 = unsafe { std::mem::transmute(*x) };
            *sum = _mm512_fmadd_ps(*w, x, *sum);
        }
    }
}
