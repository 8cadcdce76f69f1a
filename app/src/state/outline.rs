//! What happens in the open video: begun, followed, stopped. The server owns it; leaving the page stops the following only.

use futures::StreamExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::{Chapter, Outline, OutlineState, TitleLanguage, VideoState};

use super::bench::Bench;
use super::follow::Follow;
use super::trouble::Trouble;
use crate::api::ndjson::Lines;
use crate::api::{self, ApiError};

/// The signals, in the context of the workbench.
#[derive(Clone, Copy)]
pub struct Outlining {
    /// What is known; nothing until the server has said.
    pub outline: RwSignal<Option<Outline>>,
    /// Why it cannot be, or no further.
    pub trouble: RwSignal<Option<Trouble>>,
    bench: Bench,
    following: Follow,
}

impl Outlining {
    /// Puts the signals into the context; the server is asked once the page is alive.
    pub fn provide(bench: Bench) -> Self {
        let outlining =
            Self { outline: RwSignal::new(None), trouble: RwSignal::new(None), bench, following: Follow::until_left() };
        provide_context(outlining);
        Effect::new(move |_| outlining.follow());
        outlining
    }

    /// The signals in the context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// How far it has come; nothing until the server has said.
    pub fn state(self) -> Option<OutlineState> {
        self.outline.with(|outline| outline.as_ref().map(|outline| outline.state))
    }

    /// Whether it can be begun, or gone on with, now.
    pub fn is_offered(self) -> bool {
        let open = matches!(self.state(), Some(OutlineState::None | OutlineState::Stopped));
        open && self.bench.state.get() == VideoState::Ready
    }

    /// The chapters, ascending.
    pub fn chapters(self) -> Vec<Chapter> {
        self.outline.with(|outline| outline.as_ref().map(|outline| outline.chapters.clone()).unwrap_or_default())
    }

    /// Has the server look through the video.
    pub fn begin(self, language: TitleLanguage) {
        self.trouble.set(None);
        spawn_local(async move {
            match api::begin_outline(self.bench.id(), language).await {
                Ok(()) => self.follow(),
                Err(error) => drop(self.trouble.try_set(Some(error.into()))),
            }
        });
    }

    /// Stops it on the server; the stream says so.
    pub fn cancel(self) {
        spawn_local(async move {
            if let Err(error) = api::cancel_outline(self.bench.id()).await {
                self.trouble.try_set(Some(error.into()));
            }
        });
    }

    fn follow(self) {
        self.following.follow(self.trouble, async move |tries| self.once(tries).await);
    }

    async fn once(self, tries: &mut u32) -> Result<(), ApiError> {
        let mut stream = api::outline(self.bench.id()).await?.into_inner();
        let mut lines = Lines::default();
        let mut over = true;
        while let Some(chunk) = stream.next().await {
            for outline in lines.push::<Outline>(&chunk?) {
                *tries = 0;
                over = outline.state != OutlineState::Running;
                self.outline.try_set(Some(outline));
            }
        }
        if over { Ok(()) } else { Err(ApiError::Interrupted) }
    }
}
