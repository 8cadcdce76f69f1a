//! `/models`: the models there are, and getting more of them.

use leptos::prelude::*;
use timeline::ModelState;
use timeline::models::USUAL_MINUTES;

use crate::i18n::{fill, t, use_i18n};
use crate::parts::header::Header;
use crate::parts::model_row::ModelRow;
use crate::parts::page_title::PageTitle;
use crate::parts::pull_form::PullForm;
use crate::parts::trouble::TroubleText;
use crate::state::pulls::Pulls;
use crate::state::session::Session;
use crate::state::trouble::Trouble;

/// Minutes a video may have to be judged by.
const LENGTHS: [u32; 5] = [1, USUAL_MINUTES, 30, 60, 120];

/// How another model is run.
const COMMAND: &str = "timepin serve --model OWNER/NAME";

/// The models page.
#[component]
pub fn Models() -> impl IntoView {
    Pulls::provide();
    view! {
        <PageTitle name=t(|m| m.models) />
        <Header />
        <main id="main" class="page models">
            <h1>{t(|m| m.models)}</h1>
            <RunningModel />
            <PullForm />
            <List />
        </main>
    }
    .into_any()
}

/// Which model answers, and how another would.
#[component]
fn RunningModel() -> impl IntoView {
    let session = Session::expect();
    let i18n = use_i18n();
    view! {
        <div class="models-running">
            <Suspense>
                {move || Suspend::new(async move {
                    let model = session.model.await.ok()?;
                    Some(view! { <p data-testid="running-model">{move || fill(i18n.say().model_running, &[&model.name])}</p> })
                })}
            </Suspense>
            <p class="fine">{t(|m| m.model_switch)}</p>
            <code class="command">{COMMAND}</code>
        </div>
    }
    .into_any()
}

#[component]
fn List() -> impl IntoView {
    let pulls = Pulls::expect();
    // Downloads that this page did not begin are followed as well.
    Effect::new(move |_| {
        if let Some(Ok(models)) = pulls.models.get() {
            for model in models.into_iter().filter(|model| model.state == ModelState::Pulling) {
                pulls.pull(model.name, None);
            }
        }
    });
    view! {
        <section class="models-list" aria-labelledby="models-here">
            <div class="models-bar">
                <h2 id="models-here">{t(|m| m.models_here)}</h2>
                <Minutes />
            </div>
            <Transition fallback=|| view! { <div class="cards-waiting" aria-hidden="true"></div> }>
                {move || Suspend::new(async move {
                    match pulls.models.await {
                        Ok(models) => view! { <Rows models /> }.into_any(),
                        Err(error) => view! { <TroubleText trouble=Trouble::from(error) /> }.into_any(),
                    }
                })}
            </Transition>
        </section>
    }
    .into_any()
}

/// The video that models are judged by.
#[component]
fn Minutes() -> impl IntoView {
    let Pulls { minutes, .. } = Pulls::expect();
    let i18n = use_i18n();
    let option = move |count: u32| {
        view! {
            <option value=count.to_string() selected=count == USUAL_MINUTES>
                {move || fill(i18n.say().minutes_count, &[&count.to_string()])}
            </option>
        }
    };
    view! {
        <label class="models-minutes">
            <span>{t(|m| m.models_minutes)}</span>
            <select
                data-testid="models-minutes"
                on:change=move |event| minutes.set(event_target_value(&event).parse().unwrap_or(USUAL_MINUTES))
            >
                {LENGTHS.map(option).collect_view()}
            </select>
        </label>
    }
    .into_any()
}

/// Models of the list, and before them downloads that are not in it yet.
#[component]
fn Rows(models: Vec<timeline::LocalModel>) -> impl IntoView {
    let pulls = Pulls::expect();
    let known: Vec<String> = models.iter().map(|model| model.name.clone()).collect();
    let begun = move || {
        let names = pulls.followed.with(|followed| followed.keys().cloned().collect::<Vec<_>>());
        names.into_iter().filter(|name| !known.contains(name)).collect::<Vec<_>>()
    };
    view! {
        <ul class="model-rows">
            <For each=begun key=Clone::clone let:name>
                <ModelRow name model=None />
            </For>
            {models
                .into_iter()
                .map(|model| view! { <ModelRow name=model.name.clone() model=Some(model) /> })
                .collect_view()}
        </ul>
    }
    .into_any()
}
