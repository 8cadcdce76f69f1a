//! One decoder layer (`Qwen3VLTextDecoderLayer`): RMSNorm → grouped-query attention with QK-norm → RMSNorm → MLP.

use candle_core::{IndexOp, Tensor};

use super::kv_cache::KvCache;
use super::mlp::Mlp;
use super::projection::Projection;
use crate::config::TextConfig;
use crate::error::Result;
use crate::kernels::attention::{Attention, Method, Sight};
use crate::kernels::heads::{HeadSplit, Rotary, merge_heads};
use crate::weights::Weights;

pub(super) struct Layer {
    index: usize,
    input_norm: Tensor,
    post_norm: Tensor,
    eps: f32,
    qkv: Projection,
    out: Projection,
    mlp: Mlp,
    heads: HeadSplit,
    attention: Attention,
}

/// Output of a layer and, if asked for, the queries it attended with.
pub(super) struct LayerOutput {
    /// [L, hidden]
    pub(super) hidden: Tensor,
    /// [Hq, L, D], normed and rotated
    pub(super) queries: Option<Tensor>,
}

impl Layer {
    pub(super) fn load(config: &TextConfig, weights: &Weights, method: Method, index: usize) -> Result<Self> {
        let (h, dim) = (config.hidden_size, config.head_dim());
        let (query, key_value) = (config.num_attention_heads, config.kv_heads());
        let eps = config.rms_norm_eps as f32;
        let name = |part: &str| format!("layers.{index}.{part}");
        let norm = |part: &str, width: usize| weights.text(&name(&format!("{part}.weight")), &[width]);
        Ok(Self {
            index,
            input_norm: norm("input_layernorm", h)?,
            post_norm: norm("post_attention_layernorm", h)?,
            eps,
            qkv: Projection::load(
                weights,
                &[
                    (name("self_attn.q_proj"), query * dim),
                    (name("self_attn.k_proj"), key_value * dim),
                    (name("self_attn.v_proj"), key_value * dim),
                ],
                h,
            )?,
            out: Projection::load(weights, &[(name("self_attn.o_proj"), h)], query * dim)?,
            mlp: Mlp::load(config, weights, index)?,
            heads: HeadSplit {
                query,
                key_value,
                dim,
                norms: Some((norm("self_attn.q_norm", dim)?, norm("self_attn.k_norm", dim)?, eps)),
            },
            attention: Attention { method, sight: Sight::Causal, scale: (dim as f64).powf(-0.5) },
        })
    }

    /// x: [L, hidden] of the tokens after those in `cache`.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        rotary: &Rotary,
        cache: &KvCache,
        keep_queries: bool,
    ) -> Result<LayerOutput> {
        let HeadSplit { query, key_value, dim, .. } = self.heads;
        let length = x.dim(0)?;
        let normed = candle_nn::ops::rms_norm(x, &self.input_norm, self.eps)?;
        // [Hq + 2·Hkv, L, D]
        let qkv = self.heads.split(&self.qkv.forward(&normed)?, 1, rotary)?.i(0)?;
        let queries = qkv.narrow(0, 0, query)?;
        let key = qkv.narrow(0, query, key_value)?.contiguous()?;
        let value = qkv.narrow(0, query + key_value, key_value)?.contiguous()?;
        let seen = cache.append(self.index, &key, &value)?;
        // Queries that share a key head lie next to each other: [Hkv, G·L, D].
        let grouped = queries.contiguous()?.reshape((key_value, query / key_value * length, dim))?;
        let mixed = self.attention.attend(&grouped, &seen, length)?;
        let mixed = merge_heads(&mixed.reshape((1, query, length, dim))?)?;
        let x = (x + self.out.forward(&mixed)?)?;
        let normed = candle_nn::ops::rms_norm(&x, &self.post_norm, self.eps)?;
        let hidden = (&x + self.mlp.forward(&normed)?)?;
        Ok(LayerOutput { hidden, queries: if keep_queries { Some(queries) } else { None } })
    }
}
