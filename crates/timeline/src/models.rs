//! Model folders on the server and downloads on their way, as page, command line and server speak of them.

use serde::{Deserialize, Serialize};

/// What there is of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    /// Every file is there.
    Complete,
    /// A download was begun and not ended; it can be resumed.
    Partial,
    /// A download is under way in this server.
    Pulling,
}

/// A model in the data folder, or the one inside the binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalModel {
    /// `owner/name` as `--model` takes it, or `bundled`.
    pub name: String,
    /// What there is of it.
    pub state: ModelState,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes when complete, where that is known.
    pub total: Option<u64>,
    /// Weights, counted in the files' headers; nothing while those are not all there.
    pub parameters: Option<u64>,
    /// The storage type that holds most of them, such as `BF16` or `Q4_K`.
    pub precision: Option<String>,
    /// Whether it fits this device with a video; nothing while its files are not all there, or where the device does not
    /// say what memory it has.
    pub fit: Option<DeviceFit>,
}

/// Whether a model and a video of some length have room on a device, loaded as its settings say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFit {
    /// Whether they do.
    pub fits: bool,
    /// Bytes that are wanting; zero where it fits, or where the model has too few positions for the video.
    pub missing: u64,
    /// Longest video that fits, in whole minutes up to a day; none when not even a minute does.
    pub longest_minutes: Option<u32>,
    /// The nearest value of the setting `precision` in which it would fit, where one would help.
    pub precision: Option<String>,
}

/// Minutes of video that a model is judged by where nobody says how many.
pub const USUAL_MINUTES: u32 = 10;

/// How a download goes. The last event of a stream is `Done` or `Error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PullEvent {
    /// Where it stands.
    Progress(PullProgress),
    /// Every file is there and checked.
    Done {
        /// Bytes of the whole model.
        bytes: u64,
    },
    /// It ended; what was loaded is kept and the same request goes on from there.
    Error {
        /// For programs, and for a sentence in the reader's language.
        cause: PullCause,
        /// A sentence that says what to do.
        message: String,
    },
}

/// Why a download cannot begin, or ended: the kind and its names and numbers, for a sentence in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are called what they are; folders, files and addresses as the server has them"
)]
pub enum PullCause {
    /// Not `owner/name`.
    BadName { name: String },
    /// The hub's address is no address.
    BadEndpoint { endpoint: String },
    /// What answers is no hub.
    NoHub { url: String },
    /// The server cannot make secure connections.
    NoTls,
    /// Nobody answers.
    Offline { endpoint: String },
    /// No such repository, or a private one.
    UnknownModel { endpoint: String, model: String },
    /// No such branch, tag or commit.
    UnknownRevision { model: String, revision: String },
    /// Its terms have to be accepted at `terms`, and a token is missing.
    Gated { model: String, terms: String },
    /// The token in use may not read it.
    TokenRefused { model: String, terms: String },
    /// No weights that can be loaded.
    NoWeights { model: String },
    /// Several GGUF files, of which one has to be named.
    ChooseFile { model: String, files: String },
    /// No weights are called like that.
    NoSuchFile { model: String, pattern: String, files: String },
    /// Not a pattern for names of files.
    BadPattern { pattern: String },
    /// A file's name would lead out of the folder.
    UnsafeFileName { name: String },
    /// Too little space, in bytes.
    DiskFull { folder: String, needed: u64, free: u64 },
    /// What arrived is not what was listed.
    Checksum { file: String },
    /// The connection broke again and again.
    Cut { file: String },
    /// The hub refuses for now, with an HTTP status.
    HubBusy { endpoint: String, status: u16 },
    /// Somebody else pulls the same model.
    InUse { folder: String },
    /// The model is not here.
    ModelMissing { model: String },
    /// The model is here in part.
    ModelPartial { model: String },
    /// What says how far a download came cannot be read.
    BadManifest { path: String },
    /// The disk failed; the reason is the system's.
    DiskFailed { path: String, reason: String },
    /// It was asked to stop.
    Cancelled,
}

/// Where a download stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PullProgress {
    /// What is being done.
    pub phase: PullPhase,
    /// Bytes there, all files together.
    pub done: u64,
    /// Bytes in all; zero until the hub has listed the files.
    pub total: u64,
    /// Bytes a second over the last seconds; zero until known.
    pub bytes_per_s: u64,
    /// Each file, in the order of the hub's list.
    pub files: Vec<FileProgress>,
}

/// What a download is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullPhase {
    /// Asking the hub what there is.
    #[default]
    Listing,
    /// Reading what an earlier run left.
    Checking,
    /// Bytes arrive.
    Loading,
    /// The connection was cut or the hub is busy; the same request is tried again in a moment.
    Waiting,
}

/// Where a file stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProgress {
    /// Its name in the repository.
    pub name: String,
    /// Bytes there.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

impl PullProgress {
    /// Seconds until it is done, once a speed is known.
    pub fn seconds_left(&self) -> Option<u64> {
        let left = self.total.saturating_sub(self.done);
        (self.bytes_per_s > 0 && left > 0).then(|| left.div_ceil(self.bytes_per_s))
    }
}

/// Bytes as people write them: `812 B`, `47.1 MB`, `8.9 GB`; powers of ten, as hubs and disks are labelled.
pub fn show_bytes(bytes: u64) -> String {
    scaled(bytes, &[("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)]).unwrap_or_else(|| format!("{bytes} B"))
}

/// A number of weights as people write it: `4.4 B`, `1.7 M`.
pub fn show_parameters(count: u64) -> String {
    scaled(count, &[("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3)]).unwrap_or_else(|| count.to_string())
}

fn scaled(number: u64, units: &[(&str, f64)]) -> Option<String> {
    let number = number as f64;
    // 999.95 would be written 1000.0.
    let (unit, size) = units.iter().find(|(_, size)| number >= size * 0.999_95)?;
    Some(format!("{:.1} {unit}", number / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_unit_that_fits() {
        let bytes = [0, 999, 1000, 999_949, 999_999, 47_100_000, 8_900_000_000, 2_000_000_000_000].map(show_bytes);
        assert_eq!(bytes, ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "47.1 MB", "8.9 GB", "2.0 TB"]);
        assert_eq!([12, 1_680_000, 4_440_000_000].map(show_parameters), ["12", "1.7 M", "4.4 B"]);
    }

    #[test]
    fn the_time_left_is_known_with_a_speed_only() {
        let mut progress = PullProgress { done: 100, total: 1100, ..PullProgress::default() };
        assert_eq!(progress.seconds_left(), None);
        progress.bytes_per_s = 300;
        assert_eq!(progress.seconds_left(), Some(4));
        progress.done = 1100;
        assert_eq!(progress.seconds_left(), None);
    }
}
