//! The model's own thread: everything that touches the model happens here, one turn at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use store::{Library, SegmentCache};
use timeline::VideoId;

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::eyes::{FrameSource, Wanted};
use crate::guests::Guests;
use crate::meaning::Meaning;
use crate::outline::Outlines;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::sight::Sight;

/// What the engine's handles and its worker share.
pub(crate) struct Shared {
    /// Itself, for work that others finish.
    pub(crate) me: Weak<Self>,
    pub(crate) library: Library,
    pub(crate) segments: SegmentCache,
    pub(crate) registry: Registry,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) queue: Queue,
    pub(crate) guests: Guests,
    pub(crate) outlines: Outlines,
    pub(crate) meaning: Option<Meaning>,
    pub(crate) sight: Option<Sight>,
    /// What decodes files that the server has.
    pub(crate) source: Mutex<Option<Arc<dyn FrameSource>>>,
    pub(crate) wanted: Wanted,
    /// Held by every question until its answer has ended.
    pub(crate) asked: Arc<()>,
    /// Stops whatever runs, at its next step.
    pub(crate) halt: AtomicBool,
    pub(crate) max_context_length: Option<u32>,
    pub(crate) temporal_compression: bool,
    pub(crate) token_pruning: bool,
    /// Closer looks that a question may have.
    pub(crate) zoom_rounds: u32,
}

impl Shared {
    /// Whether everything has to stop.
    pub(crate) fn is_halting(&self) -> bool {
        self.halt.load(Ordering::Relaxed)
    }

    /// One step of encoding; the rest is queued behind whatever came meanwhile. When memory runs out, `shed` may free
    /// memory and say that it did; otherwise the rest waits for the next question.
    pub(crate) fn encode_next(&self, video: &VideoId, shed: impl FnOnce() -> bool) {
        match survive("encoding", || self.encode_some(video)) {
            Ok(true) => self.queue.encode(video),
            Err(error) if error.is_out_of_memory() && shed() => self.queue.encode(video),
            // Deleted while it was queued: nothing to do.
            Ok(false) | Err(Error::UnknownVideo(_)) => {}
            Err(error) => {
                tracing::error!(%video, %error, "encoding stopped");
                self.registry.with_loaded(video, |entry| entry.fail(error.to_string()));
            }
        }
    }
}

/// A bug in a numeric kernel must not take the queue with it: the panic becomes an error of this piece of work.
pub(crate) fn survive<T>(doing: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().map(ToString::to_string);
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::Internal(format!("{doing}: {said}")))
    })
}
