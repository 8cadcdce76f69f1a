//! Answers in OpenAI's shape, whole or as server-sent events. What only Timepin knows (times in the text and where the
//! model looked) stands in a field of its own, `timepin`, of the whole answer or of the last chunk with a choice.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::Json;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::Guest;
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};
use timeline::events::Usage;
use timeline::video::SpanInText;
use timeline::{AnswerEvent, Pin, Timestamp, VideoId};

use super::refusal::Refusal;

/// Before proxies take a silence for an end.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An answer as it grows.
pub(super) struct Reply {
    id: String,
    model: String,
    created: u64,
    video: Option<VideoId>,
    /// Tokens it may have.
    most: u32,
    /// What a thinking model said to itself, as servers with such models call `reasoning_content`.
    thought: String,
    text: String,
    spans: Vec<SpanInText>,
    pins: Vec<PinInText>,
    usage: Usage,
}

/// Where the model looked as it wrote the bytes `[from, to)` of the answer.
#[derive(Serialize)]
struct PinInText {
    from: usize,
    to: usize,
    at_us: i64,
    spread_us: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed_us: Option<i64>,
}

/// What an event does to a reply.
enum Step {
    /// It has a name.
    Begun,
    /// More of a thought.
    Thought(String),
    /// More text.
    Text(String),
    /// Nothing a client of OpenAI's interface knows of.
    Silent,
    /// It is complete.
    Done,
    Failed(Refusal),
}

impl Reply {
    pub(super) fn new(model: String, created: u64, video: Option<VideoId>, most: u32) -> Self {
        let (thought, text, spans, pins) = (String::new(), String::new(), Vec::new(), Vec::new());
        Self { id: String::new(), model, created, video, most, thought, text, spans, pins, usage: Usage::default() }
    }

    fn take(&mut self, event: AnswerEvent) -> Step {
        match event {
            AnswerEvent::Started { question } => {
                self.id = format!("chatcmpl-{question}");
                return Step::Begun;
            }
            AnswerEvent::Found { .. }
            | AnswerEvent::Waiting { .. }
            | AnswerEvent::Coarse(_)
            | AnswerEvent::Searching { .. }
            | AnswerEvent::Closer { .. }
            | AnswerEvent::Wanted { .. }
            | AnswerEvent::Course(_)
            | AnswerEvent::Reading { .. } => {}
            AnswerEvent::Again => {
                self.thought.clear();
                self.text.clear();
                self.spans.clear();
                self.pins.clear();
            }
            AnswerEvent::Thought { text } => {
                self.thought.push_str(&text);
                return Step::Thought(text);
            }
            AnswerEvent::Token { text, pin, looked: _ } => {
                let from = self.text.len();
                self.text.push_str(&text);
                self.pins.extend(pin.map(|Pin { at, spread, proposed }| PinInText {
                    from,
                    to: self.text.len(),
                    at_us: at.micros(),
                    spread_us: spread.micros(),
                    proposed_us: proposed.map(Timestamp::micros),
                }));
                return Step::Text(text);
            }
            AnswerEvent::Span(span) => self.spans.push(span),
            AnswerEvent::Done { usage } => {
                self.usage = usage;
                return Step::Done;
            }
            AnswerEvent::Error { code, message, .. } => return Step::Failed(Refusal::of_event(&code, message)),
        }
        Step::Silent
    }

    /// The answer in one piece.
    pub(super) async fn whole(mut self, events: impl Stream<Item = AnswerEvent>) -> Result<Response, Refusal> {
        let mut events = pin!(events);
        while let Some(event) = events.next().await {
            match self.take(event) {
                Step::Begun | Step::Thought(_) | Step::Text(_) | Step::Silent => {}
                Step::Failed(refusal) => return Err(refusal),
                Step::Done => {
                    let thought = (!self.thought.is_empty()).then_some(&self.thought);
                    let message = json!({
                        "role": "assistant", "content": self.text, "refusal": null, "reasoning_content": thought,
                    });
                    let choice =
                        json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": self.finish() });
                    let more = json!({ "choices": [choice], "usage": self.tokens(), "timepin": self.extra() });
                    return Ok(Json(self.with_head("chat.completion", more)).into_response());
                }
            }
        }
        Err(Refusal::internal(&"the answer ended before its end"))
    }

    /// The answer as it is written. Until the model begins to read, an error is still a status of its own. `guest` stays
    /// as long as the stream does.
    pub(super) async fn stream(
        self,
        events: impl Stream<Item = AnswerEvent> + Send + 'static,
        guest: Option<Guest>,
        include_usage: bool,
    ) -> Result<Response, Refusal> {
        let mut events = Box::pin(events);
        let mut early = Vec::new();
        while let Some(event) = events.next().await {
            if let AnswerEvent::Error { code, message, .. } = event {
                return Err(Refusal::of_event(&code, message));
            }
            let waits = matches!(
                event,
                AnswerEvent::Started { .. }
                    | AnswerEvent::Found { .. }
                    | AnswerEvent::Waiting { .. }
                    | AnswerEvent::Coarse(_)
                    | AnswerEvent::Searching { .. }
                    | AnswerEvent::Course(_)
                    | AnswerEvent::Reading { total: 0, .. }
            );
            early.push(event);
            if !waits {
                break;
            }
        }
        let lines = stream::iter(early).chain(events).scan((self, guest), move |(reply, _guest), event| {
            let lines = reply.lines(event, include_usage);
            async move { Some(stream::iter(lines)) }
        });
        let data = lines.flatten().map(|line| Ok::<_, Infallible>(Event::default().data(line)));
        Ok(Sse::new(data).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
    }

    /// What is sent because of an event.
    fn lines(&mut self, event: AnswerEvent, include_usage: bool) -> Vec<String> {
        match self.take(event) {
            Step::Begun => vec![self.chunk(&json!({ "role": "assistant", "content": "" }), None)],
            Step::Thought(text) => vec![self.chunk(&json!({ "reasoning_content": text }), None)],
            Step::Text(text) => vec![self.chunk(&json!({ "content": text }), None)],
            Step::Silent => Vec::new(),
            Step::Failed(refusal) => vec![refusal.body().to_string()],
            Step::Done => {
                let mut lines = vec![self.chunk(&json!({}), Some(self.finish()))];
                if include_usage {
                    let usage = json!({ "choices": [], "usage": self.tokens() });
                    lines.push(self.with_head("chat.completion.chunk", usage).to_string());
                }
                lines.push("[DONE]".to_owned());
                lines
            }
        }
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> String {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        let more = match finish {
            Some(_) => json!({ "choices": [choice], "timepin": self.extra() }),
            None => json!({ "choices": [choice] }),
        };
        self.with_head("chat.completion.chunk", more).to_string()
    }

    /// An object of the interface: what every one begins with, then `more`.
    fn with_head(&self, object: &str, mut more: Value) -> Value {
        let mut head = json!({ "id": self.id, "object": object, "created": self.created, "model": self.model });
        if let (Some(head), Some(more)) = (head.as_object_mut(), more.as_object_mut()) {
            head.append(more);
        }
        head
    }

    fn finish(&self) -> &'static str {
        if self.usage.answer_tokens >= self.most { "length" } else { "stop" }
    }

    fn tokens(&self) -> Value {
        let Usage { prompt_tokens, kept_tokens, answer_tokens, .. } = self.usage;
        json!({
            "prompt_tokens": prompt_tokens, "completion_tokens": answer_tokens,
            "total_tokens": prompt_tokens.saturating_add(answer_tokens),
            "prompt_tokens_details": { "cached_tokens": kept_tokens },
        })
    }

    fn extra(&self) -> Value {
        let spans = self.spans.iter().map(|found| {
            json!({
                "from": found.from, "to": found.to,
                "start_us": found.span.start.micros(), "end_us": found.span.end.micros(),
                "text": self.text.get(found.from as usize..found.to as usize),
            })
        });
        json!({
            "video": self.video, "spans": spans.collect::<Vec<_>>(), "pins": self.pins,
            "segments": { "shown": self.usage.shown_segments, "all": self.usage.all_segments },
        })
    }
}
