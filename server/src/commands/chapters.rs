//! `timepin chapters`: what happens in a file, as chapters or scene by scene.

use anyhow::bail;
use engine::{Engine, Place};
use futures::StreamExt;
use ingest::ffmpeg;
use timeline::{Outline, OutlineState, TitleLanguage, VideoId, outline};

use crate::cli::Chapters;
use crate::commands::ask;
use crate::config::Config;
use crate::{commands, model, telemetry};

/// Prints chapters, or scenes where that is asked for or the video is too short for chapters.
///
/// # Errors
/// When the file gives no frames or the model fails.
pub(crate) fn run(config: &Config, request: &Chapters) -> anyhow::Result<()> {
    telemetry::start(config.log_format, "error");
    let video = ffmpeg::probe(&request.video)?;
    let shots = model::shots(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = Engine::open(commands::settings(config, Place::Temporary)?)?;
    let found = runtime.block_on(async {
        let id = ask::add(&engine, &video, shots.as_ref()).await?;
        commands::wait_until_ready(&engine, &id).await?;
        look_through(&engine, &id, request.language).await
    })?;
    let text = match (request.json, request.scenes || found.chapters.is_empty()) {
        (true, _) => serde_json::to_string(&found)? + "\n",
        (false, false) => outline::as_text(&found.chapters),
        (false, true) => found.scenes.iter().map(|scene| line(&scene.title, scene.span)).collect(),
    };
    commands::print(&text)
}

fn line(title: &str, span: timeline::Span) -> String {
    format!("{} - {} {title}\n", span.start.clock_tenths(), span.end.clock_tenths())
}

async fn look_through(engine: &Engine, id: &VideoId, language: TitleLanguage) -> anyhow::Result<Outline> {
    engine.begin_outline(id, language).await?;
    let mut changes = std::pin::pin!(engine.outline_changes(id).await?);
    let mut found = Outline::default();
    while let Some(outline) = changes.next().await {
        found = outline;
    }
    if found.state != OutlineState::Done {
        bail!("the model failed at {} of {} moments", found.done, found.total);
    }
    Ok(found)
}
