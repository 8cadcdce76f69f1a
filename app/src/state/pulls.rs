//! Models on the server and downloads that are followed. The server owns them: leaving the page stops the following only.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::models::USUAL_MINUTES;
use timeline::{LocalModel, PullEvent, PullProgress};

use super::ingest::backoff_ms;
use super::trouble::Trouble;
use crate::api::ndjson::Lines;
use crate::api::{self, ApiError};
use crate::platform;

/// How often a lost connection is taken up again before the user is told.
const TRIES: u32 = 5;

/// A download as this page sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum Follow {
    /// Under way.
    Running(PullProgress),
    /// Ended before its end.
    Failed(Trouble),
}

/// The signals of the models page, in the context of its parts.
#[derive(Clone, Copy)]
pub struct Pulls {
    /// Minutes of video that models are judged by.
    pub minutes: RwSignal<u32>,
    /// Models there are.
    pub models: Resource<Result<Vec<LocalModel>, ApiError>>,
    /// Downloads by model.
    pub followed: RwSignal<BTreeMap<String, Follow>>,
    abort: StoredValue<Vec<AbortHandle>>,
}

impl Pulls {
    /// Puts the signals into the context.
    pub fn provide() -> Self {
        let minutes = RwSignal::new(USUAL_MINUTES);
        let pulls = Self {
            minutes,
            models: Resource::new_blocking(move || minutes.get(), |minutes| api::list_models(Some(minutes))),
            followed: RwSignal::new(BTreeMap::new()),
            abort: StoredValue::new(Vec::new()),
        };
        on_cleanup(move || {
            for handle in pulls.abort.try_get_value().into_iter().flatten() {
                handle.abort();
            }
        });
        provide_context(pulls);
        pulls
    }

    /// The signals in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Begins a download, goes on with it, or follows the one under way.
    pub fn pull(self, model: String, file: Option<String>) {
        let running = |followed: &BTreeMap<_, _>| matches!(followed.get(&model), Some(Follow::Running(_)));
        if self.followed.with_untracked(running) {
            return;
        }
        self.set(&model, Some(Follow::Running(PullProgress::default())));
        let (handle, registration) = AbortHandle::new_pair();
        self.abort.update_value(|handles| handles.push(handle));
        spawn_local(async move {
            // Aborted: the page was left, and all of this is gone.
            if let Ok(outcome) = Abortable::new(self.until_over(&model, file), registration).await {
                self.set(&model, outcome.err().map(|error| Follow::Failed(error.into())));
                self.models.refetch();
            }
        });
    }

    /// Stops a download on the server.
    pub fn cancel(self, model: String) {
        spawn_local(async move {
            if let Err(error) = api::cancel_pull(model.clone()).await {
                self.set(&model, Some(Follow::Failed(error.into())));
            }
        });
    }

    fn set(self, model: &str, follow: Option<Follow>) {
        self.followed.try_update(|followed| match follow {
            Some(follow) => drop(followed.insert(model.to_owned(), follow)),
            None => drop(followed.remove(model)),
        });
    }

    async fn until_over(self, model: &str, file: Option<String>) -> Result<(), ApiError> {
        let mut tries = 0;
        loop {
            match self.once(model, file.clone(), &mut tries).await {
                // The download may still go on; asking again joins it.
                Err(error) if error.is_passing() && tries < TRIES => {
                    tries += 1;
                    platform::sleep(backoff_ms(tries)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn once(self, model: &str, file: Option<String>, tries: &mut u32) -> Result<(), ApiError> {
        let mut stream = api::pull_model(model.to_owned(), file).await?.into_inner();
        let mut lines = Lines::default();
        let mut outcome = Err(ApiError::Interrupted);
        // Read to the end, past the last event: a stream given up early is an aborted request.
        while let Some(chunk) = stream.next().await {
            for event in lines.push(&chunk?) {
                *tries = 0;
                match event {
                    PullEvent::Progress(progress) => self.set(model, Some(Follow::Running(progress))),
                    PullEvent::Done { .. } => outcome = Ok(()),
                    PullEvent::Error { cause, message } => outcome = Err(ApiError::Pull { cause, message }),
                }
            }
        }
        outcome
    }
}
