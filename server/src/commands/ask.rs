//! `timepin ask`: a file, questions, answers. Frames go the same way as a browser's, into a library that goes afterwards.

use std::collections::HashSet;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use engine::{Engine, Place};
use futures::StreamExt;
use ingest::OneFile;
use ingest::ffmpeg::{self, Video};
use serde::Serialize;
use shots::TransNet;
use timeline::events::Usage;
use timeline::video::SpanInText;
use timeline::{AnswerEvent, Course, Evidence, VideoId};
use tokio_util::sync::CancellationToken;

use crate::cli::Ask;
use crate::commands::{subtitles, transcribe};
use crate::config::Config;
use crate::{commands, model, telemetry};

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    question: &'a str,
    answer: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    thought: &'a str,
    /// Of a question that asks where something is said, when there are subtitles.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Vec<Span<'a>>>,
    spans: Vec<Span<'a>>,
    /// Windows searched, closer looks.
    #[serde(skip_serializing_if = "Course::is_plain")]
    course: Course,
    usage: Usage,
}

#[derive(Serialize)]
struct Span<'a> {
    start_us: i64,
    end_us: i64,
    text: &'a str,
}

/// Answers the questions, one after another.
///
/// # Errors
/// When the file gives no frames, or a question no answer; the first error ends the run.
pub(crate) fn run(config: &Config, request: &Ask) -> anyhow::Result<()> {
    telemetry::start(config.log_format, "error");
    let questions = questions(request)?;
    // Before the model is loaded: a wrong file should be told at once.
    let video = ffmpeg::probe(&request.video)?;
    let subtitles = if request.speech {
        vec![subtitles::Subtitles::spoken(&transcribe::file(config, &request.video)?)]
    } else {
        subtitles::read(request)?
    };
    let shots = model::shots(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = Engine::open(commands::settings(config, Place::Temporary)?)?;
    runtime.block_on(async {
        let id = add(&engine, &video, shots.as_ref()).await?;
        subtitles::add(&engine, &id, subtitles, request).await?;
        for question in &questions {
            answer(&engine, &id, question, request, questions.len() > 1).await?;
        }
        Ok(())
    })
}

/// Brings the planned frames of a file into the engine, and where its shots begin.
pub(super) async fn add(engine: &Engine, video: &Video, shots: Option<&Arc<TransNet>>) -> anyhow::Result<VideoId> {
    let title = video.path.file_name().map_or_else(|| "video".into(), |name| name.to_string_lossy().into_owned());
    let id = ingest::create(engine, video, title).await?;
    engine.set_frame_source(Arc::new(OneFile(Arc::new(video.clone()))));
    let stop = CancellationToken::new();
    ingest::fill(engine, &id, video, &HashSet::new(), shots.is_none(), &stop).await?;
    if let Some(network) = shots {
        ingest::find_cuts(engine, &id, video, network, &stop).await?;
    }
    engine.seen(&id).await?;
    Ok(id)
}

async fn answer(engine: &Engine, id: &VideoId, question: &str, request: &Ask, many: bool) -> anyhow::Result<()> {
    let json = request.json;
    if many && !json {
        commands::print(&format!("> {question}\n"))?;
    }
    let mut events = std::pin::pin!(engine.ask(id, question.to_owned())?);
    let (mut text, mut thought, mut spans, mut evidence) = (String::new(), String::new(), Vec::new(), None);
    let mut course = Course::default();
    // What is not read by somebody while it is written is the answer that stands in the end, and nothing else.
    let live = !json && std::io::stdout().is_terminal();
    while let Some(event) = events.next().await {
        match event {
            AnswerEvent::Found { evidence: found } => {
                if !json {
                    commands::print(&subtitles::shown(&found))?;
                }
                evidence = Some(found);
            }
            AnswerEvent::Token { text: more, .. } => {
                if request.show_thoughts && text.is_empty() && !thought.is_empty() {
                    commands::print_aside("\n\n");
                }
                if live {
                    commands::print(&more)?;
                }
                text.push_str(&more);
            }
            AnswerEvent::Thought { text: more } => {
                if request.show_thoughts {
                    commands::print_aside(&more);
                }
                thought.push_str(&more);
            }
            AnswerEvent::Span(span) => spans.push(span),
            AnswerEvent::Error { message, .. } => bail!(message),
            AnswerEvent::Done { usage } => {
                let line = if json {
                    let found = evidence.as_deref();
                    line(question, &text, &thought, found, &spans, course, usage)?
                } else {
                    let rest = if live { String::new() } else { text };
                    format!("{rest}\n{}", found_at(&course))
                };
                return commands::print(&line);
            }
            AnswerEvent::Searching { span, window, windows } => {
                aside(live, &format!("searching {}-{}, {window} of {windows}\n", span.start.clock(), span.end.clock()));
            }
            AnswerEvent::Closer { spans, .. } => {
                aside(live, &format!("\nlooking closer at {}\n", stretches(&spans)));
            }
            AnswerEvent::Again => {
                text.clear();
                thought.clear();
                spans.clear();
            }
            AnswerEvent::Course(told) => {
                if course.leads.is_empty() && !told.leads.is_empty() {
                    aside(live, &format!("not all of it fits: reading closely at {}\n", stretches(&told.leads)));
                }
                course = told;
            }
            // The whole file was read before it was asked about, and is at hand.
            AnswerEvent::Coarse(_) | AnswerEvent::Wanted { .. } => {}
            AnswerEvent::Started { .. } | AnswerEvent::Waiting { .. } | AnswerEvent::Reading { .. } => {}
        }
    }
    bail!("the answer ended before its end")
}

/// The places of a search, when there are several.
fn found_at(course: &Course) -> String {
    if course.places.is_empty() { String::new() } else { format!("found at {}\n", stretches(&course.places)) }
}

fn stretches(spans: &[timeline::Span]) -> String {
    let stretch = |span: &timeline::Span| format!("{}-{}", span.start.clock(), span.end.clock());
    spans.iter().map(stretch).collect::<Vec<_>>().join(", ")
}

/// Says what goes on to whoever watches.
fn aside(live: bool, text: &str) {
    if live {
        commands::print_aside(text);
    }
}

fn line<'a>(
    question: &str,
    text: &str,
    thought: &str,
    evidence: Option<&'a [Evidence]>,
    spans: &[SpanInText],
    course: Course,
    usage: Usage,
) -> anyhow::Result<String> {
    let evidence = evidence.map(|all| {
        let span = |found: &'a Evidence| Span {
            start_us: found.span.start.micros(),
            end_us: found.span.end.micros(),
            text: found.text.as_str(),
        };
        all.iter().map(span).collect()
    });
    let spans = spans.iter().map(|found| Span {
        start_us: found.span.start.micros(),
        end_us: found.span.end.micros(),
        text: text.get(found.from as usize..found.to as usize).unwrap_or_default(),
    });
    let answer = Answer { question, answer: text.trim(), thought, evidence, spans: spans.collect(), course, usage };
    Ok(serde_json::to_string(&answer)? + "\n")
}

/// Questions from the command line, then from the file.
fn questions(request: &Ask) -> anyhow::Result<Vec<String>> {
    let mut questions: Vec<String> = request.question.iter().chain(&request.more).cloned().collect();
    if let Some(path) = &request.questions {
        let text = read(path).with_context(|| format!("cannot read the questions in {}", path.display()))?;
        questions.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    if questions.is_empty() {
        bail!("there is no question; write one after the video or one a line into the file");
    }
    Ok(questions)
}

fn read(path: &Path) -> std::io::Result<String> {
    if path != Path::new("-") {
        return std::fs::read_to_string(path);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}
