//! The inner loops by themselves, for `examples/kernels.rs`: what a machine reaches in each weight format.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Tensor};

use crate::error::Result;
use crate::kernels::linear::{Linear, Weight};

/// A bias-free linear layer in one weight format.
#[derive(Debug)]
pub struct Layer {
    linear: Linear,
    bytes: usize,
}

impl Layer {
    /// weight: [N, K] f32 on the CPU; kept as `dtype`.
    ///
    /// # Errors
    /// A type candle cannot convert to.
    pub fn of_type(weight: &Tensor, dtype: DType) -> Result<Self> {
        Self::new(weight.to_dtype(dtype)?.into())
    }

    /// weight: [N, K] f32 on the CPU; kept in GGML's blocks.
    ///
    /// # Errors
    /// A K that is no multiple of the block.
    pub fn quantised(weight: &Tensor, format: GgmlDType) -> Result<Self> {
        Self::new(QTensor::quantize(weight, format)?.into())
    }

    fn new(weight: Weight) -> Result<Self> {
        Ok(Self { bytes: weight.bytes(), linear: Linear::packed(weight, None)? })
    }

    /// Bytes of the weight.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// x: [M, K] f32 → [M, N].
    ///
    /// # Errors
    /// Another K.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.linear.forward(x)?)
    }
}
