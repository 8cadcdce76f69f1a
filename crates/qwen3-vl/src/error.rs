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
    /// More weights than memory.
    #[error(
        "the model's {parameters} parameters take {} in {precision} but only {} of memory are free; choose a smaller \
         precision, quantisation or model (`timepin fit` shows which fit), or stop other programs",
        gib(*needed),
        gib(*available)
    )]
    TooLarge {
        /// Parameters of the model.
        parameters: u64,
        /// What they are held in.
        precision: &'static str,
        /// Bytes they take.
        needed: u64,
        /// Bytes there are.
        available: u64,
    },
    /// Another file of the model names one that is not there.
    #[error("{} has no {name}, which {by} names; download the missing file into the same folder", folder.display())]
    MissingShard {
        /// The file's name.
        name: String,
        /// The model folder.
        folder: PathBuf,
        /// The file that names it.
        by: String,
    },
    /// A weight file ends before its last tensor.
    #[error(
        "{} is cut off: it has {found} bytes and should have {expected}; download it again or let the download finish",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes it has.
        found: u64,
        /// Bytes its header asks for.
        expected: u64,
    },
    /// A weight is stored in a type that is not computed with.
    #[error(
        "tensor `{name}` is stored as {dtype}; only F32, F16 and BF16 are read, take the checkpoint without quantisation"
    )]
    WeightType {
        /// The tensor's name in the file.
        name: String,
        /// Its type, as safetensors names it.
        dtype: String,
    },
    /// Tokenizer and model do not know the same tokens.
    #[error("tokenizer and model do not belong together: {0}; take the tokenizer and the weights of one checkpoint")]
    Vocabulary(String),
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
        "the prompt needs {needed} positions, {} more than the model's {limit}; use fewer frames, smaller frames or a shorter \
         question",
        needed.saturating_sub(*limit)
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
    /// The device is not there, or this build cannot use it.
    #[error(
        "{device} cannot be used ({source}); set device to cpu, or build with `--features cuda` where there is an NVIDIA \
         card and its driver"
    )]
    NoDevice {
        /// Such as `cuda:0`.
        device: String,
        /// What the library said.
        source: candle_core::Error,
    },
    /// The device has no memory left for the computation.
    #[error(
        "the device ran out of memory ({0}); ask again, and if that does not help, lower max_context_length or          prefix_cache_memory, set kv_cache to 8, or choose a smaller precision"
    )]
    OutOfMemory(candle_core::Error),
    /// The device or the tensor library failed.
    #[error("the computation failed: {0}")]
    Tensor(candle_core::Error),
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        // The drivers' errors arrive as texts: CUDA's, and cuBLAS's for its workspace.
        let told = error.to_string();
        let signs = ["OUT_OF_MEMORY", "out of memory", "ALLOC_FAILED"];
        if signs.iter().any(|sign| told.contains(sign)) { Self::OutOfMemory(error) } else { Self::Tensor(error) }
    }
}

/// Bytes as people read them.
fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_memory_is_told_apart_from_other_failures() {
        for told in
            [r#"DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")"#, "CublasError(CUBLAS_STATUS_ALLOC_FAILED)"]
        {
            let error = Error::from(candle_core::Error::Msg(told.into()).context("matmul"));
            assert!(matches!(error, Error::OutOfMemory(_)), "{error}");
            assert!(error.to_string().contains("set kv_cache to 8"), "{error}");
        }
        let other = Error::from(candle_core::Error::Msg("shape mismatch".into()));
        assert!(matches!(other, Error::Tensor(_)), "{other}");
    }
}
