//! `timepin eval`: a benchmark's annotations, predictions, official scores. With videos the model makes the predictions, one
//! durable line an answer, so that a run of days can be cut and goes on.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use engine::{Engine, Place};
use eval::{Predictions, Query};
use futures::StreamExt;
use ingest::ffmpeg;
use serde::Serialize;
use shots::TransNet;
use timeline::{AnswerEvent, VideoId};

use crate::cli::Eval;
use crate::commands::ask;
use crate::config::Config;
use crate::{commands, model, telemetry};

/// A line of the predictions.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    answer: &'a str,
}

/// Scores predictions, after asking for those that are missing if there are videos.
///
/// # Errors
/// When a file is not what it is said to be, or the model cannot be asked.
pub(crate) fn run(config: &Config, request: &Eval) -> anyhow::Result<()> {
    telemetry::start(config.log_format, "error");
    let annotations = text(&request.annotations)?;
    let mut queries = eval::annotations::read(request.benchmark, &annotations)
        .with_context(|| request.annotations.display().to_string())?;
    queries.truncate(request.limit.unwrap_or(usize::MAX));
    if let Some(folder) = &request.videos {
        ask_all(config, request, &queries, folder)?;
    }
    let report = eval::score(request.benchmark, &queries, &read(request, &queries)?)?;
    let shown = if request.json { serde_json::to_string(&report)? + "\n" } else { report.to_string() };
    commands::print(&shown)
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read(request: &Eval, queries: &[Query]) -> anyhow::Result<Predictions> {
    let path = &request.predictions;
    let found = eval::predictions::read(&text(path)?, queries, request.parser);
    found.with_context(|| path.display().to_string())
}

/// Asks every query without a prediction, video by video.
fn ask_all(config: &Config, request: &Eval, queries: &[Query], folder: &Path) -> anyhow::Result<()> {
    if !request.prompt.contains("{}") {
        bail!("the prompt has no {{}} where the event belongs");
    }
    let mut out = Out::open(&request.predictions)?;
    let there = if out.is_empty { Predictions::new() } else { read(request, queries)? };
    let mut by_video: BTreeMap<&str, Vec<&Query>> = BTreeMap::new();
    for query in queries.iter().filter(|query| !there.contains_key(&query.id)) {
        by_video.entry(&query.video).or_default().push(query);
    }
    if by_video.is_empty() {
        return Ok(());
    }
    let files = videos(folder)?;
    let absent: Vec<_> = by_video.keys().filter(|video| !files.contains_key(**video)).copied().collect();
    if absent.len() == by_video.len() {
        bail!("none of the {} videos, such as {}, is in {}", absent.len(), absent.join(", "), folder.display());
    }
    if let Some(first) = absent.first() {
        commands::print_aside(&format!("{} videos are not there, such as {first}\n", absent.len()));
    }
    let shots = model::shots(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = Engine::open(commands::settings(config, Place::Temporary)?)?;
    let all = by_video.len() - absent.len();
    let there = by_video.into_iter().filter_map(|(video, queries)| Some((video, files.get(video)?, queries)));
    for (number, (video, file, queries)) in there.enumerate() {
        commands::print_aside(&format!("video {} of {all}, {video}: {} queries\n", number + 1, queries.len()));
        runtime.block_on(ask_about(&engine, shots.as_ref(), file, &queries, request, &mut out))?;
    }
    Ok(())
}

async fn ask_about(
    engine: &Engine,
    shots: Option<&Arc<TransNet>>,
    file: &Path,
    queries: &[&Query],
    request: &Eval,
    out: &mut Out,
) -> anyhow::Result<()> {
    let video = match ffmpeg::probe(file) {
        Ok(video) => video,
        // One of hundreds: what is asked about it stays without a prediction, and is said to be.
        Err(error) => {
            commands::print_aside(&format!("{} cannot be read and is left out: {error:#}\n", file.display()));
            return Ok(());
        }
    };
    let id = ask::add(engine, &video, shots).await?;
    for query in queries {
        let question = request.prompt.replacen("{}", &query.text, 1);
        let answer = answer(engine, &id, question).await?;
        out.write(&Line { id: &query.id, answer: answer.trim() })?;
    }
    Ok(engine.delete(&id).await?)
}

async fn answer(engine: &Engine, id: &VideoId, question: String) -> anyhow::Result<String> {
    let mut events = std::pin::pin!(engine.ask(id, question)?);
    let mut text = String::new();
    while let Some(event) = events.next().await {
        match event {
            AnswerEvent::Token { text: more, .. } => text.push_str(&more),
            AnswerEvent::Again => text.clear(),
            AnswerEvent::Error { message, .. } => bail!(message),
            AnswerEvent::Done { .. } => return Ok(text),
            _ => {}
        }
    }
    bail!("the answer ended before its end")
}

/// Files below a folder by their names without ending.
fn videos(folder: &Path) -> anyhow::Result<HashMap<String, PathBuf>> {
    let (mut found, mut folders) = (HashMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
                found.insert(name.to_owned(), path);
            }
        }
    }
    Ok(found)
}

/// Whether a text is one of our lines as far as it goes.
fn is_begun(text: &str) -> bool {
    const HEAD: &str = r#"{"id":"#;
    text.starts_with(HEAD) || HEAD.starts_with(text)
}

/// The predictions as a file that only grows.
struct Out {
    file: File,
    is_empty: bool,
}

impl Out {
    /// A line that a cut left half is dropped; a file of anything but lines is left alone.
    fn open(path: &Path) -> anyhow::Result<Self> {
        let open = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = open.with_context(|| format!("cannot write {}", path.display()))?;
        let there = text(path)?;
        let (lines, rest) = there.split_at(there.rfind('\n').map_or(0, |end| end + 1));
        let is_line = |line: &str| matches!(serde_json::from_str(line), Ok(serde_json::Value::Object(_)));
        let is_half = !rest.is_empty() && !is_line(rest);
        if !lines.lines().all(is_line) || (is_half && !is_begun(rest)) {
            bail!(
                "{} holds something else than lines of {{id, answer}}; name another file for the answers",
                path.display()
            );
        }
        if is_half {
            file.set_len(lines.len() as u64)?;
        } else if !rest.is_empty() {
            file.write_all(b"\n")?;
        }
        Ok(Self { file, is_empty: lines.is_empty() && (rest.is_empty() || is_half) })
    }

    fn write(&mut self, line: &Line<'_>) -> anyhow::Result<()> {
        self.file.write_all((serde_json::to_string(line)? + "\n").as_bytes())?;
        Ok(self.file.sync_data()?)
    }
}
