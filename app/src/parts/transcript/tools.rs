//! What can be done with a transcript: choose another, look for words, add, download, correct the times, delete.

use leptos::ev::SubmitEvent;
use leptos::html::{Details, Input, Select};
use leptos::prelude::*;
use timeline::Timestamp;
use timeline::cues::{Export, Retiming};

use super::Pick;
use super::speech::Hear;
use crate::api;
use crate::i18n::{fill, t, use_i18n};
use crate::parts::icons::{self, Icon};
use crate::state::bench::Bench;
use crate::state::transcripts::Transcripts;

/// Corrections of the frame rate that are offered: what subtitles were made for, and what the film is played at.
const RATES: [&str; 6] = ["25:23.976", "23.976:25", "25:24", "24:25", "24:23.976", "30:29.97"];

#[component]
pub(super) fn Tools() -> impl IntoView {
    let transcripts = Transcripts::expect();
    let i18n = use_i18n();
    let several = Memo::new(move |_| transcripts.list.with(Vec::len) > 1);
    let count = move || {
        let all = transcripts.cues.with(Vec::len).to_string();
        if transcripts.wanted.with(String::is_empty) {
            return all;
        }
        fill(i18n.say().position, &[&transcripts.found().len().to_string(), &all])
    };
    view! {
        <div class="transcript-tools">
            <Show
                when=move || several.get()
                fallback=move || view! { <h2 class="transcript-name">{move || transcripts.shown().map(|info| info.name)}</h2> }
            >
                <Choice />
            </Show>
            <input
                class="transcript-search" type="search" data-testid="subtitle-search"
                aria-label=t(|m| m.subtitles_search) placeholder=t(|m| m.subtitles_search)
                prop:value=transcripts.wanted
                on:input=move |event| transcripts.wanted.set(event_target_value(&event))
            />
            <span class="fine time" data-testid="subtitle-count">{count}</span>
            <div class="transcript-actions">
                <Hear />
                <Pick />
                <Downloads />
                <Timing />
                <Delete />
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Choice() -> impl IntoView {
    let transcripts = Transcripts::expect();
    let pick = move |event: web_sys::Event| {
        if let Ok(id) = event_target_value(&event).parse() {
            transcripts.choose(id);
        }
    };
    view! {
        <select class="transcript-name" data-testid="subtitle-choice" aria-label=t(|m| m.subtitles) on:change=pick>
            <For each=move || transcripts.list.get() key=|info| (info.id, info.name.clone()) let:info>
                <option value=info.id prop:selected=move || transcripts.chosen.get() == Some(info.id)>{info.name.clone()}</option>
            </For>
        </select>
    }
    .into_any()
}

/// A menu that unfolds; choosing something folds it.
#[component]
fn Downloads() -> impl IntoView {
    let (transcripts, bench) = (Transcripts::expect(), Bench::expect());
    let menu = NodeRef::<Details>::new();
    let links = move || {
        let id = transcripts.chosen.get()?;
        let link = |export: Export| {
            let name = export.ending().to_uppercase();
            let href = api::transcript_url(&bench.id(), id, export);
            view! { <a class="quiet" href=href download="" rel="external" data-testid="subtitle-export" on:click=move |_| fold(menu)>{name}</a> }
        };
        Some(Export::ALL.map(link).to_vec())
    };
    view! {
        <details class="menu" node_ref=menu>
            <summary class="quiet square" data-testid="subtitle-exports" aria-label=t(|m| m.subtitles_export) title=t(|m| m.subtitles_export)>
                <Icon path=icons::DOWNLOAD />
            </summary>
            <div class="menu-sheet">{links}</div>
        </details>
    }
    .into_any()
}

fn fold(menu: NodeRef<Details>) {
    if let Some(menu) = menu.get_untracked() {
        menu.set_open(false);
    }
}

/// Offset and frame rate.
#[component]
fn Timing() -> impl IntoView {
    let transcripts = Transcripts::expect();
    let menu = NodeRef::<Details>::new();
    let (offset, rate) = (NodeRef::<Input>::new(), NodeRef::<Select>::new());
    let apply = move |event: SubmitEvent| {
        event.prevent_default();
        let (Some(offset), Some(rate)) = (offset.get_untracked(), rate.get_untracked()) else { return };
        let by = Retiming::rates(&rate.value()).unwrap_or_default();
        let seconds: f64 = offset.value().trim().parse().unwrap_or(0.0);
        let by = Retiming { offset: Timestamp::from_seconds(seconds), ..by };
        if by != Retiming::default() {
            transcripts.retime(by);
        }
        offset.set_value("0");
        rate.set_value("");
        fold(menu);
    };
    view! {
        <details class="menu" node_ref=menu>
            <summary class="quiet square" data-testid="subtitle-timing" aria-label=t(|m| m.subtitles_timing) title=t(|m| m.subtitles_timing)>
                <Icon path=icons::CLOCK />
            </summary>
            <form class="menu-sheet timing" on:submit=apply>
                <label>
                    <span class="fine">{t(|m| m.subtitles_offset)}</span>
                    <input type="number" step="0.1" min="-86400" max="86400" value="0" data-testid="subtitle-offset" node_ref=offset />
                </label>
                <label>
                    <span class="fine">{t(|m| m.subtitles_rate)}</span>
                    <select data-testid="subtitle-rate" node_ref=rate>
                        <option value="">{t(|m| m.subtitles_rate_same)}</option>
                        {RATES.map(|rates| view! { <option value=rates>{rates.replace(':', " → ")}</option> })}
                    </select>
                </label>
                <button class="button small" type="submit" data-testid="subtitle-apply">{t(|m| m.subtitles_apply)}</button>
            </form>
        </details>
    }
    .into_any()
}

/// Asks once more before the transcript goes.
#[component]
fn Delete() -> impl IntoView {
    let transcripts = Transcripts::expect();
    let menu = NodeRef::<Details>::new();
    let delete = move |_| {
        fold(menu);
        transcripts.delete();
    };
    view! {
        <details class="menu" node_ref=menu>
            <summary class="quiet square" data-testid="subtitle-delete" aria-label=t(|m| m.subtitles_delete) title=t(|m| m.subtitles_delete)>
                <Icon path=icons::BIN />
            </summary>
            <div class="menu-sheet">
                <button class="button danger small" type="button" data-testid="subtitle-delete-yes" on:click=delete>
                    {t(|m| m.subtitles_delete)}
                </button>
            </div>
        </details>
    }
    .into_any()
}
