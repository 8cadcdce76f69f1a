//! Every setting: its name, what it may be, and how it is read and shown.

use std::path::PathBuf;

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
}

/// All of them, in the order they are shown.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "address",
        allowed: "an address and a port such as 127.0.0.1:8080 or [::]:8080",
        set: |c, v| v.parse().ok().map(|v| c.address = v),
        get: |c| c.address.to_string(),
    },
    Setting {
        name: "data",
        allowed: "a folder",
        set: |c, v| path(v).map(|v| c.data = v),
        get: |c| c.data.display().to_string(),
    },
    Setting {
        name: "model",
        allowed: "a folder with config.json and safetensors or with GGUF files, the name of a pulled model such as \
                  Qwen/Qwen3-VL-2B-Instruct, or bundled",
        set: |c, v| path(v).map(|v| c.model = (v.as_os_str() != "bundled").then_some(v)),
        get: |c| c.model.as_ref().map_or_else(|| "bundled".to_owned(), |v| v.display().to_string()),
    },
    Setting {
        name: "device",
        allowed: "auto, cpu, cuda or cuda:N",
        set: |c, v| {
            let numbered = v.strip_prefix("cuda:").is_some_and(|n| n.parse::<u16>().is_ok());
            (numbered || matches!(v, "auto" | "cpu" | "cuda")).then(|| c.device = v.to_owned())
        },
        get: |c| c.device.clone(),
    },
    Setting {
        name: "precision",
        allowed: "auto, f32, 16bit, q8_0, q6k, q5k or q4k",
        set: |c, v| v.parse().ok().map(|v| c.precision = v),
        get: |c| c.precision.to_string(),
    },
    Setting {
        name: "kv_cache",
        allowed: "auto, 32, 16 or 8 (bits)",
        set: |c, v| v.parse().ok().map(|v| c.kv_cache = v),
        get: |c| c.kv_cache.to_string(),
    },
    Setting {
        name: "use_flash_attention",
        allowed: "true or false",
        set: |c, v| v.parse().ok().map(|v| c.use_flash_attention = v),
        get: |c| c.use_flash_attention.to_string(),
    },
    Setting {
        name: "max_context_length",
        allowed: "auto or a number of tokens from 256 to 1048576",
        set: |c, v| or_auto(v, 256..=1 << 20).map(|v| c.max_context_length = v),
        get: |c| auto(c.max_context_length),
    },
    Setting {
        name: "enable_temporal_compression",
        allowed: "true or false",
        set: |c, v| v.parse().ok().map(|v| c.enable_temporal_compression = v),
        get: |c| c.enable_temporal_compression.to_string(),
    },
    Setting {
        name: "segment_cache",
        allowed: "a number of bytes such as 500MiB or 8GiB (0 keeps nothing)",
        set: |c, v| bytes::parse(v).map(|v| c.segment_cache = v),
        get: |c| bytes::show(c.segment_cache),
    },
    Setting {
        name: "prefix_cache_videos",
        allowed: "a number of videos (0 keeps none)",
        set: |c, v| v.parse().ok().map(|v| c.prefix_cache_videos = v),
        get: |c| c.prefix_cache_videos.to_string(),
    },
    Setting {
        name: "prefix_cache_memory",
        allowed: "a number of bytes such as 500MiB or 4GiB",
        set: |c, v| bytes::parse(v).map(|v| c.prefix_cache_memory = v),
        get: |c| bytes::show(c.prefix_cache_memory),
    },
    Setting {
        name: "threads",
        allowed: "auto or a number from 1 to 1024",
        set: |c, v| or_auto(v, 1..=1024).map(|v| c.threads = v),
        get: |c| auto(c.threads),
    },
    Setting {
        name: "site",
        allowed: "a folder, or auto",
        set: |c, v| path(v).map(|v| c.site = (v.as_os_str() != "auto").then_some(v)),
        get: |c| c.site.as_ref().map_or_else(|| "auto".to_owned(), |v| v.display().to_string()),
    },
    Setting {
        name: "cors_origins",
        allowed: "origins such as https://example.org, separated by commas",
        set: |c, v| origins(v).map(|v| c.cors_origins = v),
        get: |c| c.cors_origins.join(","),
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
    },
];

fn path(value: &str) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
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
