//! Blocks of few bits: how a weight is put into them, and how weights of one format are stacked.

use std::borrow::Cow;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::error::Result;
use crate::kernels::linear::Weight;

/// The blocks for rows of `width` values when `wanted` are asked for: rows are whole numbers of blocks, so 8 bits where
/// 256 does not divide the width, and nothing where 32 does not either (as llama.cpp falls back).
pub(super) fn blocks(wanted: GgmlDType, width: usize) -> Option<GgmlDType> {
    [wanted, GgmlDType::Q8_0].into_iter().find(|dtype| width > 0 && width.is_multiple_of(dtype.block_size()))
}

/// Values put into blocks at once by one thread: they are in f32 meanwhile.
const AT_ONCE: usize = 1 << 20;

/// tensor: [N, K] on the CPU, put into blocks and sent to `device`.
pub(super) fn quantise(tensor: &Tensor, dtype: GgmlDType, device: &Device) -> Result<QTensor> {
    let (rows, width) = tensor.dims2()?;
    let step = (AT_ONCE / width.max(1)).max(1);
    let run = |from: usize| -> Result<Vec<u8>> {
        // A copy: candle quantises from the start of the storage, whatever part of it a view shows.
        let part = tensor.narrow(0, from, step.min(rows - from))?.force_contiguous()?;
        Ok(QTensor::quantize(&part, dtype)?.data()?.into_owned())
    };
    let starts: Vec<usize> = (0..rows).step_by(step).collect();
    let parts: Result<Vec<_>> = starts.into_par_iter().map(run).collect();
    let storage = QStorage::from_data(Cow::Owned(parts?.concat()), device, dtype)?;
    Ok(QTensor::new(storage, (rows, width))?)
}

/// Blocks as they are, on another device.
pub(super) fn send(blocks: &QTensor, device: &Device) -> Result<QTensor> {
    Ok(QTensor::new(QStorage::from_data(blocks.data()?, device, blocks.dtype())?, blocks.shape())?)
}

/// Weights [N_i, K] below each other, neighbours of one format stacked into one weight: one product instead of several.
pub(super) fn stack(parts: Vec<Weight>, device: &Device) -> Result<Vec<Weight>> {
    let mut runs: Vec<Vec<Weight>> = Vec::new();
    for part in parts {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| same_format(last, &part)) => run.push(part),
            _ => runs.push(vec![part]),
        }
    }
    runs.into_iter().map(|run| join(run, device)).collect()
}

fn same_format(a: &Weight, b: &Weight) -> bool {
    match (a, b) {
        (Weight::Tensor(a), Weight::Tensor(b)) => a.dtype() == b.dtype(),
        (Weight::Quantised(a), Weight::Quantised(b)) => a.dtype() == b.dtype(),
        _ => false,
    }
}

/// run: not empty, of one format.
fn join(run: Vec<Weight>, device: &Device) -> Result<Weight> {
    let (mut tensors, mut blocks) = (Vec::new(), Vec::new());
    for weight in run {
        match weight {
            Weight::Tensor(tensor) => tensors.push(tensor),
            Weight::Quantised(tensor) => blocks.push(tensor),
        }
    }
    match (tensors.as_slice(), blocks.as_slice()) {
        ([only], []) => Ok(only.clone().into()),
        ([], [only]) => Ok(Weight::Quantised(Arc::clone(only))),
        ([], all) => Ok(stack_blocks(all, device)?.into()),
        (all, _) => Ok(Tensor::cat(all, 0)?.into()),
    }
}

/// Rows are whole numbers of blocks, so their bytes follow each other.
fn stack_blocks(parts: &[Arc<QTensor>], device: &Device) -> Result<QTensor> {
    let Some(first) = parts.first() else { return Err(candle_core::Error::Msg("nothing to stack".into()).into()) };
    let (_, width) = first.shape().dims2()?;
    let (mut bytes, mut rows) = (Vec::new(), 0);
    for part in parts {
        bytes.extend_from_slice(&part.data()?);
        rows += part.shape().dims2()?.0;
    }
    let storage = QStorage::from_data(Cow::Owned(bytes), device, first.dtype())?;
    Ok(QTensor::new(storage, (rows, width))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_rows_fall_back_to_larger_blocks_and_then_to_none() {
        assert_eq!(blocks(GgmlDType::Q4K, 512), Some(GgmlDType::Q4K));
        assert_eq!(blocks(GgmlDType::Q4K, 96), Some(GgmlDType::Q8_0));
        assert_eq!(blocks(GgmlDType::Q8_0, 80), None);
        assert_eq!(blocks(GgmlDType::Q6K, 0), None);
    }

    #[test]
    fn neighbours_of_one_format_become_one_weight_and_keep_their_rows() -> Result<()> {
        let part = |rows| Tensor::randn(0.0_f32, 1.0, (rows, 256), &Device::Cpu);
        let (a, b, c) = (part(3)?, part(2)?, part(4)?);
        let q = |t: &Tensor, dtype| Ok::<Weight, crate::Error>(quantise(t, dtype, &Device::Cpu)?.into());
        let parts = vec![q(&a, GgmlDType::Q4K)?, q(&b, GgmlDType::Q4K)?, q(&c, GgmlDType::Q6K)?, a.clone().into()];
        let stacked = stack(parts, &Device::Cpu)?;
        let [Weight::Quantised(first), Weight::Quantised(second), Weight::Tensor(last)] = stacked.as_slice() else {
            return Err(candle_core::Error::Msg(format!("{stacked:?}")).into());
        };
        assert_eq!(
            (first.shape().dims(), second.shape().dims(), last.dims()),
            (&[5, 256][..], &[4, 256][..], &[3, 256][..])
        );
        let whole = quantise(&Tensor::cat(&[&a, &b], 0)?, GgmlDType::Q4K, &Device::Cpu)?;
        assert_eq!(first.data()?, whole.data()?);
        Ok(())
    }

    #[test]
    fn blocks_do_not_depend_on_how_many_rows_are_made_at_once() -> Result<()> {
        let tall = Tensor::randn(0.0_f32, 1.0, (AT_ONCE / 256 * 2 + 3, 256), &Device::Cpu)?;
        let (ours, whole) =
            (quantise(&tall, GgmlDType::Q8_0, &Device::Cpu)?, QTensor::quantize(&tall, GgmlDType::Q8_0)?);
        assert!(ours.shape() == whole.shape() && ours.data()? == whole.data()?);
        Ok(())
    }
}
