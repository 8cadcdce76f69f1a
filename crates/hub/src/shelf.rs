//! The models there are: folders `<owner>/<name>` below one folder, pulled or put there by hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use timeline::{LocalModel, ModelState};

use crate::error::{Error, Result};
use crate::manifest::{Manifest, length, partial_path};
use crate::repository::Repository;

/// The folder of all models.
#[derive(Debug, Clone)]
pub struct Shelf {
    models: PathBuf,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Shelved {
    /// As a person would list it.
    pub model: LocalModel,
    /// Where its files are.
    pub folder: PathBuf,
}

impl Shelf {
    /// The models below a folder, which need not be there yet.
    pub fn new(models: PathBuf) -> Self {
        Self { models }
    }

    /// The folder of all of them.
    pub fn models(&self) -> &Path {
        &self.models
    }

    /// The folder of a complete model by its name.
    ///
    /// # Errors
    /// When it is not here, or only a part of it.
    pub fn find(&self, repository: &Repository) -> Result<PathBuf> {
        let folder = repository.folder(&self.models);
        let name = repository.to_string();
        match Manifest::read(&folder)? {
            Some(manifest) if manifest.is_whole(&folder) => Ok(folder),
            Some(_) => Err(Error::Incomplete { name }),
            None if looks_like_a_model(&folder) => Ok(folder),
            None => Err(Error::NotHere { name }),
        }
    }

    /// All of them by name.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Shelved>> {
        let mut found = Vec::new();
        for owner in names(&self.models)? {
            for name in names(&self.models.join(&owner))? {
                let Ok(repository) = format!("{owner}/{name}").parse::<Repository>() else { continue };
                found.extend(self.describe(&repository)?);
            }
        }
        Ok(found)
    }

    fn describe(&self, repository: &Repository) -> Result<Option<Shelved>> {
        let folder = repository.folder(&self.models);
        let manifest = match Manifest::read(&folder) {
            Ok(manifest) => manifest,
            // One bad folder does not hide the others; pulling it says what is wrong.
            Err(Error::Manifest { .. } | Error::UnsafeFileName(_)) => None,
            Err(error) => return Err(error),
        };
        let (state, bytes, total) = match &manifest {
            Some(manifest) => {
                let complete = manifest.is_whole(&folder);
                let state = if complete { ModelState::Complete } else { ModelState::Partial };
                (state, bytes_of(&folder, manifest), Some(manifest.bytes()))
            }
            None if looks_like_a_model(&folder) => {
                (ModelState::Complete, bytes_in(&folder).map_err(Error::io(&folder))?, None)
            }
            None => return Ok(None),
        };
        let name = repository.to_string();
        Ok(Some(measured(LocalModel { name, state, bytes, total, parameters: None, precision: None }, folder)))
    }
}

impl Shelved {
    /// A complete model that lies elsewhere, such as the bundled one.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn elsewhere(name: &str, folder: PathBuf) -> Result<Self> {
        let bytes = bytes_in(&folder).map_err(Error::io(&folder))?;
        let (name, state) = (name.to_owned(), ModelState::Complete);
        Ok(measured(LocalModel { name, state, bytes, total: None, parameters: None, precision: None }, folder))
    }
}

/// Adds what the weights' headers say, when all weights are there. Files that cannot be read say nothing; loading them
/// tells why.
fn measured(mut model: LocalModel, folder: PathBuf) -> Shelved {
    if let (ModelState::Complete, Ok(census)) = (model.state, qwen3_vl::census(&folder)) {
        model.parameters = Some(census.parameters());
        model.precision = census.precision();
    }
    Shelved { model, folder }
}

/// Bytes of a download, ended or not.
fn bytes_of(folder: &Path, manifest: &Manifest) -> u64 {
    let there = |name: &str| length(&folder.join(name)).or_else(|| length(&partial_path(folder, name)));
    manifest.files.iter().filter_map(|file| there(&file.name)).sum()
}

fn bytes_in(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += length(&entry?.path()).unwrap_or_default();
    }
    Ok(bytes)
}

fn looks_like_a_model(folder: &Path) -> bool {
    let files = || fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let ends = |wanted: &str| files().any(|file| file.extension().is_some_and(|ending| ending == wanted));
    (folder.join("config.json").is_file() && ends("safetensors")) || ends("gguf")
}

/// Names of folders in a folder, sorted; none when it is not there.
fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries.map_err(Error::io(folder))?,
    };
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    Ok(folders.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}
