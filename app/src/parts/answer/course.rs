//! What was done for an answer beside one reading: windows searched, closer looks, what they cost, and the answer they replaced.

use leptos::prelude::*;
use timeline::Span;
use timeline::course::{Earlier, Outcome, Round, Search};

use super::Chip;
use super::pieces::{Piece, pieces};
use crate::i18n::{Messages, fill, t, use_i18n};
use crate::parts::budget::{grouped, short};
use crate::state::conversation::Entry;

/// The cost of a search and of every closer look; folded, the answers that stood before.
#[component]
pub fn CourseNote(
    /// The question.
    entry: Entry,
) -> impl IntoView {
    let i18n = use_i18n();
    let course = Memo::new(move |_| entry.record.with(|record| record.course.clone()));
    let search = move || {
        let search = course.with(|course| course.search)?;
        Some(view! { <p class="course-note fine" data-testid="search-note">{move || searched(i18n.say(), search)}</p> })
    };
    let chips = move |spans: Vec<Span>, said: fn(&Messages) -> &'static str, testid| {
        let chip = |span: Span| view! { <Chip entry text=place(span) span testid /> };
        (!spans.is_empty()).then(
            || view! { <p class="course-note fine">{t(said)} " " {spans.into_iter().map(chip).collect_view()}</p> },
        )
    };
    let leads = move || chips(course.with(|course| course.leads.clone()), |m| m.search_leads, "lead-chip");
    let places = move || chips(course.with(|course| course.places.clone()), |m| m.search_places, "place-chip");
    let looked = move |round: Round| {
        let before = round.before.clone();
        view! {
            <p class="course-note fine" data-testid="round-note">{move || looked(i18n.say(), &round)}</p>
            {before.map(|before| view! { <Before entry before /> })}
        }
    };
    let rounds = move || course.with(|course| course.rounds.clone()).into_iter().map(looked).collect_view();
    move || view! { {leads()} {search()} {places()} {rounds()} }
}

#[component]
fn Before(entry: Entry, before: Earlier) -> impl IntoView {
    let words = pieces(&before.answer, &before.spans, &[]).into_iter().map(|piece| match piece {
        Piece::Chip { text, span, doubtful } => {
            view! { <Chip entry text span doubtful testid="earlier-chip" /> }.into_any()
        }
        Piece::Words { text, .. } => view! { <span>{text}</span> }.into_any(),
    });
    view! {
        <details class="thought" data-testid="earlier">
            <summary>{t(|m| m.earlier)}</summary>
            <p>{words.collect_view()}</p>
        </details>
    }
    .into_any()
}

/// "12:03", or "12:03–12:19".
fn place(span: Span) -> String {
    let (start, end) = (span.start.clock(), span.end.clock());
    if start == end { start } else { format!("{start}–{end}") }
}

/// "12:03–12:19, 14:00–14:02".
pub fn stretches(spans: &[Span]) -> String {
    spans.iter().copied().map(place).collect::<Vec<_>>().join(", ")
}

fn searched(m: &Messages, search: Search) -> String {
    let found = grouped(search.found);
    if search.windows == 0 {
        return fill(m.search_named, &[&found]);
    }
    let cost = [grouped(search.windows), found, grouped(search.tokens), seconds(search.ms)];
    fill(m.search_cost, &cost.each_ref().map(String::as_str))
}

fn looked(m: &Messages, round: &Round) -> String {
    let cost = [stretches(&round.spans), grouped(round.frames), grouped(round.tokens), seconds(round.ms)];
    let cost = fill(m.round_cost, &cost.each_ref().map(String::as_str));
    match round.outcome {
        Outcome::Answered => cost,
        Outcome::Stands => format!("{cost} · {}", m.round_stands),
        Outcome::NoFile => m.round_no_file.to_owned(),
        Outcome::Stopped => m.round_stopped.to_owned(),
        Outcome::Failed => m.round_failed.to_owned(),
    }
}

fn seconds(ms: u32) -> String {
    short(f64::from(ms) / 1_000.0)
}
