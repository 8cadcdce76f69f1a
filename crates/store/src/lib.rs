//! The library on disk: what was acknowledged is there after a power cut, a `kill -9` and a restart.
//!
//! One folder holds everything: `timepin.sqlite` (videos, frames, questions, transcripts), `blobs/` (frames, named by the hash of
//! their bytes) and `segments/` (encoded segments, a cache that may be thrown away at any time).
//!
//! | I want to change how … | file |
//! |---|---|
//! | tables look or are migrated | `schema.rs` |
//! | the folder is opened, locked and swept | [`library`] |
//! | videos, frames, questions are kept | `videos.rs`, `frames.rs`, `questions.rs` |
//! | beginnings of shots are kept | `cuts.rs` |
//! | what frames look like, for a search by words, is kept | `directions.rs` |
//! | what happens in a video is kept | `outlines.rs` |
//! | frames of closer looks, and where flashes were, are kept | `closer.rs` |
//! | transcripts and their cues are kept | `transcripts.rs` |
//! | bytes reach the disk for certain | [`files`], [`blobs`] |
//! | encoded segments are kept and forgotten | [`segments`] |

pub mod blobs;
mod closer;
mod cuts;
mod directions;
mod error;
pub mod files;
mod frames;
pub mod library;
mod outlines;
mod questions;
mod schema;
pub mod segments;
mod transcripts;
mod videos;

pub use blobs::BlobId;
pub use closer::CloseUp;
pub use error::{Error, Result};
pub use frames::{Appended, FrameRow, NewFrame, Role};
pub use library::Library;
pub use outlines::OutlineRow;
pub use questions::AnswerUpdate;
pub use segments::{SegmentCache, SegmentKey};
pub use videos::VideoRow;
