//! Where a model to get is named.

use leptos::prelude::*;

use crate::i18n::t;
use crate::state::pulls::Pulls;

/// A field for the repository, one for a GGUF file, and the button.
#[component]
pub fn PullForm() -> impl IntoView {
    let pulls = Pulls::expect();
    let model = RwSignal::new(String::new());
    let file = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let name = model.with_untracked(|name| name.trim().to_owned());
        let file = file.with_untracked(|file| file.trim().to_owned());
        if !name.is_empty() {
            pulls.pull(name, (!file.is_empty()).then_some(file));
        }
    };
    view! {
        <form class="pull-form" on:submit=submit>
            <label class="pull-field is-wide">
                <span>{t(|m| m.pull_label)}</span>
                <input
                    class="text-input" type="text" data-testid="pull-name" placeholder="Qwen/Qwen3-VL-2B-Instruct" autocomplete="off"
                    autocapitalize="off" spellcheck="false" maxlength="200" bind:value=model
                />
            </label>
            <label class="pull-field">
                <span>{t(|m| m.pull_file)}</span>
                <input
                    class="text-input" type="text" data-testid="pull-file" placeholder="Q4_K_M" autocomplete="off" autocapitalize="off"
                    spellcheck="false" maxlength="200" bind:value=file
                />
            </label>
            <button class="button primary" type="submit" data-testid="pull">{t(|m| m.pull)}</button>
            <p class="fine">{t(|m| m.pull_hint)}</p>
        </form>
    }
    .into_any()
}
