//! The weight files of a checkpoint looked over before they are mapped: all there, none cut off, every weight of a type
//! that can be read. Only the headers are read; nothing larger than the file is ever allocated for one.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use crate::error::{Error, Result};

/// Which shard has which tensor.
const INDEX: &str = "model.safetensors.index.json";

/// Longest header the format allows.
const MAX_HEADER: u64 = 100_000_000;

/// Looks over the files of the folder.
///
/// # Errors
/// A missing or cut file, a header that is none, or weights in a type this crate does not read.
pub(crate) fn check(dir: &Path, files: &[PathBuf]) -> Result<()> {
    files.iter().try_for_each(|path| check_file(dir, path))
}

fn check_file(dir: &Path, path: &Path) -> Result<()> {
    let header = match metadata(path) {
        Err(Error::Read { source, .. }) if source.kind() == ErrorKind::NotFound && dir.join(INDEX).exists() => {
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            return Err(Error::MissingShard { name, folder: dir.into(), by: INDEX.to_owned() });
        }
        other => other?,
    };
    let tensors = header.tensors();
    let is_weight = |name: &str| name.ends_with(".weight") || name.ends_with(".bias");
    let readable = |dtype: Dtype| matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16);
    let mut other = tensors.iter().filter(|(name, tensor)| is_weight(name) && !readable(tensor.dtype));
    match other.next() {
        Some((name, tensor)) => Err(Error::WeightType { name: name.clone(), dtype: format!("{:?}", tensor.dtype) }),
        None => Ok(()),
    }
}

/// The header of a safetensors file whose length is the one the header describes.
///
/// # Errors
/// A missing or cut file, or a header that is none.
pub(crate) fn metadata(path: &Path) -> Result<Metadata> {
    let wrap = |source| Error::Read { path: path.into(), source };
    let mut file = File::open(path).map_err(wrap)?;
    let found = file.metadata().map_err(wrap)?.len();
    let cut = |expected: u64| Error::Truncated { path: path.into(), found, expected };
    let mut length = [0; 8];
    match file.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(cut(8)),
        other => other.map_err(wrap)?,
    }
    let header = u64::from_le_bytes(length);
    let damaged = |reason: String| Error::Damaged { path: path.into(), reason };
    if header > MAX_HEADER {
        return Err(damaged("its header claims an impossible length".into()));
    }
    if header > found.saturating_sub(8) {
        return Err(cut(header.saturating_add(8)));
    }
    let mut bytes = Vec::new();
    file.take(header).read_to_end(&mut bytes).map_err(wrap)?;
    let tensors: Metadata = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    let data = u64::try_from(tensors.data_len()).unwrap_or(u64::MAX);
    let expected = data.saturating_add(header).saturating_add(8);
    if found < expected {
        return Err(cut(expected));
    }
    if found > expected {
        return Err(damaged(format!("it has {found} bytes, its header describes {expected}")));
    }
    Ok(tensors)
}
