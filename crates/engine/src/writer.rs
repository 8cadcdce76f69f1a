//! An answer as it is written: told, searched for times, and made durable while it grows.

use std::time::{Duration, Instant};

use store::AnswerUpdate;
use timeline::course::Course;
use timeline::events::Usage;
use timeline::video::TokenRecord;
use timeline::{AnswerEvent, Span, Timestamp};

use crate::backend::{Conversation, Piece};
use crate::error::Result;
use crate::listing::Told;
use crate::pins;
use crate::question::Question;
use crate::showing::Showing;
use crate::spans::SpanWatch;
use crate::thought::Kind;
use crate::translation::Translation;
use crate::worker::Shared;

/// How often a growing answer is made durable.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// How an answer is told while it is written.
#[derive(Debug)]
pub(crate) enum Voice {
    /// As it comes; and kept as it grows.
    Aloud,
    /// When it is whole, if it may then take the place of the one that stands, or follow it.
    Held,
    /// Not at all: it is a step on the way to an answer, and short.
    Silent,
}

/// Tokens of a step on the way: a few stretches of time.
const STEP_TOKENS: u32 = 192;

/// What was written in one pass over a part of a video.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) told: Told,
    /// The segments that were shown.
    segments: Vec<Span>,
    pub(crate) duration: Timestamp,
    pub(crate) usage: Usage,
    /// What was thought and not told yet.
    thought: String,
    /// Whether all frames of the plan were there.
    pub(crate) is_complete_view: bool,
}

impl Pass {
    /// How far apart the segments around a moment were.
    pub(crate) fn spacing(&self, at: Timestamp) -> Timestamp {
        let next =
            self.segments.partition_point(|segment| segment.start <= at).clamp(1, self.segments.len().max(2) - 1);
        match (self.segments.get(next - 1), self.segments.get(next)) {
            (Some(before), Some(after)) => after.start - before.start,
            _ => self.duration,
        }
    }

    /// Tells and keeps it behind what was told `before`, in place of what stands there, together with how that came about.
    pub(crate) fn stand_in(&self, shared: &Shared, question: &Question, before: &Told, course: &Course) -> Result<()> {
        question.tell(AnswerEvent::Again);
        self.tell_from(shared, question, (0, 0), before, course)
    }

    /// Tells and keeps it behind what was told `before`, together with how that came about.
    pub(crate) fn follow(&self, shared: &Shared, question: &Question, before: &Told, course: &Course) -> Result<()> {
        self.tell_from(shared, question, (before.tokens.len(), before.spans.len()), before, course)
    }

    fn tell_from(
        &self,
        shared: &Shared,
        question: &Question,
        (tokens, spans): (usize, usize),
        before: &Told,
        course: &Course,
    ) -> Result<()> {
        if !self.thought.is_empty() {
            question.tell(AnswerEvent::Thought { text: self.thought.clone() });
        }
        let all = before.and(&self.told);
        all.tell(question, tokens, spans);
        keep(shared, question, &all, true, Some(course))
    }

    /// Moments that the model looked at while it wrote times that are doubtful: further from them than a segment.
    pub(crate) fn doubtful(&self) -> Vec<Timestamp> {
        let mut doubtful = Vec::new();
        for span in self.told.spans.iter().filter(|span| span.doubtful) {
            let (mut at, mut pins) = (0, Vec::new());
            for token in &self.told.tokens {
                let (from, to) = (at, at + token.text.len());
                let is_of_it = from < span.to as usize && to > span.from as usize;
                pins.extend(token.pin.filter(|_| is_of_it).map(|pin| pin.at));
                at = to;
            }
            for edge in [span.span.start, span.span.end] {
                let nearest = pins.iter().min_by_key(|at| at.distance(edge));
                doubtful.extend(nearest.filter(|at| at.distance(edge) > self.spacing(edge)));
            }
        }
        doubtful.sort_unstable();
        doubtful.dedup();
        doubtful
    }
}

/// An answer and the conversation that writes it.
pub(crate) struct Writer {
    pub(crate) conversation: Box<dyn Conversation>,
    /// The segments the model was shown.
    segments: Vec<Span>,
    voice: Voice,
    is_complete_view: bool,
    duration: Timestamp,
    usage: Usage,
    text: String,
    thought: String,
    tokens: Vec<TokenRecord>,
    watch: SpanWatch,
    translation: Translation,
    saved: Instant,
    /// Whether a first word, thought or said, was told.
    begun: bool,
}

impl Writer {
    /// usage: what is known of it before the first word.
    pub(crate) fn new(conversation: Box<dyn Conversation>, showing: &Showing, voice: Voice, usage: Usage) -> Self {
        let (segments, duration, is_complete_view) = (showing.spans(), showing.duration, showing.coarse.is_none());
        let watch = SpanWatch::new(duration);
        let (text, thought, tokens, saved) = (String::new(), String::new(), Vec::new(), Instant::now());
        let translation = Translation::new(&showing.clock);
        Self {
            conversation,
            segments,
            voice,
            is_complete_view,
            duration,
            usage,
            text,
            thought,
            tokens,
            watch,
            translation,
            saved,
            begun: false,
        }
    }

    /// Whether it has as many tokens as it may.
    pub(crate) fn is_full(&self, most: u32) -> bool {
        let most = if matches!(self.voice, Voice::Silent) { most.min(STEP_TOKENS) } else { most };
        self.written() >= most
    }

    fn is_aloud(&self) -> bool {
        matches!(self.voice, Voice::Aloud)
    }

    /// Tells an event now, or not yet.
    fn tell(&self, question: &Question, event: AnswerEvent) {
        if self.is_aloud() {
            question.tell(event);
        }
    }

    /// Tokens written so far.
    pub(crate) fn written(&self) -> u32 {
        self.usage.answer_tokens + self.usage.thought_tokens
    }

    /// Takes note of what was written and tells it.
    pub(crate) fn take(&mut self, shared: &Shared, question: &Question, piece: Piece) -> Result<()> {
        match piece.kind {
            Kind::Answer => self.usage.answer_tokens += 1,
            Kind::Thought => self.usage.thought_tokens += 1,
        }
        if piece.text.is_empty() {
            return Ok(());
        }
        if !self.begun {
            self.usage.first_token_ms = question.elapsed_ms();
            self.begun = true;
        }
        if piece.kind == Kind::Thought {
            self.tell(question, AnswerEvent::Thought { text: piece.text.clone() });
            self.thought.push_str(&piece.text);
            return Ok(());
        }
        for piece in self.translation.push(piece) {
            self.add(question, piece);
        }
        if self.saved.elapsed() > SAVE_EVERY && self.is_aloud() {
            keep(shared, question, &self.told(), false, None)?;
            self.saved = Instant::now();
        }
        Ok(())
    }

    /// Adds to the answer.
    fn add(&mut self, question: &Question, piece: Piece) {
        let pin = piece.looked.as_ref().and_then(|look| pins::pin(look, &self.segments));
        let looked = piece.looked.map_or_else(Vec::new, |look| pins::gazes(&look.weights, &self.segments));
        self.text.push_str(&piece.text);
        self.tokens.push(TokenRecord { text: piece.text.clone(), pin, looked: looked.clone() });
        self.tell(question, AnswerEvent::Token { text: piece.text, pin, looked });
        self.tell_spans(question, false);
    }

    /// Keeps what was written, however it ended, and says what it took.
    pub(crate) fn end(&mut self, shared: &Shared, question: &Question, complete: bool) -> Result<Pass> {
        for piece in self.translation.finish() {
            self.add(question, piece);
        }
        self.tell_spans(question, true);
        if let Some(counted) = self.conversation.counted() {
            self.usage.prompt_tokens = counted.prompt;
            self.usage.kept_tokens = counted.kept;
            self.usage.answer_tokens = counted.answer;
        }
        let told = self.told();
        if self.is_aloud() {
            keep(shared, question, &told, complete, None)?;
        }
        self.usage.total_ms = question.elapsed_ms();
        Ok(Pass {
            told,
            segments: std::mem::take(&mut self.segments),
            duration: self.duration,
            usage: self.usage,
            thought: std::mem::take(&mut self.thought),
            is_complete_view: self.is_complete_view,
        })
    }

    fn tell_spans(&mut self, question: &Question, ended: bool) {
        for mut span in self.watch.advance(&self.text, ended) {
            span.doubtful = pins::is_doubtful(&self.text, &span, &self.tokens, &self.segments);
            if span.doubtful {
                self.watch.doubt(&span);
            }
            self.tell(question, AnswerEvent::Span(span));
        }
    }

    fn told(&self) -> Told {
        Told { text: self.text.clone(), spans: self.watch.told().to_vec(), tokens: self.tokens.clone() }
    }
}

fn keep(shared: &Shared, question: &Question, told: &Told, complete: bool, course: Option<&Course>) -> Result<()> {
    let Told { text: answer, spans, tokens } = told;
    let update = AnswerUpdate { answer, spans, tokens, complete, course };
    match shared.library.save_answer(question.id, update) {
        // Deleted while it was being answered: the listener still gets the rest.
        Err(store::Error::UnknownQuestion(_)) => Ok(()),
        other => Ok(other?),
    }
}
