//! What each subcommand does.

pub(crate) mod ask;
pub(crate) mod bench;
pub(crate) mod serve;

use std::io::Write;
use std::path::PathBuf;

use engine::{Place, Server, Settings};

use crate::config::Config;
use crate::model;

/// What the engine is opened with.
fn settings(config: &Config, library: Place) -> anyhow::Result<Settings> {
    let server = server(config);
    // A server that answers makes unpacking the bundled model needless.
    let (model_dir, bundled_model) = if server.is_some() { (PathBuf::new(), false) } else { model::folder(config)? };
    Ok(Settings {
        data_dir: config.data.clone(),
        library,
        model_dir,
        bundled_model,
        server,
        device: config.device.clone(),
        max_context_length: config.max_context_length,
        temporal_compression: config.enable_temporal_compression,
        segment_cache_bytes: config.segment_cache,
        prefix_cache_videos: config.prefix_cache_videos,
        prefix_cache_bytes: config.prefix_cache_memory,
        threads: config.threads,
    })
}

/// The server that is to answer, if there is one.
fn server(config: &Config) -> Option<Server> {
    Some(Server {
        url: config.backend_url.clone()?,
        model: config.backend_model.clone(),
        key: config.backend_key.clone(),
        timeout: config.backend_timeout,
    })
}

/// Writes to standard output. A reader that went away ("| head") is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
