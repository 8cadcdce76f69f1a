//! The innermost loops: slabs of activations past a panel of weights.

use super::pack::{Panel, Slabs};
use super::{COLUMNS, PASS};

/// Sums of a row of activations with the columns of a panel.
type Sums = [f32; COLUMNS];

/// Adds the products of a slab and a panel to `sums`, one for a row of the slab.
pub(super) fn multiply(slabs: &Slabs, slab: usize, panel: &Panel, sums: &mut [Sums]) {
    for (x, w) in slabs.passes(slab).zip(panel.blocks.chunks(PASS)) {
        #[cfg(target_arch = "x86_64")]
        x86::slab(x, w, sums, slabs.minima);
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (x, w, &sums);
    }
}

pub(super) fn is_here() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512vnni");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::pack::{Block, Slab};
    use super::super::{COLUMNS, ROWS};
    use super::{Sums, is_here};

    /// Registers a row of sums takes.
    const WIDE: usize = COLUMNS / 16;

    pub(super) fn slab(x: Slab<'_>, w: &[Block], sums: &mut [Sums], minima: bool) {
        let of_height = match (sums.len(), minima) {
            (1, true) => tile::<1, true>,
            (2, true) => tile::<2, true>,
            (3, true) => tile::<3, true>,
            (4, true) => tile::<4, true>,
            (5, true) => tile::<5, true>,
            (_, true) => tile::<ROWS, true>,
            (1, false) => tile::<1, false>,
            (2, false) => tile::<2, false>,
            (3, false) => tile::<3, false>,
            (4, false) => tile::<4, false>,
            (5, false) => tile::<5, false>,
            (_, false) => tile::<ROWS, false>,
        };
        assert!(is_here(), "nothing is packed where it cannot be multiplied");
        // SAFETY: the instructions were found on this machine one line above.
        #[allow(unsafe_code)]
        unsafe {
            of_height(x, w, sums)
        }
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    fn tile<const R: usize, const MINIMA: bool>(x: Slab<'_>, w: &[Block], out: &mut [Sums]) {
        let (quads, scales, sums) =
            (x.quads.as_chunks::<R>().0, x.scales.as_chunks::<R>().0, x.sums.as_chunks::<R>().0);
        let mut total = [[_mm512_setzero_ps(); WIDE]; R];
        for (((quads, scales), sums), w) in quads.iter().zip(scales).zip(sums).zip(w) {
            let mut counts: [[__m512i; WIDE]; R] = std::array::from_fn(|row| {
                [if MINIMA { _mm512_setzero_si512() } else { _mm512_set1_epi32(sums[row]) }; WIDE]
            });
            for (quad, w) in w.quads.iter().enumerate() {
                // SAFETY: a vector has the bits of 16 words.
                #[allow(unsafe_code)]
                let w: [__m512i; WIDE] = unsafe { std::mem::transmute(*w) };
                for (counts, x) in counts.iter_mut().zip(quads) {
                    let x = _mm512_set1_epi32(x[quad].cast_signed());
                    for (count, w) in counts.iter_mut().zip(w) {
                        *count = _mm512_dpbusd_epi32(*count, w, x);
                    }
                }
            }
            let (by, less) = (floats(&w.scales), floats(&w.minima));
            for (row, (total, counts)) in total.iter_mut().zip(counts).enumerate() {
                for part in 0..WIDE {
                    let count = _mm512_cvtepi32_ps(counts[part]);
                    total[part] = if MINIMA {
                        let sum = _mm512_set1_ps(f32::from_bits(sums[row].cast_unsigned()));
                        _mm512_fnmadd_ps(less[part], sum, _mm512_fmadd_ps(count, by[part], total[part]))
                    } else {
                        _mm512_fmadd_ps(_mm512_mul_ps(count, by[part]), _mm512_set1_ps(scales[row]), total[part])
                    };
                }
            }
        }
        let scales = scales.first().copied().unwrap_or([0.0; R]);
        for (row, (out, total)) in out.iter_mut().zip(total).enumerate() {
            let before = floats(out);
            let after: [__m512; WIDE] = std::array::from_fn(|part| {
                if MINIMA {
                    _mm512_fmadd_ps(total[part], _mm512_set1_ps(scales[row]), before[part])
                } else {
                    _mm512_add_ps(total[part], before[part])
                }
            });
            // SAFETY: vectors have the bits of the numbers.
            #[allow(unsafe_code)]
            let after: Sums = unsafe { std::mem::transmute(after) };
            *out = after;
        }
    }

    #[inline(always)]
    fn floats(values: &Sums) -> [__m512; WIDE] {
        // SAFETY: vectors have the bits of the numbers.
        #[allow(unsafe_code)]
        unsafe {
            std::mem::transmute(*values)
        }
    }
}
