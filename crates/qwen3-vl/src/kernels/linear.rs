//! A linear layer: GEMM through candle for many rows, a bandwidth-bound matrix-vector product for one.

use std::sync::Arc;

use candle_core::quantized::QTensor;
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::activation::{Activation, bias_act};
use super::{dot, not_f32, simd, worth_parallel};

simd! {
    /// out[n] = w[n, :]·x for the rows in `w`.
    fn gemv_rows(w: &[f32], x: &[f32], out: &mut [f32]) {
        for (o, row) in out.iter_mut().zip(w.chunks_exact(x.len())) {
            *o = dot(row, x);
        }
    }
}

struct Gemv;

impl CustomOp2 for Gemv {
    fn name(&self) -> &'static str {
        "gemv"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(x), CpuStorage::F32(w)) = (s1, s2) else { return Err(not_f32()) };
        let (x_start, x_end) = l1.contiguous_offsets().ok_or_else(not_f32)?;
        let (w_start, w_end) = l2.contiguous_offsets().ok_or_else(not_f32)?;
        let (x, w) = (&x[x_start..x_end], &w[w_start..w_end]);
        let (n, k) = l2.shape().dims2()?;
        if k != x.len() || k == 0 {
            return Err(not_f32());
        }
        let mut out = vec![0.0_f32; n];
        if worth_parallel(w.len()) {
            let rows = n.div_ceil(rayon::current_num_threads() * 2).max(8);
            out.par_chunks_mut(rows).zip(w.par_chunks(rows * k)).for_each(|(o, w)| gemv_rows(w, x, o));
        } else {
            gemv_rows(w, x, &mut out);
        }
        Ok((CpuStorage::F32(out), (1, n).into()))
    }
}

/// A weight [N, K] in the form it is computed with.
#[derive(Debug, Clone)]
pub(crate) enum Weight {
    /// f32, f16 or bf16.
    Tensor(Tensor),
    /// Blocks of few bits.
    Quantised(Arc<QTensor>),
}

impl From<Tensor> for Weight {
    fn from(tensor: Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

impl From<QTensor> for Weight {
    fn from(tensor: QTensor) -> Self {
        Self::Quantised(Arc::new(tensor))
    }
}

/// `y = x·Wᵀ (+ b)`.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
}

impl Linear {
    /// weight: [N, K] contiguous; bias: [N].
    pub(crate) fn new(weight: impl Into<Weight>, bias: Option<Tensor>) -> Self {
        Self { weight: weight.into(), bias }
    }

    /// x: [L, K] → [L, N].
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_act(x, Activation::None)
    }

    /// x: [L, K] → act(x·Wᵀ + b): [L, N].
    pub(crate) fn forward_act(&self, x: &Tensor, act: Activation) -> Result<Tensor> {
        let y = match &self.weight {
            Weight::Quantised(weight) => {
                x.to_dtype(DType::F32)?.contiguous()?.apply_op1_no_bwd(weight.as_ref())?.to_dtype(x.dtype())?
            }
            Weight::Tensor(weight) if weight.dtype() == x.dtype() => product(x, weight)?,
            Weight::Tensor(weight) => product(x, &weight.to_dtype(x.dtype())?)?,
        };
        match (&self.bias, act) {
            (Some(bias), act) => bias_act(y, bias, act),
            (None, Activation::None) => Ok(y),
            (None, Activation::GeluTanh) => y.gelu(),
            (None, Activation::GeluErf) => y.gelu_erf(),
        }
    }
}

fn product(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let one_row = x.dims().first() == Some(&1);
    if one_row && x.device().is_cpu() && x.dtype() == DType::F32 && x.is_contiguous() {
        return x.apply_op2_no_bwd(weight, &Gemv);
    }
    x.matmul(&weight.t()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn one_row_gives_what_many_rows_give() -> Result<()> {
        for (n, k) in [(5, 7), (300, 513)] {
            let w = Tensor::randn(0.0_f32, 1.0, (n, k), &Device::Cpu)?;
            let b = Tensor::randn(0.0_f32, 1.0, n, &Device::Cpu)?;
            let x = Tensor::randn(0.0_f32, 1.0, (2, k), &Device::Cpu)?;
            let layer = Linear::new(w, Some(b));
            let both = layer.forward(&x)?;
            let one = layer.forward(&x.narrow(0, 1, 1)?)?;
            let worst = (both.narrow(0, 1, 1)? - one)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(worst < 1e-3, "{worst}");
        }
        Ok(())
    }
}
