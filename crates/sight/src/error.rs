//! What can be wrong with an encoder of pictures and sentences.

use std::path::PathBuf;

/// Why pictures or sentences cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the model cannot be read.
    #[error("{} cannot be read: {source}; a CLIP model is a folder with config.json, tokenizer.json and model.safetensors", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not the configuration of a CLIP that is known.
    #[error("config.json is not that of a CLIP model such as openai/clip-vit-large-patch14: {0}")]
    Config(String),
    /// The tokenizer fails.
    #[error("the CLIP model's tokenizer.json: {0}")]
    Tokenizer(String),
    /// A tensor is missing or has another shape, or computing failed.
    #[error("the CLIP model's model.safetensors: {0}")]
    Model(#[from] candle_core::Error),
    /// No threads to compute on.
    #[error("no threads for the CLIP model: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;
