//! Everything that can go wrong between a file and a video: a message that says what to do, and a cause for programs.

use std::io;
use std::path::{Path, PathBuf};

use timeline::IngestCause;
use timeline::models::show_bytes;

use crate::ffmpeg;

/// Why a file does not become a video.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such ingest.
    #[error("there is no such ingest; it may have been cancelled")]
    Unknown,
    /// What is said about an upload, or a piece of it, cannot be true.
    #[error("the upload cannot be taken: {0}")]
    BadUpload(&'static str),
    /// More than is taken.
    #[error("the file has {}, at most {} are taken; raise ingest_max_bytes or cut the file", show_bytes(*bytes), show_bytes(*limit))]
    TooLarge {
        /// What it has.
        bytes: u64,
        /// What it may have.
        limit: u64,
    },
    /// More unfinished uploads than are taken.
    #[error("there are {limit} files under way, the most there may be; finish or cancel one")]
    TooMany {
        /// The most there may be.
        limit: u32,
    },
    /// Too little space.
    #[error("{} are needed in {} and {} are free; make room, or choose another data folder", show_bytes(*needed), folder.display(), show_bytes(*free))]
    DiskFull {
        /// Where.
        folder: PathBuf,
        /// Bytes wanted.
        needed: u64,
        /// Bytes there.
        free: u64,
    },
    /// The disk failed.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// FFmpeg gives no frames.
    #[error(transparent)]
    Ffmpeg(#[from] ffmpeg::Error),
    /// The engine refuses.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// No folder is configured.
    #[error("the server has no folders to open videos from; set ingest_roots")]
    NoFolders,
    /// Not in the folders.
    #[error("there is no video `{0}` in the server's folders")]
    NoSuchFile(String),
    /// Not an address.
    #[error("`{0}` is no address of a file; give one that begins with http:// or https://, without a password")]
    BadUrl(String),
    /// An address that only this network has.
    #[error("{0} is an address of a private network; set ingest_allow_private if the server may connect to it")]
    PrivateAddress(String),
    /// Nobody there.
    #[error("{host} cannot be reached ({reason}); check the address")]
    Unreachable {
        /// Who.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// A page.
    #[error("{0} sent a web page, not a video; give the address of the file itself")]
    WebPage(String),
    /// Refused.
    #[error("{host} refuses with status {status}; check the address")]
    HttpStatus {
        /// Who.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// Lost on the way.
    #[error("the connection to {host} was cut ({reason}); what came is kept, try again")]
    Cut {
        /// Who.
        host: String,
        /// What happened.
        reason: String,
    },
    /// Too slow.
    #[error("the file did not come within {minutes} minutes; raise ingest_timeout or try again: what came is kept")]
    TimedOut {
        /// What it may take.
        minutes: u64,
    },
    /// The shot model fails.
    #[error(transparent)]
    Shots(Box<shots::Error>),
    /// What is kept beside the file could not be written.
    #[error(transparent)]
    Store(store::Error),
    /// Told to stop.
    #[error("it was stopped")]
    Stopped,
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl From<shots::Error> for Error {
    fn from(error: shots::Error) -> Self {
        Self::Shots(Box::new(error))
    }
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                folder: path.parent().unwrap_or(path).to_owned(),
                needed: u64::from(timeline::ingest::CHUNK_BYTES),
                free: path.parent().and_then(|folder| fs4::available_space(folder).ok()).unwrap_or_default(),
            },
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// The kind, for programs and for a sentence in any language.
    pub fn cause(&self) -> IngestCause {
        use ffmpeg::Error as F;
        match self {
            Self::Unknown | Self::Stopped => IngestCause::Unknown,
            Self::BadUpload(reason) => IngestCause::BadUpload { reason: (*reason).to_owned() },
            Self::TooLarge { bytes, limit } => IngestCause::TooLarge { bytes: *bytes, limit: *limit },
            Self::TooMany { limit } => IngestCause::TooMany { limit: *limit },
            Self::DiskFull { needed, free, .. } => IngestCause::DiskFull { needed: *needed, free: *free },
            Self::Io { source, .. } => IngestCause::DiskFailed { reason: source.to_string() },
            Self::Ffmpeg(F::NotInstalled(_)) => IngestCause::NoFfmpeg,
            Self::Ffmpeg(F::NotAVideo { reason, .. } | F::NoSound { reason, .. }) => {
                IngestCause::NotAVideo { reason: reason.clone() }
            }
            Self::Ffmpeg(F::NoVideoTrack(_) | F::NoFrames(_) | F::NoSoundTrack(_)) => IngestCause::NoPictures,
            Self::Ffmpeg(F::Decode { reason, .. } | F::DecodeSound { reason, .. }) => {
                IngestCause::Undecodable { reason: reason.clone() }
            }
            Self::Ffmpeg(F::Run(_, source) | F::Read { source, .. }) => {
                IngestCause::DiskFailed { reason: source.to_string() }
            }
            Self::Engine(engine::Error::StorageFull(_)) => IngestCause::DiskFull { needed: 0, free: 0 },
            Self::Engine(engine::Error::BadVideo(reason)) => IngestCause::Undecodable { reason: reason.clone() },
            Self::Engine(engine::Error::BadShape(shape)) => IngestCause::Undecodable { reason: shape.to_string() },
            Self::Engine(error) => IngestCause::Refused { reason: error.to_string() },
            Self::Shots(error) => IngestCause::Refused { reason: error.to_string() },
            Self::Store(error) => IngestCause::DiskFailed { reason: error.to_string() },
            Self::NoFolders => IngestCause::NoFolders,
            Self::NoSuchFile(path) => IngestCause::NoSuchFile { path: path.clone() },
            Self::BadUrl(url) => IngestCause::BadUrl { url: url.clone() },
            Self::PrivateAddress(host) => IngestCause::PrivateAddress { host: host.clone() },
            Self::Unreachable { host, .. } => IngestCause::Unreachable { host: host.clone() },
            Self::WebPage(host) => IngestCause::WebPage { host: host.clone() },
            Self::HttpStatus { host, status } => IngestCause::HttpStatus { host: host.clone(), status: *status },
            Self::Cut { host, .. } => IngestCause::Cut { host: host.clone() },
            Self::TimedOut { minutes } => IngestCause::TimedOut { minutes: *minutes },
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Full(path) => Self::io(&path)(io::ErrorKind::StorageFull.into()),
            store::Error::Io { path, source } => Self::io(&path)(source),
            other => Self::Store(other),
        }
    }
}
