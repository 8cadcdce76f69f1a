//! A problem, told where the eye is.

use leptos::prelude::*;

use super::icons::{self, Icon};
use crate::i18n::{t, use_i18n};
use crate::state::trouble::Trouble;

/// Shows a problem while there is one; `children` may offer what to do about it.
#[component]
pub fn TroubleNote(
    /// The problem.
    trouble: RwSignal<Option<Trouble>>,
) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let sentence = trouble.get()?.sentence(i18n.lang());
        Some(view! {
            <div class="trouble" role="alert" data-testid="error">
                <Icon path=icons::ALERT />
                <p>{sentence}</p>
                <button
                    class="quiet square" type="button" aria-label=t(|m| m.dismiss)
                    on:click=move |_| trouble.set(None)
                >
                    <Icon path=icons::CROSS />
                </button>
            </div>
        })
    }
}

/// A problem that stays until it is solved.
#[component]
pub fn TroubleText(
    /// The problem.
    trouble: Trouble,
) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <div class="trouble" role="alert" data-testid="error">
            <Icon path=icons::ALERT />
            <p>{move || trouble.sentence(i18n.lang())}</p>
        </div>
    }
    .into_any()
}
