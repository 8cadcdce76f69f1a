//! A conversation with a server: the pictures shown so far, and an answer that is read on another thread.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt;
use reqwest::header::CONTENT_TYPE;
use timeline::time::{exact_stamp, stamp};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::Link;
use super::client::Client;
use super::error::RemoteError;
use super::events::{self, Heard, Patience};
use super::wire::{ImageUrl, Message, Part, Request, StreamOptions};
use crate::backend::{Conversation, Counted, Memory, Picture, Piece, Shown, Stop, Written};
use crate::error::{Error, Result};
use crate::images;
use crate::selection::ANSWER_TOKENS;
use crate::thought::Kind;

/// The longest silence in the middle of an answer, unless less is waited for the first word.
const BETWEEN: Duration = Duration::from_secs(60);
/// More than any answer: a server that goes on and on is not read for ever.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// What the reading thread tells.
type Told = std::result::Result<Option<Heard>, RemoteError>;

/// One video shown, and one question about it.
pub(super) struct Talk {
    link: Arc<Link>,
    parts: Vec<Arc<Part>>,
    /// Of what was shown since the fork.
    bytes: u64,
    answer: Option<Answer>,
    counted: Option<Counted>,
}

/// An answer on its way. Dropping it closes the connection.
struct Answer {
    told: Receiver<Told>,
    reading: AbortHandle,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Talk {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link, parts: Vec::new(), bytes: 0, answer: None, counted: None }
    }

    fn request(&self, question: &str) -> Result<Bytes> {
        let question = Part::Text { text: question.to_owned() };
        let content = self.parts.iter().map(AsRef::as_ref).chain([&question]).collect();
        let request = Request {
            model: &self.link.model,
            messages: [Message { role: "user", content }],
            temperature: 0.0,
            max_tokens: ANSWER_TOKENS,
            stream: true,
            stream_options: StreamOptions { include_usage: true },
        };
        let body = serde_json::to_vec(&request).map_err(|e| Error::Internal(format!("writing a request: {e}")))?;
        Ok(body.into())
    }
}

/// A frame as a server is shown it: its moment in words, then the picture.
pub(super) fn parts(picture: &Picture, exact: bool) -> [Part; 2] {
    let seconds = if exact { exact_stamp(picture.at) } else { stamp(picture.at, picture.at) };
    let text = format!("<{seconds} seconds>");
    let url = format!("data:{};base64,{}", images::media_type(&picture.bytes), STANDARD.encode(&picture.bytes));
    [Part::Text { text }, Part::ImageUrl { image_url: ImageUrl { url } }]
}

impl Conversation for Talk {
    fn fork(&self) -> Result<Box<dyn Conversation>> {
        let (link, parts) = (Arc::clone(&self.link), self.parts.clone());
        Ok(Box::new(Self { link, parts, bytes: 0, answer: None, counted: None }))
    }

    /// None here: what the server has read is told with the answer.
    fn tokens(&self) -> u32 {
        0
    }

    fn own_bytes(&self) -> u64 {
        self.bytes
    }

    fn show(&mut self, segments: &[Shown], _stop: Stop<'_>) -> Result<()> {
        let mut parts = Vec::with_capacity(segments.len() * 4);
        for segment in segments {
            let Memory::Pictures(pictures) = &segment.memory else {
                return Err(Error::Internal("a server was to be shown features, not pictures".to_owned()));
            };
            if !segment.caption.is_empty() {
                parts.push(Arc::new(Part::Text { text: segment.caption.to_string() }));
            }
            // Another Timepin pairs frames up: one that is a segment by itself is said twice (`guests.rs`).
            let times = if self.link.exact && pictures.len() == 1 { 2 } else { 1 };
            let said = pictures.iter().cycle().take(pictures.len() * times);
            parts.extend(said.flat_map(|picture| self::parts(picture, self.link.exact)).map(Arc::new));
        }
        self.bytes += parts.iter().map(|part| length(part)).sum::<u64>();
        self.parts.extend(parts);
        Ok(())
    }

    /// Sends the question; the answer, or why there is none, comes with [`write`](Self::write).
    fn ask(&mut self, question: &str, _stop: Stop<'_>) -> Result<()> {
        let body = self.request(question)?;
        let (sender, told) = mpsc::channel();
        let client = self.link.client.clone();
        let reading = self.link.runtime.get()?.spawn(async move {
            let ended = answer(&client, body, &sender).await.map(|()| None);
            // Nobody listens any more: the task is aborted at the same moment.
            let _ = sender.send(ended);
        });
        self.answer = Some(Answer { told, reading: reading.abort_handle() });
        Ok(())
    }

    fn write(&mut self) -> Result<Written> {
        let Some(answer) = &self.answer else { return Ok(Written::Over) };
        match answer.told.try_recv() {
            Ok(Ok(Some(Heard::Thought(text)))) => {
                return Ok(Written::Piece(Piece { text, kind: Kind::Thought, looked: None }));
            }
            Ok(Ok(Some(Heard::Text(text)))) => {
                return Ok(Written::Piece(Piece { text, kind: Kind::Answer, looked: None }));
            }
            Ok(Ok(Some(Heard::Counted(counted)))) => {
                self.counted = Some(counted);
                return Ok(Written::Waiting);
            }
            Err(TryRecvError::Empty) => return Ok(Written::Waiting),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                self.answer = None;
                return Err(error.into());
            }
            Err(TryRecvError::Disconnected) => {
                self.answer = None;
                return Err(Error::Internal("the reader of an answer died".to_owned()));
            }
        }
        self.answer = None;
        Ok(Written::Over)
    }

    fn counted(&self) -> Option<Counted> {
        self.counted
    }
}

fn length(part: &Part) -> u64 {
    match part {
        Part::Text { text } => text.len() as u64,
        Part::ImageUrl { image_url } => image_url.url.len() as u64,
    }
}

/// Asks and reads to the end.
async fn answer(client: &Client, body: Bytes, told: &Sender<Told>) -> std::result::Result<(), RemoteError> {
    let whole = client.patience;
    let patience = Patience { first: Instant::now() + whole, whole, between: whole.min(BETWEEN) };
    let begun = timeout_at(patience.first, client.chat(body)).await;
    let response = begun.map_err(|_| client.slow("the first word", whole))??;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        return Err(client.malformed(format!("it sent `{kind}` where events were asked for")));
    }
    let mut read = 0;
    let bytes = response.bytes_stream().map(move |chunk| {
        let chunk = chunk.map_err(std::io::Error::other)?;
        read += chunk.len();
        if read > MAX_ANSWER_BYTES { Err(std::io::Error::other("it does not end")) } else { Ok(chunk) }
    });
    events::read(client.url(), bytes, patience, |heard| {
        // As above: who does not listen any more has aborted this.
        let _ = told.send(Ok(Some(heard)));
    })
    .await
}
