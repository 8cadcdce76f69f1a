//! What is said in a video: heard by the server, from its own file or from sound that a page sends.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, Postcard, StreamingText, TextStream};
use serde_bytes::ByteBuf;
use timeline::VideoId;

use super::error::ApiError;

/// Begins to hear a video: its file where the server has it, else the sound that will be sent. `hearing` tells how it goes.
#[server(prefix = "/api", endpoint = "begin_hearing", input = Json, output = Json)]
pub async fn begin_hearing(video: VideoId) -> Result<(), ApiError> {
    Ok(super::backend::hearing()?.begin(&video).await?)
}

/// Takes a piece of sound that begins with sample `at`: 16 bits, little-endian, one channel,
/// [`SAMPLE_RATE`](timeline::hearing::SAMPLE_RATE), sample zero where the video's clock begins; at most
/// [`PIECE_SAMPLES`](timeline::hearing::PIECE_SAMPLES). Gives the sample with which the next piece begins. A piece that begins
/// elsewhere, or for which there is no room yet, is passed over.
#[server(prefix = "/api", endpoint = "hear", input = Postcard, output = Json)]
pub async fn hear(video: VideoId, at: u64, samples: ByteBuf, last: bool) -> Result<u64, ApiError> {
    let (pairs, rest) = samples.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(ApiError::from(hearing::Error::BadPiece));
    }
    let samples = pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    Ok(super::backend::hearing()?.hear(&video, at, samples, last).await?)
}

/// How far a video was heard: a [`HearingInfo`](timeline::HearingInfo) a line, again whenever it has changed, until it is over. Dropping the stream leaves
/// it alone.
#[server(prefix = "/api", endpoint = "hearing", input = Json, output = StreamingText)]
pub async fn hearing(video: VideoId) -> Result<TextStream<ApiError>, ApiError> {
    Ok(super::backend::lines(super::backend::hearing()?.changes(&video).await?))
}

/// Stops hearing a video; what was heard stays.
#[server(prefix = "/api", endpoint = "cancel_hearing", input = Json, output = Json)]
pub async fn cancel_hearing(video: VideoId) -> Result<(), ApiError> {
    Ok(super::backend::hearing()?.cancel(&video)?)
}
