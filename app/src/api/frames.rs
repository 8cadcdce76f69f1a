//! Frames on their way in. Sending a batch twice is harmless, so the page simply tries again.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, Postcard};
use timeline::{AppendReceipt, FrameIn, Span, Timestamp, VideoId};

use super::error::ApiError;

/// Stores frames; they are durable when this returns. Frames whose timestamp is already there are left as they are.
#[server(prefix = "/api", endpoint = "append_frames", input = Postcard, output = Postcard)]
pub async fn append_frames(video: VideoId, frames: Vec<FrameIn>) -> Result<AppendReceipt, ApiError> {
    Ok(super::backend::engine()?.append_frames(&video, frames).await?)
}

/// Stores key frames that show the whole video before the frames of the plan are there, durably; those in `planned` need not
/// be sent again. They are gone when the video is complete.
#[server(prefix = "/api", endpoint = "append_overview", input = Postcard, output = Postcard)]
pub async fn append_overview(
    video: VideoId,
    frames: Vec<FrameIn>,
    planned: Vec<Timestamp>,
) -> Result<AppendReceipt, ApiError> {
    Ok(super::backend::engine()?.append_overview(&video, frames, planned).await?)
}

/// Keeps the first frames of shots, durably; of several sent twice each is kept once.
#[server(prefix = "/api", endpoint = "append_cuts", input = Json, output = Json)]
pub async fn append_cuts(video: VideoId, cuts: Vec<Timestamp>) -> Result<(), ApiError> {
    Ok(super::backend::engine()?.append_cuts(&video, cuts).await?)
}

/// Keeps where the picture was another for a moment, durably; of one sent twice one is kept.
#[server(prefix = "/api", endpoint = "append_flashes", input = Json, output = Json)]
pub async fn append_flashes(video: VideoId, flashes: Vec<Span>) -> Result<(), ApiError> {
    Ok(super::backend::engine()?.append_flashes(&video, flashes).await?)
}

/// Moments of what came and went between two frames of the plan and is on no frame yet: of those noted with [`append_flashes`].
#[server(prefix = "/api", endpoint = "unseen_moments", input = Json, output = Json)]
pub async fn unseen_moments(video: VideoId) -> Result<Vec<Timestamp>, ApiError> {
    Ok(super::backend::engine()?.unseen(&video).await?)
}

/// Stores frames between those of the plan, durably; each is looked at by itself.
#[server(prefix = "/api", endpoint = "append_between", input = Postcard, output = Postcard)]
pub async fn append_between(video: VideoId, frames: Vec<FrameIn>) -> Result<AppendReceipt, ApiError> {
    Ok(super::backend::engine()?.append_between(&video, frames).await?)
}

/// Stores the frames that an answer waits for ([`Wanted`](timeline::AnswerEvent::Wanted)), durably; none: the file is not at
/// hand.
#[server(prefix = "/api", endpoint = "append_close_ups", input = Postcard, output = Postcard)]
pub async fn append_close_ups(video: VideoId, question: i64, frames: Vec<FrameIn>) -> Result<AppendReceipt, ApiError> {
    Ok(super::backend::engine()?.append_close_ups(&video, question, frames).await?)
}

/// Says that no more frames will come; the last segment can be closed.
#[server(prefix = "/api", endpoint = "finish_video", input = Json, output = Json)]
pub async fn finish_video(video: VideoId) -> Result<(), ApiError> {
    Ok(super::backend::engine()?.finish_video(&video).await?)
}
