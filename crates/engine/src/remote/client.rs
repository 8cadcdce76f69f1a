//! Requests: sent with a key if there is one, repeated while nothing was written yet, given up with an error that says why.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, Url, redirect};

use super::error::RemoteError;
use super::refusal;
use super::wire::{ModelCard, Models};
use crate::settings::Server;

/// To find a server that is there.
const CONNECT: Duration = Duration::from_secs(10);
/// Tries after the first.
const RETRIES: u32 = 3;
/// Before the first of them; each further waits twice as long.
const BACKOFF: Duration = Duration::from_millis(500);
/// The most that is waited because a server asks for it.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Refusals and lists longer than this are not read to their end.
const MAX_BODY: usize = 1 << 20;

type Result<T> = std::result::Result<T, RemoteError>;

/// A server, and how it is spoken to. Clones share connections.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    /// How long a silence may last.
    pub(super) patience: Duration,
}

impl Client {
    pub(super) fn new(server: &Server) -> Result<Self> {
        let base = base(&server.url)?;
        let refuse = |reason: String| RemoteError::Address { url: server.url.clone(), reason };
        // Whoever was first has chosen the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        if let Some(key) = &server.key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal()))
                .map_err(|_| RemoteError::Key { url: base.clone() })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .default_headers(headers)
            // A redirected POST becomes a GET, and the key should go nowhere else.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("timepin/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| refuse(root(&e)))?;
        Ok(Self { http, base, patience: server.timeout })
    }

    /// Where the server is, for messages.
    pub(super) fn url(&self) -> &str {
        &self.base
    }

    /// The models the server lists.
    pub(super) async fn models(&self) -> Result<Vec<ModelCard>> {
        let asked = async {
            let response = self.send(|| self.http.get(format!("{}/models", self.base))).await?;
            let body = self.body(response).await?;
            serde_json::from_slice::<Models>(&body).map_err(|e| self.malformed(format!("its list of models: {e}")))
        };
        let listed = tokio::time::timeout(self.patience, asked).await;
        Ok(listed.map_err(|_| self.slow("the list of its models", self.patience))??.data)
    }

    /// Begins an answer.
    pub(super) async fn chat(&self, body: Bytes) -> Result<Response> {
        let url = format!("{}/chat/completions", self.base);
        self.send(|| self.http.post(&url).header(CONTENT_TYPE, "application/json").body(body.clone())).await
    }

    /// Sends until it is answered with success, as long as trying again makes sense.
    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Response> {
        let mut tried = 0;
        loop {
            let (error, wish) = match request().send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => self.refusal(response).await,
                Err(error) => (self.unreachable(&error), None),
            };
            if tried == RETRIES || !error.is_passing() {
                return Err(error);
            }
            let wait = wish.unwrap_or(BACKOFF * 2_u32.pow(tried));
            tracing::warn!(%error, wait_ms = wait.as_millis(), "trying again");
            tokio::time::sleep(wait).await;
            tried += 1;
        }
    }

    /// What a response without success means, and how long the server wants to be left alone.
    async fn refusal(&self, response: Response) -> (RemoteError, Option<Duration>) {
        let status = response.status().as_u16();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let wish = seconds.map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
        // A body that cannot be read leaves the status, which says enough.
        let body = self.body(response).await.unwrap_or_default();
        (refusal::understand(&self.base, status, &refusal::words(&body)), wish)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.unreachable(&e))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY {
                return Err(self.malformed(format!("more than {MAX_BODY} bytes where a few were expected")));
            }
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> RemoteError {
        let reason =
            if error.is_timeout() { format!("no connection within {} s", CONNECT.as_secs()) } else { root(error) };
        RemoteError::Unreachable { url: self.base.clone(), reason }
    }

    pub(super) fn slow(&self, awaited: &'static str, limit: Duration) -> RemoteError {
        RemoteError::Slow { url: self.base.clone(), seconds: limit.as_secs(), awaited }
    }

    pub(super) fn malformed(&self, reason: String) -> RemoteError {
        RemoteError::Malformed { url: self.base.clone(), reason }
    }
}

/// The address without a slash at its end; `/v1` when it names only a host, as everybody means it.
fn base(url: &str) -> Result<String> {
    let refuse = |reason: &str| RemoteError::Address { url: url.to_owned(), reason: reason.to_owned() };
    let parsed = Url::parse(url).map_err(|e| refuse(&e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(refuse("it begins with neither http:// nor https://"));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(refuse("it has a ? or # in it"));
    }
    if parsed.password().is_some() || !parsed.username().is_empty() {
        return Err(refuse("it holds a password, which would be shown; use backend_key"));
    }
    let base = parsed.as_str().trim_end_matches('/');
    Ok(if parsed.path() == "/" { format!("{base}/v1") } else { base.to_owned() })
}

/// The innermost cause, which is the one that says something.
fn root(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_completed_or_refused_with_a_reason() {
        assert_eq!(base("http://gpu:8000").unwrap(), "http://gpu:8000/v1");
        assert_eq!(base("http://gpu:8000/").unwrap(), "http://gpu:8000/v1");
        assert_eq!(base("https://gpu/llm/v1/").unwrap(), "https://gpu/llm/v1");
        for wrong in ["gpu:8000", "ftp://gpu/v1", "http://gpu/v1?key=1", "http://me:secret@gpu/v1", "", "http://"] {
            assert_eq!(base(wrong).unwrap_err().code(), "backend_address", "{wrong}");
        }
    }
}
