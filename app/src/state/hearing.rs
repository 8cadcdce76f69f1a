//! What is said in the open video, on its way to a transcript: begun, followed, stopped. The server owns it; leaving the page
//! stops the following only.

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::hearing::NAME;
use timeline::{HearingInfo, HearingOptions, HearingState, Timestamp};

use super::bench::Bench;
use super::ingest::backoff_ms;
use super::transcripts::Transcripts;
use super::trouble::Trouble;
use crate::api::ndjson::Lines;
use crate::api::{self, ApiError};
use crate::platform;

/// How often a lost connection is taken up again before the user is told.
const TRIES: u32 = 5;

/// The signals, in the context of the workbench.
#[derive(Clone, Copy)]
pub struct Hearing {
    /// How far it was heard; nothing when it was not, in this run of the server.
    pub info: RwSignal<Option<HearingInfo>>,
    /// What can be begun; nothing until the server has said.
    pub options: RwSignal<Option<HearingOptions>>,
    /// Why it cannot.
    pub trouble: RwSignal<Option<Trouble>>,
    transcripts: Transcripts,
    bench: Bench,
    abort: StoredValue<Option<AbortHandle>>,
}

impl Hearing {
    /// Puts the signals into the context; the server is asked once the page is alive.
    pub fn provide(bench: Bench, transcripts: Transcripts) -> Self {
        let hearing = Self {
            info: RwSignal::new(None),
            options: RwSignal::new(None),
            trouble: RwSignal::new(None),
            transcripts,
            bench,
            abort: StoredValue::new(None),
        };
        provide_context(hearing);
        on_cleanup(move || {
            if let Some(handle) = hearing.abort.try_get_value().flatten() {
                handle.abort();
            }
        });
        Effect::new(move |_| {
            spawn_local(async move {
                if let Ok(options) = api::hearing_options(bench.id()).await {
                    hearing.options.try_set(Some(options));
                }
            });
            hearing.follow();
        });
        hearing
    }

    /// The signals in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Whether there is something to begin: the sound is within reach, and was not transcribed before.
    pub fn is_offered(self) -> bool {
        let reachable = self.options.get().is_some_and(|options| options.file);
        let under_way = self.info.with(|info| info.as_ref().is_some_and(HearingInfo::is_active));
        let there = self.transcripts.list.with(|list| list.iter().any(|info| info.name == NAME));
        reachable && !under_way && !there
    }

    /// Has the server hear its file.
    pub fn begin(self) {
        self.trouble.set(None);
        self.info.set(None);
        spawn_local(async move {
            match api::begin_hearing(self.bench.id(), false).await {
                Ok(info) => {
                    self.info.try_set(Some(info));
                    self.follow();
                }
                Err(error) => drop(self.trouble.try_set(Some(error.into()))),
            }
        });
    }

    /// Stops it on the server; the stream says so.
    pub fn cancel(self) {
        spawn_local(async move {
            if let Err(error) = api::cancel_hearing(self.bench.id()).await {
                self.trouble.try_set(Some(error.into()));
            }
        });
    }

    fn follow(self) {
        let (handle, registration) = AbortHandle::new_pair();
        if let Some(before) = self.abort.try_update_value(|abort| abort.replace(handle)).flatten() {
            before.abort();
        }
        spawn_local(async move {
            // Aborted: the page was left, or another is followed.
            if let Ok(Err(error)) = Abortable::new(self.until_over(), registration).await {
                self.trouble.try_set(Some(error.into()));
            }
        });
    }

    async fn until_over(self) -> Result<(), ApiError> {
        let mut tries = 0;
        loop {
            match self.once(&mut tries).await {
                Err(error) if error.is_passing() && tries < TRIES => {
                    tries += 1;
                    platform::sleep(backoff_ms(tries)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn once(self, tries: &mut u32) -> Result<(), ApiError> {
        let mut stream = api::hearing(self.bench.id()).await?.into_inner();
        let mut lines = Lines::default();
        let mut over = true;
        while let Some(chunk) = stream.next().await {
            for info in lines.push::<HearingInfo>(&chunk?) {
                *tries = 0;
                over = !info.is_active();
                self.learn(info);
            }
        }
        if over { Ok(()) } else { Err(ApiError::Interrupted) }
    }

    /// Shows news; cues that are new are fetched, and the first time shown.
    fn learn(self, info: HearingInfo) {
        let before = self.info.try_get_untracked().flatten();
        let (cues, shown) = before.map_or((0, None), |before| (before.cues, before.transcript));
        if info.cues != cues {
            self.transcripts.has_grown(info.transcript.filter(|_| shown.is_none()));
        }
        if let HearingState::Failed { cause, message } = &info.state {
            let error = ApiError::Hearing { cause: cause.clone(), message: message.clone() };
            self.trouble.try_set(Some(error.into()));
        }
        self.info.try_set(Some(info));
    }
}

/// Percent of the way.
pub fn share(info: &HearingInfo) -> f64 {
    let part = |at: Timestamp| at.micros() as f64;
    if info.duration > Timestamp::ZERO { (part(info.heard) / part(info.duration) * 100.0).min(100.0) } else { 0.0 }
}
