//! Products with weights of 16 bits on the CPU: half the memory traffic of f32, computed in f32.
//!
//! candle multiplies bf16 matrices by single tokens at a twentieth of the memory's speed; here a run of weights is widened in
//! registers or the first-level cache and used at once. The values are exactly those of the stored weights.

use candle_core::{CpuStorage, Result, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::bf16 as bf16_pairs;
use super::tiles::{by_columns, through_tiles};
use super::{dot, gemv, simd};

/// Weights widened at a time for few rows: 2 KiB of f32.
const RUN: usize = 512;
/// Rows from which a widened tile is handed to the matrix product.
const MANY: usize = 8;

/// A 16-bit format.
trait Narrow: Copy + Sync {
    fn widen(from: &[Self], to: &mut [f32]);
}

impl Narrow for f16 {
    fn widen(from: &[Self], to: &mut [f32]) {
        from.convert_to_f32_slice(to);
    }
}

simd! {
    /// bf16 is the upper half of f32.
    pub(crate) fn widen_bf16(from: &[bf16], to: &mut [f32]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = f32::from_bits(u32::from(from.to_bits()) << 16);
        }
    }
}

impl Narrow for bf16 {
    fn widen(from: &[Self], to: &mut [f32]) {
        widen_bf16(from, to);
    }
}

simd! {
    fn dot_run(a: &[f32], b: &[f32]) -> f32 {
        dot(a, b)
    }
}

/// x·Wᵀ. x: [M, K] row-major; weight: [N, K] f16 or bf16 → [M, N] row-major.
pub(crate) fn product(x: &[f32], weight: &Tensor) -> Result<Vec<f32>> {
    let (n, k) = weight.dims2()?;
    let (storage, layout) = weight.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else { candle_core::bail!("a weight must be contiguous") };
    if k == 0 || !x.len().is_multiple_of(k) {
        candle_core::bail!("a weight of {n}×{k} does not fit {} activations", x.len());
    }
    match &*storage {
        candle_core::Storage::Cpu(CpuStorage::F16(w)) => either(x, &w[start..end], k, gemv::float),
        candle_core::Storage::Cpu(CpuStorage::BF16(w)) => {
            if x.len() / k >= bf16_pairs::MANY && bf16_pairs::is_here(k) {
                return bf16_pairs::with_bf16(x, &w[start..end], k);
            }
            either(x, &w[start..end], k, gemv::float)
        }
        _ => candle_core::bail!("this kernel computes f16 and bf16 weights on the CPU only"),
    }
}

/// The machine's own kernel for few rows, if it has one, or the portable loops.
fn either<T: Narrow>(
    x: &[f32],
    w: &[T],
    k: usize,
    own: impl Fn(&[f32], &[T], usize) -> Option<Vec<f32>>,
) -> Result<Vec<f32>> {
    let few = x.len() / k < MANY;
    few.then(|| own(x, w, k)).flatten().map_or_else(|| typed(x, w, k), Ok)
}

fn typed<T: Narrow>(x: &[f32], w: &[T], k: usize) -> Result<Vec<f32>> {
    let (rows, n) = (x.len() / k, w.len() / k);
    if rows < MANY {
        return Ok(by_columns(rows, n, k, |columns, out| few(x, &w[columns.start * k..columns.end * k], k, out)));
    }
    through_tiles(x, n, k, |columns, out| {
        T::widen(&w[columns.start * k..columns.end * k], out);
        Ok(())
    })
}

/// Each weight is widened once and multiplied with every row. out: [M, columns]
fn few<T: Narrow>(x: &[f32], w: &[T], k: usize, out: &mut [f32]) {
    let columns = w.len() / k;
    let mut wide = [0.0_f32; RUN];
    for (column, w) in w.chunks_exact(k).enumerate() {
        for (run, w) in w.chunks(RUN).enumerate() {
            let wide = &mut wide[..w.len()];
            T::widen(w, wide);
            for (row, x) in x.chunks_exact(k).enumerate() {
                out[row * columns + column] += dot_run(wide, &x[run * RUN..][..w.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn products_are_those_with_the_widened_weights() -> Result<()> {
        for dtype in [DType::F16, DType::BF16] {
            for (m, n, k) in [(1, 7, 64), (1, 300, 1030), (5, 33, 700), (8, 130, 512), (40, 65, 96)] {
                let weight = Tensor::randn(0.0_f32, 1.0, (n, k), &Device::Cpu)?.to_dtype(dtype)?;
                let x = Tensor::randn(0.0_f32, 1.0, (m, k), &Device::Cpu)?;
                let exact = x.matmul(&weight.to_dtype(DType::F32)?.t()?)?;
                let found = product(&x.flatten_all()?.to_vec1::<f32>()?, &weight)?;
                let worst = (Tensor::from_vec(found, (m, n), &Device::Cpu)? - exact)?.abs()?.max_all()?;
                let rounds = dtype == DType::BF16 && m >= bf16_pairs::MANY && bf16_pairs::is_here(k);
                // Values of about √k, rounded to 8 bits.
                let bound = if rounds { 0.02 * (k as f32).sqrt() } else { 1e-3 };
                assert!(worst.to_scalar::<f32>()? < bound, "{dtype:?} {m}×{n}×{k}");
            }
        }
        Ok(())
    }
}
