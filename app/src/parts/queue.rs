//! Files that wait until the one before is read.

use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::models::show_bytes;

use super::trouble::TroubleText;
use crate::i18n::{t, use_i18n};
use crate::state::ingests::Ingests;
use crate::state::queue::{FileQueue, Waiting};

/// The list, while somebody waits.
#[component]
pub fn Queue() -> impl IntoView {
    let queue = FileQueue::expect();
    let keys = Memo::new(move |_| {
        let key = |waiting: &Waiting| (waiting.key, waiting.trouble.is_some());
        queue.list.with(|list| list.iter().map(key).collect::<Vec<_>>())
    });
    view! {
        <Show when=move || keys.with(|keys| !keys.is_empty())>
            <section class="on-the-way" aria-labelledby="queue-title" data-testid="queue">
                <h2 id="queue-title">{t(|m| m.queue_title)}</h2>
                <p class="fine">{t(|m| m.queue_hint)}</p>
                <ul class="ingests">
                    <For each=move || keys.get() key=Clone::clone let:key>
                        <Row key=key.0 />
                    </For>
                </ul>
            </section>
        </Show>
    }
    .into_any()
}

#[component]
fn Row(key: u32) -> impl IntoView {
    let (queue, ingests, i18n) = (FileQueue::expect(), Ingests::expect(), use_i18n());
    let waiting = queue.list.with_untracked(|list| list.iter().find(|waiting| waiting.key == key).cloned());
    let Some(Waiting { file, trouble, .. }) = waiting else { return ().into_any() };
    let (name, bytes, is_refused) = (file.name(), show_bytes(file.size() as u64), trouble.is_some());
    // By itself it is offered to the server, if that may help.
    let alone = move |_| {
        let file = (*file).clone();
        queue.remove(key);
        spawn_local(async move { drop(ingests.open(vec![file]).await) });
    };
    view! {
        <li class="ingest" data-testid="waiting" data-state=if is_refused { "failed" } else { "queued" }>
            <strong class="ingest-name">{name}</strong>
            <div class="progress">
                <Show when=move || !is_refused>
                    <div class="progress-text">
                        <strong>{t(|m| m.queue_waiting)}</strong>
                        <span class="fine">{bytes.clone()}</span>
                    </div>
                </Show>
                <div class="row ingest-tools">
                    {is_refused.then(|| view! {
                        <button class="button small" type="button" data-testid="waiting-alone" on:click=alone>{t(|m| m.queue_alone)}</button>
                    })}
                    <button class="button small" type="button" data-testid="waiting-remove" on:click=move |_| queue.remove(key)>
                        {move || if is_refused { i18n.say().dismiss } else { i18n.say().cancel }}
                    </button>
                </div>
            </div>
            {trouble.map(|trouble| view! { <TroubleText trouble /> })}
        </li>
    }
    .into_any()
}
