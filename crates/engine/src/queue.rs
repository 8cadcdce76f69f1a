//! What the model has to do, in order: questions first and in the order asked, encoding when nobody waits.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use timeline::VideoId;

use crate::answer::Question;

/// The next thing to do.
pub(crate) enum Work {
    /// Answer a question.
    Answer(Box<Question>),
    /// Encode some segments of a video.
    Encode(VideoId),
    /// Drop what is kept of a deleted video.
    Forget(VideoId),
    /// End the thread.
    Stop,
}

#[derive(Default)]
struct Lanes {
    forget: Vec<VideoId>,
    questions: VecDeque<Question>,
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
        lanes.questions.push_back(question);
        self.bell.notify_one();
        Ok(())
    }

    /// Asks for segments of a video to be encoded; asking twice is asking once.
    pub(crate) fn encode(&self, video: &VideoId) {
        let mut lanes = self.lock();
        if !lanes.encode.contains(video) {
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
        lanes.questions.drain(..).collect()
    }

    /// The next thing to do; waits for it.
    pub(crate) fn next(&self) -> Work {
        let mut lanes = self.lock();
        loop {
            if let Some(video) = lanes.forget.pop() {
                return Work::Forget(video);
            }
            if lanes.closed {
                return Work::Stop;
            }
            if let Some(question) = lanes.questions.pop_front() {
                return Work::Answer(Box::new(question));
            }
            if let Some(video) = lanes.encode.pop_front() {
                return Work::Encode(video);
            }
            lanes = self.bell.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
