//! A desk to pull models at: a repository on the hub, a folder, a client that is in a hurry.
#![allow(dead_code, reason = "every test binary uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hub::{Access, CancellationToken, Client, Error, Patience, Pull, Pulled, Shelf};
use timeline::{ModelState, PullProgress};
use tokio::sync::watch;

use crate::hub_server::HubServer;

pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const SIZE: usize = 3_000_000;

/// Bytes without a pattern that a mistake could hide in.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) fn repository() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("README.md", b"# a model".to_vec()),
        ("config.json", br#"{"model_type": "qwen3_vl"}"#.to_vec()),
        ("tokenizer.json", noise(9_000, 2)),
        (WEIGHTS, noise(SIZE, 1)),
    ]
}

pub(crate) fn weights() -> Vec<u8> {
    noise(SIZE, 1)
}

/// A folder for models, and a client that is in a hurry.
pub(crate) struct Desk {
    pub(crate) models: tempfile::TempDir,
    pub(crate) endpoint: String,
    pub(crate) token: Option<String>,
    pub(crate) patience: Patience,
}

impl Desk {
    pub(crate) fn at(hub: &HubServer) -> Self {
        let patience = Patience {
            tries: 3,
            first_wait: Duration::from_millis(10),
            longest_wait: Duration::from_secs(2),
            silence: Duration::from_millis(400),
        };
        Self { models: tempfile::tempdir().unwrap(), endpoint: hub.endpoint.clone(), token: None, patience }
    }

    /// A client as a fresh process would have it.
    pub(crate) fn client(&self) -> Client {
        Client::new(Access::new(&self.endpoint, self.token.clone()).unwrap(), self.patience).unwrap()
    }

    pub(crate) async fn pull(&self) -> Result<Pulled, Error> {
        self.pull_file(None).await
    }

    pub(crate) async fn pull_file(&self, file: Option<&str>) -> Result<Pulled, Error> {
        let (progress, _) = watch::channel(PullProgress::default());
        self.pull_told(file, &progress, &CancellationToken::new()).await
    }

    pub(crate) async fn pull_told(
        &self,
        file: Option<&str>,
        progress: &watch::Sender<PullProgress>,
        cancel: &CancellationToken,
    ) -> Result<Pulled, Error> {
        let pull = Pull { repository: "owner/name".parse().unwrap(), file: file.map(str::to_owned) };
        self.client().pull(&pull, self.models.path(), progress, cancel).await
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.models.path().join("owner/name")
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder().join(name)).unwrap()
    }

    pub(crate) fn partial(&self) -> PathBuf {
        self.folder().join(format!("{WEIGHTS}.partial"))
    }

    pub(crate) fn shelf(&self) -> Shelf {
        Shelf::new(self.models.path().to_owned())
    }

    pub(crate) fn state(&self) -> Option<ModelState> {
        self.shelf().list(10.0).unwrap().first().map(|model| model.state)
    }
}

/// Names in a folder that a person sees.
pub(crate) fn visible(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}
