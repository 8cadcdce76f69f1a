//! Words made into cues that can be read: a sentence or a part of one, no longer than a subtitle should be.

use timeline::cues::{Cue, Word};
use timeline::{Span, Timestamp};

/// A cue, and when each of its words is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// What is shown, from the first word to the last.
    pub cue: Cue,
    /// Its words as they join to the text, spaces before them included.
    pub words: Vec<Word>,
}

/// The longest a cue may last.
const LONGEST: Timestamp = Timestamp::from_millis(7_000);
/// The shortest that can be seen.
const SHORTEST: Timestamp = Timestamp::from_millis(300);
/// A pause that ends a cue.
const PAUSE: Timestamp = Timestamp::from_millis(800);
/// Two lines of a subtitle, in letters; those of full width count twice.
const WIDEST: usize = 84;
/// A sentence that is shorter does not end a cue: it may be "Mr.".
const NARROWEST: usize = 12;

/// Cuts words at the ends of sentences, at pauses, and where a cue would grow too long.
pub(crate) fn phrases(words: Vec<Word>) -> Vec<Phrase> {
    let (mut done, mut open): (Vec<Phrase>, Vec<Word>) = Default::default();
    for word in words {
        if open.last().is_some_and(|last| word.span.start - last.span.end >= PAUSE) {
            done.extend(phrase(std::mem::take(&mut open)));
        }
        while is_full(&open, &word) {
            let rest = open.split_off(best_cut(&open));
            done.extend(phrase(std::mem::replace(&mut open, rest)));
        }
        let ends = ends_with(&word, ".?!。？！…");
        open.push(word);
        if ends && width(&open) >= NARROWEST {
            done.extend(phrase(std::mem::take(&mut open)));
        }
    }
    done.extend(phrase(open));
    lengthen(&mut done);
    done
}

fn is_full(open: &[Word], next: &Word) -> bool {
    let Some(first) = open.first() else { return false };
    next.span.end - first.span.start > LONGEST || width(open) + width(std::slice::from_ref(next)) > WIDEST
}

/// Words before the best place for a cut: after the last comma that leaves a cue of some length, else all of them.
fn best_cut(open: &[Word]) -> usize {
    let comma = open.iter().rposition(|word| ends_with(word, ",;:，、；：—")).map(|at| at + 1);
    comma.filter(|at| at * 3 >= open.len()).unwrap_or(open.len())
}

fn ends_with(word: &Word, marks: &str) -> bool {
    let bare = word.text.trim_end_matches(['"', '\'', '”', '’', ')', '」', '』', ' ']);
    bare.chars().next_back().is_some_and(|last| marks.contains(last))
}

fn width(words: &[Word]) -> usize {
    // Chinese, Japanese and Korean begin at U+1100.
    words.iter().flat_map(|word| word.text.chars()).map(|c| if c >= '\u{1100}' { 2 } else { 1 }).sum()
}

fn phrase(words: Vec<Word>) -> Option<Phrase> {
    let text = timeline::cues::tidy(&words.iter().map(|word| word.text.as_str()).collect::<String>());
    let span = Span { start: words.first()?.span.start, end: words.last()?.span.end };
    (!text.is_empty()).then_some(Phrase { cue: Cue { span, text }, words })
}

/// Gives cues of a word or two the time to be seen, where the next one leaves it.
fn lengthen(phrases: &mut [Phrase]) {
    let next: Vec<_> = phrases.iter().skip(1).map(|phrase| Some(phrase.cue.span.start)).chain([None]).collect();
    for (Phrase { cue, .. }, next) in phrases.iter_mut().zip(next) {
        let wanted = cue.span.start + SHORTEST;
        let until = next.map_or(wanted, |next| next.min(wanted));
        cue.span.end = cue.span.end.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(text: &str, begin: i64, each: i64) -> Vec<Word> {
        (0..)
            .zip(text.split_inclusive(' '))
            .map(|(n, word)| {
                let start = begin + n * each;
                let span = Span::new(Timestamp::from_millis(start), Timestamp::from_millis(start + each));
                Word { span, text: format!(" {}", word.trim()) }
            })
            .collect()
    }

    fn shown(words: Vec<Word>) -> Vec<(i64, i64, String)> {
        let span = |phrase: &Phrase| (phrase.cue.span.start.micros() / 1_000, phrase.cue.span.end.micros() / 1_000);
        phrases(words).iter().map(|p| (span(p).0, span(p).1, p.cue.text.clone())).collect()
    }

    #[test]
    fn sentences_and_pauses_end_cues() {
        let mut words = spoken("Mr. Lorry was a clerk. He paused", 0, 300);
        words.extend(spoken("and went on.", 5_000, 300));
        let expected = [
            (0, 1_500, "Mr. Lorry was a clerk.".to_owned()),
            (1_500, 2_100, "He paused".to_owned()),
            (5_000, 5_900, "and went on.".to_owned()),
        ];
        assert_eq!(shown(words), expected);
    }

    #[test]
    fn long_sentences_are_cut_at_commas_and_never_exceed_a_subtitle() {
        let text = "it was the best of times, it was the worst of times, it was the age of wisdom, it was the age \
                    of foolishness, it was the epoch of belief";
        let cues = shown(spoken(text, 0, 250));
        assert_eq!(cues[0].2, "it was the best of times, it was the worst of times, it was the age of wisdom,");
        assert!(cues.iter().all(|(start, end, text)| end - start <= 7_000 && text.chars().count() <= WIDEST));
        let all: Vec<_> = cues.iter().map(|cue| cue.2.as_str()).collect();
        assert_eq!(all.join(" "), text.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(shown(spoken("one two three", 0, 4_000)).len(), 3);
    }

    #[test]
    fn letters_of_full_width_count_twice_and_a_single_word_can_be_seen() {
        let words: Vec<Word> = (0..60)
            .map(|n| Word {
                span: Span::new(Timestamp::from_millis(n * 50), Timestamp::from_millis(n * 50 + 50)),
                text: "熵".into(),
            })
            .collect();
        let cues = shown(words);
        assert_eq!(cues.iter().map(|cue| cue.2.chars().count()).collect::<Vec<_>>(), [42, 18]);
        assert_eq!(shown(spoken("Yes.", 1_000, 40)), [(1_000, 1_300, "Yes.".to_owned())]);
        assert!(phrases(Vec::new()).is_empty());
    }
}
