//! What a subtitle file turned out to be, and what in it had to be repaired.

use leptos::prelude::*;

use crate::i18n::{damage, fill, t, use_i18n};
use crate::parts::icons::{self, Icon};
use crate::state::transcripts::Transcripts;

/// Repairs that are listed.
const LISTED: usize = 20;

#[component]
pub(super) fn Receipt() -> impl IntoView {
    let (transcripts, i18n) = (Transcripts::expect(), use_i18n());
    move || {
        let receipt = transcripts.receipt.get()?;
        let say = i18n.say();
        let values = [receipt.info.name, receipt.info.cues.to_string(), receipt.format.to_string(), receipt.encoding];
        let sentence = fill(say.subtitles_taken, &values.each_ref().map(String::as_str));
        let repairs = receipt.warnings.len() + receipt.further_warnings as usize;
        let lines = receipt.warnings.into_iter().take(LISTED);
        let lines = lines.map(|warning| {
            let text = fill(say.subtitles_line, &[&warning.line.to_string(), damage(i18n.lang(), warning.damage)]);
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
        Some(view! {
            <div class="receipt" role="status" data-testid="subtitle-receipt">
                <div>
                    <p class="fine">{sentence}</p>
                    {repaired}
                </div>
                <button
                    class="quiet square" type="button" aria-label=t(|m| m.dismiss)
                    on:click=move |_| transcripts.receipt.set(None)
                >
                    <Icon path=icons::CROSS />
                </button>
            </div>
        })
    }
}
