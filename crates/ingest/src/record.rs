//! What is known of an ingest, on the disk beside its file: `data/ingest/{id}/record.json`, replaced as a whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use store::files;
use timeline::{IngestCause, IngestId, IngestSource, VideoId};

use crate::error::{Error, Result};

const NAME: &str = "record.json";

/// An ingest as it survives a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: IngestId,
    /// The file's name, the video's first title.
    pub(crate) name: String,
    pub(crate) source: IngestSource,
    /// Its size, where that is known.
    pub(crate) bytes: Option<u64>,
    pub(crate) stage: Stage,
    /// The video that is made of it.
    pub(crate) video: Option<VideoId>,
    /// Strong tag of a file on the web, to go on after a cut.
    #[serde(default)]
    pub(crate) etag: Option<String>,
}

/// How far it has come, as far as that has to be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Bytes are missing.
    Receiving,
    /// All bytes are there.
    Whole,
    /// All frames are in the library, where shots begin is still being found.
    Shots,
    /// All that is wanted of it is in the library.
    Done,
    /// It ended early.
    Failed { cause: IngestCause, message: String },
}

impl Stage {
    /// Whether all frames are in the library: for whoever watches, it is done.
    pub(crate) fn has_frames(&self) -> bool {
        matches!(self, Self::Shots | Self::Done)
    }
}

impl Record {
    /// Makes it durable in its folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(|e| Error::io(folder)(e.into()))?;
        files::write_atomically(&folder.join(NAME), &[&text], true)?;
        Ok(files::sync_folder(folder)?)
    }

    /// Every record under a folder. A folder without one was never acknowledged to anybody and goes.
    pub(crate) fn all(root: &Path) -> Result<Vec<Self>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(root).map_err(Error::io(root))?.flatten().filter(|e| e.path().is_dir()) {
            let read = fs::read(entry.path().join(NAME)).ok();
            match read.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok()) {
                Some(record) if entry.file_name().to_str() == Some(&record.id.0) => records.push(record),
                _ => remove(&entry.path())?,
            }
        }
        Ok(records)
    }
}

/// Removes a folder that may be there.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(folder)(error)),
        _ => Ok(()),
    }
}

/// The folder of an ingest.
pub(crate) fn folder(root: &Path, id: &IngestId) -> PathBuf {
    root.join(&id.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_and_what_is_none_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let record = Record {
            id: IngestId("ab12".into()),
            name: "片.avi".into(),
            source: IngestSource::Upload,
            bytes: Some(9),
            stage: Stage::Failed { cause: IngestCause::NoFfmpeg, message: "m".into() },
            video: None,
            etag: None,
        };
        for name in ["ab12", "empty", "other"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        record.save(&folder(root.path(), &record.id)).unwrap();
        // A record that was moved is not the one it says.
        record.save(&root.path().join("other")).unwrap();
        assert_eq!(Record::all(root.path()).unwrap(), [record]);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
