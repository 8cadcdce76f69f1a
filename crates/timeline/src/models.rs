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
}

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

/// Why a download cannot begin, or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullCause {
    /// Not `owner/name`.
    BadName,
    /// What answers is no hub, or nothing can be made of its address.
    HubUnusable,
    /// Nobody answers.
    Offline,
    /// No such repository or revision.
    UnknownModel,
    /// Terms have to be accepted, or a token is missing.
    Gated,
    /// No weights, or several of which one has to be chosen.
    ChooseWeights,
    /// A file's name would lead out of the folder.
    UnsafeFileName,
    /// Too little space.
    DiskFull,
    /// What arrived is not what was listed.
    Checksum,
    /// The connection broke again and again.
    Cut,
    /// The hub refuses for now.
    HubBusy,
    /// Somebody else pulls the same model.
    InUse,
    /// The model is not here, or in part only.
    ModelMissing,
    /// The disk failed.
    DiskFailed,
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
