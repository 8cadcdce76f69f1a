//! Uploads: pieces in order, each on the disk before it is acknowledged. A page that comes back asks where to go on.

use std::sync::{Arc, PoisonError};

use timeline::ingest::{CHUNK_BYTES, END_BYTES};
use timeline::{IngestId, IngestInfo, IngestSource};

use crate::error::{Error, Result};
use crate::jobs::{Ingest, Job, Work};
use crate::partial::Partial;
use crate::record::{self, Record, Stage};

/// Files that may be under way at once, failed ones included.
const MOST: u32 = 32;
/// Most characters of a file's name.
const NAME_CHARS: usize = 300;
/// What an upload leaves free on the disk, for the library.
const LEFT_FREE: u64 = 256 << 20;

impl Ingest {
    /// Makes room for a file, or finds what is there of it: a file is known by its name, its size and its two ends. With
    /// `known` a file that was never begun is not begun now, and nothing is given.
    ///
    /// # Errors
    /// When the file is larger than is taken, or than the disk has room for.
    pub async fn begin_upload(
        &self,
        name: String,
        bytes: u64,
        ends: Vec<u8>,
        known: bool,
    ) -> Result<Option<IngestInfo>> {
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > NAME_CHARS {
            return Err(Error::BadUpload("a file has a name of at most 300 characters"));
        }
        if bytes == 0 || ends.is_empty() || ends.len() as u64 > 2 * u64::from(END_BYTES) {
            return Err(Error::BadUpload("a file has bytes, and at most 64 KiB of each of its ends are sent first"));
        }
        let limit = self.shared.settings.max_bytes;
        if bytes > limit {
            return Err(Error::TooLarge { bytes, limit });
        }
        let id = name_of(&[b"upload", name.as_bytes(), &bytes.to_le_bytes(), &ends]);
        if let Some(there) = self.known(&id).await? {
            return Ok(Some(there));
        }
        if known {
            return Ok(None);
        }
        let record = Record {
            id,
            name,
            source: IngestSource::Upload,
            bytes: Some(bytes),
            stage: Stage::Receiving,
            video: None,
            etag: None,
        };
        self.begin(record).await.map(Some)
    }

    /// Adds a piece of at most [`CHUNK_BYTES`] that begins at byte `offset`. Gives the number of bytes on the disk, where the
    /// next piece begins: a piece that begins elsewhere is passed over, so that sending one twice is harmless.
    ///
    /// # Errors
    /// When there is no such upload, the piece is larger than what is missing, or the disk refuses.
    pub async fn append(&self, id: &IngestId, offset: u64, bytes: Vec<u8>) -> Result<u64> {
        if bytes.is_empty() || bytes.len() > CHUNK_BYTES as usize {
            return Err(Error::BadUpload("a piece has at least one byte and at most 4 MiB"));
        }
        let (partial, total, receiving) = self.with(id, |job| {
            let receiving = job.record.stage == Stage::Receiving && job.record.source == IngestSource::Upload;
            (Arc::clone(&job.partial), job.record.bytes.unwrap_or_default(), receiving)
        })?;
        if !receiving {
            return self.with(id, |job| job.received);
        }
        let (ingest, id, folder) = (self.clone(), id.clone(), self.folder(id));
        self.blocking(move |_| {
            // Held while bytes are written, also when whoever sent them is gone: pieces never mix.
            let mut slot = partial.lock().unwrap_or_else(PoisonError::into_inner);
            let file = match &mut *slot {
                Some(file) => file,
                empty => empty.insert(Partial::open(&folder)?),
            };
            if file.received() != offset {
                return Ok(file.received());
            }
            if offset + bytes.len() as u64 > total {
                return Err(Error::BadUpload("the piece reaches beyond the end of the file"));
            }
            let received =
                file.append(&bytes).inspect_err(|error| tracing::warn!(%id, %error, "an upload is held up"))?;
            ingest.with(&id, |job| job.received = received)?;
            if received == total {
                *slot = None;
                ingest.change_here(&id, |record, _| record.stage = Stage::Whole)?;
                ingest.start(&id);
            }
            Ok(received)
        })
        .await
    }

    /// What is there of a file that was begun before. One that came to nothing is forgotten, one whose disk was full goes on.
    pub(crate) async fn known(&self, id: &IngestId) -> Result<Option<IngestInfo>> {
        let Ok((stage, video)) = self.with(id, |job| (job.record.stage.clone(), job.record.video.clone())) else {
            return Ok(None);
        };
        let forget = match (&stage, &video) {
            (Stage::Shots | Stage::Done, Some(video)) => self.shared.engine.video(video).await.is_err(),
            (Stage::Shots | Stage::Done, None) => true,
            (Stage::Failed { cause, .. }, _) if cause.is_passing() => return self.retry(id).await.map(Some),
            (Stage::Failed { .. }, _) => true,
            (Stage::Receiving | Stage::Whole, _) => false,
        };
        if forget {
            self.cancel(id).await?;
            return Ok(None);
        }
        self.info(id).map(Some)
    }

    /// Takes a new ingest in.
    pub(crate) async fn begin(&self, record: Record) -> Result<IngestInfo> {
        let (ingest, id) = (self.clone(), record.id.clone());
        self.blocking(move |shared| {
            let (count, under_way) = {
                let jobs = ingest.jobs();
                let open = || jobs.values().filter(|job| !job.record.stage.has_frames());
                let missing = |job: &Job| job.record.bytes.map_or(0, |bytes| bytes.saturating_sub(job.received));
                (open().count(), open().filter(|job| copies(&job.record)).map(missing).sum::<u64>())
            };
            if count >= MOST as usize {
                return Err(Error::TooMany { limit: MOST });
            }
            if let Some(bytes) = record.bytes.filter(|_| copies(&record)) {
                ingest.has_room(bytes.saturating_add(under_way))?;
            }
            let folder = record::folder(&shared.settings.folder, &record.id);
            store::files::create_folder(&folder)?;
            record.save(&folder)?;
            store::files::sync_folder(&shared.settings.folder)?;
            // Two pages may have begun the same file: the first one counts.
            ingest.jobs().entry(record.id.clone()).or_insert_with(|| Job::new(record, 0, &shared.stop));
            ingest.tell();
            Ok(())
        })
        .await?;
        self.info(&id)
    }

    /// Whether the disk has room for so many more bytes.
    pub(crate) fn has_room(&self, bytes: u64) -> Result<()> {
        let folder = &self.shared.settings.folder;
        let free = fs4::available_space(folder).map_err(Error::io(folder))?;
        let needed = bytes.saturating_add(LEFT_FREE);
        if needed > free { Err(Error::DiskFull { folder: folder.clone(), needed, free }) } else { Ok(()) }
    }

    /// Begins work on a job if nothing is being done about it and its bytes need no page to come.
    pub(crate) fn start(&self, id: &IngestId) {
        let begun = self.with(id, |job| {
            let work = match (&job.record.stage, &job.record.source) {
                (Stage::Whole, _) => Work::Waiting,
                (Stage::Shots, _) => Work::Looking,
                (Stage::Receiving, IngestSource::Url { .. }) => Work::Fetching,
                _ => return None,
            };
            (job.work == Work::Nothing).then(|| {
                job.work = work;
                job.cancel.clone()
            })
        });
        if let Ok(Some(cancel)) = begun {
            self.tell();
            tokio::spawn(self.clone().work(id.clone(), cancel));
        }
    }
}

/// Whether the file is copied into the data folder.
fn copies(record: &Record) -> bool {
    !matches!(record.source, IngestSource::Folder { .. })
}

/// The name of what is made from these parts.
pub(crate) fn name_of(parts: &[&[u8]]) -> IngestId {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    IngestId(hasher.finalize().to_hex().chars().take(32).collect())
}
