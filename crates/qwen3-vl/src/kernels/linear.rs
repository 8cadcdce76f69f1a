//! A linear layer in whatever form its weight is kept: f32, 16 bit, or GGML's quantised blocks.
//!
//! On the CPU activations are f32 and each form has the kernel that reads it at the memory's speed for one token; on an
//! accelerator candle's own products are used.

use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Storage, Tensor};

use super::activation::{Activation, Finish, bias_act};
use super::bf16::{self, Packed};
use super::tiles::by_columns;
use super::{dot, dots, gemv, half_precision, int8, not_f32, quantised, simd};

/// Rows of activations up to which f32 weights are streamed past them once. A blocked product packs the weights first, which
/// costs more than it saves for the few rows of a batch of answers.
const FEW_ROWS: usize = 16;

simd! {
    /// x·Wᵀ, each weight read once for all rows, two rows at a time; a row's result is the same whatever the others are.
    /// x: [R, K], w: [columns, K], out: [R, columns].
    fn few_rows(x: &[f32], w: &[f32], k: usize, out: &mut [f32]) {
        let columns = w.len() / k;
        for (column, w) in w.chunks_exact(k).enumerate() {
            for (pair, x) in x.chunks(2 * k).enumerate() {
                let at = 2 * pair * columns + column;
                let (one, two) = x.split_at(k);
                if two.is_empty() {
                    out[at] = dot(w, one);
                } else {
                    [out[at], out[at + columns]] = dots(w, [one, two]);
                }
            }
        }
    }
}

/// x: [R, K] with R at most [`FEW_ROWS`], w: [N, K] → [R, N].
struct FewRows;

impl CustomOp2 for FewRows {
    fn name(&self) -> &'static str {
        "few-rows"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(x), CpuStorage::F32(w)) = (s1, s2) else { return Err(not_f32()) };
        let (x_start, x_end) = l1.contiguous_offsets().ok_or_else(not_f32)?;
        let (w_start, w_end) = l2.contiguous_offsets().ok_or_else(not_f32)?;
        let (x, w) = (&x[x_start..x_end], &w[w_start..w_end]);
        let ((rows, width), (n, k)) = (l1.shape().dims2()?, l2.shape().dims2()?);
        if k == 0 || k != width {
            return Err(not_f32());
        }
        if let Some(out) = gemv::float(x, w, k) {
            return Ok((CpuStorage::F32(out), (rows, n).into()));
        }
        let out = by_columns(rows, n, k, |columns, out| few_rows(x, &w[columns.start * k..columns.end * k], k, out));
        Ok((CpuStorage::F32(out), (rows, n).into()))
    }
}

/// A weight [N, K] in the form it is computed with.
#[derive(Debug, Clone)]
pub(crate) enum Weight {
    /// f32, f16 or bf16, contiguous.
    Tensor(Tensor),
    /// GGML's blocks.
    Quantised(Arc<QTensor>),
}

impl From<Tensor> for Weight {
    fn from(weight: Tensor) -> Self {
        Self::Tensor(weight)
    }
}

impl From<QTensor> for Weight {
    fn from(weight: QTensor) -> Self {
        Self::Quantised(Arc::new(weight))
    }
}

/// A product with a weight that is not f32, on the CPU.
struct Compact<'a>(&'a Weight);

impl CustomOp1 for Compact<'_> {
    fn name(&self) -> &'static str {
        "compact-product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let CpuStorage::F32(x) = storage else { return Err(not_f32()) };
        let (start, end) = layout.contiguous_offsets().ok_or_else(not_f32)?;
        let (x, rows) = (&x[start..end], layout.shape().dims2()?.0);
        let (out, n) = match self.0 {
            Weight::Tensor(w) => (half_precision::product(x, w)?, w.dim(0)?),
            Weight::Quantised(w) => {
                let n = w.shape().dims2()?.0;
                if let Some(out) = quantised::few_rows(x, w, rows)? {
                    (out, n)
                } else if rows >= int8::MANY && int8::is_here(w.dtype()) {
                    (int8::product(x, w)?, n)
                } else if quantised::is_slow(w.dtype(), rows) {
                    (quantised::product(x, w)?, n)
                } else {
                    return w.cpu_fwd(storage, layout);
                }
            }
        };
        Ok((CpuStorage::F32(out), (rows, n).into()))
    }
}

/// A product with a packed weight, finished on the way.
struct Finished<'a> {
    weight: &'a Packed,
    bias: Option<&'a Tensor>,
    act: Activation,
}

impl CustomOp1 for Finished<'_> {
    fn name(&self) -> &'static str {
        "packed-product"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let CpuStorage::F32(x) = storage else { return Err(not_f32()) };
        let (start, end) = layout.contiguous_offsets().ok_or_else(not_f32)?;
        let rows = layout.shape().dims2()?.0;
        let Some(bias) = self.bias else {
            let out = bf16::product(&x[start..end], self.weight, Finish::NOTHING)?;
            return Ok((CpuStorage::F32(out), (rows, self.weight.columns()).into()));
        };
        let (storage, layout) = bias.storage_and_layout();
        let (Storage::Cpu(CpuStorage::F32(bias)), Some((from, to))) = (&*storage, layout.contiguous_offsets()) else {
            return Err(not_f32());
        };
        let out = bf16::product(&x[start..end], self.weight, Finish::new(Some(&bias[from..to]), self.act))?;
        Ok((CpuStorage::F32(out), (rows, self.weight.columns()).into()))
    }
}

/// Whether candle's CUDA kernels multiply blocks of a format with 16-bit activations; other formats want f32.
fn is_fast_elsewhere(format: GgmlDType) -> bool {
    use GgmlDType::{Q2K, Q3K, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0};
    matches!(format, Q4_0 | Q4_1 | Q5_0 | Q5_1 | Q8_0 | Q2K | Q3K | Q4K | Q5K | Q6K)
}

impl Weight {
    /// x: [L, K] → x·Wᵀ: [L, N].
    fn product(&self, x: &Tensor) -> Result<Tensor> {
        let on_cpu = x.device().is_cpu() && x.dtype() == DType::F32;
        match self {
            Self::Tensor(w) if on_cpu && w.dtype() == DType::F32 => {
                if x.dims().first().is_some_and(|rows| *rows <= FEW_ROWS) && x.is_contiguous() {
                    return x.apply_op2_no_bwd(w, &FewRows);
                }
                x.matmul(&w.t()?)
            }
            Self::Tensor(w) if !on_cpu => x.matmul(&w.t()?),
            // candle's kernels for blocks take and give what the activations are in.
            Self::Quantised(w) if !on_cpu && is_fast_elsewhere(w.dtype()) => {
                x.contiguous()?.apply_op1_no_bwd(w.as_ref())
            }
            Self::Quantised(w) if !on_cpu => {
                x.to_dtype(DType::F32)?.contiguous()?.apply_op1_no_bwd(w.as_ref())?.to_dtype(x.dtype())
            }
            _ => x.contiguous()?.apply_op1_no_bwd(&Compact(self)),
        }
    }

    /// Bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Tensor(w) => w.elem_count() * w.dtype().size_in_bytes(),
            Self::Quantised(w) => w.storage_size_in_bytes(),
        }
    }
}

/// What a layer multiplies with.
#[derive(Debug, Clone)]
enum Form {
    /// A weight as it is kept.
    Plain(Weight),
    /// bf16, packed for this processor.
    Packed(Arc<Packed>),
}

/// `y = x·Wᵀ (+ b)`.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    form: Form,
    bias: Option<Tensor>,
}

impl Linear {
    /// weight: [N, K]; bias: [N], in the type of the activations.
    pub(crate) fn new(weight: impl Into<Weight>, bias: Option<Tensor>) -> Self {
        Self { form: Form::Plain(weight.into()), bias }
    }

    /// As [`new`](Self::new), the weight packed once and for all where that pays; it is nobody else's then.
    pub(crate) fn packed(weight: Weight, bias: Option<Tensor>) -> Result<Self> {
        let Weight::Tensor(tensor) = &weight else { return Ok(Self::new(weight, bias)) };
        let (storage, layout) = tensor.storage_and_layout();
        let (Storage::Cpu(CpuStorage::BF16(values)), Some((start, end))) = (&*storage, layout.contiguous_offsets())
        else {
            drop(storage);
            return Ok(Self::new(weight, bias));
        };
        let k = tensor.dim(1)?;
        if !bf16::is_here(k) {
            drop(storage);
            return Ok(Self::new(weight, bias));
        }
        Ok(Self { form: Form::Packed(Arc::new(Packed::new(&values[start..end], k))), bias })
    }

    /// x: [L, K] → [L, N].
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_act(x, Activation::None)
    }

    /// x: [L, K] → act(x·Wᵀ + b): [L, N].
    pub(crate) fn forward_act(&self, x: &Tensor, act: Activation) -> Result<Tensor> {
        let weight = match &self.form {
            Form::Packed(weight) => {
                let finished = self.bias.is_some() || act == Activation::None;
                let op =
                    Finished { weight, bias: self.bias.as_ref(), act: if finished { act } else { Activation::None } };
                let y = x.contiguous()?.apply_op1_no_bwd(&op)?;
                return if finished { Ok(y) } else { act.of(&y) };
            }
            Form::Plain(weight) => weight,
        };
        let y = weight.product(x)?;
        match (&self.bias, act) {
            (Some(bias), act) => bias_act(y, bias, act),
            (None, act) => act.of(&y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn one_row_gives_what_many_rows_give_in_every_form() -> Result<()> {
        for (n, k) in [(5, 256), (300, 768)] {
            let w = Tensor::randn(0.0_f32, 1.0, (n, k), &Device::Cpu)?;
            let b = Tensor::randn(0.0_f32, 1.0, n, &Device::Cpu)?;
            let x = Tensor::randn(0.0_f32, 1.0, (20, k), &Device::Cpu)?;
            let quantised = |dtype| Ok::<_, candle_core::Error>(Weight::from(QTensor::quantize(&w, dtype)?));
            // One row has activations of 8 bits where many have them whole; many in bf16 where one has them whole.
            let rounded = if bf16::is_here(k) { 0.01 } else { 1e-5 };
            let forms = [
                (Weight::from(w.clone()), 1e-5),
                (w.to_dtype(DType::BF16)?.into(), rounded),
                (quantised(GgmlDType::Q8_0)?, 0.03),
                (quantised(GgmlDType::Q5K)?, 0.03),
                (quantised(GgmlDType::Q4K)?, 1e-5),
                (quantised(GgmlDType::Q4_0)?, 1e-5),
            ];
            for (form, bound) in forms {
                let layer = Linear::new(form, Some(b.clone()));
                let all = layer.forward(&x)?;
                let one = layer.forward(&x.narrow(0, 1, 1)?)?;
                let norm = |t: &Tensor| t.sqr()?.sum_all()?.to_scalar::<f32>().map(f32::sqrt);
                let gap = norm(&(all.narrow(0, 1, 1)? - &one)?)? / norm(&one)?;
                assert!(gap < bound, "{n}×{k}: {gap}");
            }
        }
        Ok(())
    }

    fn alone_as_among(layer: &Linear, k: usize, rows: usize) -> Result<()> {
        let x = Tensor::randn(0.0_f32, 1.0, (rows, k), &Device::Cpu)?;
        let all = layer.forward(&x)?.to_vec2::<f32>()?;
        for (row, found) in all.iter().enumerate() {
            assert_eq!(*found, layer.forward(&x.narrow(0, row, 1)?)?.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(())
    }

    #[test]
    fn a_row_among_a_few_is_the_row_alone_to_the_bit() -> Result<()> {
        for (n, k) in [(5, 33), (303, 768)] {
            for (dtype, rows) in [(DType::F32, FEW_ROWS), (DType::BF16, 7), (DType::F16, 7)] {
                let weight = Tensor::randn(0.0_f32, 1.0, (n, k), &Device::Cpu)?.to_dtype(dtype)?;
                alone_as_among(&Linear::new(weight, None), k, rows)?;
            }
        }
        Ok(())
    }
}
