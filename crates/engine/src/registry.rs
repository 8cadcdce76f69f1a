//! The indexes in memory: brought in from the library when first needed, and the place where progress is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::{BlobId, FrameRow, Library};
use timeline::resize::{ResizeRule, Size};
use timeline::{NewVideo, ProgressEvent, Span, Timestamp, VideoId, VideoState};
use tokio::sync::broadcast;

use crate::error::Result;
use crate::index::{Arrival, Index, Status};

/// Events a slow listener may fall behind; one that falls further is given a fresh snapshot.
const BACKLOG: usize = 256;

/// One video in memory.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) index: Index,
    pub(crate) duration: Timestamp,
    /// First frames of shots.
    pub(crate) cuts: BTreeSet<Timestamp>,
    /// Frames of closer looks and their timestamps, by the instants they were wanted for.
    pub(crate) close_ups: BTreeMap<Timestamp, (Timestamp, BlobId)>,
    told: VideoState,
    events: broadcast::Sender<ProgressEvent>,
}

impl Entry {
    /// What a new listener is told first.
    pub(crate) fn snapshot(&self) -> ProgressEvent {
        ProgressEvent::Snapshot {
            state: self.index.state(),
            frames: self.index.frames(),
            segments: self.index.encoded(),
            overview: self.index.glimpses(),
            cuts: self.cuts.iter().copied().collect(),
        }
    }

    /// A snapshot and everything after it, without a gap.
    pub(crate) fn listen(&self) -> (ProgressEvent, broadcast::Receiver<ProgressEvent>) {
        (self.snapshot(), self.events.subscribe())
    }

    /// Takes note of frames that were made durable.
    pub(crate) fn add(&mut self, frames: Vec<FrameRow>) {
        if frames.is_empty() {
            return;
        }
        let (before, glimpses) = (self.index.frames().len(), self.index.glimpses());
        match self.index.add(frames) {
            Arrival::InOrder => {
                let mut frames = self.index.frames();
                frames.drain(..before);
                if !frames.is_empty() {
                    self.tell(ProgressEvent::Frames { frames });
                }
                let mut ahead = self.index.glimpses();
                ahead.retain(|glimpse| !glimpses.contains(glimpse));
                if !ahead.is_empty() {
                    self.tell(ProgressEvent::Overview { glimpses: ahead });
                }
            }
            // Segments may have been taken back: the listener has to start over.
            Arrival::Shifted => self.tell(self.snapshot()),
        }
        self.tell_state();
    }

    /// Takes note of shots that were found.
    pub(crate) fn cut(&mut self, mut cuts: Vec<Timestamp>) {
        // Brought in from the library meanwhile, it may know them.
        cuts.retain(|cut| self.cuts.insert(*cut));
        if !cuts.is_empty() {
            self.tell(ProgressEvent::Cuts { cuts });
        }
    }

    /// Takes note that all frames are here.
    pub(crate) fn finish(&mut self) {
        let (before, overview) = (self.index.encoded(), self.index.glimpses());
        self.index.finish();
        if !overview.is_empty() || (!before.is_empty() && self.index.encoded().is_empty()) {
            self.tell(self.snapshot());
        }
        self.tell_state();
    }

    /// Takes note of what became of pairs.
    pub(crate) fn mark(&mut self, marks: Vec<(Span, Status)>) {
        let mut segments = Vec::new();
        for (span, status) in marks {
            if self.index.status(span).is_none() && matches!(status, Status::Encoded(_)) {
                segments.push(span);
            }
            self.index.mark(span, status);
        }
        // The overview is no part of the index.
        let encoded = self.index.encoded();
        segments.retain(|span| encoded.contains(span));
        if !segments.is_empty() {
            segments.sort_by_key(|span| span.start);
            self.tell(ProgressEvent::Segments { segments });
        }
        self.tell_state();
    }

    /// Tells what went wrong.
    pub(crate) fn fail(&self, message: String) {
        self.tell(ProgressEvent::Failed { message });
    }

    fn tell_state(&mut self) {
        let state = self.index.state();
        if state != self.told {
            self.told = state;
            self.tell(ProgressEvent::State { state });
        }
    }

    fn tell(&self, event: ProgressEvent) {
        // Nobody listening is the usual case.
        let _ = self.events.send(event);
    }
}

/// All videos in memory.
#[derive(Debug)]
pub(crate) struct Registry {
    rule: ResizeRule,
    fingerprint: String,
    entries: Mutex<HashMap<VideoId, Entry>>,
}

impl Registry {
    pub(crate) fn new(rule: ResizeRule, fingerprint: String) -> Self {
        Self { rule, fingerprint, entries: Mutex::new(HashMap::new()) }
    }

    /// Works on a video, bringing it in first. The work must be short: everybody waits.
    pub(crate) fn with<T>(&self, library: &Library, id: &VideoId, work: impl FnOnce(&mut Entry) -> T) -> Result<T> {
        if let Some(entry) = self.lock().get_mut(id) {
            return Ok(work(entry));
        }
        // Read without the lock; who appends meanwhile adds to whichever entry is there afterwards.
        let entry = self.load(library, id)?;
        Ok(work(self.lock().entry(id.clone()).or_insert(entry)))
    }

    /// Works on a video if it is in memory.
    pub(crate) fn with_loaded<T>(&self, id: &VideoId, work: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.lock().get_mut(id).map(work)
    }

    /// Forgets a video; its listeners' streams end.
    pub(crate) fn remove(&self, id: &VideoId) {
        self.lock().remove(id);
    }

    /// Forgets all; every listener's stream ends.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn load(&self, library: &Library, id: &VideoId) -> Result<Entry> {
        let row = library.video(id)?;
        let frames = library.frames(id)?;
        let mut index = Index::new(self.rule, source(&row.video, frames.first()), row.video.planned_frames);
        index.add(frames);
        if row.finished {
            index.finish();
        }
        if row.ready_for.as_deref() == Some(&self.fingerprint) {
            index.assume_encoded();
        }
        let told = index.state();
        let cuts = library.cuts(id)?.into_iter().collect();
        let close_ups = library.close_ups(id)?.into_iter().map(|close| (close.at, (close.pts, close.blob))).collect();
        Ok(Entry {
            index,
            duration: row.video.duration,
            cuts,
            close_ups,
            told,
            events: broadcast::Sender::new(BACKLOG),
        })
    }

    /// Work under the lock never leaves an entry half changed, so a thread that died there does no harm.
    fn lock(&self) -> MutexGuard<'_, HashMap<VideoId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shown size of a video; of one that did not say, that of its frames.
fn source(video: &NewVideo, first: Option<&FrameRow>) -> Size {
    match first {
        Some(frame) if video.width == 0 || video.height == 0 => Size { height: frame.height, width: frame.width },
        _ => Size { height: video.height, width: video.width },
    }
}
