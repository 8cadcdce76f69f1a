//! An answer cut into what can be clicked and what cannot: spans become chips, pinned words keep their moment.

use timeline::video::{SpanInText, TokenRecord};
use timeline::{Gaze, Pin, Span, Timestamp};

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Words, with the moment they describe where the model has a time pointer.
    Words {
        /// The text.
        text: String,
        /// Where the model looked while writing it.
        pin: Option<Pinned>,
    },
    /// A stretch of time.
    Chip {
        /// As written.
        text: String,
        /// What it means.
        span: Span,
        /// Whether the model looked elsewhere while it wrote it.
        doubtful: bool,
    },
}

/// A moment, and the segments it was seen in.
#[derive(Debug, Clone, PartialEq)]
pub struct Pinned {
    /// The moment.
    pub pin: Pin,
    /// The segments looked at most.
    pub looked: Vec<Gaze>,
}

/// How sure a pin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sureness {
    /// Within a few segments.
    Sure,
    /// Within a stretch of the video.
    Unsure,
    /// Anywhere.
    Lost,
}

impl Sureness {
    /// step: from one segment to the next.
    pub fn of(pin: Pin, step: Timestamp) -> Self {
        let step = step.max(Timestamp::from_millis(500)).micros();
        match pin.spread.micros() / step {
            ..2 => Self::Sure,
            2..8 => Self::Unsure,
            _ => Self::Lost,
        }
    }

    /// For the stylesheet.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sure => "sure",
            Self::Unsure => "unsure",
            Self::Lost => "lost",
        }
    }
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
        out.push(Piece::Chip { text: text.to_owned(), span: span.span, doubtful: span.doubtful });
        at = to;
    }
    words(answer, at, answer.len(), &pins, &mut out);
    out
}

/// Runs of the text with one pin each: `[from, to)`.
fn pinned(answer: &str, tokens: &[TokenRecord]) -> Vec<(usize, usize, Pinned)> {
    let mut runs: Vec<(usize, usize, Pinned)> = Vec::new();
    let mut at = 0;
    for token in tokens {
        let to = at + token.text.len();
        if let Some(pin) = token.pin {
            match runs.last_mut() {
                Some(last) if last.1 == at && last.2.pin.at.distance(pin.at) < SAME => last.1 = to,
                _ => runs.push((at, to, Pinned { pin, looked: token.looked.clone() })),
            }
        }
        at = to;
    }
    // Tokens that are not this text pin nothing.
    if at == answer.len() { runs } else { Vec::new() }
}

fn words(answer: &str, from: usize, to: usize, pins: &[(usize, usize, Pinned)], out: &mut Vec<Piece>) {
    let mut say = |text: &str, pin: Option<Pinned>| {
        if !text.is_empty() {
            out.push(Piece::Words { text: text.to_owned(), pin });
        }
    };
    // Spaces and punctuation around pinned words describe nothing.
    let mut push = |from: usize, to: usize, pin: Option<Pinned>| {
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
            push(start, end, Some(pin.clone()));
            at = end;
        }
    }
    push(at, to, None);
}

/// What a chip says: the time as it is written, or, of many seconds, as a player shows it.
pub fn label(written: String, span: Span) -> String {
    let is_long = span.end >= Timestamp::from_millis(60_000);
    if !is_long || written.contains([':', '分']) || written.to_lowercase().contains("min") {
        return written;
    }
    let (start, end) = (span.start.clock_tenths(), span.end.clock_tenths());
    if start == end { start } else { format!("{start}–{end}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: u32, to: u32) -> SpanInText {
        let span = Span::new(Timestamp::from_seconds(1.0), Timestamp::from_seconds(2.0));
        SpanInText { from, to, span, doubtful: false }
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
    fn many_seconds_are_shown_as_a_player_shows_them() {
        let label = |text: &str, start, end| {
            label(text.to_owned(), Span::new(Timestamp::from_seconds(start), Timestamp::from_seconds(end)))
        };
        assert_eq!(label("12.0 to 18.5 seconds", 12.0, 18.5), "12.0 to 18.5 seconds");
        assert_eq!(label("4387.00 to 4394.38 seconds", 4387.0, 4394.38), "1:13:07.0–1:13:14.4");
        assert_eq!(label("72.2 秒", 72.2, 72.2), "1:12.2");
        assert_eq!(label("1:13 - 1:20", 73.0, 80.0), "1:13 - 1:20");
        assert_eq!(label("2 minutes", 120.0, 120.0), "2 minutes");
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
        let pin = |seconds| Some(Pin { at: Timestamp::from_seconds(seconds), spread: Timestamp::ZERO, proposed: None });
        let tokens: Vec<TokenRecord> = [("The ", pin(1.0)), ("red ", pin(1.2)), ("box", pin(9.0)), (".", None)]
            .into_iter()
            .map(|(text, pin)| TokenRecord { text: text.to_owned(), pin, looked: Vec::new() })
            .collect();
        let cut = pieces("The red box.", &[], &tokens);
        assert_eq!(texts(&cut), [("The red", false), (" ", false), ("box", false), (".", false)]);
        assert_eq!(pieces("something else", &[], &tokens).len(), 1);
    }

    #[test]
    fn a_pin_is_as_sure_as_its_spread_is_small_beside_the_segments() {
        let seconds = Timestamp::from_seconds;
        let sure = |spread: f64, step: f64| {
            let pin = Pin { at: Timestamp::ZERO, spread: seconds(spread), proposed: None };
            Sureness::of(pin, seconds(step))
        };
        assert_eq!(
            [sure(0.4, 1.0), sure(3.0, 1.0), sure(30.0, 1.0)],
            [Sureness::Sure, Sureness::Unsure, Sureness::Lost]
        );
        assert_eq!([sure(3.0, 8.0), sure(0.9, 0.0)], [Sureness::Sure, Sureness::Sure]);
    }
}
