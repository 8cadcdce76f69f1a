//! The picture: the local file in the browser's own player, or the stored frame at the playhead while the file is not
//! at hand.

use std::rc::Rc;

use leptos::html::Video;
use leptos::prelude::*;
use send_wrapper::SendWrapper;
use timeline::{IngestSource, Timestamp, VideoState};
use web_sys::{Event, File, HtmlVideoElement};

use super::file_drop::{ACCEPT, chosen, use_file_drop};
use crate::extraction::There;
use crate::i18n::{fill, t, use_i18n};
use crate::platform;
use crate::state::bench::Bench;
use crate::state::ingests::Ingests;
use crate::state::session::{Session, is_same_file};
use crate::state::transcripts::{Transcripts, is_named_like_subtitles};

/// What is known of the local file.
#[derive(Clone, Copy)]
struct Source {
    bench: Bench,
    session: Session,
    /// Where `<video>` finds it.
    url: Memo<Option<String>>,
    /// The browser's player gave up on it.
    unplayable: RwSignal<bool>,
    /// A file that looks like another one; the user decides.
    doubt: RwSignal<Option<SendWrapper<File>>>,
}

impl Source {
    /// The user picked or dropped files.
    fn offer(self, files: Vec<File>) {
        let Some(file) = files.into_iter().next() else { return };
        if self.bench.summary.with_value(|summary| is_same_file(summary, &file)) {
            self.adopt(file);
        } else if self.url.with_untracked(Option::is_none) {
            self.doubt.set(Some(SendWrapper::new(file)));
        }
    }

    fn adopt(self, file: File) {
        self.doubt.set(None);
        self.unplayable.set(false);
        self.session.keep_file(self.bench.id(), file);
        resume(self.session, self.bench);
    }
}

/// Player, stored frame and the request for the file.
#[component]
pub fn Player() -> impl IntoView {
    let bench = Bench::expect();
    let session = Session::expect();
    let url = Memo::new(move |_| session.files.with(|files| files.get(&bench.id()).map(|local| local.url.clone())));
    let source = Source { bench, session, url, unplayable: RwSignal::new(false), doubt: RwSignal::new(None) };
    let (transcripts, ingests) = (Transcripts::expect(), Ingests::expect());
    use_file_drop(Rc::new(move |files| {
        let (subtitles, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|f| is_named_like_subtitles(&f.name()));
        if !subtitles.is_empty() {
            transcripts.add(subtitles);
        }
        source.offer(others);
    }));
    view! {
        <div class="stage" style=format!("--aspect:{:.4}", bench.aspect())>
            {move || match (url.get(), source.unplayable.get()) {
                (Some(url), false) => view! { <Film url unplayable=source.unplayable /> }.into_any(),
                (_, unplayable) => view! { <Still /><Note unplayable /> }.into_any(),
            }}
        </div>
        // What the server decoded is not waiting for a file.
        <Show when=move || url.with(Option::is_none) && source.bench.made_by(ingests).is_none()>
            <Repick source />
        </Show>
    }
    .into_any()
}

/// Goes on reading a video whose frames are not all there, now that its file is.
pub fn resume(session: Session, bench: Bench) {
    if bench.state.get_untracked() == VideoState::Receiving
        && bench.ingest.with_value(Option::is_none)
        && let Some(plan) = bench.model.with_value(|model| model.as_ref().map(|model| model.plan))
    {
        let there = There { frames: bench.frames.get_untracked(), overview: bench.overview.get_untracked() };
        session.read(bench.id(), plan, there);
    }
}

/// Why there is a frame and no film.
#[component]
fn Note(unplayable: bool) -> impl IntoView {
    let (bench, ingests) = (Bench::expect(), Ingests::expect());
    // Where it came from never changes: the stage is not drawn anew with every piece of news.
    let made_by = untrack(|| bench.made_by(ingests));
    let note = match made_by.map(|ingest| ingest.source) {
        Some(IngestSource::Url { .. } | IngestSource::Folder { .. }) if !unplayable => t(|m| m.frames_of_server),
        None if !unplayable => return ().into_any(),
        _ => t(|m| m.cannot_play),
    };
    view! { <p class="stage-note" data-testid="stage-note">{note}</p> }.into_any()
}

#[component]
fn Film(url: String, unplayable: RwSignal<bool>) -> impl IntoView {
    let bench = Bench::expect();
    let node = NodeRef::<Video>::new();
    Effect::new(move |_| {
        let (wishes, moment) = bench.seek.get();
        if let (1.., Some(player)) = (wishes, node.get()) {
            player.set_current_time(moment.seconds());
        }
    });
    let heard = move |event: Event| {
        let player: HtmlVideoElement = event_target(&event);
        // While the user drags the playhead the player lags behind; it must not pull it back.
        if !player.seeking() {
            bench.playhead.set(Timestamp::from_seconds(player.current_time()));
        }
    };
    let loaded = move |event: Event| {
        let player: HtmlVideoElement = event_target(&event);
        if player.video_width() == 0 {
            // The sound alone can be played.
            unplayable.set(true);
            return;
        }
        let moment = bench.playhead.get_untracked();
        if moment > Timestamp::ZERO {
            player.set_current_time(moment.seconds());
        }
    };
    view! {
        <video
            data-testid="player" class="player" src=url controls playsinline preload="auto" node_ref=node
            aria-label=t(|m| m.player_label)
            on:loadedmetadata=loaded on:timeupdate=heard on:seeked=heard
            on:play=move |event| each_frame(event_target(&event), bench)
            on:error=move |_| unplayable.set(true)
        ></video>
    }
    .into_any()
}

/// Moves the playhead with every painted frame: `timeupdate` comes four times a second, which looks broken when zoomed in.
fn each_frame(player: HtmlVideoElement, bench: Bench) {
    if player.paused() || player.ended() {
        return;
    }
    let gone = bench.playhead.try_set(Timestamp::from_seconds(player.current_time())).is_some();
    if !gone {
        platform::next_frame(move || each_frame(player, bench));
    }
}

#[component]
fn Still() -> impl IntoView {
    let bench = Bench::expect();
    let i18n = use_i18n();
    let picture = Memo::new(move |_| bench.picture(bench.playhead.get()));
    let alt = move || fill(i18n.say().frame_at, &[&bench.playhead.get().clock_tenths()]);
    move || match picture.get() {
        Some(src) => view! { <img class="still" data-testid="still" src=src alt=alt /> }.into_any(),
        None => view! { <p class="stage-empty">{t(|m| m.no_picture)}</p> }.into_any(),
    }
}

#[component]
fn Repick(source: Source) -> impl IntoView {
    let bench = source.bench;
    let i18n = use_i18n();
    let expected = bench.summary.with_value(|summary| summary.video.file_bytes as f64);
    let name = move || format!("{} ({})", bench.title.get(), megabytes(expected));
    let doubt = move || {
        let file = source.doubt.get()?;
        let facts = [file.name(), megabytes(file.size()), bench.title.get(), megabytes(expected)];
        let sentence = fill(i18n.say().repick_other, &facts.each_ref().map(String::as_str));
        let anyway = move |_| {
            if let Some(file) = source.doubt.get_untracked() {
                source.adopt(file.take());
            }
        };
        Some(view! {
            <div class="repick-doubt" role="alert" data-testid="error">
                <p>{sentence}</p>
                <button class="button" type="button" on:click=anyway>{t(|m| m.use_anyway)}</button>
            </div>
        })
    };
    view! {
        <div class="repick" data-testid="repick">
            <div>
                <strong>{t(|m| m.repick_title)}</strong>
                <p class="fine">{move || fill(i18n.say().repick_note, &[&name()])}</p>
            </div>
            <label class="pick">
                <input
                    class="unseen" type="file" accept=ACCEPT data-testid="file-input"
                    on:change=move |event| source.offer(chosen(&event))
                />
                <span class="button">{t(|m| m.repick)}</span>
            </label>
            {doubt}
        </div>
    }
    .into_any()
}

fn megabytes(bytes: f64) -> String {
    match bytes / 1e6 {
        small if small < 10.0 => format!("{small:.1} MB"),
        medium if medium < 1000.0 => format!("{medium:.0} MB"),
        large => format!("{:.1} GB", large / 1000.0),
    }
}
