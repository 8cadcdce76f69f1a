//! Every setting: its name, what it may be, and how it is read and shown.

use std::path::PathBuf;
use std::time::Duration;

use engine::Secret;

use super::{Config, LogFormat, bytes};

/// One setting.
pub(crate) struct Setting {
    /// As in the file; upper case in variables, with hyphens in flags.
    pub(crate) name: &'static str,
    /// What it may be, to follow "give".
    pub(crate) allowed: &'static str,
    /// Takes a value; nothing when it has no meaning.
    pub(super) set: fn(&mut Config, &str) -> Option<()>,
    /// The value as text that [`set`](Self::set) understands.
    pub(super) get: fn(&Config) -> String,
    /// Whether its value is for nobody's eyes.
    pub(super) secret: bool,
}

/// All of them, in the order they are shown.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "address",
        allowed: "an address and a port such as 127.0.0.1:8080 or [::]:8080",
        set: |c, v| v.parse().ok().map(|v| c.address = v),
        get: |c| c.address.to_string(),
        secret: false,
    },
    Setting {
        name: "data",
        allowed: "a folder",
        set: |c, v| path(v).map(|v| c.data = v),
        get: |c| c.data.display().to_string(),
        secret: false,
    },
    Setting {
        name: "model",
        allowed: "a folder with config.json and safetensors or with GGUF files, the name of a pulled model such as \
                  Qwen/Qwen3-VL-2B-Instruct, or bundled",
        set: |c, v| path(v).map(|v| c.model = (v.as_os_str() != "bundled").then_some(v)),
        get: |c| c.model.as_ref().map_or_else(|| "bundled".to_owned(), |v| v.display().to_string()),
        secret: false,
    },
    Setting {
        name: "speech_model",
        allowed: "a folder with a Whisper checkpoint, the name of a pulled one such as openai/whisper-base, or none",
        set: |c, v| path(v).map(|v| c.speech_model = (v.as_os_str() != "none").then_some(v)),
        get: |c| c.speech_model.as_ref().map_or_else(|| "none".to_owned(), |v| v.display().to_string()),
        secret: false,
    },
    Setting {
        name: "text_model",
        allowed: "a folder with a sentence encoder, the name of a pulled one such as sentence-transformers/all-MiniLM-L6-v2, or none",
        set: |c, v| path(v).map(|v| c.text_model = (v.as_os_str() != "none").then_some(v)),
        get: |c| c.text_model.as_ref().map_or_else(|| "none".to_owned(), |v| v.display().to_string()),
        secret: false,
    },
    Setting {
        name: "image_model",
        allowed: "a folder with a CLIP model, the name of a pulled one such as openai/clip-vit-large-patch14, or none",
        set: |c, v| path(v).map(|v| c.image_model = (v.as_os_str() != "none").then_some(v)),
        get: |c| c.image_model.as_ref().map_or_else(|| "none".to_owned(), |v| v.display().to_string()),
        secret: false,
    },
    Setting {
        name: "shot_model",
        allowed: "a file with the published weights of TransNetV2, a folder with one, or none",
        set: |c, v| path(v).map(|v| c.shot_model = (v.as_os_str() != "none").then_some(v)),
        get: |c| c.shot_model.as_ref().map_or_else(|| "none".to_owned(), |v| v.display().to_string()),
        secret: false,
    },
    Setting {
        name: "backend_url",
        allowed: "an address such as http://127.0.0.1:8000/v1, or none",
        set: |c, v| {
            let is_url = v.starts_with("http://") || v.starts_with("https://");
            (is_url || v == "none").then(|| c.backend_url = is_url.then(|| v.to_owned()))
        },
        get: |c| c.backend_url.clone().unwrap_or_else(|| "none".to_owned()),
        secret: false,
    },
    Setting {
        name: "backend_model",
        allowed: "the name of a model of that server, or auto",
        set: |c, v| (!v.is_empty()).then(|| c.backend_model = (v != "auto").then(|| v.to_owned())),
        get: |c| c.backend_model.clone().unwrap_or_else(|| "auto".to_owned()),
        secret: false,
    },
    Setting {
        name: "backend_key",
        allowed: "a key without spaces",
        set: |c, v| key(v).map(|v| c.backend_key = v),
        get: |c| reveal(c.backend_key.as_ref()),
        secret: true,
    },
    Setting {
        name: "backend_timeout",
        allowed: "a number of seconds from 1 to 86400",
        set: |c, v| seconds(v).map(|v| c.backend_timeout = v),
        get: |c| c.backend_timeout.as_secs().to_string(),
        secret: false,
    },
    Setting {
        name: "device",
        allowed: "auto, cpu, cuda or cuda:N",
        set: |c, v| {
            let numbered = v.strip_prefix("cuda:").is_some_and(|n| n.parse::<u16>().is_ok());
            (numbered || matches!(v, "auto" | "cpu" | "cuda")).then(|| c.device = v.to_owned())
        },
        get: |c| c.device.clone(),
        secret: false,
    },
    Setting {
        name: "precision",
        allowed: "auto, f32, 16bit, q8_0, q6k, q5k or q4k",
        set: |c, v| v.parse().ok().map(|v| c.precision = v),
        get: |c| c.precision.to_string(),
        secret: false,
    },
    Setting {
        name: "kv_cache",
        allowed: "auto, 32, 16 or 8 (bits)",
        set: |c, v| v.parse().ok().map(|v| c.kv_cache = v),
        get: |c| c.kv_cache.to_string(),
        secret: false,
    },
    Setting {
        name: "use_flash_attention",
        allowed: "true or false",
        set: |c, v| v.parse().ok().map(|v| c.use_flash_attention = v),
        get: |c| c.use_flash_attention.to_string(),
        secret: false,
    },
    Setting {
        name: "max_context_length",
        allowed: "auto or a number of tokens from 256 to 1048576",
        set: |c, v| or_auto(v, 256..=1 << 20).map(|v| c.max_context_length = v),
        get: |c| auto(c.max_context_length),
        secret: false,
    },
    Setting {
        name: "enable_temporal_compression",
        allowed: "true or false",
        set: |c, v| v.parse().ok().map(|v| c.enable_temporal_compression = v),
        get: |c| c.enable_temporal_compression.to_string(),
        secret: false,
    },
    Setting {
        name: "enable_token_pruning",
        allowed: "true or false",
        set: |c, v| v.parse().ok().map(|v| c.enable_token_pruning = v),
        get: |c| c.enable_token_pruning.to_string(),
        secret: false,
    },
    Setting {
        name: "zoom_rounds",
        allowed: "a number of closer looks from 0 (none) to 4",
        set: |c, v| v.parse::<u32>().ok().filter(|rounds| *rounds <= 4).map(|v| c.zoom_rounds = v),
        get: |c| c.zoom_rounds.to_string(),
        secret: false,
    },
    Setting {
        name: "segment_cache",
        allowed: "a number of bytes such as 500MiB or 8GiB (0 keeps nothing)",
        set: |c, v| bytes::parse(v).map(|v| c.segment_cache = v),
        get: |c| bytes::show(c.segment_cache),
        secret: false,
    },
    Setting {
        name: "prefix_cache_videos",
        allowed: "a number of videos (0 keeps none)",
        set: |c, v| v.parse().ok().map(|v| c.prefix_cache_videos = v),
        get: |c| c.prefix_cache_videos.to_string(),
        secret: false,
    },
    Setting {
        name: "prefix_cache_memory",
        allowed: "a number of bytes such as 500MiB or 4GiB",
        set: |c, v| bytes::parse(v).map(|v| c.prefix_cache_memory = v),
        get: |c| bytes::show(c.prefix_cache_memory),
        secret: false,
    },
    Setting {
        name: "threads",
        allowed: "auto or a number from 1 to 1024",
        set: |c, v| or_auto(v, 1..=1024).map(|v| c.threads = v),
        get: |c| auto(c.threads),
        secret: false,
    },
    Setting {
        name: "site",
        allowed: "a folder, or auto",
        set: |c, v| path(v).map(|v| c.site = (v.as_os_str() != "auto").then_some(v)),
        get: |c| c.site.as_ref().map_or_else(|| "auto".to_owned(), |v| v.display().to_string()),
        secret: false,
    },
    Setting {
        name: "cors_origins",
        allowed: "origins such as https://example.org, separated by commas",
        set: |c, v| origins(v).map(|v| c.cors_origins = v),
        get: |c| c.cors_origins.join(","),
        secret: false,
    },
    Setting {
        name: "ingest_roots",
        allowed: "folders, separated by commas",
        set: |c, v| {
            let folders = v.split(',').map(str::trim).filter(|folder| !folder.is_empty());
            c.ingest_roots = folders.map(PathBuf::from).collect();
            Some(())
        },
        get: |c| c.ingest_roots.iter().map(|root| root.display().to_string()).collect::<Vec<_>>().join(","),
        secret: false,
    },
    Setting {
        name: "ingest_allow_private",
        allowed: "true or false",
        set: |c, v| v.parse().ok().map(|v| c.ingest_allow_private = v),
        get: |c| c.ingest_allow_private.to_string(),
        secret: false,
    },
    Setting {
        name: "ingest_max_bytes",
        allowed: "a number of bytes such as 500MiB or 16GiB",
        set: |c, v| bytes::parse(v).map(|v| c.ingest_max_bytes = v),
        get: |c| bytes::show(c.ingest_max_bytes),
        secret: false,
    },
    Setting {
        name: "ingest_timeout",
        allowed: "a number of seconds from 1 to 86400",
        set: |c, v| seconds(v).map(|v| c.ingest_timeout = v),
        get: |c| c.ingest_timeout.as_secs().to_string(),
        secret: false,
    },
    Setting {
        name: "ingest_keep_files",
        allowed: "true or false",
        set: |c, v| v.parse().ok().map(|v| c.ingest_keep_files = v),
        get: |c| c.ingest_keep_files.to_string(),
        secret: false,
    },
    Setting {
        name: "api_key",
        allowed: "a key without spaces",
        set: |c, v| key(v).map(|v| c.api_key = v),
        get: |c| reveal(c.api_key.as_ref()),
        secret: true,
    },
    Setting {
        name: "log_format",
        allowed: "pretty or json",
        set: |c, v| {
            let format = match v {
                "pretty" => LogFormat::Pretty,
                "json" => LogFormat::Json,
                _ => return None,
            };
            c.log_format = format;
            Some(())
        },
        get: |c| match c.log_format {
            LogFormat::Pretty => "pretty".to_owned(),
            LogFormat::Json => "json".to_owned(),
        },
        secret: false,
    },
];

/// Up to a day.
fn seconds(value: &str) -> Option<Duration> {
    value.parse().ok().filter(|seconds| (1..=86_400).contains(seconds)).map(Duration::from_secs)
}

fn path(value: &str) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
}

/// A text that can stand in a header; an empty one is none.
fn key(value: &str) -> Option<Option<Secret>> {
    let plain = value.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| (!value.is_empty()).then(|| Secret::new(value)))
}

fn reveal(secret: Option<&Secret>) -> String {
    secret.map(|secret| secret.reveal().to_owned()).unwrap_or_default()
}

/// `auto` is none.
fn or_auto(value: &str, range: std::ops::RangeInclusive<u32>) -> Option<Option<u32>> {
    if value == "auto" {
        return Some(None);
    }
    value.parse().ok().filter(|number| range.contains(number)).map(Some)
}

fn auto(value: Option<u32>) -> String {
    value.map_or_else(|| "auto".to_owned(), |value| value.to_string())
}

/// An origin has a scheme and a host and nothing behind them.
fn origins(value: &str) -> Option<Vec<String>> {
    let origins = value.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins
        .map(|origin| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))?;
            (!host.is_empty() && !host.contains(['/', ' ', '*'])).then(|| origin.to_owned())
        })
        .collect()
}
