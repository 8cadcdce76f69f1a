//! Decoded sound as a speech model hears it: one channel, 16 kHz, the number of a sample its moment on the video's clock.
//!
//! ```text
//! decoder ─▶ one channel (mix) ─▶ in its place (tape) ─▶ 16 kHz (resample) ─▶ pieces of 16 bits
//! ```
//!
//! The page does with it what the server leaves to FFmpeg, and to the same numbers: weights and filter are FFmpeg's own. Pure,
//! native and wasm32.

mod mix;
mod resample;
mod tape;

pub use mix::{MOST_CHANNELS, mix};
pub use tape::{RateChanged, Tape};

pub use timeline::hearing::SAMPLE_RATE;
