//! Everything that can go wrong in this crate, as one type whose messages say what to do.

use std::path::PathBuf;

/// Why a model could not be loaded, a prompt could not be built, or a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the checkpoint is missing or unreadable.
    #[error("cannot read {}: {source}; check that the model folder is complete and readable", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A JSON file of the checkpoint does not say what this crate needs.
    #[error("{} is not what a Qwen3-VL checkpoint contains: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A weight file is not what its format says.
    #[error("{} is damaged or cut off: {reason}; download it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The checkpoint is of a kind this crate does not compute.
    #[error("this checkpoint cannot be run: {0}")]
    Unsupported(String),
    /// A GGUF without the half that sees.
    #[error(
        "this GGUF can read but not see: {0}; put the text GGUF and the mmproj GGUF of one Qwen3-VL model into one folder"
    )]
    TextOnly(String),
    /// A weight is absent.
    #[error("the checkpoint has no tensor `{0}`; download it again or check that every shard is there")]
    MissingTensor(String),
    /// A weight has another shape than the configuration implies.
    #[error(
        "tensor `{name}` has shape {found:?} but config.json implies {expected:?}; the files do not belong together"
    )]
    TensorShape {
        /// The tensor's name in the file.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape the configuration implies.
        expected: Vec<usize>,
    },
    /// `tokenizer.json` could not be used.
    #[error("the tokenizer cannot be used: {0}")]
    Tokenizer(String),
    /// The chat template failed, or rendered other media than it was given.
    #[error("the chat template cannot be used: {0}")]
    Template(String),
    /// Frames that cannot form segments.
    #[error("frames cannot be encoded: {0}")]
    Frames(String),
    /// Bytes that are not stored features.
    #[error("stored features cannot be used: {0}; delete the cache entry and encode the segment again")]
    Features(String),
    /// A prompt that cannot be given to the model.
    #[error("the prompt cannot be read: {0}")]
    Prompt(String),
    /// More positions than the model was trained for.
    #[error(
        "the prompt needs {needed} positions but the model has {limit}; use fewer frames, smaller frames or a shorter question"
    )]
    TooLong {
        /// Positions after the prompt.
        needed: usize,
        /// `max_position_embeddings`.
        limit: usize,
    },
    /// The caller asked to stop. The session is as it was before the call.
    #[error("stopped on request")]
    Cancelled,
    /// The device or the tensor library failed.
    #[error("the computation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
