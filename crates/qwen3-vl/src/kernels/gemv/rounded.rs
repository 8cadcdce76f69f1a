//! Activations rounded to 8 bits with a scale per block, as llama.cpp and candle round them before a product with blocks.

use std::arch::x86_64::*;

/// Values of a register in the rounding loop.
const LANES: usize = 16;

/// `N` values `≈ scale · quants`, with the sum of every 16 quants.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Rounded<const N: usize, const SUMS: usize> {
    pub(super) quants: [i8; N],
    pub(super) sums: [i16; SUMS],
    pub(super) scale: f32,
}

impl<const N: usize, const SUMS: usize> Rounded<N, SUMS> {
    /// x: rows whose length is a multiple of N → their blocks, row after row.
    #[target_feature(enable = "avx512f")]
    pub(super) fn all(x: &[f32]) -> Vec<Self> {
        x.as_chunks::<N>().0.iter().map(|x| Self::new(x)).collect()
    }

    #[target_feature(enable = "avx512f")]
    fn new(x: &[f32; N]) -> Self {
        const { assert!(N == SUMS * LANES) };
        let runs = x.as_chunks::<LANES>().0;
        let most = runs.iter().fold(_mm512_setzero_ps(), |most, run| _mm512_max_ps(_mm512_abs_ps(load(run)), most));
        let most = _mm512_reduce_max_ps(most);
        let mut rounded = Self { quants: [0; N], sums: [0; SUMS], scale: most / 127.0 };
        if most > 0.0 {
            let factor = _mm512_set1_ps(127.0 / most);
            let to = rounded.quants.as_chunks_mut::<LANES>().0.iter_mut().zip(&mut rounded.sums);
            for (run, (quants, sum)) in runs.iter().zip(to) {
                let whole = _mm512_cvtps_epi32(_mm512_mul_ps(load(run), factor));
                // SAFETY: a register has the bits of 16 bytes.
                #[allow(unsafe_code)]
                let bytes: [i8; LANES] = unsafe { std::mem::transmute(_mm512_cvtepi32_epi8(whole)) };
                *quants = bytes;
                *sum = bytes.iter().map(|byte| i16::from(*byte)).sum();
            }
        }
        rounded
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(run: &[f32; LANES]) -> __m512 {
    // SAFETY: a register has the bits of 16 numbers.
    #[allow(unsafe_code)]
    unsafe {
        std::mem::transmute(*run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_off_by_half_a_step_at_most_and_sums_are_those_of_the_quants() {
        if !std::is_x86_feature_detected!("avx512f") {
            return;
        }
        let mut x: Vec<f32> = (0..512).map(|i| ((i * 7919) % 1009) as f32 / 31.0 - 16.0).collect();
        x[256..].fill(0.0);
        // SAFETY: the instructions were found above.
        #[allow(unsafe_code)]
        let rounded = unsafe { Rounded::<256, 16>::all(&x) };
        for (rounded, x) in rounded.iter().zip(x.chunks(256)) {
            for (x, quant) in x.iter().zip(rounded.quants) {
                assert!((x - rounded.scale * f32::from(quant)).abs() <= 0.501 * rounded.scale);
            }
            for (sum, quants) in rounded.sums.iter().zip(rounded.quants.chunks(16)) {
                assert_eq!(*sum, quants.iter().map(|quant| i16::from(*quant)).sum::<i16>());
            }
        }
        assert_eq!(rounded[1].scale, 0.0);
    }
}
