//! One pre-norm block of the tower: bidirectional attention inside a segment, then a GELU-tanh MLP
//! (`Qwen3VLVisionBlock`).

use candle_core::{D, Tensor};

use crate::config::VisionConfig;
use crate::error::Result;
use crate::kernels::activation::Activation;
use crate::kernels::attention::{Attention, Method, Sight};
use crate::kernels::heads::{HeadSplit, Rotary, merge_heads};
use crate::kernels::linear::Linear;
use crate::weights::Weights;

/// Epsilon of every LayerNorm of the tower.
pub(super) const EPS: f32 = 1e-6;

/// LayerNorm weight and bias.
#[derive(Clone)]
pub(super) struct Norm {
    weight: Tensor,
    bias: Tensor,
}

impl Norm {
    pub(super) fn load(weights: &Weights, name: &str, width: usize) -> Result<Self> {
        Ok(Self {
            weight: weights.vision(&format!("{name}.weight"), &[width])?,
            bias: weights.vision(&format!("{name}.bias"), &[width])?,
        })
    }

    /// x: [.., W] contiguous.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(candle_nn::ops::layer_norm(x, &self.weight, &self.bias, EPS)?)
    }
}

pub(super) struct Block {
    norm1: Norm,
    norm2: Norm,
    qkv: Linear,
    proj: Linear,
    fc1: Linear,
    fc2: Linear,
    heads: HeadSplit,
    attention: Attention,
}

impl Block {
    pub(super) fn load(config: &VisionConfig, weights: &Weights, method: Method, name: &str) -> Result<Self> {
        let (h, mlp) = (config.hidden_size, config.intermediate_size);
        let linear = |part: &str, input, output| weights.vision_linear(&format!("{name}.{part}"), &[output, input]);
        Ok(Self {
            norm1: Norm::load(weights, &format!("{name}.norm1"), h)?,
            norm2: Norm::load(weights, &format!("{name}.norm2"), h)?,
            qkv: linear("attn.qkv", h, 3 * h)?,
            proj: linear("attn.proj", h, h)?,
            fc1: linear("mlp.linear_fc1", h, mlp)?,
            fc2: linear("mlp.linear_fc2", mlp, h)?,
            heads: HeadSplit {
                query: config.num_heads,
                key_value: config.num_heads,
                dim: h / config.num_heads,
                norms: None,
            },
            attention: Attention { method, sight: Sight::All, scale: ((h / config.num_heads) as f64).powf(-0.5) },
        })
    }

    /// x: [B·N, hidden] of `count` = B segments → same shape.
    pub(super) fn forward(&self, x: &Tensor, count: usize, rotary: &Rotary) -> Result<Tensor> {
        let qkv = self.qkv.forward(&self.norm1.forward(x)?)?;
        let heads = self.heads.split(&qkv, count, rotary)?;
        let mixed = self.proj.forward(&merge_heads(&self.attention.attend_within(&heads)?)?)?;
        let x = (x + mixed)?;
        let mlp = self.fc1.forward_act(&self.norm2.forward(&x)?, Activation::GeluTanh)?;
        Ok((&x + self.fc2.forward(&mlp)?)?)
    }
}

/// Four neighbouring rows side by side: [4·M, W] → [M, 4·W].
pub(super) fn join_four(x: &Tensor) -> Result<Tensor> {
    let width = x.dim(D::Minus1)?;
    Ok(x.reshape((x.dim(0)? / 4, width * 4))?)
}
