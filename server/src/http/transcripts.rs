//! `GET /transcripts/{video}/{number}.{srt,vtt,txt,json}`: a transcript as a file.

use app::api::ApiError;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{Engine, Error};
use timeline::VideoId;
use timeline::cues::Export;

pub(super) async fn file(State(engine): State<Engine>, Path((video, name)): Path<(String, String)>) -> Response {
    let wanted = name.rsplit_once('.').and_then(|(id, ending)| Some((id.parse().ok()?, Export::named(ending)?)));
    let Some((transcript, export)) = wanted else {
        let error = ApiError::BadRequest { message: "ask for NUMBER.srt, .vtt, .txt or .json".to_owned() };
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], Json(error)).into_response();
    };
    match engine.export_transcript(&VideoId(video), transcript, export).await {
        Ok((name, text)) => {
            let disposition = format!("attachment; filename*=UTF-8''{}", percent(&name));
            let headers = [
                (header::CONTENT_TYPE, export.media_type()),
                (header::CONTENT_DISPOSITION, disposition.as_str()),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, text).into_response()
        }
        Err(error) => refuse(error),
    }
}

fn refuse(error: Error) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CACHE_CONTROL, "no-store")], Json(ApiError::from(error))).into_response()
}

/// A file's name as RFC 8187 wants it in a header.
fn percent(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_any_script_fits_into_a_header() {
        assert_eq!(percent("讲 1.srt"), "%E8%AE%B2%201.srt");
    }
}
