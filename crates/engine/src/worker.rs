//! The model's own thread: takes work from the queue until it is closed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::{Library, SegmentCache};
use timeline::VideoId;

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::guests::Guests;
use crate::prefix::Prefixes;
use crate::queue::{Queue, Work};
use crate::registry::Registry;

/// What the engine's handles and its worker share.
pub(crate) struct Shared {
    pub(crate) library: Library,
    pub(crate) segments: SegmentCache,
    pub(crate) registry: Registry,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) queue: Queue,
    pub(crate) guests: Guests,
    /// Stops whatever runs, at its next step.
    pub(crate) halt: AtomicBool,
    pub(crate) max_context_length: Option<u32>,
    pub(crate) temporal_compression: bool,
}

impl Shared {
    /// Whether everything has to stop.
    pub(crate) fn is_halting(&self) -> bool {
        self.halt.load(Ordering::Relaxed)
    }
}

/// Works until the queue is closed.
pub(crate) fn run(shared: &Shared, mut prefixes: Prefixes) {
    loop {
        match shared.queue.next() {
            Work::Answer(question) => {
                let done = survive("answering", || {
                    shared.answer(&question, &mut prefixes);
                    Ok(())
                });
                if let Err(error) = done {
                    question.fail(shared, &error);
                }
            }
            Work::Encode(video) => encode(shared, &video),
            Work::Forget(video) => prefixes.forget(&video),
            Work::Stop => return,
        }
    }
}

/// One step of encoding; the rest is queued behind whatever came meanwhile.
fn encode(shared: &Shared, video: &VideoId) {
    match survive("encoding", || shared.encode_some(video)) {
        Ok(true) => shared.queue.encode(video),
        // Deleted while it was queued: nothing to do.
        Ok(false) | Err(Error::UnknownVideo(_)) => {}
        Err(error) => {
            tracing::error!(%video, %error, "encoding stopped");
            shared.registry.with_loaded(video, |entry| entry.fail(error.to_string()));
        }
    }
}

/// A bug in a numeric kernel must not take the queue with it: the panic becomes an error of this piece of work.
fn survive<T>(doing: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().map(ToString::to_string);
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::Internal(format!("{doing}: {said}")))
    })
}
