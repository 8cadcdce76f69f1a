//! The engine: frames become an index, questions become answers, many at once on the model's own thread.
//!
//! ```text
//! append_frames ─▶ check pictures ─▶ store (durable) ─▶ index ─▶ encode pairs ─▶ segment cache
//! ask ─▶ store ─▶ queue ─▶ wait for the index ─▶ kept prefix or prefill ─▶ question ─▶ tokens, spans, pins
//!                          └────────── in turns with every other question, tokens in batches ──────────┘
//! ```
//!
//! | I want to change how … | file |
//! |---|---|
//! | the engine looks from outside | [`Engine`] in `engine.rs` |
//! | frames are checked and decoded | `images.rs` |
//! | frames pair up and an index grows | `index.rs`, `registry.rs` |
//! | turns are given | `scheduler.rs` and `scheduler/`, `shares.rs`, `pace.rs`; from outside: `queue.rs`, `worker.rs` |
//! | segments are encoded and found again | `encode.rs` |
//! | a video is made to fit the context | `selection.rs`, `showing.rs` |
//! | windows are searched, moments are looked at closer | `course.rs`, `view.rs`; who delivers the frames: `eyes.rs` |
//! | subtitles are kept, corrected, written to files | `transcripts.rs` |
//! | subtitles stand between segments | `captions.rs` |
//! | "when is it mentioned?" is answered at once | `evidence.rs` |
//! | what was shown is kept and shared | `prefix.rs` |
//! | a question is read and answered | `question.rs`, `reader.rs`, `writer.rs`, `spans.rs` |
//! | where the model looked becomes a pin, and a written time doubtful | `pins.rs` |
//! | frames that come with a question are kept for the next | `guests.rs` |
//! | a video is looked through for scenes and chapters | `outline/` |
//! | thoughts are told from answers | `thought.rs` |
//! | a library lasts for one run only | `temporary.rs` |
//! | a request is run with everything written down | `inspect/` |
//! | a device is chosen | `device.rs` |
//! | another model or server answers | `backend.rs`, `candle.rs`, `talk.rs`, `remote/` |

mod arrival;
mod backend;
mod candle;
mod captions;
mod clock;
mod course;
mod device;
mod encode;
mod engine;
mod error;
mod evidence;
mod eyes;
mod find;
mod fits;
mod guests;
mod images;
mod index;
mod inspect;
mod leads;
mod listing;
mod meaning;
mod outline;
mod pace;
mod pins;
mod prefix;
mod pruning;
mod question;
mod queue;
mod reader;
mod registry;
mod remote;
mod scheduler;
mod search;
mod selection;
mod settings;
mod shares;
mod showing;
mod sight;
mod spans;
mod streams;
mod talk;
mod temporary;
#[cfg(test)]
mod tests;
mod thought;
mod transcripts;
mod translation;
mod videos;
mod view;
mod worker;
mod writer;

pub use device::machine;
pub use engine::Engine;
pub use error::{Error, Result};
pub use eyes::{Deliver, FrameSource};
pub use guests::Guest;
pub use images::{MAX_BATCH_FRAMES, MAX_VIDEO_FRAMES};
pub use inspect::{Inspected, inspect};
pub use question::Manner;
pub use qwen3_vl::{CachePrecision, Precision, Profile, Scored, fit, keep_freed_memory};
pub use remote::RemoteError;
pub use selection::ANSWER_TOKENS;
pub use settings::{Place, Secret, Server, Settings};
pub use transcripts::MAX_TRANSCRIPTS;
