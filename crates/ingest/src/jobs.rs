//! All ingests of a server: they belong to it and not to the page that began them, and go on after a restart.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::Engine;
use futures::{Stream, stream};
use shots::TransNet;
use timeline::{IngestId, IngestInfo, IngestOptions, IngestSource, IngestState, ServerFile, VideoId};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::partial::{self, Partial};
use crate::record::{self, Record, Stage};
use crate::roots::Roots;

/// News are told no more often than this.
const PAUSE: Duration = Duration::from_millis(150);

/// What is taken, and where it is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where files are until they are decoded.
    pub folder: PathBuf,
    /// Folders whose videos may be opened.
    pub roots: Vec<PathBuf>,
    /// Whether files may come from private networks.
    pub allow_private: bool,
    /// Most bytes of a file.
    pub max_bytes: u64,
    /// How long a file on the web may take.
    pub timeout: Duration,
    /// Whether files are kept after they were decoded, until their video is deleted.
    pub keep_files: bool,
    /// What finds where shots begin, once the frames are in; without it FFmpeg tells it while it decodes.
    pub shots: Option<Arc<TransNet>>,
}

/// Files on their way into the library. Clones are the same ingests.
#[derive(Clone)]
pub struct Ingest {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
    pub(crate) roots: Roots,
    jobs: Mutex<BTreeMap<IngestId, Job>>,
    news: watch::Sender<()>,
    /// FFmpeg takes every core it finds: one file at a time.
    pub(crate) turn: Semaphore,
    /// So does a shot model, behind the frames of all files.
    pub(crate) look: Semaphore,
    pub(crate) stop: CancellationToken,
}

/// One ingest in memory.
pub(crate) struct Job {
    pub(crate) record: Record,
    pub(crate) received: u64,
    pub(crate) work: Work,
    pub(crate) cancel: CancellationToken,
    /// Whether it was done in this run: whoever waits for it hears of it.
    pub(crate) fresh: bool,
    /// Locked on threads that may block, for as long as bytes are being written.
    pub(crate) partial: Arc<Mutex<Option<Partial>>>,
}

/// What the server is doing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Nothing,
    Fetching,
    Waiting,
    Decoding,
    Looking,
}

impl Job {
    pub(crate) fn new(record: Record, received: u64, stop: &CancellationToken) -> Self {
        let cancel = stop.child_token();
        Self { record, received, work: Work::Nothing, cancel, fresh: false, partial: Arc::default() }
    }

    pub(crate) fn info(&self) -> IngestInfo {
        let state = match (self.work, &self.record.stage) {
            (Work::Fetching, _) => IngestState::Fetching,
            (Work::Decoding, _) => IngestState::Decoding,
            (Work::Waiting, _) | (_, Stage::Whole) => IngestState::Queued,
            (_, Stage::Receiving) => IngestState::Receiving,
            (_, Stage::Shots | Stage::Done) => IngestState::Done,
            (_, Stage::Failed { cause, message }) => {
                IngestState::Failed { cause: cause.clone(), message: message.clone() }
            }
        };
        IngestInfo {
            id: self.record.id.clone(),
            name: self.record.name.clone(),
            source: self.record.source.clone(),
            bytes: self.record.bytes,
            received: self.received,
            state,
            video: self.record.video.clone(),
        }
    }
}

impl Ingest {
    /// Finds what earlier runs left, and goes on with it. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(engine: Engine, settings: Settings) -> Result<Self> {
        store::files::create_folder(&settings.folder)?;
        let stop = CancellationToken::new();
        let mut jobs = BTreeMap::new();
        for record in Record::all(&settings.folder)? {
            let folder = record::folder(&settings.folder, &record.id);
            let received = match (&record.stage, &record.source) {
                (_, IngestSource::Folder { .. }) => 0,
                (Stage::Done, _) => {
                    if !settings.keep_files {
                        partial::discard(&folder)?;
                    }
                    0
                }
                (Stage::Failed { cause, .. }, _) if !cause.is_passing() => 0,
                _ => Partial::open(&folder)?.received(),
            };
            jobs.insert(record.id.clone(), Job::new(record, received, &stop));
        }
        let going_on: Vec<_> = jobs
            .values()
            .filter(|job| match job.record.stage {
                Stage::Whole | Stage::Shots => true,
                Stage::Receiving => !matches!(job.record.source, IngestSource::Upload),
                Stage::Done | Stage::Failed { .. } => false,
            })
            .map(|job| job.record.id.clone())
            .collect();
        let roots = Roots::new(settings.roots.clone());
        let shared = Shared {
            engine,
            settings,
            roots,
            jobs: Mutex::new(jobs),
            news: watch::Sender::new(()),
            turn: Semaphore::new(1),
            look: Semaphore::new(1),
            stop,
        };
        let ingest = Self { shared: Arc::new(shared) };
        for id in going_on {
            tracing::info!(%id, "going on with a file of an earlier run");
            ingest.start(&id);
        }
        Ok(ingest)
    }

    /// What is taken.
    pub fn options(&self) -> IngestOptions {
        let Settings { max_bytes, keep_files, .. } = self.shared.settings;
        IngestOptions { max_bytes, keeps_files: keep_files, folders: self.shared.roots.count() }
    }

    /// All that are under way, failed, or were done in this run; earlier ones are known by their videos.
    pub fn list(&self) -> Vec<IngestInfo> {
        let jobs = self.jobs();
        jobs.values().filter(|job| job.fresh || !job.record.stage.has_frames()).map(Job::info).collect()
    }

    /// The ingest that a video was made by.
    pub fn of_video(&self, video: &VideoId) -> Option<IngestInfo> {
        self.jobs().values().find(|job| job.record.video.as_ref() == Some(video)).map(Job::info)
    }

    /// The file of a video, where the server has one: in its folders, kept, or still being decoded.
    ///
    /// # Errors
    /// When a file of the server's folders is no longer there.
    pub async fn file_of(&self, video: &VideoId) -> Result<Option<PathBuf>> {
        let Some(IngestInfo { id, source, .. }) = self.of_video(video) else { return Ok(None) };
        let path = self.path(&id, &source).await?;
        self.blocking(move |_| Ok(path.is_file().then_some(path))).await
    }

    /// The list, and again whenever it has changed, for as long as the server works on one of them.
    pub fn changes(&self) -> impl Stream<Item = Vec<IngestInfo>> + Send + 'static + use<> {
        let mut news = self.shared.news.subscribe();
        news.mark_changed();
        stream::unfold(Some((self.clone(), news)), |state| async {
            let (ingest, mut news) = state?;
            news.changed().await.ok()?;
            let list = ingest.list();
            let over = !list.iter().any(IngestInfo::is_active);
            if !over {
                tokio::time::sleep(PAUSE).await;
            }
            Some((list, (!over).then_some((ingest, news))))
        })
    }

    /// Videos in the server's folders.
    ///
    /// # Errors
    /// When there are no folders.
    pub async fn files(&self) -> Result<Vec<ServerFile>> {
        self.blocking(|shared| shared.roots.list()).await
    }

    /// Stops it and forgets the file. Frames that were decoded stay, and the video is closed with them.
    ///
    /// # Errors
    /// When there is no such ingest or the disk refuses.
    pub async fn cancel(&self, id: &IngestId) -> Result<()> {
        let job = self.jobs().remove(id).ok_or(Error::Unknown)?;
        job.cancel.cancel();
        self.tell();
        if let (Some(video), false) = (&job.record.video, job.record.stage.has_frames()) {
            self.close(video).await?;
        }
        let folder = self.folder(id);
        self.blocking(move |_| {
            // A piece that is being written comes to its end first.
            let _written = job.partial.lock().unwrap_or_else(PoisonError::into_inner);
            record::remove(&folder)
        })
        .await
    }

    /// Tries one again that failed.
    ///
    /// # Errors
    /// When there is no such ingest or the disk refuses.
    pub async fn retry(&self, id: &IngestId) -> Result<IngestInfo> {
        self.change(id, |record, received| {
            let whole = matches!(record.source, IngestSource::Folder { .. }) || record.bytes == Some(received);
            if matches!(record.stage, Stage::Failed { .. }) {
                record.stage = if whole { Stage::Whole } else { Stage::Receiving };
            }
        })
        .await?;
        self.start(id);
        self.info(id)
    }

    /// A video was deleted: its file goes too.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn forget_video(&self, video: &VideoId) -> Result<()> {
        let id = {
            let mut jobs = self.jobs();
            let found = jobs.iter().find(|(_, job)| job.record.video.as_ref() == Some(video));
            let Some(id) = found.map(|(id, _)| id.clone()) else { return Ok(()) };
            if let Some(job) = jobs.remove(&id) {
                job.cancel.cancel();
            }
            id
        };
        self.tell();
        let folder = self.folder(&id);
        self.blocking(move |_| record::remove(&folder)).await
    }

    /// Stops all work; it is taken up again at the next start.
    pub fn shutdown(&self) {
        self.shared.stop.cancel();
    }

    /// A video that gets no further frames: closed with those it has, or removed when it has none.
    pub(crate) async fn close(&self, video: &VideoId) -> Result<()> {
        let closed = match self.shared.engine.video(video).await {
            Ok(about) if about.frames > 0 => self.shared.engine.finish_video(video).await,
            Ok(_) => self.shared.engine.delete(video).await,
            Err(error) => Err(error),
        };
        match closed {
            Ok(()) | Err(engine::Error::UnknownVideo(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A map of jobs is whole whoever held it.
    pub(crate) fn jobs(&self) -> MutexGuard<'_, BTreeMap<IngestId, Job>> {
        self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on a job in memory; the work must be short.
    pub(crate) fn with<T>(&self, id: &IngestId, work: impl FnOnce(&mut Job) -> T) -> Result<T> {
        self.jobs().get_mut(id).map(work).ok_or(Error::Unknown)
    }

    pub(crate) fn info(&self, id: &IngestId) -> Result<IngestInfo> {
        self.with(id, |job| job.info())
    }

    pub(crate) fn tell(&self) {
        self.shared.news.send_replace(());
    }

    pub(crate) fn folder(&self, id: &IngestId) -> PathBuf {
        record::folder(&self.shared.settings.folder, id)
    }

    /// Changes a record, durably, then in memory; the second argument is what was received.
    pub(crate) async fn change(
        &self,
        id: &IngestId,
        change: impl FnOnce(&mut Record, u64) + Send + 'static,
    ) -> Result<()> {
        let (ingest, id) = (self.clone(), id.clone());
        self.blocking(move |_| ingest.change_here(&id, change)).await
    }

    /// As [`change`](Self::change), on a thread that may block. One job is changed by one thread at a time.
    pub(crate) fn change_here(&self, id: &IngestId, change: impl FnOnce(&mut Record, u64)) -> Result<()> {
        let (mut record, received) = self.with(id, |job| (job.record.clone(), job.received))?;
        change(&mut record, received);
        record.save(&self.folder(id))?;
        self.with(id, |job| job.record = record)?;
        self.tell();
        Ok(())
    }

    /// Runs what blocks where that is allowed.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        // An error means that the runtime is shutting down.
        tokio::task::spawn_blocking(move || work(&shared)).await.map_err(|_| Error::Stopped)?
    }
}
