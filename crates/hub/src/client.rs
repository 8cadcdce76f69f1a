//! One request to a hub: redirects followed by hand, the token kept from strangers, refusals given their meaning.

use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, AsHeaderName, ETAG, HeaderMap, IF_RANGE, LOCATION, RANGE, RETRY_AFTER, USER_AGENT,
};
use reqwest::{Method, Response, StatusCode, Url, redirect};

use crate::access::Access;
use crate::error::{Error, Result};
use crate::patience::{Failure, Patience};
use crate::repository::Repository;

/// Redirects of one request; the public hub needs one, a mirror in front of it two.
const HOPS: usize = 8;
const CONNECT: Duration = Duration::from_secs(15);
const AGENT: &str = concat!("timepin/", env!("CARGO_PKG_VERSION"));

/// Speaks to one hub.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    access: Access,
    pub(crate) patience: Patience,
}

/// What a hub said on the way to a file, before it pointed elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Linked {
    /// SHA-256 of a large file, git's name of a small one.
    pub(crate) etag: Option<String>,
    pub(crate) size: Option<u64>,
}

/// A part of a file: from a byte on, if it still has this tag.
pub(crate) struct Rest<'a> {
    pub(crate) byte: u64,
    pub(crate) etag: Option<&'a str>,
}

impl Client {
    /// # Errors
    /// When the system has no certificates to trust.
    pub fn new(access: Access, patience: Patience) -> Result<Self> {
        // An error says that there is a provider already, which is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(patience.silence)
            .build()
            .map_err(|error| Error::Tls(reason(&error)))?;
        Ok(Self { http, access, patience })
    }

    /// A client for the hub and with the token that the environment names.
    ///
    /// # Errors
    /// When `HF_ENDPOINT` is no address, or the system has no certificates to trust.
    pub fn from_environment() -> Result<Self> {
        Self::new(Access::from_environment()?, Patience::default())
    }

    /// The hub's address, for messages.
    pub(crate) fn endpoint(&self) -> String {
        self.access.endpoint.as_str().trim_end_matches('/').to_owned()
    }

    /// An address on the hub; every part is escaped.
    pub(crate) fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.access.endpoint.clone();
        // Addresses of http and https can always be extended.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// Asks for a file (or, with `HEAD`, about it) and follows where the hub points.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        from: Option<Rest<'_>>,
        repository: &Repository,
    ) -> Result<(Response, Linked), Failure> {
        let mut linked = Linked::default();
        let mut url = url;
        for _hop in 0..HOPS {
            let at_home = url.origin() == self.access.endpoint.origin();
            let response = self.request(&method, &url, from.as_ref()).send().await;
            let response = response.map_err(|error| Failure::passing(self.lost(&url, &error)))?;
            let headers = response.headers();
            if at_home {
                linked.etag =
                    linked.etag.or_else(|| text(headers, "x-linked-etag").map(|tag| plain_tag(&tag).to_owned()));
                linked.size = linked.size.or_else(|| text(headers, "x-linked-size")?.parse().ok());
            }
            let status = response.status();
            if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
                // A `HEAD` is about the hub's file, which the hub itself describes.
                if method == Method::HEAD && linked.size.is_some() {
                    return Ok((response, linked));
                }
                url = self.next(&url, headers)?;
                continue;
            }
            if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
                return Ok((response, linked));
            }
            return Err(self.refusal(status, headers, &url, at_home, repository));
        }
        Err(self.protocol(&url, "it redirects without end").into())
    }

    fn request(&self, method: &Method, url: &Url, from: Option<&Rest<'_>>) -> reqwest::RequestBuilder {
        let mut request = self.http.request(method.clone(), url.clone());
        request = request.header(USER_AGENT, AGENT).header(ACCEPT_ENCODING, "identity");
        if let Some(from) = from {
            request = request.header(RANGE, format!("bytes={}-", from.byte));
            if let Some(etag) = from.etag {
                request = request.header(IF_RANGE, etag);
            }
        }
        match &self.access.token {
            // Never to the store the hub points at, which has its own signed addresses.
            Some(token) if url.origin() == self.access.endpoint.origin() => {
                request.header(AUTHORIZATION, format!("Bearer {token}"))
            }
            _ => request,
        }
    }

    fn next(&self, url: &Url, headers: &HeaderMap) -> Result<Url> {
        let target = text(headers, LOCATION).and_then(|location| url.join(&location).ok());
        let target = target.ok_or_else(|| self.protocol(url, "it redirects to nowhere"))?;
        let safe = target.scheme() == "https" || (target.scheme() == "http" && url.scheme() == "http");
        if safe { Ok(target) } else { Err(self.protocol(url, "it redirects to an address that is not secure")) }
    }

    /// What a status means. Source of the codes: `huggingface_hub/utils/_http.py`, `hf_raise_for_status`.
    fn refusal(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        url: &Url,
        at_home: bool,
        repository: &Repository,
    ) -> Failure {
        let retry_after = text(headers, RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
        let refused = || Error::Refused { endpoint: self.endpoint(), status: status.as_u16(), retry_after };
        let busy = matches!(status.as_u16(), 408 | 429) || status.is_server_error();
        // A store's signed address expires; the next request to the hub brings a fresh one.
        if busy || !at_home {
            return Failure { error: refused(), passing: true, wait: retry_after.map(Duration::from_secs) };
        }
        let name = repository.to_string();
        let unknown = || Error::UnknownRepository { endpoint: self.endpoint(), repository: name.clone() };
        let error = match (text(headers, "x-error-code").as_deref(), status.as_u16()) {
            (Some("RepoNotFound"), _) => unknown(),
            (Some("RevisionNotFound"), _) => {
                Error::UnknownRevision { repository: name, revision: repository.revision().to_owned() }
            }
            (Some("EntryNotFound"), _) => self.protocol(url, "it lists a file that it does not have"),
            (_, 401 | 403) => {
                let terms = self.url([repository.owner(), repository.name()]).to_string();
                Error::Gated { repository: name, terms, with_token: self.access.token.is_some() }
            }
            (_, 404) => unknown(),
            _ => refused(),
        };
        error.into()
    }

    /// Nobody there, or there and gone before an answer.
    fn lost(&self, url: &Url, error: &reqwest::Error) -> Error {
        if !error.is_connect() {
            let file = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned();
            return Error::Cut { file, tries: 1, reason: reason(error) };
        }
        let origin = url.origin().ascii_serialization();
        let home = self.access.endpoint.origin().ascii_serialization();
        let endpoint = if origin == home { self.endpoint() } else { origin };
        Error::Offline { endpoint, reason: reason(error) }
    }

    pub(crate) fn protocol(&self, url: &Url, reason: &str) -> Error {
        // What follows the question mark may be a signature.
        let mut shown = url.clone();
        shown.set_query(None);
        Error::Protocol { url: shown.to_string(), reason: reason.to_owned() }
    }
}

/// The innermost cause: "connection refused" rather than "error sending request".
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// A header as text.
pub(crate) fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The tag of a body that is good for `If-Range`: a strong one.
pub(crate) fn strong_tag(headers: &HeaderMap) -> Option<String> {
    text(headers, ETAG).filter(|tag| tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2)
}

/// A tag without `W/` and quotes.
pub(crate) fn plain_tag(tag: &str) -> &str {
    tag.trim_start_matches("W/").trim_matches('"')
}
