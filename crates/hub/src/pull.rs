//! A whole model: list, choose, check the disk, load, and only then call it a model.

use std::fs;
use std::path::{Path, PathBuf};

use futures::{StreamExt, TryStreamExt, stream};
use timeline::models::PullProgress;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::file_name::check_file_name;
use crate::manifest::{FolderLock, Manifest, Wanted, length, partial_path};
use crate::partial::{discard, is_whole, remove};
use crate::progress::Ledger;
use crate::repository::Repository;
use crate::selection::select;
use crate::transfer::{Transfers, blocking};

/// Files loaded at once: enough to fill a line, few enough to be welcome.
const AT_ONCE: usize = 4;
/// Left free on the disk: whatever else runs there.
const SPARE: u64 = 64 << 20;

/// What to get.
#[derive(Debug, Clone)]
pub struct Pull {
    /// From where.
    pub repository: Repository,
    /// Which GGUF file; without it safetensors are taken.
    pub file: Option<String>,
}

/// What was got.
#[derive(Debug)]
pub struct Pulled {
    /// A folder that can be given to the loader.
    pub folder: PathBuf,
    /// The version.
    pub commit: String,
    /// Bytes of all files.
    pub bytes: u64,
}

impl Client {
    /// Gets a model into `<models>/<owner>/<name>`, going on where an earlier call stopped: revision and file that it
    /// asked for need not be named again. Files that are whole are not
    /// asked for again; files of an earlier choice or version that this one lacks are removed at the end.
    ///
    /// # Errors
    /// Every case of [`Error`]; what was loaded is kept, save what has the wrong digest.
    pub async fn pull(
        &self,
        pull: &Pull,
        models: &Path,
        progress: &watch::Sender<PullProgress>,
        cancel: &CancellationToken,
    ) -> Result<Pulled> {
        let folder = pull.repository.folder(models);
        let pull = &begun(pull, Manifest::read(&folder)?)?;
        let repository = &pull.repository;
        let listing = self.listing(repository, cancel).await?;
        let selected = select(repository, &listing.files, pull.file.as_deref())?;
        let mut files = Vec::with_capacity(selected.len());
        for file in selected {
            check_file_name(&file.name)?;
            let known = self.describe(repository, &listing.commit, file, cancel).await?;
            files.push(Wanted { size: known.size.unwrap_or_default(), name: known.name, digest: known.digest });
        }
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let _lock = FolderLock::take(&folder)?;
        let before = Manifest::read(&folder)?;
        let manifest = Manifest {
            repository: repository.to_string(),
            revision: repository.revision().to_owned(),
            file: pull.file.clone(),
            commit: listing.commit,
            complete: false,
            files,
        };
        let ledger = Ledger::new(&manifest.files);
        let work = self.load(repository, &folder, before, manifest, &ledger, cancel);
        ledger.told(progress, work).await
    }

    async fn load(
        &self,
        repository: &Repository,
        folder: &Path,
        before: Option<Manifest>,
        mut manifest: Manifest,
        ledger: &Ledger,
        cancel: &CancellationToken,
    ) -> Result<Pulled> {
        let missing = missing(folder, before.as_ref(), &manifest, ledger, cancel).await?;
        let pulled = Pulled { folder: folder.to_owned(), commit: manifest.commit.clone(), bytes: manifest.bytes() };
        if !missing.is_empty() {
            check_space(folder, &manifest, &missing)?;
            let wanted = missing.iter().filter_map(|index| manifest.files.get(*index));
            for stale in wanted.filter(|wanted| differs(before.as_ref(), wanted)) {
                remove(&folder.join(&stale.name))?;
                discard(folder, &stale.name)?;
            }
            // From here on the folder is no model, until it is one again; and whatever is there is what it says.
            manifest.write(folder)?;
            ledger.begin();
            let (commit, files) = (manifest.commit.as_str(), manifest.files.as_slice());
            let transfers = Transfers { client: self, repository, commit, files, folder, ledger, cancel };
            stream::iter(missing)
                .map(|index| transfers.load(index))
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
        }
        manifest.complete = true;
        manifest.write(folder)?;
        for old in before.iter().flat_map(|before| &before.files).filter(|old| manifest.file(&old.name).is_none()) {
            remove(&folder.join(&old.name))?;
            discard(folder, &old.name)?;
        }
        Ok(pulled)
    }
}

/// What is asked for, when it is only to go on with what was begun.
fn begun(pull: &Pull, before: Option<Manifest>) -> Result<Pull> {
    match before {
        Some(before) if !before.complete && pull.file.is_none() && !pull.repository.is_pinned() => {
            Ok(Pull { repository: pull.repository.clone().at(&before.revision)?, file: before.file })
        }
        _ => Ok(pull.clone()),
    }
}

/// Whether an earlier download knew a file of this name with other contents.
fn differs(before: Option<&Manifest>, wanted: &Wanted) -> bool {
    before.and_then(|before| before.file(&wanted.name)).is_some_and(|known| known != wanted)
}

/// Numbers of the files that are not whole yet.
async fn missing(
    folder: &Path,
    before: Option<&Manifest>,
    manifest: &Manifest,
    ledger: &Ledger,
    cancel: &CancellationToken,
) -> Result<Vec<usize>> {
    let mut missing = Vec::new();
    for (index, wanted) in manifest.files.iter().enumerate() {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        // A name is given only to what was checked; the manifest says what it was checked for.
        let vouched = before.and_then(|before| before.file(&wanted.name)) == Some(wanted);
        let (place, file) = (folder.to_owned(), wanted.clone());
        if blocking(move || is_whole(&place, &file, vouched)).await? {
            ledger.set(index, wanted.size, 0);
        } else {
            missing.push(index);
        }
    }
    Ok(missing)
}

fn check_space(folder: &Path, manifest: &Manifest, missing: &[usize]) -> Result<()> {
    let files = missing.iter().filter_map(|index| manifest.files.get(*index));
    let left =
        files.map(|file| file.size.saturating_sub(length(&partial_path(folder, &file.name)).unwrap_or_default()));
    let needed = left.fold(SPARE, u64::saturating_add);
    let free = fs4::available_space(folder).map_err(Error::io(folder))?;
    if free < needed {
        return Err(Error::DiskFull { folder: folder.to_owned(), needed, free });
    }
    Ok(())
}
