//! Honesty about the bundled model.

use leptos::prelude::*;

use crate::i18n::{fill, t, use_i18n};
use crate::state::session::Session;

/// How a real model is served; the README has the rest.
const COMMAND: &str = "timepin serve --model Qwen/Qwen3-VL-2B-Instruct";

/// Says what the bundled model knows, while it is the one that answers.
#[component]
pub fn DemoNote() -> impl IntoView {
    let session = Session::expect();
    let i18n = use_i18n();
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let model = session.model.await.ok().filter(|model| model.demo)?;
                Some(view! {
                    <aside class="demo-note">
                        <strong>{t(|m| m.demo_title)}</strong>
                        <p>{move || fill(i18n.say().demo_note, &[&model.name])}</p>
                        <details>
                            <summary>{t(|m| m.demo_link)}</summary>
                            <p>{t(|m| m.demo_how)}</p>
                            <code>{COMMAND}</code>
                        </details>
                    </aside>
                })
            })}
        </Suspense>
    }
    .into_any()
}
