//! Which videos are heard, wait, or were heard in this run of the server.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::Engine;
use futures::{Stream, StreamExt, stream};
use ingest::Ingest;
use timeline::hearing::{MOST_WAITING, NAME, sample_at};
use timeline::{HearingInfo, HearingState, Timestamp, TranscriptInfo, VideoId};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, NoModel, Result};
use crate::feed::{self, Inlet, Origin};
use crate::listen;

/// News are told no more often than this.
const PAUSE: Duration = Duration::from_millis(150);

type FindModel = dyn Fn() -> std::result::Result<PathBuf, NoModel> + Send + Sync;

/// Videos on their way to a transcript of what is said in them. Clones are the same.
#[derive(Clone)]
pub struct Hearing {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    ingest: Ingest,
    find_model: Box<FindModel>,
    jobs: Mutex<Jobs>,
    /// Rung whenever something changed; holds whether the server stops.
    news: watch::Sender<bool>,
}

#[derive(Default)]
struct Jobs {
    all: BTreeMap<VideoId, Job>,
    queue: VecDeque<Task>,
    /// Begun so far.
    begun: u64,
    /// Whether the thread is there.
    runs: bool,
}

struct Job {
    number: u64,
    info: HearingInfo,
    inlet: Option<Arc<Inlet>>,
    stop: CancellationToken,
}

/// A video that is heard, and which time it is: who begins it anew hears nothing of the time before.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) video: VideoId,
    number: u64,
}

/// What the thread is to hear.
pub(crate) struct Task {
    pub(crate) run: Run,
    pub(crate) origin: Origin,
    /// The first sample that has to be heard: behind what a transcript that is not whole holds.
    pub(crate) from: u64,
    /// The language that transcript is in.
    pub(crate) language: Option<String>,
    pub(crate) stop: CancellationToken,
}

impl Hearing {
    /// Nothing is heard yet. `find_model` gives the folder of the speech model; it is asked each time, so that one that was pulled
    /// meanwhile is found.
    pub fn new(
        engine: Engine,
        ingest: Ingest,
        find_model: impl Fn() -> std::result::Result<PathBuf, NoModel> + Send + Sync + 'static,
    ) -> Self {
        let (news, find_model) = (watch::Sender::new(false), Box::new(find_model));
        Self { shared: Arc::new(Shared { engine, ingest, find_model, jobs: Mutex::default(), news }) }
    }

    /// Begins to hear a video: its file where the server has it, else the sound that a page will send. One that is being heard goes
    /// on, and so does a transcript that is not whole; one that is whole is replaced with the first phrase. Must be called in a tokio
    /// runtime.
    ///
    /// # Errors
    /// When there is no speech model, no such video, or too many wait.
    pub async fn begin(&self, video: &VideoId) -> Result<()> {
        self.shared.model()?;
        let there = self.shared.begun(video).await?;
        let info = self.shared.idle(video, there.as_ref()).await?;
        let info = HearingInfo { state: HearingState::Waiting, ..info };
        let from = sample_at(info.heard);
        let (inlet, origin) = match self.shared.ingest.file_of(video).await? {
            Some(file) => (None, Origin::File(file)),
            None => {
                let (inlet, origin) = feed::pieces(from);
                (Some(Arc::new(inlet)), origin)
            }
        };
        let stop = CancellationToken::new();
        let mut jobs = self.shared.jobs();
        if jobs.all.get(video).is_some_and(|job| job.info.is_active()) {
            return Ok(());
        }
        if jobs.queue.len() >= MOST_WAITING as usize {
            return Err(Error::TooMany);
        }
        jobs.begun += 1;
        let number = jobs.begun;
        let job = Job { number, info, inlet, stop: stop.clone() };
        jobs.all.insert(video.clone(), job);
        let (run, language) = (Run { video: video.clone(), number }, there.and_then(|transcript| transcript.language));
        jobs.queue.push_back(Task { run, origin, from, language, stop });
        if !std::mem::replace(&mut jobs.runs, true) {
            let (shared, runtime) = (Arc::clone(&self.shared), Handle::current());
            let thread = std::thread::Builder::new().name("timepin-speech".to_owned());
            if let Err(error) = thread.spawn(move || listen::run(&shared, &runtime)) {
                jobs.runs = false;
                return Err(Error::NoThread(error));
            }
        }
        drop(jobs);
        self.shared.tell();
        Ok(())
    }

    /// Takes a piece of sound that begins with sample `at`: 16 bits, one channel, 16 kHz, sample zero where the video's clock begins.
    /// Gives the sample with which the next piece begins; one that begins elsewhere, or for which there is no room yet, is passed
    /// over.
    ///
    /// # Errors
    /// When the video is not being heard any more, or the piece is too long.
    pub async fn hear(&self, video: &VideoId, at: u64, samples: Vec<i16>, last: bool) -> Result<u64> {
        let inlet = {
            let jobs = self.shared.jobs();
            let job = jobs.all.get(video).filter(|job| job.info.is_active()).ok_or(Error::Unknown)?;
            job.inlet.clone().ok_or(Error::Unknown)?
        };
        inlet.put(at, samples, last).await
    }

    /// How far a video was heard, and again whenever that has changed, until it is over.
    ///
    /// # Errors
    /// When there is no such video.
    pub async fn changes(&self, video: &VideoId) -> Result<impl Stream<Item = HearingInfo> + Send + 'static + use<>> {
        let mut news = self.shared.news.subscribe();
        news.mark_changed();
        if !self.shared.jobs().all.contains_key(video) {
            let there = self.shared.begun(video).await?;
            let idle = self.shared.idle(video, there.as_ref()).await?;
            return Ok(stream::iter([idle]).left_stream());
        }
        let changes = stream::unfold(Some((self.clone(), video.clone(), news, None)), |state| async {
            let (hearing, video, mut news, told) = state?;
            loop {
                news.changed().await.ok()?;
                if *news.borrow_and_update() {
                    return None;
                }
                let info = hearing.shared.jobs().all.get(&video).map(|job| job.info.clone())?;
                if told.as_ref() == Some(&info) {
                    continue;
                }
                if !info.is_active() {
                    return Some((info, None));
                }
                tokio::time::sleep(PAUSE).await;
                return Some((info.clone(), Some((hearing, video, news, Some(info)))));
            }
        });
        Ok(changes.right_stream())
    }

    /// Stops hearing a video; what was heard stays.
    ///
    /// # Errors
    /// When it is not being heard.
    pub fn cancel(&self, video: &VideoId) -> Result<()> {
        let run = {
            let jobs = self.shared.jobs();
            let job = jobs.all.get(video).filter(|job| job.info.is_active()).ok_or(Error::Unknown)?;
            Run { video: video.clone(), number: job.number }
        };
        self.shared.end(&run, HearingState::Cancelled, None);
        Ok(())
    }

    /// The server stops: whoever follows is let go, and nothing further is heard. Transcripts that are not whole go on next time.
    pub fn shutdown(&self) {
        for job in self.shared.jobs().all.values() {
            job.stop.cancel();
        }
        self.shared.news.send_replace(true);
    }

    /// A video was deleted.
    pub fn forget(&self, video: &VideoId) {
        if let Some(job) = self.shared.jobs().all.remove(video) {
            job.stop.cancel();
        }
        self.shared.tell();
    }
}

impl Jobs {
    /// A run that is under way or waits.
    fn of(&mut self, run: &Run) -> Option<&mut Job> {
        self.all.get_mut(&run.video).filter(|job| job.number == run.number && job.info.is_active())
    }
}

impl Shared {
    pub(crate) fn model(&self) -> Result<PathBuf> {
        Ok((self.find_model)()?)
    }

    /// A transcript of what is said that is not whole.
    async fn begun(&self, video: &VideoId) -> Result<Option<TranscriptInfo>> {
        let all = self.engine.transcripts(video).await?;
        Ok(all.into_iter().find(|transcript| transcript.name == NAME && transcript.heard.is_some()))
    }

    /// A video that is not being heard, and what of it was.
    async fn idle(&self, video: &VideoId, there: Option<&TranscriptInfo>) -> Result<HearingInfo> {
        let duration = self.engine.video(video).await?.video.duration;
        // A file that is gone is told when somebody wants it.
        let has_file = self.ingest.file_of(video).await.is_ok_and(|file| file.is_some());
        Ok(HearingInfo {
            state: HearingState::Idle,
            has_file,
            heard: there.and_then(|transcript| transcript.heard).unwrap_or(Timestamp::ZERO),
            duration,
            cues: there.map_or(0, |transcript| transcript.cues),
            transcript: there.map(|transcript| transcript.id),
            cause: None,
            message: String::new(),
        })
    }

    /// The next one to hear; without any the thread ends.
    pub(crate) fn next(&self) -> Option<Task> {
        let mut jobs = self.jobs();
        loop {
            let Some(task) = jobs.queue.pop_front() else {
                jobs.runs = false;
                return None;
            };
            if let Some(job) = jobs.of(&task.run) {
                job.info.state = HearingState::Listening;
                drop(jobs);
                self.tell();
                return Some(task);
            }
        }
    }

    /// It is over.
    pub(crate) fn end(&self, run: &Run, state: HearingState, error: Option<&Error>) {
        if let Some(job) = self.jobs().of(run) {
            job.stop.cancel();
            job.info.state = state;
            job.info.cause = error.map(Error::cause);
            job.info.message = error.map(Error::to_string).unwrap_or_default();
        }
        self.tell();
    }

    pub(crate) fn change(&self, run: &Run, change: impl FnOnce(&mut HearingInfo)) {
        if let Some(job) = self.jobs().of(run) {
            change(&mut job.info);
        }
        self.tell();
    }

    /// The transcript that was begun; an error once the video is not heard any more.
    pub(crate) fn transcript(&self, run: &Run) -> Result<Option<i64>> {
        Ok(self.jobs().of(run).ok_or(Error::Stopped)?.info.transcript)
    }

    fn tell(&self) {
        self.news.send_modify(|_stops| ());
    }

    /// A map of jobs is whole whoever held it.
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
