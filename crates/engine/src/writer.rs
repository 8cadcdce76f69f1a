//! An answer as it is written: told, searched for times, and made durable while it grows.

use std::time::{Duration, Instant};

use store::AnswerUpdate;
use timeline::events::Usage;
use timeline::video::TokenRecord;
use timeline::{AnswerEvent, Pin, Span, Timestamp};

use crate::backend::{Conversation, Piece};
use crate::error::Result;
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
        let pin = piece.looked.and_then(|weights| pin(&weights, &self.segments));
        self.text.push_str(&piece.text);
        self.tokens.push(TokenRecord { text: piece.text.clone(), pin });
        question.tell(AnswerEvent::Token { text: piece.text, pin });
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
        for span in self.watch.advance(&self.text, ended) {
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

/// The mean and standard deviation of where the model looked, over the middles of the segments shown.
fn pin(weights: &[f32], segments: &[Span]) -> Option<Pin> {
    let moments = || weights.iter().zip(segments).map(|(w, segment)| (f64::from(*w), middle(*segment)));
    let total: f64 = moments().map(|(w, _)| w).sum();
    if !(total.is_finite() && total > 0.0) {
        return None;
    }
    let mean = moments().map(|(w, t)| w * t).sum::<f64>() / total;
    let variance = moments().map(|(w, t)| w * (t - mean).powi(2)).sum::<f64>() / total;
    Some(Pin { at: Timestamp::from_seconds(mean), spread: Timestamp::from_seconds(variance.max(0.0).sqrt()) })
}

fn middle(span: Span) -> f64 {
    span.start.midpoint(span.end).seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_the_mean_and_spread_of_the_look() {
        let segments = [1.0, 3.0, 5.0].map(|seconds| Span::at(Timestamp::from_seconds(seconds)));
        let found = pin(&[0.25, 0.5, 0.25], &segments).unwrap();
        assert_eq!(found.at, Timestamp::from_seconds(3.0));
        assert_eq!(found.spread, Timestamp::from_seconds(2.0_f64.sqrt()));
        assert_eq!(pin(&[0.0, 0.0, 0.0], &segments), None);
        assert_eq!(pin(&[f32::NAN], &segments), None);
    }
}
