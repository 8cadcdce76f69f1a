//! One pre-norm block of the tower: bidirectional attention inside a segment, then a GELU-tanh MLP
//! (`Qwen3VLVisionBlock`).

use candle_core::{D, DType, IndexOp, Tensor};
use rayon::prelude::*;

use crate::config::VisionConfig;
use crate::error::Result;
use crate::kernels::activation::Activation;
use crate::kernels::attention::{KeyValues, Sight, attend};
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
}

impl Block {
    pub(super) fn load(config: &VisionConfig, weights: &Weights, name: &str) -> Result<Self> {
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
        })
    }

    /// x: [B·N, hidden] of `count` = B segments → same shape.
    pub(super) fn forward(&self, x: &Tensor, count: usize, rotary: &Rotary) -> Result<Tensor> {
        let qkv = self.qkv.forward(&self.norm1.forward(x)?)?;
        // [B, 3H, N, D]
        let qkv = self.heads.split(&qkv, count, rotary)?;
        let mixed = self.proj.forward(&merge_heads(&self.attention(&qkv)?)?)?;
        let x = (x + mixed)?;
        let mlp = self.fc1.forward_act(&self.norm2.forward(&x)?, Activation::GeluTanh)?;
        Ok((&x + self.fc2.forward(&mlp)?)?)
    }

    /// qkv: [B, 3H, N, D] → [B, H, N, D].
    fn attention(&self, qkv: &Tensor) -> Result<Tensor> {
        let (h, dim) = (self.heads.query, self.heads.dim);
        let scale = (dim as f64).powf(-0.5);
        let (batch, _, patches, _) = qkv.dims4()?;
        if qkv.device().is_cpu() && qkv.dtype() == DType::F32 {
            let segment = |b: usize| -> Result<Tensor> {
                let x = qkv.i(b)?;
                let (key, value) = (x.narrow(0, h, h)?, x.narrow(0, 2 * h, h)?);
                Ok(attend(&x.narrow(0, 0, h)?, &[KeyValues { key, value }], Sight::All, scale)?)
            };
            let parts: Result<Vec<_>> = if patches <= 512 {
                (0..batch).map(segment).collect()
            } else {
                (0..batch).into_par_iter().map(segment).collect()
            };
            return Ok(Tensor::stack(&parts?, 0)?);
        }
        let part = |i: usize| -> Result<Tensor> {
            Ok(qkv.narrow(1, i * h, h)?.contiguous()?.reshape((batch * h, patches, dim))?)
        };
        let (q, key, value) = (part(0)?, part(1)?, part(2)?);
        let mut out = Vec::new();
        // Scores of one pass stay under 2²⁸ values.
        let step = ((1 << 28) / (patches * patches).max(1)).clamp(1, batch * h);
        for from in (0..batch * h).step_by(step) {
            let n = step.min(batch * h - from);
            let own = KeyValues { key: key.narrow(0, from, n)?, value: value.narrow(0, from, n)? };
            out.push(attend(&q.narrow(0, from, n)?, &[own], Sight::All, scale)?);
        }
        Ok(Tensor::cat(&out, 0)?.reshape((batch, h, patches, dim))?.contiguous()?)
    }
}

/// Four neighbouring rows side by side: [4·M, W] → [M, 4·W].
pub(super) fn join_four(x: &Tensor) -> Result<Tensor> {
    let width = x.dim(D::Minus1)?;
    Ok(x.reshape((x.dim(0)? / 4, width * 4))?)
}
