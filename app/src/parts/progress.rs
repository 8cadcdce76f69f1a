//! How far reading and indexing have come, and the ways to stop and go on.

use leptos::prelude::*;
use timeline::{IngestInfo, IngestState, VideoState};

use super::player::resume;
use super::trouble::TroubleText;
use crate::api::ApiError;
use crate::i18n::{fill, t, use_i18n};
use crate::state::bench::Bench;
use crate::state::ingest::{Phase, Run};
use crate::state::ingests::Ingests;
use crate::state::session::Session;
use crate::state::trouble::Trouble;

/// What there is to say now.
#[derive(Debug, Clone, PartialEq)]
enum Now {
    Reading(Run),
    Paused(Option<Phase>),
    Decoding(IngestInfo),
    Indexing,
    Ready,
}

/// Progress of reading and indexing; nothing when the index is complete.
#[component]
pub fn ProgressLine() -> impl IntoView {
    let bench = Bench::expect();
    let (session, ingests) = (Session::expect(), Ingests::expect());
    let now = Memo::new(move |_| {
        let run = session.runs.with(|runs| runs.get(&bench.id()).cloned());
        let made_by = || bench.made_by(ingests).map(Now::Decoding);
        match (run, bench.state.get()) {
            (_, VideoState::Ready) => Now::Ready,
            (Some(run), _) if run.is_active() => Now::Reading(run),
            (_, VideoState::Indexing) => Now::Indexing,
            (run, VideoState::Receiving) => made_by().unwrap_or_else(|| Now::Paused(run.map(|run| run.phase))),
        }
    });
    view! {
        <div class="progress-slot" aria-live="polite">
            {move || match now.get() {
                Now::Ready => ().into_any(),
                Now::Reading(run) => view! { <Reading run /> }.into_any(),
                Now::Decoding(ingest) => view! { <Decoding ingest /> }.into_any(),
                Now::Indexing => view! { <Indexing /> }.into_any(),
                Now::Paused(phase) => view! { <Paused phase /> }.into_any(),
            }}
            {move || bench.trouble.get().map(|trouble| view! { <TroubleText trouble /> })}
        </div>
    }
    .into_any()
}

#[component]
fn Reading(run: Run) -> impl IntoView {
    let bench = Bench::expect();
    let session = Session::expect();
    let i18n = use_i18n();
    let planned = bench.summary.with_value(|summary| summary.video.planned_frames);
    let total = if run.total == 0 { planned } else { run.total };
    let share = f64::from(run.done) / f64::from(total.max(1)) * 100.0;
    let left = run.seconds_left();
    let (phase, done, covered, fps) = (run.phase, run.done, run.covered, run.fps);
    let facts = move || {
        let m = i18n.say();
        let mut facts = vec![
            fill(m.frames_of, &[&done.to_string(), &total.to_string()]),
            fill(m.covered, &[&covered.clock(), &bench.duration().clock()]),
        ];
        if fps > 0.0 {
            facts.push(fill(m.rate, &[&format!("{fps:.0}")]));
        }
        if let Some(seconds) = left {
            facts.push(fill(m.time_left, &[&timeline::Timestamp::from_seconds(seconds.ceil()).clock()]));
        }
        facts.join(" · ")
    };
    let (reconnecting, finishing) = (phase == Phase::Reconnecting, phase == Phase::Finishing);
    let looking_ahead = move || bench.frames.with(Vec::is_empty) && bench.overview.with(|all| !all.is_empty());
    let title = move || match i18n.say() {
        m if reconnecting => m.reconnecting,
        m if finishing => m.finishing,
        m if looking_ahead() => m.reading_overview,
        m => m.reading_frames,
    };
    view! {
        <div class="progress" data-testid="progress">
            <div class="progress-text">
                <strong>{title}</strong>
                <span class="fine time">{facts}</span>
            </div>
            <progress max="100" value=format!("{share:.1}") aria-label=title></progress>
            <button class="button small" type="button" data-testid="cancel" on:click=move |_| session.cancel(&bench.id())>
                {t(|m| m.cancel)}
            </button>
        </div>
    }
    .into_any()
}

/// The server decodes: its frames arrive like any others.
#[component]
fn Decoding(ingest: IngestInfo) -> impl IntoView {
    let (bench, ingests) = (Bench::expect(), Ingests::expect());
    let i18n = use_i18n();
    let IngestInfo { id, state, .. } = ingest;
    let again = id.clone();
    if let IngestState::Failed { cause, message } = state {
        return view! {
            <TroubleText trouble=Trouble::Api(ApiError::Ingest { cause, message }) />
            <div class="row">
                <button class="button small" type="button" data-testid="ingest-retry" on:click=move |_| ingests.retry(again.clone())>
                    {t(|m| m.try_again)}
                </button>
            </div>
        }
        .into_any();
    }
    let planned = bench.summary.with_value(|summary| summary.video.planned_frames);
    let done = move || bench.frames.with(Vec::len);
    let facts = move || fill(i18n.say().frames_of, &[&done().to_string(), &planned.to_string()]);
    let share = move || format!("{:.1}", done() as f64 / f64::from(planned.max(1)) * 100.0);
    let title = t(if state == IngestState::Queued { |m| m.ingest_queued } else { |m| m.ingest_decoding });
    view! {
        <div class="progress" data-testid="progress">
            <div class="progress-text">
                <strong>{title}</strong>
                <span class="fine time">{facts}</span>
            </div>
            <progress max="100" value=share aria-label=title></progress>
            <button class="button small" type="button" data-testid="cancel" on:click=move |_| ingests.cancel(id.clone())>
                {t(|m| m.cancel)}
            </button>
        </div>
    }
    .into_any()
}

#[component]
fn Indexing() -> impl IntoView {
    let bench = Bench::expect();
    let i18n = use_i18n();
    let done = move || bench.segments.with(Vec::len);
    let total = move || bench.frames.with(|frames| frames.len().div_ceil(2)).max(1);
    let share = move || format!("{:.1}", done() as f64 / total() as f64 * 100.0);
    let text = move || fill(i18n.say().indexing, &[&done().to_string(), &total().to_string()]);
    view! {
        <div class="progress" data-testid="progress">
            <div class="progress-text"><strong>{text}</strong></div>
            <progress max="100" value=share aria-label=text></progress>
        </div>
    }
    .into_any()
}

#[component]
fn Paused(phase: Option<Phase>) -> impl IntoView {
    let bench = Bench::expect();
    let session = Session::expect();
    let i18n = use_i18n();
    let planned = bench.summary.with_value(|summary| summary.video.planned_frames);
    let has_file = Memo::new(move |_| session.files.with(|files| files.contains_key(&bench.id())));
    let text = move || {
        let there = bench.frames.with(Vec::len);
        fill(i18n.say().paused, &[&there.to_string(), &planned.to_string()])
    };
    let trouble = match phase {
        Some(Phase::Failed(trouble)) => Some(view! { <TroubleText trouble /> }),
        _ => None,
    };
    view! {
        {trouble}
        <div class="progress is-paused" data-testid="progress">
            <div class="progress-text">
                <strong>{text}</strong>
                <Show when=move || !has_file.get()>
                    <span class="fine">{t(|m| m.paused_file)}</span>
                </Show>
            </div>
            <Show when=move || has_file.get()>
                <button class="button small" type="button" data-testid="resume" on:click=move |_| resume(session, bench)>
                    {t(|m| m.resume)}
                </button>
            </Show>
        </div>
    }
    .into_any()
}
