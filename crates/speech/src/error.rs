//! Everything that can go wrong in this crate, as one type whose messages say what to do.

use std::path::PathBuf;

/// Why a speech model could not be loaded or could not listen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the checkpoint is missing or unreadable.
    #[error(
        "cannot read {}: {source}; a speech model is a folder with config.json, tokenizer.json and model.safetensors, as \
         `timepin pull openai/whisper-base` brings it",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A JSON file of the checkpoint does not say what this crate needs.
    #[error("{} is not what a Whisper checkpoint contains: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The checkpoint is of a kind this crate does not compute.
    #[error("this is no speech model that can be run: {0}; take a Whisper checkpoint such as openai/whisper-base")]
    Unsupported(String),
    /// The weights do not fit the configuration, or their file is damaged.
    #[error("the weights of {} cannot be used: {source}; download them again", folder.display())]
    Weights {
        /// The model folder.
        folder: PathBuf,
        /// What does not fit.
        source: candle_core::Error,
    },
    /// `tokenizer.json` could not be used.
    #[error("the tokenizer cannot be used: {0}; take the tokenizer and the weights of one checkpoint")]
    Tokenizer(String),
    /// A language the model does not know.
    #[error("this speech model has no language `{asked}`; it knows {known}")]
    Language {
        /// As asked for.
        asked: String,
        /// What it knows.
        known: String,
    },
    /// The tensor library failed.
    #[error("the computation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl From<tokenizers::Error> for Error {
    fn from(error: tokenizers::Error) -> Self {
        Self::Tokenizer(error.to_string())
    }
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
