//! The models there are: folders `<owner>/<name>` below one folder, pulled or put there by hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use qwen3_vl::fit::Machine;
use timeline::{LocalModel, ModelState};

use crate::error::{Error, Result};
use crate::manifest::{Manifest, length, partial_path};
use crate::repository::Repository;

/// Where models are.
#[derive(Debug, Clone)]
pub struct Shelf {
    models: PathBuf,
    bundled: Option<PathBuf>,
    machine: Option<Machine>,
}

impl Shelf {
    /// The models below a folder, which need not be there yet.
    pub fn new(models: PathBuf) -> Self {
        Self { models, bundled: None, machine: None }
    }

    /// Lists the model that comes with the program too, as `bundled`.
    pub fn with_bundled(self, folder: PathBuf) -> Self {
        Self { bundled: Some(folder), ..self }
    }

    /// Lists whether the models fit a machine too.
    pub fn judged_on(self, machine: Option<Machine>) -> Self {
        Self { machine, ..self }
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

    /// All of them, judged by a video of some minutes: the bundled one, then the others by name. Reads headers of weights.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self, minutes: f64) -> Result<Vec<LocalModel>> {
        let mut found = Vec::new();
        if let Some(folder) = &self.bundled {
            found.push(self.by_hand("bundled".to_owned(), folder, minutes)?);
        }
        for owner in names(&self.models)? {
            for name in names(&self.models.join(&owner))? {
                let Ok(repository) = format!("{owner}/{name}").parse::<Repository>() else { continue };
                found.extend(self.describe(&repository, minutes)?);
            }
        }
        Ok(found)
    }

    fn describe(&self, repository: &Repository, minutes: f64) -> Result<Option<LocalModel>> {
        let folder = repository.folder(&self.models);
        let manifest = match Manifest::read(&folder) {
            Ok(manifest) => manifest,
            // One bad folder does not hide the others; pulling it says what is wrong.
            Err(Error::Manifest { .. } | Error::UnsafeFileName(_)) => None,
            Err(error) => return Err(error),
        };
        let name = repository.to_string();
        match manifest {
            Some(manifest) => {
                let complete = manifest.is_whole(&folder);
                let state = if complete { ModelState::Complete } else { ModelState::Partial };
                let (bytes, total) = (bytes_of(&folder, &manifest), Some(manifest.bytes()));
                let model = LocalModel { bytes, total, ..unmeasured(name, state) };
                Ok(Some(if complete { self.measured(model, &folder, minutes) } else { model }))
            }
            None if looks_like_a_model(&folder) => self.by_hand(name, &folder, minutes).map(Some),
            None => Ok(None),
        }
    }

    /// A folder that nobody pulled: what is in it is the model.
    fn by_hand(&self, name: String, folder: &Path, minutes: f64) -> Result<LocalModel> {
        let bytes = bytes_in(folder).map_err(Error::io(folder))?;
        Ok(self.measured(LocalModel { bytes, ..unmeasured(name, ModelState::Complete) }, folder, minutes))
    }

    /// Adds what the weights' headers say. Files that cannot be read say nothing; loading them tells why.
    fn measured(&self, model: LocalModel, folder: &Path, minutes: f64) -> LocalModel {
        let Ok(census) = qwen3_vl::census(folder) else { return model };
        let fit = self.machine.as_ref().and_then(|machine| machine.judge(folder, minutes).ok());
        LocalModel { parameters: Some(census.parameters()), precision: census.precision(), fit, ..model }
    }
}

/// A model of which nothing is known but its name.
pub(crate) fn unmeasured(name: String, state: ModelState) -> LocalModel {
    LocalModel { name, state, bytes: 0, total: None, parameters: None, precision: None, fit: None }
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
