//! Weights by name, out of a checkpoint of PyTorch or a safetensors file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::pickle::PthTensors;
use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};

/// The tensors of a file.
pub(crate) struct Weights {
    path: PathBuf,
    tensors: Tensors,
    device: Device,
}

enum Tensors {
    Pickled(PthTensors),
    Safe(HashMap<String, Tensor>),
}

impl Weights {
    /// Opens a file, or the one in a folder.
    pub(crate) fn open(path: &Path, device: &Device) -> Result<Self> {
        let path = file(path)?;
        // Told by its first bytes: a checkpoint is a zip archive.
        let bytes = std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let tensors = if bytes.starts_with(b"PK") {
            PthTensors::new(&path, None).map(Tensors::Pickled)
        } else {
            candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map(Tensors::Safe)
        };
        let tensors = tensors.map_err(|source| Error::Format { path: path.clone(), source })?;
        Ok(Self { path, tensors, device: device.clone() })
    }

    /// A tensor of so many dimensions, in f32; `None` stands for a length that is whatever it is.
    pub(crate) fn get<const N: usize>(&self, name: &str, wanted: [Option<usize>; N]) -> Result<(Tensor, [usize; N])> {
        let found = match &self.tensors {
            Tensors::Pickled(all) => all.get(name),
            Tensors::Safe(all) => Ok(all.get(name).cloned()),
        };
        let found = found.map_err(|source| Error::Format { path: self.path.clone(), source })?;
        let tensor = found.ok_or_else(|| Error::Missing { path: self.path.clone(), name: name.to_owned() })?;
        let fits = |dims: &[usize; N]| {
            dims.iter().zip(&wanted).all(|(dim, wanted)| *dim > 0 && wanted.is_none_or(|wanted| wanted == *dim))
        };
        match <[usize; N]>::try_from(tensor.dims()).ok().filter(fits) {
            Some(dims) => Ok((tensor.to_dtype(DType::F32)?.to_device(&self.device)?, dims)),
            None => Err(self.shape(name, &tensor, &wanted)),
        }
    }

    fn shape(&self, name: &str, tensor: &Tensor, wanted: &[Option<usize>]) -> Error {
        let wanted: Vec<_> =
            wanted.iter().map(|dim| dim.map_or_else(|| "_".to_owned(), |dim| dim.to_string())).collect();
        Error::Shape {
            path: self.path.clone(),
            name: name.to_owned(),
            found: tensor.dims().to_vec(),
            wanted: format!("[{}]", wanted.join(", ")),
        }
    }
}

/// The file itself, or the first by name of those in a folder that may be weights.
fn file(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let entries = std::fs::read_dir(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let is_weights = |path: &PathBuf| path.extension().is_some_and(|end| end == "pth" || end == "safetensors");
    let found = entries.flatten().map(|entry| entry.path()).filter(is_weights).min();
    found.ok_or_else(|| Error::NoWeights(path.to_owned()))
}
