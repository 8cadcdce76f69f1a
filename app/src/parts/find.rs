//! One box that searches the whole library: titles, what is said, questions and answers.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use timeline::cues::export;
use timeline::find::{Found, MAX_WORDS_CHARS, Place};

use super::trouble::TroubleNote;
use crate::api;
use crate::i18n::{fill, t, use_i18n};
use crate::platform;
use crate::state::trouble::Trouble;

/// How long typing has to rest.
const REST_MS: u32 = 200;

/// The box and what it found.
#[component]
pub fn Find() -> impl IntoView {
    let i18n = use_i18n();
    let (words, found) = (RwSignal::new(String::new()), RwSignal::new(None::<(String, Vec<Found>)>));
    let trouble = RwSignal::new(None::<Trouble>);
    let typed = move |event| {
        let text = event_target_value(&event);
        words.set(text.clone());
        spawn_local(async move {
            platform::sleep(REST_MS).await;
            // Somebody went on typing, or left the page.
            if words.try_get_untracked().as_ref() != Some(&text) {
                return;
            }
            if text.trim().is_empty() {
                return found.set(None);
            }
            match api::find(text.clone()).await {
                Ok(places) if words.try_get_untracked().as_ref() == Some(&text) => found.set(Some((text, places))),
                Ok(_) => {}
                Err(error) => drop(trouble.try_set(Some(error.into()))),
            }
        });
    };
    let none = move || {
        found.with(|found| found.as_ref().filter(|(_, places)| places.is_empty()).map(|(text, _)| text.clone()))
    };
    let places = move || found.with(|found| found.as_ref().map(|(_, places)| places.clone()).unwrap_or_default());
    view! {
        <search class="find">
            <input
                class="text-input" type="search" data-testid="find" maxlength=MAX_WORDS_CHARS.to_string()
                aria-label=t(|m| m.find) placeholder=t(|m| m.find) on:input=typed
            />
            <TroubleNote trouble />
            <div aria-live="polite">
                {move || none().map(|text| view! { <p class="fine" data-testid="find-none">{fill(i18n.say().find_none, &[text.trim()])}</p> })}
                <Show when=move || found.with(|found| found.as_ref().is_some_and(|(_, places)| !places.is_empty()))>
                    <ul class="found">
                        <For each=places key=|found| (found.video.0.clone(), found.place, found.span, found.text.clone()) let:found>
                            <Row found />
                        </For>
                    </ul>
                </Show>
            </div>
        </search>
    }
    .into_any()
}

#[component]
fn Row(found: Found) -> impl IntoView {
    let Found { video, title, place, span, text } = found;
    let address = match span {
        Some(span) => format!("/v/{video}?t={}", span.start.seconds()),
        None => format!("/v/{video}"),
    };
    let said = (place != Place::Title).then(|| export::line(&text));
    view! {
        <li>
            <A href=address attr:class="found-place" attr:data-testid="found">
                <strong>{title}</strong>
                {span.map(|span| view! { <span class="badge time">{span.start.clock()}</span> })}
                {said.map(|said| match place {
                    Place::Said => view! { <q>{said}</q> }.into_any(),
                    _ => view! { <span class="found-question">{said}</span> }.into_any(),
                })}
            </A>
        </li>
    }
    .into_any()
}
