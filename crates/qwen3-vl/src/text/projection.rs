//! Bias-free projections of one input, computed together: one layer where all weights have one format, else as few as
//! their formats allow (llama.cpp's mixtures keep values in more bits than queries).

use candle_core::{D, Tensor};

use crate::error::Result;
use crate::kernels::linear::Linear;
use crate::weights::Weights;

/// Layers whose outputs belong side by side.
pub(super) struct Projection(Vec<Linear>);

impl Projection {
    /// layers: of one input.
    pub(super) fn new(layers: Vec<Linear>) -> Self {
        Self(layers)
    }

    /// parts: names before `.weight` and their outputs, in order.
    pub(super) fn load(weights: &Weights, parts: &[(String, usize)], input: usize) -> Result<Self> {
        Ok(Self::new(weights.text_stack(parts, input)?))
    }

    /// x: [L, input] → [L, sum of outputs].
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self.0.as_slice() {
            [only] => Ok(only.forward(x)?),
            layers => {
                let parts: candle_core::Result<Vec<_>> = layers.iter().map(|layer| layer.forward(x)).collect();
                Ok(Tensor::cat(&parts?, D::Minus1)?)
            }
        }
    }
}
