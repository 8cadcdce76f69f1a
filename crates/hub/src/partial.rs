//! A file on its way: `name.partial`, hashed as it grows, renamed to `name` once it is whole and known to be right.
//!
//! Everything here blocks; callers are on a thread that may.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::digest::Hasher;
use crate::error::{Error, Result};
use crate::manifest::{Wanted, length, partial_path, sync_folder};

/// Bytes read at once when what is there is hashed again.
const PIECE: usize = 1 << 20;

/// A file being loaded.
pub(crate) struct Partial {
    wanted: Wanted,
    whole: PathBuf,
    path: PathBuf,
    file: File,
    hasher: Hasher,
    length: u64,
    /// Whether an earlier run wrote a part of it.
    inherited: bool,
}

impl Partial {
    /// Opens what an earlier run left, or nothing. `seen` is told how many bytes were read again; it may say stop.
    pub(crate) fn open(folder: &Path, wanted: &Wanted, mut seen: impl FnMut(u64) -> Result<()>) -> Result<Self> {
        let (whole, path) = (folder.join(&wanted.name), partial_path(folder, &wanted.name));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(Error::io(&path))?;
        let hasher = Hasher::of(wanted.digest.as_ref(), wanted.size);
        let mut partial = Self { wanted: wanted.clone(), whole, path, file, hasher, length: 0, inherited: false };
        let there = partial.file.metadata().map_err(Error::io(&partial.path))?.len();
        if there > wanted.size {
            partial.restart()?;
        }
        let mut piece = vec![0; PIECE];
        loop {
            let count = partial.file.read(&mut piece).map_err(Error::io(&partial.path))?;
            let read = piece.get(..count).unwrap_or_default();
            if read.is_empty() {
                break;
            }
            partial.hasher.update(read);
            partial.length += read.len() as u64;
            partial.inherited = true;
            seen(read.len() as u64)?;
        }
        Ok(partial)
    }

    /// Bytes there.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The tag of the body that the bytes are from, for `If-Range`.
    pub(crate) fn etag(&self) -> Option<String> {
        fs::read_to_string(self.etag_path()).ok().filter(|tag| self.length > 0 && !tag.is_empty())
    }

    /// Remembers that tag, also for a later run.
    pub(crate) fn set_etag(&self, etag: Option<&str>) -> Result<()> {
        let path = self.etag_path();
        match etag {
            Some(etag) => fs::write(&path, etag).map_err(Error::io(&path)),
            None => remove(&path),
        }
    }

    fn etag_path(&self) -> PathBuf {
        self.path.with_added_extension("etag")
    }

    /// Throws away what is there.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(Error::io(&self.path))?;
        self.hasher = Hasher::of(self.wanted.digest.as_ref(), self.wanted.size);
        self.length = 0;
        self.inherited = false;
        self.set_etag(None)
    }

    /// Adds bytes at the end.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull {
                folder: self.whole.parent().unwrap_or(&self.whole).to_owned(),
                needed: self.wanted.size.saturating_sub(self.length),
                free: self.whole.parent().and_then(|folder| fs4::available_space(folder).ok()).unwrap_or_default(),
            },
            _ => Error::Io { path: self.path.clone(), source },
        })?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Checks all of it and gives it its name. What is wrong is thrown away: `Ok(Some(partial))` when an earlier run may
    /// be to blame, so that loading it anew is worth a try.
    pub(crate) fn finish(mut self) -> Result<Option<Self>> {
        let hasher = std::mem::replace(&mut self.hasher, Hasher::Nothing);
        let expected = self.wanted.digest.as_ref().map(|digest| digest.hex().to_owned());
        let found = hasher.finish();
        if found != expected {
            let inherited = self.inherited;
            self.restart()?;
            if inherited {
                tracing::warn!(file = self.wanted.name, "what was left of an earlier run is damaged; loading it anew");
                return Ok(Some(self));
            }
            remove(&self.path)?;
            let (expected, found) = (expected.unwrap_or_default(), found.unwrap_or_default());
            return Err(Error::Checksum { file: self.wanted.name.clone(), expected, found });
        }
        self.file.sync_all().map_err(Error::io(&self.path))?;
        fs::rename(&self.path, &self.whole).map_err(Error::io(&self.whole))?;
        if let Some(folder) = self.whole.parent() {
            sync_folder(folder).map_err(Error::io(folder))?;
        }
        self.set_etag(None)?;
        Ok(None)
    }
}

/// Removes what an interrupted download of a file left.
pub(crate) fn discard(folder: &Path, name: &str) -> Result<()> {
    let path = partial_path(folder, name);
    remove(&path.with_added_extension("etag"))?;
    remove(&path)
}

/// Removes a file that may be there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

/// Whether a file under its final name has the contents that are wanted. It is read only when no manifest vouches for it.
pub(crate) fn is_whole(folder: &Path, wanted: &Wanted, vouched: bool) -> Result<bool> {
    let path = folder.join(&wanted.name);
    if length(&path) != Some(wanted.size) {
        return Ok(false);
    }
    let Some(digest) = wanted.digest.as_ref().filter(|_| !vouched) else { return Ok(vouched) };
    let mut hasher = Hasher::of(Some(digest), wanted.size);
    let mut file = File::open(&path).map_err(Error::io(&path))?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = file.read(&mut piece).map_err(Error::io(&path))?;
        if count == 0 {
            return Ok(hasher.finish().as_deref() == Some(digest.hex()));
        }
        hasher.update(piece.get(..count).unwrap_or_default());
    }
}
