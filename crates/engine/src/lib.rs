//! The engine: frames become an index, questions become answers, one thing at a time on the model's own thread.
//!
//! ```text
//! append_frames ─▶ check pictures ─▶ store (durable) ─▶ index ─▶ encode pairs ─▶ segment cache
//! ask ─▶ store ─▶ queue ─▶ wait for the index ─▶ kept prefix or prefill ─▶ question ─▶ tokens, spans, pins
//! ```
//!
//! | I want to change how … | file |
//! |---|---|
//! | the engine looks from outside | [`Engine`] in `engine.rs` |
//! | frames are checked and decoded | `images.rs` |
//! | frames pair up and an index grows | `index.rs`, `registry.rs` |
//! | work is ordered | `queue.rs`, `worker.rs` |
//! | segments are encoded and found again | `encode.rs` |
//! | a video is made to fit the context | `selection.rs` |
//! | a question is answered | `answer.rs`, `prefix.rs`, `spans.rs` |
//! | frames that come with a question are kept for the next | `guests.rs` |
//! | a library lasts for one run only | `temporary.rs` |
//! | another model or server answers | `backend.rs`, `candle.rs`, `remote/` |

mod answer;
mod backend;
mod candle;
mod encode;
mod engine;
mod error;
mod guests;
mod images;
mod index;
mod prefix;
mod queue;
mod registry;
mod remote;
mod selection;
mod settings;
mod spans;
mod streams;
mod temporary;
#[cfg(test)]
mod tests;
mod worker;

pub use engine::Engine;
pub use error::{Error, Result};
pub use guests::Guest;
pub use images::{MAX_BATCH_FRAMES, MAX_VIDEO_FRAMES};
pub use remote::RemoteError;
pub use selection::ANSWER_TOKENS;
pub use settings::{Place, Secret, Server, Settings};
