//! Attention with the whole table of scores, in candle's own operations: what accelerators compute without the `flash-attn`
//! feature, and what [`super::flash`] is measured against and tested with.

use candle_core::{D, DType, Result, Tensor};

use super::{KeyValues, Sight};

/// Scores of one pass stay under this many values: heads are taken one after another beyond it.
const SCORES_AT_ONCE: usize = 1 << 26;

/// q: [Hkv, G·L, D], in any floating type → the same shape. length: L.
pub(super) fn attend(q: &Tensor, blocks: &[KeyValues], sight: Sight, length: usize, scale: f64) -> Result<Tensor> {
    let (heads, rows, _) = q.dims3()?;
    let join = |part: &dyn Fn(&KeyValues) -> Result<Tensor>| -> Result<Tensor> {
        let parts = blocks.iter().map(part).collect::<Result<Vec<_>>>()?;
        if let [only] = parts.as_slice() { Ok(only.clone()) } else { Tensor::cat(&parts, 1) }
    };
    let keys = join(&|b| b.key.to_tensor(q.dtype()))?;
    let values = join(&|b| b.value.to_tensor(q.dtype()))?;
    let seen = keys.dim(1)?;
    let bias = match sight {
        Sight::Causal if length > 1 => Some(causal(length, seen, q)?),
        _ => None,
    };
    let step = (SCORES_AT_ONCE / (rows * seen).max(1)).clamp(1, heads.max(1));
    let mut out = Vec::with_capacity(heads.div_ceil(step));
    for from in (0..heads).step_by(step) {
        let count = step.min(heads - from);
        let part = |x: &Tensor| x.narrow(0, from, count)?.contiguous();
        let scores = part(q)?.matmul(&part(&keys)?.transpose(D::Minus1, D::Minus2)?)?;
        let mut scores = (scores.to_dtype(DType::F32)? * scale)?;
        if let Some(bias) = &bias {
            let grouped = scores.reshape((count, rows / length, length, seen))?;
            scores = grouped.broadcast_add(bias)?.reshape((count, rows, seen))?;
        }
        let weights = candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(q.dtype())?;
        out.push(weights.matmul(&part(&values)?)?);
    }
    Tensor::cat(&out, 0)
}

/// Zero where token i of the last `length` sees a key, minus infinity elsewhere: [1, 1, L, S] f32.
fn causal(length: usize, keys: usize, like: &Tensor) -> Result<Tensor> {
    let row = |i: usize| (0..keys).map(move |j| if j + length <= keys + i { 0.0 } else { f32::NEG_INFINITY });
    let mask: Vec<f32> = (0..length).flat_map(row).collect();
    Tensor::from_vec(mask, (1, 1, length, keys), like.device())
}
