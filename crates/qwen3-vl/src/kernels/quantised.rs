//! Products of many rows with GGML's blocks on the CPU, where candle's own are slow.
//!
//! candle multiplies blocks with activations rounded to 8 bits: faster than f32 for Q4_K and Q6_K, and for a single row in
//! every format. Without AVX-512 it has no blocked product for Q8_0 and Q5_K, and a prompt is read three times faster by opening
//! a tile of weights to f32 and multiplying that. The result then is exactly that of the dequantised weights.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{CpuStorage, Result};

use super::gemv;
use super::tiles::through_tiles;

/// Rows from which opening pays.
const MANY: usize = 16;

/// Whether a product of `rows` rows is for [`product`], not for candle.
pub(crate) fn is_slow(format: GgmlDType, rows: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    let blocked = std::is_x86_feature_detected!("avx512vnni");
    #[cfg(not(target_arch = "x86_64"))]
    let blocked = true;
    !blocked && rows >= MANY && matches!(format, GgmlDType::Q8_0 | GgmlDType::Q5K)
}

/// Rows up to which blocks are multiplied where they lie.
const FEW: usize = 7;

/// x·Wᵀ for few rows, where there is a kernel of ours for the format and the machine. Shapes as for [`product`].
pub(crate) fn few_rows(x: &[f32], weight: &QTensor, rows: usize) -> Result<Option<Vec<f32>>> {
    let (n, k) = weight.shape().dims2()?;
    if rows > FEW || x.len() != rows * k {
        return Ok(None);
    }
    let data = weight.data()?;
    let whole = data.len() * weight.dtype().block_size() == n * k * weight.dtype().type_size();
    Ok(if whole { gemv::quantised(x, &data, weight.dtype(), k) } else { None })
}

/// x·Wᵀ. x: [M, K] row-major; weight: [N, K] → [M, N] row-major.
pub(crate) fn product(x: &[f32], weight: &QTensor) -> Result<Vec<f32>> {
    let ((n, k), format) = (weight.shape().dims2()?, weight.dtype());
    let data = weight.data()?;
    let row_bytes = k / format.block_size() * format.type_size();
    if k == 0 || !x.len().is_multiple_of(k) || data.len() != n * row_bytes {
        candle_core::bail!("a quantised weight of {n}×{k} does not fit {} activations", x.len());
    }
    through_tiles(x, n, k, |columns, out| {
        let blocks = format.from_data(Cow::Borrowed(&data[columns.start * row_bytes..columns.end * row_bytes]));
        if let CpuStorage::F32(values) = blocks.dequantize(out.len())? {
            out.copy_from_slice(&values);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::noise::noise;
    use candle_core::{Device, Tensor};

    #[test]
    fn products_are_those_with_the_dequantised_weights() -> Result<()> {
        for format in [GgmlDType::Q8_0, GgmlDType::Q5K] {
            for (m, n, k) in [(16, 5, 256), (70, 130, 1536)] {
                let weight = QTensor::quantize(&noise(0.05, (n, k), 5)?, format)?;
                let x = noise(0.1, (m, k), 6)?;
                let exact = x.matmul(&weight.dequantize(&Device::Cpu)?.t()?)?;
                let found = product(&x.flatten_all()?.to_vec1::<f32>()?, &weight)?;
                let worst = (Tensor::from_vec(found, (m, n), &Device::Cpu)? - &exact)?.abs()?.max_all()?;
                assert!(worst.to_scalar::<f32>()? < 1e-3, "{format:?} {m}×{n}×{k}");
            }
        }
        Ok(())
    }
}
