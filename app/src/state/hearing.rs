//! What is said in the open video, on its way to a transcript: begun, followed, stopped. The server owns it, and hears its own file
//! or the sound that [`sounds`](super::sounds) sends of a local one; leaving the page stops the following only.

use futures::StreamExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::hearing::NAME;
use timeline::{HearingInfo, HearingState, Timestamp, TranscriptInfo};

use super::bench::Bench;
use super::follow::Follow;
use super::session::Session;
use super::sounds::Sounds;
use super::transcripts::Transcripts;
use super::trouble::Trouble;
use crate::api::ndjson::Lines;
use crate::api::{self, ApiError};

/// The signals, in the context of the workbench.
#[derive(Clone, Copy)]
pub struct Hearing {
    /// How far it was heard; nothing until the server has said.
    pub info: RwSignal<Option<HearingInfo>>,
    /// Why it cannot be, or no further.
    pub trouble: RwSignal<Option<Trouble>>,
    transcripts: Transcripts,
    session: Session,
    sounds: Sounds,
    bench: Bench,
    following: Follow,
}

impl Hearing {
    /// Puts the signals into the context; the server is asked once the page is alive.
    pub fn provide(bench: Bench, transcripts: Transcripts) -> Self {
        let hearing = Self {
            info: RwSignal::new(None),
            trouble: RwSignal::new(None),
            transcripts,
            session: Session::expect(),
            sounds: Sounds::expect(),
            bench,
            following: Follow::until_left(),
        };
        provide_context(hearing);
        Effect::new(move |asked: Option<bool>| {
            if asked.is_none() {
                hearing.follow();
            }
            // Whenever the server waits for sound and the file is at hand: from the beginning, or where another page left off.
            let sends = hearing.info.with(wants_sound) && hearing.is_local();
            if sends && asked != Some(true) {
                hearing.sounds.send(bench.id(), bench.duration(), hearing.trouble);
            }
            sends
        });
        hearing
    }

    /// The signals in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Whether there is something to begin: the sound is within reach, and was not transcribed to its end before.
    pub fn is_offered(self) -> bool {
        let has_file = self.info.with(|info| info.as_ref().filter(|info| !info.is_active()).map(|info| info.has_file));
        let whole = |info: &TranscriptInfo| info.name == NAME && info.heard.is_none();
        has_file.is_some_and(|has| has || self.is_local()) && !self.transcripts.list.with(|list| list.iter().any(whole))
    }

    /// Whether a part was transcribed before.
    pub fn is_begun(self) -> bool {
        self.transcripts.list.with(|list| list.iter().any(|info| info.name == NAME && info.heard.is_some()))
    }

    /// Whether the server waits for sound that this tab does not have.
    pub fn needs_file(self) -> bool {
        self.info.with(wants_sound) && !self.is_local()
    }

    /// Whether the file is open in this tab.
    fn is_local(self) -> bool {
        self.session.files.with(|files| files.contains_key(&self.bench.id()))
    }

    /// Has the server hear its own file, or where it has none, what will be sent.
    pub fn begin(self) {
        self.trouble.set(None);
        self.sounds.stop(&self.bench.id());
        spawn_local(async move {
            match api::begin_hearing(self.bench.id()).await {
                Ok(()) => self.follow(),
                Err(error) => drop(self.trouble.try_set(Some(error.into()))),
            }
        });
    }

    /// Stops it on the server; the stream says so.
    pub fn cancel(self) {
        self.sounds.stop(&self.bench.id());
        spawn_local(async move {
            if let Err(error) = api::cancel_hearing(self.bench.id()).await {
                self.trouble.try_set(Some(error.into()));
            }
        });
    }

    fn follow(self) {
        self.following.follow(self.trouble, async move |tries| self.once(tries).await);
    }

    async fn once(self, tries: &mut u32) -> Result<(), ApiError> {
        let mut stream = api::hearing(self.bench.id()).await?.into_inner();
        let mut lines = Lines::default();
        let mut over = true;
        while let Some(chunk) = stream.next().await {
            for info in lines.push::<HearingInfo>(&chunk?) {
                let is_lost =
                    info.state == HearingState::Idle && untrack(|| self.info.with(wants_sound) && self.is_local());
                if is_lost {
                    // The server started anew while it was heard: this tab, which sends the sound, has it go on.
                    return Err(ApiError::Interrupted);
                }
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
        if info.cues != cues && info.state != HearingState::Idle {
            self.transcripts.has_grown(info.transcript.filter(|_| shown.is_none()));
        }
        if !info.is_active() {
            self.sounds.stop(&self.bench.id());
            // Whether it is whole now.
            self.transcripts.has_grown(None);
        }
        if let Some(cause) = info.cause {
            self.trouble.try_set(Some(ApiError::Hearing { cause, message: info.message.clone() }.into()));
        }
        self.info.try_set(Some(info));
    }
}

fn wants_sound(info: &Option<HearingInfo>) -> bool {
    info.as_ref().is_some_and(HearingInfo::wants_sound)
}

/// Percent of the way.
pub fn share(info: &HearingInfo) -> f64 {
    let part = |at: Timestamp| at.micros() as f64;
    if info.duration > Timestamp::ZERO { (part(info.heard) / part(info.duration) * 100.0).min(100.0) } else { 0.0 }
}
