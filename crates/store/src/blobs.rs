//! Frames as files named by the hash of their bytes: the same picture is kept once, and an altered one is noticed.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files;

/// The name of a blob: blake3 of its bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub(crate) String);

impl BlobId {
    /// The name these bytes have.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The folder of blobs: `root/ab/abcdef…`.
#[derive(Debug)]
pub(crate) struct Blobs {
    root: PathBuf,
}

impl Blobs {
    pub(crate) fn open(root: PathBuf) -> Result<Self> {
        files::create_folder(&root)?;
        Ok(Self { root })
    }

    fn path(&self, id: &BlobId) -> PathBuf {
        let shelf = id.0.get(..2).unwrap_or("xx");
        self.root.join(shelf).join(&id.0)
    }

    /// Keeps all of `contents`; when it returns they are on the disk, folders included.
    pub(crate) fn put(&self, contents: &[(&BlobId, &[u8])]) -> Result<()> {
        let mut shelves = BTreeSet::new();
        for (id, bytes) in contents {
            let path = self.path(id);
            let shelf = path.parent().unwrap_or(&self.root).to_owned();
            if !shelf.is_dir() {
                files::create_folder(&shelf)?;
                shelves.insert(self.root.clone());
            }
            // A file under this name is whole (it was renamed into place); an altered one is replaced.
            if self.get(id).is_err() {
                files::write_atomically(&path, &[bytes], true)?;
            }
            shelves.insert(shelf);
        }
        shelves.iter().try_for_each(|shelf| files::sync_folder(shelf))
    }

    /// The bytes of a blob, verified against its name.
    pub(crate) fn get(&self, id: &BlobId) -> Result<Vec<u8>> {
        let path = self.path(id);
        match fs::read(&path) {
            Ok(bytes) if BlobId::of(&bytes) == *id => Ok(bytes),
            Ok(_) => Err(Error::BlobDamaged(path)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(Error::BlobDamaged(path)),
            Err(e) => Err(Error::io(&path, e)),
        }
    }

    /// Removes blobs; one that is already gone is no error.
    pub(crate) fn remove<'a>(&self, ids: impl IntoIterator<Item = &'a BlobId>) -> Result<()> {
        ids.into_iter().try_for_each(|id| remove(&self.path(id)))
    }

    /// Removes unfinished files and blobs that `is_used` does not know: what a crash left between file and database.
    pub(crate) fn sweep(&self, is_used: impl Fn(&str) -> bool) -> Result<u32> {
        let mut stale = Vec::new();
        files::each_file(&self.root, |path, name, _| {
            if !is_used(name) {
                stale.push(path.to_owned());
            }
        })?;
        stale.iter().try_for_each(|path| remove(path))?;
        Ok(u32::try_from(stale.len()).unwrap_or(u32::MAX))
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, e)),
        _ => Ok(()),
    }
}
