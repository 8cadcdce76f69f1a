//! How a question goes on: window after window where the video is longer than the model reads at once, then the answer, then closer
//! looks at the moments it names, until they are seen as finely as the question needs.
//!
//! ```text
//! begin ─▶ (Searching, silent) ×windows ─▶ Answering ─▶ (Closer: frames wanted ─▶ read ─▶ written) ×rounds ─▶ over
//!                                      └▶ (Place ─▶ Closer ×rounds) ×places ─▶ over
//! ```
//!
//! Where a search finds something in several places, and the question asks for the times of something, each place answers it by itself:
//! a line each. A place that then names no time was found in error, and nothing is told of it.
//!
//! Whatever happens after the first answer is complete, that answer is kept; a closer one takes its place only when it is whole.

use std::time::Instant;

use timeline::course::{Course, Earlier, Outcome, Round, Search};
use timeline::events::Usage;
use timeline::{AnswerEvent, Closer, Span, Timestamp, mentions, need};

use crate::error::{Error, Result};
use crate::fits::{fits, words};
use crate::listing::Places;
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
    Place,
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
    /// The answer that stands, once there is one; of several places, that of the last one.
    answer: Option<(Earlier, Usage)>,
    places: Places,
    /// Closer looks at what is answered now.
    rounds: u32,
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
        let (told, answer, places, rounds) = Default::default();
        Self { stage: Stage::Answering, told, begun: Instant::now(), stride: 1, answer, places, rounds }
    }

    /// Tells where the question led, once.
    pub(crate) fn lead(&mut self, question: &Question, leads: &[Span]) {
        if !leads.is_empty() && self.told.leads.is_empty() {
            self.told.leads = leads.to_vec();
            question.tell(AnswerEvent::Course(self.told.clone()));
        }
    }

    /// How what is written next is told.
    pub(crate) fn voice(&self) -> Voice {
        match self.stage {
            Stage::Searching { .. } => Voice::Silent,
            Stage::Answering => Voice::Aloud,
            Stage::Place | Stage::Closer { .. } => Voice::Held,
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
    pub(crate) fn go_on(&mut self, shared: &Shared, question: &Question, written: Pass) -> Result<Next> {
        match &mut self.stage {
            Stage::Searching { at, found, .. } => {
                *at += 1;
                found.extend(written.told.spans.iter().map(|span| span.span));
                tracing::debug!(
                    question = question.id,
                    window = *at,
                    text = written.told.text,
                    "a window was searched"
                );
                if let Some(search) = &mut self.told.search {
                    search.tokens = search.tokens.saturating_add(read(&written.usage));
                }
                self.window(question).map(Next::Show)
            }
            Stage::Answering => {
                self.stand(&written);
                tracing::debug!(question = question.id, stride = self.stride, text = written.told.text, "the answer");
                self.keep(shared, question)?;
                self.look_closer(shared, question, &written, Vec::new())
            }
            Stage::Place => {
                tracing::debug!(question = question.id, stride = self.stride, text = written.told.text, "a place");
                if !self.places.has(&written) {
                    return self.go_to_next_place(shared, question);
                }
                self.stand(&written);
                written.follow(shared, question, self.places.before(), &self.told)?;
                self.look_closer(shared, question, &written, Vec::new())
            }
            Stage::Closer { is_unsure, closers, round, .. } => {
                let (is_unsure, closers, mut round) = (*is_unsure, std::mem::take(closers), round.clone());
                tracing::debug!(question = question.id, text = written.told.text, spans=?round.spans, "looked closer");
                round.tokens = read(&written.usage);
                let fits = self.answer.as_ref().is_none_or(|(before, _)| {
                    let now = &written.told;
                    let same = mentions::find(&question.text, written.duration).is_empty()
                        || words(&before.answer, &before.spans) == words(&now.text, &now.spans);
                    same && fits(&before.spans, &now.spans, &round.spans, is_unsure)
                });
                if !fits {
                    self.end_round(shared, question, Round { outcome: Outcome::Stands, ..round })?;
                    return self.go_to_next_place(shared, question);
                }
                let before = self.stand(&written);
                self.note(Round { outcome: Outcome::Answered, before, ..round });
                written.stand_in(shared, question, self.places.before(), &self.told)?;
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
                self.go_to_next_place(shared, question)
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
        if found.len() > 1 && need::is_of_each_place(&question.text) {
            self.places = Places::new(found, windows.first().copied());
            question.tell(AnswerEvent::Course(self.told.clone()));
            return Ok(self.next_place(question).unwrap_or(View::Whole));
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

    /// The next of the places that answer by themselves.
    fn next_place(&mut self, question: &Question) -> Option<View> {
        let place = self.places.go_on()?;
        let (at, of) = self.places.progress();
        (self.stage, self.rounds) = (Stage::Place, 0);
        self.stride = search::stride(&[place], self.places.window());
        question.tell(AnswerEvent::Searching { span: place, window: count(at), windows: count(of) });
        Some(self.around(edges(&[place]), Vec::new()))
    }

    /// What is answered now is: the next place, or the end.
    fn go_to_next_place(&mut self, shared: &Shared, question: &Question) -> Result<Next> {
        let is_full = self.places.tokens() >= question.manner.most as usize;
        if !is_full && let Some(view) = self.next_place(question) {
            return Ok(Next::Show(view));
        }
        let all = self.places.end();
        if all.is_empty() {
            return Ok(self.over(question));
        }
        if self.answer.is_none() {
            // None of them by itself: what all of them together say is the answer.
            self.stage = Stage::Answering;
            self.stride = search::stride(&all, self.places.window());
            return Ok(Next::Show(self.around(edges(&all), Vec::new())));
        }
        // What the answer tells need not be told twice.
        self.told.places.drain(..self.places.progress().0.min(self.told.places.len()));
        question.tell(AnswerEvent::Course(self.told.clone()));
        self.keep(shared, question)?;
        Ok(self.over(question))
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
        let round = self.rounds + 1;
        let able = question.manner.looks_closer
            && round <= shared.zoom_rounds
            && question.said.is_empty()
            && written.is_complete_view;
        if !able || written.told.spans.len() > MOST_SPANS {
            return self.go_to_next_place(shared, question);
        }
        let moments = moments(question, written);
        let most = shared.reach().map_or(MOST_SEGMENTS, |reach| MOST_SEGMENTS.min(reach / 2));
        let Some(closer) = Closer::around(&moments, most, written.duration) else {
            return self.go_to_next_place(shared, question);
        };
        let wanting = shared.wanting(&question.video, &closer)?;
        if !wanting.is_empty() && !shared.has_eyes(question) {
            return self.go_to_next_place(shared, question);
        }
        let (spans, frames) = (closer.spans.clone(), count(wanting.len()));
        question.tell(AnswerEvent::Closer { round, spans: spans.clone(), frames });
        closers.push(closer);
        self.rounds = round;
        let begun = Instant::now();
        let round = Round { spans, frames: 0, tokens: 0, ms: 0, outcome: Outcome::Failed, before: None };
        let moments = moments.into_iter().map(|(at, _)| at).collect();
        let is_unsure = written.told.spans.iter().any(|span| span.doubtful);
        self.stage = Stage::Closer { moments, is_unsure, closers, round, begun };
        if wanting.is_empty() { self.frames(shared, question, Some(0)) } else { Ok(Next::Await(wanting)) }
    }

    /// Takes what was written as the answer; the one before is returned.
    fn stand(&mut self, written: &Pass) -> Option<Earlier> {
        let first_token_ms = self.answered().map_or(written.usage.first_token_ms, |usage| usage.first_token_ms);
        let usage = Usage { first_token_ms, ..written.usage };
        let answer = Earlier { answer: written.told.text.clone(), spans: written.told.spans.clone() };
        self.places.stand(&written.told);
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
    let mut moments = edges(&written.told.spans.iter().map(|span| span.span).collect::<Vec<_>>());
    moments.extend(written.doubtful());
    if moments.is_empty() && need::of(&question.text).is_some() {
        moments = edges(&question.flashes.iter().take(CLOSER_FLASHES).copied().collect::<Vec<_>>());
    }
    moments.into_iter().map(|at| (at, written.spacing(at))).collect()
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
