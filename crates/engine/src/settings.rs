//! What the engine is opened with.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use qwen3_vl::{CachePrecision, Precision};

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the library, the blobs and the segment cache.
    pub data_dir: PathBuf,
    /// Where videos and questions are kept.
    pub library: Place,
    /// Folder of the checkpoint.
    pub model_dir: PathBuf,
    /// Whether that is the checkpoint that comes with Timepin, which knows the demo world only.
    pub bundled_model: bool,
    /// Folder of a sentence encoder, with which what is said is also found in other words.
    pub text_model_dir: Option<PathBuf>,
    /// Folder of an encoder of pictures and sentences, which leads questions to moments when a video does not fit.
    pub image_model_dir: Option<PathBuf>,
    /// A server that answers; then no checkpoint is loaded.
    pub server: Option<Server>,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// What the model's weights are kept in.
    pub precision: Precision,
    /// What keys and values are kept in.
    pub kv_cache: CachePrecision,
    /// Attention tile by tile instead of through a table of scores.
    pub use_flash_attention: bool,
    /// Tokens a prompt may have; none: 32K for videos under five minutes, else the model's window.
    pub max_context_length: Option<u32>,
    /// Leave out segments that look like the one before.
    pub temporal_compression: bool,
    /// Leave out tokens of segments that show what was shown before. Not where a server answers.
    pub token_pruning: bool,
    /// Closer looks at the moments of an answer that a question may have; 0: none.
    pub zoom_rounds: u32,
    /// Bytes of encoded segments kept on disk.
    pub segment_cache_bytes: u64,
    /// Videos whose prefix is kept ready for further questions.
    pub prefix_cache_videos: u32,
    /// Bytes of memory that those and the answers under way may take; who does not fit waits for its turn.
    pub prefix_cache_bytes: u64,
    /// Threads for the model; none: one per core.
    pub threads: Option<u32>,
}

/// A server that speaks OpenAI's chat completions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where its interface begins, such as `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// The model to ask for; none: the only one it has.
    pub model: Option<String>,
    /// What it wants to be shown.
    pub key: Option<Secret>,
    /// How long it may take to the first word.
    pub timeout: Duration,
}

/// A text that is not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who has to see it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where videos and questions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the data folder, for good.
    DataFolder,
    /// In a folder of their own that goes when the engine does; the segment cache stays the shared one.
    Temporary,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            library: Place::DataFolder,
            model_dir: PathBuf::from("models/timepin-tiny"),
            bundled_model: true,
            text_model_dir: None,
            image_model_dir: None,
            server: None,
            device: "auto".to_owned(),
            precision: Precision::Auto,
            kv_cache: CachePrecision::Auto,
            use_flash_attention: true,
            max_context_length: None,
            temporal_compression: false,
            token_pruning: false,
            zoom_rounds: 2,
            segment_cache_bytes: 8 << 30,
            prefix_cache_videos: 128,
            prefix_cache_bytes: 4 << 30,
            threads: None,
        }
    }
}
