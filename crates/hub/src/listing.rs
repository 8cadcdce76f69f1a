//! What a repository holds: its files with sizes and digests at one commit.

use reqwest::{Method, Url};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, plain_tag, reason, text};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::file_name::points_elsewhere;
use crate::patience::{Failure, Tries};
use crate::repository::Repository;

/// The longest answer that is read: a list of ten thousand files has some megabytes.
const MOST_BYTES: usize = 32 << 20;

/// A repository at a commit.
#[derive(Debug)]
pub(crate) struct Listing {
    /// What branch or tag stood for; files are asked for by it, so all are of one version.
    pub(crate) commit: String,
    pub(crate) files: Vec<Listed>,
}

/// A file as listed.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// Nothing on hubs that do not know `?blobs=true`; `HEAD` tells then.
    pub(crate) size: Option<u64>,
    pub(crate) digest: Option<Digest>,
}

#[derive(Deserialize)]
struct Model {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
}

impl From<Sibling> for Listed {
    fn from(sibling: Sibling) -> Self {
        let Sibling { rfilename: name, size, blob_id, lfs } = sibling;
        match lfs {
            // The blob of a large file is only a pointer to it.
            Some(lfs) => Self { name, size: lfs.size.or(size), digest: lfs.sha256.as_deref().and_then(Digest::sha256) },
            None => Self { name, size, digest: blob_id.as_deref().and_then(Digest::git_blob) },
        }
    }
}

impl Client {
    /// Lists a repository.
    pub(crate) async fn listing(&self, repository: &Repository, cancel: &CancellationToken) -> Result<Listing> {
        let (owner, name, revision) = (repository.owner(), repository.name(), repository.revision());
        let mut url = self.url(["api", "models", owner, name, "revision", revision]);
        url.set_query(Some("blobs=true"));
        let mut tries = Tries::new(self.patience);
        let body = loop {
            let attempt = tokio::select! {
                attempt = self.body(url.clone(), repository) => attempt,
                () = cancel.cancelled() => return Err(Error::Cancelled),
            };
            match attempt {
                Ok(body) => break body,
                Err(failure) => tries.wait_after(failure, cancel).await?,
            }
        };
        let model: Model = serde_json::from_slice(&body).map_err(|error| self.protocol(&url, &error.to_string()))?;
        let commit = model.sha;
        if commit.len() < 7 || commit.len() > 64 || !commit.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(self.protocol(&url, "it names no commit"));
        }
        match model.siblings.iter().find(|sibling| points_elsewhere(&sibling.rfilename)) {
            Some(hostile) => Err(Error::UnsafeFileName(hostile.rfilename.clone())),
            None => Ok(Listing { commit, files: model.siblings.into_iter().map(Listed::from).collect() }),
        }
    }

    async fn body(&self, url: Url, repository: &Repository) -> Result<Vec<u8>, Failure> {
        let offline = |reason| Failure::passing(Error::Offline { endpoint: self.endpoint(), reason });
        let answer = self.send(Method::GET, url.clone(), None, repository).await;
        let (mut response, _) = answer.map_err(|failure| match failure.error {
            Error::Cut { reason, .. } => offline(reason),
            _ => failure,
        })?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| offline(reason(&error)))? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_BYTES {
                return Err(self.protocol(&url, "its list of files has no end").into());
            }
        }
        Ok(body)
    }

    /// Where a file of a commit is.
    pub(crate) fn file_url(&self, repository: &Repository, commit: &str, name: &str) -> Url {
        let start = [repository.owner(), repository.name(), "resolve", commit];
        self.url(start.into_iter().chain(name.split('/')))
    }

    /// Size and digest of a file whose list entry has none: the hub tells them in the headers of the file.
    pub(crate) async fn describe(
        &self,
        repository: &Repository,
        commit: &str,
        file: Listed,
        cancel: &CancellationToken,
    ) -> Result<Listed> {
        if file.size.is_some() {
            return Ok(file);
        }
        let url = self.file_url(repository, commit, &file.name);
        let mut tries = Tries::new(self.patience);
        let (response, linked) = loop {
            match self.send(Method::HEAD, url.clone(), None, repository).await {
                Ok(answer) => break answer,
                Err(failure) => tries.wait_after(failure, cancel).await?,
            }
        };
        let headers = response.headers();
        let size = linked.size.or_else(|| text(headers, "content-length")?.parse().ok());
        let tag = linked.etag.or_else(|| text(headers, "etag").map(|tag| plain_tag(&tag).to_owned()));
        let digest = file.digest.or_else(|| Digest::from_tag(&tag?));
        match size {
            Some(_) => Ok(Listed { size, digest, ..file }),
            None => Err(self.protocol(&url, "it does not say how long the file is")),
        }
    }
}
