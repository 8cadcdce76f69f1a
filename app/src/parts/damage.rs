//! A damaged file is read as far as it goes, and the user is told what is missing.

use leptos::prelude::*;

use crate::i18n::t;
use crate::state::bench::Bench;
use crate::state::session::Session;

/// What is damaged in the open video's file, while that was opened in this tab.
#[component]
pub fn DamageNote() -> impl IntoView {
    let (bench, session) = (Bench::expect(), Session::expect());
    let found =
        Memo::new(move |_| session.damages.with(|damages| damages.get(&bench.id()).cloned().unwrap_or_default()));
    view! {
        <Show when=move || !found.with(Vec::is_empty)>
            <details class="warning" data-testid="damage">
                <summary>{t(|m| m.file_damaged)}</summary>
                <ul class="fine">
                    <For each=move || found.get() key=String::clone let:what>
                        <li>{what}</li>
                    </For>
                </ul>
            </details>
        </Show>
    }
    .into_any()
}
