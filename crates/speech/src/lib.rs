//! Speech to timed words: Whisper in candle, with the moment of every word from its cross-attention.
//!
//! ```text
//! samples (16 kHz) ─▶ voice activity ─▶ windows ─▶ mel ─▶ encoder ─▶ decoder ─▶ alignment ─▶ words ─▶ cues
//! ```
//!
//! Nothing longer than a window is held: a file of two hours takes the memory of one of a minute. Windows do not see each
//! other's text: what goes wrong in one does not go on in the next.
//!
//! Paper: Radford et al., *Robust Speech Recognition via Large-Scale Weak Supervision* (2022). Checkpoints:
//! <https://huggingface.co/openai/whisper-base> and its relatives.
//!
//! | I want to change how … | file |
//! |---|---|
//! | a checkpoint is read | `config.rs`, `model/mod.rs` |
//! | sound becomes a spectrogram | `mel.rs` |
//! | encoder and decoder compute | `model/` |
//! | tokens are chosen, and when a window is tried again | `rules.rs`, `decode.rs` |
//! | tokens become text and words | `vocabulary.rs`, `words.rs` |
//! | words get their moments | `align.rs` |
//! | silence is told from speech | `activity.rs` |
//! | sound is cut into windows | `windows.rs` |
//! | words become cues | `phrases.rs` |
//! | all of it runs over a file | `transcriber.rs` |

mod activity;
mod align;
mod config;
mod decode;
mod error;
mod mel;
mod model;
mod phrases;
mod rules;
mod transcriber;
mod vocabulary;
mod windows;
mod words;

pub use align::align;
pub use config::{Config, Generation};
pub use decode::{Decoded, attempt, decode};
pub use error::{Error, Result};
pub use mel::MelSpectrogram;
pub use model::{Listener, Whisper};
pub use phrases::Phrase;
pub use transcriber::{Options, Transcriber};

pub use timeline::hearing::SAMPLE_RATE;
