//! The honest budget: what the model will see of this video, and a warning when that is coarse.

use leptos::prelude::*;
use timeline::need;

use crate::i18n::{fill, t, use_i18n};
use crate::state::bench::Bench;
use crate::state::conversation::Entry;

/// Seconds per segment above which short events may be missed; the reference samples two frames a second, one second
/// per segment.
const COARSE: f64 = 2.0;

/// Frames, size, tokens and seconds per segment of the open video.
#[component]
pub fn BudgetLine() -> impl IntoView {
    let bench = Bench::expect();
    let i18n = use_i18n();
    let budget = bench.budget.get_value();
    let (limit, reach) = bench
        .model
        .with_value(|model| model.as_ref().map_or((u32::MAX, None), |model| (model.max_context, model.reach)));
    budget.map(|budget| {
        let each = budget.seconds_per_segment;
        let seconds = move || fill(i18n.say().budget_seconds, &[&short(each)]);
        let coarse = (each > COARSE)
            .then(|| view! { <p class="warning">{move || fill(i18n.say().budget_coarse, &[&short(each)])}</p> });
        let searched = reach.is_some_and(|reach| budget.frames > reach.saturating_mul(2));
        let long = searched.then(|| view! { <p class="fine" data-testid="budget-searched">{t(|m| m.budget_searched)}</p> });
        let full = (!searched && budget.tokens > limit).then(|| {
            view! { <p class="warning">{move || fill(i18n.say().budget_context, &[&grouped(limit)])}</p> }
        });
        view! {
            <div class="budget" data-testid="budget" aria-label=t(|m| m.budget_title) role="group">
                <dl>
                    <div><dt>{t(|m| m.budget_frames)}</dt><dd>{grouped(budget.frames)}</dd></div>
                    <div><dt>{t(|m| m.budget_size)}</dt><dd>{format!("{}×{}", budget.size.width, budget.size.height)}</dd></div>
                    <div><dt>{t(|m| m.budget_tokens)}</dt><dd>{grouped(budget.tokens)}</dd></div>
                    <div><dt>{t(|m| m.budget_each)}</dt><dd>{seconds}</dd></div>
                </dl>
                {coarse}
                {long}
                {full}
            </div>
        }
    })
}

/// That a question is about something shorter than what one look covers.
#[component]
pub fn BriefNote(
    /// The question.
    entry: Entry,
) -> impl IntoView {
    let bench = Bench::expect();
    let i18n = use_i18n();
    let each = bench.budget.with_value(|budget| budget.map(|budget| budget.seconds_per_segment));
    let wanting = Memo::new(move |_| {
        let need = entry.record.with(|record| need::of(&record.question))?;
        each.filter(|each| *each > need.seconds())
    });
    move || {
        let each = wanting.get()?;
        let text = move || fill(i18n.say().question_brief, &[&short(each)]);
        Some(view! { <p class="warning" data-testid="brief-note">{text}</p> })
    }
}

/// Seconds with as many decimals as matter.
pub fn short(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.1}") } else { format!("{seconds:.0}") }
}

/// Digits in groups of three, as both languages read them.
pub fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        assert_eq!(grouped(120), "120");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
