//! `.timepin-pull.json` in a model's folder: what was asked for, what it consists of, and whether all of it is there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::file_name::check_file_name;

/// The manifest's name; hidden, so that no repository can bring one.
const NAME: &str = ".timepin-pull.json";

/// A download, ended or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// `owner/name`.
    pub(crate) repository: String,
    /// As asked for.
    pub(crate) revision: String,
    /// Which GGUF file was asked for.
    #[serde(default)]
    pub(crate) file: Option<String>,
    /// What the revision stood for.
    pub(crate) commit: String,
    /// Whether every file is there. Written last.
    pub(crate) complete: bool,
    pub(crate) files: Vec<Wanted>,
}

/// A file of the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// Nothing where the hub tells none.
    pub(crate) digest: Option<Digest>,
}

impl Manifest {
    /// The manifest of a folder; nothing where there is none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Io { path, source }),
        };
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| Error::Manifest { path: path.clone(), reason: error.to_string() })?;
        // Someone may have edited it, and its names become paths.
        manifest.files.iter().try_for_each(|file| check_file_name(&file.name))?;
        Ok(Some(manifest))
    }

    /// Replaces the manifest of a folder; what is on the disk then is the old one or this one.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        let aside = folder.join(format!("{NAME}.tmp"));
        let written = || -> io::Result<()> {
            let mut file = File::create(&aside)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()?;
            fs::rename(&aside, &path)?;
            sync_folder(folder)
        };
        written().map_err(Error::io(&path))
    }

    /// What is known of a file.
    pub(crate) fn file(&self, name: &str) -> Option<&Wanted> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Whether every file is there in its full length.
    pub(crate) fn is_whole(&self, folder: &Path) -> bool {
        self.complete && self.files.iter().all(|file| length(&folder.join(&file.name)) == Some(file.size))
    }
}

/// A file's length; nothing where there is none.
pub(crate) fn length(path: &Path) -> Option<u64> {
    path.metadata().ok().filter(fs::Metadata::is_file).map(|about| about.len())
}

/// Makes renames in a folder survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder as a file and needs no such step.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Keeps everybody else from pulling into a folder, for as long as it lives.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(".timepin-pull.lock");
        let file = File::create(&path).map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(Error::InUse(folder.to_owned())),
            Err(fs::TryLockError::Error(source)) => Err(Error::Io { path, source }),
        }
    }
}

/// Where the bytes of a file wait until all are there.
pub(crate) fn partial_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.partial"))
}
