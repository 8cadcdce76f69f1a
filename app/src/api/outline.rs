//! What happens in a video: the model looks through it on request, and what it found streams to the page.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, StreamingText, TextStream};
use timeline::{TitleLanguage, VideoId};

use super::error::ApiError;

/// Begins to look through a video whose index is complete, or goes on where it was stopped. `outline` tells how it goes.
#[server(prefix = "/api", endpoint = "begin_outline", input = Json, output = Json)]
pub async fn begin_outline(video: VideoId, language: TitleLanguage) -> Result<(), ApiError> {
    Ok(super::backend::engine()?.begin_outline(&video, language).await?)
}

/// What happens in a video: an [`Outline`](timeline::Outline) a line, again whenever more is known, until it is over. Dropping
/// the stream leaves it alone.
#[server(prefix = "/api", endpoint = "outline", input = Json, output = StreamingText)]
pub async fn outline(video: VideoId) -> Result<TextStream<ApiError>, ApiError> {
    Ok(super::backend::lines(super::backend::engine()?.outline_changes(&video).await?))
}

/// Stops looking through a video; what was found stays.
#[server(prefix = "/api", endpoint = "cancel_outline", input = Json, output = Json)]
pub async fn cancel_outline(video: VideoId) -> Result<(), ApiError> {
    Ok(super::backend::engine()?.cancel_outline(&video).await?)
}
