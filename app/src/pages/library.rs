//! `/`: the dropzone, and every video there is.

use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use timeline::{IngestInfo, VideoState, VideoSummary};

use crate::api;
use crate::i18n::t;
use crate::parts::demo_note::DemoNote;
use crate::parts::dropzone::Dropzone;
use crate::parts::find::Find;
use crate::parts::header::Header;
use crate::parts::offer::ServerOffer;
use crate::parts::on_the_way::OnTheWay;
use crate::parts::queue::Queue;
use crate::parts::server_source::ServerSource;
use crate::parts::trouble::TroubleText;
use crate::parts::video_card::{VideoCard, state_key};
use crate::state::ingests::Ingests;
use crate::state::session::Session;
use crate::state::trouble::Trouble;

/// How soon the list is asked for again while a video of it is being indexed.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The library page.
#[component]
pub fn Library() -> impl IntoView {
    view! {
        <Title text="Timepin" />
        <Header />
        <main id="main" class="page library">
            <section class="hero">
                <h1>{t(|m| m.hero)}</h1>
                <p>{t(|m| m.hero_sub)}</p>
            </section>
            <Dropzone />
            <ServerOffer />
            <Queue />
            <OnTheWay />
            <ServerSource />
            <DemoNote />
            <Videos />
        </main>
    }
    .into_any()
}

/// A card is drawn anew when what it shows has changed.
fn card_key(summary: &VideoSummary) -> (String, String, &'static str, u32, u32) {
    let VideoSummary { id, video, state, frames, questions, .. } = summary;
    (id.0.clone(), video.title.clone(), state_key(*state), *frames, *questions)
}

#[component]
fn Videos() -> impl IntoView {
    let videos = Resource::new_blocking(|| (), |()| api::list_videos());
    let changed = Callback::new(move |()| videos.refetch());
    // A run that begins or ends makes a video or leaves it in another state, and the server makes videos too: ask again.
    let (session, ingests) = (Session::expect(), Ingests::expect());
    let active = Memo::new(move |_| session.runs.with(|runs| runs.values().filter(|run| run.is_active()).count()));
    Effect::new(move |before: Option<usize>| {
        let now = active.get();
        if before.is_some_and(|before| now != before) {
            videos.refetch();
        }
        now
    });
    // What is being indexed is ready without anybody's doing: look again.
    Effect::new(move |_| {
        let is_indexing = |video: &VideoSummary| video.state == VideoState::Indexing;
        if videos.with(|videos| matches!(videos, Some(Ok(list)) if list.iter().any(is_indexing)))
            && let Ok(again) = set_timeout(move || videos.refetch(), LOOK_AGAIN)
        {
            on_cleanup(move || again.clear());
        }
    });
    let made = Memo::new(move |_| {
        let made = |info: &IngestInfo| Some((info.video.clone()?, info.is_active()));
        ingests.list.with(|list| list.iter().filter_map(made).collect::<Vec<_>>())
    });
    Effect::new(move |before: Option<()>| {
        made.track();
        if before.is_some() {
            videos.refetch();
        }
    });
    view! {
        <section class="videos" aria-labelledby="videos-title">
            <h2 id="videos-title">{t(|m| m.your_videos)}</h2>
            <Transition fallback=|| view! { <div class="cards-waiting" aria-hidden="true"></div> }>
                {move || Suspend::new(async move {
                    match videos.await {
                        Ok(videos) if videos.is_empty() => {
                            view! { <p class="fine">{t(|m| m.no_videos)}</p> }.into_any()
                        }
                        Ok(videos) => {
                            view! {
                                <Find />
                                <ul class="cards">
                                    <For each=move || videos.clone() key=card_key let:summary>
                                        <VideoCard summary changed />
                                    </For>
                                </ul>
                            }
                                .into_any()
                        }
                        Err(error) => {
                            view! {
                                <TroubleText trouble=Trouble::from(error) />
                                <button class="button" type="button" on:click=move |_| videos.refetch()>
                                    {t(|m| m.try_again)}
                                </button>
                            }
                                .into_any()
                        }
                    }
                })}
            </Transition>
        </section>
    }
    .into_any()
}
