//! Where a video comes in: dropped, picked, pasted, or the sample.

use std::rc::Rc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use timeline::VideoId;

use super::file_drop::{ACCEPT, OnFiles, chosen, use_file_drop};
use super::icons::Mark;
use super::trouble::TroubleNote;
use crate::i18n::{fill, t, use_i18n};
use crate::state::ingests::Ingests;
use crate::state::session::Session;

/// The dropzone of the library.
#[component]
pub fn Dropzone() -> impl IntoView {
    let (session, ingests) = (Session::expect(), Ingests::expect());
    let i18n = use_i18n();
    let navigate = use_navigate();
    let enter = move |opened: Option<VideoId>| {
        if let Some(video) = opened {
            navigate(&format!("/v/{video}"), NavigateOptions::default());
        }
    };
    let sample = {
        let enter = enter.clone();
        move |_| {
            let enter = enter.clone();
            spawn_local(async move { enter(session.open_sample().await) });
        }
    };
    let open: OnFiles = Rc::new(move |files| {
        let enter = enter.clone();
        spawn_local(async move { enter(ingests.open(files).await) });
    });
    let dragging = use_file_drop(Rc::clone(&open));
    let busy = move || session.opening.with(Option::is_some);
    let title = move || match session.opening.get() {
        Some(name) => fill(i18n.say().opening, &[&name]),
        None if dragging.get() => i18n.say().drop_now.to_owned(),
        None => i18n.say().drop_here.to_owned(),
    };
    view! {
        <section
            class="dropzone" data-testid="dropzone" aria-labelledby="dropzone-title"
            class:is-dragging=dragging class:is-busy=busy aria-busy=move || busy().to_string()
        >
            <div class="dropzone-ticks" aria-hidden="true"></div>
            <Mark />
            <h2 id="dropzone-title" class="dropzone-title" aria-live="polite">{title}</h2>
            <p class="fine">
                {t(|m| m.formats)} <span class="paste-hint">" · "{t(|m| m.drop_or_paste)}</span>
            </p>
            <div class="dropzone-actions">
                <label class="pick">
                    <input
                        class="unseen" type="file" multiple accept=ACCEPT data-testid="file-input" disabled=busy
                        on:change=move |event| open(chosen(&event))
                    />
                    <span class="button primary">{t(|m| m.choose)}</span>
                </label>
                <button class="button" type="button" data-testid="try-sample" disabled=busy on:click=sample title=t(|m| m.sample_hint)>
                    {t(|m| m.try_sample)}
                </button>
            </div>
            <p class="fine private">{t(|m| m.private)}</p>
        </section>
        <TroubleNote trouble=session.trouble />
    }
    .into_any()
}
