//! Settings: one typed struct, four sources, later ones winning — defaults, `config.yaml`, `TIMEPIN_*` variables, flags.
//!
//! Every source is a list of texts; [`settings::SETTINGS`] gives each its name, its meaning and its way back to text, so
//! a wrong value is told the same way wherever it stood.

mod bytes;
mod settings;
mod sources;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::{CachePrecision, Precision, Secret};
pub(crate) use settings::SETTINGS;

use crate::cli::Flags;

/// What is in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub(crate) address: SocketAddr,
    pub(crate) data: PathBuf,
    /// None: the bundled model.
    pub(crate) model: Option<PathBuf>,
    /// None: speech is not transcribed.
    pub(crate) speech_model: Option<PathBuf>,
    /// None: what is said is found by its words only.
    pub(crate) text_model: Option<PathBuf>,
    /// None: what does not fit is read evenly, not densely where it looks like what is asked for.
    pub(crate) image_model: Option<PathBuf>,
    /// None: FFmpeg tells where shots begin.
    pub(crate) shot_model: Option<PathBuf>,
    /// None: the model runs here.
    pub(crate) backend_url: Option<String>,
    /// None: the only one that server has.
    pub(crate) backend_model: Option<String>,
    pub(crate) backend_key: Option<Secret>,
    pub(crate) backend_timeout: Duration,
    pub(crate) device: String,
    pub(crate) precision: Precision,
    pub(crate) kv_cache: CachePrecision,
    pub(crate) use_flash_attention: bool,
    /// None: decided by the length of the video.
    pub(crate) max_context_length: Option<u32>,
    pub(crate) enable_temporal_compression: bool,
    pub(crate) enable_token_pruning: bool,
    pub(crate) zoom_rounds: u32,
    pub(crate) segment_cache: u64,
    pub(crate) prefix_cache_videos: u32,
    pub(crate) prefix_cache_memory: u64,
    /// None: one per core.
    pub(crate) threads: Option<u32>,
    /// None: looked for.
    pub(crate) site: Option<PathBuf>,
    pub(crate) cors_origins: Vec<String>,
    /// Folders whose videos the page may open.
    pub(crate) ingest_roots: Vec<PathBuf>,
    /// Whether files may be fetched from private networks.
    pub(crate) ingest_allow_private: bool,
    /// Most bytes of a file that is uploaded or fetched.
    pub(crate) ingest_max_bytes: u64,
    /// How long a file may take to be fetched.
    pub(crate) ingest_timeout: Duration,
    /// Whether files are kept after they were decoded.
    pub(crate) ingest_keep_files: bool,
    /// None: whoever reaches the server may ask.
    pub(crate) api_key: Option<Secret>,
    pub(crate) log_format: LogFormat,
    /// Where each setting that is not a default was made.
    origins: BTreeMap<&'static str, String>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Pretty,
    /// One object a line, for machines.
    Json,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The settings file is not there or not readable.
    #[error("cannot read the settings file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The settings file is not a list of settings.
    #[error("{} is not a settings file: {reason}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// A name nobody knows.
    #[error("{origin}: there is no setting `{name}`; {hint}")]
    Unknown {
        /// Where it stood.
        origin: String,
        /// As written.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// A value that means nothing.
    #[error("{origin}: `{value}` is no value for `{name}`; give {allowed}")]
    Value {
        /// Where it stood.
        origin: String,
        /// The setting.
        name: &'static str,
        /// As written.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
}

impl Default for Config {
    fn default() -> Self {
        let engine = engine::Settings::default();
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: engine.data_dir,
            model: None,
            speech_model: None,
            text_model: None,
            image_model: None,
            shot_model: None,
            backend_url: None,
            backend_model: None,
            backend_key: None,
            // Reading an hour of video takes a busy server minutes.
            backend_timeout: Duration::from_secs(300),
            device: engine.device,
            precision: engine.precision,
            kv_cache: engine.kv_cache,
            use_flash_attention: engine.use_flash_attention,
            max_context_length: engine.max_context_length,
            enable_temporal_compression: engine.temporal_compression,
            enable_token_pruning: engine.token_pruning,
            zoom_rounds: engine.zoom_rounds,
            segment_cache: engine.segment_cache_bytes,
            prefix_cache_videos: engine.prefix_cache_videos,
            prefix_cache_memory: engine.prefix_cache_bytes,
            threads: engine.threads,
            site: None,
            cors_origins: Vec::new(),
            ingest_roots: Vec::new(),
            ingest_allow_private: false,
            // Two hours of a film in high definition, and more.
            ingest_max_bytes: 16 << 30,
            ingest_timeout: Duration::from_secs(3600),
            ingest_keep_files: false,
            api_key: None,
            log_format: LogFormat::Pretty,
            origins: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads all sources.
    ///
    /// # Errors
    /// When a file named by a flag or variable is missing, or a source holds what is no setting.
    pub(crate) fn load(flags: &Flags) -> Result<Self, Error> {
        let variables: Vec<_> = std::env::vars().collect();
        let named = flags.config.clone().or_else(|| std::env::var_os("TIMEPIN_CONFIG").map(PathBuf::from));
        Self::from_sources(named.as_deref(), Path::new("config.yaml"), &variables, flags)
    }

    /// named: a file that has to be there; usual: one that may be.
    fn from_sources(
        named: Option<&Path>,
        usual: &Path,
        variables: &[(String, String)],
        flags: &Flags,
    ) -> Result<Self, Error> {
        let mut config = Self::default();
        let file = named.or_else(|| usual.is_file().then_some(usual));
        if let Some(path) = file {
            let origin = path.display().to_string();
            for (name, value) in sources::yaml(path)? {
                config.set(&name, &value, &origin)?;
            }
        }
        for setting in SETTINGS {
            let variable = format!("TIMEPIN_{}", setting.name.to_uppercase());
            // An empty variable is how shells unset one.
            if let Some((_, value)) = variables.iter().find(|(name, value)| *name == variable && !value.is_empty()) {
                config.set(setting.name, value, &variable)?;
            }
        }
        for (name, value) in flags.given() {
            config.set(name, value, &format!("--{}", name.replace('_', "-")))?;
        }
        Ok(config)
    }

    fn set(&mut self, name: &str, value: &str, origin: &str) -> Result<(), Error> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            let hint = sources::hint(name);
            return Err(Error::Unknown { origin: origin.to_owned(), name: name.to_owned(), hint });
        };
        if (setting.set)(self, value.trim()).is_none() {
            return Err(Error::Value {
                origin: origin.to_owned(),
                name: setting.name,
                value: if setting.secret { "…".to_owned() } else { value.to_owned() },
                allowed: setting.allowed,
            });
        }
        self.origins.insert(setting.name, origin.to_owned());
        Ok(())
    }

    /// The settings in force as a settings file, each line with its origin. A secret that is set is a comment.
    pub(crate) fn to_yaml(&self) -> String {
        let mut lines = String::new();
        for setting in SETTINGS {
            let origin = self.origins.get(setting.name).map_or("default", String::as_str);
            let value = (setting.get)(self);
            let entry = if setting.secret && !value.is_empty() {
                format!("# {} is set and not shown", setting.name)
            } else {
                format!("{}: {}", setting.name, sources::scalar(&value))
            };
            lines.push_str(&format!("{entry:<44} # {origin}\n"));
        }
        lines
    }
}

#[cfg(test)]
mod tests;
