//! Downloads of a server: they belong to it and not to the page that began them, which may be closed and opened again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{Stream, stream};
use timeline::models::PullProgress;
use timeline::{LocalModel, ModelState, PullEvent};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::pull::Pull;
use crate::repository::Repository;
use crate::shelf::{Shelf, unmeasured};
use crate::transfer::blocking;

/// All downloads of a server. Clones are the same downloads.
#[derive(Clone)]
pub struct Downloads {
    shelf: Shelf,
    client: Arc<dyn Fn() -> Result<Client> + Send + Sync>,
    running: Arc<Mutex<BTreeMap<String, Running>>>,
}

#[derive(Debug, Clone)]
struct Running {
    events: watch::Receiver<PullEvent>,
    cancel: CancellationToken,
}

impl Downloads {
    /// None yet. The client is made for each download, so that a hub that cannot be used is told to whoever asks for one.
    pub fn new(shelf: Shelf, client: impl Fn() -> Result<Client> + Send + Sync + 'static) -> Self {
        Self { shelf, client: Arc::new(client), running: Arc::default() }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        // A map of handles is whole whoever held it.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a download, or joins the one of the same repository that is under way. Must be called in a tokio runtime.
    /// Dropping the stream leaves the download alone.
    ///
    /// # Errors
    /// When no client can be made: `HF_ENDPOINT` is no address.
    pub fn pull(&self, pull: Pull) -> Result<impl Stream<Item = PullEvent> + Send + 'static + use<>> {
        let name = pull.repository.to_string();
        let mut running = self.running();
        let events = match running.get(&name) {
            Some(known) => known.events.clone(),
            None => {
                let begun = self.begin((self.client)()?, pull);
                let events = begun.events.clone();
                running.insert(name, begun);
                events
            }
        };
        Ok(follow(events))
    }

    fn begin(&self, client: Client, pull: Pull) -> Running {
        let (sender, events) = watch::channel(PullEvent::Progress(PullProgress::default()));
        let cancel = CancellationToken::new();
        let (downloads, stop) = (self.clone(), cancel.clone());
        tokio::spawn(async move {
            let (progress, shown) = watch::channel(PullProgress::default());
            let work = client.pull(&pull, downloads.shelf.models(), &progress, &stop);
            let outcome = relay(work, shown, &sender).await;
            let last = match outcome {
                Ok(pulled) => PullEvent::Done { bytes: pulled.bytes },
                Err(error) => {
                    if !matches!(error, Error::Cancelled) {
                        tracing::warn!(model = %pull.repository, %error, "the download ended");
                    }
                    PullEvent::Error { cause: error.cause(), message: error.to_string() }
                }
            };
            // Out of the list first: whoever hears the last event may begin anew.
            downloads.running().remove(&pull.repository.to_string());
            sender.send_replace(last);
        });
        Running { events, cancel }
    }

    /// Stops a download; what was loaded is kept. Nothing happens when there is none.
    pub fn cancel(&self, repository: &Repository) {
        if let Some(running) = self.running().get(&repository.to_string()) {
            running.cancel.cancel();
        }
    }

    /// Stops all of them: the server ends.
    pub fn shutdown(&self) {
        self.running().values().for_each(|running| running.cancel.cancel());
    }

    /// Models that are here, judged by a video of some minutes, and those on their way.
    ///
    /// # Errors
    /// When the folder of models cannot be read.
    pub async fn models(&self, minutes: f64) -> Result<Vec<LocalModel>> {
        let shelf = self.shelf.clone();
        let mut models = blocking(move || shelf.list(minutes)).await?;
        for name in self.running().keys() {
            match models.iter_mut().find(|model| model.name == *name) {
                Some(model) => model.state = ModelState::Pulling,
                None => models.push(unmeasured(name.clone(), ModelState::Pulling)),
            }
        }
        Ok(models)
    }
}

/// Passes progress on while the work goes on.
async fn relay<T>(
    work: impl Future<Output = T>,
    mut shown: watch::Receiver<PullProgress>,
    sender: &watch::Sender<PullEvent>,
) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            Ok(()) = shown.changed() => {
                let now = shown.borrow_and_update().clone();
                sender.send_replace(PullEvent::Progress(now));
            }
        }
    }
}

/// Every state of a download that is not yet outdated when it can be told; the last is `Done` or `Error`.
fn follow(mut events: watch::Receiver<PullEvent>) -> impl Stream<Item = PullEvent> + Send + 'static {
    events.mark_changed();
    stream::unfold(Some(events), |events| async move {
        let mut events = events?;
        events.changed().await.ok()?;
        let event = events.borrow_and_update().clone();
        let over = !matches!(event, PullEvent::Progress(_));
        Some((event, (!over).then_some(events)))
    })
}
