//! What every answer says about itself: how long it may be kept, what it may load, whether it is compressed.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use leptos::nonce::use_nonce;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use tower_http::compression::Predicate;

/// Files with their hash in the name never change; everything else is asked for again.
pub(super) async fn cache(State(hashed): State<bool>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let page_code = path.starts_with("/pkg/");
    let private = path.starts_with("/api/") || path.starts_with("/v1/");
    let mut response = next.run(request).await;
    let kept = match response.status() {
        StatusCode::OK | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT if page_code && hashed => {
            "public, max-age=31536000, immutable"
        }
        _ if private => "no-store",
        _ => "no-cache",
    };
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static(kept));
    response
}

/// Keeps browsers from guessing types, from showing the page in a frame, and from loading what is not ours.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(X_FRAME_OPTIONS, "DENY");
    say(REFERRER_POLICY, "same-origin");
    // A Worker obeys the policy its own script came with; documents bring theirs, with a nonce.
    say(CONTENT_SECURITY_POLICY, "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'");
    response
}

/// Lets the page run the scripts it was rendered with, and no others. Called while a page is rendered.
pub(super) fn allow_scripts_of_this_page() {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    // The development server reloads the page over a socket of its own port.
    let reload = if std::env::var_os("LEPTOS_WATCH").is_some() { " ws:" } else { "" };
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' blob: data:; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self' blob:{reload}; \
         object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(CONTENT_SECURITY_POLICY, policy);
    }
}

/// Compress what gains by it. Never a stream of events: a compressor holds lines back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compressible;

impl Predicate for Compressible {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool {
        self.accepts(response.headers())
    }
}

impl Compressible {
    fn accepts(self, headers: &HeaderMap) -> bool {
        let kinds = [
            "text/html",
            "text/css",
            "text/javascript",
            "application/javascript",
            "application/json",
            "application/wasm",
            "image/svg+xml",
        ];
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        kinds.iter().any(|known| kind.starts_with(known))
    }
}
