//! What can be wrong with a sentence encoder.

use std::path::PathBuf;

/// Why sentences cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the model cannot be read.
    #[error("{} cannot be read: {source}; a sentence encoder is a folder with config.json, tokenizer.json and model.safetensors", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not the configuration of a BERT.
    #[error("config.json is not that of a BERT sentence encoder such as sentence-transformers/all-MiniLM-L6-v2: {0}")]
    Config(String),
    /// The tokenizer fails.
    #[error("the sentence encoder's tokenizer.json: {0}")]
    Tokenizer(String),
    /// A tensor is missing or has another shape, or computing failed.
    #[error("the sentence encoder's model.safetensors: {0}")]
    Model(#[from] candle_core::Error),
}

/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;
