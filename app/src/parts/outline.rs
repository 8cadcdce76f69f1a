//! Chapters and scenes of the open video, each a way to its moment.

use leptos::prelude::*;
use leptos::task::spawn_local;
use timeline::{OutlineState, Scene, Span, Timestamp, outline};

use super::icons::{self, Icon};
use super::trouble::TroubleNote;
use crate::i18n::{Lang, fill, t, use_i18n};
use crate::platform;
use crate::state::bench::Bench;
use crate::state::outline::Outlining;

/// The pane; a single line while nothing is known.
#[component]
pub fn OutlinePane() -> impl IntoView {
    let outlining = Outlining::expect();
    let i18n = use_i18n();
    let state = Memo::new(move |_| outlining.state());
    let is_empty =
        Memo::new(move |_| outlining.outline.with(|all| all.as_ref().is_none_or(|all| all.scenes.is_empty())));
    let nothing = move || is_empty.get() && matches!(state.get(), Some(OutlineState::Done | OutlineState::Stopped));
    view! {
        <section class="outline" data-testid="outline" aria-label=t(|m| m.chapters)>
            <div class="outline-head">
                {move || if is_empty.get() {
                    view! { <p class="fine">{move || if nothing() { i18n.say().outline_nothing } else { i18n.say().outline_none }}</p> }.into_any()
                } else {
                    view! { <h2 class="outline-name">{t(|m| m.chapters)}</h2> }.into_any()
                }}
                <Actions />
            </div>
            <TroubleNote trouble=outlining.trouble />
            <Show when=move || state.get() == Some(OutlineState::Running)>
                <UnderWay />
            </Show>
            <Show when=move || !is_empty.get()>
                <Chapters />
                <Scenes />
            </Show>
        </section>
    }
    .into_any()
}

/// What can be done: begin, go on, begin anew, copy.
#[component]
fn Actions() -> impl IntoView {
    let outlining = Outlining::expect();
    let i18n = use_i18n();
    let begin = move |_| outlining.begin(i18n.lang_now().titles());
    let label = move || match outlining.state() {
        Some(OutlineState::Stopped) => i18n.say().outline_on,
        _ => i18n.say().outline_begin,
    };
    let is_done = move || outlining.state() == Some(OutlineState::Done);
    view! {
        <Show when=move || outlining.is_offered()>
            <button class="button small" type="button" data-testid="outline-begin" title=t(|m| m.outline_hint) on:click=begin>
                {label}
            </button>
        </Show>
        <Show when=is_done>
            <span class="outline-actions">
                <Show when=move || !outlining.chapters().is_empty()>
                    <CopyChapters />
                </Show>
                <button class="quiet square" type="button" data-testid="outline-again" aria-label=t(|m| m.outline_again) title=t(|m| m.outline_again) on:click=begin>
                    <Icon path=icons::AGAIN />
                </button>
            </span>
        </Show>
    }
    .into_any()
}

/// Puts the chapters on the clipboard as video sites read them.
#[component]
fn CopyChapters() -> impl IntoView {
    let outlining = Outlining::expect();
    let i18n = use_i18n();
    let copied = RwSignal::new(false);
    let copy = move |_| {
        let text = outline::as_text(&outlining.chapters());
        spawn_local(async move {
            if platform::copy(&text).await {
                copied.try_set(true);
                platform::sleep(1_500).await;
                copied.try_set(false);
            }
        });
    };
    let label = move || if copied.get() { i18n.say().copied } else { i18n.say().chapters_copy };
    view! {
        <button class="quiet square" type="button" data-testid="chapters-copy" aria-label=label title=label on:click=copy>
            {move || view! { <Icon path=if copied.get() { icons::CHECK } else { icons::COPY } /> }}
        </button>
    }
    .into_any()
}

/// How far looking has come.
#[component]
fn UnderWay() -> impl IntoView {
    let outlining = Outlining::expect();
    let i18n = use_i18n();
    let counts = Memo::new(move |_| {
        outlining
            .outline
            .with(|outline| outline.as_ref().map(|outline| (outline.done, outline.total)).unwrap_or_default())
    });
    let facts = move || {
        let (done, total) = counts.get();
        if total == 0 {
            String::new()
        } else {
            fill(i18n.say().outline_looks, &[&done.to_string(), &total.to_string()])
        }
    };
    view! {
        <div class="progress" data-testid="outline-progress">
            <div class="progress-text">
                <strong>{t(|m| m.outline_running)}</strong>
                <span class="fine time">{facts}</span>
            </div>
            <progress
                max=move || counts.get().1.max(1).to_string() value=move || counts.get().0.to_string()
                aria-label=t(|m| m.outline_running)
            ></progress>
            <button class="button small" type="button" data-testid="outline-cancel" on:click=move |_| outlining.cancel()>
                {t(|m| m.cancel)}
            </button>
        </div>
    }
    .into_any()
}

#[component]
fn Chapters() -> impl IntoView {
    let outlining = Outlining::expect();
    view! {
        <ol class="chapters">
            <For each=move || outlining.chapters() key=|chapter| (chapter.span, chapter.title.clone()) let:chapter>
                <Row span=chapter.span title=chapter.title testid="chapter" />
            </For>
        </ol>
    }
    .into_any()
}

/// Everything that was seen; folded where chapters give the overview.
#[component]
fn Scenes() -> impl IntoView {
    let outlining = Outlining::expect();
    let i18n = use_i18n();
    let scenes =
        move || outlining.outline.with(|outline| outline.as_ref().map(|o| o.scenes.clone()).unwrap_or_default());
    let count = move || fill(i18n.say().scenes_count, &[&scenes().len().to_string()]);
    let is_open = move || outlining.chapters().is_empty();
    view! {
        <details class="scenes" open=is_open data-testid="scenes">
            <summary>{count}</summary>
            <ol class="chapters">
                <For each=scenes key=|scene: &Scene| (scene.span, scene.title.clone()) let:scene>
                    <Row span=scene.span title=scene.title testid="scene" />
                </For>
            </ol>
        </details>
    }
    .into_any()
}

/// A picture, a time and a title; lit while the player is there.
#[component]
fn Row(span: Span, title: String, testid: &'static str) -> impl IntoView {
    let bench = Bench::expect();
    let i18n = use_i18n();
    let is_now = Memo::new(move |_| {
        let moment = bench.playhead.get();
        span.start <= moment && moment < span.end
    });
    let jump = move || fill(i18n.say().jump, &[&span.start.clock_tenths()]);
    // A little inside: at its very beginning the thing may still be coming.
    let inside = span.start.midpoint(span.end).min(span.start + Timestamp::from_millis(1_000));
    view! {
        <li>
            <button
                class="chapter" class:is-now=move || is_now.get() type="button" title=jump data-testid=testid data-start-us=span.start.micros()
                aria-current=move || is_now.get().then_some("true")
                on:click=move |_| bench.light(span)
            >
                {move || bench.picture(inside).map(|src| view! { <img src=src alt="" loading="lazy" /> })}
                <span class="time">{span.start.clock()}</span>
                <span class="chapter-title">{title}</span>
            </button>
        </li>
    }
    .into_any()
}

impl Lang {
    /// The language that titles are written in.
    fn titles(self) -> timeline::TitleLanguage {
        match self {
            Self::En => timeline::TitleLanguage::En,
            Self::Zh => timeline::TitleLanguage::Zh,
        }
    }
}
