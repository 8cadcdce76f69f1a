//! A file from the web: every address on the way is checked, and size and time have limits. After a cut only what is missing is
//! asked for, if the other server names its files by strong tags.

use std::sync::PoisonError;
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, IF_RANGE, LOCATION, RANGE, USER_AGENT,
};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use timeline::IngestId;
use timeline::ingest::CHUNK_BYTES;

use crate::address::{Guard, Private};
use crate::error::{Error, Result};
use crate::jobs::Ingest;
use crate::partial::Partial;

const HOPS: usize = 8;
/// Requests in a row that bring nothing before giving up.
const TRIES: u32 = 5;
const CONNECT: Duration = Duration::from_secs(15);
/// A connection that is silent for so long counts as cut.
const SILENCE: Duration = Duration::from_secs(30);
const AGENT: &str = concat!("timepin/", env!("CARGO_PKG_VERSION"));

/// An address that may be asked.
pub(crate) fn parse(text: &str, allow_private: bool) -> Result<Url> {
    let refuse = || Error::BadUrl(text.trim().chars().take(200).collect());
    let url = Url::parse(text.trim()).map_err(|_| refuse())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse());
    }
    check(&url, Guard { allow_private })
        .map_err(|error| if matches!(error, Error::BadUrl(_)) { refuse() } else { error })?;
    Ok(url)
}

/// The scheme, and an address that is written as numbers; the resolver sees names only.
fn check(url: &Url, guard: Guard) -> Result<()> {
    let host = url.host_str().unwrap_or_default();
    if !matches!(url.scheme(), "http" | "https") || host.is_empty() {
        return Err(Error::BadUrl(url.to_string()));
    }
    match host.trim_matches(['[', ']']).parse() {
        Ok(address) if !guard.allows(address) => Err(Error::PrivateAddress(host.to_owned())),
        _ => Ok(()),
    }
}

/// What a file is called: the last part of its address.
pub(crate) fn file_name(url: &Url) -> String {
    let last = url.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty()));
    let name = last.map(decoded).filter(|name| !name.trim().is_empty());
    name.unwrap_or_else(|| url.host_str().unwrap_or("video").to_owned())
}

/// `%E7%89%87` as text, where it is text.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        let code = rest.strip_prefix('%').and_then(|hex| hex.get(..2)).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let width = if code.is_some() { 3 } else { first.len_utf8() };
        let (head, tail) = rest.split_at_checked(width).unwrap_or((rest, ""));
        bytes.extend(code.map_or_else(|| head.as_bytes().to_vec(), |code| vec![code]));
        rest = tail;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

impl Ingest {
    /// Brings all bytes of a file into its partial.
    pub(crate) async fn load(&self, id: &IngestId, url: &str) -> Result<()> {
        let settings = &self.shared.settings;
        let guard = Guard { allow_private: settings.allow_private };
        let url = parse(url, settings.allow_private)?;
        // An error says that there is a provider already, which is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            // A proxy would connect to whomever it likes.
            .no_proxy()
            .dns_resolver(guard)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .build()
            .map_err(|error| Error::Unreachable { host: host(&url), reason: reason(&error) })?;
        let loading = Loading { ingest: self, id, client, guard, url };
        let minutes = settings.timeout.as_secs().div_ceil(60);
        tokio::time::timeout(settings.timeout, loading.to_the_end()).await.map_err(|_| Error::TimedOut { minutes })?
    }
}

struct Loading<'a> {
    ingest: &'a Ingest,
    id: &'a IngestId,
    client: Client,
    guard: Guard,
    url: Url,
}

impl Loading<'_> {
    async fn to_the_end(&self) -> Result<()> {
        let mut failed = 0;
        loop {
            let before = self.ingest.with(self.id, |job| job.received)?;
            match self.attempt().await {
                Err(error @ (Error::Cut { .. } | Error::Unreachable { .. })) => {
                    let progress = self.ingest.with(self.id, |job| job.received)? > before;
                    failed = if progress { 1 } else { failed + 1 };
                    if failed >= TRIES {
                        return Err(error);
                    }
                    tokio::time::sleep(Duration::from_millis(250 << failed)).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// One request, followed to the file. What arrived before a cut is kept.
    async fn attempt(&self) -> Result<()> {
        let (there, etag) = self.ingest.with(self.id, |job| (job.received, job.record.etag.clone()))?;
        let rest = etag.filter(|_| there > 0).map(|etag| (there, etag));
        let mut response = self.ask(rest.as_ref()).await?;
        let headers = response.headers().clone();
        let goes_on = response.status() == StatusCode::PARTIAL_CONTENT
            && text(&headers, "content-range").is_some_and(|range| range.starts_with(&format!("bytes {there}-")));
        let there = if goes_on { there } else { 0 };
        let announced: Option<u64> = text(&headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let total = announced.map(|length| length.saturating_add(there));
        self.check_size(total.unwrap_or_default())?;
        self.ingest.has_room(announced.unwrap_or_default())?;
        if !goes_on {
            self.write(Vec::new(), true).await?;
        }
        let tag = text(&headers, ETAG).filter(|tag| tag.starts_with('"'));
        self.ingest.change(self.id, move |record, _| (record.bytes, record.etag) = (total, tag)).await?;
        let mut block = Vec::with_capacity(CHUNK_BYTES as usize);
        loop {
            let chunk = response.chunk().await;
            let over = !matches!(&chunk, Ok(Some(_)));
            if let Ok(Some(chunk)) = &chunk {
                block.extend_from_slice(chunk);
            }
            if !block.is_empty() && (over || block.len() >= CHUNK_BYTES as usize) {
                let received = self.write(std::mem::take(&mut block), false).await?;
                self.check_size(received)?;
            }
            match chunk {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return Err(self.cut(&reason(&error))),
            }
        }
        let received = self.ingest.with(self.id, |job| job.received)?;
        match total {
            Some(total) if received != total => Err(self.cut("it ended early")),
            _ if received == 0 => Err(self.cut("it was empty")),
            _ => Ok(()),
        }
    }

    async fn ask(&self, rest: Option<&(u64, String)>) -> Result<Response> {
        let mut url = self.url.clone();
        for _hop in 0..HOPS {
            check(&url, self.guard)?;
            let mut request =
                self.client.get(url.clone()).header(USER_AGENT, AGENT).header(ACCEPT_ENCODING, "identity");
            if let Some((from, etag)) = rest {
                request = request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, etag);
            }
            let response = request.send().await.map_err(|error| lost(&url, &error))?;
            let status = response.status();
            if status.is_redirection() {
                let target = text(response.headers(), LOCATION).and_then(|location| url.join(&location).ok());
                url = target.ok_or_else(|| Error::HttpStatus { host: host(&url), status: status.as_u16() })?;
                continue;
            }
            if !status.is_success() {
                return Err(Error::HttpStatus { host: host(&url), status: status.as_u16() });
            }
            let kind = text(response.headers(), CONTENT_TYPE).unwrap_or_default();
            return if kind.starts_with("text/html") { Err(Error::WebPage(host(&url))) } else { Ok(response) };
        }
        Err(Error::HttpStatus { host: host(&self.url), status: StatusCode::LOOP_DETECTED.as_u16() })
    }

    /// Makes bytes durable behind those that are there, or `anew`; gives how many there are.
    async fn write(&self, bytes: Vec<u8>, anew: bool) -> Result<u64> {
        let (ingest, id, folder) = (self.ingest.clone(), self.id.clone(), self.ingest.folder(self.id));
        let partial = self.ingest.with(self.id, |job| std::sync::Arc::clone(&job.partial))?;
        self.ingest
            .blocking(move |_| {
                let mut slot = partial.lock().unwrap_or_else(PoisonError::into_inner);
                let file = match &mut *slot {
                    Some(file) => file,
                    empty => empty.insert(Partial::open(&folder)?),
                };
                if anew {
                    file.restart()?;
                }
                let received = if bytes.is_empty() { file.received() } else { file.append(&bytes)? };
                ingest.with(&id, |job| job.received = received)?;
                ingest.tell();
                Ok(received)
            })
            .await
    }

    fn check_size(&self, bytes: u64) -> Result<()> {
        let limit = self.ingest.shared.settings.max_bytes;
        if bytes > limit { Err(Error::TooLarge { bytes, limit }) } else { Ok(()) }
    }

    fn cut(&self, reason: &str) -> Error {
        Error::Cut { host: host(&self.url), reason: reason.to_owned() }
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn text(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Nobody there, nobody allowed, or gone before an answer.
fn lost(url: &Url, error: &reqwest::Error) -> Error {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<Private>() {
            return Error::PrivateAddress(host(url));
        }
        cause = inner.source();
    }
    let (host, reason) = (host(url), reason(error));
    if error.is_connect() { Error::Unreachable { host, reason } } else { Error::Cut { host, reason } }
}

/// The innermost cause: "connection refused" rather than "error sending request".
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_before_anybody_is_asked() {
        for bad in ["", "clip.mp4", "ftp://a.org/x", "file:///etc/passwd", "http://", "http://user:secret@a.org/x"] {
            assert!(matches!(parse(bad, true), Err(Error::BadUrl(_))), "{bad}");
        }
        for private in
            ["http://127.0.0.1/x", "http://[::1]:80/x", "https://10.0.0.8/", "http://2130706433/x", "http://0x7f.1/"]
        {
            assert!(matches!(parse(private, false), Err(Error::PrivateAddress(_))), "{private}");
            assert!(parse(private, true).is_ok(), "{private}");
        }
        assert!(parse(" https://a.org/film.mp4?x=1 ", false).is_ok());
    }

    #[test]
    fn a_file_is_called_by_the_end_of_its_address() {
        let name = |url: &str| file_name(&parse(url, true).unwrap());
        assert_eq!(name("https://a.org/b/My%20film.mkv?sig=1"), "My film.mkv");
        assert_eq!(name("https://a.org/%E7%89%87.avi/"), "片.avi");
        assert_eq!(name("https://a.org/"), "a.org");
        assert_eq!(name("https://a.org/50%.mp4"), "50%.mp4");
        assert_eq!(name("https://a.org/%ff.mp4"), "%ff.mp4");
    }
}
