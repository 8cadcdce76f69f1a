//! One model: what it is, how much of it is here, and the download while there is one.

use leptos::prelude::*;
use timeline::models::{show_bytes, show_parameters};
use timeline::{DeviceFit, LocalModel, ModelState, PullCause, PullPhase, PullProgress, Timestamp};

use super::icons::{self, Icon};
use super::trouble::TroubleText;
use crate::api::ApiError;
use crate::i18n::{Messages, fill, t, use_i18n};
use crate::state::pulls::{Follow, Pulls};
use crate::state::trouble::Trouble;

/// A row of the list; without a `model` while the server has not listed it yet.
#[component]
pub fn ModelRow(
    /// `owner/name`, or `bundled`.
    name: String,
    /// What the server knows of it.
    model: Option<LocalModel>,
) -> impl IntoView {
    let pulls = Pulls::expect();
    let i18n = use_i18n();
    let key = name.clone();
    let follow = Memo::new(move |_| pulls.followed.with(|followed| followed.get(&key).cloned()));
    let running = Memo::new(move |_| matches!(follow.get(), Some(Follow::Running(_))));
    let state = model.as_ref().map(|model| model.state);
    let shown = move || match state {
        _ if running.get() => ModelState::Pulling,
        Some(ModelState::Complete) => ModelState::Complete,
        _ => ModelState::Partial,
    };
    let facts = model.as_ref().map(facts).unwrap_or_default();
    let fit = StoredValue::new(model.and_then(|model| model.fit));
    let name = StoredValue::new(name);
    view! {
        <li class="model-row" data-testid="model-row" data-state=move || state_key(shown())>
            <div class="model-head">
                <strong class="model-name">{name.get_value()}</strong>
                // A name that the hub refused has no state.
                <Show when=move || state.is_some() || running.get()>
                    <span class="badge state" data-state=move || badge_key(shown()) class:is-live=running>
                        {move || match shown() {
                            ModelState::Complete => i18n.say().model_complete,
                            ModelState::Partial => i18n.say().model_partial,
                            ModelState::Pulling => i18n.say().model_pulling,
                        }}
                    </span>
                </Show>
            </div>
            <Show when=move || !running.get()>
                <p class="fine">{facts.clone()}</p>
                {fit.get_value().map(|fit| view! { <Fit fit /> })}
            </Show>
            {move || match follow.get() {
                Some(Follow::Running(progress)) => view! { <Progress name=name.get_value() progress /> }.into_any(),
                // Stopped by hand: the row says how much is there, and the button how to go on.
                Some(Follow::Failed(Trouble::Api(ApiError::Pull { cause: PullCause::Cancelled, .. }))) | None => ().into_any(),
                Some(Follow::Failed(trouble)) => view! { <TroubleText trouble /> }.into_any(),
            }}
            <Show when=move || shown() == ModelState::Partial>
                <button
                    class="button small" type="button" data-testid="pull-resume"
                    on:click=move |_| pulls.pull(name.get_value(), None)
                >
                    {move || if state.is_some() { i18n.say().resume } else { i18n.say().try_again }}
                </button>
            </Show>
        </li>
    }
    .into_any()
}

/// `1.7 M · F16 · 6.8 MB`; of a part, how much of how much.
fn facts(model: &LocalModel) -> String {
    let size = match (model.state, model.total) {
        (ModelState::Complete, _) | (_, None) => show_bytes(model.bytes),
        (_, Some(total)) => format!("{} / {}", show_bytes(model.bytes), show_bytes(total)),
    };
    let facts = [model.parameters.map(show_parameters), model.precision.clone(), Some(size)];
    facts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Whether it fits the server, and if not, what is wanting and what would help.
#[component]
fn Fit(fit: DeviceFit) -> impl IntoView {
    let i18n = use_i18n();
    // That of the list as it is, not of the one being fetched.
    let minutes = Pulls::expect().minutes.get_untracked();
    let fits = fit.fits;
    let icon = if fits { icons::CHECK } else { icons::ALERT };
    view! {
        <p class="model-fit" data-testid="model-fit" data-fits=fits.to_string()>
            <Icon path=icon />
            <span>{move || fit_sentence(i18n.say(), &fit, minutes)}</span>
        </p>
    }
    .into_any()
}

fn fit_sentence(m: &Messages, fit: &DeviceFit, minutes: u32) -> String {
    let minutes = minutes.to_string();
    let verdict = match (fit.fits, fit.missing) {
        (true, _) => fill(m.fit_yes, &[&minutes]),
        (_, 0) => fill(m.fit_context, &[&minutes]),
        (_, missing) => fill(m.fit_memory, &[&minutes, &show_bytes(missing)]),
    };
    let precision = fit.precision.as_ref().map(|precision| fill(m.fit_precision, &[precision]));
    let shorter = fit.longest_minutes.filter(|_| !fit.fits).map(|most| fill(m.fit_shorter, &[&most.to_string()]));
    [Some(verdict), precision, shorter].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn state_key(state: ModelState) -> &'static str {
    match state {
        ModelState::Complete => "complete",
        ModelState::Partial => "partial",
        ModelState::Pulling => "pulling",
    }
}

/// The stylesheet knows the states of videos: green is ready.
fn badge_key(state: ModelState) -> &'static str {
    if state == ModelState::Complete { "ready" } else { "receiving" }
}

#[component]
fn Progress(name: String, progress: PullProgress) -> impl IntoView {
    let pulls = Pulls::expect();
    let i18n = use_i18n();
    let share = progress.done as f64 / progress.total.max(1) as f64 * 100.0;
    let title = t(match progress.phase {
        PullPhase::Listing => |m| m.pull_listing,
        PullPhase::Checking => |m| m.pull_checking,
        PullPhase::Loading => |m| m.pull_loading,
        PullPhase::Waiting => |m| m.pull_waiting,
    });
    let facts = move || {
        let m = i18n.say();
        let mut facts = Vec::new();
        if progress.total > 0 {
            facts.push(fill(m.covered, &[&show_bytes(progress.done), &show_bytes(progress.total)]));
        }
        if progress.bytes_per_s > 0 {
            facts.push(fill(m.pull_speed, &[&show_bytes(progress.bytes_per_s)]));
        }
        if let Some(seconds) = progress.seconds_left() {
            facts.push(fill(m.time_left, &[&Timestamp::from_seconds(seconds as f64).clock()]));
        }
        facts.join(" · ")
    };
    view! {
        <div class="progress" data-testid="pull-progress">
            <div class="progress-text">
                <strong>{title}</strong>
                <span class="fine time">{facts}</span>
            </div>
            <progress max="100" value=format!("{share:.1}") aria-label=title></progress>
            <button class="button small" type="button" data-testid="pull-cancel" on:click=move |_| pulls.cancel(name.clone())>
                {t(|m| m.cancel)}
            </button>
        </div>
    }
    .into_any()
}
