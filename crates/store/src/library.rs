//! The library: one folder, one database, one process at a time.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension};
use timeline::VideoId;

use crate::blobs::Blobs;
use crate::error::{Error, Result};
use crate::{files, schema};

/// Videos, frames and questions on disk. Every call that changes something returns after it is durable.
///
/// Calls block on the disk: from asynchronous code, use a blocking thread.
#[derive(Debug)]
pub struct Library {
    path: PathBuf,
    /// Also guards the blob folder, so that no sweep or deletion sees a blob whose row is not there yet.
    writer: Mutex<Connection>,
    /// Reads do not wait for the fsync of a write.
    reader: Mutex<Connection>,
    pub(crate) blobs: Blobs,
    /// Held while the library is open; the system releases it however the process ends.
    _lock: File,
}

impl Library {
    /// Opens the library in `folder`, creating or migrating it, and removes what a crash left unfinished.
    ///
    /// # Errors
    /// When the folder cannot be written, is in use, or its database is damaged or of a later version.
    pub fn open(folder: &Path) -> Result<Self> {
        files::create_folder(folder)?;
        let lock = lock(&folder.join("timepin.lock"))?;
        let path = folder.join("timepin.sqlite");
        let mut writer = schema::connect(&path)?;
        schema::check(&writer, &path)?;
        schema::migrate(&mut writer, &path)?;
        files::sync_folder(folder)?;
        let reader = schema::connect(&path)?;
        let blobs = Blobs::open(folder.join("blobs"))?;
        let library = Self { path, writer: Mutex::new(writer), reader: Mutex::new(reader), blobs, _lock: lock };
        library.write()?.execute("DELETE FROM videos WHERE guest", []).map_err(|e| library.sql(e))?;
        library.sweep()?;
        Ok(library)
    }

    /// Removes blobs that no frame refers to and files that were never finished; returns how many.
    ///
    /// # Errors
    /// When the folder or the database cannot be read.
    pub fn sweep(&self) -> Result<u32> {
        let writer = self.write()?;
        let mut statement =
            writer.prepare("SELECT blob FROM frames UNION SELECT blob FROM close_ups").map_err(|e| self.sql(e))?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(|e| self.sql(e))?;
        let used = rows.collect::<rusqlite::Result<HashSet<_>>>().map_err(|e| self.sql(e))?;
        self.blobs.sweep(|name| used.contains(name))
    }

    pub(crate) fn write(&self) -> Result<MutexGuard<'_, Connection>> {
        self.writer.lock().map_err(|_| Error::Poisoned)
    }

    pub(crate) fn read(&self) -> Result<MutexGuard<'_, Connection>> {
        self.reader.lock().map_err(|_| Error::Poisoned)
    }

    /// Refuses a video that is not there.
    pub(crate) fn require(&self, connection: &Connection, video: &VideoId) -> Result<()> {
        let known = connection.query_row("SELECT 1 FROM videos WHERE id = ?1", [&video.0], |_| Ok(())).optional();
        known.map_err(|e| self.sql(e))?.ok_or_else(|| Error::UnknownVideo(video.clone()))
    }

    pub(crate) fn sql(&self, error: rusqlite::Error) -> Error {
        Error::sql_at(&self.path, error)
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(|e| Error::io(path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(path.parent().unwrap_or(path).to_owned())),
        Err(TryLockError::Error(e)) => Err(Error::io(path, e)),
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}
