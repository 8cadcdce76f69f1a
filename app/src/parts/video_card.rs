//! One video of the library: its picture, its facts, rename and delete in place.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use timeline::{Timestamp, VideoState, VideoSummary};

use super::icons::{self, Icon};
use super::trouble::TroubleNote;
use crate::api;
use crate::i18n::{Messages, fill, t, use_i18n};
use crate::state::ingest::Run;
use crate::state::ingests::Ingests;
use crate::state::session::Session;
use crate::state::trouble::Trouble;

/// What the card is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Show,
    Rename,
    Delete,
}

/// A card; `changed` is called when the library is no longer what it was.
#[component]
pub fn VideoCard(
    /// The video.
    summary: VideoSummary,
    /// Called after renaming or deleting.
    changed: Callback<()>,
) -> impl IntoView {
    let (session, ingests) = (Session::expect(), Ingests::expect());
    let i18n = use_i18n();
    let mode = RwSignal::new(Mode::Show);
    let trouble = RwSignal::new(None::<Trouble>);
    let title = RwSignal::new(summary.video.title.clone());
    let id = StoredValue::new(summary.id.clone());
    let href = format!("/v/{}", summary.id);
    // A third into the film there is rarely a black frame; the server shows the frame at or before it.
    let poster = (summary.frames > 0).then(|| {
        let third = Timestamp::from_micros(summary.video.duration.micros() / 3);
        view! { <img src=api::frame_url(&summary.id, third) alt="" loading="lazy" /> }
    });
    let clock = summary.video.duration.clock();
    let questions = summary.questions;
    let facts = move || match questions {
        0 => i18n.say().questions_none.to_owned(),
        1 => i18n.say().questions_one.to_owned(),
        many => fill(i18n.say().questions_many, &[&many.to_string()]),
    };
    let stored_state = summary.state;
    let state = move || {
        let active = session.runs.with(|runs| id.with_value(|id| runs.get(id).is_some_and(Run::is_active)))
            || id.with_value(|id| ingests.of_video(id)).is_some_and(|ingest| ingest.is_active());
        state_name(i18n.say(), stored_state, active)
    };
    let rename = move |name: String| {
        mode.set(Mode::Show);
        let name = name.trim().to_owned();
        if name.is_empty() || name == title.get_untracked() {
            return;
        }
        let before = title.get_untracked();
        title.set(name.clone());
        spawn_local(async move {
            match api::rename_video(id.get_value(), name).await {
                Ok(()) => _ = changed.try_run(()),
                Err(error) => {
                    title.try_set(before);
                    trouble.try_set(Some(error.into()));
                }
            }
        });
    };
    let delete = move |()| {
        spawn_local(async move {
            let id = id.get_value();
            match api::delete_video(id.clone()).await {
                Ok(()) | Err(api::ApiError::UnknownVideo) => {
                    session.forget(&id);
                    // The library may have been left meanwhile.
                    changed.try_run(());
                }
                Err(error) => {
                    mode.try_set(Mode::Show);
                    trouble.try_set(Some(error.into()));
                }
            }
        });
    };
    view! {
        <li class="card" data-testid="video-card">
            <div class="card-picture">
                {poster}
                <span class="badge time">{clock}</span>
                <span class="badge state" data-state=state_key(stored_state)>{state}</span>
            </div>
            <div class="card-body">
                <Show
                    when=move || mode.get() == Mode::Rename
                    fallback=move || view! {
                        <h3 class="card-title">
                            <A href=href.clone() attr:class="card-link">{move || title.get()}</A>
                        </h3>
                    }
                >
                    <RenameForm title=title.get_untracked() done=Callback::new(rename) />
                </Show>
                <p class="fine">{facts}</p>
            </div>
            <div class="card-tools">
                <button
                    class="quiet square" type="button" data-testid="rename" aria-label=t(|m| m.rename) title=t(|m| m.rename)
                    on:click=move |_| mode.set(Mode::Rename)
                >
                    <Icon path=icons::PENCIL />
                </button>
                <button
                    class="quiet square" type="button" data-testid="delete" aria-label=t(|m| m.delete) title=t(|m| m.delete)
                    on:click=move |_| mode.set(Mode::Delete)
                >
                    <Icon path=icons::BIN />
                </button>
            </div>
            <Show when=move || mode.get() == Mode::Delete>
                <ConfirmDelete title on_yes=Callback::new(delete) on_no=Callback::new(move |()| mode.set(Mode::Show)) />
            </Show>
            <TroubleNote trouble />
        </li>
    }
    .into_any()
}

/// Asks before deleting; Escape keeps.
#[component]
fn ConfirmDelete(title: RwSignal<String>, on_yes: Callback<()>, on_no: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    let yes = NodeRef::<leptos::html::Button>::new();
    Effect::new(move |_| {
        if let Some(button) = yes.get() {
            let _cannot_focus = button.focus();
        }
    });
    let key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            on_no.run(());
        }
    };
    view! {
        <div class="card-confirm" role="alertdialog" aria-label=t(|m| m.delete) on:keydown=key>
            <p>{move || fill(i18n.say().delete_ask, &[&title.get()])}</p>
            <div class="row">
                <button
                    class="button danger" type="button" data-testid="confirm-delete" node_ref=yes
                    on:click=move |_| on_yes.run(())
                >
                    {t(|m| m.delete_yes)}
                </button>
                <button class="button" type="button" on:click=move |_| on_no.run(())>{t(|m| m.delete_no)}</button>
            </div>
        </div>
    }
    .into_any()
}

/// A title being changed: Enter or leaving the field saves, Escape keeps the old one.
#[component]
pub fn RenameForm(
    /// The title before.
    title: String,
    /// Called with the title after, which may be the same.
    done: Callback<String>,
) -> impl IntoView {
    let field = NodeRef::<leptos::html::Input>::new();
    let before = StoredValue::new(title.clone());
    let over = StoredValue::new(false);
    // Removing the field blurs it, when all of this is gone already: whatever comes first decides, and only once.
    let finish = move |name: String| {
        if over.try_get_value() == Some(false) {
            over.set_value(true);
            done.run(name);
        }
    };
    let value = move || field.try_get_untracked().flatten().map(|field| field.value()).unwrap_or_default();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _cannot_focus = field.focus();
            field.select();
        }
    });
    let key = move |event: ev::KeyboardEvent| match event.key().as_str() {
        "Enter" if !event.is_composing() => finish(value()),
        "Escape" => finish(before.get_value()),
        _ => {}
    };
    view! {
        <input
            class="rename-input" type="text" maxlength="300" data-testid="rename-input" aria-label=t(|m| m.new_title)
            value=title node_ref=field on:keydown=key on:blur=move |_| finish(value())
        />
    }
    .into_any()
}

/// A state for the stylesheet and for tests.
pub fn state_key(state: VideoState) -> &'static str {
    match state {
        VideoState::Receiving => "receiving",
        VideoState::Indexing => "indexing",
        VideoState::Ready => "ready",
    }
}

/// A state in words; frames that are expected but not being read mean a pause.
pub fn state_name(m: &'static Messages, state: VideoState, reading: bool) -> &'static str {
    match state {
        VideoState::Receiving if reading => m.state_receiving,
        VideoState::Receiving => m.state_stopped,
        VideoState::Indexing => m.state_indexing,
        VideoState::Ready => m.state_ready,
    }
}
