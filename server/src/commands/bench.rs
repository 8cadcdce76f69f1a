//! `timepin bench`: what this machine does with this model, measured through the engine as a page would use it.

use std::time::Instant;

use anyhow::bail;
use engine::{Engine, Manner, Place};
use futures::StreamExt;
use ingest::ffmpeg;
use serde::Serialize;
use timeline::{AnswerEvent, VideoId};

use crate::cli::Bench;
use crate::commands::ask::add;
use crate::config::Config;
use crate::{commands, telemetry};

/// What was measured.
#[derive(Serialize)]
struct Report {
    model: String,
    frames: u32,
    segments: u32,
    /// From the first frame out of FFmpeg to the last segment encoded; decoding goes on at the same time.
    index_s: f64,
    index_frames_per_s: f64,
    /// Of the first question, which reads all of them.
    prompt_tokens: u32,
    prefill_tokens_per_s: f64,
    decode_tokens_per_s: f64,
    first_question_first_token_ms: f64,
    second_question_first_token_ms: f64,
    /// The others were kept.
    second_question_tokens_read: u32,
    questions: usize,
    last_question_first_token_ms: f64,
    /// The largest this process ever was.
    peak_memory_mib: u64,
}

/// How one question went.
#[derive(Default)]
struct Asked {
    /// Tokens read for it.
    read: u32,
    first_token_ms: f64,
    /// Tokens written after the first, and what they took.
    written: u32,
    writing_s: f64,
}

/// Measures with an empty cache.
///
/// # Errors
/// When the file gives no frames or the model no answer.
pub(crate) fn run(config: &Config, request: &Bench) -> anyhow::Result<()> {
    telemetry::start(config.log_format, "error");
    let video = ffmpeg::probe(&request.video)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let folder = config.data.join("tmp").join(format!("bench-{}", std::process::id()));
    let mut settings = commands::settings(config, Place::Temporary)?;
    // A cache of its own: segments that were ever seen before would not be encoded.
    settings.data_dir = folder.clone();
    let measured = Engine::open(settings).map_err(anyhow::Error::from).and_then(|engine| {
        runtime.block_on(async {
            let begun = Instant::now();
            let id = add(&engine, &video, None).await?;
            commands::wait_until_ready(&engine, &id).await?;
            let index_s = begun.elapsed().as_secs_f64();
            let about = engine.video(&id).await?;
            let mut answers = Vec::new();
            for number in 1..=request.times {
                answers.push(ask(&engine, &id, &format!("{number}. {}", request.question), request.tokens).await?);
            }
            report(&engine, (about.frames, about.segments), index_s, &answers)
        })
    });
    // Best effort: it lies in the folder of temporary things.
    let _ = std::fs::remove_dir_all(&folder);
    let report = measured?;
    let json = serde_json::to_string_pretty(&report)?;
    if request.json { commands::print(&(json + "\n")) } else { commands::print(&table(&json)) }
}

/// Asks, and drops the answer after `tokens` pieces of it: a model of random weights would never end.
async fn ask(engine: &Engine, id: &VideoId, question: &str, tokens: u32) -> anyhow::Result<Asked> {
    let begun = Instant::now();
    let plain = Manner { looks_closer: false, ..Manner::default() };
    let mut events = std::pin::pin!(engine.ask_as(id, question.to_owned(), plain)?);
    let (mut asked, mut first) = (Asked::default(), None);
    while let Some(event) = events.next().await {
        match (event, first) {
            (AnswerEvent::Reading { total, .. }, None) => asked.read = asked.read.max(total),
            (AnswerEvent::Token { .. } | AnswerEvent::Thought { .. }, None) => {
                first = Some(Instant::now());
                asked.first_token_ms = begun.elapsed().as_secs_f64() * 1000.0;
            }
            (AnswerEvent::Token { .. } | AnswerEvent::Thought { .. }, Some(first)) => {
                asked.written += 1;
                asked.writing_s = first.elapsed().as_secs_f64();
            }
            (AnswerEvent::Error { message, .. }, _) => bail!(message),
            _ => {}
        }
        if asked.written + 1 >= tokens && first.is_some() {
            break;
        }
    }
    if first.is_none() {
        bail!("the answer ended before its first word")
    }
    Ok(asked)
}

fn report(engine: &Engine, (frames, segments): (u32, u32), index_s: f64, answers: &[Asked]) -> anyhow::Result<Report> {
    let [first, second, ..] = answers else { bail!("fewer than two answers") };
    let last = answers.last().unwrap_or(second);
    let (written, writing_s) = answers.iter().fold((0, 0.0), |(n, s), a| (n + a.written, s + a.writing_s));
    Ok(Report {
        model: engine.model().name,
        frames,
        segments,
        index_s,
        index_frames_per_s: f64::from(frames) / index_s.max(0.001),
        prompt_tokens: first.read,
        prefill_tokens_per_s: f64::from(first.read) * 1000.0 / first.first_token_ms.max(1.0),
        decode_tokens_per_s: f64::from(written) / writing_s.max(0.001),
        first_question_first_token_ms: first.first_token_ms,
        second_question_first_token_ms: second.first_token_ms,
        second_question_tokens_read: second.read,
        questions: answers.len(),
        last_question_first_token_ms: last.first_token_ms,
        peak_memory_mib: peak_memory_mib(),
    })
}

/// `VmHWM` of this process; 0 where there is no /proc.
fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// The object without its braces and quotes.
fn table(json: &str) -> String {
    let lines = json.lines().map(|line| line.trim().trim_end_matches(',').replace('"', ""));
    lines.filter(|line| line.len() > 1).map(|line| line + "\n").collect()
}
