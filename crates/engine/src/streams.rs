//! What the engine streams out: progress that never has a gap, and answers that stop when nobody listens.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::{Stream, stream};
use timeline::{AnswerEvent, ProgressEvent, VideoId};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::worker::Shared;

/// A snapshot, then every event; ends when the video is deleted or the engine shuts down.
pub(crate) fn progress(
    shared: &Arc<Shared>,
    id: VideoId,
    listening: (ProgressEvent, broadcast::Receiver<ProgressEvent>),
) -> impl Stream<Item = ProgressEvent> + Send + 'static + use<> {
    // Weak: a page that listens must not keep a closed library open.
    let shared = Arc::downgrade(shared);
    let (snapshot, receiver) = listening;
    stream::unfold((Some(snapshot), receiver), move |(snapshot, mut receiver)| {
        let (shared, id) = (shared.clone(), id.clone());
        async move {
            if let Some(snapshot) = snapshot {
                return Some((snapshot, (None, receiver)));
            }
            match receiver.recv().await {
                Ok(event) => Some((event, (None, receiver))),
                // Fallen behind: what was missed is in a fresh snapshot.
                Err(RecvError::Lagged(_)) => {
                    let shared = shared.upgrade()?;
                    let (snapshot, receiver) = shared.registry.with_loaded(&id, |entry| entry.listen())?;
                    Some((snapshot, (None, receiver)))
                }
                Err(RecvError::Closed) => None,
            }
        }
    })
}

/// An answer on its way. Dropping it tells the worker to stop.
pub(crate) struct AnswerStream {
    events: UnboundedReceiver<AnswerEvent>,
    stop: Arc<AtomicBool>,
}

impl AnswerStream {
    pub(crate) fn new(events: UnboundedReceiver<AnswerEvent>, stop: Arc<AtomicBool>) -> Self {
        Self { events, stop }
    }
}

impl Stream for AnswerStream {
    type Item = AnswerEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<AnswerEvent>> {
        self.events.poll_recv(context)
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
