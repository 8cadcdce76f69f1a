//! A hash that tells checkpoints apart.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// `config.json`, `preprocessor_config.json`, and of every weight file in `paths` its length and contents — all of them up to
/// 64 MiB, evenly spaced samples and the header beyond that; then `rounding`, if features depend on it.
pub(crate) fn fingerprint(dir: &Path, paths: &[PathBuf], rounding: Option<&str>) -> Result<String> {
    const WHOLE: u64 = 64 << 20;
    const PIECE: u64 = 64 << 10;
    let mut hasher = blake3::Hasher::new();
    for name in ["config.json", "preprocessor_config.json"] {
        if let Ok(bytes) = std::fs::read(dir.join(name)) {
            hasher.update(&bytes);
        }
    }
    for path in paths {
        let wrap = |source| Error::Read { path: path.clone(), source };
        let mut file = File::open(path).map_err(wrap)?;
        let length = file.metadata().map_err(wrap)?.len();
        hasher.update(&length.to_le_bytes());
        if length <= WHOLE {
            hasher.update_reader(&mut file).map_err(wrap)?;
            continue;
        }
        let mut piece = vec![0; PIECE as usize];
        for i in 0..512 {
            file.seek(SeekFrom::Start((length - PIECE) / 511 * i)).map_err(wrap)?;
            file.read_exact(&mut piece).map_err(wrap)?;
            hasher.update(&piece);
        }
    }
    hasher.update(rounding.unwrap_or_default().as_bytes());
    Ok(hasher.finalize().to_hex().to_string())
}
