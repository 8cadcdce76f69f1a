//! Softmax attention: GEMM with a fused causal softmax for many queries, a streaming kernel for one.
//!
//! Keys and values may lie in several blocks (a shared prefix and a session's own tail); only the scores are joined,
//! never the cache. Causality is by counting: query `i` of `L` sees the first `S - L + i + 1` of `S` keys, so no mask is
//! built on the CPU and only a `[L, S]` one elsewhere.

use candle_core::{CpuStorage, D, DType, IndexOp, InplaceOp1, Layout, Result, Tensor};
use rayon::prelude::*;

use super::{axpy, dot, exp, not_f32, simd, worth_parallel};

/// Scores of one pass stay under this many values (64 MiB).
const SCORES_AT_ONCE: usize = 1 << 24;

/// Keys and values of a run of tokens: both [Hkv, S, D].
#[derive(Debug, Clone)]
pub(crate) struct KeyValues {
    pub(crate) key: Tensor,
    pub(crate) value: Tensor,
}

/// Who sees whom.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sight {
    /// Every query sees every key.
    All,
    /// The queries are the last `length` tokens and see themselves and what came before.
    Causal {
        /// Tokens among the queries (each once per query head of the group).
        length: usize,
    },
}

simd! {
    /// In place: softmax of `scale·row[..seen]`, zeros after it.
    fn softmax_row(row: &mut [f32], seen: usize, scale: f32) {
        let (live, dead) = row.split_at_mut(seen);
        let mut lanes = [f32::NEG_INFINITY; 16];
        let mut chunks = live.chunks_exact(16);
        for chunk in &mut chunks {
            for i in 0..16 {
                lanes[i] = lanes[i].max(chunk[i]);
            }
        }
        let max = lanes.iter().chain(chunks.remainder()).fold(f32::NEG_INFINITY, |m, x| m.max(*x));
        let mut sums = [0.0_f32; 16];
        let mut chunks = live.chunks_exact_mut(16);
        for chunk in &mut chunks {
            for i in 0..16 {
                chunk[i] = exp(scale * (chunk[i] - max));
                sums[i] += chunk[i];
            }
        }
        let mut sum: f32 = sums.iter().sum();
        for x in chunks.into_remainder() {
            *x = exp(scale * (*x - max));
            sum += *x;
        }
        let inverse = 1.0 / sum;
        for x in live {
            *x *= inverse;
        }
        dead.fill(0.0);
    }
}

struct Softmax {
    sight: Sight,
    scale: f32,
}

impl InplaceOp1 for Softmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let CpuStorage::F32(data) = storage else { return Err(not_f32()) };
        let (start, end) = layout.contiguous_offsets().ok_or_else(not_f32)?;
        let keys = layout.shape().dims().last().copied().unwrap_or(0).max(1);
        let row = |(i, row): (usize, &mut [f32])| {
            let seen = match self.sight {
                Sight::All => keys,
                Sight::Causal { length } => (keys + 1 + i % length.max(1)).saturating_sub(length).min(keys),
            };
            softmax_row(row, seen, self.scale);
        };
        let data = &mut data[start..end];
        if data.len() < 1 << 14 {
            data.chunks_exact_mut(keys).enumerate().for_each(row);
        } else {
            data.par_chunks_exact_mut(keys).with_min_len(4).enumerate().for_each(row);
        }
        Ok(())
    }
}

fn softmax(scores: Tensor, sight: Sight, scale: f64) -> Result<Tensor> {
    if scores.device().is_cpu() && scores.dtype() == DType::F32 {
        scores.inplace_op1(&Softmax { sight, scale: scale as f32 })?;
        return Ok(scores);
    }
    let dtype = scores.dtype();
    let mut scores = (scores.to_dtype(DType::F32)? * scale)?;
    if let Sight::Causal { length } = sight {
        let (heads, rows, keys) = scores.dims3()?;
        if length > 1 {
            let mask: Vec<f32> = (0..length)
                .flat_map(|i| (0..keys).map(move |j| if j + length <= keys + i { 0.0 } else { f32::NEG_INFINITY }))
                .collect();
            let mask = Tensor::from_vec(mask, (1, 1, length, keys), scores.device())?;
            let grouped = scores.reshape((heads, rows / length, length, keys))?;
            scores = grouped.broadcast_add(&mask)?.reshape((heads, rows, keys))?;
        }
    }
    candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(dtype)
}

fn attend_heads(q: &Tensor, blocks: &[KeyValues], sight: Sight, scale: f64) -> Result<Tensor> {
    let scores = match blocks {
        [only] => q.matmul(&only.key.transpose(D::Minus1, D::Minus2)?)?,
        many => {
            let parts: Result<Vec<_>> =
                many.iter().map(|b| q.matmul(&b.key.transpose(D::Minus1, D::Minus2)?)).collect();
            Tensor::cat(&parts?, D::Minus1)?
        }
    };
    let weights = softmax(scores, sight, scale)?;
    let mut out: Option<Tensor> = None;
    let mut from = 0;
    for block in blocks {
        let length = block.value.dim(1)?;
        let part = match blocks.len() {
            1 => weights.matmul(&block.value)?,
            _ => weights.narrow(D::Minus1, from, length)?.contiguous()?.matmul(&block.value)?,
        };
        from += length;
        out = Some(match out {
            Some(sum) => (sum + part)?,
            None => part,
        });
    }
    out.ok_or_else(|| candle_core::Error::Msg("attention without keys".into()))
}

/// q: [Hkv, G·L, D]; blocks: [Hkv, S_b, D] each, oldest first → [Hkv, G·L, D]. Grouped queries share their key head.
pub(crate) fn attend(q: &Tensor, blocks: &[KeyValues], sight: Sight, scale: f64) -> Result<Tensor> {
    let (heads, rows, _) = q.dims3()?;
    if !(q.device().is_cpu() && q.dtype() == DType::F32) {
        return attend_heads(q, blocks, sight, scale);
    }
    if matches!(sight, Sight::Causal { length: 1 }) {
        return attend_one(q, blocks, scale as f32);
    }
    let keys = blocks.iter().map(|b| b.key.dim(1)).sum::<Result<usize>>()?;
    if heads == 1 || rows * keys * heads < 1 << 14 {
        return attend_heads(q, blocks, sight, scale);
    }
    let head = |h: usize| {
        let own: Result<Vec<_>> = blocks
            .iter()
            .map(|b| Ok(KeyValues { key: b.key.narrow(0, h, 1)?, value: b.value.narrow(0, h, 1)? }))
            .collect();
        attend_heads(&q.narrow(0, h, 1)?, &own?, sight, scale)
    };
    let parts: Result<Vec<_>> = if rows * keys * rayon::current_num_threads() <= SCORES_AT_ONCE {
        (0..heads).into_par_iter().map(head).collect()
    } else {
        // Long prompts: one head at a time, the parallelism is inside the products.
        (0..heads).map(head).collect()
    };
    Tensor::cat(&parts?, 0)
}

simd! {
    /// Unnormalised attention of `q` over one run of keys and values: accumulates into `out`, returns (max, sum).
    fn attend_run(q: &[f32], keys: &[f32], values: &[f32], scale: f32, scores: &mut [f32], out: &mut [f32]) -> (f32, f32) {
        let dim = q.len();
        let mut max = f32::NEG_INFINITY;
        for (s, key) in scores.iter_mut().zip(keys.chunks_exact(dim)) {
            *s = scale * dot(q, key);
            max = max.max(*s);
        }
        let mut sum = 0.0;
        for s in scores.iter_mut() {
            *s = exp(*s - max);
            sum += *s;
        }
        for (s, value) in scores.iter().zip(values.chunks_exact(dim)) {
            axpy(*s, value, out);
        }
        (max, sum)
    }
}

/// Result of one run: running maximum, sum of exponentials, weighted values.
struct Partial {
    max: f32,
    sum: f32,
    out: Vec<f32>,
}

/// One token: q [Hkv, G, D] → [Hkv, G, D]. The cache is read once per query head, in runs of 1024 keys.
fn attend_one(q: &Tensor, blocks: &[KeyValues], scale: f32) -> Result<Tensor> {
    const RUN: usize = 1024;
    let (heads, group, dim) = q.dims3()?;
    let queries = q.flatten_all()?.to_vec1::<f32>()?;
    let guards: Vec<_> = blocks.iter().map(|b| (b.key.storage_and_layout(), b.value.storage_and_layout())).collect();
    let mut runs: Vec<Vec<(&[f32], &[f32])>> = vec![Vec::new(); heads];
    let mut work = 0;
    for ((key, key_l), (value, value_l)) in &guards {
        let (candle_core::Storage::Cpu(CpuStorage::F32(key)), candle_core::Storage::Cpu(CpuStorage::F32(value))) =
            (&**key, &**value)
        else {
            return Err(not_f32());
        };
        let (_, length, _) = key_l.shape().dims3()?;
        for (head, runs) in runs.iter_mut().enumerate() {
            let at = |l: &Layout| l.start_offset() + head * l.stride()[0];
            let (key, value) = (&key[at(key_l)..][..length * dim], &value[at(value_l)..][..length * dim]);
            runs.extend(key.chunks(RUN * dim).zip(value.chunks(RUN * dim)));
            work += group * length * dim * 2;
        }
    }
    let partial = |(head, (keys, values)): (usize, (&[f32], &[f32]))| -> Vec<Partial> {
        let mut scores = vec![0.0; keys.len() / dim];
        (0..group)
            .map(|g| {
                let q = &queries[(head * group + g) * dim..][..dim];
                let mut out = vec![0.0; dim];
                let (max, sum) = attend_run(q, keys, values, scale, &mut scores, &mut out);
                Partial { max, sum, out }
            })
            .collect()
    };
    let tasks: Vec<_> = runs.iter().enumerate().flat_map(|(h, runs)| runs.iter().map(move |&run| (h, run))).collect();
    let partials: Vec<(usize, Vec<Partial>)> = if worth_parallel(work) {
        tasks.into_par_iter().map(|t| (t.0, partial(t))).collect()
    } else {
        tasks.into_iter().map(|t| (t.0, partial(t))).collect()
    };
    let mut out = vec![0.0_f32; heads * group * dim];
    for (slot, out) in out.chunks_exact_mut(dim).enumerate() {
        let (head, g) = (slot / group, slot % group);
        let own = || partials.iter().filter(|(h, _)| *h == head).map(|(_, p)| &p[g]);
        let max = own().fold(f32::NEG_INFINITY, |m, p| m.max(p.max));
        let sum: f32 = own().map(|p| p.sum * exp(p.max - max)).sum();
        for p in own() {
            axpy(exp(p.max - max) / sum, &p.out, out);
        }
    }
    drop(guards);
    Tensor::from_vec(out, (heads, group, dim), q.device())
}

/// Scaled scores (before softmax) of one query over all keys of its head. q: [D]; keys: [S_b, D] each → S values.
pub(crate) fn scores_of_one(q: &Tensor, keys: &[Tensor], scale: f64) -> Result<Vec<f32>> {
    let q = q.unsqueeze(0)?;
    let parts: Result<Vec<_>> = keys.iter().map(|k| q.matmul(&k.t()?)?.i(0)).collect();
    let scores = (Tensor::cat(&parts?, 0)?.to_dtype(DType::F32)? * scale)?;
    scores.to_vec1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// The textbook, with an explicit mask.
    fn reference(q: &Tensor, k: &Tensor, v: &Tensor, length: usize, scale: f64) -> Result<Tensor> {
        let scores = (q.matmul(&k.transpose(1, 2)?)? * scale)?;
        let (heads, rows, keys) = scores.dims3()?;
        let mask: Vec<f32> = (0..rows)
            .flat_map(|r| (0..keys).map(move |j| if j <= keys - length + r % length { 0.0 } else { -1e30 }))
            .collect();
        let mask = Tensor::from_vec(mask, (1, rows, keys), &Device::Cpu)?.broadcast_as((heads, rows, keys))?;
        candle_nn::ops::softmax(&(scores + mask)?, 2)?.matmul(v)
    }

    #[test]
    fn causal_attention_over_blocks_is_attention_over_their_join() -> Result<()> {
        let device = Device::Cpu;
        let (heads, group, dim, keys) = (3, 2, 8, 1500);
        let k = Tensor::randn(0.0_f32, 1.0, (heads, keys, dim), &device)?;
        let v = Tensor::randn(0.0_f32, 1.0, (heads, keys, dim), &device)?;
        for length in [1, 5, 40] {
            let q = Tensor::randn(0.0_f32, 1.0, (heads, group * length, dim), &device)?;
            let expected = reference(&q, &k, &v, length, 0.3)?;
            for cuts in [vec![keys], vec![1203, keys - 1203], vec![100, 1300, 100]] {
                let mut from = 0;
                let mut blocks = Vec::new();
                for n in cuts {
                    blocks.push(KeyValues { key: k.narrow(1, from, n)?, value: v.narrow(1, from, n)? });
                    from += n;
                }
                let found = attend(&q, &blocks, Sight::Causal { length }, 0.3)?;
                let worst = (found - &expected)?.abs()?.max_all()?.to_scalar::<f32>()?;
                assert!(worst < 1e-5, "length {length}: {worst}");
            }
        }
        Ok(())
    }
}
