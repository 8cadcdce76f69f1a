//! An answer on the model's clock, told on the video's own while it is being written.

use std::sync::Arc;

use timeline::{Mention, Span, Timestamp, mentions};

use crate::backend::Piece;
use crate::clock::{Clock, Even};
use crate::spans::is_settled;
use crate::thought::Kind;

/// Beyond any time a model may write: what it means is for the clock to say.
const FOREVER: Timestamp = Timestamp::from_millis(1_000_000_000_000);

/// Translates a text as it grows: words at once, a number as soon as nothing that may follow can change what it means.
#[derive(Debug)]
pub(crate) struct Translation {
    clock: Option<Arc<Even>>,
    /// What the model has written.
    raw: String,
    /// Bytes of it that were given out.
    given: usize,
    /// Pieces whose text was not given out yet, or not all of it: where each begins, and itself.
    held: Vec<(usize, Piece)>,
}

impl Translation {
    pub(crate) fn new(clock: &Clock) -> Self {
        let clock = match clock {
            Clock::Own => None,
            Clock::Even(even) => Some(Arc::clone(even)),
        };
        Self { clock, raw: String::new(), given: 0, held: Vec::new() }
    }

    /// What may be told now that a further piece was written.
    pub(crate) fn push(&mut self, piece: Piece) -> Vec<Piece> {
        let Some(clock) = self.clock.clone() else { return vec![piece] };
        if piece.kind == Kind::Thought || piece.text.is_empty() {
            return vec![piece];
        }
        let from = self.raw.len();
        self.raw.push_str(&piece.text);
        self.held.push((from, piece));
        self.give(&clock, false)
    }

    /// What is left when nothing follows.
    pub(crate) fn finish(&mut self) -> Vec<Piece> {
        self.clock.clone().map_or_else(Vec::new, |clock| self.give(&clock, true))
    }

    fn give(&mut self, clock: &Even, ended: bool) -> Vec<Piece> {
        let mut out = Vec::new();
        let found = mentions::find(&self.raw, FOREVER);
        while self.given < self.raw.len() {
            let rest = self.raw.get(self.given..).unwrap_or_default();
            let words = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            if words > 0 {
                self.tell_words(self.given + words, &mut out);
                continue;
            }
            let mention = found.iter().find(|mention| mention.from == self.given);
            let number = rest.find(|c: char| !is_number(c)).unwrap_or(rest.len());
            let to = mention.map_or(self.given + number, |mention| mention.to);
            if !ended && !self.raw.get(to..).is_some_and(is_settled) {
                break;
            }
            let parts = match mention {
                Some(mention) => told(clock, &self.raw, mention),
                None => vec![(self.given, self.raw.get(self.given..to).unwrap_or_default().to_owned())],
            };
            for (from, text) in parts {
                self.given = from;
                self.tell(to, text, &mut out);
            }
        }
        self.forget();
        out
    }

    /// Gives out words up to a place, each piece of them by itself.
    fn tell_words(&mut self, to: usize, out: &mut Vec<Piece>) {
        while self.given < to {
            let next = self.held.iter().map(|(from, _)| *from).find(|from| *from > self.given);
            let end = next.map_or(to, |next| next.min(to));
            let text = self.raw.get(self.given..end).unwrap_or_default().to_owned();
            self.tell(end, text, out);
        }
    }

    /// Gives out `text` for what the model wrote up to `to`; where it looked is where it did at the beginning of that.
    fn tell(&mut self, to: usize, text: String, out: &mut Vec<Piece>) {
        let at = self.held.partition_point(|(from, _)| *from <= self.given).saturating_sub(1);
        let looked = self.held.get(at).and_then(|(_, piece)| piece.looked.clone());
        out.push(Piece { text, kind: Kind::Answer, looked });
        self.given = to;
    }

    /// Forgets pieces that were given out.
    fn forget(&mut self) {
        let given = self.given;
        self.held.retain(|(from, piece)| from + piece.text.len() > given);
    }
}

/// A mention in what the model wrote, in the video's time.
fn told(clock: &Even, raw: &str, mention: &Mention) -> Vec<(usize, String)> {
    let decimals = clock.decimals(mention.span.start).max(clock.decimals(mention.span.end));
    let span = match mention.joined {
        true => clock.told_span(mention.span),
        false => Span::at(clock.told(mention.span.start)),
    };
    mentions::rewritten(raw, mention, decimals, span)
}

fn is_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '.' | ':')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use qwen3_vl::Look;

    use super::*;

    /// Segments two seconds apart from minute ten on.
    fn clock() -> Clock {
        let at = |i: i64| Timestamp::from_millis(600_000 + 2_000 * i);
        let segments: Vec<_> = (0..100).map(|i| Span::new(at(i), at(i) + Timestamp::from_millis(500))).collect();
        Clock::of(&segments, Some(Timestamp::from_millis(1_000)), Timestamp::from_millis(900_000))
    }

    fn piece(text: &str, looked: f32) -> Piece {
        let looked = Some(Look { weights: vec![looked], proposed: None });
        Piece { text: text.to_owned(), kind: Kind::Answer, looked }
    }

    fn told(texts: &[&str]) -> Vec<(String, f32)> {
        let mut translation = Translation::new(&clock());
        let mut out: Vec<_> =
            (0_u8..).zip(texts).flat_map(|(i, text)| translation.push(piece(text, f32::from(i)))).collect();
        out.extend(translation.finish());
        out.into_iter().map(|piece| (piece.text, piece.looked.map_or(-1.0, |look| look.weights[0]))).collect()
    }

    fn text(of: &[(String, f32)]) -> String {
        of.iter().map(|(text, _)| text.as_str()).collect()
    }

    #[test]
    fn times_are_told_on_the_clock_of_the_video_and_other_numbers_as_they_are() {
        let out =
            told(&["The 2", " hearts", " come", " at", " ", "1", "2", ".", "2", " to", " 1", "5.2", " seconds", "."]);
        assert_eq!(text(&out), "The 2 hearts come at 624.0 to 631.2 seconds.");
        assert_eq!(text(&told(&["3", " times", ":", " 1", ".2", " s", ",", " 2.2 s"])), "3 times: 602.2 s, 604.2 s");
        assert_eq!(
            text(&told(&["红色", "爱心在 ", "4.2", " 秒到 ", "5", ".2 秒", "出现。"])),
            "红色爱心在 608.0 秒到 611.2 秒出现。"
        );
        let in_hours = text(&told(&["0 h", " 0", " min 4", " s."]));
        assert_eq!(in_hours, text(&told(&["0 h 0 min 4 s."])), "an hour waits for its minutes");
    }

    #[test]
    fn words_keep_their_pieces_and_a_time_is_where_its_first_digit_looked() {
        let out = told(&["It is", " at", " 1", ".2", " s", " now."]);
        let expected = [("It is", 0.0), (" at", 1.0), (" ", 2.0), ("602.2 s", 2.0), (" now.", 5.0)];
        assert_eq!(out, expected.map(|(text, looked)| (text.to_owned(), looked)));
    }

    #[test]
    fn both_times_of_a_stretch_keep_where_the_model_looked() {
        let out = told(&["from", " 1", ".2", " to", " ", "3", ".2", " s", "."]);
        let parts = [("from", 0.0), (" ", 1.0), ("602.0", 1.0), (" to ", 3.0), ("607.2 s", 5.0), (".", 8.0)];
        assert_eq!(out, parts.map(|(text, looked)| (text.to_owned(), looked)));
    }

    #[test]
    fn a_clock_that_is_the_video_s_own_changes_nothing() {
        let mut translation = Translation::new(&Clock::Own);
        assert_eq!(translation.push(piece("12", 1.0)), [piece("12", 1.0)]);
        assert!(translation.finish().is_empty());
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_text_is_the_same(words in "[0-9:. a-zA-Z秒到分\\-]{0,50}", cuts in proptest::collection::vec(1_usize..6, 50)) {
            let characters: Vec<_> = words.chars().collect();
            let (mut pieces, mut at) = (Vec::new(), 0);
            for cut in cuts {
                let end = characters.len().min(at + cut);
                pieces.push(characters[at..end].iter().collect::<String>());
                at = end;
            }
            let pieces: Vec<_> = pieces.iter().map(String::as_str).collect();
            let whole: String = pieces.concat();
            prop_assert_eq!(text(&told(&pieces)), text(&told(&[&whole])));
        }
    }
}
