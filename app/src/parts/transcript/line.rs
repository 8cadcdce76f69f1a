//! One cue: its time and its words, both a way to the moment, and the field in which the words are changed.

use leptos::ev::KeyboardEvent;
use leptos::html::Textarea;
use leptos::prelude::*;
use timeline::CueRecord;

use crate::i18n::{fill, t, use_i18n};
use crate::parts::icons::{self, Icon};
use crate::state::bench::Bench;
use crate::state::transcripts::Transcripts;

#[component]
pub(super) fn Line(record: CueRecord, current: Memo<Option<i64>>) -> impl IntoView {
    let (transcripts, bench, i18n) = (Transcripts::expect(), Bench::expect(), use_i18n());
    let CueRecord { id, cue } = record;
    let span = cue.span;
    let is_now = move || current.get() == Some(id);
    let moment = span.start.clock_tenths();
    let title = move || fill(i18n.say().jump, &[&moment]);
    let text = StoredValue::new(cue.text);
    view! {
        <li class="cue" class:is-now=is_now data-testid="cue" data-cue=id data-start-us=span.start.micros()>
            <Show
                when=move || transcripts.editing.get() == Some(id)
                fallback={
                    let title = title.clone();
                    move || view! {
                        <button class="cue-go" type="button" title=title.clone() on:click=move |_| bench.go(span.start)>
                            <span class="time">{span.start.clock()}</span>
                            <span class="cue-text">{text.get_value()}</span>
                        </button>
                        <button
                            class="quiet square" type="button" data-testid="edit-cue"
                            aria-label=t(|m| m.subtitles_edit) title=t(|m| m.subtitles_edit)
                            on:click=move |_| transcripts.editing.set(Some(id))
                        >
                            <Icon path=icons::PENCIL />
                        </button>
                    }
                }
            >
                <Field id text=text.get_value() />
            </Show>
        </li>
    }
    .into_any()
}

/// Enter or leaving the field saves, Shift+Enter breaks the line, Escape keeps the old words; no words remove the cue.
#[component]
fn Field(id: i64, text: String) -> impl IntoView {
    let transcripts = Transcripts::expect();
    let field = NodeRef::<Textarea>::new();
    let rows = text.lines().count().max(1).to_string();
    // Removing the field blurs it, when all of this is gone already: whatever comes first decides, and only once.
    let over = StoredValue::new(false);
    let finish = move |save: bool| {
        if over.try_get_value() != Some(false) {
            return;
        }
        over.set_value(true);
        match field.try_get_untracked().flatten() {
            Some(field) if save => transcripts.edit(id, &field.value()),
            _ => transcripts.editing.set(None),
        }
    };
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _cannot_focus = field.focus();
            field.select();
        }
    });
    let key = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" if !event.shift_key() && !event.is_composing() => {
            event.prevent_default();
            finish(true);
        }
        "Escape" => finish(false),
        _ => {}
    };
    view! {
        <textarea
            class="cue-field" data-testid="cue-field" rows=rows aria-label=t(|m| m.subtitles_edit) node_ref=field
            prop:value=text on:keydown=key on:blur=move |_| finish(true)
        ></textarea>
    }
    .into_any()
}
