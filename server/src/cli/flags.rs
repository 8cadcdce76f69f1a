//! Settings as they are typed.

use std::path::PathBuf;

use clap::Args;

/// Settings as flags. They are texts here; `config` gives them their meaning, the same for every source.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Flags {
    /// Settings file [default: config.yaml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address and port to serve on [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub(crate) address: Option<String>,
    /// Folder for the library and its caches [default: data]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data: Option<String>,
    /// Folder of the model, or the name of a pulled one [default: the bundled one]
    #[arg(long, global = true, value_name = "FOLDER|OWNER/NAME")]
    pub(crate) model: Option<String>,
    /// Folder of a Whisper checkpoint, or the name of a pulled one: what transcribes speech [default: none]
    #[arg(long, global = true, value_name = "FOLDER|OWNER/NAME")]
    pub(crate) speech_model: Option<String>,
    /// Folder of a sentence encoder, or the name of a pulled one: finds what is said in other words [default: none]
    #[arg(long, global = true, value_name = "FOLDER|OWNER/NAME")]
    pub(crate) text_model: Option<String>,
    /// Folder of a CLIP model, or the name of a pulled one: where it looks like what is asked for, films that do not fit are read
    /// densely [default: none]
    #[arg(long, global = true, value_name = "FOLDER|OWNER/NAME")]
    pub(crate) image_model: Option<String>,
    /// File with the weights of TransNetV2: finds where shots begin in files that are decoded here [default: none]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) shot_model: Option<String>,
    /// Server that answers instead of a model here, such as http://127.0.0.1:8000/v1 [default: none]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) backend_url: Option<String>,
    /// Which of its models [default: the only one it has]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) backend_model: Option<String>,
    /// Key that server wants; better in TIMEPIN_BACKEND_KEY, where no process list shows it
    #[arg(long, global = true, value_name = "KEY")]
    pub(crate) backend_key: Option<String>,
    /// Seconds that server may take to the first word [default: 300]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub(crate) backend_timeout: Option<String>,
    /// auto, cpu, cuda or cuda:N [default: auto]
    #[arg(long, global = true, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    /// auto, f32, 16bit, q8_0, q6k, q5k or q4k: what the model's weights are kept in [default: auto]
    #[arg(long, global = true, value_name = "PRECISION")]
    pub(crate) precision: Option<String>,
    /// Bits of keys and values: auto, 32, 16 or 8 [default: auto]
    #[arg(long, global = true, value_name = "BITS")]
    pub(crate) kv_cache: Option<String>,
    /// Attention tile by tile, without a table of scores [default: true]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) use_flash_attention: Option<String>,
    /// Tokens a prompt may have, or auto [default: auto]
    #[arg(long, global = true, value_name = "TOKENS")]
    pub(crate) max_context_length: Option<String>,
    /// Leave out segments in which nothing changes [default: false]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) enable_temporal_compression: Option<String>,
    /// Leave out tokens that show what was shown before [default: false]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) enable_token_pruning: Option<String>,
    /// Closer looks at the moments an answer names; 0: none [default: 2]
    #[arg(long, global = true, value_name = "COUNT")]
    pub(crate) zoom_rounds: Option<String>,
    /// Disk for encoded segments [default: 8GiB]
    #[arg(long, global = true, value_name = "BYTES")]
    pub(crate) segment_cache: Option<String>,
    /// Videos kept ready for further questions [default: 128]
    #[arg(long, global = true, value_name = "COUNT")]
    pub(crate) prefix_cache_videos: Option<String>,
    /// Memory for those [default: 4GiB]
    #[arg(long, global = true, value_name = "BYTES")]
    pub(crate) prefix_cache_memory: Option<String>,
    /// Threads for the model, or auto [default: auto]
    #[arg(long, global = true, value_name = "COUNT")]
    pub(crate) threads: Option<String>,
    /// Folder of the page's files [default: found beside the binary or in target/site]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) site: Option<String>,
    /// Origins of pages served elsewhere that may use this server, comma-separated [default: none]
    #[arg(long, global = true, value_name = "ORIGINS")]
    pub(crate) cors_origins: Option<String>,
    /// Folders whose videos the page may open, comma-separated [default: none]
    #[arg(long, global = true, value_name = "FOLDERS")]
    pub(crate) ingest_roots: Option<String>,
    /// Fetch videos from private networks too [default: false]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) ingest_allow_private: Option<String>,
    /// Largest file the server takes to decode it [default: 16GiB]
    #[arg(long, global = true, value_name = "BYTES")]
    pub(crate) ingest_max_bytes: Option<String>,
    /// Seconds a file may take to be fetched [default: 3600]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub(crate) ingest_timeout: Option<String>,
    /// Keep files after they were decoded [default: false]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) ingest_keep_files: Option<String>,
    /// Key that callers of /v1 have to show; better in TIMEPIN_API_KEY [default: none]
    #[arg(long, global = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// pretty or json [default: pretty]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
}

impl Flags {
    /// Flags that were given, under the names of their settings.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("address", &self.address),
            ("data", &self.data),
            ("model", &self.model),
            ("speech_model", &self.speech_model),
            ("text_model", &self.text_model),
            ("image_model", &self.image_model),
            ("shot_model", &self.shot_model),
            ("backend_url", &self.backend_url),
            ("backend_model", &self.backend_model),
            ("backend_key", &self.backend_key),
            ("backend_timeout", &self.backend_timeout),
            ("device", &self.device),
            ("precision", &self.precision),
            ("kv_cache", &self.kv_cache),
            ("use_flash_attention", &self.use_flash_attention),
            ("max_context_length", &self.max_context_length),
            ("enable_temporal_compression", &self.enable_temporal_compression),
            ("enable_token_pruning", &self.enable_token_pruning),
            ("zoom_rounds", &self.zoom_rounds),
            ("segment_cache", &self.segment_cache),
            ("prefix_cache_videos", &self.prefix_cache_videos),
            ("prefix_cache_memory", &self.prefix_cache_memory),
            ("threads", &self.threads),
            ("site", &self.site),
            ("cors_origins", &self.cors_origins),
            ("ingest_roots", &self.ingest_roots),
            ("ingest_allow_private", &self.ingest_allow_private),
            ("ingest_max_bytes", &self.ingest_max_bytes),
            ("ingest_timeout", &self.ingest_timeout),
            ("ingest_keep_files", &self.ingest_keep_files),
            ("api_key", &self.api_key),
            ("log_format", &self.log_format),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
    }
}
