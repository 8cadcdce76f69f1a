//! An answer that goes from place to place, a line each.

use timeline::AnswerEvent;
use timeline::video::{SpanInText, TokenRecord};

use crate::question::Question;

/// What was told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) spans: Vec<SpanInText>,
    pub(crate) tokens: Vec<TokenRecord>,
}

impl Told {
    /// This, and `next` on a line of its own.
    pub(crate) fn and(&self, next: &Self) -> Self {
        let mut all = self.clone();
        if !self.text.is_empty() && !next.text.is_empty() {
            all.text.push('\n');
            all.tokens.push(TokenRecord { text: "\n".to_owned(), pin: None, looked: Vec::new() });
        }
        let by = u32::try_from(all.text.len()).unwrap_or(u32::MAX);
        all.text.push_str(&next.text);
        all.spans.extend(next.spans.iter().map(|span| later(span.clone(), by)));
        all.tokens.extend(next.tokens.iter().cloned());
        all
    }

    /// Tells all that is behind the first `tokens` and `spans` of it.
    pub(crate) fn tell(&self, question: &Question, tokens: usize, spans: usize) {
        for TokenRecord { text, pin, looked } in self.tokens.iter().skip(tokens).cloned() {
            question.tell(AnswerEvent::Token { text, pin, looked });
        }
        self.spans.iter().skip(spans).for_each(|span| question.tell(AnswerEvent::Span(span.clone())));
    }
}

fn later(span: SpanInText, by: u32) -> SpanInText {
    SpanInText { from: span.from.saturating_add(by), to: span.to.saturating_add(by), ..span }
}
