//! Following something that the server does for a video: a stream until it is over, taken up again when the line breaks, let go when
//! the page is left.

use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::ingest::backoff_ms;
use super::trouble::Trouble;
use crate::api::ApiError;
use crate::platform;

/// How often a lost connection is taken up again before the user is told.
const TRIES: u32 = 5;

/// At most one stream, and what ends it.
#[derive(Clone, Copy)]
pub struct Follow(StoredValue<Option<AbortHandle>>);

impl Follow {
    /// Follows nothing yet; whatever it will follow ends with the page.
    pub fn until_left() -> Self {
        let follow = Self(StoredValue::new(None));
        on_cleanup(move || {
            if let Some(handle) = follow.0.try_get_value().flatten() {
                handle.abort();
            }
        });
        follow
    }

    /// Follows anew. `once` reads the stream to its end, and sets the count of tries to zero whenever something came.
    pub fn follow(
        self,
        trouble: RwSignal<Option<Trouble>>,
        once: impl AsyncFn(&mut u32) -> Result<(), ApiError> + 'static,
    ) {
        let (handle, registration) = AbortHandle::new_pair();
        if let Some(before) = self.0.try_update_value(|abort| abort.replace(handle)).flatten() {
            before.abort();
        }
        spawn_local(async move {
            // Aborted: the page was left, or another is followed.
            if let Ok(Err(error)) = Abortable::new(until_over(once), registration).await {
                trouble.try_set(Some(error.into()));
            }
        });
    }
}

async fn until_over(once: impl AsyncFn(&mut u32) -> Result<(), ApiError>) -> Result<(), ApiError> {
    let mut tries = 0;
    loop {
        match once(&mut tries).await {
            Err(error) if error.is_passing() && tries < TRIES => {
                tries += 1;
                platform::sleep(backoff_ms(tries)).await;
            }
            outcome => return outcome,
        }
    }
}
