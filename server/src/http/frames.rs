//! `GET /frames/{video}/{pts in µs}`: the frame a player shows at that moment, as it was sent.

use app::api::ApiError;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::Engine;
use timeline::{Timestamp, VideoId};

/// A frame never changes: one that was sent for a moment stays.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(super) async fn frame(State(engine): State<Engine>, Path((video, pts)): Path<(String, i64)>) -> Response {
    match engine.frame_image(&VideoId(video), Timestamp::from_micros(pts)).await {
        Ok((bytes, media_type)) => {
            ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, FOR_EVER)], bytes).into_response()
        }
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CACHE_CONTROL, "no-store")], Json(ApiError::from(error))).into_response()
        }
    }
}
