//! The engine from outside: cheap handles on one library, one model and the thread that runs it.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures::Stream;
use store::{Library, SegmentCache};
use timeline::{AnswerEvent, ModelInfo, NewVideo, ProgressEvent, QuestionRecord, Timestamp, VideoId, VideoSummary};
use tokio::sync::mpsc;

use crate::arrival;
use crate::backend::Backend;
use crate::candle::Candle;
use crate::error::{Error, Result};
use crate::eyes::Wanted;
use crate::guests::Guests;
use crate::images::{self, MAX_VIDEO_FRAMES};
use crate::meaning::Meaning;
use crate::outline::Outlines;
use crate::prefix::PrefixTree;
use crate::question::{Manner, Question};
use crate::queue::Queue;
use crate::registry::Registry;
use crate::remote::Remote;
use crate::scheduler::Scheduler;
use crate::selection::ANSWER_TOKENS;
use crate::settings::{Place, Settings};
use crate::sight::{self, Sight};
use crate::streams::{self, AnswerStream};
use crate::temporary;
use crate::videos;
use crate::worker::Shared;

/// The most a question may have.
const MAX_QUESTION_BYTES: usize = 8 << 10;

/// Videos in, answers out. Clones are handles on the same engine; the last one to go stops the model's thread.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
    owner: Arc<Owner>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("model", &self.model().name).finish_non_exhaustive()
    }
}

/// What compares, where published models for it are at hand.
#[derive(Default)]
pub(crate) struct Encoders {
    pub(crate) meaning: Option<Meaning>,
    pub(crate) sight: Option<Sight>,
}

/// Ends the worker when the last handle goes.
struct Owner {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
    /// Notes what frames look like.
    looker: Option<JoinHandle<()>>,
    /// Folder of a temporary library.
    temporary: Option<std::path::PathBuf>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.halt.store(true, Ordering::Relaxed);
        self.shared.queue.close();
        self.shared.registry.clear();
        if let Some(worker) = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // It stops at its next step; a panic of its own was logged there.
            let _ = worker.join();
        }
        if let (Some(sight), Some(looker)) = (&self.shared.sight, self.looker.take()) {
            sight.close();
            let _ = looker.join();
        }
        if let Some(folder) = &self.temporary
            && let Err(error) = std::fs::remove_dir_all(folder)
        {
            tracing::warn!(%error, folder = %folder.display(), "a temporary library could not be removed");
        }
    }
}

impl Engine {
    /// Opens the library, loads the model, and goes on with videos whose index is not complete.
    ///
    /// # Errors
    /// When the library cannot be used, the model cannot be loaded, or the server that is to answer is not there.
    pub fn open(settings: Settings) -> Result<Self> {
        let backend: Arc<dyn Backend> = match &settings.server {
            Some(server) => Arc::new(Remote::open(server)?),
            None => Arc::new(Candle::load(&settings)?),
        };
        let meaning = settings.text_model_dir.as_deref().map(Meaning::open).transpose()?;
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = settings.threads.map_or_else(cores, |threads| threads as usize);
        let sight = settings.image_model_dir.as_deref().map(|folder| Sight::open(folder, threads)).transpose()?;
        Self::with_backend(&settings, backend, Encoders { meaning, sight })
    }

    pub(crate) fn with_backend(settings: &Settings, backend: Arc<dyn Backend>, encoders: Encoders) -> Result<Self> {
        let temporary = (settings.library == Place::Temporary).then(|| temporary::folder(&settings.data_dir));
        let library = Library::open(temporary.as_ref().unwrap_or(&settings.data_dir))?;
        let segments = SegmentCache::open(&settings.data_dir.join("segments"), settings.segment_cache_bytes)?;
        let registry = Registry::new(backend.info().resize, backend.fingerprint().to_owned());
        let shared = Arc::new_cyclic(|me| Shared {
            me: me.clone(),
            library,
            segments,
            registry,
            backend,
            queue: Queue::default(),
            guests: Guests::default(),
            outlines: Outlines::default(),
            meaning: encoders.meaning,
            sight: encoders.sight,
            source: Mutex::default(),
            wanted: Wanted::default(),
            asked: Arc::default(),
            halt: AtomicBool::new(false),
            max_context_length: settings.max_context_length,
            temporal_compression: settings.temporal_compression,
            token_pruning: settings.token_pruning,
            zoom_rounds: settings.zoom_rounds,
        });
        let prefixes = PrefixTree::new(settings.prefix_cache_videos, settings.prefix_cache_bytes);
        let on_thread = Arc::clone(&shared);
        let worker = std::thread::Builder::new()
            .name("timepin-model".to_owned())
            .spawn(move || Scheduler::new(&on_thread, prefixes).run())
            .map_err(|e| Error::Internal(format!("no thread for the model: {e}")))?;
        let (worker, looker) = (Mutex::new(Some(worker)), None);
        // An owner from here on: should the other thread not begin, this one ends.
        let mut owner = Owner { shared: Arc::clone(&shared), worker, looker, temporary };
        owner.looker = shared.sight.is_some().then(|| sight::begin(&shared)).transpose()?;
        let engine = Self { shared, owner: Arc::new(owner) };
        engine.resume()?;
        Ok(engine)
    }

    /// What the page may know of the model.
    pub fn model(&self) -> ModelInfo {
        self.shared.backend.info().clone()
    }

    /// Whether a question is being answered, or waits to be: work that can wait gives way then.
    pub fn is_asked(&self) -> bool {
        Arc::strong_count(&self.shared.asked) > 1
    }

    /// Makes room for a video whose frames will follow.
    ///
    /// # Errors
    /// When what is said cannot be true, or the disk refuses.
    pub async fn create_video(&self, mut video: NewVideo) -> Result<VideoId> {
        video.title = videos::title(&video.title)?;
        if video.duration < Timestamp::ZERO {
            return Err(Error::BadVideo("its duration is negative".to_owned()));
        }
        if video.planned_frames > MAX_VIDEO_FRAMES {
            return Err(Error::TooManyFrames { found: video.planned_frames, limit: MAX_VIDEO_FRAMES });
        }
        if video.width > 0 && video.height > 0 {
            let source = timeline::resize::Size { height: video.height, width: video.width };
            self.shared.backend.info().resize.target(source, video.planned_frames)?;
        }
        self.blocking(move |shared| Ok(shared.library.create_video(&video)?)).await
    }

    /// All videos, the latest first.
    ///
    /// # Errors
    /// When the library cannot be read.
    pub async fn videos(&self) -> Result<Vec<VideoSummary>> {
        self.blocking(|shared| {
            Ok(shared.library.videos()?.into_iter().map(|row| videos::summary(shared, row)).collect())
        })
        .await
    }

    /// One video.
    ///
    /// # Errors
    /// When it is unknown or the library cannot be read.
    pub async fn video(&self, id: &VideoId) -> Result<VideoSummary> {
        let id = id.clone();
        self.blocking(move |shared| Ok(videos::summary(shared, shared.library.video(&id)?))).await
    }

    /// Gives a video another title.
    ///
    /// # Errors
    /// When the title is empty, the video is unknown, or the disk refuses.
    pub async fn rename(&self, id: &VideoId, name: String) -> Result<()> {
        let (id, name) = (id.clone(), videos::title(&name)?);
        self.blocking(move |shared| Ok(shared.library.rename(&id, &name)?)).await
    }

    /// Removes a video with its frames and questions.
    ///
    /// # Errors
    /// When the video is unknown or the disk refuses.
    pub async fn delete(&self, id: &VideoId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| videos::delete(shared, &id)).await
    }

    /// Questions of a video and their answers, the oldest first.
    ///
    /// # Errors
    /// When the video is unknown or the library cannot be read.
    pub async fn questions(&self, id: &VideoId) -> Result<Vec<QuestionRecord>> {
        let id = id.clone();
        self.blocking(move |shared| {
            shared.library.video(&id)?;
            Ok(shared.library.questions(&id)?)
        })
        .await
    }

    /// Removes a question and its answer.
    ///
    /// # Errors
    /// When the video has no such question or the disk refuses.
    pub async fn delete_question(&self, id: &VideoId, question: i64) -> Result<()> {
        let id = id.clone();
        self.blocking(move |shared| Ok(shared.library.delete_question(&id, question)?)).await
    }

    /// The frame a player shows at a moment, as it was sent, and its media type.
    ///
    /// # Errors
    /// When the video is unknown, has no frames, or its file is damaged.
    pub async fn frame_image(&self, id: &VideoId, at: Timestamp) -> Result<(Vec<u8>, &'static str)> {
        let id = id.clone();
        self.blocking(move |shared| {
            let frame = shared.library.frame_at(&id, at)?;
            let bytes = shared.library.blob(&frame.blob)?;
            let media_type = images::media_type(&bytes);
            Ok((bytes, media_type))
        })
        .await
    }

    /// How the index of a video grows: a snapshot, then every event until the video is deleted.
    ///
    /// # Errors
    /// When the video is unknown.
    pub fn progress(&self, id: &VideoId) -> Result<impl Stream<Item = ProgressEvent> + Send + 'static + use<>> {
        let listening = self.shared.registry.with(&self.shared.library, id, |entry| entry.listen())?;
        Ok(streams::progress(&self.shared, id.clone(), listening))
    }

    /// Asks. The stream ends with `Done` or `Error`; dropping it stops the work at its next step.
    ///
    /// # Errors
    /// When the question is empty or too long, the video is unknown or has no frames, or the engine shuts down.
    pub fn ask(
        &self,
        id: &VideoId,
        question: String,
    ) -> Result<impl Stream<Item = AnswerEvent> + Send + 'static + use<>> {
        self.ask_as(id, question, Manner::default())
    }

    /// As [`ask`](Self::ask), in another manner.
    ///
    /// # Errors
    /// As for [`ask`](Self::ask).
    pub fn ask_as(
        &self,
        id: &VideoId,
        question: String,
        manner: Manner,
    ) -> Result<impl Stream<Item = AnswerEvent> + Send + 'static + use<>> {
        let asked = Instant::now();
        let text = question.trim();
        if text.is_empty() {
            return Err(Error::EmptyQuestion);
        }
        if question.len() > MAX_QUESTION_BYTES {
            let bytes = u32::try_from(question.len()).unwrap_or(u32::MAX);
            return Err(Error::QuestionTooLong { bytes, limit: MAX_QUESTION_BYTES as u32 });
        }
        let shared = &self.shared;
        if shared.registry.with(&shared.library, id, |entry| entry.index.is_empty())? {
            return Err(Error::NoFrames(id.clone()));
        }
        let number = shared.library.add_question(id, text)?;
        let (events, receiver) = mpsc::unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        // The channel is fresh and its other end is in this function.
        let _ = events.send(AnswerEvent::Started { question: number });
        let evidence = shared.evidence(id, text)?;
        let said = evidence.iter().flatten().map(|found| found.span).collect();
        if let Some(evidence) = evidence {
            shared.library.save_evidence(number, &evidence)?;
            let _ = events.send(AnswerEvent::Found { evidence });
        }
        let (video, text) = (id.clone(), text.to_owned());
        let held = Arc::clone(&shared.asked);
        let (id, flashes, stop_too) = (number, arrival::unseen(shared, &video)?, Arc::clone(&stop));
        let queued = Question {
            id,
            video,
            text,
            said,
            flashes,
            manner: Manner { most: manner.most.min(ANSWER_TOKENS), ..manner },
            asked,
            events,
            stop: stop_too,
            _held: held,
        };
        shared.queue.ask(queued).map_err(|_| Error::ShuttingDown)?;
        Ok(AnswerStream::new(receiver, stop))
    }

    /// Takes no more questions, lets the running one end within `grace`, then stops it (what it wrote is kept), and
    /// ends every stream.
    pub async fn shutdown(&self, grace: Duration) {
        for question in self.shared.queue.close() {
            question.fail(&self.shared, &Error::ShuttingDown);
        }
        let finished = || match &*self.owner.worker.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(worker) => worker.is_finished(),
            None => true,
        };
        let begun = Instant::now();
        // A step of the model can take a moment of its own after it was told to stop.
        while !finished() && begun.elapsed() < grace + Duration::from_secs(1) {
            if begun.elapsed() >= grace {
                self.shared.halt.store(true, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.shared.registry.clear();
    }

    /// Queues every video that was not completely encoded when the last run ended, and goes on with outlines.
    fn resume(&self) -> Result<()> {
        let fingerprint = self.shared.backend.fingerprint();
        for row in self.shared.library.videos()? {
            self.shared.look_at(&row.id);
            if row.frames + row.beside > 0 && row.ready_for.as_deref() != Some(fingerprint) {
                self.shared.queue.encode(&row.id);
            }
        }
        self.shared.resume_outlines()
    }

    /// Disk work away from the threads that serve requests.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Shared>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|e| Error::Internal(e.to_string()))?
    }
}
