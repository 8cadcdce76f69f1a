//! What is said in the videos of the library. Sound comes out of a file that the server has, or in pieces from a page; cues go
//! into the video's transcript as they are heard.
//!
//! ```text
//! file ─▶ FFmpeg ──┐
//! page ─▶ pieces ──┴─▶ feed ─▶ transcriber (one video at a time, on a thread of its own) ─▶ cues ─▶ engine
//! ```
//!
//! Questions go first: nothing is heard while one is being answered. Memory is bounded by a few pieces and one window.
//!
//! | I want to change how … | file |
//! |---|---|
//! | videos are begun, followed, stopped | [`Hearing`] in `jobs.rs` |
//! | pieces of a page arrive, and sound is read | `feed.rs` |
//! | cues become a transcript while they are heard | `listen.rs` |

mod error;
mod feed;
mod jobs;
mod listen;

pub use error::{Error, NoModel, Result};
pub use jobs::Hearing;
