//! Splits a fused projection into heads, with per-head RMSNorm (optional) and rotate-half rotary embedding on the way.
//!
//! On the CPU one pass over the projection instead of a dozen tensor operations. Accelerators take candle's own operations,
//! which the kernel is tested against: there heads are views wherever they can be, since every copy is a launch.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, D, DType, Device, IndexOp, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{not_f32, simd};

/// cos and sin of the angles of every row.
#[derive(Debug, Clone)]
pub(crate) struct Rotary {
    /// [L, D/2]
    cos: Arc<Vec<f32>>,
    /// [L, D/2]
    sin: Arc<Vec<f32>>,
    half: usize,
    /// Where it computes with tensors, both: [2, L, D/2]
    tensor: Option<Tensor>,
}

impl Rotary {
    /// cos, sin: [rows, half] row-major. On accelerators they are also kept as a tensor of `dtype` there.
    pub(crate) fn new(cos: Vec<f32>, sin: Vec<f32>, half: usize, like: (&Device, DType)) -> Result<Self> {
        let (device, dtype) = like;
        let tensor =
            if device.is_cpu() && dtype == DType::F32 { None } else { Some(Self::send(&cos, &sin, half, like)?) };
        Ok(Self { cos: Arc::new(cos), sin: Arc::new(sin), half, tensor })
    }

    /// One upload, in the type it is wanted in.
    fn send(cos: &[f32], sin: &[f32], half: usize, (device, dtype): (&Device, DType)) -> Result<Tensor> {
        let rows = cos.len().checked_div(half).unwrap_or(0);
        Tensor::from_vec([cos, sin].concat(), (2, rows, half), &Device::Cpu)?.to_dtype(dtype)?.to_device(device)
    }

    /// cos and sin of the first `length` rows, where `x` is and in its type: [L, D/2] each.
    fn tensors(&self, x: &Tensor, length: usize) -> Result<(Tensor, Tensor)> {
        let both = match &self.tensor {
            Some(both) => both.clone(),
            None => Self::send(&self.cos, &self.sin, self.half, (x.device(), x.dtype()))?,
        };
        Ok((both.i((0, ..length))?, both.i((1, ..length))?))
    }
}

/// How a fused projection is laid out: query heads, then key heads, then value heads, `dim` values each.
#[derive(Debug, Clone)]
pub(crate) struct HeadSplit {
    pub(crate) query: usize,
    pub(crate) key_value: usize,
    pub(crate) dim: usize,
    /// RMSNorm weights for query and key heads and the epsilon: [D] each.
    pub(crate) norms: Option<(Tensor, Tensor, f32)>,
}

/// A projection split into heads: views of any strides.
pub(crate) struct Heads {
    /// [B, Hq, L, D], normed and rotated
    pub(crate) queries: Tensor,
    /// [B, Hkv, L, D], normed and rotated
    pub(crate) keys: Tensor,
    /// [B, Hkv, L, D]
    pub(crate) values: Tensor,
}

simd! {
    fn norm_rotate(x: &[f32], weight: &[f32], eps: f32, cos: &[f32], sin: &[f32], out: &mut [f32]) {
        let half = cos.len();
        let (x1, x2) = x.split_at(half);
        let (o1, o2) = out.split_at_mut(half);
        if weight.is_empty() {
            for i in 0..half {
                o1[i] = x1[i] * cos[i] - x2[i] * sin[i];
                o2[i] = x2[i] * cos[i] + x1[i] * sin[i];
            }
        } else {
            let square = super::dot(x, x) / x.len() as f32;
            let scale = 1.0 / (square + eps).sqrt();
            let (w1, w2) = weight.split_at(half);
            for i in 0..half {
                let (a, b) = (x1[i] * scale * w1[i], x2[i] * scale * w2[i]);
                o1[i] = a * cos[i] - b * sin[i];
                o2[i] = b * cos[i] + a * sin[i];
            }
        }
    }
}

struct Split<'a> {
    heads: &'a HeadSplit,
    rotary: &'a Rotary,
    norms: Option<(Vec<f32>, Vec<f32>, f32)>,
    batch: usize,
}

impl CustomOp1 for Split<'_> {
    fn name(&self) -> &'static str {
        "split-heads"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let CpuStorage::F32(data) = storage else { return Err(not_f32()) };
        let (start, end) = layout.contiguous_offsets().ok_or_else(not_f32)?;
        let data = &data[start..end];
        let HeadSplit { query, key_value, dim, .. } = *self.heads;
        let all = query + 2 * key_value;
        let (rows, width) = layout.shape().dims2()?;
        let length = rows / self.batch.max(1);
        if width != all * dim || self.rotary.half * 2 != dim || self.rotary.cos.len() < length * self.rotary.half {
            return Err(candle_core::Error::Msg("fused projection and rotary table disagree".into()));
        }
        let mut out = vec![0.0_f32; rows * width];
        let half = self.rotary.half;
        let empty: &[f32] = &[];
        let one_head = |(index, out): (usize, &mut [f32])| {
            let (b, head) = (index / all, index % all);
            let weights = match &self.norms {
                Some((q, _, eps)) if head < query => (q.as_slice(), *eps),
                Some((_, k, eps)) if head < query + key_value => (k.as_slice(), *eps),
                _ => (empty, 0.0),
            };
            for (i, out) in out.chunks_exact_mut(dim).enumerate() {
                let from = (b * length + i) * width + head * dim;
                let x = &data[from..from + dim];
                if head < query + key_value {
                    let angles = i * half..(i + 1) * half;
                    let (cos, sin) = (&self.rotary.cos[angles.clone()], &self.rotary.sin[angles]);
                    norm_rotate(x, weights.0, weights.1, cos, sin, out);
                } else {
                    out.copy_from_slice(x);
                }
            }
        };
        if out.len() < 1 << 14 {
            out.chunks_exact_mut((length * dim).max(1)).enumerate().for_each(one_head);
        } else {
            out.par_chunks_exact_mut(length * dim).enumerate().for_each(one_head);
        }
        Ok((CpuStorage::F32(out), (self.batch, all, length, dim).into()))
    }
}

impl HeadSplit {
    /// qkv: [B·L, (Hq + 2·Hkv)·D] → its heads, queries and keys normed and rotated by row `0..L`.
    pub(crate) fn split(&self, qkv: &Tensor, batch: usize, rotary: &Rotary) -> Result<Heads> {
        if !(qkv.device().is_cpu() && qkv.dtype() == DType::F32) {
            return self.split_with_tensors(qkv, batch, rotary);
        }
        let norms = match &self.norms {
            Some((q, k, eps)) => Some((q.to_vec1()?, k.to_vec1()?, *eps)),
            None => None,
        };
        let all = qkv.contiguous()?.apply_op1_no_bwd(&Split { heads: self, rotary, norms, batch })?;
        Ok(Heads {
            queries: all.narrow(1, 0, self.query)?,
            keys: all.narrow(1, self.query, self.key_value)?,
            values: all.narrow(1, self.query + self.key_value, self.key_value)?,
        })
    }

    /// Rows stay as they lie, [B, L, H, D], so that the heads of one row, as in writing an answer, are never copied.
    fn split_with_tensors(&self, qkv: &Tensor, batch: usize, rotary: &Rotary) -> Result<Heads> {
        let Self { query, key_value, dim, .. } = *self;
        let length = qkv.dim(0)? / batch.max(1);
        let x = qkv.reshape((batch, length, query + 2 * key_value, dim))?;
        let (cos, sin) = rotary.tensors(qkv, length)?;
        let rotate = |x: &Tensor| candle_nn::rotary_emb::rope_thd(x, &cos, &sin);
        let (queries, keys) = match &self.norms {
            Some((query_weight, key_weight, eps)) => {
                let norm = |from, count, weight| -> Result<Tensor> {
                    candle_nn::ops::rms_norm(&x.narrow(2, from, count)?.contiguous()?, weight, *eps)
                };
                (rotate(&norm(0, query, query_weight)?)?, rotate(&norm(query, key_value, key_weight)?)?)
            }
            None => {
                let both = rotate(&x.narrow(2, 0, query + key_value)?.contiguous()?)?;
                (both.narrow(2, 0, query)?, both.narrow(2, query, key_value)?)
            }
        };
        let values = x.narrow(2, query + key_value, key_value)?;
        Ok(Heads { queries: queries.transpose(1, 2)?, keys: keys.transpose(1, 2)?, values: values.transpose(1, 2)? })
    }
}

/// [B, H, L, D] → [B·L, H·D], the layout the output projection reads.
pub(crate) fn merge_heads(x: &Tensor) -> Result<Tensor> {
    let (b, h, l, d) = x.dims4()?;
    if l == 1 {
        return x.reshape((b, h * d));
    }
    x.transpose(1, 2)?.contiguous()?.flatten_from(D::Minus2)?.reshape((b * l, h * d))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn the_kernel_agrees_with_tensor_operations() -> Result<()> {
        let device = Device::Cpu;
        let (batch, length, dim) = (2, 9, 16);
        for normed in [false, true] {
            let norms = if normed {
                let weight = || Tensor::randn(1.0_f32, 0.1, dim, &device);
                Some((weight()?, weight()?, 1e-6))
            } else {
                None
            };
            let heads = HeadSplit { query: 4, key_value: 2, dim, norms };
            let angles: Vec<f32> = (0..length * dim / 2).map(|i| i as f32 * 0.37).collect();
            let cos = angles.iter().map(|a| a.cos()).collect();
            let sin = angles.iter().map(|a| a.sin()).collect();
            let rotary = Rotary::new(cos, sin, dim / 2, (&device, DType::F32))?;
            let x = Tensor::randn(0.0_f32, 1.0, (batch * length, 8 * dim), &device)?;
            let fast = heads.split(&x, batch, &rotary)?;
            let slow = heads.split_with_tensors(&x, batch, &rotary)?;
            for (fast, slow) in [(fast.queries, slow.queries), (fast.keys, slow.keys), (fast.values, slow.values)] {
                assert_eq!(fast.dims(), slow.dims());
                let worst = (fast - slow)?.abs()?.max_all()?.to_scalar::<f32>()?;
                assert!(worst < 1e-5, "{worst}");
            }
        }
        Ok(())
    }
}
