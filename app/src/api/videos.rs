//! The library: what videos there are, and what they are called.

use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use timeline::find::Found;
use timeline::{NewVideo, VideoId, VideoSummary};

use super::error::ApiError;

/// Makes room for a video whose frames will follow.
#[server(prefix = "/api", endpoint = "create_video", input = Json, output = Json)]
pub async fn create_video(video: NewVideo) -> Result<VideoId, ApiError> {
    Ok(super::backend::engine()?.create_video(video).await?)
}

/// All videos, the most recent first.
#[server(prefix = "/api", endpoint = "list_videos", input = Json, output = Json)]
pub async fn list_videos() -> Result<Vec<VideoSummary>, ApiError> {
    Ok(super::backend::engine()?.videos().await?)
}

/// Places in the library that have the words: titles, what is said, questions and answers.
#[server(prefix = "/api", endpoint = "find", input = Json, output = Json)]
pub async fn find(words: String) -> Result<Vec<Found>, ApiError> {
    Ok(super::backend::engine()?.find(words).await?)
}

/// One video.
#[server(prefix = "/api", endpoint = "get_video", input = Json, output = Json)]
pub async fn get_video(video: VideoId) -> Result<VideoSummary, ApiError> {
    Ok(super::backend::engine()?.video(&video).await?)
}

/// Changes the title.
#[server(prefix = "/api", endpoint = "rename_video", input = Json, output = Json)]
pub async fn rename_video(video: VideoId, title: String) -> Result<(), ApiError> {
    let title = title.trim().to_owned();
    if title.is_empty() {
        return Err(ApiError::BadRequest { message: "the title is empty".to_owned() });
    }
    Ok(super::backend::engine()?.rename(&video, title).await?)
}

/// Removes a video, its frames, its segments, its questions, and its file where the server has one.
#[server(prefix = "/api", endpoint = "delete_video", input = Json, output = Json)]
pub async fn delete_video(video: VideoId) -> Result<(), ApiError> {
    super::backend::engine()?.delete(&video).await?;
    super::backend::hearing()?.forget(&video);
    Ok(super::backend::ingest()?.forget_video(&video).await?)
}

/// The model that answers, and how it wants to see videos.
#[server(prefix = "/api", endpoint = "model_info", input = Json, output = Json)]
pub async fn model_info() -> Result<timeline::ModelInfo, ApiError> {
    Ok(super::backend::engine()?.model())
}
