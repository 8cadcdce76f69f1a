//! Questions, and the two streams: how an index grows and how an answer is written.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, StreamingText, TextStream};
use timeline::{QuestionRecord, VideoId};

use super::error::ApiError;

/// The most a question may have; longer ones are refused before anything is read.
pub const MAX_QUESTION_BYTES: u32 = 8 * 1024;

/// Whether a question can be asked at all; the page and the server agree by asking the same function.
///
/// # Errors
/// When it is empty or longer than [`MAX_QUESTION_BYTES`].
pub fn check_question(question: &str) -> Result<(), ApiError> {
    let bytes = u32::try_from(question.len()).unwrap_or(u32::MAX);
    if question.trim().is_empty() {
        return Err(ApiError::EmptyQuestion);
    }
    if bytes > MAX_QUESTION_BYTES {
        return Err(ApiError::QuestionTooLong { bytes, limit: MAX_QUESTION_BYTES });
    }
    Ok(())
}

/// How the index of a video grows: one JSON [`ProgressEvent`](timeline::ProgressEvent) a line, a snapshot first.
#[server(prefix = "/api", endpoint = "progress", input = Json, output = StreamingText)]
pub async fn progress(video: VideoId) -> Result<TextStream<ApiError>, ApiError> {
    let events = super::backend::engine()?.progress(&video)?;
    Ok(super::backend::lines(events))
}

/// Asks: one JSON [`AnswerEvent`](timeline::AnswerEvent) a line; the last is `done` or `error`. sends_frames: whether whoever asks answers
/// `wanted` with [`append_close_ups`](super::append_close_ups), empty if there is no file; left out, nobody is waited for.
#[server(prefix = "/api", endpoint = "ask", input = Json, output = StreamingText)]
pub async fn ask(
    video: VideoId,
    question: String,
    #[server(default)] sends_frames: bool,
) -> Result<TextStream<ApiError>, ApiError> {
    check_question(&question)?;
    let manner = engine::Manner { sends_frames, ..Default::default() };
    let events = super::backend::engine()?.ask_as(&video, question, manner)?;
    Ok(super::backend::lines(events))
}

/// Questions of a video and their answers, the oldest first.
#[server(prefix = "/api", endpoint = "list_questions", input = Json, output = Json)]
pub async fn list_questions(video: VideoId) -> Result<Vec<QuestionRecord>, ApiError> {
    Ok(super::backend::engine()?.questions(&video).await?)
}

/// Removes a question and its answer.
#[server(prefix = "/api", endpoint = "delete_question", input = Json, output = Json)]
pub async fn delete_question(video: VideoId, question: i64) -> Result<(), ApiError> {
    Ok(super::backend::engine()?.delete_question(&video, question).await?)
}
