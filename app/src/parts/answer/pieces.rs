//! An answer cut into what can be clicked and what cannot: spans become chips, pinned words keep their moment.

use timeline::video::{SpanInText, TokenRecord};
use timeline::{Pin, Span, Timestamp};

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Words, with the moment they describe where the model has a time pointer.
    Words {
        /// The text.
        text: String,
        /// Where the model looked while writing it.
        pin: Option<Pin>,
    },
    /// A stretch of time.
    Chip {
        /// As written.
        text: String,
        /// What it means.
        span: Span,
    },
}

/// Neighbouring words whose moments are closer than this are one piece: an underline per syllable helps nobody.
const SAME: Timestamp = Timestamp::from_millis(750);

/// Cuts an answer.
pub fn pieces(answer: &str, spans: &[SpanInText], tokens: &[TokenRecord]) -> Vec<Piece> {
    let mut spans: Vec<&SpanInText> = spans.iter().collect();
    spans.sort_by_key(|span| span.from);
    let pins = pinned(answer, tokens);
    let mut out = Vec::new();
    let mut at = 0;
    for span in spans {
        let (from, to) = (span.from as usize, span.to as usize);
        // Offsets that do not fit the text (or overlap) come from nowhere; the words stay words.
        let (true, Some(text)) = (from >= at, answer.get(from..to)) else { continue };
        words(answer, at, from, &pins, &mut out);
        out.push(Piece::Chip { text: text.to_owned(), span: span.span });
        at = to;
    }
    words(answer, at, answer.len(), &pins, &mut out);
    out
}

/// Runs of the text with one pin each: `[from, to)`.
fn pinned(answer: &str, tokens: &[TokenRecord]) -> Vec<(usize, usize, Pin)> {
    let mut runs: Vec<(usize, usize, Pin)> = Vec::new();
    let mut at = 0;
    for token in tokens {
        let to = at + token.text.len();
        if let Some(pin) = token.pin {
            match runs.last_mut() {
                Some(last) if last.1 == at && last.2.at.distance(pin.at) < SAME => last.1 = to,
                _ => runs.push((at, to, pin)),
            }
        }
        at = to;
    }
    // Tokens that are not this text pin nothing.
    if at == answer.len() { runs } else { Vec::new() }
}

fn words(answer: &str, from: usize, to: usize, pins: &[(usize, usize, Pin)], out: &mut Vec<Piece>) {
    let mut say = |text: &str, pin: Option<Pin>| {
        if !text.is_empty() {
            out.push(Piece::Words { text: text.to_owned(), pin });
        }
    };
    // Spaces and punctuation around pinned words describe nothing.
    let mut push = |from: usize, to: usize, pin: Option<Pin>| {
        let text = answer.get(from..to).unwrap_or_default();
        let core = text.trim_matches(|c: char| !c.is_alphanumeric());
        match (pin, text.split_once(core)) {
            (Some(pin), Some((before, after))) if !core.is_empty() => {
                say(before, None);
                say(core, Some(pin));
                say(after, None);
            }
            _ => say(text, None),
        }
    };
    let mut at = from;
    for (start, end, pin) in pins {
        let (start, end) = ((*start).clamp(at, to.max(at)), (*end).clamp(at, to.max(at)));
        if start < end {
            push(at, start, None);
            push(start, end, Some(*pin));
            at = end;
        }
    }
    push(at, to, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: u32, to: u32) -> SpanInText {
        SpanInText { from, to, span: Span::new(Timestamp::from_seconds(1.0), Timestamp::from_seconds(2.0)) }
    }

    fn texts(pieces: &[Piece]) -> Vec<(&str, bool)> {
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Words { text, .. } => (text.as_str(), false),
                Piece::Chip { text, .. } => (text.as_str(), true),
            })
            .collect()
    }

    #[test]
    fn spans_become_chips_in_order() {
        let answer = "红色在 1.0 秒到 2.0 秒出现。";
        let from = answer.find("1.0").map_or(0, |at| at as u32);
        let to = answer.find("出现").map_or(0, |at| at as u32);
        let cut = pieces(answer, &[span(from, to)], &[]);
        assert_eq!(texts(&cut), [("红色在 ", false), ("1.0 秒到 2.0 秒", true), ("出现。", false)]);
    }

    #[test]
    fn offsets_that_do_not_fit_leave_the_words_alone() {
        assert_eq!(texts(&pieces("红", &[span(1, 2)], &[])), [("红", false)]);
        assert_eq!(texts(&pieces("ab", &[span(0, 9)], &[])), [("ab", false)]);
        assert_eq!(texts(&pieces("abcd", &[span(0, 3), span(1, 4)], &[])), [("abc", true), ("d", false)]);
    }

    #[test]
    fn words_of_one_moment_are_one_piece() {
        let pin = |seconds| Some(Pin { at: Timestamp::from_seconds(seconds), spread: Timestamp::ZERO });
        let tokens: Vec<TokenRecord> = [("The ", pin(1.0)), ("red ", pin(1.2)), ("box", pin(9.0)), (".", None)]
            .into_iter()
            .map(|(text, pin)| TokenRecord { text: text.to_owned(), pin })
            .collect();
        let cut = pieces("The red box.", &[], &tokens);
        assert_eq!(texts(&cut), [("The red", false), (" ", false), ("box", false), (".", false)]);
        assert_eq!(pieces("something else", &[], &tokens).len(), 1);
    }
}
