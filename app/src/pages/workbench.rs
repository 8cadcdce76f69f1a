//! `/v/{id}`: one video with its player, its timeline and the questions asked of it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use leptos_router::hooks::{use_params_map, use_query_map};
use timeline::{IngestInfo, ModelInfo, QuestionRecord, Timestamp, VideoId, VideoState, VideoSummary};

use super::set_status;
use crate::api::{self, ApiError};
use crate::i18n::{t, use_i18n};
use crate::parts::budget::BudgetLine;
use crate::parts::damage::DamageNote;
use crate::parts::header::Header;
use crate::parts::history::History;
use crate::parts::icons::{self, Icon};
use crate::parts::outline::OutlinePane;
use crate::parts::page_title::PageTitle;
use crate::parts::player::Player;
use crate::parts::progress::ProgressLine;
use crate::parts::question_box::QuestionBox;
use crate::parts::timeline::Timeline;
use crate::parts::transcript::TranscriptPane;
use crate::parts::trouble::TroubleText;
use crate::parts::video_card::{RenameForm, state_key, state_name};
use crate::state::bench::Bench;
use crate::state::conversation::Conversation;
use crate::state::hearing::Hearing;
use crate::state::ingest::Run;
use crate::state::ingests::Ingests;
use crate::state::outline::Outlining;
use crate::state::progress::follow;
use crate::state::session::Session;
use crate::state::transcripts::Transcripts;
use crate::state::trouble::Trouble;

type Loaded = (VideoSummary, Vec<QuestionRecord>, Option<IngestInfo>);

async fn load(id: VideoId) -> Result<Loaded, ApiError> {
    let summary = api::get_video(id.clone()).await?;
    Ok((summary, api::list_questions(id.clone()).await?, api::ingest_of(id).await?))
}

/// The workbench of the video in the address.
#[component]
pub fn Workbench() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| VideoId(params.with(|params| params.get("id").unwrap_or_default())));
    let session = Session::expect();
    let loaded = Resource::new_blocking(move || id.get(), load);
    view! {
        <Suspense fallback=|| view! { <Header /><main id="main" class="bench is-waiting" aria-busy="true"></main> }>
            {move || Suspend::new(async move {
                let model = session.model.await.ok();
                match loaded.await {
                    Ok((summary, questions, ingest)) => view! { <Open summary questions ingest model /> }.into_any(),
                    Err(error) => view! { <Missing error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Open(
    summary: VideoSummary,
    questions: Vec<QuestionRecord>,
    ingest: Option<IngestInfo>,
    model: Option<ModelInfo>,
) -> impl IntoView {
    let ingests = Ingests::expect();
    let bench = Bench::provide(summary, ingest, model);
    Conversation::provide(bench, questions);
    Hearing::provide(bench, Transcripts::provide(bench));
    Outlining::provide(bench);
    let query = use_query_map();
    // A link to a moment: `?t=` and seconds.
    Effect::new(move |_| {
        if let Some(seconds) =
            query.with(|query| query.get("t")).and_then(|t| t.parse::<f64>().ok()).filter(|t| t.is_finite())
        {
            bench.go(Timestamp::from_seconds(seconds));
        }
    });
    // Streams belong to the page; the server has drawn what it knows.
    Effect::new(move |_| {
        follow(bench);
        if bench.ingest.with_value(|ingest| ingest.as_ref().is_some_and(IngestInfo::is_active)) {
            ingests.follow();
        }
    });
    view! {
        <PageTitle name=move || bench.title.get() />
        <Header>
            <TitleLine />
        </Header>
        <main id="main" class="bench">
            <div class="bench-watch">
                <Player />
                <ProgressLine />
                <DamageNote />
                <Timeline />
                <OutlinePane />
                <TranscriptPane />
                <BudgetLine />
            </div>
            <section class="bench-talk" aria-label=t(|m| m.conversation)>
                <History />
                <QuestionBox />
            </section>
        </main>
    }
    .into_any()
}

/// The title, changed in place, and how far the video has come.
#[component]
fn TitleLine() -> impl IntoView {
    let bench = Bench::expect();
    let session = Session::expect();
    let i18n = use_i18n();
    let renaming = RwSignal::new(false);
    let ingests = Ingests::expect();
    let reading = move || {
        session.runs.with(|runs| runs.get(&bench.id()).is_some_and(Run::is_active))
            || bench.made_by(ingests).is_some_and(|ingest| ingest.is_active())
    };
    let state = move || state_name(i18n.say(), bench.state.get(), reading());
    let rename = move |name: String| {
        renaming.set(false);
        let (name, before) = (name.trim().to_owned(), bench.title.get_untracked());
        if name.is_empty() || name == before {
            return;
        }
        bench.title.set(name.clone());
        spawn_local(async move {
            if let Err(error) = api::rename_video(bench.id(), name).await {
                bench.title.try_set(before);
                bench.trouble.try_set(Some(Trouble::Api(error)));
            }
        });
    };
    view! {
        <A href="/" attr:class="quiet back">
            <Icon path=icons::BACK />
            <span>{t(|m| m.library)}</span>
        </A>
        <Show
            when=move || renaming.get()
            fallback=move || view! {
                <h1 class="bench-title">
                    <button class="quiet title-button" type="button" data-testid="rename" title=t(|m| m.rename)
                        on:click=move |_| renaming.set(true)>
                        {move || bench.title.get()}
                    </button>
                </h1>
            }
        >
            <RenameForm title=bench.title.get_untracked() done=Callback::new(rename) />
        </Show>
        <span
            class="badge state" data-state=move || state_key(bench.state.get())
            class:is-live=move || reading() || bench.state.get() == VideoState::Indexing
        >
            {state}
        </span>
    }
    .into_any()
}

#[component]
fn Missing(error: ApiError) -> impl IntoView {
    if error == ApiError::UnknownVideo {
        set_status(404);
    }
    view! {
        <PageTitle name=t(|m| m.missing_title) />
        <Header />
        <main id="main" class="page lost">
            <h1>{t(|m| m.missing_title)}</h1>
            <TroubleText trouble=Trouble::Api(error) />
            <A href="/" attr:class="button primary">{t(|m| m.to_library)}</A>
        </main>
    }
    .into_any()
}
