//! One file: asked for from where it stopped, as often as it takes, and checked at the end.

use std::path::Path;

use reqwest::{Method, Response, StatusCode, Url};
use tokio_util::sync::CancellationToken;

use crate::client::{Client, Linked, Rest, reason, strong_tag, text};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::manifest::Wanted;
use crate::partial::Partial;
use crate::patience::{Failure, Tries};
use crate::progress::Ledger;
use crate::repository::Repository;

/// Bytes gathered before they are written and hashed, away from the network's thread.
const BLOCK: usize = 1 << 20;

/// What all transfers of a download share.
pub(crate) struct Transfers<'a> {
    pub(crate) client: &'a Client,
    pub(crate) repository: &'a Repository,
    pub(crate) commit: &'a str,
    pub(crate) files: &'a [Wanted],
    pub(crate) folder: &'a Path,
    pub(crate) ledger: &'a Ledger,
    pub(crate) cancel: &'a CancellationToken,
}

impl Transfers<'_> {
    /// Loads file number `index`. Cancelled or cut, it keeps what arrived.
    pub(crate) async fn load(&self, index: usize) -> Result<()> {
        let Some(wanted) = self.files.get(index) else { return Ok(()) };
        let url = self.client.file_url(self.repository, self.commit, &wanted.name);
        let mut tries = Tries::new(self.client.patience);
        let mut partial = self.open(index, wanted).await?;
        loop {
            if partial.length() == wanted.size {
                // Most often the end. A block of an earlier run may be damaged: then all of it is loaded once more.
                let Some(again) = blocking(move || partial.finish()).await? else { return Ok(()) };
                partial = again;
                self.ledger.set(index, 0, 0);
            }
            let before = partial.length();
            let (kept, outcome) = self.attempt(&url, index, wanted, partial).await?;
            partial = kept;
            if partial.length() > before {
                tries.succeeded();
            }
            if let Err(mut failure) = outcome {
                if let Error::Cut { tries: count, .. } = &mut failure.error {
                    *count = tries.failed() + 1;
                }
                let _counted = self.ledger.wait();
                tries.wait_after(failure, self.cancel).await?;
            }
        }
    }

    async fn open(&self, index: usize, wanted: &Wanted) -> Result<Partial> {
        let (folder, wanted) = (self.folder.to_owned(), wanted.clone());
        let (ledger, cancel) = (self.ledger.clone(), self.cancel.clone());
        blocking(move || {
            let mut there = 0;
            Partial::open(&folder, &wanted, |bytes| {
                there += bytes;
                ledger.set(index, there, 0);
                if cancel.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
            })
        })
        .await
    }

    /// One request. The outer error is final; the inner one may pass, and what arrived before is in the partial.
    async fn attempt(
        &self,
        url: &Url,
        index: usize,
        wanted: &Wanted,
        mut partial: Partial,
    ) -> Result<(Partial, Result<(), Failure>)> {
        let etag = partial.etag();
        let from = (partial.length() > 0).then(|| Rest { byte: partial.length(), etag: etag.as_deref() });
        let answer = tokio::select! {
            answer = self.client.send(Method::GET, url.clone(), from, self.repository) => answer,
            () = self.cancel.cancelled() => return Err(Error::Cancelled),
        };
        let (mut response, linked) = match answer {
            Ok(answer) => answer,
            Err(failure) => return Ok((partial, Err(failure))),
        };
        self.check_identity(url, wanted, &linked)?;
        if !self.continues(&response, url, wanted, partial.length())? {
            partial.restart()?;
            self.ledger.set(index, 0, 0);
        }
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok((partial, Err(self.cut(wanted, "the hub knows no such range"))));
        }
        partial.set_etag(strong_tag(response.headers()).as_deref())?;
        loop {
            let (block, end) = self.block(&mut response, wanted).await;
            let arrived = block.len() as u64;
            if partial.length() + arrived > wanted.size {
                partial.restart()?;
                return Err(self.client.protocol(url, "it sends more bytes than it listed"));
            }
            partial = blocking(move || partial.append(&block).map(|()| partial)).await?;
            self.ledger.set(index, partial.length(), arrived);
            match end {
                None => {}
                Some(Ok(())) if partial.length() < wanted.size => {
                    return Ok((partial, Err(self.cut(wanted, "it ended early"))));
                }
                Some(Err(failure)) if !failure.passing => return Err(failure.error),
                Some(end) => return Ok((partial, end)),
            }
        }
    }

    /// Gathers the next block; with it the end of the body, if that is what comes next.
    async fn block(&self, response: &mut Response, wanted: &Wanted) -> (Vec<u8>, Option<Result<(), Failure>>) {
        let mut block = Vec::with_capacity(BLOCK);
        while block.len() < BLOCK {
            let chunk = tokio::select! {
                chunk = response.chunk() => chunk,
                () = self.cancel.cancelled() => return (block, Some(Err(Error::Cancelled.into()))),
            };
            match chunk {
                Ok(Some(chunk)) => block.extend_from_slice(&chunk),
                Ok(None) => return (block, Some(Ok(()))),
                Err(error) => {
                    let failure = self.cut(wanted, &reason(&error));
                    return (block, Some(Err(failure)));
                }
            }
        }
        (block, None)
    }

    /// Whether the body goes on where the partial ends; otherwise it begins anew.
    fn continues(&self, response: &Response, url: &Url, wanted: &Wanted, there: u64) -> Result<bool> {
        let headers = response.headers();
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = text(headers, "content-range").unwrap_or_default();
                let expected = format!("bytes {there}-{}/{}", wanted.size.saturating_sub(1), wanted.size);
                let unknown_total = range == expected.replace(&format!("/{}", wanted.size), "/*");
                let fits = range == expected || unknown_total;
                fits.then_some(true)
                    .ok_or_else(|| self.client.protocol(url, &format!("it sends `{range}`, not `{expected}`")))
            }
            StatusCode::OK => {
                let announced: Option<u64> = text(headers, "content-length").and_then(|length| length.parse().ok());
                match announced {
                    Some(length) if length != wanted.size => {
                        let told = format!("it sends {length} bytes instead of the {} it listed", wanted.size);
                        Err(self.client.protocol(url, &told))
                    }
                    _ => Ok(there == 0),
                }
            }
            _ => Ok(false),
        }
    }

    /// The hub describes the file again on the way to it: a file replaced under the same commit is caught before a byte.
    fn check_identity(&self, url: &Url, wanted: &Wanted, linked: &Linked) -> Result<()> {
        let other_size = linked.size.is_some_and(|size| size != wanted.size);
        let other_contents = match (linked.etag.as_deref().and_then(Digest::from_tag), &wanted.digest) {
            (Some(Digest::Sha256(told)), Some(Digest::Sha256(listed))) => told != *listed,
            _ => false,
        };
        if other_size || other_contents {
            return Err(self.client.protocol(url, "the file is not the one that was listed; pull again"));
        }
        Ok(())
    }

    fn cut(&self, wanted: &Wanted, reason: &str) -> Failure {
        Failure::passing(Error::Cut { file: wanted.name.clone(), tries: 1, reason: reason.to_owned() })
    }
}

/// Runs what blocks where that is allowed.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        // The runtime is shutting down.
        Err(_never_ran) => Err(Error::Cancelled),
    }
}
