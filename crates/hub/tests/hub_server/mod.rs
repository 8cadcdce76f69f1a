//! A hub of our own on loopback: the protocol of the public one (list, redirect to a store on another origin, tags,
//! ranges, error codes), and the accidents that happen on the way, by order.
#![allow(dead_code, reason = "every test binary uses its own part")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use sha2::Digest as _;

/// What happens to the next request for a file's bytes.
#[derive(Debug, Clone)]
pub(crate) enum Accident {
    /// The connection breaks after so many bytes.
    Cut(usize),
    /// So many bytes come, then nothing, and the connection stays open.
    Stall(usize),
    /// A byte comes out wrong.
    Flip(usize),
    /// Bytes come in pieces of this size, one every few milliseconds.
    Slow(usize),
    /// A status instead, with a `Retry-After` of some seconds.
    Status(u16, Option<u64>),
    /// Ranges are ignored.
    Whole,
    /// The store gives its bytes another tag from now on.
    Retag,
    /// Something else is sent: the page of a proxy.
    Instead(&'static str),
}

/// A request for a file's bytes.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) file: String,
    pub(crate) from: Option<usize>,
    pub(crate) if_range: Option<String>,
    pub(crate) status: u16,
    /// Bytes that were given out.
    pub(crate) sent: usize,
}

#[derive(Default)]
struct Shop {
    files: BTreeMap<String, Bytes>,
    commit: String,
    accidents: BTreeMap<String, VecDeque<Accident>>,
    listing: VecDeque<Response>,
    asked: Vec<Asked>,
    /// Authorization headers, by where they came in.
    tokens: Vec<(&'static str, Option<String>)>,
    tag: u32,
    hide_sizes: bool,
    heads: u32,
}

/// A running hub with one repository, `owner/name`.
#[derive(Clone)]
pub(crate) struct HubServer {
    pub(crate) endpoint: String,
    store: String,
    shop: Arc<Mutex<Shop>>,
}

/// Files up to this size are in git itself, as on the public hub with its text files.
const SMALL: usize = 4096;

impl HubServer {
    pub(crate) fn start(files: &[(&str, Vec<u8>)]) -> Self {
        let listen = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let origin = format!("http://{}", listener.local_addr().unwrap());
            (listener, origin)
        };
        let ((hub, endpoint), (store, store_origin)) = (listen(), listen());
        let server = Self { endpoint, store: store_origin, shop: Arc::default() };
        server.publish("c0ffee0000000000000000000000000000000001", files);
        let api = Router::new()
            .route("/api/models/{owner}/{name}/revision/{revision}", get(list))
            .route("/{owner}/{name}/resolve/{commit}/{*file}", get(resolve))
            .with_state(server.clone());
        let bytes = Router::new().route("/blob/{sha}/{*file}", get(blob)).with_state(server.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listen = |listener| tokio::net::TcpListener::from_std(listener).unwrap();
                let hub = axum::serve(listen(hub), api).into_future();
                let store = axum::serve(listen(store), bytes).into_future();
                drop(futures::join!(hub, store));
            });
        });
        server
    }

    fn shop(&self) -> std::sync::MutexGuard<'_, Shop> {
        self.shop.lock().unwrap()
    }

    /// Another version of the repository.
    pub(crate) fn publish(&self, commit: &str, files: &[(&str, Vec<u8>)]) {
        let mut shop = self.shop();
        shop.commit = commit.to_owned();
        shop.files = files.iter().map(|(name, bytes)| ((*name).to_owned(), Bytes::from(bytes.clone()))).collect();
    }

    /// Orders what happens to the next requests for a file, one after another.
    pub(crate) fn next(&self, file: &str, accidents: impl IntoIterator<Item = Accident>) {
        self.shop().accidents.entry(file.to_owned()).or_default().extend(accidents);
    }

    /// Orders the next answer to the question what there is.
    pub(crate) fn next_listing(&self, answer: impl IntoResponse) {
        self.shop().listing.push_back(answer.into_response());
    }

    /// Lists like a mirror that does not know sizes.
    pub(crate) fn hide_sizes(&self) {
        self.shop().hide_sizes = true;
    }

    /// Requests for bytes of a file so far.
    pub(crate) fn asked(&self, file: &str) -> Vec<Asked> {
        self.shop().asked.iter().filter(|asked| asked.file == file).cloned().collect()
    }

    pub(crate) fn all_asked(&self) -> Vec<Asked> {
        self.shop().asked.clone()
    }

    pub(crate) fn heads(&self) -> u32 {
        self.shop().heads
    }

    /// Tokens that came in at `list`, `resolve` and `store`.
    pub(crate) fn tokens(&self, place: &str) -> Vec<Option<String>> {
        self.shop().tokens.iter().filter(|(at, _)| *at == place).map(|(_, token)| token.clone()).collect()
    }

    fn note(&self, place: &'static str, headers: &HeaderMap) {
        let token = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
        self.shop().tokens.push((place, token));
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn git_blob(bytes: &[u8]) -> String {
    let mut hasher = sha1::Sha1::new_with_prefix(format!("blob {}\0", bytes.len()));
    hasher.update(bytes);
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn list(
    State(hub): State<HubServer>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    hub.note("list", &headers);
    let mut shop = hub.shop();
    if let Some(ordered) = shop.listing.pop_front() {
        return ordered;
    }
    assert_eq!(query.get("blobs").map(String::as_str), Some("true"));
    let sibling = |(name, bytes): (&String, &Bytes)| -> Value {
        if shop.hide_sizes {
            return json!({ "rfilename": name });
        }
        let size = bytes.len();
        let mut sibling = json!({ "rfilename": name, "size": size, "blobId": git_blob(bytes) });
        if size > SMALL {
            // What git keeps of a large file is a pointer.
            sibling["blobId"] = json!("1".repeat(40));
            sibling["lfs"] = json!({ "sha256": sha256(bytes), "size": size, "pointerSize": 133 });
        }
        sibling
    };
    let siblings: Vec<Value> = shop.files.iter().map(sibling).collect();
    Json(json!({ "id": "owner/name", "sha": shop.commit, "gated": false, "siblings": siblings })).into_response()
}

async fn resolve(
    State(hub): State<HubServer>,
    Path((_, _, commit, file)): Path<(String, String, String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    hub.note("resolve", &headers);
    let (bytes, here) = {
        let mut shop = hub.shop();
        if method == Method::HEAD {
            shop.heads += 1;
        }
        (shop.files.get(&file).cloned(), shop.commit == commit)
    };
    let Some(bytes) = bytes.filter(|_| here) else {
        return (StatusCode::NOT_FOUND, [("x-error-code", "EntryNotFound")]).into_response();
    };
    if bytes.len() <= SMALL {
        return send(&hub, &file, &bytes, &format!("\"{}\"", git_blob(&bytes)), &headers);
    }
    let sha = sha256(&bytes);
    let linked = [
        ("location", format!("{}/blob/{sha}/{file}?signature=secret", hub.store)),
        ("x-repo-commit", commit),
        ("x-linked-etag", format!("\"{sha}\"")),
        ("x-linked-size", bytes.len().to_string()),
    ];
    (StatusCode::FOUND, linked).into_response()
}

async fn blob(State(hub): State<HubServer>, Path((sha, file)): Path<(String, String)>, headers: HeaderMap) -> Response {
    hub.note("store", &headers);
    let (bytes, tag) = {
        let shop = hub.shop();
        (shop.files.get(&file).cloned(), shop.tag)
    };
    let Some(bytes) = bytes.filter(|bytes| sha256(bytes) == sha) else { return StatusCode::FORBIDDEN.into_response() };
    send(&hub, &file, &bytes, &format!("\"store-{sha}-{tag}\""), &headers)
}

/// Bytes as asked for, and as the next accident has it.
fn send(hub: &HubServer, file: &str, bytes: &Bytes, tag: &str, headers: &HeaderMap) -> Response {
    let header = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let mut shop = hub.shop();
    let accident = shop.accidents.get_mut(file).and_then(VecDeque::pop_front);
    let mut tag = tag.to_owned();
    if matches!(accident, Some(Accident::Retag)) {
        shop.tag += 1;
        tag = tag.replace('-', "_");
    }
    let from = header(header::RANGE)
        .map(|range| -> usize { range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap() });
    let if_range = header(header::IF_RANGE);
    let valid = if_range.as_ref().is_none_or(|wanted| *wanted == tag) && !matches!(accident, Some(Accident::Whole));
    let start = from.filter(|_| valid);
    let mut asked = Asked { file: file.to_owned(), from, if_range, status: 200, sent: 0 };
    let mut response = Response::builder().header(header::ETAG, tag).header(header::ACCEPT_RANGES, "bytes");
    let mut body = bytes.clone();
    if let Some(start) = start {
        if start >= bytes.len() {
            asked.status = 416;
            shop.asked.push(asked);
            return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
        }
        body = bytes.slice(start..);
        asked.status = 206;
        let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
        response = response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range);
    }
    asked.sent = body.len();
    response = response.header(header::CONTENT_LENGTH, body.len());
    let body = match accident {
        None | Some(Accident::Whole | Accident::Retag) => Body::from(body),
        Some(Accident::Cut(after)) => {
            let head = body.slice(..after.min(body.len()));
            asked.sent = head.len();
            // The pause lets what was sent arrive: an error right behind it would overtake it.
            let cut = stream::once(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("cut"))
            });
            Body::from_stream(stream::iter([Ok(head)]).chain(cut))
        }
        Some(Accident::Stall(after)) => {
            let head = body.slice(..after.min(body.len()));
            asked.sent = head.len();
            Body::from_stream(stream::iter([Ok::<_, std::io::Error>(head)]).chain(stream::pending()))
        }
        Some(Accident::Flip(at)) => {
            let mut wrong = body.to_vec();
            wrong[at] ^= 1;
            Body::from(wrong)
        }
        Some(Accident::Slow(piece)) => {
            let pieces: Vec<Bytes> = body.chunks(piece).map(Bytes::copy_from_slice).collect();
            let slow = stream::iter(pieces).then(|piece| async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok::<_, std::io::Error>(piece)
            });
            Body::from_stream(slow)
        }
        Some(Accident::Status(status, retry_after)) => {
            (asked.status, asked.sent) = (status, 0);
            shop.asked.push(asked);
            let wait = retry_after.map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
            let status = StatusCode::from_u16(status).unwrap();
            return wait.map_or_else(|| status.into_response(), |wait| (status, wait).into_response());
        }
        Some(Accident::Instead(page)) => {
            shop.asked.push(asked);
            return axum::response::Html(page).into_response();
        }
    };
    shop.asked.push(asked);
    response.body(body).unwrap()
}
