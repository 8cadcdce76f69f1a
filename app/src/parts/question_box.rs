//! Where a question is written: Enter asks, Shift+Enter breaks the line, an input method's Enter does neither.

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html::Textarea;
use leptos::prelude::*;
use timeline::VideoState;

use super::budget::short;
use super::icons::{self, Icon};
use super::trouble::TroubleNote;
use crate::i18n::{Messages, fill, t, use_i18n};
use crate::state::bench::Bench;
use crate::state::conversation::Conversation;

/// The question box with its suggestions.
#[component]
pub fn QuestionBox() -> impl IntoView {
    let bench = Bench::expect();
    let conversation = Conversation::expect();
    let field = NodeRef::<Textarea>::new();
    let text = RwSignal::new(String::new());
    let blank = move || text.with(|text| text.trim().is_empty());
    let send = move || {
        if conversation.ask(&text.get_untracked()) {
            text.set(String::new());
        }
    };
    let key = move |event: KeyboardEvent| {
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let early = move || bench.state.get() != VideoState::Ready;
    let i18n = use_i18n();
    let note = move || match bench.coarse() {
        Some(coarse) => fill(i18n.say().ask_overview, &[&coarse.from.clock(), &short(coarse.step.seconds())]),
        None => i18n.say().ask_early.to_owned(),
    };
    view! {
        <div class="asking">
            <Suggestions on_pick=Callback::new(move |question: String| {
                text.set(question);
                send();
                if let Some(field) = field.get_untracked() {
                    let _cannot_focus = field.focus();
                }
            }) />
            <TroubleNote trouble=conversation.refusal />
            <form class="question-box" on:submit=submit>
                <div class="grow" data-text=move || text.get()>
                    <textarea
                        rows="1" data-testid="question-input" aria-label=t(|m| m.question_label)
                        placeholder=t(|m| m.question_hint) node_ref=field prop:value=text
                        on:input=move |event| text.set(event_target_value(&event)) on:keydown=key
                    ></textarea>
                </div>
                <Show
                    when=move || conversation.busy.get()
                    fallback=move || view! {
                        <button
                            class="button primary round" type="submit" data-testid="ask" aria-label=t(|m| m.ask) title=t(|m| m.ask)
                            disabled=blank
                        >
                            <Icon path=icons::SEND />
                        </button>
                    }
                >
                    <button
                        class="button round" type="button" data-testid="stop" aria-label=t(|m| m.stop) title=t(|m| m.stop)
                        on:click=move |_| conversation.stop()
                    >
                        <Icon path=icons::STOP />
                    </button>
                </Show>
            </form>
            <Show when=early>
                <p class="fine asking-note" data-testid="asking-note">{note}</p>
            </Show>
        </div>
    }
    .into_any()
}

/// The kinds of questions the demo world knows.
const DEMO: [fn(&'static Messages) -> &'static str; 5] =
    [|m| m.suggest_list, |m| m.suggest_when, |m| m.suggest_what, |m| m.suggest_count, |m| m.suggest_flash];

/// Questions that suit any film.
const REAL: [fn(&'static Messages) -> &'static str; 3] =
    [|m| m.suggest_real_list, |m| m.suggest_real_when, |m| m.suggest_real_text];

#[component]
fn Suggestions(on_pick: Callback<String>) -> impl IntoView {
    let bench = Bench::expect();
    let conversation = Conversation::expect();
    let i18n = use_i18n();
    let demo = bench.model.with_value(|model| model.as_ref().is_some_and(|model| model.demo));
    let picks: &'static [fn(&'static Messages) -> &'static str] = if demo { &DEMO } else { &REAL };
    view! {
        <div class="suggestions" role="group" aria-label=t(|m| m.try_asking)>
            {picks
                .iter()
                .map(|pick| {
                    view! {
                        <button
                            class="suggestion" type="button" data-testid="suggestion" disabled=move || conversation.busy.get()
                            on:click=move |_| on_pick.run(pick(i18n.lang_now().messages()).to_owned())
                        >
                            {move || pick(i18n.say())}
                        </button>
                    }
                })
                .collect_view()}
        </div>
    }
    .into_any()
}
