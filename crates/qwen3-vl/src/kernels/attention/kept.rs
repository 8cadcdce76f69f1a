//! Keys or values of a run of tokens in the form they are kept: f32, 16 bit, or 8 bit with a scale per token and head.

use std::ops::Deref;

use candle_core::{CpuStorage, D, DType, Device, IndexOp, Layout, Result, Storage, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use super::super::half_precision::widen_bf16;
use super::super::simd;

/// The form of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As floating point numbers of this type.
    Float(DType),
    /// As 8-bit integers around 128 times `amax / 127` of each token's head.
    EightBit,
}

impl Form {
    /// Bytes of one head of one token.
    pub(crate) fn bytes(self, dim: usize) -> usize {
        match self {
            Self::Float(dtype) => dim * dtype.size_in_bytes(),
            Self::EightBit => dim + DType::F32.size_in_bytes(),
        }
    }
}

/// Rows of heads: [H, S, D].
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    Float(Tensor),
    EightBit {
        /// [H, S, D] u8, 128 is zero
        integers: Tensor,
        /// [H, S, 1] f32
        scales: Tensor,
    },
}

impl From<Tensor> for Kept {
    fn from(rows: Tensor) -> Self {
        Self::Float(rows)
    }
}

impl Kept {
    pub(crate) fn zeros(form: Form, (heads, rows, dim): (usize, usize, usize), device: &Device) -> Result<Self> {
        Ok(match form {
            Form::Float(dtype) => Self::Float(Tensor::zeros((heads, rows, dim), dtype, device)?),
            Form::EightBit => Self::EightBit {
                integers: Tensor::zeros((heads, rows, dim), DType::U8, device)?,
                scales: Tensor::zeros((heads, rows, 1), DType::F32, device)?,
            },
        })
    }

    /// Rows `from..from + length`, sharing memory.
    pub(crate) fn narrow(&self, from: usize, length: usize) -> Result<Self> {
        Ok(match self {
            Self::Float(rows) => Self::Float(rows.narrow(1, from, length)?),
            Self::EightBit { integers, scales } => {
                Self::EightBit { integers: integers.narrow(1, from, length)?, scales: scales.narrow(1, from, length)? }
            }
        })
    }

    /// Writes rows [H, L, D] from row `at` on. This must be a whole allocation, not a narrowed one.
    pub(crate) fn write(&self, rows: &Tensor, at: usize) -> Result<()> {
        match self {
            Self::Float(kept) => kept.slice_set(&rows.to_dtype(kept.dtype())?.contiguous()?, 1, at),
            Self::EightBit { integers, scales } => {
                let rows = rows.to_dtype(DType::F32)?;
                // A row of zeros keeps a scale that does not divide by zero.
                let scale = ((rows.abs()?.max_keepdim(D::Minus1)? / 127.0)? + 1e-20)?;
                let rounded = (rows.broadcast_div(&scale)? + 128.0)?.round()?.to_dtype(DType::U8)?;
                integers.slice_set(&rounded.contiguous()?, 1, at)?;
                scales.slice_set(&scale.contiguous()?, 1, at)
            }
        }
    }

    /// Copies the rows of another of the same form to row `at`.
    pub(crate) fn copy(&self, from: &Self, at: usize) -> Result<()> {
        match (self, from) {
            (Self::Float(to), Self::Float(from)) => to.slice_set(&from.contiguous()?, 1, at),
            (Self::EightBit { integers, scales }, Self::EightBit { integers: i, scales: s }) => {
                integers.slice_set(&i.contiguous()?, 1, at)?;
                scales.slice_set(&s.contiguous()?, 1, at)
            }
            _ => candle_core::bail!("two caches of different forms"),
        }
    }

    /// As floating point: [H, S, D] in `dtype`.
    pub(crate) fn to_tensor(&self, dtype: DType) -> Result<Tensor> {
        match self {
            Self::Float(rows) => rows.to_dtype(dtype),
            // The integers are exact in every floating type: no wider copy is made of what may be the whole cache.
            Self::EightBit { integers, scales } => {
                (integers.to_dtype(dtype)? - 128.0)?.broadcast_mul(&scales.to_dtype(dtype)?)
            }
        }
    }

    /// H.
    pub(super) fn heads(&self) -> Result<usize> {
        match self {
            Self::Float(rows) => rows.dim(0),
            Self::EightBit { integers, .. } => integers.dim(0),
        }
    }

    /// One head: [1, S, D].
    pub(crate) fn head(&self, head: usize) -> Result<Self> {
        Ok(match self {
            Self::Float(rows) => Self::Float(rows.i(head..head + 1)?),
            Self::EightBit { integers, scales } => {
                Self::EightBit { integers: integers.i(head..head + 1)?, scales: scales.i(head..head + 1)? }
            }
        })
    }
}

/// Candle's read lock, whatever library it is of.
type Guard<'a> = (Box<dyn Deref<Target = Storage> + 'a>, &'a Layout);

/// A hold on memory of the CPU.
pub(super) enum Held<'a> {
    Float(Guard<'a>),
    EightBit(Guard<'a>, Guard<'a>),
}

/// Rows of one head: as they lie, [S, D].
#[derive(Clone, Copy)]
pub(super) enum HeadRows<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
    BF16(&'a [bf16]),
    EightBit(&'a [u8], &'a [f32]),
}

impl Kept {
    pub(super) fn hold(&self) -> Held<'_> {
        fn guard(tensor: &Tensor) -> Guard<'_> {
            let (storage, layout) = tensor.storage_and_layout();
            (Box::new(storage), layout)
        }
        match self {
            Self::Float(rows) => Held::Float(guard(rows)),
            Self::EightBit { integers, scales } => Held::EightBit(guard(integers), guard(scales)),
        }
    }
}

/// The elements of head `head` of a layout [H, S, D] whose last two dimensions are dense.
fn extent(layout: &Layout, head: usize) -> Result<std::ops::Range<usize>> {
    let (_, rows, dim) = layout.shape().dims3()?;
    let &[stride, row_stride, 1] = layout.stride() else { candle_core::bail!("a cache must be dense") };
    // A single row may have any stride to the next.
    if row_stride != dim && rows > 1 {
        candle_core::bail!("a cache must be dense");
    }
    let start = layout.start_offset() + head * stride;
    Ok(start..start + rows * dim)
}

impl Held<'_> {
    pub(super) fn head(&self, head: usize) -> Result<HeadRows<'_>> {
        let not_here = || candle_core::Error::Msg("this kernel reads caches on the CPU only".into());
        match self {
            Self::Float((storage, layout)) => {
                let at = extent(layout, head)?;
                match &***storage {
                    Storage::Cpu(CpuStorage::F32(v)) => v.get(at).map(HeadRows::F32).ok_or_else(not_here),
                    Storage::Cpu(CpuStorage::F16(v)) => v.get(at).map(HeadRows::F16).ok_or_else(not_here),
                    Storage::Cpu(CpuStorage::BF16(v)) => v.get(at).map(HeadRows::BF16).ok_or_else(not_here),
                    _ => Err(not_here()),
                }
            }
            Self::EightBit((integers, layout), (scales, scale_layout)) => {
                let (Storage::Cpu(CpuStorage::U8(integers)), Storage::Cpu(CpuStorage::F32(scales))) =
                    (&***integers, &***scales)
                else {
                    return Err(not_here());
                };
                let rows = integers.get(extent(layout, head)?).zip(scales.get(extent(scale_layout, head)?));
                rows.map(|(i, s)| HeadRows::EightBit(i, s)).ok_or_else(not_here)
            }
        }
    }
}

simd! {
    fn widen_eight(integers: &[u8], scale: f32, out: &mut [f32]) {
        for (o, q) in out.iter_mut().zip(integers) {
            *o = scale * f32::from(i16::from(*q) - 128);
        }
    }
}
impl<'a> HeadRows<'a> {
    /// Rows `rows` as f32: the memory itself, or widened into `buffer`.
    pub(super) fn read<'b>(&self, rows: std::ops::Range<usize>, dim: usize, buffer: &'b mut Vec<f32>) -> &'b [f32]
    where
        'a: 'b,
    {
        let at = rows.start * dim..rows.end * dim;
        if let Self::F32(values) = self {
            return &values[at];
        }
        buffer.resize(at.len(), 0.0);
        match self {
            Self::F32(_) => {}
            Self::F16(values) => values[at].convert_to_f32_slice(buffer),
            Self::BF16(values) => widen_bf16(&values[at], buffer),
            Self::EightBit(integers, scales) => {
                let parts = buffer.chunks_exact_mut(dim).zip(integers[at].chunks_exact(dim)).zip(&scales[rows]);
                for ((out, integers), scale) in parts {
                    widen_eight(integers, *scale, out);
                }
            }
        }
        buffer
    }

    /// Rows there are.
    pub(super) fn len(&self, dim: usize) -> usize {
        let values = match self {
            Self::F32(v) => v.len(),
            Self::F16(v) => v.len(),
            Self::BF16(v) => v.len(),
            Self::EightBit(v, _) => v.len(),
        };
        values / dim.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_back_what_was_written_as_exactly_as_it_can() -> Result<()> {
        let device = Device::Cpu;
        let rows = Tensor::randn(0.0_f32, 1.0, (3, 5, 64), &device)?;
        let forms = [
            (Form::Float(DType::F32), 0.0),
            (Form::Float(DType::F16), 2e-3),
            (Form::Float(DType::BF16), 2e-2),
            (Form::EightBit, 2e-2),
        ];
        for (form, bound) in forms {
            let kept = Kept::zeros(form, (3, 9, 64), &device)?;
            kept.write(&rows.narrow(1, 0, 2)?, 4)?;
            kept.write(&rows.narrow(1, 2, 3)?, 6)?;
            let view = kept.narrow(4, 5)?;
            let worst = (view.to_tensor(DType::F32)? - &rows)?.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(worst <= bound, "{form:?}: {worst}");
            let held = view.hold();
            let mut buffer = Vec::new();
            let read = held.head(1)?.read(1..4, 64, &mut buffer).to_vec();
            let same = view.to_tensor(DType::F32)?.i((1, 1..4))?.flatten_all()?.to_vec1::<f32>()?;
            assert!(read.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-6), "{form:?}");
            let grown = Kept::zeros(form, (3, 20, 64), &device)?;
            grown.copy(&view, 0)?;
            let again = grown.narrow(0, 5)?.to_tensor(DType::F32)?;
            assert_eq!((again - view.to_tensor(DType::F32)?)?.abs()?.max_all()?.to_scalar::<f32>()?, 0.0);
        }
        Ok(())
    }

    #[test]
    fn a_row_of_zeros_stays_zero_in_eight_bits() -> Result<()> {
        let kept = Kept::zeros(Form::EightBit, (1, 1, 8), &Device::Cpu)?;
        kept.write(&Tensor::zeros((1, 1, 8), DType::F32, &Device::Cpu)?, 0)?;
        assert_eq!(kept.to_tensor(DType::F32)?.flatten_all()?.to_vec1::<f32>()?, [0.0; 8]);
        Ok(())
    }
}
