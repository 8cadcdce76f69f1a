//! The server's side of the server functions: the engine in the request's context, and events as lines.

use engine::Engine;
use futures::{Stream, StreamExt};
use hearing::Hearing;
use hub::Downloads;
use ingest::Ingest;
use leptos::prelude::use_context;
use leptos::server_fn::codec::TextStream;
use serde::Serialize;

use super::error::ApiError;

/// The engine the server put into the request's context.
pub(super) fn engine() -> Result<Engine, ApiError> {
    use_context::<Engine>().ok_or_else(|| ApiError::Internal { message: "no engine in this request".to_owned() })
}

/// The downloads the server put into the request's context.
pub(super) fn downloads() -> Result<Downloads, ApiError> {
    use_context::<Downloads>().ok_or_else(|| ApiError::Internal { message: "no downloads in this request".to_owned() })
}

/// The files under way the server put into the request's context.
pub(super) fn ingest() -> Result<Ingest, ApiError> {
    use_context::<Ingest>().ok_or_else(|| ApiError::Internal { message: "no ingest in this request".to_owned() })
}

/// Videos that are heard, which the server put into the request's context.
pub(super) fn hearing() -> Result<Hearing, ApiError> {
    use_context::<Hearing>().ok_or_else(|| ApiError::Internal { message: "no hearing in this request".to_owned() })
}

/// Events as NDJSON: each line whole, so that a reader needs nothing but the line ends.
pub(super) fn lines<T: Serialize + 'static>(events: impl Stream<Item = T> + Send + 'static) -> TextStream<ApiError> {
    TextStream::new(events.map(|event| {
        let mut line = serde_json::to_string(&event).map_err(|e| ApiError::Internal { message: e.to_string() })?;
        line.push('\n');
        Ok(line)
    }))
}

impl From<hub::Error> for ApiError {
    fn from(error: hub::Error) -> Self {
        Self::Pull { cause: error.cause(), message: error.to_string() }
    }
}

impl From<ingest::Error> for ApiError {
    fn from(error: ingest::Error) -> Self {
        Self::Ingest { cause: error.cause(), message: error.to_string() }
    }
}

impl From<hearing::Error> for ApiError {
    fn from(error: hearing::Error) -> Self {
        match error {
            hearing::Error::Engine(error) => error.into(),
            error => Self::Hearing { cause: error.cause(), message: error.to_string() },
        }
    }
}

impl From<engine::Error> for ApiError {
    fn from(error: engine::Error) -> Self {
        use engine::Error as E;
        match error {
            E::NotAnImage { pts, .. } => Self::NotAnImage { pts_us: pts.micros() },
            E::FrameTooLarge { pts, .. } => Self::FrameTooLarge { pts_us: pts.micros() },
            E::TooManyFrames { found, limit } => Self::TooManyFrames { found, limit },
            E::QuestionTooLong { bytes, limit } => Self::QuestionTooLong { bytes, limit },
            E::BadVideo(message) => Self::BadVideo { message },
            other => Self::from_code(other.code(), other.to_string(), other.tokens_wanting()),
        }
    }
}
