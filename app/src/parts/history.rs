//! The conversation: questions and answers in the order they were asked, the latest at the bottom by the question box.

use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::VideoState;
use web_sys::ScrollToOptions;

use super::answer::course::{CourseNote, stretches};
use super::answer::{Answer, CoarseNote, Evidence, Thought};
use super::budget::{BriefNote, grouped};
use super::icons::{self, Icon};
use super::trouble::TroubleText;
use crate::i18n::{fill, t, use_i18n};
use crate::platform::{self, pixels};
use crate::state::bench::Bench;
use crate::state::conversation::{Conversation, Entry, Status};

/// Pixels from the bottom within which the view follows the answer being written.
const NEAR: f64 = 120.0;

/// All questions of the open video.
#[component]
pub fn History() -> impl IntoView {
    let conversation = Conversation::expect();
    let scroller = NodeRef::<Div>::new();
    // A new question is always brought into view; its growing answer only while the reader is at the bottom anyway.
    Effect::new(move |before: Option<usize>| {
        let entries = conversation.entries.get();
        let count = entries.len();
        if let Some(last) = entries.last() {
            last.record.track();
            last.thought.track();
            last.status.track();
        }
        if let Some(view) = scroller.get_untracked() {
            let bottom = pixels(view.scroll_height());
            let away = bottom - pixels(view.scroll_top()) - pixels(view.client_height());
            if before.is_none_or(|before| count > before) || away < NEAR {
                platform::next_frame(move || {
                    let options = ScrollToOptions::new();
                    options.set_top(pixels(view.scroll_height()));
                    view.scroll_to_with_scroll_to_options(&options);
                });
            }
        }
        count
    });
    view! {
        <div class="history" node_ref=scroller>
            <Show when=move || conversation.entries.with(Vec::is_empty)>
                <div class="history-empty">
                    <h2>{t(|m| m.ask_anything)}</h2>
                    <p class="fine">{t(|m| m.ask_anything_note)}</p>
                </div>
            </Show>
            <ol class="entries">
                <For each=move || conversation.entries.get() key=|entry| entry.key let:entry>
                    <Item entry />
                </For>
            </ol>
        </div>
    }
    .into_any()
}

#[component]
fn Item(entry: Entry) -> impl IntoView {
    let conversation = Conversation::expect();
    let bench = Bench::expect();
    let complete = move || entry.status.with(|status| matches!(status, Status::Done(_)));
    let open = move || entry.status.with(|status| status.is_open());
    let again = move |_| {
        let question = entry.record.with_untracked(|record| record.question.clone());
        conversation.ask(&question);
    };
    let unfinished =
        move || entry.status.with(|s| matches!(s, Status::Stopped | Status::Interrupted | Status::Failed(_)));
    // An answer from the overview gets better when everything is there.
    let coarse = move || entry.record.with(|record| record.coarse.is_some()) && bench.state.get() == VideoState::Ready;
    view! {
        <li
            class="entry" data-testid="question-item" data-complete=move || complete().to_string()
            on:pointerenter=move |_| {
                // Looking at an answer shows its spans, unless a newer one is being written.
                if !conversation.busy.get_untracked() {
                    bench.spans.set(entry.spans());
                }
            }
        >
            <p class="question">{move || entry.record.with(|record| record.question.clone())}</p>
            <BriefNote entry />
            <StatusLine entry />
            <Evidence entry />
            <CoarseNote entry />
            <Thought entry />
            <Answer entry />
            <CourseNote entry />
            <div class="entry-tools">
                <Show when=move || !open()>
                    <CopyButton entry />
                    <Show when=move || unfinished() || coarse()>
                        <button
                            class="quiet square" type="button" data-testid="ask-again"
                            aria-label=t(|m| m.ask_again) title=t(|m| m.ask_again)
                            disabled=move || conversation.busy.get() on:click=again
                        >
                            <Icon path=icons::AGAIN />
                        </button>
                    </Show>
                </Show>
                <button
                    class="quiet square" type="button" data-testid="delete-question"
                    aria-label=t(|m| m.delete_question) title=t(|m| m.delete_question)
                    on:click=move |_| conversation.delete(entry)
                >
                    <Icon path=icons::BIN />
                </button>
                <UsageLine entry />
            </div>
        </li>
    }
    .into_any()
}

#[component]
fn StatusLine(entry: Entry) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let note = |sentence: String| {
            view! { <p class="entry-status fine" data-testid="entry-status">{sentence}</p> }.into_any()
        };
        match entry.status.get() {
            Status::Waiting(0) => note(i18n.say().waiting.to_owned()),
            Status::Waiting(ahead) => note(fill(i18n.say().waiting_behind, &[&ahead.to_string()])),
            Status::Reading(done, total) => {
                let percent = u64::from(done) * 100 / u64::from(total.max(1));
                note(fill(i18n.say().reading_prompt, &[&percent.to_string()]))
            }
            Status::Searching(span, window, windows) => {
                let values = [span.start.clock(), span.end.clock(), window.to_string(), windows.to_string()];
                note(fill(i18n.say().searching, &values.each_ref().map(String::as_str)))
            }
            Status::Closer(spans) => note(fill(i18n.say().looking_closer, &[&stretches(&spans)])),
            Status::Stopped => note(i18n.say().stopped.to_owned()),
            Status::Interrupted => note(i18n.say().incomplete.to_owned()),
            Status::Failed(trouble) => view! { <TroubleText trouble /> }.into_any(),
            Status::Writing | Status::Done(_) => ().into_any(),
        }
    }
}

#[component]
fn UsageLine(entry: Entry) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let Status::Done(Some(usage)) = entry.status.get() else { return None };
        let seconds = |ms: u32| format!("{:.1}", f64::from(ms) / 1000.0);
        let values = [
            seconds(usage.first_token_ms),
            seconds(usage.total_ms),
            grouped(usage.prompt_tokens),
            grouped(usage.kept_tokens),
        ];
        let text = fill(i18n.say().usage, &values.each_ref().map(String::as_str));
        Some(view! { <span class="usage fine">{text}</span> })
    }
}

#[component]
fn CopyButton(entry: Entry) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        let text = entry.record.with_untracked(|record| record.answer.clone());
        spawn_local(async move {
            if platform::copy(&text).await {
                copied.try_set(true);
                platform::sleep(1_600).await;
                copied.try_set(false);
            }
        });
    };
    let i18n = use_i18n();
    let label = move || if copied.get() { i18n.say().copied } else { i18n.say().copy };
    view! {
        <button class="quiet square" type="button" aria-label=label title=label on:click=copy>
            {move || view! { <Icon path=if copied.get() { icons::CHECK } else { icons::COPY } /> }}
        </button>
    }
    .into_any()
}
