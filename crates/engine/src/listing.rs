//! An answer that goes from place to place, a line each.

use timeline::video::{SpanInText, TokenRecord};
use timeline::{AnswerEvent, Span};

use crate::question::Question;
use crate::view::Window;
use crate::writer::Pass;

/// Places that answer by themselves: further ones are told as places found.
const MOST: usize = 8;

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

/// Whether two stretches have more in common than not.
fn is_same(one: Span, two: Span) -> bool {
    let length = |span: Span| span.length().micros();
    let both = (one.end.min(two.end) - one.start.max(two.start)).micros();
    both.saturating_mul(2) > length(Span { start: one.start.min(two.start), end: one.end.max(two.end) }) || one == two
}

/// Places that answer a question each by itself, and what was told of them.
#[derive(Debug, Default)]
pub(crate) struct Places {
    all: Vec<Span>,
    next: usize,
    /// A window of the search that found them.
    window: Option<Window>,
    /// What was told of those before this one, and with it.
    before: Told,
    with_this: Told,
}

impl Places {
    /// all: ascending.
    pub(crate) fn new(all: Vec<Span>, window: Option<Window>) -> Self {
        Self { all, window, ..Self::default() }
    }

    /// The next place.
    pub(crate) fn go_on(&mut self) -> Option<Span> {
        let place = self.all.get(self.next).copied().filter(|_| self.next < MOST)?;
        self.next += 1;
        self.before = self.with_this.clone();
        Some(place)
    }

    /// How many were taken, of how many.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.next, self.all.len().min(MOST))
    }

    /// Whether what was written tells of the place that was taken last, and not of another, of nothing, or what was told before.
    pub(crate) fn has(&self, written: &Pass) -> bool {
        let place = self.next.checked_sub(1).and_then(|at| self.all.get(at));
        place.is_some_and(|place| {
            let margin = written.spacing(place.start).max(written.spacing(place.end));
            let wide = Span { start: place.start - margin, end: place.end + margin };
            let is_news = |now: Span| self.before.spans.iter().all(|told| !is_same(told.span, now));
            written.told.spans.iter().any(|told| told.span.overlaps(wide) && is_news(told.span))
        })
    }

    /// Takes what was written of the place that was taken last, in place of what was told of it before.
    pub(crate) fn stand(&mut self, told: &Told) {
        self.with_this = self.before.and(told);
    }

    /// What was told of the places before this one.
    pub(crate) fn before(&self) -> &Told {
        &self.before
    }

    /// Tokens of all that was told.
    pub(crate) fn tokens(&self) -> usize {
        self.with_this.tokens.len()
    }

    pub(crate) fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    /// No further one is taken; all there were.
    pub(crate) fn end(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.all)
    }
}

#[cfg(test)]
mod tests {
    use timeline::Timestamp;

    use super::*;

    fn span(start: i64, end: i64) -> Span {
        Span::new(Timestamp::from_millis(start), Timestamp::from_millis(end))
    }

    fn told(text: &str, at: &str, span: Span) -> Told {
        let from = text.find(at).unwrap() as u32;
        let spans = vec![SpanInText { from, to: from + at.len() as u32, span, doubtful: false }];
        Told {
            text: text.to_owned(),
            spans,
            tokens: vec![TokenRecord { text: text.to_owned(), pin: None, looked: vec![] }],
        }
    }

    #[test]
    fn what_follows_stands_on_a_line_of_its_own_and_its_times_where_it_is() {
        let first = told("It is there at 3 s.", "3 s", span(3_000, 3_000));
        let all =
            Told::default().and(&first).and(&Told::default()).and(&told("红心在 9 s。", "9 s", span(9_000, 9_000)));
        assert_eq!(all.text, "It is there at 3 s.\n红心在 9 s。");
        let words: Vec<_> = all.spans.iter().map(|span| &all.text[span.from as usize..span.to as usize]).collect();
        assert_eq!(words, ["3 s", "9 s"]);
        assert_eq!(all.tokens.iter().map(|token| token.text.as_str()).collect::<String>(), all.text);
    }

    #[test]
    fn stretches_with_more_in_common_than_not_are_the_same() {
        assert!(is_same(span(306_000, 307_900), span(306_100, 307_800)) && is_same(span(5, 5), span(5, 5)));
        assert!(!is_same(span(499_500, 551_800), span(543_800, 544_200)) && !is_same(span(1, 2), span(3, 4)));
    }
}
