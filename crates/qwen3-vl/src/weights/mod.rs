//! From the files of a checkpoint to weights in the form they are computed with, one tensor at a time.
//!
//! A [`Source`] (safetensors, GGUF) gives tensors as stored, under the names of the published checkpoints; [`Precision`] and
//! the device decide what they are kept in (`precision.rs`); blocks of few bits are made here (`quantise.rs`). Loading
//! holds the model so far and the one tensor being converted, never a file.

mod experts;
mod fingerprint;
mod footprint;
mod gguf;
mod names;
mod precision;
mod quantise;
mod safetensors;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use candle_core::quantized::QTensor;
use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::fit;
use crate::gguf::Gguf;
use crate::inventory;
use crate::kernels::bf16;
use crate::kernels::linear::{Linear, Weight};
pub(crate) use fingerprint::fingerprint;
pub use footprint::Footprint;
use names::{HEAD, TEXT, VISION};
use precision::{Keep, Plan};
pub(crate) use safetensors::paths as safetensors_of;

/// Checkpoints smaller than this compute in f32 on the CPU.
const SMALL: u64 = 64 << 20;
pub use precision::{Precision, UnknownPrecision};

/// A tensor as it lies in a file, on the CPU.
enum Stored {
    Tensor(Tensor),
    Quantised(QTensor),
}

/// Files that hold tensors.
trait Source {
    /// What the files call a tensor.
    fn name(&self, name: &str) -> String;
    /// Shape of a tensor, None if there is none of that name.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;
    /// Type of a floating-point tensor.
    fn dtype(&self, name: &str) -> Option<DType>;
    /// A tensor, or with `at` that part of its first dimension.
    fn read(&self, name: &str, at: Option<usize>) -> Result<Stored>;
}

/// The files of a model folder, and whether they are so small that nothing is gained by less than f32.
fn published(dir: &Path) -> Result<(safetensors::Files, bool)> {
    let paths = safetensors::paths(dir)?;
    inventory::check(dir, &paths)?;
    let small = length_of(&paths)? < SMALL;
    Ok((safetensors::Files::open(dir)?, small))
}

/// Bytes of files.
pub(crate) fn length_of(paths: &[PathBuf]) -> Result<u64> {
    let one = |path: &PathBuf| {
        let wrap = |source| Error::Read { path: path.clone(), source };
        Ok(std::fs::metadata(path).map_err(wrap)?.len())
    };
    paths.iter().map(one).sum()
}

fn held(source: &dyn Source, plan: Plan) -> fit::Precision {
    plan.held(source.dtype(&format!("{TEXT}embed_tokens.weight")).unwrap_or(DType::F16))
}

/// What the decoder of a model folder would be kept in, on the processor or an accelerator. Reads headers only.
pub(crate) fn held_of(dir: &Path, precision: Precision, on_cpu: bool) -> Result<fit::Precision> {
    let (files, small) = published(dir)?;
    Ok(held(&files, Plan::new(precision, on_cpu, small)))
}

/// The same of a model in GGUF.
pub(crate) fn held_of_gguf(gguf: Gguf, precision: Precision, on_cpu: bool) -> Result<fit::Precision> {
    Ok(held(&gguf::Files::new(gguf)?, Plan::new(precision, on_cpu, false)))
}

/// The open files of a checkpoint and what their tensors are to become.
pub(crate) struct Weights {
    source: Box<dyn Source>,
    device: Device,
    plan: Plan,
    footprint: Mutex<Footprint>,
}

impl Weights {
    /// Opens the files of a model folder. Nothing is read but their headers.
    pub(crate) fn open(dir: &Path, device: Device, precision: Precision) -> Result<Self> {
        let (files, small) = published(dir)?;
        let plan = Plan::new(precision, device.is_cpu(), small);
        Ok(Self { source: Box::new(files), device, plan, footprint: Mutex::default() })
    }

    /// The tensors of a model in GGUF, blocks as they are unless `precision` is f32.
    pub(crate) fn from_gguf(gguf: Gguf, device: Device, precision: Precision) -> Result<Self> {
        let plan = Plan::new(precision, device.is_cpu(), false);
        Ok(Self { source: Box::new(gguf::Files::new(gguf)?), device, plan, footprint: Mutex::default() })
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// What activations are computed in.
    pub(crate) fn dtype(&self) -> DType {
        self.plan.activations
    }

    /// As on an accelerator, where all is computed in one 16-bit type. With f16 candle does the same on the CPU.
    #[cfg(test)]
    pub(crate) fn compute_in(&mut self, dtype: DType) {
        let float = Keep::Float(dtype);
        let decoder = if matches!(self.plan.decoder, Keep::Blocks(_)) { self.plan.decoder } else { float };
        self.plan = Plan { decoder, vision: float, activations: dtype };
    }

    /// Whether the decoder's weights are kept in f32.
    pub(crate) fn are_full(&self) -> bool {
        self.held() == fit::Precision::F32
    }

    /// What the decoder's matrices are kept in, for an estimate of memory.
    pub(crate) fn held(&self) -> fit::Precision {
        held(self.source.as_ref(), self.plan)
    }

    /// What was loaded so far.
    pub(crate) fn footprint(&self) -> Footprint {
        self.footprint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the vision tower's features depend on besides the files, if anything.
    pub(crate) fn vision_rounding(&self) -> Option<String> {
        let stored = self.source.dtype(&format!("{VISION}patch_embed.proj.weight")).unwrap_or(DType::F32);
        self.plan.vision_rounding(stored, self.device.is_cpu() && bf16::is_here(bf16::RUN))
    }

    /// A norm of the decoder, `model.language_model.{name}`.
    pub(crate) fn text(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.small(&format!("{TEXT}{name}"), shape)
    }

    /// A norm, bias or table of the vision tower, `model.visual.{name}`.
    pub(crate) fn vision(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.small(&format!("{VISION}{name}"), shape)
    }

    /// A linear layer of the vision tower: `{name}.weight`, of shape [out, ..] in the file, and `{name}.bias` [out].
    pub(crate) fn vision_linear(&self, name: &str, shape: &[usize]) -> Result<Linear> {
        let full = format!("{VISION}{name}.weight");
        self.check(&full, shape)?;
        let (output, input) = shape.split_first().unwrap_or((&0, &[]));
        let stored = match self.source.read(&full, None)? {
            Stored::Tensor(tensor) => Stored::Tensor(tensor.reshape((*output, input.iter().product::<usize>()))?),
            blocks => blocks,
        };
        let weight = self.convert(stored, self.plan.vision)?;
        self.count(&full, &weight);
        Ok(Linear::packed(weight, Some(self.vision(&format!("{name}.bias"), &[*output])?))?)
    }

    /// A matrix of the decoder: `model.language_model.{name}` [N, K].
    pub(crate) fn text_matrix(&self, name: &str, shape: [usize; 2]) -> Result<Weight> {
        self.matrix(&format!("{TEXT}{name}"), shape)
    }

    /// Bias-free projections of one input, each `{name}.weight` [out, input]: as few layers as their formats allow, whose
    /// outputs side by side are those of the parts.
    pub(crate) fn text_stack(&self, parts: &[(String, usize)], input: usize) -> Result<Vec<Linear>> {
        let load = |(name, output): &(String, usize)| self.text_matrix(&format!("{name}.weight"), [*output, input]);
        self.stacked(parts.iter().map(load).collect::<Result<_>>()?)
    }

    /// Layers of weights with one input, stacked where their formats allow.
    pub(crate) fn stacked(&self, parts: Vec<Weight>) -> Result<Vec<Linear>> {
        let layers = quantise::stack(parts, &self.device)?.into_iter().map(|weight| Linear::packed(weight, None));
        Ok(layers.collect::<candle_core::Result<_>>()?)
    }

    /// The output projection when it is a tensor of its own.
    pub(crate) fn lm_head(&self, shape: [usize; 2]) -> Result<Option<Weight>> {
        self.source.shape(HEAD).map(|_| self.matrix(HEAD, shape)).transpose()
    }

    fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Weight> {
        self.check(name, &shape)?;
        let weight = self.convert(self.source.read(name, None)?, self.plan.decoder)?;
        self.count(name, &weight);
        Ok(weight)
    }

    /// A tensor that is small and computed with as it is.
    fn small(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.check(name, shape)?;
        let tensor = match self.source.read(name, None)? {
            Stored::Tensor(tensor) => tensor,
            Stored::Quantised(blocks) => blocks.dequantize(&Device::Cpu)?,
        };
        let tensor = tensor.to_dtype(self.plan.activations)?.to_device(&self.device)?;
        self.count(name, &Weight::Tensor(tensor.clone()));
        Ok(tensor)
    }

    fn check(&self, name: &str, shape: &[usize]) -> Result<()> {
        let found = self.source.shape(name).ok_or_else(|| Error::MissingTensor(self.source.name(name)))?;
        if found != shape {
            return Err(Error::TensorShape { name: self.source.name(name), found, expected: shape.to_vec() });
        }
        Ok(())
    }

    /// stored: [N, K] on the CPU. Blocks in a file stay what they are, unless floats are asked for by name.
    fn convert(&self, stored: Stored, keep: Keep) -> Result<Weight> {
        let tensor = match stored {
            Stored::Quantised(blocks) if keep != Keep::Float(DType::F32) => return self.send(blocks),
            Stored::Quantised(blocks) => blocks.dequantize(&Device::Cpu)?,
            Stored::Tensor(tensor) => tensor,
        };
        let width = tensor.dims().last().copied().unwrap_or(0);
        if let Keep::Blocks(wanted) = keep
            && let Some(blocks) = quantise::blocks(wanted, width)
        {
            return Ok(quantise::quantise(&tensor, blocks, &self.device)?.into());
        }
        // Our products widen what weights are kept in; candle's want the type of the activations.
        let widened = self.device.is_cpu() && self.plan.activations == DType::F32;
        let dtype = if widened { keep.float(tensor.dtype()) } else { self.plan.activations };
        Ok(tensor.to_dtype(dtype)?.to_device(&self.device)?.contiguous()?.into())
    }

    fn send(&self, blocks: QTensor) -> Result<Weight> {
        if self.device.is_cpu() {
            return Ok(blocks.into());
        }
        quantise::send(&blocks, &self.device).map(Into::into)
    }

    fn count(&self, name: &str, weight: &Weight) {
        let format = match weight {
            Weight::Tensor(t) => format!("{:?}", t.dtype()),
            Weight::Quantised(t) => format!("{:?}", t.dtype()),
        };
        let mut footprint = self.footprint.lock().unwrap_or_else(PoisonError::into_inner);
        footprint.add(name.starts_with(VISION), &format, weight.bytes() as u64);
    }
}
