//! `/v1`: OpenAI's chat completions over the same engine, for programs that speak them, another Timepin among them
//! (<https://platform.openai.com/docs/api-reference/chat>).
//!
//! Frames come as a text part `<12.5 seconds>` followed by an image part with a data URL, and are taken at exactly that
//! moment; or `"video"` names a video of the library. Answers are greedy, whatever a request says about sampling.
//!
//! | I want to change how … | file |
//! |---|---|
//! | a request is understood | `request.rs` |
//! | an answer is written | `reply.rs` |
//! | errors look | `refusal.rs` |

mod refusal;
mod reply;
mod request;

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use engine::{Engine, Manner, Secret};
use serde_json::json;

use self::refusal::Refusal;
use self::request::{About, Asked};
use super::{Shared, limits};

/// A request with its frames: 768 pictures of 448 pixels take some thirty megabytes in base64.
const BODY_BYTES: u64 = 64 << 20;

/// The routes; with a key, only for those who show it.
pub(super) fn routes(key: Option<&Secret>) -> Router<Shared> {
    let key = key.map(|key| blake3::hash(key.reveal().as_bytes()));
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/{*path}", axum::routing::any(|| async { Refusal::no_such_path() }))
        .method_not_allowed_fallback(|| async { Refusal::no_such_path() })
        .layer(from_fn_with_state(key, check))
}

/// Lets those in who show the key. Hashes are compared in constant time.
async fn check(State(key): State<Option<blake3::Hash>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match (key, shown.map(|shown| blake3::hash(shown.trim().as_bytes()))) {
        (Some(key), shown) if shown != Some(key) => Refusal::wrong_key().into_response(),
        _ => next.run(request).await,
    }
}

/// The one model there is. `max_model_len` is vLLM's word; `timepin` tells another Timepin how to sample a video.
async fn models(State(engine): State<Engine>) -> Response {
    let model = engine.model();
    let card = json!({
        "id": model.name, "object": "model", "created": now(), "owned_by": "timepin",
        "max_model_len": model.max_context, "timepin": model,
    });
    Json(json!({ "object": "list", "data": [card] })).into_response()
}

async fn chat(State(engine): State<Engine>, request: Request) -> Response {
    match answer(&engine, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(engine: &Engine, request: Request) -> Result<Response, Refusal> {
    if limits::declared(request.headers()).is_some_and(|length| length > BODY_BYTES) {
        return Err(Refusal::too_large(BODY_BYTES));
    }
    let limit = usize::try_from(BODY_BYTES).unwrap_or(usize::MAX);
    let body = to_bytes(request.into_body(), limit).await.map_err(|_| Refusal::too_large(BODY_BYTES))?;
    let asked = tokio::task::spawn_blocking(move || Asked::read(&body)).await.map_err(|e| Refusal::internal(&e))??;
    let model = engine.model().name;
    if let Some(other) = asked.model.filter(|name| *name != model) {
        return Err(Refusal::no_such_model(&other, &model));
    }
    let (video, guest) = match asked.about {
        About::Video(video) => (video, None),
        About::Frames(frames) => {
            let guest = engine.receive(frames).await?;
            (guest.video().clone(), Some(guest))
        }
    };
    let most = asked.most.unwrap_or(engine::ANSWER_TOKENS);
    // Words that were streamed cannot be taken back: no other answer may take their place.
    let manner = Manner { most, looks_closer: !asked.stream, ..Manner::default() };
    let events = engine.ask_as(&video, asked.question, manner)?;
    let reply = reply::Reply::new(model, now(), guest.is_none().then_some(video), most);
    if asked.stream { reply.stream(events, guest, asked.include_usage).await } else { reply.whole(events).await }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
