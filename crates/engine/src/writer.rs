//! An answer as it is written: told, searched for times, and made durable while it grows.

use std::time::{Duration, Instant};

use store::AnswerUpdate;
use timeline::events::Usage;
use timeline::video::TokenRecord;
use timeline::{AnswerEvent, Span, Timestamp};

use crate::backend::{Conversation, Piece};
use crate::error::Result;
use crate::pins;
use crate::question::Question;
use crate::spans::SpanWatch;
use crate::thought::Kind;
use crate::worker::Shared;

/// How often a growing answer is made durable.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// An answer and the conversation that writes it.
pub(crate) struct Writer {
    pub(crate) conversation: Box<dyn Conversation>,
    /// The segments the model was shown.
    segments: Vec<Span>,
    usage: Usage,
    text: String,
    tokens: Vec<TokenRecord>,
    watch: SpanWatch,
    saved: Instant,
    /// Whether a first word, thought or said, was told.
    begun: bool,
}

impl Writer {
    /// usage: what is known of it before the first word.
    pub(crate) fn new(
        conversation: Box<dyn Conversation>,
        segments: Vec<Span>,
        duration: Timestamp,
        usage: Usage,
    ) -> Self {
        let watch = SpanWatch::new(duration);
        let (text, tokens, saved) = (String::new(), Vec::new(), Instant::now());
        Self { conversation, segments, usage, text, tokens, watch, saved, begun: false }
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
            question.tell(AnswerEvent::Thought { text: piece.text });
            return Ok(());
        }
        let pin = piece.looked.as_ref().and_then(|look| pins::pin(look, &self.segments));
        let looked = piece.looked.map_or_else(Vec::new, |look| pins::gazes(&look.weights, &self.segments));
        self.text.push_str(&piece.text);
        self.tokens.push(TokenRecord { text: piece.text.clone(), pin, looked: looked.clone() });
        question.tell(AnswerEvent::Token { text: piece.text, pin, looked });
        self.tell_spans(question, false);
        if self.saved.elapsed() > SAVE_EVERY {
            self.keep(shared, question, false)?;
            self.saved = Instant::now();
        }
        Ok(())
    }

    /// Keeps what was written, however it ended, and says what it took.
    pub(crate) fn end(&mut self, shared: &Shared, question: &Question, complete: bool) -> Result<Usage> {
        self.tell_spans(question, true);
        if let Some(counted) = self.conversation.counted() {
            self.usage.prompt_tokens = counted.prompt;
            self.usage.kept_tokens = counted.kept;
            self.usage.answer_tokens = counted.answer;
        }
        self.keep(shared, question, complete)?;
        self.usage.total_ms = question.elapsed_ms();
        Ok(self.usage)
    }

    fn tell_spans(&mut self, question: &Question, ended: bool) {
        for mut span in self.watch.advance(&self.text, ended) {
            span.doubtful = pins::is_doubtful(&self.text, &span, &self.tokens, &self.segments);
            if span.doubtful {
                self.watch.doubt(&span);
            }
            question.tell(AnswerEvent::Span(span));
        }
    }

    fn keep(&self, shared: &Shared, question: &Question, complete: bool) -> Result<()> {
        let update = AnswerUpdate { answer: &self.text, spans: self.watch.told(), tokens: &self.tokens, complete };
        match shared.library.save_answer(question.id, update) {
            // Deleted while it was being answered: the listener still gets the rest.
            Err(store::Error::UnknownQuestion(_)) => Ok(()),
            other => Ok(other?),
        }
    }
}
