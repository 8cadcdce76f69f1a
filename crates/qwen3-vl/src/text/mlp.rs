//! The second half of a decoder layer: one SwiGLU MLP, or a mixture of them.

use candle_core::Tensor;

use super::moe::Mixture;
use super::projection::Projection;
use crate::config::TextConfig;
use crate::error::Result;
use crate::kernels::activation::swiglu;
use crate::kernels::linear::Linear;
use crate::weights::Weights;

/// What follows the attention of a layer.
pub(super) enum Mlp {
    /// `Qwen3VLTextMLP`.
    Dense(Gated),
    /// `Qwen3VLMoeTextSparseMoeBlock`.
    Sparse(Mixture),
}

impl Mlp {
    pub(super) fn load(config: &TextConfig, weights: &Weights, layer: usize) -> Result<Self> {
        if config.is_sparse(layer) {
            return Ok(Self::Sparse(Mixture::load(config, weights, layer)?));
        }
        let (h, mlp) = (config.hidden_size, config.intermediate_size);
        let name = |part: &str| format!("layers.{layer}.mlp.{part}");
        Ok(Self::Dense(Gated::new(
            weights.text_stack(&[(name("gate_proj"), mlp), (name("up_proj"), mlp)], h)?,
            weights.text_stack(&[(name("down_proj"), h)], mlp)?,
        )))
    }

    /// x: [L, hidden] → same shape.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Dense(mlp) => mlp.forward(x),
            Self::Sparse(mixture) => mixture.forward(x),
        }
    }
}

/// `down(silu(gate(x)) · up(x))`.
pub(super) struct Gated {
    gate_up: Projection,
    down: Projection,
}

impl Gated {
    /// gate_up: outputs of the gate, then those of the up projection.
    pub(super) fn new(gate_up: Vec<Linear>, down: Vec<Linear>) -> Self {
        Self { gate_up: Projection::new(gate_up), down: Projection::new(down) }
    }

    /// x: [L, hidden] → same shape.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.down.forward(&swiglu(&self.gate_up.forward(x)?)?)
    }
}
