//! Files that the server decodes itself, as page, server and programs speak of them: uploads because the browser cannot decode
//! them, files of the server's own folders, and files at web addresses.

use serde::{Deserialize, Serialize};

use crate::video::VideoId;

/// Most bytes of one piece of an upload. A piece is on the server's disk before it is acknowledged.
pub const CHUNK_BYTES: u32 = 4 << 20;
/// Bytes of a file's beginning and of its end by which it is recognised, together with its name and size.
pub const END_BYTES: u32 = 64 << 10;

/// Names an ingest: the hash of what it is made from, so that the same file is the same ingest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IngestId(pub String);

impl std::fmt::Display for IngestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum IngestSource {
    /// A page sends it.
    Upload,
    /// The server gets it.
    Url {
        /// From here.
        url: String,
    },
    /// It lies on the server.
    Folder {
        /// Which of the configured folders, counted from zero.
        folder: u32,
        /// Its path in there.
        path: String,
    },
}

/// How far an ingest has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum IngestState {
    /// Bytes are missing, and a page has to send them.
    Receiving,
    /// The server gets the bytes.
    Fetching,
    /// All bytes are here; another file is being decoded.
    Queued,
    /// FFmpeg is decoding; the video's own progress tells how far.
    Decoding,
    /// Every planned frame is in the library.
    Done,
    /// It ended early.
    Failed {
        /// For programs, and for a sentence in the reader's language.
        cause: IngestCause,
        /// A sentence that says what to do.
        message: String,
    },
}

/// One file on its way into the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestInfo {
    /// Its name among ingests.
    pub id: IngestId,
    /// The file's name.
    pub name: String,
    /// Where it comes from.
    pub source: IngestSource,
    /// Its size in bytes, where that is known.
    pub bytes: Option<u64>,
    /// Bytes on the server's disk: where an upload goes on.
    pub received: u64,
    /// How far it has come.
    pub state: IngestState,
    /// The video that is made of it, once there is one.
    pub video: Option<VideoId>,
}

impl IngestInfo {
    /// Whether the server is working on it, so that there will be news.
    pub fn is_active(&self) -> bool {
        matches!(self.state, IngestState::Fetching | IngestState::Queued | IngestState::Decoding)
    }
}

/// What the server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestOptions {
    /// Most bytes a file may have.
    pub max_bytes: u64,
    /// Whether files are kept after they were decoded.
    pub keeps_files: bool,
    /// Folders of the server whose videos may be opened.
    pub folders: u32,
}

/// A video in one of the server's folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFile {
    /// Which folder, counted from zero.
    pub folder: u32,
    /// Its path in there.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// Why a file does not become a video: the kind and its names and numbers, for a sentence in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are called what they are; sizes are bytes, reasons are in English")]
pub enum IngestCause {
    /// No such ingest; it may have been cancelled.
    Unknown,
    /// A file without a name, without bytes, or a piece that does not belong where it was said to.
    BadUpload { reason: String },
    /// More than is taken.
    TooLarge { bytes: u64, limit: u64 },
    /// More uploads at once than are taken.
    TooMany { limit: u32 },
    /// Too little space.
    DiskFull { needed: u64, free: u64 },
    /// The disk failed.
    DiskFailed { reason: String },
    /// The server has no FFmpeg.
    NoFfmpeg,
    /// FFmpeg does not know what it is.
    NotAVideo { reason: String },
    /// Sound only, or a track without frames.
    NoPictures,
    /// Not a frame could be decoded.
    Undecodable { reason: String },
    /// The library or the model refused.
    Refused { reason: String },
    /// The server has no folders to open videos from.
    NoFolders,
    /// No such file in the server's folders, or one that leads out of them.
    NoSuchFile { path: String },
    /// Not an address of http or https.
    BadUrl { url: String },
    /// An address in a private network.
    PrivateAddress { host: String },
    /// Nobody answers.
    Unreachable { host: String },
    /// A web page, not a file.
    WebPage { host: String },
    /// The other server refuses, with an HTTP status.
    HttpStatus { host: String, status: u16 },
    /// The connection broke again and again, or what came is not what was announced.
    Cut { host: String },
    /// It took longer than it may.
    TimedOut { minutes: u64 },
}

impl IngestCause {
    /// Whether the same file may succeed another time: then what was received is kept.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. }
                | Self::DiskFailed { .. }
                | Self::NoFfmpeg
                | Self::Refused { .. }
                | Self::Unreachable { .. }
                | Self::HttpStatus { .. }
                | Self::Cut { .. }
                | Self::TimedOut { .. }
        )
    }
}
