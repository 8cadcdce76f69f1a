//! Qwen3-VL, dense and mixture of experts, in candle: from decoded frames to answers that know where they looked.
//!
//! Semantics are those of Hugging Face transformers 4.57 (`modeling_qwen3_vl.py`, `processing_qwen3_vl.py`,
//! `video_processing_qwen3_vl.py`), checked against it by `tests/parity.rs` with the golden files that
//! `training/golden.py` writes.
//!
//! ```no_run
//! use std::{path::Path, sync::Arc};
//! use qwen3_vl::{Content, LoadOptions, Message, Qwen3Vl, RgbFrame, Sampling, TextStream, VideoItem, Wrapper};
//!
//! # fn frames() -> Vec<[RgbFrame; 2]> { Vec::new() }
//! # fn main() -> Result<(), qwen3_vl::Error> {
//! let model = Qwen3Vl::load(Path::new("models/timepin-tiny"), LoadOptions::default())?;
//! // Frames are resized to the profile's size first: `resize_bicubic`, `Profile::resize`.
//! let segments = model.encode_segments(&frames())?;
//! let video = segments.into_iter().enumerate().map(|(i, features)| VideoItem::Segment {
//!     stamp: format!("{:.1}", i as f64 + 0.25),
//!     features: Arc::new(features),
//! });
//! let question = Content::Text("When does the red circle appear?".into());
//! let prompt = model.prompt(&[Message::user(vec![Content::Video(video.collect()), question])], Wrapper::default())?;
//!
//! // The video's half is read once; every question continues a fork of it.
//! let (video, question) = prompt.split_after_video();
//! let mut prefix = model.new_session();
//! model.prefill(&mut prefix, &video, &|| false)?;
//! let mut session = prefix.fork()?;
//! model.prefill(&mut session, &question, &|| false)?;
//! let mut text = TextStream::default();
//! model.generate(&mut session, Sampling::default(), 256, |token, step| {
//!     let piece = text.push(model.tokenizer(), token).unwrap_or_default();
//!     // step.pointer: where this token looked, a weight per segment.
//!     !piece.contains('\n') && step.pointer.is_none()
//! })?;
//! # Ok(()) }
//! ```
//!
//! | I want to change how … | file |
//! |---|---|
//! | a checkpoint's configuration is read | `checkpoint.rs`, `config.rs`, `profile.rs`, `gguf/` |
//! | weights are counted without loading them | `census.rs` |
//! | a broken checkpoint is told | `bounds.rs`, `inventory.rs`, `error.rs` |
//! | frames become patches | `processor/` |
//! | the vision tower computes | `vision/` |
//! | weights are read, converted and kept | `weights/` |
//! | the decoder computes | `text/`, `positions.rs` |
//! | a conversation becomes tokens | `prompt.rs`, `template.rs`, `tokenizer.rs` |
//! | a video prefix is kept and shared | `session.rs`, `text/kv_cache.rs` |
//! | tokens are produced, several answers in one pass | `decode.rs` |
//! | the next token is chosen | `generate.rs` |
//! | an answer's token points at a moment | `time_pointer/` |
//! | what is computed is shown, layer by layer | `model/trace.rs`, `text/watch.rs` |
//! | what fits a machine is told beforehand | [`fit`] |
//! | CPU time is spent | `kernels/`, memory kept `allocator.rs` |
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod allocator;
mod bounds;
mod cache_precision;
mod census;
mod checkpoint;
mod config;
mod decode;
mod error;
mod features;
pub mod fit;
mod generate;
mod gguf;
mod inventory;
mod kernels;
mod load_options;
mod mapped;
pub mod measure;
mod model;
mod positions;
mod processor;
mod profile;
mod prompt;
mod session;
mod stamp_ids;
mod template;
mod text;
mod time_pointer;
mod tokenizer;
mod vision;
mod weights;
mod window;

pub use allocator::keep_freed_memory;
pub use cache_precision::CachePrecision;
pub use census::{Census, census};
pub use checkpoint::is_model_folder;
pub use config::{Config, RopeScaling, TextConfig, VisionConfig};
pub use decode::Step;
pub use error::{Error, Result};
pub use features::SegmentFeatures;
pub use generate::{Logits, Sampler, Sampling};
pub use load_options::{DeviceKind, LoadOptions};
pub use model::{Cancel, Qwen3Vl, Scored, Trace};
pub use positions::{Cursor, Position};
pub use processor::{Normalisation, RgbFrame, patchify, resize_bicubic};
pub use profile::{HeadFile, Pointer, Profile};
pub use prompt::{Content, Message, Prompt, PromptPart, VideoItem, Wrapper};
pub use session::Session;
pub use time_pointer::Look;
pub use tokenizer::{TextStream, Tokenizer};
pub use weights::{Footprint, Precision, UnknownPrecision};
pub use window::Window;
