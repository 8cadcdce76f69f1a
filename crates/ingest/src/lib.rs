//! Files that the server decodes: because the browser cannot, because they lie on the server, or because they are elsewhere on
//! the web. However a file comes, FFmpeg decodes the planned frames and hands them to the engine as a page would.
//!
//! ```text
//! upload ─▶ partial (durable, resumed) ─┐
//! address ─▶ fetch (checked, limited) ──┼─▶ decode: FFmpeg, the frames of the plan ─▶ engine
//! folder ─▶ roots (nothing outside) ────┘
//! ```
//!
//! | I want to change how … | file |
//! |---|---|
//! | ingests are begun, listed, ended, resumed | [`Ingest`] in `jobs.rs` |
//! | an upload arrives | `upload.rs` |
//! | a file becomes a video | `work.rs`, `decode.rs` |
//! | frames for a closer look are decoded | `closer.rs` |
//! | where shots begin is found by a model | `cuts.rs`, `ffmpeg/strip.rs` |
//! | subtitles inside a file are taken along | `tracks.rs` |
//! | bytes are kept until they are decoded | `partial.rs`, `record.rs` |
//! | a file is fetched from the web | `fetch.rs`; whom it may connect to: `address.rs` |
//! | the server's own folders are listed | `roots.rs` |
//! | FFmpeg is called, and with which times | [`ffmpeg`] |

mod address;
mod closer;
mod cuts;
mod decode;
mod error;
mod fetch;
pub mod ffmpeg;
mod jobs;
mod partial;
mod record;
mod roots;
mod tracks;
mod upload;
mod work;

pub use closer::{OneFile, ServerFiles, frames_at};
pub use cuts::find_cuts;
pub use decode::{create, fill};
pub use error::{Error, Result};
pub use jobs::{Ingest, Settings};
pub use tracks::tracks;
