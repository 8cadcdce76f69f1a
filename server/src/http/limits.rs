//! How much a request may bring. A body that says it is too large is refused before a byte of it is read.

use app::api::ApiError;
use axum::Json;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

/// Limits the bodies of a route. One that does not say its length is cut off when it passes the limit.
pub(super) fn body<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>, limit: u64) -> MethodRouter<S> {
    let bytes = usize::try_from(limit).unwrap_or(usize::MAX);
    route.layer(DefaultBodyLimit::max(bytes)).layer(from_fn_with_state(limit, refuse_early))
}

async fn refuse_early(State(limit): State<u64>, request: Request, next: Next) -> Response {
    if declared(request.headers()).is_some_and(|length| length > limit) {
        // The rest of the body is still on its way: this connection cannot be used again.
        let close = [(header::CONNECTION, "close")];
        return (StatusCode::PAYLOAD_TOO_LARGE, close, Json(ApiError::BodyTooLarge)).into_response();
    }
    next.run(request).await
}

/// The length a request says it has.
pub(super) fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
