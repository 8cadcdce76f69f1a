//! What subtitle files, and tracks inside the video file, turned out to be, and what in them had to be repaired.

use leptos::prelude::*;
use timeline::TranscriptReceipt;

use crate::i18n::{Lang, damage, fill, t, use_i18n};
use crate::parts::icons::{self, Icon};
use crate::state::bench::Bench;
use crate::state::session::Session;
use crate::state::tracks::TrackNews;
use crate::state::transcripts::Transcripts;

/// Repairs that are listed.
const LISTED: usize = 20;

/// Of the file that was just taken in.
#[component]
pub(super) fn Receipt() -> impl IntoView {
    let (transcripts, i18n) = (Transcripts::expect(), use_i18n());
    move || {
        let receipt = transcripts.receipt.get()?;
        Some(view! {
            <div class="receipt" role="status" data-testid="subtitle-receipt">
                <div>{taken(i18n.lang(), receipt)}</div>
                <Dismiss dismiss=move || transcripts.receipt.set(None) />
            </div>
        })
    }
}

/// Of the tracks of the local file that were just read.
#[component]
pub(super) fn Tracks() -> impl IntoView {
    let (session, bench, i18n) = (Session::expect(), Bench::expect(), use_i18n());
    let dismiss = move || session.tracks.update(|tracks| drop(tracks.remove(&bench.id())));
    move || {
        let news = session.tracks.with(|tracks| tracks.get(&bench.id()).cloned())?;
        let lang = i18n.lang();
        let refused = news.iter().filter(|news| matches!(news, TrackNews::Refused { .. })).count();
        let mut summary = vec![fill(lang.messages().tracks_taken, &[&(news.len() - refused).to_string()])];
        if refused > 0 {
            summary.push(fill(lang.messages().tracks_refused, &[&refused.to_string()]));
        }
        let lines = news.into_iter().map(|news| match news {
            TrackNews::Taken(receipt) => view! { <li>{taken(lang, receipt)}</li> }.into_any(),
            TrackNews::Refused { name, trouble } => {
                view! { <li>{format!("{name}: {}", trouble.sentence(lang))}</li> }.into_any()
            }
        });
        Some(view! {
            <div class="receipt" role="status" data-testid="track-receipt">
                <details>
                    <summary class:is-well=refused == 0>{summary.join(" · ")}</summary>
                    <ul>{lines.collect::<Vec<_>>()}</ul>
                </details>
                <Dismiss dismiss />
            </div>
        })
    }
}

#[component]
fn Dismiss(dismiss: impl Fn() + 'static) -> impl IntoView {
    view! {
        <button class="quiet square" type="button" aria-label=t(|m| m.dismiss) on:click=move |_| dismiss()>
            <Icon path=icons::CROSS />
        </button>
    }
    .into_any()
}

/// What it is, in a sentence, and its repairs.
fn taken(lang: Lang, receipt: TranscriptReceipt) -> impl IntoView {
    let say = lang.messages();
    let values = [receipt.info.name, receipt.info.cues.to_string(), receipt.format.to_string(), receipt.encoding];
    let sentence = fill(say.subtitles_taken, &values.each_ref().map(String::as_str));
    let repairs = receipt.warnings.len() + receipt.further_warnings as usize;
    let lines = receipt.warnings.into_iter().take(LISTED);
    let lines = lines.map(|warning| {
        let text = fill(say.subtitles_line, &[&warning.line.to_string(), damage(lang, warning.damage)]);
        view! { <li>{text}</li> }
    });
    let lines: Vec<_> = lines.collect();
    let repaired = (repairs > 0).then(|| {
        view! {
            <details data-testid="subtitle-repairs">
                <summary>{fill(say.subtitles_repaired, &[&repairs.to_string()])}</summary>
                <ul>{lines}</ul>
            </details>
        }
    });
    view! {
        <p class="fine">{sentence}</p>
        {repaired}
    }
    .into_any()
}
