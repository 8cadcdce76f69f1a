//! Frames on their way in. Sending a batch twice is harmless, so the page simply tries again.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, Postcard};
use timeline::{AppendReceipt, FrameIn, VideoId};

use super::error::ApiError;

/// Stores frames; they are durable when this returns. Frames whose timestamp is already there are left as they are.
#[server(prefix = "/api", endpoint = "append_frames", input = Postcard, output = Postcard)]
pub async fn append_frames(video: VideoId, frames: Vec<FrameIn>) -> Result<AppendReceipt, ApiError> {
    Ok(super::backend::engine()?.append_frames(&video, frames).await?)
}

/// Says that no more frames will come; the last segment can be closed.
#[server(prefix = "/api", endpoint = "finish_video", input = Json, output = Json)]
pub async fn finish_video(video: VideoId) -> Result<(), ApiError> {
    Ok(super::backend::engine()?.finish_video(&video).await?)
}
