//! Everything that can go wrong with the library on disk, as one type whose messages say what to do.

use std::io;
use std::path::{Path, PathBuf};

use timeline::VideoId;

/// Why the library could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such video.
    #[error("there is no video {0}; it may have been deleted")]
    UnknownVideo(VideoId),
    /// No such question.
    #[error("there is no question {0}; it may have been deleted")]
    UnknownQuestion(i64),
    /// No such transcript of the video.
    #[error("the video has no transcript {0}; it may have been deleted")]
    UnknownTranscript(i64),
    /// No such cue of the transcript.
    #[error("the transcript has no subtitle {0}; it may have been deleted or replaced")]
    UnknownCue(i64),
    /// The video has no frame yet.
    #[error("video {0} has no frames yet; send frames first")]
    NoFrames(VideoId),
    /// The disk or the quota is full.
    #[error("the disk that holds {} is full; free some space and try again", .0.display())]
    Full(PathBuf),
    /// Another process has the library open.
    #[error("{} is in use by another timepin process; stop it or choose another data folder", .0.display())]
    InUse(PathBuf),
    /// The database was written by a later version.
    #[error("{} has schema {found} but this program knows only up to {known}; use a newer timepin", path.display())]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest this program can read.
        known: i64,
    },
    /// The database is not a database, or is damaged.
    #[error("{} is damaged ({reason}); restore it from a backup, or move it away to start an empty library", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite found.
        reason: String,
    },
    /// A frame's bytes are gone or were altered.
    #[error("the stored frame {} is missing or altered; delete the video and add it again", .0.display())]
    BlobDamaged(PathBuf),
    /// A row holds what no version of this program wrote.
    #[error("the library holds a row that cannot be read ({0}); restore it from a backup")]
    Row(String),
    /// Reading or writing a file failed.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Any other refusal of the database.
    #[error("the library's database refused: {0}")]
    Sql(rusqlite::Error),
    /// A thread died while it held the library.
    #[error("the library is unusable after an internal failure; restart timepin")]
    Poisoned,
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Sorts an I/O error: a full disk is its own case, everything else names the path.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path.to_owned()),
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// Sorts a database error met on opening, where the path is known and worth naming.
    pub(crate) fn sql_at(path: &Path, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged { path: path.to_owned(), reason: error.to_string() },
            Some(DiskFull) => Self::Full(path.to_owned()),
            _ => Self::Sql(error),
        }
    }
}
