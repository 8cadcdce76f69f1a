//! Files on their way into the library by the server: sent from here, fetched from the web, waiting for FFmpeg.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use timeline::models::show_bytes;
use timeline::{IngestId, IngestInfo, IngestState, Timestamp};

use super::file_drop::{ACCEPT, chosen};
use super::trouble::{TroubleNote, TroubleText};
use crate::api::ApiError;
use crate::i18n::{Messages, fill, t, use_i18n};
use crate::state::ingests::{Ingests, is_on_the_way};
use crate::state::trouble::Trouble;
use crate::state::uploads::{Sending, Upload};

/// The list, while there is something in it; opens what the user began here as soon as it is a video.
#[component]
pub fn OnTheWay() -> impl IntoView {
    let ingests = Ingests::expect();
    let navigate = use_navigate();
    Effect::new(move |_| ingests.follow());
    Effect::new(move |_| {
        let wanted = ingests.wanted.get();
        let video = ingests.list.with(|list| {
            list.iter().find(|info| Some(&info.id) == wanted.as_ref()).and_then(|info| info.video.clone())
        });
        if let Some(video) = video {
            ingests.wanted.set(None);
            navigate(&format!("/v/{video}"), NavigateOptions::default());
        }
    });
    let ids = Memo::new(move |_| {
        let on_the_way = |list: &Vec<IngestInfo>| {
            list.iter().filter(|info| is_on_the_way(info)).map(|info| info.id.clone()).collect::<Vec<_>>()
        };
        ingests.list.with(on_the_way)
    });
    view! {
        <TroubleNote trouble=ingests.trouble />
        <Show when=move || ids.with(|ids| !ids.is_empty())>
            <section class="on-the-way" aria-labelledby="on-the-way-title">
                <h2 id="on-the-way-title">{t(|m| m.on_the_way)}</h2>
                <ul class="ingests">
                    <For each=move || ids.get() key=Clone::clone let:id>
                        <Row id />
                    </For>
                </ul>
            </section>
        </Show>
    }
    .into_any()
}

/// What there is to say of one, from the server and from this page.
#[derive(Debug, Clone, PartialEq)]
struct Now {
    info: IngestInfo,
    upload: Option<Upload>,
}

impl Now {
    fn title(&self, m: &Messages) -> String {
        match (&self.info.state, self.upload.as_ref().map(|upload| &upload.phase)) {
            (IngestState::Receiving, Some(Sending::Running)) => m.upload_running.to_owned(),
            (IngestState::Receiving, Some(Sending::Reconnecting)) => m.reconnecting.to_owned(),
            (_, Some(Sending::Cancelled)) => m.upload_cancelling.to_owned(),
            (IngestState::Receiving, Some(Sending::Paused | Sending::Failed(_))) => m.upload_paused.to_owned(),
            (IngestState::Receiving, None) => m.upload_waiting.to_owned(),
            (IngestState::Fetching, _) => m.ingest_fetching.to_owned(),
            (IngestState::Queued, _) => m.ingest_queued.to_owned(),
            (IngestState::Decoding | IngestState::Done, _) => m.ingest_decoding.to_owned(),
            (IngestState::Failed { .. }, _) => String::new(),
        }
    }

    /// Bytes here, and in all.
    fn bytes(&self) -> (u64, Option<u64>) {
        let sent = self.upload.as_ref().map_or(self.info.received, |upload| upload.sent);
        (sent, self.info.bytes)
    }

    fn facts(&self, m: &Messages) -> String {
        let mut facts = Vec::new();
        match (&self.info.state, self.bytes()) {
            (IngestState::Receiving | IngestState::Fetching, (there, Some(all))) => {
                facts.push(fill(m.covered, &[&show_bytes(there), &show_bytes(all)]));
            }
            (IngestState::Fetching, (there, None)) => facts.push(show_bytes(there)),
            _ => {}
        }
        if let Some(upload) = self.upload.as_ref().filter(|upload| upload.is_active()) {
            if upload.rate > 0.0 {
                facts.push(fill(m.pull_speed, &[&show_bytes(upload.rate as u64)]));
            }
            if let Some(seconds) = upload.seconds_left() {
                facts.push(fill(m.time_left, &[&Timestamp::from_seconds(seconds.ceil()).clock()]));
            }
        }
        facts.join(" · ")
    }

    /// Percent; nothing where it is not known.
    fn share(&self) -> Option<f64> {
        match (&self.info.state, self.bytes()) {
            (IngestState::Receiving | IngestState::Fetching, (there, Some(all))) => {
                Some(there as f64 / all.max(1) as f64 * 100.0)
            }
            _ => None,
        }
    }

    fn trouble(&self) -> Option<Trouble> {
        match (&self.info.state, self.upload.as_ref().map(|upload| &upload.phase)) {
            (IngestState::Failed { cause, message }, _) => {
                Some(ApiError::Ingest { cause: cause.clone(), message: message.clone() }.into())
            }
            (_, Some(Sending::Failed(trouble))) => Some(trouble.clone()),
            _ => None,
        }
    }
}

#[component]
fn Row(id: IngestId) -> impl IntoView {
    let ingests = Ingests::expect();
    let i18n = use_i18n();
    let id = StoredValue::new(id);
    let now = Memo::new(move |_| {
        let info = ingests.list.with(|list| id.with_value(|id| list.iter().find(|info| info.id == *id).cloned()))?;
        let upload = ingests.uploads.with(|uploads| id.with_value(|id| uploads.get(id).cloned()));
        Some(Now { info, upload })
    });
    let say = move |what: fn(&Now, &Messages) -> String| {
        move || now.with(|now| now.as_ref().map(|now| what(now, i18n.say())).unwrap_or_default())
    };
    let name = now.with_untracked(|now| now.as_ref().map(|now| now.info.name.clone()));
    let failed = Memo::new(move |_| now.with(|now| now.as_ref().and_then(Now::trouble)));
    let over = Memo::new(move |_| {
        now.with(|now| now.as_ref().is_some_and(|now| matches!(now.info.state, IngestState::Failed { .. })))
    });
    view! {
        <li class="ingest" data-testid="ingest" data-state=move || now.with(|now| now.as_ref().map_or("", state_key))>
            <strong class="ingest-name">{name}</strong>
            <div class="progress">
                <Show when=move || !over.get()>
                    <div class="progress-text">
                        <strong>{say(Now::title)}</strong>
                        <span class="fine time" data-testid="ingest-facts">{say(Now::facts)}</span>
                    </div>
                    <progress
                        max="100" aria-label=say(Now::title)
                        value=move || now.with(|now| now.as_ref().and_then(Now::share)).map(|share| format!("{share:.1}"))
                    ></progress>
                </Show>
                <div class="row ingest-tools"><Tools id now over /></div>
            </div>
            {move || failed.get().map(|trouble| view! { <TroubleText trouble /> })}
        </li>
    }
    .into_any()
}

/// Pause, go on, pick again, try again, cancel: what makes sense now.
#[component]
fn Tools(id: StoredValue<IngestId>, now: Memo<Option<Now>>, over: Memo<bool>) -> impl IntoView {
    let (ingests, i18n) = (Ingests::expect(), use_i18n());
    let does = move |what: fn(&Now) -> bool| Memo::new(move |_| now.with(|now| now.as_ref().is_some_and(what)));
    let sending = does(|now| now.upload.as_ref().is_some_and(Upload::is_active));
    let stopped = does(|now| now.upload.as_ref().is_some_and(Upload::can_go_on));
    let alone = does(|now| now.info.state == IngestState::Receiving && now.upload.is_none());
    let hopeful = does(|now| matches!(&now.info.state, IngestState::Failed { cause, .. } if cause.is_passing()));
    let picked = move |event: web_sys::Event| {
        if let Some(file) = chosen(&event).into_iter().next() {
            ingests.pick_again(file);
        }
    };
    view! {
        <Show when=move || sending.get()>
            <button class="button small" type="button" data-testid="upload-pause" on:click=move |_| ingests.pause(&id.get_value())>
                {t(|m| m.pause)}
            </button>
        </Show>
        <Show when=move || stopped.get()>
            <button class="button small" type="button" data-testid="upload-resume" on:click=move |_| ingests.resume(&id.get_value())>
                {t(|m| m.resume)}
            </button>
        </Show>
        <Show when=move || alone.get()>
            <label class="pick">
                <input class="unseen" type="file" accept=ACCEPT data-testid="upload-input" on:change=picked />
                <span class="button small">{t(|m| m.repick)}</span>
            </label>
        </Show>
        <Show when=move || hopeful.get()>
            <button class="button small" type="button" data-testid="ingest-retry" on:click=move |_| ingests.retry(id.get_value())>
                {t(|m| m.try_again)}
            </button>
        </Show>
        <button class="button small" type="button" data-testid="ingest-cancel" on:click=move |_| ingests.cancel(id.get_value())>
            {move || if over.get() { i18n.say().dismiss } else { i18n.say().cancel }}
        </button>
    }
    .into_any()
}

/// A state for tests.
fn state_key(now: &Now) -> &'static str {
    match now.info.state {
        IngestState::Receiving => "receiving",
        IngestState::Fetching => "fetching",
        IngestState::Queued => "queued",
        IngestState::Decoding => "decoding",
        IngestState::Done => "done",
        IngestState::Failed { .. } => "failed",
    }
}
