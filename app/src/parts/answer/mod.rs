//! An answer on the page: text that streams in, every stretch of time a chip, every pinned word a way to its moment; above
//! it the subtitles that were found, and, folded, what a thinking model said to itself.

pub mod course;
pub mod pieces;
mod pinned;

use leptos::prelude::*;
use timeline::Span;
use timeline::cues::export;

use self::pieces::{Piece, label, pieces};
use self::pinned::Pinned;
use super::budget::short;
use crate::i18n::{fill, t, use_i18n};
use crate::state::bench::Bench;
use crate::state::conversation::Entry;

/// The text of an answer.
#[component]
pub fn Answer(
    /// The question it answers.
    entry: Entry,
) -> impl IntoView {
    let open = move || entry.status.with(|status| status.is_open());
    let parts = move || entry.record.with(|record| pieces(&record.answer, &record.spans, &record.tokens));
    view! {
        <p class="answer" data-testid="answer" aria-live="polite" aria-busy=move || open().to_string() class:is-open=open>
            {move || {
                let mut first = true;
                parts()
                    .into_iter()
                    .map(|piece| match piece {
                        Piece::Chip { text, span, doubtful } => {
                            view! { <Chip entry text=label(text, span) span doubtful /> }.into_any()
                        }
                        Piece::Words { text, pin: Some(pinned) } => {
                            let reached = std::mem::take(&mut first);
                            view! { <Pinned text pinned reached /> }.into_any()
                        }
                        Piece::Words { text, pin: None } => view! { <span>{text}</span> }.into_any(),
                    })
                    .collect_view()
            }}
        </p>
    }
    .into_any()
}

/// That the answer saw the end of the video through the overview, how coarsely, and what to do about it.
#[component]
pub fn CoarseNote(
    /// The question.
    entry: Entry,
) -> impl IntoView {
    let i18n = use_i18n();
    let coarse = Memo::new(move |_| entry.record.with(|record| record.coarse));
    move || {
        let coarse = coarse.get()?;
        let text = move || fill(i18n.say().coarse_note, &[&coarse.from.clock(), &short(coarse.step.seconds())]);
        Some(view! { <p class="coarse-note fine" data-testid="coarse-note">{text}</p> })
    }
}

/// What a thinking model said to itself, folded away: no chips, no pins, no part of the answer.
#[component]
pub fn Thought(
    /// The question it was about.
    entry: Entry,
) -> impl IntoView {
    let i18n = use_i18n();
    let there = move || entry.thought.with(|thought| !thought.is_empty());
    // Until the first word of the answer the thought goes on.
    let goes_on =
        move || entry.status.with(|status| status.is_open()) && entry.record.with(|record| record.answer.is_empty());
    let label = move || if goes_on() { i18n.say().waiting } else { i18n.say().thought };
    view! {
        <Show when=there>
            <details class="thought" data-testid="thought">
                <summary>{label}</summary>
                <p>{move || entry.thought.get()}</p>
            </details>
        </Show>
    }
    .into_any()
}

/// Subtitles in which the words of the question stand; or that they stand nowhere.
#[component]
pub fn Evidence(
    /// The question.
    entry: Entry,
) -> impl IntoView {
    let i18n = use_i18n();
    let found = Memo::new(move |_| entry.record.with(|record| record.evidence.clone()));
    let only_similar = move || found.with(|found| !found.is_empty() && found.iter().all(|found| found.is_similar));
    let nowhere = move || entry.searched.get() && found.with(Vec::is_empty);
    view! {
        <Show when=only_similar>
            <p class="fine" data-testid="evidence-similar">{t(|m| m.subtitles_similar)}</p>
        </Show>
        <Show when=move || !found.with(Vec::is_empty)>
            <ul class="evidence" aria-label=t(|m| m.subtitles_found)>
                <For each=move || found.get() key=|found| (found.span, found.text.clone()) let:found>
                    <li class:is-similar=found.is_similar title=move || if found.is_similar { i18n.say().subtitles_similar } else { "" }>
                        <Chip entry text=found.span.start.clock() span=found.span testid="evidence-chip" />
                        <q>{export::line(&found.text)}</q>
                    </li>
                </For>
            </ul>
        </Show>
        <Show when=nowhere>
            <p class="fine" data-testid="evidence-none">{t(|m| m.subtitles_nowhere)}</p>
        </Show>
    }
    .into_any()
}

#[component]
fn Chip(
    entry: Entry,
    text: String,
    span: Span,
    #[prop(default = false)] doubtful: bool,
    #[prop(default = "span-chip")] testid: &'static str,
) -> impl IntoView {
    let bench = Bench::expect();
    let i18n = use_i18n();
    let lit = move || bench.lit.get() == Some(span);
    let moment = span.start.clock_tenths();
    // A time behind what was looked at as planned is as sharp as the overview.
    let blur = Memo::new(move |_| {
        let coarse = entry.record.with(|record| record.coarse);
        coarse.filter(|coarse| span.end > coarse.from).map(|coarse| short(coarse.step.seconds()))
    });
    let title = move || match blur.get() {
        Some(step) => fill(i18n.say().jump_coarse, &[&moment, &step]),
        None if doubtful => fill(i18n.say().jump_doubtful, &[&moment]),
        None => fill(i18n.say().jump, &[&moment]),
    };
    view! {
        <button
            class="chip" type="button" data-testid=testid class:is-coarse=move || blur.with(Option::is_some)
            class:is-doubtful=doubtful
            data-start-us=span.start.micros() data-end-us=span.end.micros()
            aria-pressed=move || lit().to_string()
            title=title
            on:click=move |_| {
                bench.spans.set(entry.spans());
                bench.light(span);
            }
        >
            {text}
            {doubtful.then(|| view! { <small aria-hidden="true">" ?"</small> })}
            {move || blur.get().map(|step| view! { <small>" ± " {fill(i18n.say().budget_seconds, &[&step])}</small> })}
        </button>
    }
    .into_any()
}
