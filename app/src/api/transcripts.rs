//! Transcripts: subtitle files in, corrections, and where they are downloaded.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, Postcard};
use serde_bytes::ByteBuf;
use timeline::cues::embedded::Track;
use timeline::cues::{Export, Retiming};
use timeline::{CueRecord, TranscriptInfo, TranscriptReceipt, VideoId};

use super::error::ApiError;

/// Takes in a subtitle file (SRT, WebVTT, ASS/SSA, TTML, JSON) of at most [`MAX_FILE_BYTES`](timeline::cues::MAX_FILE_BYTES);
/// one of the same name is replaced.
#[server(prefix = "/api", endpoint = "put_transcript", input = Postcard, output = Json)]
pub async fn put_transcript(video: VideoId, name: String, bytes: ByteBuf) -> Result<TranscriptReceipt, ApiError> {
    Ok(super::backend::engine()?.put_transcript(&video, name, bytes.into_vec()).await?)
}

/// Takes in a text track of the video's own file. One that is there already stays as it is; then there is no receipt.
#[server(prefix = "/api", endpoint = "put_track", input = Postcard, output = Json)]
pub async fn put_track(video: VideoId, track: Track) -> Result<Option<TranscriptReceipt>, ApiError> {
    Ok(super::backend::engine()?.put_track(&video, track).await?)
}

/// The transcripts of a video, the oldest first.
#[server(prefix = "/api", endpoint = "list_transcripts", input = Json, output = Json)]
pub async fn list_transcripts(video: VideoId) -> Result<Vec<TranscriptInfo>, ApiError> {
    Ok(super::backend::engine()?.transcripts(&video).await?)
}

/// The cues of a transcript, ascending by start.
#[server(prefix = "/api", endpoint = "list_cues", input = Json, output = Json)]
pub async fn list_cues(video: VideoId, transcript: i64) -> Result<Vec<CueRecord>, ApiError> {
    Ok(super::backend::engine()?.cues(&video, transcript).await?)
}

/// Gives a cue another text; an empty one removes it. Returns the text as it is kept.
#[server(prefix = "/api", endpoint = "edit_cue", input = Json, output = Json)]
pub async fn edit_cue(video: VideoId, transcript: i64, cue: i64, text: String) -> Result<String, ApiError> {
    Ok(super::backend::engine()?.edit_cue(&video, transcript, cue, &text).await?)
}

/// Corrects the times of a whole transcript.
#[server(prefix = "/api", endpoint = "retime_transcript", input = Json, output = Json)]
pub async fn retime_transcript(video: VideoId, transcript: i64, by: Retiming) -> Result<(), ApiError> {
    Ok(super::backend::engine()?.retime(&video, transcript, by).await?)
}

/// Removes a transcript.
#[server(prefix = "/api", endpoint = "delete_transcript", input = Json, output = Json)]
pub async fn delete_transcript(video: VideoId, transcript: i64) -> Result<(), ApiError> {
    Ok(super::backend::engine()?.delete_transcript(&video, transcript).await?)
}

/// Where a transcript is downloaded as a file.
pub fn transcript_url(video: &VideoId, transcript: i64, export: Export) -> String {
    let server = leptos::server_fn::client::get_server_url();
    format!("{server}/transcripts/{video}/{transcript}.{}", export.ending())
}
