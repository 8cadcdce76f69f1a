//! Cues laid between the segments of a video: each goes to the time window of the segment during which it begins, written
//! with its own times.
//!
//! A segment's window reaches from its first frame to the first frame of the next; the first one also has what is earlier,
//! the last one what is later. Long cues, such as half a minute of a speech transcript, are cut into pieces first, so that
//! words stand near the pictures they were said to.

use super::export::line;
use super::{Cue, language};
use crate::time::{Span, Timestamp};

/// A cue that lasts longer is cut.
const LONGEST: i64 = 10_000_000;
/// How long its pieces are, at most.
const PIECE: i64 = 5_000_000;

/// For every segment, the cues that belong before it, as indices; ascending. What lies outside the video belongs nowhere.
///
/// segments: ascending; duration: the video's.
pub fn assign(cues: &[Cue], segments: &[Span], duration: Timestamp) -> Vec<Vec<usize>> {
    let mut windows = vec![Vec::new(); segments.len()];
    for (index, cue) in cues.iter().enumerate() {
        if cue.span.end < Timestamp::ZERO || cue.span.start > duration {
            continue;
        }
        let window = segments.partition_point(|segment| segment.start <= cue.span.start).saturating_sub(1);
        if let Some(window) = windows.get_mut(window) {
            window.push(index);
        }
    }
    windows
}

/// How a cue reads in a prompt: `[subtitle 12.3-14.0 s] Hello` and a line end.
pub fn caption(cue: &Cue) -> String {
    let seconds = |at: Timestamp| format!("{:.1}", at.max(Timestamp::ZERO).seconds());
    format!("[subtitle {}-{} s] {}\n", seconds(cue.span.start), seconds(cue.span.end), line(&cue.text))
}

/// The cues, long ones cut at the ends of sentences or words; each piece has the share of the time that its letters have of
/// the text.
pub fn pieces(cues: &[Cue]) -> Vec<Cue> {
    cues.iter().flat_map(cut).collect()
}

fn cut(cue: &Cue) -> Vec<Cue> {
    let length = cue.span.length().micros();
    let text = line(&cue.text);
    let letters = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if length <= LONGEST || letters < 2 {
        return vec![cue.clone()];
    }
    let wanted = length / PIECE + i64::from(length % PIECE > 0);
    let mut pieces = Vec::new();
    let (mut from, mut passed) = (0_i64, 0_i64);
    let mut own = String::new();
    let at = |letter: i64| {
        let share = i128::from(length) * i128::from(letter) / i128::from(letters);
        cue.span.start + Timestamp::from_micros(i64::try_from(share).unwrap_or(length))
    };
    for c in text.chars() {
        own.push(c);
        passed += 1;
        let full = passed.saturating_mul(wanted) >= (from.saturating_mul(wanted)).saturating_add(letters);
        // A sentence may end a little early; a word without an end is not waited for longer than half a piece more.
        let nearly = (passed - from).saturating_mul(wanted).saturating_mul(4) >= letters.saturating_mul(3);
        let late = (passed - from).saturating_mul(wanted).saturating_mul(2) >= letters.saturating_mul(3);
        if late || (full && is_word_end(c)) || (nearly && is_sentence_end(c)) {
            pieces.push(piece(&own, at(from), at(passed)));
            (from, own) = (passed, String::new());
        }
    }
    pieces.push(piece(&own, at(from), cue.span.end));
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

fn piece(text: &str, start: Timestamp, end: Timestamp) -> Cue {
    Cue { span: Span { start, end }, text: text.trim().to_owned() }
}

fn is_sentence_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | ';' | '。' | '！' | '？' | '；' | '…')
}

fn is_word_end(c: char) -> bool {
    c.is_whitespace() || is_sentence_end(c) || matches!(c, ',' | '，' | '、' | '：') || language::is_unspaced(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn cue(start: f64, end: f64, text: &str) -> Cue {
        Cue { span: Span::new(at(start), at(end)), text: text.to_owned() }
    }

    #[test]
    fn every_cue_stands_before_the_segment_in_whose_window_it_begins() {
        let segments = [(0.0, 0.5), (1.0, 1.5), (2.0, 2.5)].map(|(a, b)| Span::new(at(a), at(b)));
        let cues = [
            cue(-5.0, -4.0, "before the video"),
            cue(-0.5, 0.4, "over its start"),
            cue(0.9, 1.4, "a"),
            cue(1.0, 1.1, "b"),
            cue(1.99, 5.0, "c"),
            cue(9.0, 9.5, "after the last segment"),
            cue(11.0, 12.0, "after the video"),
        ];
        assert_eq!(assign(&cues, &segments, at(10.0)), [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(assign(&cues, &[], at(10.0)), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn a_caption_is_one_line_with_its_times() {
        assert_eq!(caption(&cue(12.34, 14.0, "Hello\nworld")), "[subtitle 12.3-14.0 s] Hello world\n");
        assert_eq!(caption(&cue(-0.5, 1.0, "x")), "[subtitle 0.0-1.0 s] x\n");
    }

    #[test]
    fn long_cues_are_cut_between_words_and_short_ones_stay() {
        let short = cue(0.0, 9.0, "one two three four five six");
        assert_eq!(pieces(std::slice::from_ref(&short)), [short]);
        let long = cue(0.0, 12.0, "One two three. Four five six seven. Eight nine ten eleven.");
        let cut = pieces(&[long]);
        let texts: Vec<_> = cut.iter().map(|cue| cue.text.as_str()).collect();
        assert_eq!(texts, ["One two three. Four", "five six seven.", "Eight nine ten eleven."]);
        let chinese = pieces(&[cue(0.0, 12.0, "一二三四五六七八九十甲乙")]);
        assert_eq!(
            chinese.iter().map(|cue| cue.text.as_str()).collect::<Vec<_>>(),
            ["一二三四", "五六七八", "九十甲乙"]
        );
    }

    proptest! {
        #[test]
        fn cutting_loses_no_letter_and_no_time(text in "[a-z 。字,.]{1,200}", length in 1_i64..120_000_000) {
            let text = super::super::tidy(&text);
            let whole = Cue { span: Span { start: at(3.0), end: at(3.0) + Timestamp::from_micros(length) }, text };
            let cut = pieces(std::slice::from_ref(&whole));
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(cut.iter().map(|cue| letters(&cue.text)).collect::<String>(), letters(&whole.text));
            prop_assert!(cut.windows(2).all(|w| w[0].span.end <= w[1].span.start));
            prop_assert!(cut.iter().all(|cue| cue.span.start >= whole.span.start && cue.span.end <= whole.span.end));
        }
    }
}
