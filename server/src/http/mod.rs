//! Requests in, answers out: the page, the server functions, OpenAI's interface, frames as pictures, transcripts as files, static files.

mod frames;
mod headers;
mod limits;
mod openai;
mod site;
mod transcripts;

use std::time::Duration;

use app::App;
use axum::Router;
use axum::extract::{FromRef, Request};
use axum::http::HeaderValue;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use engine::Engine;
use hearing::Hearing;
use hub::Downloads;
use ingest::Ingest;
use leptos::prelude::{LeptosOptions, provide_context};
use leptos_axum::{
    AxumRouteListing, LeptosRoutes, generate_route_list_with_exclusions, handle_server_fns_with_context,
    render_app_to_stream_with_context,
};
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::services::ServeDir;
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::config::Config;

pub(crate) use site::Site;

/// Frames of one call: 16 MiB hold some hundreds of them.
const FRAMES_BYTES: u64 = 16 << 20;
/// A piece of an upload, its place and the upload's name.
const UPLOAD_BYTES: u64 = timeline::ingest::CHUNK_BYTES as u64 + (4 << 10);
/// A subtitle file, its name and the video's.
const TRANSCRIPT_BYTES: u64 = timeline::cues::MAX_FILE_BYTES as u64 + (4 << 10);
/// The text of a track inside a video file, and the times of its packets.
const TRACK_BYTES: u64 = 2 * timeline::cues::MAX_FILE_BYTES as u64;
/// A piece of sound of 16 bits, its place and the video's name.
const SOUND_BYTES: u64 = 2 * timeline::hearing::PIECE_SAMPLES as u64 + (4 << 10);
/// Everything else is a few names and numbers; a question alone may have 8 KiB.
const CALL_BYTES: u64 = 256 << 10;

/// What handlers need.
#[derive(Clone)]
struct Shared {
    engine: Engine,
    options: LeptosOptions,
}

impl FromRef<Shared> for LeptosOptions {
    fn from_ref(shared: &Shared) -> Self {
        shared.options.clone()
    }
}

impl FromRef<Shared> for Engine {
    fn from_ref(shared: &Shared) -> Self {
        shared.engine.clone()
    }
}

/// What server functions find in the context of a request.
pub(crate) struct Services {
    pub(crate) engine: Engine,
    pub(crate) downloads: Downloads,
    pub(crate) ingest: Ingest,
    pub(crate) hearing: Hearing,
}

/// All routes.
pub(crate) fn router(services: &Services, site: &Site, config: &Config) -> Router {
    let Services { engine, downloads, ingest, hearing } = services;
    let shared = Shared { engine: engine.clone(), options: site.options.clone() };
    let context = {
        let (engine, downloads) = (engine.clone(), downloads.clone());
        let (ingest, hearing) = (ingest.clone(), hearing.clone());
        move || {
            provide_context(engine.clone());
            provide_context(downloads.clone());
            provide_context(ingest.clone());
            provide_context(hearing.clone());
            headers::allow_scripts_of_this_page();
        }
    };
    let call = {
        let context = context.clone();
        move |request: Request| handle_server_fns_with_context(context.clone(), request)
    };
    let shell = {
        let options = site.options.clone();
        move || app::shell(options.clone())
    };
    let page = render_app_to_stream_with_context(context.clone(), shell.clone());
    let not_found = move |request: Request| {
        let page = page(request);
        async move {
            let mut response = page.await;
            *response.status_mut() = axum::http::StatusCode::NOT_FOUND;
            response
        }
    };
    let files = ServeDir::new(&site.root)
        .precompressed_br()
        .precompressed_gzip()
        .append_index_html_on_directories(false)
        .fallback(any(not_found));
    let api = Router::new()
        .route("/api/append_frames", limits::body(post(call.clone()), FRAMES_BYTES))
        .route("/api/append_overview", limits::body(post(call.clone()), FRAMES_BYTES))
        .route("/api/append_between", limits::body(post(call.clone()), FRAMES_BYTES))
        .route("/api/append_close_ups", limits::body(post(call.clone()), FRAMES_BYTES))
        .route("/api/append_upload", limits::body(post(call.clone()), UPLOAD_BYTES))
        .route("/api/put_transcript", limits::body(post(call.clone()), TRANSCRIPT_BYTES))
        .route("/api/put_track", limits::body(post(call.clone()), TRACK_BYTES))
        .route("/api/hear", limits::body(post(call.clone()), SOUND_BYTES))
        .route("/api/{*function}", limits::body(any(call), CALL_BYTES))
        .route("/frames/{video}/{pts}", get(frames::frame))
        .route("/transcripts/{video}/{name}", get(transcripts::file))
        .merge(openai::routes(config.api_key.as_ref()))
        .layer(cors(&config.cors_origins));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(api)
        .leptos_routes_with_context(&shared, pages(), context, shell)
        .fallback_service(files)
        .layer(from_fn_with_state(site.options.hash_files, headers::cache))
        .layer(CompressionLayer::new().compress_when(headers::Compressible))
        .layer(from_fn(headers::protect))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(log))
        .with_state(shared)
}

/// The page's own routes. Leptos would register every server function too, without limits: ours are listed above.
fn pages() -> Vec<AxumRouteListing> {
    let functions = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    generate_route_list_with_exclusions(App, Some(functions))
}

/// Pages served elsewhere that may use this server; none unless the settings name them.
fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return CorsLayer::new();
    }
    CorsLayer::new().allow_origin(origins).allow_methods(Any).allow_headers(Any).max_age(Duration::from_secs(3600))
}

fn span(request: &Request) -> Span {
    tracing::info_span!("request", method = %request.method(), path = request.uri().path())
}

fn log(response: &Response, latency: Duration, _span: &Span) {
    let status = response.status().as_u16();
    let ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    if status >= 500 { tracing::error!(status, ms, "failed") } else { tracing::info!(status, ms, "answered") }
}
