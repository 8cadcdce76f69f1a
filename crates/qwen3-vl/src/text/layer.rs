//! One decoder layer (`Qwen3VLTextDecoderLayer`): RMSNorm → grouped-query attention with QK-norm → RMSNorm → MLP.
//!
//! The rows of a pass may belong to several sessions: everything but attention is computed on all of them at once.

use std::ops::Range;

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

/// Queries, keys and values of every row of a pass, normed and rotated.
pub(super) struct Projected {
    /// [Hq, R, D]
    pub(super) queries: Tensor,
    /// [Hkv, R, D]
    keys: Tensor,
    /// [Hkv, R, D]
    values: Tensor,
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

    /// x: [R, hidden], the rows of all sessions of a pass; `rotary` holds each row's own position.
    pub(super) fn project(&self, x: &Tensor, rotary: &Rotary) -> Result<Projected> {
        let normed = candle_nn::ops::rms_norm(x, &self.input_norm, self.eps)?;
        let heads = self.heads.split(&self.qkv.forward(&normed)?, 1, rotary)?;
        Ok(Projected { queries: heads.queries.i(0)?, keys: heads.keys.i(0)?, values: heads.values.i(0)? })
    }

    /// The rows of one session attend to what its cache holds and to themselves → [L, Hq·D].
    pub(super) fn attend(&self, projected: &Projected, rows: &Range<usize>, cache: &KvCache) -> Result<Tensor> {
        let own = |all: &Tensor| all.narrow(1, rows.start, rows.len());
        let (keys, values) = (own(&projected.keys)?.contiguous()?, own(&projected.values)?.contiguous()?);
        let seen = cache.append(self.index, &keys, &values)?;
        let mixed = self.attention.attend(&own(&projected.queries)?, &seen)?;
        Ok(merge_heads(&mixed.unsqueeze(0)?)?)
    }

    /// x: [R, hidden], what came in; mixed: [R, Hq·D], what its rows attended to → [R, hidden].
    pub(super) fn finish(&self, x: &Tensor, mixed: &Tensor) -> Result<Tensor> {
        let x = (x + self.out.forward(mixed)?)?;
        let normed = candle_nn::ops::rms_norm(&x, &self.post_norm, self.eps)?;
        Ok((&x + self.mlp.forward(&normed)?)?)
    }
}
