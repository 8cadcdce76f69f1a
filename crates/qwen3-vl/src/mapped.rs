//! A weight file mapped into memory and read range by range; pages that were read are given back at once, so that loading
//! never holds the file beside the model.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::error::{Error, Result};

/// An open weight file.
#[derive(Debug)]
pub(crate) struct Mapped {
    path: PathBuf,
    map: Mmap,
}

impl Mapped {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let wrap = |source| Error::Read { path: path.into(), source };
        let file = File::open(path).map_err(wrap)?;
        // SAFETY: the bytes are only copied out, while loading; a process that rewrites the file at that moment could
        // produce wrong values, as with any file read, but every range is checked against the length that was mapped.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) }.map_err(wrap)?;
        Ok(Self { path: path.into(), map })
    }

    /// The whole file.
    pub(crate) fn all(&self) -> &[u8] {
        &self.map
    }

    /// Part of the file, given to `read`, after which its pages are no longer held.
    pub(crate) fn read<T>(&self, range: Range<usize>, read: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        let bytes = self.map.get(range.clone()).ok_or_else(|| {
            self.damaged(format!("bytes {}..{} are behind its end at {}", range.start, range.end, self.map.len()))
        })?;
        let value = read(bytes);
        #[cfg(unix)]
        if !bytes.is_empty() {
            use memmap2::UncheckedAdvice::DontNeed;
            // SAFETY: the mapping is read-only and of a file: pages given back are read again when they are touched.
            #[allow(unsafe_code)]
            let _advice = unsafe { self.map.unchecked_advise_range(DontNeed, range.start, range.len()) };
        }
        value
    }

    /// What is wrong with this file.
    pub(crate) fn damaged(&self, reason: impl ToString) -> Error {
        Error::Damaged { path: self.path.clone(), reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_behind_the_end_is_damage_and_others_can_be_read_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        std::fs::write(&path, vec![7; 10_000]).unwrap();
        let file = Mapped::open(&path).unwrap();
        for _ in 0..2 {
            assert_eq!(file.read(9_000..10_000, |bytes| Ok(bytes.to_vec())).unwrap(), vec![7; 1000]);
        }
        let error = file.read(9_000..10_001, |bytes| Ok(bytes.len())).unwrap_err();
        assert!(matches!(&error, Error::Damaged { path: told, .. } if *told == path), "{error}");
        assert!(matches!(Mapped::open(Path::new("gone")), Err(Error::Read { .. })));
    }
}
