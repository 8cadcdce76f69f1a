//! Bias, GELU (tanh and erf) and SwiGLU, each in one parallel pass.
//!
//! GELU-tanh: `x / (1 + e^{-2u})`, `u = √(2/π)(x + 0.044715x³)`, which is `x/2·(1 + tanh u)`. GELU-erf uses
//! Abramowitz & Stegun 7.1.26 (absolute error 1.5e-7).

use candle_core::{CpuStorage, CustomOp1, InplaceOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{exp, not_f32, simd};

/// What follows a linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// Nothing.
    None,
    /// `gelu_pytorch_tanh`.
    GeluTanh,
    /// `torch.nn.GELU()`.
    GeluErf,
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    let u = 0.797_884_6 * (x + 0.044_715 * x * x * x);
    x / (1.0 + exp(-2.0 * u))
}

#[inline(always)]
fn gelu_erf(x: f32) -> f32 {
    let z = x * std::f32::consts::FRAC_1_SQRT_2;
    let a = z.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let poly = t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_8 + t * (-1.453_152 + t * 1.061_405_4))));
    // erfc(|z|) keeps its precision in the tail; 1 + erf(z) is erfc(|z|) or 2 - erfc(|z|).
    let tail = poly * exp(-a * a);
    let one_plus_erf = if z < 0.0 { tail } else { 2.0 - tail };
    0.5 * x * one_plus_erf
}

simd! {
    fn bias_only(row: &mut [f32], bias: &[f32]) {
        for (x, b) in row.iter_mut().zip(bias) {
            *x += b;
        }
    }
}
simd! {
    fn bias_gelu_tanh(row: &mut [f32], bias: &[f32]) {
        for (x, b) in row.iter_mut().zip(bias) {
            *x = gelu_tanh(*x + b);
        }
    }
}
simd! {
    fn bias_gelu_erf(row: &mut [f32], bias: &[f32]) {
        for (x, b) in row.iter_mut().zip(bias) {
            *x = gelu_erf(*x + b);
        }
    }
}
simd! {
    fn swiglu_row(gate: &[f32], up: &[f32], out: &mut [f32]) {
        for ((o, g), u) in out.iter_mut().zip(gate).zip(up) {
            *o = *g / (1.0 + exp(-*g)) * *u;
        }
    }
}

/// What happens to the values of a product before they are stored: a bias and an activation.
#[derive(Clone, Copy)]
pub(crate) struct Finish<'a> {
    /// [N]
    bias: &'a [f32],
    act: Activation,
}

impl<'a> Finish<'a> {
    /// Values are stored as they are.
    pub(crate) const NOTHING: Self = Self { bias: &[], act: Activation::None };

    /// bias: [N]. An activation without a bias is not made here.
    pub(crate) fn new(bias: Option<&'a [f32]>, act: Activation) -> Self {
        Self { bias: bias.unwrap_or_default(), act }
    }

    /// rows: values of these columns, and perhaps of columns that do not exist.
    pub(super) fn rows<const C: usize>(self, columns: std::ops::Range<usize>, rows: &mut [[f32; C]]) {
        let Some(bias) = self.bias.get(columns) else { return };
        let kernel = self.act.kernel();
        rows.iter_mut().for_each(|row| kernel(row, bias));
    }
}

impl Activation {
    /// Of values without a bias.
    pub(crate) fn of(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::None => Ok(x.clone()),
            Self::GeluTanh => x.gelu(),
            Self::GeluErf => x.gelu_erf(),
        }
    }

    /// Adds a bias to a row and activates it.
    fn kernel(self) -> fn(&mut [f32], &[f32]) {
        match self {
            Self::None => bias_only,
            Self::GeluTanh => bias_gelu_tanh,
            Self::GeluErf => bias_gelu_erf,
        }
    }
}

struct BiasAct(Activation);

impl InplaceOp2 for BiasAct {
    fn name(&self) -> &'static str {
        "bias-activation"
    }

    fn cpu_fwd(&self, dst: &mut CpuStorage, dst_l: &Layout, bias: &CpuStorage, bias_l: &Layout) -> Result<()> {
        let (CpuStorage::F32(data), CpuStorage::F32(bias)) = (dst, bias) else { return Err(not_f32()) };
        let (start, end) = dst_l.contiguous_offsets().ok_or_else(not_f32)?;
        let (bias_start, bias_end) = bias_l.contiguous_offsets().ok_or_else(not_f32)?;
        let (data, bias) = (&mut data[start..end], &bias[bias_start..bias_end]);
        if bias.is_empty() {
            return Ok(());
        }
        let kernel = self.0.kernel();
        if data.len() < 1 << 14 {
            data.chunks_exact_mut(bias.len()).for_each(|row| kernel(row, bias));
        } else {
            data.par_chunks_exact_mut(bias.len()).with_min_len(4).for_each(|row| kernel(row, bias));
        }
        Ok(())
    }
}

/// `x ← act(x + bias)`. x: [.., N] contiguous, changed in place on the CPU; bias: [N] · returns x.
pub(crate) fn bias_act(x: Tensor, bias: &Tensor, act: Activation) -> Result<Tensor> {
    if x.device().is_cpu() && x.dtype() == candle_core::DType::F32 && x.is_contiguous() {
        x.inplace_op2(bias, &BiasAct(act))?;
        return Ok(x);
    }
    act.of(&x.broadcast_add(bias)?)
}

struct SwiGlu;

impl CustomOp1 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let CpuStorage::F32(data) = storage else { return Err(not_f32()) };
        let (start, end) = layout.contiguous_offsets().ok_or_else(not_f32)?;
        let (rows, width) = layout.shape().dims2()?;
        let half = width / 2;
        let mut out = vec![0.0_f32; rows * half];
        let data = &data[start..end];
        let row = |(o, x): (&mut [f32], &[f32])| swiglu_row(&x[..half], &x[half..], o);
        if half == 0 {
            // Nothing to compute.
        } else if out.len() < 1 << 14 {
            out.chunks_exact_mut(half).zip(data.chunks_exact(width)).for_each(row);
        } else {
            out.par_chunks_exact_mut(half).zip(data.par_chunks_exact(width)).for_each(row);
        }
        Ok((CpuStorage::F32(out), (rows, half).into()))
    }
}

/// `silu(gate)·up`. x: [L, 2I] with the gate in the first half → [L, I].
pub(crate) fn swiglu(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() && x.dtype() == candle_core::DType::F32 {
        return x.apply_op1_no_bwd(&SwiGlu);
    }
    candle_nn::ops::swiglu(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn activations_agree_with_the_library() -> Result<()> {
        let x: Vec<f32> = (-600..600).map(|i| i as f32 * 0.013).collect();
        let n = x.len();
        let bias = Tensor::zeros(n, candle_core::DType::F32, &Device::Cpu)?;
        let x = Tensor::from_vec(x, (1, n), &Device::Cpu)?;
        for (act, expected) in [(Activation::GeluTanh, x.gelu()?), (Activation::GeluErf, x.gelu_erf()?)] {
            let y = bias_act(x.copy()?, &bias, act)?;
            let worst = (y - expected)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(worst < 2e-6, "{act:?}: {worst}");
        }
        let pair = Tensor::cat(&[&x, &x], 1)?;
        let worst = (swiglu(&pair)? - (x.silu()? * &x)?)?.abs()?.max_all()?.to_scalar::<f32>()?;
        assert!(worst < 2e-5, "swiglu: {worst}");
        Ok(())
    }
}
