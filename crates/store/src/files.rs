//! Bytes that are on the disk when the call returns: temporary file, fsync, rename, fsync of the folder.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Ending of files that were never finished; swept when the library opens.
pub(crate) const PARTIAL: &str = "partial";

static SERIAL: AtomicU64 = AtomicU64::new(0);

/// Writes `parts` to `path`, which then holds either all of them or what it held before.
///
/// With `durable` the bytes are on the disk; the folder's entry is so only after [`sync_folder`].
///
/// # Errors
/// When the disk refuses.
pub fn write_atomically(path: &Path, parts: &[&[u8]], durable: bool) -> Result<()> {
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let partial = path.with_extension(format!("{}-{serial}.{PARTIAL}", std::process::id()));
    let written = write(&partial, parts, durable).and_then(|()| fs::rename(&partial, path));
    written.map_err(|source| {
        // The write failed already; a leftover is swept at the next start.
        let _ = fs::remove_file(&partial);
        Error::io(path, source)
    })
}

fn write(path: &Path, parts: &[&[u8]], durable: bool) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    if durable { file.sync_all() } else { Ok(()) }
}

/// Makes renames and creations in a folder survive a power cut.
///
/// # Errors
/// When the folder cannot be opened or the disk refuses.
pub fn sync_folder(folder: &Path) -> Result<()> {
    // Windows cannot open a folder as a file and needs no such step.
    if cfg!(unix) {
        File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::io(folder, e))?;
    }
    Ok(())
}

/// Creates a folder and everything above it.
///
/// # Errors
/// When the disk refuses.
pub fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))
}

/// Calls `visit` for every file two levels down (`root/ab/name`), the shape of both blob folders.
pub(crate) fn each_file(root: &Path, mut visit: impl FnMut(&Path, &str, &fs::Metadata)) -> Result<()> {
    let list = |folder: &Path| fs::read_dir(folder).map_err(|e| Error::io(folder, e));
    for shelf in list(root)?.flatten().filter(|e| e.path().is_dir()) {
        for entry in list(&shelf.path())?.flatten() {
            if let (Ok(about), Some(name)) = (entry.metadata(), entry.file_name().to_str()) {
                visit(&entry.path(), name, &about);
            }
        }
    }
    Ok(())
}
