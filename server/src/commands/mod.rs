//! What each subcommand does.

pub(crate) mod ask;
pub(crate) mod bench;
pub(crate) mod chapters;
pub(crate) mod eval;
pub(crate) mod fit;
pub(crate) mod inspect;
pub(crate) mod probe;
pub(crate) mod pull;
pub(crate) mod serve;
mod subtitles;
pub(crate) mod transcribe;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use engine::{Engine, Place, Server, Settings};
use futures::StreamExt;
use shots::TransNet;
use timeline::{ProgressEvent, VideoId, VideoState};

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
        text_model_dir: model::text_folder(config)?,
        image_model_dir: model::image_folder(config)?,
        server,
        device: config.device.clone(),
        precision: config.precision,
        kv_cache: config.kv_cache,
        use_flash_attention: config.use_flash_attention,
        max_context_length: config.max_context_length,
        temporal_compression: config.enable_temporal_compression,
        token_pruning: config.enable_token_pruning,
        zoom_rounds: config.zoom_rounds,
        segment_cache_bytes: config.segment_cache,
        prefix_cache_videos: config.prefix_cache_videos,
        prefix_cache_bytes: config.prefix_cache_memory,
        threads: config.threads,
    })
}

/// What files the server takes to decode them itself.
fn ingest_settings(config: &Config, shots: Option<Arc<TransNet>>) -> ingest::Settings {
    ingest::Settings {
        folder: config.data.join("ingest"),
        roots: config.ingest_roots.clone(),
        allow_private: config.ingest_allow_private,
        max_bytes: config.ingest_max_bytes,
        timeout: config.ingest_timeout,
        keep_files: config.ingest_keep_files,
        shots,
    }
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

/// Waits until every segment of a video is encoded.
async fn wait_until_ready(engine: &Engine, id: &VideoId) -> anyhow::Result<()> {
    let mut events = std::pin::pin!(engine.progress(id)?);
    while let Some(event) = events.next().await {
        match event {
            ProgressEvent::State { state: VideoState::Ready }
            | ProgressEvent::Snapshot { state: VideoState::Ready, .. } => return Ok(()),
            ProgressEvent::Failed { message } => bail!(message),
            _ => {}
        }
    }
    bail!("the index was never completed")
}

/// Waits until the process is told to end: Ctrl-C, or `SIGTERM`.
pub(crate) async fn told_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupt = tokio::signal::ctrl_c() => interrupt,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Writes to standard output. A reader that went away ("| head") is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes to standard error what is no part of the result. A reader that went away misses nothing.
fn print_aside(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
