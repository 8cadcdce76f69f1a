//! The transcript beneath the timeline: cues that follow the playhead, found, corrected, written to files.

#![expect(unreachable_pub, reason = "the component macro makes public properties of private parts")]

mod line;
mod notes;
mod speech;
mod tools;

use leptos::html::Ol;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, ScrollBehavior, ScrollToOptions};

use self::line::Line;
use self::notes::{Receipt, Tracks};
use self::speech::{Hear, Heard};
use self::tools::Tools;
use super::file_drop::chosen;
use super::trouble::TroubleNote;
use crate::i18n::t;
use crate::platform::{self, pixels};
use crate::state::bench::Bench;
use crate::state::transcripts::{ACCEPT, Transcripts};

/// Cues drawn at once: more than a film has.
const MOST: usize = 3_000;
/// Of longer ones, the stretch around the playhead moves in steps of so many.
const STEP: usize = 1_000;

/// The pane; a single line while there is no transcript.
#[component]
pub fn TranscriptPane() -> impl IntoView {
    let transcripts = Transcripts::expect();
    let empty = Memo::new(move |_| transcripts.list.with(Vec::is_empty));
    view! {
        <section class="transcript" data-testid="transcript" aria-label=t(|m| m.subtitles) aria-busy=move || transcripts.busy.get().to_string()>
            <Show when=move || empty.get() fallback=|| view! { <Tools /> }>
                <div class="transcript-none">
                    <p class="fine">{t(|m| m.subtitles_none)}</p>
                    <Hear />
                    <Pick />
                </div>
            </Show>
            <TroubleNote trouble=transcripts.trouble />
            <Heard />
            <Receipt />
            <Tracks />
            <Show when=move || !empty.get()>
                <Lines />
            </Show>
        </section>
    }
    .into_any()
}

/// The button that takes subtitle files.
#[component]
fn Pick() -> impl IntoView {
    let transcripts = Transcripts::expect();
    view! {
        <label class="pick">
            <input
                class="unseen" type="file" multiple accept=ACCEPT data-testid="subtitle-input"
                disabled=move || transcripts.busy.get()
                on:change=move |event| transcripts.add(chosen(&event))
            />
            <span class="button small">{t(|m| m.subtitles_add)}</span>
        </label>
    }
    .into_any()
}

#[component]
fn Lines() -> impl IntoView {
    let (transcripts, bench) = (Transcripts::expect(), Bench::expect());
    let list = NodeRef::<Ol>::new();
    let now = Memo::new(move |_| transcripts.place(bench.playhead.get()));
    let found = Memo::new(move |_| transcripts.found());
    let around = Memo::new(move |_| now.get().unwrap_or(0) / STEP * STEP);
    let drawn = Memo::new(move |_| {
        let found = found.get();
        if found.len() <= MOST {
            return found;
        }
        let first = around.get().saturating_sub(STEP);
        found.into_iter().skip_while(|place| *place < first).take(MOST).collect()
    });
    let records = move || {
        transcripts
            .cues
            .with(|cues| drawn.get().iter().filter_map(|&place| cues.get(place)).cloned().collect::<Vec<_>>())
    };
    // The cue of the moment is brought into view, unless the reader is looking for something or writing.
    Effect::new(move |_| {
        let place = now.get();
        let quiet =
            transcripts.wanted.with_untracked(String::is_empty) && transcripts.editing.get_untracked().is_none();
        if let (Some(place), true) = (place, quiet) {
            let id = transcripts.cues.with(|cues| cues.get(place).map(|record| record.id));
            platform::next_frame(move || reveal(list, id));
        }
    });
    let current = Memo::new(move |_| {
        let moment = bench.playhead.get();
        let place = now.get()?;
        transcripts.cues.with(|cues| cues.get(place).filter(|r| moment <= r.cue.span.end).map(|record| record.id))
    });
    view! {
        <ol class="cues" data-testid="cues" node_ref=list>
            <For each=records key=|record| (record.id, record.cue.span, record.cue.text.clone()) let:record>
                <Line record current />
            </For>
        </ol>
        <Show when=move || found.with(Vec::is_empty)>
            <p class="fine">{t(|m| m.subtitles_not_found)}</p>
        </Show>
    }
    .into_any()
}

/// Scrolls the list, and nothing but the list, to a cue that is out of sight.
fn reveal(list: NodeRef<Ol>, id: Option<i64>) {
    let (Some(list), Some(id)) = (list.try_get_untracked().flatten(), id) else { return };
    let Some(line) = list.query_selector(&format!("[data-cue='{id}']")).ok().flatten() else { return };
    let Ok(line) = line.dyn_into::<HtmlElement>() else { return };
    let (top, height) = (pixels(line.offset_top()), pixels(line.offset_height()));
    let (seen, room) = (pixels(list.scroll_top()), pixels(list.client_height()));
    if top < seen || top + height > seen + room {
        let options = ScrollToOptions::new();
        options.set_top((top - room / 3.0).max(0.0));
        let smooth = !platform::prefers_still();
        options.set_behavior(if smooth { ScrollBehavior::Smooth } else { ScrollBehavior::Instant });
        list.scroll_to_with_scroll_to_options(&options);
    }
}
