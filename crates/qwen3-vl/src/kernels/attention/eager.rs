//! Attention with tables of scores, in candle's own operations: what accelerators compute without the `flash-attn` feature,
//! and what [`super::flash`] is measured against and tested with.
//!
//! Queries are taken in strips of tokens, so that a table stays small however long the prompt; a strip passes over the keys
//! its last token sees, and only its own tokens among them need a mask.

use candle_core::{D, DType, Result, Tensor};

use super::{KeyValues, Sight};

/// Scores of one pass stay under this many values, unless one token's alone are more.
const SCORES_AT_ONCE: usize = 1 << 26;
/// Tokens of a strip that looks back: bounds the mask, [T, T].
const STRIP: usize = 256;

/// q: [Hq, L, D], in any floating type and of any strides → the same shape, contiguous.
pub(super) fn attend(q: &Tensor, blocks: &[KeyValues], sight: Sight, scale: f64) -> Result<Tensor> {
    let (heads, length, dim) = q.dims3()?;
    let keys = joined(blocks, |b| b.key.to_tensor(q.dtype()))?;
    let values = joined(blocks, |b| b.value.to_tensor(q.dtype()))?;
    let (key_heads, seen, _) = keys.dims3()?;
    let group = heads / key_heads.max(1);
    let longest = if sight == Sight::Causal { STRIP } else { length };
    let step = (SCORES_AT_ONCE / (group * seen).max(1)).min(longest).min(length).max(1);
    let mask = if sight == Sight::Causal && step > 1 { Some(mask(step, q)?) } else { None };
    let mut strips = Vec::with_capacity(length.div_ceil(step));
    for from in (0..length).step_by(step) {
        let tokens = step.min(length - from);
        let seen = if sight == Sight::Causal { seen - length + from + tokens } else { seen };
        let queries = q.narrow(1, from, tokens)?.contiguous()?.reshape((key_heads, group * tokens, dim))?;
        let mask = mask.as_ref().map(|mask| mask.narrow(2, 0, tokens)?.narrow(3, 0, tokens)).transpose()?;
        let strip = Strip { queries, mask, scale };
        let mixed = strip.attend(&keys.narrow(1, 0, seen)?, &values.narrow(1, 0, seen)?)?;
        strips.push(mixed.reshape((heads, tokens, dim))?);
    }
    Tensor::cat(&strips, 1)
}

/// Rows of all blocks, one after another: copied only where there are several.
pub(super) fn joined(blocks: &[KeyValues], part: impl Fn(&KeyValues) -> Result<Tensor>) -> Result<Tensor> {
    let parts = blocks.iter().map(part).collect::<Result<Vec<_>>>()?;
    Tensor::cat(&parts, 1)
}

/// The queries of a few tokens.
struct Strip {
    /// [Hkv, G·T, D], queries that share a key head one after another
    queries: Tensor,
    /// Added to the scores of the last T keys, which are the strip's own: [1, 1, T, T].
    mask: Option<Tensor>,
    scale: f64,
}

impl Strip {
    /// keys, values: [Hkv, S, D] → [Hkv, G·T, D].
    fn attend(&self, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
        let (heads, rows, _) = self.queries.dims3()?;
        let seen = keys.dim(1)?;
        let step = (SCORES_AT_ONCE / (rows * seen).max(1)).clamp(1, heads.max(1));
        let mut out = Vec::with_capacity(heads.div_ceil(step));
        for from in (0..heads).step_by(step) {
            let part = |x: &Tensor| x.narrow(0, from, step.min(heads - from));
            let scores = part(&self.queries)?.matmul(&part(keys)?.transpose(D::Minus1, D::Minus2)?)?;
            let scores = (scores.to_dtype(DType::F32)? * self.scale)?;
            if let Some(mask) = &self.mask {
                let tokens = mask.dim(3)?;
                // The same memory, by token.
                let scores = scores.reshape((scores.dim(0)?, rows / tokens, tokens, seen))?;
                let own = scores.narrow(3, seen - tokens, tokens)?.broadcast_add(mask)?;
                scores.slice_set(&own, 3, seen - tokens)?;
            }
            let weights = candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(values.dtype())?;
            out.push(weights.matmul(&part(values)?)?);
        }
        Tensor::cat(&out, 0)
    }
}

/// Zero where a token sees another, minus infinity where that comes later: [1, 1, T, T] f32.
fn mask(tokens: usize, like: &Tensor) -> Result<Tensor> {
    let row = |i: usize| (0..tokens).map(move |j| if j <= i { 0.0 } else { f32::NEG_INFINITY });
    let mask: Vec<f32> = (0..tokens).flat_map(row).collect();
    Tensor::from_vec(mask, (1, 1, tokens, tokens), like.device())
}
