//! Products with quantised weights on the CPU: weights opened to 16-bit integers ([`super::blocks`]), activations rounded to
//! 15 bits per 256 values, multiplied and summed as integers, scaled once a block.
//!
//! 15 bits keep the product within 3·10⁻⁵ of the one with the dequantised weights, where the customary 8 bits lose 4·10⁻³; and
//! two 16-bit products a lane are as many a cycle as AVX2 does in 8 bits once the scales are counted. A panel of columns is
//! opened once and used for every row, so one code path serves one token and a long prompt.

use std::ops::Range;

use candle_core::Result;
use candle_core::quantized::QTensor;
use rayon::prelude::*;

use super::blocks::{Format, Opened, SUB, SUPER, open};
use super::simd;
use super::tiles::by_columns;

/// Largest magnitude of a rounded activation: 32 products a lane with the largest integer of Q6_K (32·128) fit 31 bits.
const MAX_ROUNDED: f32 = 16_383.0;
/// Blocks of 256 whose columns are open at a time: a panel of 16 columns stays in the second-level cache.
const OPEN_SUPERS: usize = 4;
/// Rows multiplied together.
const ROWS: usize = 4;

/// Activations as integers.
struct Rounded {
    /// Blocks of 256 a row.
    supers: usize,
    /// [M, supers · 256]
    integers: Vec<i16>,
    /// [M, supers]
    scales: Vec<f32>,
    /// [M, supers · 8]: sums of 32 values, scaled.
    sums: Vec<f32>,
}

simd! {
    fn round_super(x: &[f32], integers: &mut [i16], sums: &mut [f32]) -> f32 {
        const MAGIC: f32 = 12_582_912.0;
        let mut largest = [0.0_f32; 8];
        for chunk in x.chunks(8) {
            for (l, v) in largest.iter_mut().zip(chunk) {
                *l = l.max(v.abs());
            }
        }
        let largest = largest.into_iter().fold(0.0, f32::max);
        if !(largest > 0.0 && largest.is_finite()) {
            integers.fill(0);
            sums.fill(0.0);
            // What is not a number stays none.
            return if x.iter().all(|v| *v == 0.0) { 0.0 } else { f32::NAN };
        }
        let scale = largest / MAX_ROUNDED;
        let inverse = MAX_ROUNDED / largest;
        for (o, v) in integers.iter_mut().zip(x) {
            // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
            *o = (v * inverse + MAGIC).to_bits() as u16 as i16;
        }
        for (sum, part) in sums.iter_mut().zip(integers.chunks_exact(SUB)) {
            *sum = scale * part.iter().map(|q| i32::from(*q)).sum::<i32>() as f32;
        }
        scale
    }
}

impl Rounded {
    fn new(x: &[f32], k: usize) -> Self {
        let (rows, supers) = (x.len() / k.max(1), k.div_ceil(SUPER));
        let mut all = Self {
            supers,
            integers: vec![0; rows * supers * SUPER],
            scales: vec![0.0; rows * supers],
            sums: vec![0.0; rows * supers * 8],
        };
        let targets = all.integers.par_chunks_exact_mut(supers * SUPER).zip(all.scales.par_chunks_exact_mut(supers));
        let targets = targets.zip(all.sums.par_chunks_exact_mut(supers * 8)).zip(x.par_chunks_exact(k));
        targets.with_min_len(8).for_each(|(((integers, scales), sums), row)| {
            let parts = integers.chunks_exact_mut(SUPER).zip(sums.chunks_exact_mut(8)).zip(scales);
            for (((integers, sums), scale), x) in parts.zip(row.chunks(SUPER)) {
                *scale = round_super(x, integers, sums);
            }
        });
        all
    }

    /// Blocks `supers` of a row.
    fn row(&self, row: usize, supers: &Range<usize>) -> Operand<'_> {
        let at = |unit: usize| (row * self.supers + supers.start) * unit..(row * self.supers + supers.end) * unit;
        Operand { integers: &self.integers[at(SUPER)], scales: &self.scales[at(1)], offsets: &self.sums[at(8)] }
    }
}

/// A run of blocks of 256 of one side of a product.
struct Operand<'a> {
    integers: &'a [i16],
    /// Of an activation one per 256, of a weight one per block of its format.
    scales: &'a [f32],
    /// Of an activation the sums of 32, of a weight what is added to 32 values.
    offsets: &'a [f32],
}

/// Columns opened for a run of blocks of 256.
struct Panel {
    format: Format,
    integers: Vec<i16>,
    scales: Vec<f32>,
    offsets: Vec<f32>,
}

impl Panel {
    fn new(format: Format, columns: usize) -> Self {
        let supers = columns * OPEN_SUPERS;
        let offsets = if format.has_offsets() { supers * 8 } else { 0 };
        Self {
            format,
            integers: vec![0; supers * SUPER],
            scales: vec![0.0; supers * SUPER / format.values()],
            offsets: vec![0.0; offsets],
        }
    }

    /// Opens blocks `supers` of the columns whose bytes are `rows`, each `row_bytes` long.
    fn open(&mut self, rows: &[u8], row_bytes: usize, supers: &Range<usize>) {
        let per_super = SUPER / self.format.values();
        let bytes = per_super * self.format.bytes();
        let count = supers.len();
        for (column, row) in rows.chunks_exact(row_bytes).enumerate() {
            let blocks = &row[(supers.start * bytes).min(row.len())..(supers.end * bytes).min(row.len())];
            let integers = &mut self.integers[column * OPEN_SUPERS * SUPER..][..count * SUPER];
            let scales = &mut self.scales[column * OPEN_SUPERS * per_super..][..count * per_super];
            if blocks.len() < count * bytes {
                // A row of Q8_0 may end inside 256 values; the rest counts as zero.
                integers.fill(0);
                scales.fill(0.0);
            }
            let offsets = match self.format.has_offsets() {
                true => &mut self.offsets[column * OPEN_SUPERS * 8..][..count * 8],
                false => &mut [],
            };
            open(self.format, blocks, Opened { integers, scales, offsets });
        }
    }

    fn column(&self, column: usize, supers: usize) -> Operand<'_> {
        let per_super = SUPER / self.format.values();
        let from = column * OPEN_SUPERS;
        Operand {
            integers: &self.integers[from * SUPER..][..supers * SUPER],
            scales: &self.scales[from * per_super..][..supers * per_super],
            offsets: if self.format.has_offsets() { &self.offsets[from * 8..][..supers * 8] } else { &[] },
        }
    }
}

/// Sums of products of `R` rows with two columns.
fn multiply<const R: usize>(format: Format, rows: &[Operand<'_>; R], columns: &[Operand<'_>; 2]) -> [[f32; 2]; R] {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
        // SAFETY: the two features these are compiled for were found on this machine one line above.
        #[allow(unsafe_code)]
        return unsafe {
            match format {
                Format::Q8_0 => avx2::fine(rows, columns),
                Format::Q6K => avx2::coarse::<R, false>(rows, columns),
                Format::Q4K | Format::Q5K => avx2::coarse::<R, true>(rows, columns),
            }
        };
    }
    rows.each_ref().map(|row| columns.each_ref().map(|column| multiply_one(format, row, column)))
}

/// The same for any machine.
fn multiply_one(format: Format, row: &Operand<'_>, column: &Operand<'_>) -> f32 {
    let values = format.values();
    let blocks = row.integers.chunks_exact(values).zip(column.integers.chunks_exact(values)).zip(column.scales);
    let mut sum = 0.0;
    for (i, ((x, w), scale)) in blocks.enumerate() {
        let dot: i64 = x.iter().zip(w).map(|(a, b)| i64::from(i32::from(*a) * i32::from(*b))).sum();
        sum += row.scales[i * values / SUPER] * scale * dot as f32;
    }
    sum + row.offsets.iter().zip(column.offsets).map(|(x, offset)| x * offset).sum::<f32>()
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! The inner loops. Loads are of whole arrays, so no pointer leaves its slice.

    use std::arch::x86_64::{
        __m256, __m256i, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehdup_ps, _mm_movehl_ps, _mm256_add_epi32,
        _mm256_castps256_ps128, _mm256_cvtepi32_ps, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256,
    };

    use super::{Operand, SUPER};

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn load(values: &[i16; 16]) -> __m256i {
        // SAFETY: 32 bytes are read from an array of 32 bytes; no alignment is needed.
        #[allow(unsafe_code)]
        unsafe {
            _mm256_loadu_si256(values.as_ptr().cast())
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn load_f32(values: &[f32; 8]) -> __m256 {
        // SAFETY: 32 bytes are read from an array of 32 bytes; no alignment is needed.
        #[allow(unsafe_code)]
        unsafe {
            _mm256_loadu_ps(values.as_ptr())
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sum(lanes: __m256) -> f32 {
        let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }

    /// 256 integers as vectors of 16. `block` is within the operand, as both sides of a product have the same length.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn block<'a>(operand: &Operand<'a>, block: usize) -> &'a [[i16; 16]; 16] {
        const EMPTY: &[[i16; 16]; 16] = &[[0; 16]; 16];
        operand.integers[block * SUPER..].as_chunks().0.first_chunk().unwrap_or(EMPTY)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn eight(values: &[f32], block: usize) -> &[f32; 8] {
        values[block * 8..].first_chunk().unwrap_or(&[0.0; 8])
    }

    /// One scale per 256 values.
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn coarse<const R: usize, const OFFSETS: bool>(
        rows: &[Operand<'_>; R],
        columns: &[Operand<'_>; 2],
    ) -> [[f32; 2]; R] {
        let mut totals = [[_mm256_setzero_ps(); 2]; R];
        for at in 0..columns[0].scales.len() {
            let w = [block(&columns[0], at), block(&columns[1], at)];
            let mut x = [w[0]; R];
            for r in 0..R {
                x[r] = block(&rows[r], at);
            }
            let mut sums = [[_mm256_setzero_si256(); 2]; R];
            for step in 0..SUPER / 16 {
                let (w0, w1) = (load(&w[0][step]), load(&w[1][step]));
                for r in 0..R {
                    let x = load(&x[r][step]);
                    sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(x, w0));
                    sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(x, w1));
                }
            }
            for c in 0..2 {
                let offsets = if OFFSETS { load_f32(eight(columns[c].offsets, at)) } else { _mm256_setzero_ps() };
                for r in 0..R {
                    let scale = _mm256_set1_ps(rows[r].scales[at] * columns[c].scales[at]);
                    totals[r][c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][c]), scale, totals[r][c]);
                    if OFFSETS {
                        totals[r][c] = _mm256_fmadd_ps(load_f32(eight(rows[r].offsets, at)), offsets, totals[r][c]);
                    }
                }
            }
        }
        sums_of(&totals)
    }

    /// One scale per 32 values.
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn fine<const R: usize>(rows: &[Operand<'_>; R], columns: &[Operand<'_>; 2]) -> [[f32; 2]; R] {
        let mut totals = [[_mm256_setzero_ps(); 2]; R];
        for at in 0..columns[0].scales.len() / 8 {
            let mut x = [block(&columns[0], at); R];
            for r in 0..R {
                x[r] = block(&rows[r], at);
            }
            let mut parts = [[_mm256_setzero_ps(); 2]; R];
            for c in 0..2 {
                let (w, scales) = (block(&columns[c], at), eight(columns[c].scales, at));
                for sub in 0..8 {
                    let (w0, w1) = (load(&w[2 * sub]), load(&w[2 * sub + 1]));
                    let scale = _mm256_set1_ps(scales[sub]);
                    for r in 0..R {
                        let first = _mm256_madd_epi16(load(&x[r][2 * sub]), w0);
                        let second = _mm256_madd_epi16(load(&x[r][2 * sub + 1]), w1);
                        let both = _mm256_cvtepi32_ps(_mm256_add_epi32(first, second));
                        parts[r][c] = _mm256_fmadd_ps(both, scale, parts[r][c]);
                    }
                }
            }
            for r in 0..R {
                let scale = _mm256_set1_ps(rows[r].scales[at]);
                for c in 0..2 {
                    totals[r][c] = _mm256_fmadd_ps(parts[r][c], scale, totals[r][c]);
                }
            }
        }
        sums_of(&totals)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sums_of<const R: usize>(totals: &[[__m256; 2]; R]) -> [[f32; 2]; R] {
        let mut sums = [[0.0; 2]; R];
        for r in 0..R {
            sums[r] = [sum(totals[r][0]), sum(totals[r][1])];
        }
        sums
    }
}

/// Adds the products of all rows with a panel of `columns` opened columns. out: [M, columns]
///
/// A few rows stay in the first-level cache while the panel passes by.
fn multiply_panel(x: &Rounded, panel: &Panel, columns: usize, supers: &Range<usize>, out: &mut [f32]) {
    let rows = out.len() / columns.max(1);
    let whole = rows / ROWS * ROWS;
    for row in (0..whole).step_by(ROWS) {
        let own = std::array::from_fn(|i| x.row(row + i, supers));
        multiply_rows::<ROWS>(&own, panel, columns, supers.len(), &mut out[row * columns..][..ROWS * columns]);
    }
    for row in whole..rows {
        let own = [x.row(row, supers)];
        multiply_rows::<1>(&own, panel, columns, supers.len(), &mut out[row * columns..][..columns]);
    }
}

/// The same for `R` rows.
fn multiply_rows<const R: usize>(
    rows: &[Operand<'_>; R],
    panel: &Panel,
    columns: usize,
    supers: usize,
    out: &mut [f32],
) {
    for first in (0..columns).step_by(2) {
        // The last of an odd number of columns is multiplied twice.
        let pair = [panel.column(first, supers), panel.column((first + 1).min(columns - 1), supers)];
        let sums = multiply(panel.format, rows, &pair);
        for (out, sums) in out.chunks_exact_mut(columns).zip(sums) {
            out[first] += sums[0];
            if let Some(out) = out.get_mut(first + 1) {
                *out += sums[1];
            }
        }
    }
}

/// x·Wᵀ. x: [M, K] row-major; weight: [N, K] in one of [`Format`]'s formats → [M, N] row-major.
pub(crate) fn product(x: &[f32], weight: &QTensor, format: Format) -> Result<Vec<f32>> {
    let (n, k) = weight.shape().dims2()?;
    let (data, row_bytes) = (weight.data()?, k / format.values() * format.bytes());
    if k == 0 || !x.len().is_multiple_of(k) || !k.is_multiple_of(format.values()) || data.len() != n * row_bytes {
        candle_core::bail!("a quantised weight of {n}×{k} does not fit {} activations", x.len());
    }
    let rows = x.len() / k;
    let x = Rounded::new(x, k);
    // Few rows: two columns at a time stay in the first-level cache.
    let panel_columns = if rows < ROWS { 2 } else { 16 };
    let compute = |columns: Range<usize>, out: &mut [f32]| {
        let mut panel = Panel::new(format, panel_columns);
        let width = columns.len();
        let mut sums = vec![0.0; rows * panel_columns];
        for first in (0..width).step_by(panel_columns) {
            let count = panel_columns.min(width - first);
            let bytes = &data[(columns.start + first) * row_bytes..][..count * row_bytes];
            let sums = &mut sums[..rows * count];
            sums.fill(0.0);
            for start in (0..x.supers).step_by(OPEN_SUPERS) {
                let supers = start..(start + OPEN_SUPERS).min(x.supers);
                panel.open(bytes, row_bytes, &supers);
                multiply_panel(&x, &panel, count, &supers, sums);
            }
            for (out, sums) in out.chunks_exact_mut(width).zip(sums.chunks_exact(count)) {
                out[first..first + count].copy_from_slice(sums);
            }
        }
    };
    Ok(by_columns(rows, n, k, compute))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::quantized::GgmlDType;
    use candle_core::{Device, Tensor};

    #[test]
    fn products_are_those_with_the_dequantised_weights() -> Result<()> {
        for dtype in [GgmlDType::Q8_0, GgmlDType::Q6K, GgmlDType::Q5K, GgmlDType::Q4K] {
            for (m, n, k) in [(1, 5, 256), (1, 70, 1536), (3, 33, 512), (9, 64, 2048), (70, 37, 1280)] {
                let weight = Tensor::randn(0.05_f32, 1.0, (n, k), &Device::Cpu)?;
                let weight = QTensor::quantize(&weight, dtype)?;
                let x = Tensor::randn(0.1_f32, 1.0, (m, k), &Device::Cpu)?;
                let exact = x.matmul(&weight.dequantize(&Device::Cpu)?.t()?)?;
                let format = Format::of(dtype).unwrap();
                let found = product(&x.flatten_all()?.to_vec1::<f32>()?, &weight, format)?;
                let worst = (Tensor::from_vec(found, (m, n), &Device::Cpu)? - &exact)?.abs()?.max_all()?;
                let worst = worst.to_scalar::<f32>()? / (k as f32).sqrt();
                assert!(worst < 3e-4, "{dtype:?} {m}×{n}×{k}: {worst}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_row_of_q8_0_may_end_inside_256_values_and_zeros_stay_zero() -> Result<()> {
        let weight = QTensor::quantize(&Tensor::randn(0.0_f32, 1.0, (7, 352), &Device::Cpu)?, GgmlDType::Q8_0)?;
        let x = Tensor::randn(0.0_f32, 1.0, (5, 352), &Device::Cpu)?;
        let exact = x.matmul(&weight.dequantize(&Device::Cpu)?.t()?)?.flatten_all()?.to_vec1::<f32>()?;
        let found = product(&x.flatten_all()?.to_vec1::<f32>()?, &weight, Format::Q8_0)?;
        assert!(exact.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-2));
        assert_eq!(product(&[0.0; 352], &weight, Format::Q8_0)?, [0.0; 7]);
        assert!(product(&[f32::NAN; 352], &weight, Format::Q8_0)?.iter().all(|v| v.is_nan()));
        Ok(())
    }

    #[test]
    fn any_machine_computes_the_same() -> Result<()> {
        for dtype in [GgmlDType::Q8_0, GgmlDType::Q5K, GgmlDType::Q6K] {
            let format = Format::of(dtype).unwrap();
            let weight = QTensor::quantize(&Tensor::randn(0.0_f32, 1.0, (2, 512), &Device::Cpu)?, dtype)?;
            let x = Tensor::randn(0.0_f32, 1.0, (1, 512), &Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
            let x = Rounded::new(&x, 512);
            let mut panel = Panel::new(format, 2);
            panel.open(&weight.data()?, 512 / format.values() * format.bytes(), &(0..2));
            let columns = [panel.column(0, 2), panel.column(1, 2)];
            let [fast] = multiply(format, &[x.row(0, &(0..2))], &columns);
            for (fast, column) in fast.into_iter().zip(columns) {
                let portable = multiply_one(format, &x.row(0, &(0..2)), &column);
                assert!((fast - portable).abs() < 1e-3, "{dtype:?}: {fast} and {portable}");
            }
        }
        Ok(())
    }
}
