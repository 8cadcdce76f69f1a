//! What comes from outside to the model's thread: questions, videos to encode, videos to forget, and the end.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use timeline::VideoId;

use crate::question::Question;

/// How long to wait for news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// There is other work.
    No,
    /// Work goes on after so long, news or not.
    AtMost(Duration),
    /// There is nothing else to do.
    ForNews,
}

/// What came since the last look.
#[derive(Default)]
pub(crate) struct News {
    /// In the order asked.
    pub(crate) questions: Vec<Question>,
    /// What came for questions that wait for frames: how many, or that none will.
    pub(crate) frames: Vec<(i64, Option<u32>)>,
    /// Deleted videos, of which nothing is to be kept.
    pub(crate) forget: Vec<VideoId>,
    /// Whether a video waits to be encoded.
    pub(crate) encode: bool,
    /// Whether nothing further will come.
    pub(crate) closed: bool,
}

#[derive(Default)]
struct Lanes {
    forget: Vec<VideoId>,
    questions: Vec<Question>,
    frames: Vec<(i64, Option<u32>)>,
    encode: VecDeque<VideoId>,
    closed: bool,
}

/// The lanes of work and the bell that wakes the worker.
#[derive(Default)]
pub(crate) struct Queue {
    lanes: Mutex<Lanes>,
    bell: Condvar,
}

impl Queue {
    /// Queues a question; gives it back when the queue is closed.
    pub(crate) fn ask(&self, question: Question) -> Result<(), Box<Question>> {
        let mut lanes = self.lock();
        if lanes.closed {
            return Err(Box::new(question));
        }
        lanes.questions.push(question);
        self.bell.notify_one();
        Ok(())
    }

    /// Says that frames are there which a question waits for, or that none will come.
    pub(crate) fn deliver(&self, question: i64, frames: Option<u32>) {
        self.lock().frames.push((question, frames));
        self.bell.notify_one();
    }

    /// Asks for segments of a video to be encoded; asking twice is asking once.
    pub(crate) fn encode(&self, video: &VideoId) {
        let mut lanes = self.lock();
        if !lanes.closed && !lanes.encode.contains(video) {
            lanes.encode.push_back(video.clone());
            self.bell.notify_one();
        }
    }

    /// Asks for what is kept of a video to be dropped.
    pub(crate) fn forget(&self, video: &VideoId) {
        let mut lanes = self.lock();
        lanes.encode.retain(|queued| queued != video);
        lanes.forget.push(video.clone());
        self.bell.notify_one();
    }

    /// Takes no more work; returns the questions nobody will answer.
    pub(crate) fn close(&self) -> Vec<Question> {
        let mut lanes = self.lock();
        lanes.closed = true;
        lanes.encode.clear();
        self.bell.notify_all();
        std::mem::take(&mut lanes.questions)
    }

    /// What came, after having waited for it as long as `wait` says.
    pub(crate) fn news(&self, wait: Wait) -> News {
        let quiet = |lanes: &mut Lanes| {
            let asked = !lanes.questions.is_empty() || !lanes.frames.is_empty();
            !asked && lanes.forget.is_empty() && lanes.encode.is_empty()
        };
        let lanes = self.lock();
        let mut lanes = match wait {
            Wait::No => lanes,
            // That nothing further will come is no news for who has heard it already and works towards the end.
            Wait::AtMost(time) => {
                self.bell.wait_timeout_while(lanes, time, quiet).unwrap_or_else(PoisonError::into_inner).0
            }
            Wait::ForNews => {
                let quiet = |lanes: &mut Lanes| quiet(lanes) && !lanes.closed;
                self.bell.wait_while(lanes, quiet).unwrap_or_else(PoisonError::into_inner)
            }
        };
        News {
            questions: std::mem::take(&mut lanes.questions),
            frames: std::mem::take(&mut lanes.frames),
            forget: std::mem::take(&mut lanes.forget),
            encode: !lanes.encode.is_empty(),
            closed: lanes.closed,
        }
    }

    /// The next video to encode.
    pub(crate) fn next_video(&self) -> Option<VideoId> {
        self.lock().encode.pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
