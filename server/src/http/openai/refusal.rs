//! Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: String,
    param: Option<&'static str>,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &str, message: String) -> Self {
        Self { status, code: code.to_owned(), param: None, message }
    }

    /// What is asked makes no sense, or is more than this server does.
    pub(super) fn bad(param: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param), ..Self::new(StatusCode::BAD_REQUEST, "bad_request", message.into()) }
    }

    pub(super) fn no_such_model(asked: &str, there: &str) -> Self {
        let message = format!("the model `{asked}` does not exist; this server answers with `{there}`");
        Self { param: Some("model"), ..Self::new(StatusCode::NOT_FOUND, "model_not_found", message) }
    }

    pub(super) fn no_such_path() -> Self {
        let message = "there are GET /v1/models and POST /v1/chat/completions".to_owned();
        Self::new(StatusCode::NOT_FOUND, "unknown_url", message)
    }

    pub(super) fn wrong_key() -> Self {
        let message =
            "this server wants its key: send `Authorization: Bearer …` with the value of its api_key".to_owned();
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
    }

    pub(super) fn too_large(limit: u64) -> Self {
        let message = format!("the request has more than {limit} bytes; send fewer or smaller frames");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
    }

    /// From the last event of an answer.
    pub(super) fn of_event(code: &str, message: String) -> Self {
        let status = match code {
            "context_exceeded" | "backend_context" => return Self::too_long(message),
            "unknown_video" => StatusCode::NOT_FOUND,
            "no_frames" => StatusCode::CONFLICT,
            "shutting_down" | "backend_busy" | "out_of_memory" => StatusCode::SERVICE_UNAVAILABLE,
            "backend_slow" => StatusCode::GATEWAY_TIMEOUT,
            code if code.starts_with("backend_") => StatusCode::BAD_GATEWAY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, code, message)
    }

    /// What OpenAI's clients look for when a prompt does not fit.
    fn too_long(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "context_length_exceeded", message)
    }

    /// The object as it stands in a response and in a stream.
    pub(super) fn body(&self) -> Value {
        let kind = match self.status.as_u16() {
            401 => "authentication_error",
            ..500 => "invalid_request_error",
            _ => "server_error",
        };
        json!({ "error": { "message": self.message, "type": kind, "param": self.param, "code": self.code } })
    }
}

impl From<engine::Error> for Refusal {
    fn from(error: engine::Error) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, error.code(), error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if self.status == StatusCode::PAYLOAD_TOO_LARGE {
            // The rest of the body is still on its way: this connection cannot be used again.
            response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        }
        response
    }
}
