//! Published weights: downloading a model repository from a hub, and the model folders there are.
//!
//! ```text
//! Repository ─▶ Client::listing ─▶ Selection ─▶ Manifest (incomplete) ─▶ transfer, file by file ─▶ Manifest (complete)
//! ```
//!
//! The protocol is the Hugging Face hub's: `/api/models/{repository}/revision/{revision}?blobs=true` lists files with size
//! and digest, `/{repository}/resolve/{commit}/{file}` gives them, by way of a redirect to a store that serves ranges. See
//! `huggingface_hub/file_download.py` for the headers (`X-Repo-Commit`, `X-Linked-Etag`, `X-Linked-Size`, `X-Error-Code`).
//!
//! A file under its final name is whole: it was checked against the hub's digest, synced and then renamed. A folder is a
//! model when its manifest says that all of them are.
//!
//! | I want to change how … | file |
//! |---|---|
//! | a repository is named | `repository.rs` |
//! | the hub's address and the access token are found | `access.rs` |
//! | the hub is spoken to | `client.rs`, `listing.rs` |
//! | files are chosen | `selection.rs`, and refused: `file_name.rs` |
//! | one file arrives, is resumed, checked | `transfer.rs`, `partial.rs`, `digest.rs` |
//! | a failed request is tried again | `patience.rs` |
//! | a whole model arrives | `pull.rs`, `manifest.rs`, `progress.rs` |
//! | a server pulls for its page | `downloads.rs` |
//! | models on disk are found and listed | `shelf.rs` |
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod access;
mod client;
mod digest;
mod downloads;
mod error;
mod file_name;
mod listing;
mod manifest;
mod partial;
mod patience;
mod progress;
mod pull;
mod repository;
mod selection;
mod shelf;
mod transfer;

pub use access::{Access, PUBLIC_HUB};
pub use client::Client;
pub use downloads::Downloads;
pub use error::{Error, Result};
pub use file_name::check_file_name;
pub use patience::Patience;
pub use pull::{Pull, Pulled};
pub use repository::Repository;
pub use shelf::Shelf;
pub use tokio_util::sync::CancellationToken;
