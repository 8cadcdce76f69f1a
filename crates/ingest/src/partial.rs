//! A file that grows from its beginning. What was acknowledged survives a power cut: the bytes are synced first, then their
//! number in a file of its own; bytes behind that number are cut off when it is opened again.
//!
//! Everything here blocks; callers are on a thread that may.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use store::files;

use crate::error::{Error, Result};

/// A file on its way.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
    count_path: PathBuf,
    count: File,
    received: u64,
}

impl Partial {
    /// Opens what is there, or begins. `folder` has to exist.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let open = |path: &Path| {
            let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            options.map_err(Error::io(path))
        };
        let (path, count_path) = (path(folder), folder.join("received"));
        let (file, mut count) = (open(&path)?, open(&count_path)?);
        let mut number = Vec::new();
        count.read_to_end(&mut number).map_err(Error::io(&count_path))?;
        let received = number.try_into().map_or(0, u64::from_le_bytes);
        let there = file.metadata().map_err(Error::io(&path))?.len();
        let received = received.min(there);
        file.set_len(received).map_err(Error::io(&path))?;
        files::sync_folder(folder)?;
        Ok(Self { path, file, count_path, count, received })
    }

    /// Bytes that are there for certain.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Adds bytes at the end; when it returns they are on the disk.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        let write = |file: &mut File, at: u64, bytes: &[u8]| {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(bytes)?;
            file.sync_data()
        };
        write(&mut self.file, self.received, bytes).map_err(Error::io(&self.path))?;
        let received = self.received + bytes.len() as u64;
        write(&mut self.count, 0, &received.to_le_bytes()).map_err(Error::io(&self.count_path))?;
        self.received = received;
        Ok(received)
    }

    /// Throws away what is there.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.count.set_len(0).and_then(|()| self.count.sync_data()).map_err(Error::io(&self.count_path))?;
        self.file.set_len(0).map_err(Error::io(&self.path))?;
        self.received = 0;
        Ok(())
    }
}

/// Where the bytes of an ingest are. No ending: FFmpeg goes by contents, and a name from outside never reaches the disk.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join("file")
}

/// Removes the bytes of an ingest, and how many there were.
pub(crate) fn discard(folder: &Path) -> Result<()> {
    for path in [folder.join("received"), path(folder)] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&path)(error)),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_was_acknowledged_is_there_again_and_what_was_not_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let mut partial = Partial::open(folder.path()).unwrap();
        assert_eq!((partial.append(b"one").unwrap(), partial.append(b" two").unwrap()), (3, 7));
        drop(partial);
        // A piece that was being written when the power went.
        let mut file = OpenOptions::new().append(true).open(path(folder.path())).unwrap();
        file.write_all(b"\0\0\0").unwrap();
        let mut partial = Partial::open(folder.path()).unwrap();
        assert_eq!(partial.received(), 7);
        partial.append(b"!").unwrap();
        assert_eq!(fs::read(path(folder.path())).unwrap(), b"one two!");
        // A file that lost bytes after all goes on from what it has.
        fs::write(path(folder.path()), b"one").unwrap();
        assert_eq!(Partial::open(folder.path()).unwrap().received(), 3);
        discard(folder.path()).unwrap();
        assert_eq!(Partial::open(folder.path()).unwrap().received(), 0);
    }
}
