//! An answer as it comes: server-sent events (WHATWG HTML §9.2) whose data are chunks of text, with a limit to every
//! silence. Bytes may be cut anywhere, in the middle of a line or of a character.

use std::time::Duration;

use bytes::Buf;
use futures::{Stream, StreamExt};
use sse_stream::SseByteStream;
use tokio::time::{Instant, timeout_at};

use super::error::RemoteError;
use super::refusal;
use super::wire::{Chunk, Delta};
use crate::backend::Counted;

/// What a server tells of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// More of a thought.
    Thought(String),
    /// More text.
    Text(String),
    /// What the answer took.
    Counted(Counted),
}

/// How long silences may last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// When the first word has to be there.
    pub(super) first: Instant,
    /// How long that was in all.
    pub(super) whole: Duration,
    /// The longest silence after it.
    pub(super) between: Duration,
}

/// Reads an answer to its end and tells what it hears.
///
/// # Errors
/// When the server falls silent, breaks off, fails, or sends what is no answer. What was told before stays told.
pub(super) async fn read<B: Buf>(
    url: &str,
    bytes: impl Stream<Item = std::io::Result<B>>,
    patience: Patience,
    mut tell: impl FnMut(Heard),
) -> Result<(), RemoteError> {
    let mut events = std::pin::pin!(SseByteStream::new(bytes));
    let (mut begun, mut finished) = (false, false);
    loop {
        let limit = if begun { Instant::now() + patience.between } else { patience.first };
        let event = match timeout_at(limit, events.next()).await {
            // The text is complete: what is missing is only how many tokens it had.
            Err(_) | Ok(None | Some(Err(_))) if finished => return Ok(()),
            Err(_) => return Err(slow(url, patience, begun)),
            Ok(None) => return Err(cut(url, "the stream ended before the answer did")),
            Ok(Some(Err(sse_stream::Error::Body(error)))) => return Err(cut(url, &error.to_string())),
            Ok(Some(Err(error))) => return Err(malformed(url, &error.to_string())),
            Ok(Some(Ok(event))) => event,
        };
        let Some(data) = event.data.filter(|data| !data.trim().is_empty()) else { continue };
        if data.trim() == "[DONE]" {
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(&data).map_err(|e| malformed(url, &e.to_string()))?;
        if let Some(error) = chunk.error {
            return Err(failed(url, &error, begun));
        }
        for choice in chunk.choices {
            finished |= choice.finish_reason.is_some();
            let Delta { content, reasoning_content } = choice.delta;
            for (text, heard) in [(reasoning_content, Heard::Thought as fn(String) -> Heard), (content, Heard::Text)] {
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    begun = true;
                    tell(heard(text));
                }
            }
        }
        if let Some(usage) = chunk.usage {
            let kept = usage.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0);
            let counted = Counted { prompt: usage.prompt_tokens, kept, answer: usage.completion_tokens };
            tell(Heard::Counted(counted));
        }
    }
}

/// An error in the middle of the events: before the first word it is a refusal like any other.
fn failed(url: &str, error: &serde_json::Value, begun: bool) -> RemoteError {
    let said = refusal::words(error.to_string().as_bytes());
    if begun {
        return cut(url, &said);
    }
    let status = error.get("code").and_then(serde_json::Value::as_u64).and_then(|code| u16::try_from(code).ok());
    refusal::understand(url, status.unwrap_or(400), &said)
}

fn slow(url: &str, patience: Patience, begun: bool) -> RemoteError {
    let (awaited, limit) = if begun { ("the next word", patience.between) } else { ("the first word", patience.whole) };
    RemoteError::Slow { url: url.to_owned(), seconds: limit.as_secs(), awaited }
}

fn cut(url: &str, reason: &str) -> RemoteError {
    RemoteError::Cut { url: url.to_owned(), reason: reason.to_owned() }
}

fn malformed(url: &str, reason: &str) -> RemoteError {
    RemoteError::Malformed { url: url.to_owned(), reason: reason.to_owned() }
}
