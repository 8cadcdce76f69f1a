//! What the headers of a model folder's weights say: how many weights, stored how. No weight is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::profile::HEAD;
use crate::{gguf, inventory};

/// Weights by storage type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    by_type: BTreeMap<String, u64>,
}

impl Census {
    /// Weights in all.
    pub fn parameters(&self) -> u64 {
        self.by_type.values().copied().fold(0, u64::saturating_add)
    }

    /// The storage type of most weights, as its format calls it: `BF16`, `F32`, `Q4K`.
    pub fn precision(&self) -> Option<String> {
        self.by_type.iter().max_by_key(|(_, count)| **count).map(|(name, _)| name.clone())
    }
}

/// Counts the weights of a folder: of its safetensors files, or where there are none of its GGUF files.
///
/// # Errors
/// When a header cannot be read.
pub fn census(dir: &Path) -> Result<Census> {
    let mut by_type = BTreeMap::new();
    let mut count = |name: String, values: u64| {
        let all: &mut u64 = by_type.entry(name).or_default();
        *all = all.saturating_add(values);
    };
    let safetensors = safetensors(dir)?;
    for path in &safetensors {
        for tensor in inventory::metadata(path)?.tensors().values() {
            count(format!("{:?}", tensor.dtype), values(&tensor.shape));
        }
    }
    if safetensors.is_empty() {
        for path in gguf::files(dir) {
            for tensor in gguf::Part::open(path)?.tensors() {
                count(format!("{:?}", tensor.ggml_dtype), values(tensor.shape.dims()));
            }
        }
    }
    Ok(Census { by_type })
}

fn values(shape: &[usize]) -> u64 {
    shape.iter().fold(1, |values, side| values.saturating_mul(*side as u64))
}

fn safetensors(dir: &Path) -> Result<Vec<PathBuf>> {
    let wrap = |source| Error::Read { path: dir.to_owned(), source };
    let entries = fs::read_dir(dir).map_err(wrap)?;
    let paths = entries.map(|entry| Ok(entry.map_err(wrap)?.path())).collect::<Result<Vec<_>>>()?;
    // A time pointer beside the model is none of its weights.
    let is_weights = |path: &PathBuf| path.extension().is_some_and(|it| it == "safetensors") && !path.ends_with(HEAD);
    Ok(paths.into_iter().filter(is_weights).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_checkpoint_is_counted_without_reading_a_weight() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/timepin-tiny");
        let census = census(&dir).unwrap();
        let bytes = fs::metadata(dir.join("model.safetensors")).unwrap().len();
        assert_eq!(census.precision().as_deref(), Some("F16"));
        assert!(census.parameters() * 2 <= bytes && census.parameters() * 2 > bytes * 99 / 100);
    }

    #[test]
    fn quantised_weights_are_counted_from_a_gguf_header() {
        use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
        use candle_core::{DType, Device, Tensor};
        let dir = tempfile::tempdir().unwrap();
        let weight = |rows| Tensor::zeros((rows, 256), DType::F32, &Device::Cpu).unwrap();
        let (large, small) = (
            QTensor::quantize(&weight(4), GgmlDType::Q4K).unwrap(),
            QTensor::quantize(&weight(1), GgmlDType::F32).unwrap(),
        );
        let mut file = fs::File::create(dir.path().join("m.gguf")).unwrap();
        gguf_file::write(&mut file, &[], &[("large", &large), ("small", &small)]).unwrap();
        let found = census(dir.path()).unwrap();
        assert_eq!((found.parameters(), found.precision().as_deref()), (1280, Some("Q4K")));
        // A header that makes its reader divide by zero is an error, not a panic.
        let mut file = fs::File::create(dir.path().join("m.gguf")).unwrap();
        let zero = gguf_file::Value::U32(0);
        gguf_file::write(&mut file, &[("general.alignment", &zero)], &[("small", &small)]).unwrap();
        assert!(census(dir.path()).is_err());
    }

    #[test]
    fn headers_that_lie_are_told_and_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        for bytes in
            [&b""[..], b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", b"\x10\0\0\0\0\0\0\0{\"a\":", b"<html>not found</html>"]
        {
            fs::write(&path, bytes).unwrap();
            assert!(census(dir.path()).is_err(), "{bytes:?}");
        }
    }
}
