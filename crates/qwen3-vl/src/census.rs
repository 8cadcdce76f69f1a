//! What the headers of a model folder's weights say: how many weights, stored how. No weight is read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file;
use safetensors::tensor::Metadata;

use crate::error::{Error, Result};

/// The longest header of a safetensors file that is read; those of the largest checkpoints have some megabytes.
const MOST_HEADER: u64 = 100 << 20;

/// Weights by storage type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    by_type: BTreeMap<String, u64>,
}

impl Census {
    /// Weights in all.
    pub fn parameters(&self) -> u64 {
        self.by_type.values().sum()
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
    let safetensors = files(dir, "safetensors")?;
    for path in &safetensors {
        count_safetensors(path, &mut by_type)?;
    }
    if safetensors.is_empty() {
        for path in files(dir, "gguf")? {
            count_gguf(&path, &mut by_type)?;
        }
    }
    Ok(Census { by_type })
}

fn files(dir: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let wrap = |source| Error::Read { path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(wrap)? {
        let path = entry.map_err(wrap)?.path();
        if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
    Ok(found)
}

fn count_safetensors(path: &Path, by_type: &mut BTreeMap<String, u64>) -> Result<()> {
    let wrap = |source| Error::Read { path: path.to_owned(), source };
    let broken = |reason: String| Error::Unsupported(format!("{} is no safetensors file: {reason}", path.display()));
    let mut file = File::open(path).map_err(wrap)?;
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(wrap)?;
    let length = u64::from_le_bytes(start);
    if length > MOST_HEADER {
        return Err(broken(format!("its header would have {length} bytes")));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(wrap)?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| broken(error.to_string()))?;
    for tensor in metadata.tensors().values() {
        let count = tensor.shape.iter().fold(1_u64, |count, side| count.saturating_mul(*side as u64));
        *by_type.entry(format!("{:?}", tensor.dtype)).or_default() += count;
    }
    Ok(())
}

fn count_gguf(path: &Path, by_type: &mut BTreeMap<String, u64>) -> Result<()> {
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let content = gguf_file::Content::read(&mut BufReader::new(file))?;
    for tensor in content.tensor_infos.values() {
        *by_type.entry(format!("{:?}", tensor.ggml_dtype)).or_default() += tensor.shape.elem_count() as u64;
    }
    Ok(())
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
        use candle_core::quantized::{GgmlDType, QTensor};
        use candle_core::{DType, Device, Tensor};
        let dir = tempfile::tempdir().unwrap();
        let weight = |rows| Tensor::zeros((rows, 256), DType::F32, &Device::Cpu).unwrap();
        let (large, small) = (
            QTensor::quantize(&weight(4), GgmlDType::Q4K).unwrap(),
            QTensor::quantize(&weight(1), GgmlDType::F32).unwrap(),
        );
        let mut file = File::create(dir.path().join("m.gguf")).unwrap();
        gguf_file::write(&mut file, &[], &[("large", &large), ("small", &small)]).unwrap();
        let census = census(dir.path()).unwrap();
        assert_eq!((census.parameters(), census.precision().as_deref()), (1280, Some("Q4K")));
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
