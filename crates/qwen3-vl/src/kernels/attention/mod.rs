//! Softmax attention over keys and values that may lie in several blocks (a shared prefix and a session's own tail) and in
//! several forms (f32, 16 bit, 8 bit). Causality is by counting: token `i` of the last `L` sees the first `S - L + i + 1` of
//! `S` keys.
//!
//! | for | file |
//! |---|---|
//! | many queries on the CPU | `flash.rs`, with products in bf16 `rounded.rs` |
//! | one query on the CPU | `one.rs` |
//! | accelerators, and the switch turned off | `eager.rs`, or FlashAttention-2 with the `flash-attn` feature |
//! | how keys and values are kept | `kept.rs` |

mod eager;
mod flash;
pub(crate) mod kept;
mod one;
mod rounded;

use candle_core::{CpuStorage, DType, Result, Storage, Tensor};

use super::heads::Heads;
use super::{bf16, not_f32};
use flash::{Full, Head};
use kept::Kept;
use rounded::Rounded;

/// Keys and values of a run of tokens: both [Hkv, S, D].
#[derive(Debug, Clone)]
pub(crate) struct KeyValues {
    pub(crate) key: Kept,
    pub(crate) value: Kept,
}

/// Who sees whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Every query sees every key.
    All,
    /// The queries are the last tokens and see themselves and what came before.
    Causal,
}

/// How attention is computed: the configuration's `use_flash_attention`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Tile by tile, without a table of scores.
    Flash,
    /// The same with products in bf16 where many queries are answered at once, on processors that have them.
    Rounded,
    /// With a table of scores.
    Eager,
}

/// The shape and the rule of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    pub(crate) method: Method,
    pub(crate) sight: Sight,
    /// Multiplies the scores.
    pub(crate) scale: f64,
}

impl Attention {
    /// q: [Hq, L, D], of any strides, neighbours sharing a key head; blocks: [Hkv, S_b, D] each, oldest first → [Hq, L, D].
    pub(crate) fn attend(self, q: &Tensor, blocks: &[KeyValues]) -> Result<Tensor> {
        let on_cpu = q.device().is_cpu() && q.dtype() == DType::F32;
        if self.method != Method::Eager && on_cpu {
            return self.attend_on_cpu(q, blocks);
        }
        #[cfg(feature = "flash-attn")]
        if self.is_for_cuda(q) {
            let key = eager::joined(blocks, |b| b.key.to_tensor(q.dtype()))?;
            let value = eager::joined(blocks, |b| b.value.to_tensor(q.dtype()))?;
            return self.attend_on_cuda(&q.unsqueeze(0)?, &key.unsqueeze(0)?, &value.unsqueeze(0)?)?.squeeze(0);
        }
        eager::attend(q, blocks, self.sight, self.scale)
    }

    /// Rows that see the rows of their own batch and no others → [B, H, L, D]. The heads of all batches are one call:
    /// nothing waits for one of them.
    pub(crate) fn attend_within(self, heads: &Heads) -> Result<Tensor> {
        let Heads { queries, keys, values } = heads;
        #[cfg(feature = "flash-attn")]
        if self.is_for_cuda(queries) {
            return self.attend_on_cuda(queries, keys, values);
        }
        let (batch, count, length, dim) = queries.dims4()?;
        let flat = |x: &Tensor| x.contiguous()?.reshape((batch * count, length, dim));
        let own = KeyValues { key: flat(keys)?.into(), value: flat(values)?.into() };
        self.attend(&flat(queries)?, &[own])?.reshape((batch, count, length, dim))
    }

    fn attend_on_cpu(self, q: &Tensor, blocks: &[KeyValues]) -> Result<Tensor> {
        let (heads, length, dim) = q.dims3()?;
        let q = q.contiguous()?;
        let (storage, layout) = q.storage_and_layout();
        let Storage::Cpu(CpuStorage::F32(queries)) = &*storage else { return Err(not_f32()) };
        let (start, end) = layout.contiguous_offsets().ok_or_else(not_f32)?;
        let held: Vec<_> = blocks.iter().map(|b| (b.key.hold(), b.value.hold())).collect();
        let key_heads = blocks.first().map_or(Ok(heads), |b| b.key.heads())?;
        let group = heads / key_heads.max(1);
        let head = |(index, queries)| -> Result<Head<'_>> {
            let runs = held.iter().map(|(key, value)| Ok((key.head(index)?, value.head(index)?)));
            Ok(Head { queries, runs: runs.collect::<Result<_>>()? })
        };
        let per_head = (group * length * dim).max(1);
        let all: Result<Vec<_>> = queries[start..end].chunks_exact(per_head).enumerate().map(head).collect();
        let all = all?;
        let out = match (length, self.sight) {
            (1, Sight::Causal) => one::attend(&all, group, dim, self.scale as f32)?,
            _ if self.method == Method::Rounded && bf16::is_here(bf16::RUN) => {
                flash::attend::<Rounded>(&all, (group, length, dim), self.sight, self.scale as f32)?
            }
            _ => flash::attend::<Full>(&all, (group, length, dim), self.sight, self.scale as f32)?,
        };
        Tensor::from_vec(out, (heads, length, dim), q.device())
    }

    #[cfg(feature = "flash-attn")]
    fn is_for_cuda(self, q: &Tensor) -> bool {
        let fits = q.dim(candle_core::D::Minus1).is_ok_and(|dim| dim.is_multiple_of(8) && dim <= 512);
        self.method != Method::Eager && fits && q.device().is_cuda() && matches!(q.dtype(), DType::F16 | DType::BF16)
    }

    /// FlashAttention-2: q: [B, Hq, L, D], key, value: [B, Hkv, S, D] → [B, Hq, L, D]. Strides are its own concern as long as
    /// the values of a head are dense, grouped queries too, and so is causality: the last query sees the last key.
    #[cfg(feature = "flash-attn")]
    fn attend_on_cuda(self, q: &Tensor, key: &Tensor, value: &Tensor) -> Result<Tensor> {
        let rows_first = |x: &Tensor| x.transpose(1, 2);
        let causal = self.sight == Sight::Causal;
        let (q, key, value) = (rows_first(q)?, rows_first(key)?, rows_first(value)?);
        candle_flash_attn::flash_attn(&q, &key, &value, self.scale as f32, causal)?.transpose(1, 2)
    }
}

/// Scaled scores (before softmax) of one query over all keys of its head. q: [D]; keys: one head each → S values.
pub(crate) fn scores_of_one(q: &Tensor, keys: &[Kept], scale: f64) -> Result<Vec<f32>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let q = (q.to_dtype(DType::F32)?.unsqueeze(0)? * scale)?;
    let part = |keys: &Kept| q.matmul(&keys.to_tensor(DType::F32)?.squeeze(0)?.t()?);
    let parts = keys.iter().map(part).collect::<Result<Vec<_>>>()?;
    // Read back once: on an accelerator every reading waits for all that was asked of it.
    Tensor::cat(&parts, 1)?.flatten_all()?.to_vec1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use kept::Form;

    fn blocks(k: &Tensor, v: &Tensor, cuts: &[usize], form: Form) -> Result<Vec<KeyValues>> {
        let mut from = 0;
        cuts.iter()
            .map(|&n| {
                let keep = |x: &Tensor| -> Result<Kept> {
                    let (heads, _, dim) = x.dims3()?;
                    let kept = Kept::zeros(form, (heads, n + 3, dim), x.device())?;
                    kept.write(&x.narrow(1, from, n)?.contiguous()?, 0)?;
                    kept.narrow(0, n)
                };
                let block = KeyValues { key: keep(k)?, value: keep(v)? };
                from += n;
                Ok(block)
            })
            .collect()
    }

    fn worst(a: &Tensor, b: &Tensor) -> Result<f32> {
        (a - b)?.abs()?.max_all()?.to_scalar::<f32>()
    }

    #[test]
    fn tiles_over_blocks_are_the_table_over_their_join() -> Result<()> {
        let device = Device::Cpu;
        let (heads, group, dim, keys) = (3, 2, 8, 1500);
        let k = Tensor::randn(0.0_f32, 1.0, (heads, keys, dim), &device)?;
        let v = Tensor::randn(0.0_f32, 1.0, (heads, keys, dim), &device)?;
        let whole = blocks(&k, &v, &[keys], Form::Float(DType::F32))?;
        for (length, sight) in [1, 5, 40, 300].into_iter().flat_map(|l| [(l, Sight::Causal), (l, Sight::All)]) {
            let q = Tensor::randn(0.0_f32, 1.0, (heads * group, length, dim), &device)?;
            let eager = Attention { method: Method::Eager, sight, scale: 0.3 };
            let expected = eager.attend(&q, &whole)?;
            let flash = Attention { method: Method::Flash, ..eager };
            for cuts in [&[keys][..], &[1203, keys - 1203], &[100, 1300, 100]] {
                for (form, bound) in
                    [(Form::Float(DType::F32), 1e-5), (Form::Float(DType::F16), 2e-3), (Form::EightBit, 2e-2)]
                {
                    let found = flash.attend(&q, &blocks(&k, &v, cuts, form)?)?;
                    let worst = worst(&found, &expected)?;
                    assert!(worst < bound, "length {length} {sight:?} {form:?}: {worst}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_masked_table_is_what_the_definition_says() -> Result<()> {
        let device = Device::Cpu;
        let q = Tensor::randn(0.0_f32, 1.0, (1, 4, 8), &device)?;
        let k = Tensor::randn(0.0_f32, 1.0, (1, 7, 8), &device)?;
        let v = Tensor::randn(0.0_f32, 1.0, (1, 7, 8), &device)?;
        let all = blocks(&k, &v, &[7], Form::Float(DType::F32))?;
        let causal = Attention { method: Method::Eager, sight: Sight::Causal, scale: 0.5 };
        let found = causal.attend(&q, &all)?;
        for token in 0..4 {
            let seen = 4 + token;
            let one = (q.narrow(1, token, 1)?.matmul(&k.narrow(1, 0, seen)?.t()?)? * 0.5)?;
            let expected = candle_nn::ops::softmax(&one, 2)?.matmul(&v.narrow(1, 0, seen)?)?;
            assert!(worst(&found.narrow(1, token, 1)?, &expected)? < 1e-6);
        }
        Ok(())
    }

    #[test]
    fn products_in_bf16_differ_by_their_rounding() -> Result<()> {
        let device = Device::Cpu;
        let (heads, group, keys) = (2, 2, 700);
        for (dim, form) in [(64, Form::Float(DType::F32)), (72, Form::Float(DType::F16)), (128, Form::EightBit)] {
            let k = Tensor::randn(0.0_f32, 1.0, (heads, keys, dim), &device)?;
            let v = Tensor::randn(0.0_f32, 1.0, (heads, keys, dim), &device)?;
            let held = blocks(&k, &v, &[65, 335, 300], form)?;
            for (length, sight) in [(2, Sight::Causal), (300, Sight::Causal), (131, Sight::All)] {
                let q = Tensor::randn(0.0_f32, 1.0, (heads * group, length, dim), &device)?;
                let of = |method| Attention { method, sight, scale: 0.2 }.attend(&q, &held);
                let gap = worst(&of(Method::Rounded)?, &of(Method::Flash)?)?;
                assert!(gap < 0.05, "{dim} values, {length} queries, {sight:?}: {gap}");
                assert_eq!(gap > 0.0, bf16::is_here(bf16::RUN));
            }
        }
        Ok(())
    }
}
