//! The innermost loops: slabs of activations past a panel of weights.

use super::pack::{COLUMNS, Panel, ROWS, Slabs};

/// Sums of a row of activations with the columns of a panel.
pub(crate) type Sums = [f32; COLUMNS];

/// Adds the products of all slabs and a panel to `sums`: to every `stride`-th, one for a row of the slabs.
pub(crate) fn multiply(slabs: &Slabs, panel: &Panel, sums: &mut [Sums], stride: usize) {
    for (x, sums) in slabs.all().zip(sums.chunks_mut(ROWS * stride)) {
        multiply_slab(x, panel.pairs(), sums, stride);
    }
}

/// Adds the products of one slab and a panel, as [`multiply`] does. x: [K/32][rows][16], w: [K/2]
pub(super) fn multiply_slab(x: &[u32], w: &[[u32; COLUMNS]], sums: &mut [Sums], stride: usize) {
    #[cfg(target_arch = "x86_64")]
    x86::slab(x, w, sums, stride);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (x, w, sums, stride);
}

pub(super) fn is_here() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::pack::{COLUMNS, PAIRS, ROWS};
    use super::{Sums, is_here};

    /// Registers a row of sums takes.
    const WIDE: usize = COLUMNS / 16;

    /// x: [runs][rows][PAIRS], w: [runs · PAIRS].
    pub(super) fn slab(x: &[u32], w: &[[u32; COLUMNS]], sums: &mut [Sums], stride: usize) {
        let of_height = match x.len() / w.len().max(1) {
            1 => tile::<1>,
            2 => tile::<2>,
            3 => tile::<3>,
            4 => tile::<4>,
            5 => tile::<5>,
            _ => tile::<ROWS>,
        };
        assert!(is_here(), "nothing is packed where it cannot be multiplied");
        // SAFETY: the instructions were found on this machine one line above.
        #[allow(unsafe_code)]
        unsafe {
            of_height(x, w, sums, stride)
        }
    }

    /// Bytes a lonely slab asks for ahead: nothing but the memory bounds it, and the processor's own prefetchers end with a page.
    const AHEAD: usize = 4096;

    #[inline(always)]
    fn prefetch(line: &[u32; COLUMNS]) {
        let at = std::ptr::from_ref(line).cast::<i8>().wrapping_add(AHEAD);
        for line in 0..size_of::<[u32; COLUMNS]>() / 64 {
            // SAFETY: a prefetch reads nothing and faults nowhere, whatever the address.
            #[allow(unsafe_code)]
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(64 * line));
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    fn tile<const R: usize>(x: &[u32], w: &[[u32; COLUMNS]], out: &mut [Sums], stride: usize) {
        let mut sums = [[_mm512_setzero_ps(); WIDE]; R];
        for (x, w) in x.as_chunks::<PAIRS>().0.as_chunks::<R>().0.iter().zip(w.as_chunks::<PAIRS>().0) {
            for (pair, w) in w.iter().enumerate() {
                if R < ROWS {
                    prefetch(w);
                }
                // SAFETY: a vector has the bits of 16 pairs, whatever they are.
                #[allow(unsafe_code)]
                let w: [__m512bh; WIDE] = unsafe { std::mem::transmute(*w) };
                for (sums, x) in sums.iter_mut().zip(x) {
                    // SAFETY: as above.
                    #[allow(unsafe_code)]
                    let x: __m512bh = unsafe { std::mem::transmute([x[pair]; 16]) };
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum = _mm512_dpbf16_ps(*sum, x, w);
                    }
                }
            }
        }
        for (out, sums) in out.iter_mut().step_by(stride).zip(sums) {
            for (out, sum) in out.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
                // SAFETY: a vector has the bits of 16 numbers.
                #[allow(unsafe_code)]
                let before: __m512 = unsafe { std::mem::transmute(*out) };
                // SAFETY: as above.
                #[allow(unsafe_code)]
                let after: [f32; 16] = unsafe { std::mem::transmute(_mm512_add_ps(before, sum)) };
                *out = after;
            }
        }
    }
}
