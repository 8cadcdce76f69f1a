//! Counts bytes of all files at once and makes of them what is shown, speed included.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use timeline::models::{FileProgress, PullPhase, PullProgress};
use tokio::sync::watch;

use crate::manifest::Wanted;

/// How often progress is told.
const TICK: Duration = Duration::from_millis(250);
/// The stretch over which speed is measured: long enough to be read, short enough to be true.
const WINDOW: Duration = Duration::from_secs(5);

/// Shared by all transfers of a download.
#[derive(Debug, Clone)]
pub(crate) struct Ledger(Arc<Mutex<Counts>>);

#[derive(Debug)]
struct Counts {
    phase: PullPhase,
    files: Vec<FileProgress>,
    /// Bytes that came over the network.
    arrived: u64,
    /// Transfers that wait before their next try.
    waiting: u32,
    speed: Speed,
}

impl Ledger {
    pub(crate) fn new(files: &[Wanted]) -> Self {
        let files = files.iter().map(|file| FileProgress { name: file.name.clone(), done: 0, total: file.size });
        Self(Arc::new(Mutex::new(Counts {
            phase: PullPhase::Checking,
            files: files.collect(),
            arrived: 0,
            waiting: 0,
            speed: Speed::default(),
        })))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Numbers are never half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of a file that are there, and how many of them have just arrived.
    pub(crate) fn set(&self, file: usize, done: u64, arrived: u64) {
        let mut counts = self.counts();
        counts.arrived += arrived;
        if let Some(file) = counts.files.get_mut(file) {
            file.done = done;
        }
    }

    /// From here on bytes are loaded.
    pub(crate) fn begin(&self) {
        self.counts().phase = PullPhase::Loading;
    }

    /// A transfer waits before its next try, until what is given back is dropped.
    pub(crate) fn wait(&self) -> Waiting {
        self.counts().waiting += 1;
        Waiting(self.clone())
    }

    fn snapshot(&self, now: Instant) -> PullProgress {
        let mut counts = self.counts();
        let arrived = counts.arrived;
        let bytes_per_s = counts.speed.measure(now, arrived);
        let idle = counts.waiting > 0 && bytes_per_s == 0;
        PullProgress {
            phase: if idle { PullPhase::Waiting } else { counts.phase },
            done: counts.files.iter().map(|file| file.done).sum(),
            total: counts.files.iter().map(|file| file.total).sum(),
            bytes_per_s,
            files: counts.files.clone(),
        }
    }

    /// Tells progress while `work` goes on, and once more at its end.
    pub(crate) async fn told<T>(&self, progress: &watch::Sender<PullProgress>, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                outcome = &mut work => {
                    progress.send_replace(self.snapshot(Instant::now()));
                    return outcome;
                }
                _ = tick.tick() => drop(progress.send_replace(self.snapshot(Instant::now()))),
            }
        }
    }
}

/// A wait that is counted.
pub(crate) struct Waiting(Ledger);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.counts().waiting -= 1;
    }
}

/// Bytes a second over the last seconds.
#[derive(Debug, Default)]
struct Speed(VecDeque<(Instant, u64)>);

impl Speed {
    fn measure(&mut self, now: Instant, arrived: u64) -> u64 {
        self.0.push_back((now, arrived));
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.0.pop_front();
        }
        let Some((since, before)) = self.0.front() else { return 0 };
        let seconds = now.duration_since(*since).as_secs_f64();
        if seconds < TICK.as_secs_f64() { 0 } else { ((arrived - before) as f64 / seconds) as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_that_of_the_last_seconds_only() {
        let mut speed = Speed::default();
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        assert_eq!(speed.measure(at(0), 0), 0);
        assert_eq!(speed.measure(at(1), 1000), 1000);
        for second in 2..=20 {
            speed.measure(at(second), 1000 + (second - 1) * 100);
        }
        assert_eq!(speed.measure(at(21), 3000), 100);
        assert_eq!(speed.measure(at(60), 3000), 0);
    }

    #[test]
    fn waiting_is_told_only_while_nothing_arrives() {
        let wanted = Wanted { name: "a".into(), size: 10, digest: None };
        let ledger = Ledger::new(std::slice::from_ref(&wanted));
        let begun = Instant::now();
        ledger.begin();
        ledger.set(0, 4, 4);
        let wait = ledger.wait();
        let shown = ledger.snapshot(begun);
        assert_eq!((shown.phase, shown.done, shown.total), (PullPhase::Waiting, 4, 10));
        drop(wait);
        assert_eq!(ledger.snapshot(begun + Duration::from_secs(1)).phase, PullPhase::Loading);
    }
}
