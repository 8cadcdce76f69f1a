//! How often a failed request is tried again, and how long to wait before: doubling, unless the hub says how long.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// How much is put up with.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Requests in a row that bring nothing before giving up.
    pub tries: u32,
    /// The first wait; each further one is twice as long.
    pub first_wait: Duration,
    /// The longest wait, also when the hub asks for more.
    pub longest_wait: Duration,
    /// A connection that is silent for so long counts as cut.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 6,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            silence: Duration::from_secs(30),
        }
    }
}

/// A request that brought no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// Whether the same request may succeed a moment later.
    pub(crate) passing: bool,
    /// What the hub asked for (`Retry-After`).
    pub(crate) wait: Option<Duration>,
}

impl Failure {
    pub(crate) fn passing(error: Error) -> Self {
        Self { error, passing: true, wait: None }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, passing: false, wait: None }
    }
}

/// Counts failures in a row.
#[derive(Debug)]
pub(crate) struct Tries {
    patience: Patience,
    failed: u32,
}

impl Tries {
    pub(crate) fn new(patience: Patience) -> Self {
        Self { patience, failed: 0 }
    }

    /// Something arrived: the count begins anew.
    pub(crate) fn succeeded(&mut self) {
        self.failed = 0;
    }

    /// Failures in a row.
    pub(crate) fn failed(&self) -> u32 {
        self.failed
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// The failure's own, when trying again cannot help or was tried often enough; `Cancelled`.
    pub(crate) async fn wait_after(&mut self, failure: Failure, cancel: &CancellationToken) -> Result<()> {
        self.failed += 1;
        // Told to come back later than anyone would wait: say so instead.
        let too_long = failure.wait.is_some_and(|wait| wait > self.patience.longest_wait);
        if !failure.passing || too_long || self.failed >= self.patience.tries {
            return Err(failure.error);
        }
        let doubled = self.patience.first_wait.saturating_mul(1 << (self.failed - 1).min(16));
        let wait = failure.wait.unwrap_or(doubled).min(self.patience.longest_wait);
        tracing::info!(wait_ms = wait.as_millis() as u64, error = %failure.error, "trying again");
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = cancel.cancelled() => Err(Error::Cancelled),
        }
    }
}
