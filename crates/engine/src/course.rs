//! How a question goes on: window after window where the video is longer than the model reads at once, then the answer, then closer
//! looks at the moments it names, until they are seen as finely as the question needs.
//!
//! ```text
//! begin ─▶ (Searching, silent) ×windows ─▶ Answering ─▶ (Closer: frames wanted ─▶ read ─▶ written) ×rounds ─▶ over
//! ```
//!
//! Whatever happens after the first answer is complete, that answer is kept; a closer one takes its place only when it is whole.

use std::time::Instant;

use timeline::course::{Course, Earlier, Outcome, Round, Search};
use timeline::events::Usage;
use timeline::video::SpanInText;
use timeline::{AnswerEvent, Closer, Span, Timestamp, mentions, need};

use crate::error::{Error, Result};
use crate::question::Question;
use crate::search;
use crate::view::{Around, View, Window};
use crate::worker::Shared;
use crate::writer::{Pass, Voice};

/// An answer that names more stretches than this counts, compares or lists: it is not a moment to look at closer.
const MOST_SPANS: usize = 1;
/// Segments of a closer look.
const MOST_SEGMENTS: usize = 64;
/// Places of a search that are told.
const MOST_PLACES: usize = 24;
/// Flashes that a question about something brief is led to when it is searched for.
const MOST_FLASHES: usize = 8;
/// Flashes that are looked at closer when nothing was seen.
const CLOSER_FLASHES: usize = 3;

/// What a question is about to do.
#[derive(Debug)]
enum Stage {
    Searching { windows: Vec<Window>, at: usize, found: Vec<Span> },
    Answering,
    Closer { moments: Vec<Timestamp>, is_unsure: bool, closers: Vec<Closer>, round: Round, begun: Instant },
}

/// The way of one question.
#[derive(Debug)]
pub(crate) struct Way {
    stage: Stage,
    told: Course,
    begun: Instant,
    /// One of so many segments is shown with what was found.
    stride: usize,
    /// The answer that stands, once there is one.
    answer: Option<(Earlier, Usage)>,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Show this and ask.
    Show(View),
    /// First have the frames that are shown at these instants.
    Await(Vec<Timestamp>),
    /// Nothing: this is what it took.
    Over(Usage),
}

impl Way {
    pub(crate) fn new() -> Self {
        Self { stage: Stage::Answering, told: Course::default(), begun: Instant::now(), stride: 1, answer: None }
    }

    /// How what is written next is told.
    pub(crate) fn voice(&self) -> Voice {
        match self.stage {
            Stage::Searching { .. } => Voice::Silent,
            Stage::Answering => Voice::Aloud,
            Stage::Closer { .. } => Voice::Held(Vec::new()),
        }
    }

    /// What it took so far, when an answer stands whatever happens.
    pub(crate) fn answered(&self) -> Option<Usage> {
        self.answer.as_ref().map(|(_, usage)| *usage)
    }

    /// What to show first.
    pub(crate) fn begin(&mut self, shared: &Shared, question: &Question) -> Result<View> {
        self.begun = Instant::now();
        let (segments, duration, is_whole) = shared.segments_of(&question.video)?;
        let Some(reach) = shared.reach().filter(|reach| segments.len() > *reach && is_whole) else {
            return Ok(View::Whole);
        };
        let named = mentions::find(&question.text, duration).into_iter().map(|mention| mention.span);
        let known: Vec<Span> = question.said.iter().copied().chain(named).collect();
        if !known.is_empty() {
            let found = count(known.len());
            self.told.search = Some(Search { found, ..Search::default() });
            question.tell(AnswerEvent::Course(self.told.clone()));
            return Ok(self.around(edges(&known), Vec::new()));
        }
        let windows = search::plan(&segments, reach);
        self.told.search = Some(Search { windows: count(windows.len()), ..Search::default() });
        self.stage = Stage::Searching { windows, at: 0, found: Vec::new() };
        self.window(question)
    }

    /// Takes note of what was written, and says what comes next.
    pub(crate) fn go_on(&mut self, shared: &Shared, question: &Question, mut written: Pass) -> Result<Next> {
        match &mut self.stage {
            Stage::Searching { at, found, .. } => {
                *at += 1;
                found.extend(written.spans.iter().map(|span| span.span));
                tracing::debug!(question = question.id, window = *at, text = written.text, "a window was searched");
                if let Some(search) = &mut self.told.search {
                    search.tokens = search.tokens.saturating_add(read(&written.usage));
                }
                self.window(question).map(Next::Show)
            }
            Stage::Answering => {
                self.stand(&written);
                tracing::debug!(question = question.id, stride = self.stride, text = written.text, "the first answer");
                self.keep(shared, question)?;
                self.look_closer(shared, question, &written, Vec::new())
            }
            Stage::Closer { is_unsure, closers, round, .. } => {
                let (is_unsure, closers, mut round) = (*is_unsure, std::mem::take(closers), round.clone());
                tracing::debug!(question = question.id, text = written.text, spans=?round.spans, "looked closer");
                round.tokens = read(&written.usage);
                let fits = self.answer.as_ref().is_none_or(|(before, _)| {
                    let same = mentions::find(&question.text, written.duration).is_empty()
                        || words(&before.answer, &before.spans) == words(&written.text, &written.spans);
                    same && fits(&before.spans, &written.spans, &round.spans, is_unsure)
                });
                if !fits {
                    self.end_round(shared, question, Round { outcome: Outcome::Stands, ..round })?;
                    return Ok(self.over(question));
                }
                let before = self.stand(&written);
                self.note(Round { outcome: Outcome::Answered, before, ..round });
                written.stand_in(shared, question, &self.told)?;
                question.tell(AnswerEvent::Course(self.told.clone()));
                self.look_closer(shared, question, &written, closers)
            }
        }
    }

    /// The frames that were waited for are here, or will not come.
    pub(crate) fn frames(&mut self, shared: &Shared, question: &Question, came: Option<u32>) -> Result<Next> {
        let Stage::Closer { moments, closers, round, .. } = &mut self.stage else { return Ok(self.over(question)) };
        match came {
            Some(frames) => {
                round.frames = frames;
                let (moments, closers) = (moments.clone(), closers.clone());
                Ok(Next::Show(self.around(moments, closers)))
            }
            None => {
                let round = round.clone();
                self.end_round(shared, question, Round { outcome: Outcome::NoFile, ..round })?;
                Ok(self.over(question))
            }
        }
    }

    /// A closer look went wrong or was stopped; the answer stands.
    pub(crate) fn fail(&mut self, shared: &Shared, question: &Question, error: &Error) -> Option<Usage> {
        let usage = self.answered()?;
        if let Stage::Closer { round, .. } = &self.stage {
            let outcome = if matches!(error, Error::Cancelled) { Outcome::Stopped } else { Outcome::Failed };
            let round = Round { outcome, ..round.clone() };
            if let Err(error) = self.end_round(shared, question, round) {
                tracing::warn!(question = question.id, %error, "how a question went could not be kept");
            }
        }
        Some(usage)
    }

    /// The next window, or what the answer is read from.
    fn window(&mut self, question: &Question) -> Result<View> {
        let Stage::Searching { windows, at, found } = &self.stage else { return Ok(View::Whole) };
        let of = count(windows.len());
        if let Some(next) = windows.get(*at) {
            question.tell(AnswerEvent::Searching { span: next.span, window: count(at + 1), windows: of });
            return Ok(View::Window(*next));
        }
        let mut found = search::joined(found.clone());
        self.stride = search::stride(&found, windows.first());
        if found.len() > 1 {
            self.told.places = found.iter().take(MOST_PLACES).copied().collect();
        }
        if let Some(search) = &mut self.told.search {
            (search.found, search.ms) = (count(found.len()), ms(self.begun));
        }
        if need::of(&question.text).is_some() {
            found.extend(question.flashes.iter().take(MOST_FLASHES));
        }
        // Nowhere: what one window says of it, the first as well as any, is the answer.
        let first = windows.first().copied();
        self.stage = Stage::Answering;
        question.tell(AnswerEvent::Course(self.told.clone()));
        Ok(match first {
            Some(first) if found.is_empty() => View::Window(first),
            _ => self.around(edges(&found), Vec::new()),
        })
    }

    fn around(&self, moments: Vec<Timestamp>, closers: Vec<Closer>) -> View {
        View::Around(Around { moments, closers, stride: self.stride })
    }

    /// Begins a closer look if one is of use and allowed.
    fn look_closer(
        &mut self,
        shared: &Shared,
        question: &Question,
        written: &Pass,
        mut closers: Vec<Closer>,
    ) -> Result<Next> {
        let round = count(self.told.rounds.len() + 1);
        let able = question.manner.looks_closer
            && round <= shared.zoom_rounds
            && question.said.is_empty()
            && written.is_complete_view;
        if !able || written.spans.len() > MOST_SPANS {
            return Ok(self.over(question));
        }
        let moments = moments(question, written);
        let most = shared.reach().map_or(MOST_SEGMENTS, |reach| MOST_SEGMENTS.min(reach / 2));
        let Some(closer) = Closer::around(&moments, most, written.duration) else {
            return Ok(self.over(question));
        };
        let wanting = shared.wanting(&question.video, &closer)?;
        if !wanting.is_empty() && !shared.has_eyes(question) {
            return Ok(self.over(question));
        }
        let (spans, frames) = (closer.spans.clone(), count(wanting.len()));
        question.tell(AnswerEvent::Closer { round, spans: spans.clone(), frames });
        closers.push(closer);
        let begun = Instant::now();
        let round = Round { spans, frames: 0, tokens: 0, ms: 0, outcome: Outcome::Failed, before: None };
        let moments = moments.into_iter().map(|(at, _)| at).collect();
        let is_unsure = written.spans.iter().any(|span| span.doubtful);
        self.stage = Stage::Closer { moments, is_unsure, closers, round, begun };
        if wanting.is_empty() { self.frames(shared, question, Some(0)) } else { Ok(Next::Await(wanting)) }
    }

    /// Takes what was written as the answer; the one before is returned.
    fn stand(&mut self, written: &Pass) -> Option<Earlier> {
        let first_token_ms = self.answered().map_or(written.usage.first_token_ms, |usage| usage.first_token_ms);
        let usage = Usage { first_token_ms, ..written.usage };
        let answer = Earlier { answer: written.text.clone(), spans: written.spans.clone() };
        self.answer.replace((answer, usage)).map(|(before, _)| before)
    }

    fn note(&mut self, mut round: Round) {
        if let Stage::Closer { begun, .. } = &self.stage {
            round.ms = ms(*begun);
        }
        self.told.rounds.push(round);
        self.stage = Stage::Answering;
    }

    fn end_round(&mut self, shared: &Shared, question: &Question, round: Round) -> Result<()> {
        self.note(round);
        question.tell(AnswerEvent::Course(self.told.clone()));
        self.keep(shared, question)
    }

    fn keep(&self, shared: &Shared, question: &Question) -> Result<()> {
        if self.told.is_plain() {
            return Ok(());
        }
        match shared.library.save_course(question.id, &self.told) {
            // Deleted while it was being answered: the listener still gets the rest.
            Err(store::Error::UnknownQuestion(_)) => Ok(()),
            other => Ok(other?),
        }
    }

    fn over(&self, question: &Question) -> Next {
        Next::Over(Usage { total_ms: question.elapsed_ms(), ..self.answered().unwrap_or_default() })
    }
}

/// Moments to look at closer, each with the distance of the segments it was seen in: the edges of what the answer names; where its
/// pins say otherwise, those too; and for something brief of which nothing was seen, where flashes were.
fn moments(question: &Question, written: &Pass) -> Vec<(Timestamp, Timestamp)> {
    let mut moments = edges(&written.spans.iter().map(|span| span.span).collect::<Vec<_>>());
    moments.extend(written.doubtful());
    if moments.is_empty() && need::of(&question.text).is_some() {
        moments = edges(&question.flashes.iter().take(CLOSER_FLASHES).copied().collect::<Vec<_>>());
    }
    moments.into_iter().map(|at| (at, written.spacing(at))).collect()
}

/// Whether the times of a closer look may take the place of those before: as many, each where it was looked for. Where no time was
/// told, or where the model looked elsewhere while it wrote one, any moment that was looked at may be it.
fn fits(before: &[SpanInText], now: &[SpanInText], looked_at: &[Span], is_unsure: bool) -> bool {
    let seen = |now: Timestamp, before: Option<Timestamp>| {
        looked_at.iter().any(|stretch| stretch.contains(now) && before.is_none_or(|before| stretch.contains(before)))
    };
    if before.is_empty() || is_unsure {
        let any = |now: &SpanInText| seen(now.span.start, None) && seen(now.span.end, None);
        return !now.is_empty() && now.iter().all(any);
    }
    let same = |(before, now): (&SpanInText, &SpanInText)| {
        seen(now.span.start, Some(before.span.start)) && seen(now.span.end, Some(before.span.end))
    };
    before.len() == now.len() && before.iter().zip(now).all(same)
}

/// What an answer says beside its times: where the question is what there is to see at some time, that is the answer.
fn words(text: &str, spans: &[SpanInText]) -> String {
    let (mut words, mut at) = (String::new(), 0);
    for span in spans {
        words.push_str(text.get(at..span.from as usize).unwrap_or_default());
        at = span.to as usize;
    }
    words + text.get(at..).unwrap_or_default()
}

fn edges(spans: &[Span]) -> Vec<Timestamp> {
    let mut edges: Vec<_> = spans.iter().flat_map(|span| [span.start, span.end]).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// Tokens that were read and not found.
fn read(usage: &Usage) -> u32 {
    usage.prompt_tokens.saturating_sub(usage.kept_tokens).saturating_add(usage.answer_tokens)
}

fn ms(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closer_look_may_move_times_within_what_it_looked_at_and_nothing_else() {
        let at = |s: f64| Timestamp::from_seconds(s);
        let said = |start, end| SpanInText { from: 0, to: 1, span: Span::new(at(start), at(end)), doubtful: false };
        let looked_at = [Span::new(at(10.0), at(14.0)), Span::new(at(16.0), at(20.0))];
        let before = [said(12.2, 18.2)];
        assert!(fits(&before, &[said(11.8, 18.9)], &looked_at, false));
        // Its end is where the beginning was looked for, or where nothing was looked at, or there is a second stretch.
        assert!(!fits(&before, &[said(11.8, 13.0)], &looked_at, false));
        assert!(!fits(&before, &[said(11.8, 22.0)], &looked_at, false));
        assert!(!fits(&before, &[said(11.8, 18.2), said(11.8, 18.2)], &looked_at, false));
        // Where it was unsure it may have been either stretch; where nothing was said, too.
        let other = [said(16.5, 17.0)];
        assert!(fits(&before, &other, &looked_at, true) && fits(&[], &other, &looked_at, false));
        assert!(!fits(&before, &other, &looked_at, false) && !fits(&before, &[], &looked_at, true));
        assert!(!fits(&before, &[said(11.8, 22.0)], &looked_at, true));
    }

    #[test]
    fn an_answer_s_words_are_what_is_left_without_its_times() {
        let span = |from, to| SpanInText { from, to, span: Span::at(Timestamp::ZERO), doubtful: false };
        let (one, other) = ("It is a star, 12.0 to 18.0 s.", "It is a star, 12.25 s.");
        assert_eq!(words(one, &[span(14, 28)]), words(other, &[span(14, 21)]));
        assert_ne!(words("It is a heart, 12 s.", &[span(15, 19)]), words(one, &[span(14, 28)]));
    }
}
