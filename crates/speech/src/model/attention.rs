//! Attention of many heads, and the MLP that follows it.

use candle_core::{D, Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::{LayerNorm, Linear, Module, VarBuilder, layer_norm, linear, linear_no_bias};

/// Projections of one attention. Keys have no bias.
#[derive(Debug)]
pub(super) struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    heads: usize,
}

/// What attention attends to: keys and values, [B, H, T, D] each.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub(super) keys: Tensor,
    pub(super) values: Tensor,
}

impl Attention {
    pub(super) fn new(width: usize, heads: usize, weights: VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            query: linear(width, width, weights.pp("q_proj"))?,
            key: linear_no_bias(width, width, weights.pp("k_proj"))?,
            value: linear(width, width, weights.pp("v_proj"))?,
            out: linear(width, width, weights.pp("out_proj"))?,
            heads,
        })
    }

    /// x: [B, T, C].
    pub(super) fn memory(&self, x: &Tensor) -> Result<Memory> {
        Ok(Memory { keys: self.split(&self.key.forward(x)?)?, values: self.split(&self.value.forward(x)?)? })
    }

    /// x: [B, L, C]; mask: [L, T], added. Returns [B, L, C], and the scores before the softmax, [B, H, L, T].
    pub(super) fn forward(&self, x: &Tensor, memory: &Memory, mask: Option<&Tensor>) -> Result<(Tensor, Tensor)> {
        let queries = self.split(&self.query.forward(x)?)?;
        let scale = (queries.dim(D::Minus1)? as f64).powf(-0.5);
        let scores = (queries * scale)?.matmul(&memory.keys.transpose(2, 3)?)?;
        let scores = match mask {
            Some(mask) => scores.broadcast_add(mask)?,
            None => scores,
        };
        let seen = softmax_last_dim(&scores)?.matmul(&memory.values)?;
        let (batch, _, length, _) = seen.dims4()?;
        let joined = seen.transpose(1, 2)?.reshape((batch, length, ()))?;
        Ok((self.out.forward(&joined)?, scores))
    }

    /// [B, T, C] → [B, H, T, D].
    fn split(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, length, _) = x.dims3()?;
        x.reshape((batch, length, self.heads, ()))?.transpose(1, 2)?.contiguous()
    }
}

/// Norm and two layers with the exact GELU between them, added to what comes in.
#[derive(Debug)]
pub(super) struct Mlp {
    norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
}

impl Mlp {
    pub(super) fn new(width: usize, inner: usize, weights: &VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            norm: norm(width, weights.pp("final_layer_norm"))?,
            wide: linear(width, inner, weights.pp("fc1"))?,
            narrow: linear(inner, width, weights.pp("fc2"))?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x + self.narrow.forward(&self.wide.forward(&self.norm.forward(x)?)?.gelu_erf()?)?
    }
}

/// Whisper's layer norm: PyTorch's default epsilon.
pub(super) fn norm(width: usize, weights: VarBuilder<'_>) -> Result<LayerNorm> {
    layer_norm(width, 1e-5, weights)
}
