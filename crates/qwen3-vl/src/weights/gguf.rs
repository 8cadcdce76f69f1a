//! Weights in GGUF, blocks as they are.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{DType, Device, Tensor};

use super::names::in_gguf;
use super::{Source, Stored};
use crate::error::{Error, Result};
use crate::gguf::Gguf;

/// The kernel of the patch embedding, a [2, 16, 16] convolution, is stored as one tensor per frame.
const KERNEL: &str = "v.patch_embd.weight";
const KERNEL_OF_SECOND_FRAME: &str = "v.patch_embd.weight.1";

/// The files, and which block each DeepStack merger follows.
pub(super) struct Files {
    gguf: Gguf,
    taps: Vec<usize>,
}

impl Files {
    pub(super) fn new(gguf: Gguf) -> Result<Self> {
        Ok(Self { taps: gguf.taps()?, gguf })
    }

    fn read_as(&self, name: &str, at: Option<usize>) -> Result<Stored> {
        let missing = || Error::MissingTensor(name.to_owned());
        let (part, info) = self.gguf.tensor(name).ok_or_else(missing)?;
        part.read(info, at, |bytes, shape| match float(info.ggml_dtype) {
            Some(dtype) => Ok(Stored::Tensor(Tensor::from_raw_buffer(bytes, dtype, shape, &Device::Cpu)?)),
            None if matches!(info.ggml_dtype, GgmlDType::Q8_1 | GgmlDType::Q8K) => {
                Err(Error::Unsupported(format!("`{name}` is {:?}, a form for activations", info.ggml_dtype)))
            }
            None => {
                let storage = QStorage::from_data(Cow::Borrowed(bytes), &Device::Cpu, info.ggml_dtype)?;
                Ok(Stored::Quantised(QTensor::new(storage, shape)?))
            }
        })
    }
}

fn float(dtype: GgmlDType) -> Option<DType> {
    match dtype {
        GgmlDType::F32 => Some(DType::F32),
        GgmlDType::F16 => Some(DType::F16),
        GgmlDType::BF16 => Some(DType::BF16),
        _ => None,
    }
}

impl Source for Files {
    fn name(&self, name: &str) -> String {
        in_gguf(name, &self.taps).unwrap_or_else(|| name.to_owned())
    }

    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let name = in_gguf(name, &self.taps)?;
        let shape = self.gguf.tensor(&name)?.1.shape.dims();
        match shape {
            &[out, channels, height, width] if name == KERNEL => {
                self.gguf.tensor(KERNEL_OF_SECOND_FRAME)?;
                Some(vec![out, channels, 2, height, width])
            }
            shape => Some(shape.to_vec()),
        }
    }

    fn dtype(&self, name: &str) -> Option<DType> {
        float(self.gguf.tensor(&in_gguf(name, &self.taps)?)?.1.ggml_dtype)
    }

    fn read(&self, name: &str, at: Option<usize>) -> Result<Stored> {
        let name = in_gguf(name, &self.taps).ok_or_else(|| Error::MissingTensor(name.to_owned()))?;
        if name != KERNEL {
            return self.read_as(&name, at);
        }
        let frame = |name| match self.read_as(name, None)? {
            Stored::Tensor(tensor) => Ok::<_, Error>(tensor),
            Stored::Quantised(blocks) => Ok(blocks.dequantize(&Device::Cpu)?),
        };
        Ok(Stored::Tensor(Tensor::stack(&[frame(KERNEL)?, frame(KERNEL_OF_SECOND_FRAME)?], 2)?))
    }
}
