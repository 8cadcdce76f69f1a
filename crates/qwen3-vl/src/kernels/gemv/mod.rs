//! Products with a few rows of activations, as when answers are written: a weight is read once and used where it lies, at
//! the memory's speed. AVX-512; where a machine lacks it, its callers have portable loops or candle's.
//!
//! What bounds these products is the memory, so four columns of W are taken at a time, each from another quarter of a
//! thread's range: four long streams that the processor's prefetchers follow, where four neighbouring rows would be short
//! ones, often a power of two apart and in each other's way in the cache. A value is summed in the same order whatever the
//! other rows and columns are.

mod float;
mod k_quants;
mod q8_0;
mod rounded;
mod super_blocks;

use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};

use candle_core::quantized::GgmlDType;
use rayon::prelude::*;

use super::tiles::columns_of_a_task;
use super::worth_parallel;
pub(crate) use float::product as float;
use super_blocks::{Format, Q4K, Q5K, Q6K};

/// Columns at a time.
const STREAMS: usize = 4;
/// Rows at a time: with [`STREAMS`] columns, half the registers hold sums.
const ROWS: usize = 4;
/// Bytes a stream is asked for ahead of its use.
const AHEAD: usize = 3072;

/// What multiplies some rows of a weight with some rows of activations.
trait Kernel: Sync {
    /// What a row of weights is a slice of.
    type Weight: Sync;

    /// w: columns of the product; `first`: the first of R rows of activations.
    ///
    /// # Safety
    /// The machine has the instructions the kernel is compiled for.
    #[allow(unsafe_code)]
    unsafe fn tile<const C: usize, const R: usize>(&self, w: [&[Self::Weight]; C], first: usize) -> [[f32; R]; C];
}

/// x·Wᵀ. w: [N][width], rows: those of the activations, depth: values of one → [rows, N].
///
/// # Safety
/// As for [`Kernel::tile`].
#[allow(unsafe_code)]
unsafe fn streamed<K: Kernel>(kernel: &K, w: &[K::Weight], width: usize, rows: usize, depth: usize) -> Vec<f32> {
    let columns = w.len() / width;
    let mut out = vec![0.0_f32; rows * columns];
    if out.is_empty() {
        return out;
    }
    let range = if worth_parallel(rows * columns * depth) { columns_of_a_task(columns) } else { columns };
    // What a task writes: its columns of every row.
    let mut tasks: Vec<Vec<&mut [f32]>> = (0..columns.div_ceil(range)).map(|_| Vec::with_capacity(rows)).collect();
    for row in out.chunks_exact_mut(columns) {
        tasks.iter_mut().zip(row.chunks_mut(range)).for_each(|(task, row)| task.push(row));
    }
    let tasks = tasks.into_par_iter().zip(w.par_chunks(range * width));
    // SAFETY: the caller's.
    tasks.for_each(|(mut out, w)| unsafe { task(kernel, w, width, &mut out) });
    out
}

/// The product of a range of columns. w: [columns][width], out: [rows][columns].
///
/// # Safety
/// As for [`Kernel::tile`].
#[allow(unsafe_code)]
unsafe fn task<K: Kernel>(kernel: &K, w: &[K::Weight], width: usize, out: &mut [&mut [f32]]) {
    let columns = w.len() / width;
    let quarter = columns / STREAMS;
    let column = |at: usize| &w[at * width..][..width];
    for at in 0..quarter {
        let from: [usize; STREAMS] = std::array::from_fn(|stream| stream * quarter + at);
        // SAFETY: the caller's.
        unsafe { all_rows(kernel, from.map(column), from, out) };
    }
    for at in STREAMS * quarter..columns {
        // SAFETY: the caller's.
        unsafe { all_rows(kernel, [column(at)], [at], out) };
    }
}

/// w: the columns that `out`, [rows][columns], has at `at`.
///
/// # Safety
/// As for [`Kernel::tile`].
#[allow(unsafe_code)]
unsafe fn all_rows<K: Kernel, const C: usize>(
    kernel: &K,
    w: [&[K::Weight]; C],
    at: [usize; C],
    out: &mut [&mut [f32]],
) {
    for (group, out) in out.chunks_mut(ROWS).enumerate() {
        let first = group * ROWS;
        // SAFETY: the caller's.
        unsafe {
            match out.len() {
                1 => put(kernel.tile::<C, 1>(w, first), at, out),
                2 => put(kernel.tile::<C, 2>(w, first), at, out),
                3 => put(kernel.tile::<C, 3>(w, first), at, out),
                _ => put(kernel.tile::<C, ROWS>(w, first), at, out),
            }
        }
    }
}

fn put<const C: usize, const R: usize>(values: [[f32; R]; C], at: [usize; C], out: &mut [&mut [f32]]) {
    for (values, at) in values.iter().zip(at) {
        out.iter_mut().zip(values).for_each(|(row, value)| row[at] = *value);
    }
}

/// x·Wᵀ with blocks as they lie, or nothing if it is not for this module: another format or processor.
/// x: [M, k] row-major, rounded to 8 bits as the format's products customarily are; w: [N, k] → [M, N] row-major.
pub(crate) fn quantised(x: &[f32], w: &[u8], format: GgmlDType, k: usize) -> Option<Vec<f32>> {
    let (block, bytes) = (format.block_size(), format.type_size());
    if k == 0 || !k.is_multiple_of(block) || !are_here() {
        return None;
    }
    let (width, rows) = (k / block * bytes, x.len() / k);
    // SAFETY: the instructions were found on this machine above.
    #[allow(unsafe_code)]
    unsafe {
        match format {
            GgmlDType::Q8_0 => Some(streamed(&q8_0::Activations::new(x, k), w, width, rows, k)),
            GgmlDType::Q4K => Some(with_super_blocks::<Q4K>(x, w, width, rows, k)),
            GgmlDType::Q5K => Some(with_super_blocks::<Q5K>(x, w, width, rows, k)),
            GgmlDType::Q6K => Some(with_super_blocks::<Q6K>(x, w, width, rows, k)),
            _ => None,
        }
    }
}

/// # Safety
/// The machine has what [`are_here`] looks for.
#[allow(unsafe_code)]
unsafe fn with_super_blocks<F: Format>(x: &[f32], w: &[u8], width: usize, rows: usize, k: usize) -> Vec<f32> {
    // SAFETY: the caller's.
    unsafe { streamed(&k_quants::Activations::<F>::new(x, k), w, width, rows, k) }
}

/// Whether the machine has what kernels for blocks are compiled for.
fn are_here() -> bool {
    use std::is_x86_feature_detected as has;
    has!("avx2")
        && has!("fma")
        && has!("f16c")
        && has!("avx512f")
        && has!("avx512bw")
        && has!("avx512vl")
        && has!("avx512vnni")
}

/// Asks for what a stream holds [`AHEAD`] bytes on, to the second-level cache.
#[inline(always)]
fn prefetch<T>(at: *const T, further: usize) {
    // SAFETY: a prefetch reads nothing and faults nowhere, whatever the address.
    #[allow(unsafe_code)]
    unsafe {
        _mm_prefetch::<_MM_HINT_T1>(at.cast::<i8>().wrapping_add(AHEAD + further));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::noise::noise;
    use candle_core::quantized::{QMatMul, QTensor};
    use candle_core::{Device, Module, Result, Tensor};

    const FORMATS: [GgmlDType; 4] = [GgmlDType::Q8_0, GgmlDType::Q4K, GgmlDType::Q5K, GgmlDType::Q6K];

    /// The norm of the difference, as a part of that of `b`.
    fn gap(a: &[f32], b: &[f32]) -> f32 {
        let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
        norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
    }

    fn flat(values: &Tensor) -> Result<Vec<f32>> {
        values.flatten_all()?.to_vec1()
    }

    #[test]
    fn products_with_blocks_are_candle_s_and_near_those_of_the_open_weights() -> Result<()> {
        for format in FORMATS {
            // 13 columns: candle's blocked product, which rounds Q8_0's activations by the 256, takes multiples of 16.
            for (m, n, k) in [(1, 13, 256), (3, 13, 512), (4, 301, 2048), (7, 13, 1536)] {
                let weight = QTensor::quantize(&noise(0.1, (n, k), 31)?, format)?;
                let x = noise(0.1, (m, k), 32)?;
                let Some(found) = quantised(&flat(&x)?, &weight.data()?, format, k) else { return Ok(()) };
                let open = flat(&x.matmul(&weight.dequantize(&Device::Cpu)?.t()?)?)?;
                let theirs = flat(&QMatMul::QTensor(weight.into()).forward(&x)?)?;
                // These seeds have no activation half-way between two integers, which two roundings may send to either.
                // llama.cpp's scales of Q8_0's activations are 16-bit numbers, ours are not.
                let bound = if format == GgmlDType::Q8_0 { 5e-4 } else { 2e-6 };
                assert!(gap(&found, &theirs) < bound, "{format:?} {m}×{n}×{k}: {}", gap(&found, &theirs));
                assert!(gap(&found, &open) < 0.012, "{format:?} {m}×{n}×{k}: {}", gap(&found, &open));
            }
        }
        Ok(())
    }

    #[test]
    fn a_row_among_a_few_is_the_row_alone_to_the_bit_in_blocks_too() -> Result<()> {
        for format in FORMATS {
            let (m, n, k) = (7, 303, 512);
            let weight = QTensor::quantize(&noise(0.0, (n, k), 3)?, format)?;
            let x = flat(&noise(0.0, (m, k), 4)?)?;
            let Some(all) = quantised(&x, &weight.data()?, format, k) else { return Ok(()) };
            for (x, found) in x.chunks(k).zip(all.chunks(n)) {
                assert_eq!(Some(found.to_vec()), quantised(x, &weight.data()?, format, k), "{format:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn formats_without_a_kernel_and_rows_that_are_no_whole_blocks_are_left_to_others() {
        assert_eq!(quantised(&[0.0; 64], &[0; 36], GgmlDType::Q4_0, 64), None);
        assert_eq!(quantised(&[0.0; 48], &[0; 51], GgmlDType::Q8_0, 48), None);
    }
}
