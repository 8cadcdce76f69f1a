//! The file of a trained head: a safetensors file whose tensors are looked over before any is used.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;
use safetensors::tensor::Metadata;

use crate::error::{Error, Result};
use crate::inventory;
use crate::mapped::Mapped;

/// An open file.
pub(super) struct Weights {
    file: Mapped,
    metadata: Metadata,
    /// Where the values begin.
    start: usize,
}

impl Weights {
    /// name: of a file in the model folder.
    ///
    /// # Errors
    /// A name that leads out of the folder, a file that is missing, cut off or none.
    pub(super) fn open(dir: &Path, name: &str) -> Result<Self> {
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Error::Unsupported(format!(
                "timepin.json names `{name}`, which is no file of the model folder"
            )));
        }
        let path = dir.join(name);
        let metadata = match inventory::metadata(&path) {
            Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                let (name, by) = (name.to_owned(), "timepin.json".to_owned());
                return Err(Error::MissingShard { name, folder: dir.into(), by });
            }
            other => other?,
        };
        let file = Mapped::open(&path)?;
        let start = file.all().len().saturating_sub(metadata.data_len());
        Ok(Self { file, metadata, start })
    }

    /// Sides of a tensor.
    pub(super) fn shape(&self, name: &str) -> Result<&[usize]> {
        let info = self.metadata.info(name).ok_or_else(|| Error::MissingTensor(name.to_owned()))?;
        Ok(&info.shape)
    }

    /// A tensor of this shape, f32 on the CPU.
    ///
    /// # Errors
    /// One that is missing, has another shape or type, or holds what is no number.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let info = self.metadata.info(name).ok_or_else(|| Error::MissingTensor(name.to_owned()))?;
        if info.shape != shape {
            let (name, found, expected) = (name.to_owned(), info.shape.clone(), shape.to_vec());
            return Err(Error::TensorShape { name, found, expected });
        }
        let dtype = match info.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            other => return Err(Error::WeightType { name: name.to_owned(), dtype: format!("{other:?}") }),
        };
        let (first, end) = info.data_offsets;
        let read = |bytes: &[u8]| Ok(Tensor::from_raw_buffer(bytes, dtype, shape, &Device::Cpu)?);
        let tensor = self.file.read(self.start + first..self.start + end, read)?.to_dtype(DType::F32)?;
        match tensor.abs()?.sum_all()?.to_scalar::<f32>()?.is_finite() {
            true => Ok(tensor),
            false => Err(self.file.damaged(format!("tensor `{name}` holds what is no number"))),
        }
    }

    /// The values of a tensor of this shape.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor).
    pub(super) fn vector(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Ok(self.tensor(name, shape)?.flatten_all()?.to_vec1()?)
    }
}
