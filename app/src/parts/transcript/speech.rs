//! What is said in the video, transcribed: the button, how far it has come, and how it ended.

use leptos::prelude::*;
use timeline::{HearingInfo, HearingState};

use crate::i18n::{fill, t, use_i18n};
use crate::parts::trouble::TroubleNote;
use crate::state::hearing::{Hearing, share};

/// Begins it; never there unless the sound is within reach and nothing was transcribed yet.
#[component]
pub(super) fn Hear() -> impl IntoView {
    let hearing = Hearing::expect();
    let i18n = use_i18n();
    view! {
        <Show when=move || hearing.is_offered()>
            <button class="button small" type="button" data-testid="hear" title=t(|m| m.hear_hint) on:click=move |_| hearing.begin()>
                {move || if hearing.is_begun() { i18n.say().hear_on } else { i18n.say().hear }}
            </button>
        </Show>
    }
    .into_any()
}

/// How far it has come, and why no further.
#[component]
pub(super) fn Heard() -> impl IntoView {
    let hearing = Hearing::expect();
    let i18n = use_i18n();
    view! {
        {move || {
            let info = hearing.info.get()?;
            match info.state {
                HearingState::Waiting | HearingState::Listening => Some(view! { <UnderWay info /> }.into_any()),
                HearingState::Done if info.cues == 0 => Some(said(i18n.say().hearing_silence)),
                // Where there is a reason, it is told below.
                HearingState::Cancelled if hearing.trouble.with(Option::is_none) => Some(said(i18n.say().hearing_stopped)),
                HearingState::Idle | HearingState::Done | HearingState::Cancelled | HearingState::Failed => None,
            }
        }}
        <TroubleNote trouble=hearing.trouble />
    }
    .into_any()
}

fn said(sentence: &'static str) -> AnyView {
    view! { <p class="fine" role="status" data-testid="hearing-end">{sentence}</p> }.into_any()
}

#[component]
fn UnderWay(info: HearingInfo) -> impl IntoView {
    let hearing = Hearing::expect();
    let i18n = use_i18n();
    let (waits, share) = (info.state == HearingState::Waiting, share(&info));
    let state = if waits { "waiting" } else { "listening" };
    let title = t(if waits { |m| m.hearing_waiting } else { |m| m.hearing_listening });
    let facts = move || {
        let m = i18n.say();
        let covered = fill(m.covered, &[&info.heard.clock(), &info.duration.clock()]);
        if waits { String::new() } else { format!("{covered} · {}", fill(m.hearing_cues, &[&info.cues.to_string()])) }
    };
    view! {
        <div class="progress" data-testid="hearing" data-state=state>
            <div class="progress-text">
                <strong>{title}</strong>
                <span class="fine time" data-testid="hearing-facts">{facts}</span>
            </div>
            <progress max="100" value=format!("{share:.1}") aria-label=title></progress>
            {move || hearing.needs_file().then(|| view! {
                <p class="fine" data-testid="hearing-needs-file">{t(|m| m.hearing_needs_file)}</p>
            })}
            <button class="button small" type="button" data-testid="hearing-cancel" on:click=move |_| hearing.cancel()>
                {t(|m| m.cancel)}
            </button>
        </div>
    }
    .into_any()
}
