//! Products of many rows with GGML's blocks in 8-bit integers, where the processor multiplies four of them a lane (AVX-512
//! VNNI): twice the bf16 product, and nothing is opened to floating point.
//!
//! A weight is `scale · q - minimum` with an unsigned `q` of 8 bits, the two numbers shared by 32 weights of a row; that holds
//! for Q8_0 (`q - 128`), Q4_K and Q5_K as they are. Activations are rounded to 8 bits as GGML does it: for Q8_0 every 32 have a
//! scale, for the K formats every 256 (`ggml_vec_dot_q8_0_q8_0`, `ggml_vec_dot_q4_K_q8_K`).
//!
//! ```text
//! activations [M, K] → slabs of 6 rows   [K/32 blocks][6 rows][8 quads]
//! weights     [N, K] → panels of 32 rows                      [K/32 blocks][8 quads][32]
//! ```

mod formats;
mod pack;
mod tile;

use candle_core::Result;
use candle_core::quantized::{GgmlDType, QTensor};

use super::activation::Finish;
use super::panels::by_panels;
use formats::{Open, opener};
use pack::{Panel, Slabs};

/// Rows of activations from which opening the weights pays.
pub(crate) const MANY: usize = 8;

/// Values that share a scale and a minimum.
const BLOCK: usize = 32;
/// Blocks of a pass: those that share a scale of activations in the K formats.
const PASS: usize = 8;
/// Rows of activations of a slab.
const ROWS: usize = 6;
/// Rows of weights of a panel, columns of the product.
const COLUMNS: usize = 32;

/// Whether [`product`] computes with weights of this format here.
pub(crate) fn is_here(format: GgmlDType) -> bool {
    tile::is_here() && opener(format).is_some()
}

/// x·Wᵀ. x: [M, K] row-major; weight: [N, K] → [M, N] row-major.
///
/// # Errors
/// A format that [`is_here`] denies, and shapes that do not fit.
pub(crate) fn product(x: &[f32], weight: &QTensor) -> Result<Vec<f32>> {
    let ((n, k), format) = (weight.shape().dims2()?, weight.dtype());
    let Some(Open { open, minima }) = opener(format).filter(|_| tile::is_here()) else {
        candle_core::bail!("{format:?} is not multiplied in 8-bit integers here");
    };
    let data = weight.data()?;
    let row_bytes = k / format.block_size() * format.type_size();
    if k == 0 || !x.len().is_multiple_of(k) || data.len() != n * row_bytes {
        candle_core::bail!("a quantised weight of {n}×{k} does not fit {} activations", x.len());
    }
    let slabs = Slabs::pack(x, k, minima);
    let open = |rows: std::ops::Range<usize>, panel: &mut Panel| {
        panel.open(&data[rows.start * row_bytes..rows.end * row_bytes], row_bytes, k, open);
        Ok(())
    };
    by_panels([slabs.rows(), n], [ROWS, 1], Finish::NOTHING, open, |_, panel, [slab, _], sums| {
        tile::multiply(&slabs, slab, panel, sums);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::noise::noise;
    use candle_core::{Device, Module, Tensor, quantized::QMatMul};

    #[test]
    fn products_are_near_those_with_the_dequantised_weights_and_candle_s() -> Result<()> {
        for format in [GgmlDType::Q8_0, GgmlDType::Q5K, GgmlDType::Q4K] {
            for (m, n, k) in [(1, 40, 256), (8, 33, 512), (13, 70, 1536), (40, 64, 2048)] {
                if !is_here(format) {
                    continue;
                }
                let weight = QTensor::quantize(&noise(0.05, (n, k), 5)?, format)?;
                let x = noise(0.1, (m, k), 6)?;
                let found = product(&x.flatten_all()?.to_vec1::<f32>()?, &weight)?;
                let found = Tensor::from_vec(found, (m, n), &Device::Cpu)?;
                let norm = |t: &Tensor| t.sqr()?.sum_all()?.to_scalar::<f32>().map(f32::sqrt);
                let exact = x.matmul(&weight.dequantize(&Device::Cpu)?.t()?)?;
                let gap = norm(&(&exact - &found)?)? / norm(&exact)?;
                assert!(gap < 0.012, "{format:?} {m}×{n}×{k}: {gap} from the exact product");
                // candle rounds activations by 256 for Q8_0 too where it has tiles for the shape.
                let bound = if format == GgmlDType::Q8_0 { 0.012 } else { 1e-3 };
                let theirs = QMatMul::QTensor(weight.into()).forward(&x)?;
                let gap = norm(&(&theirs - &found)?)? / norm(&theirs)?;
                assert!(gap < bound, "{format:?} {m}×{n}×{k}: {gap} from candle's product");
            }
        }
        Ok(())
    }

    #[test]
    fn rows_of_other_lengths_are_refused() -> Result<()> {
        let weight =
            QTensor::quantize(&Tensor::zeros((4, 256), candle_core::DType::F32, &Device::Cpu)?, GgmlDType::Q4K)?;
        assert!(product(&[0.0; 255], &weight).is_err());
        Ok(())
    }
}
