//! Everything that can go wrong while weights are fetched, as one type whose messages say what to do.

use std::io;
use std::path::{Path, PathBuf};

use timeline::PullCause;
use timeline::models::show_bytes;

/// Why a model could not be pulled or found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not `owner/name[@revision]`.
    #[error(
        "`{name}` is no name of a model repository ({reason}); write it as owner/name, such as Qwen/Qwen3-VL-2B-Instruct"
    )]
    BadName {
        /// As written.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The hub's address is no address.
    #[error("HF_ENDPOINT is `{endpoint}`, which is no http or https address")]
    BadEndpoint {
        /// As given.
        endpoint: String,
    },
    /// Nobody answers at the hub's address.
    #[error(
        "cannot reach {endpoint} ({reason}); check the network, or set HF_ENDPOINT to a mirror that can be reached"
    )]
    Offline {
        /// The hub.
        endpoint: String,
        /// What the system said.
        reason: String,
    },
    /// No such repository, or a private one.
    #[error(
        "{endpoint} has no model {repository}; check the spelling, and set HF_TOKEN to an access token if it is a private one"
    )]
    UnknownRepository {
        /// The hub.
        endpoint: String,
        /// `owner/name`.
        repository: String,
    },
    /// No such branch, tag or commit.
    #[error("{repository} has no revision `{revision}`; leave --revision out for the newest")]
    UnknownRevision {
        /// `owner/name`.
        repository: String,
        /// As asked for.
        revision: String,
    },
    /// The hub wants to know who asks, and whether they accepted the terms.
    #[error("{repository} is not open to everybody: {}", gated_advice(terms, *with_token))]
    Gated {
        /// `owner/name`.
        repository: String,
        /// The page where its terms are accepted.
        terms: String,
        /// Whether a token was sent, which then was not enough.
        with_token: bool,
    },
    /// The repository has no weights this program loads.
    #[error("{repository} has no safetensors and no GGUF files; it is not a model that Timepin can load")]
    NoWeights {
        /// `owner/name`.
        repository: String,
    },
    /// Several GGUF files, and nobody said which.
    #[error("{repository} has several GGUF files; choose one with --file: {}", .available.join(", "))]
    Choose {
        /// `owner/name`.
        repository: String,
        /// File names with their sizes.
        available: Vec<String>,
    },
    /// The pattern names no weights.
    #[error("no weights of {repository} match `{pattern}`; there are {}", .available.join(", "))]
    NoMatch {
        /// `owner/name`.
        repository: String,
        /// As given.
        pattern: String,
        /// File names with their sizes.
        available: Vec<String>,
    },
    /// The pattern is no pattern.
    #[error("`{pattern}` is no file pattern ({reason}); give a part of the name, or a pattern such as *Q4_K_M*.gguf")]
    BadPattern {
        /// As given.
        pattern: String,
        /// What the parser said.
        reason: String,
    },
    /// The hub names a file that would lie outside the model's folder, or that no file system should be asked for.
    #[error("the hub lists a file called {0:?}, which is not a safe name; nothing was downloaded")]
    UnsafeFileName(String),
    /// Too little space, found before the first byte or met while writing.
    #[error(
        "{} has too little space: {} are needed and {} are free; make room, or choose another --data folder",
        folder.display(), show_bytes(*needed), show_bytes(*free)
    )]
    DiskFull {
        /// The model's folder.
        folder: PathBuf,
        /// Bytes still to be written.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// What arrived is not what the hub listed.
    #[error(
        "{file} arrived altered (its digest is {found}, the hub lists {expected}) and was thrown away; pull again, and if it happens again, look at what stands between this machine and the hub"
    )]
    Checksum {
        /// The file.
        file: String,
        /// The hub's digest or size.
        expected: String,
        /// That of the bytes.
        found: String,
    },
    /// The connection broke, again and again.
    #[error(
        "{file} was cut off {tries} times ({reason}); what was loaded is kept, and the same command goes on from there"
    )]
    Cut {
        /// The file.
        file: String,
        /// Requests without a byte of progress.
        tries: u32,
        /// What the system said last.
        reason: String,
    },
    /// The hub is busy or broken.
    #[error("{endpoint} answers with status {status}{}; try again later: what was loaded is kept", wait_hint(*retry_after))]
    Refused {
        /// The hub.
        endpoint: String,
        /// HTTP status.
        status: u16,
        /// Seconds it asked to be left alone.
        retry_after: Option<u64>,
    },
    /// The answer is not what a hub says.
    #[error("{url} did not answer as a model hub does ({reason}); check HF_ENDPOINT")]
    Protocol {
        /// What was asked.
        url: String,
        /// What was wrong.
        reason: String,
    },
    /// Another process or task is pulling the same model.
    #[error("{} is being pulled by another timepin; wait for it or stop it", .0.display())]
    InUse(PathBuf),
    /// The manifest was altered.
    #[error("{} cannot be read ({reason}); delete it and pull again: files that are whole are kept", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// No folder and no pulled model of that name.
    #[error("there is neither a folder nor a pulled model {name}; get it from the hub with: timepin pull {name}")]
    NotHere {
        /// `owner/name`.
        name: String,
    },
    /// The model was not loaded to its end.
    #[error("{name} is here in part only; complete it with: timepin pull {name}")]
    Incomplete {
        /// `owner/name`.
        name: String,
    },
    /// Reading or writing failed.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// TLS could not be set up.
    #[error("secure connections cannot be made on this system ({0}); install its ca-certificates package")]
    Tls(String),
    /// The caller asked to stop.
    #[error("stopped; what was loaded is kept, and the same command goes on from there")]
    Cancelled,
}

/// `Result` with this crate's [`Error`], unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The kind of error with its names and numbers: for programs, and for the page, which has its own sentence for each.
    pub fn cause(&self) -> PullCause {
        use PullCause as Cause;
        let shown = |path: &Path| path.display().to_string();
        match self {
            Self::BadName { name, .. } => Cause::BadName { name: name.clone() },
            Self::BadEndpoint { endpoint } => Cause::BadEndpoint { endpoint: endpoint.clone() },
            Self::Protocol { url, .. } => Cause::NoHub { url: url.clone() },
            Self::Tls(_) => Cause::NoTls,
            Self::Offline { endpoint, .. } => Cause::Offline { endpoint: endpoint.clone() },
            Self::UnknownRepository { endpoint, repository } => {
                Cause::UnknownModel { endpoint: endpoint.clone(), model: repository.clone() }
            }
            Self::UnknownRevision { repository, revision } => {
                Cause::UnknownRevision { model: repository.clone(), revision: revision.clone() }
            }
            Self::Gated { repository, terms, with_token: false } => {
                Cause::Gated { model: repository.clone(), terms: terms.clone() }
            }
            Self::Gated { repository, terms, with_token: true } => {
                Cause::TokenRefused { model: repository.clone(), terms: terms.clone() }
            }
            Self::NoWeights { repository } => Cause::NoWeights { model: repository.clone() },
            Self::Choose { repository, available } => {
                Cause::ChooseFile { model: repository.clone(), files: available.join(", ") }
            }
            Self::NoMatch { repository, pattern, available } => {
                Cause::NoSuchFile { model: repository.clone(), pattern: pattern.clone(), files: available.join(", ") }
            }
            Self::BadPattern { pattern, .. } => Cause::BadPattern { pattern: pattern.clone() },
            Self::UnsafeFileName(name) => Cause::UnsafeFileName { name: name.clone() },
            Self::DiskFull { folder, needed, free } => {
                Cause::DiskFull { folder: shown(folder), needed: *needed, free: *free }
            }
            Self::Checksum { file, .. } => Cause::Checksum { file: file.clone() },
            Self::Cut { file, .. } => Cause::Cut { file: file.clone() },
            Self::Refused { endpoint, status, .. } => Cause::HubBusy { endpoint: endpoint.clone(), status: *status },
            Self::InUse(folder) => Cause::InUse { folder: shown(folder) },
            Self::NotHere { name } => Cause::ModelMissing { model: name.clone() },
            Self::Incomplete { name } => Cause::ModelPartial { model: name.clone() },
            Self::Manifest { path, .. } => Cause::BadManifest { path: shown(path) },
            Self::Io { path, source } => Cause::DiskFailed { path: shown(path), reason: source.to_string() },
            Self::Cancelled => Cause::Cancelled,
        }
    }

    /// An I/O error with its path.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }
}

fn gated_advice(terms: &str, with_token: bool) -> String {
    if with_token {
        format!(
            "the access token in use is not enough; accept the terms at {terms} with the account it belongs to, or set HF_TOKEN to a valid token that may read it"
        )
    } else {
        format!("accept its terms at {terms}, create an access token in the account's settings, and set HF_TOKEN to it")
    }
}

fn wait_hint(retry_after: Option<u64>) -> String {
    retry_after.map(|seconds| format!(" and asks to wait {seconds} s")).unwrap_or_default()
}
