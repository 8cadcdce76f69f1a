//! Words found in cues at once: an index of folded words and, where a script writes no spaces, of pairs of characters.

use std::collections::HashMap;

use super::Cue;
use super::language::is_unspaced;
use crate::time::Timestamp;

/// Words of a query that are looked at.
const MAX_WORDS: usize = 64;
/// Cues further apart than this do not share a sentence.
const SAME_SENTENCE: Timestamp = Timestamp::from_millis(2_000);

/// A cue that answers a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its place among the cues.
    pub cue: usize,
    /// Whether it has every word of the query, alone or with the cue that follows.
    pub whole: bool,
    /// The greater the rarer the words found.
    pub score: f64,
}

/// Which words stand in which cues.
#[derive(Debug, Clone, Default)]
pub struct Lexicon {
    /// Ascending places of cues by word.
    places: HashMap<String, Vec<u32>>,
    spans: Vec<(Timestamp, Timestamp)>,
    folded: Vec<String>,
}

impl Lexicon {
    /// An index of cues.
    pub fn new<'a>(cues: impl IntoIterator<Item = &'a Cue>) -> Self {
        let mut lexicon = Self::default();
        for (place, cue) in (0_u32..).zip(cues) {
            lexicon.spans.push((cue.span.start, cue.span.end));
            let folded = fold(&cue.text);
            for word in words(&folded, true) {
                let places = lexicon.places.entry(word).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
            lexicon.folded.push(folded);
        }
        lexicon
    }

    /// The cues in which a query's words stand, the best first, at most `limit`. When some have all of them, only those.
    pub fn find(&self, query: &str, limit: usize) -> Vec<Hit> {
        let phrase = fold(query);
        let mut wanted = words(&phrase, false);
        if wanted.iter().any(|word| !is_common(word)) {
            wanted.retain(|word| !is_common(word));
        }
        wanted.truncate(MAX_WORDS);
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut seen: HashMap<u32, u64> = HashMap::new();
        for (bit, word) in wanted.iter().enumerate() {
            for place in self.places.get(word).into_iter().flatten() {
                *seen.entry(*place).or_default() |= 1 << bit;
            }
        }
        let weights: Vec<f64> = wanted.iter().map(|word| self.rarity(word)).collect();
        let all = u64::MAX >> (64 - wanted.len());
        let enough = wanted.len().div_ceil(2);
        let mut hits: Vec<Hit> = seen.keys().map(|&place| self.hit(place, &seen, &weights, all, &phrase)).collect();
        if hits.iter().any(|hit| hit.whole) {
            hits.retain(|hit| hit.whole);
        } else {
            // Half of what was asked for: less is a coincidence.
            let found =
                |hit: &Hit| u32::try_from(hit.cue).ok().and_then(|place| seen.get(&place)).copied().unwrap_or(0);
            hits.retain(|hit| found(hit).count_ones() as usize >= enough);
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.cue.cmp(&b.cue)));
        hits.truncate(limit);
        hits
    }

    fn hit(&self, place: u32, seen: &HashMap<u32, u64>, weights: &[f64], all: u64, phrase: &str) -> Hit {
        let own = seen.get(&place).copied().unwrap_or(0);
        let next = place.saturating_add(1);
        let follows = self.end(place).zip(self.start(next)).is_some_and(|(end, start)| start - end <= SAME_SENTENCE);
        let with_next = own | if follows { seen.get(&next).copied().unwrap_or(0) } else { 0 };
        // What the next cue has all of by itself is the next cue's.
        let next_is_whole = seen.get(&next).is_some_and(|bits| *bits == all);
        let whole = own == all || (with_next == all && !next_is_whole);
        let found = if whole { with_next } else { own };
        let mut score: f64 =
            (0..).zip(weights).filter(|(bit, _)| found >> bit & 1 == 1).map(|(_, weight)| weight).sum();
        let cue = usize::try_from(place).unwrap_or(usize::MAX);
        if self.folded.get(cue).is_some_and(|text| text.contains(phrase)) {
            score *= 2.0;
        } else if own == all {
            score *= 1.5;
        }
        Hit { cue, whole, score }
    }

    fn start(&self, place: u32) -> Option<Timestamp> {
        self.spans.get(usize::try_from(place).ok()?).map(|span| span.0)
    }

    fn end(&self, place: u32) -> Option<Timestamp> {
        self.spans.get(usize::try_from(place).ok()?).map(|span| span.1)
    }

    /// Inverse document frequency, never zero.
    fn rarity(&self, word: &str) -> f64 {
        let (all, with) = (self.spans.len() as f64, self.places.get(word).map_or(0, Vec::len) as f64);
        (1.0 + all / (1.0 + with)).ln()
    }
}

/// Words that stand everywhere and say nothing about where something else is.
fn is_common(word: &str) -> bool {
    const COMMON: [&str; 26] = [
        "a", "an", "the", "of", "to", "in", "on", "at", "is", "are", "was", "were", "be", "and", "or", "it", "that",
        "this", "for", "with", "as", "by", "的", "了", "是", "在",
    ];
    COMMON.contains(&word)
}

/// Text as it is compared: lower case, full-width forms as their usual ones, Latin letters without their marks, white space
/// as single spaces.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            _ => c,
        };
        if c.is_whitespace() {
            if !folded.is_empty() && !folded.ends_with(' ') {
                folded.push(' ');
            }
            continue;
        }
        for lower in c.to_lowercase() {
            match lower {
                // Marks that stand by themselves.
                '\u{300}'..='\u{36f}' => {}
                'ß' => folded.push_str("ss"),
                'æ' => folded.push_str("ae"),
                'œ' => folded.push_str("oe"),
                _ => folded.push(bare(lower)),
            }
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// Latin letters and the marked forms that are compared as them.
const MARKED: [(char, &str); 18] = [
    ('a', "àáâãäåāăą"),
    ('c', "çćĉċč"),
    ('d', "ďđ"),
    ('e', "èéêëēĕėęě"),
    ('g', "ĝğġģ"),
    ('h', "ĥħ"),
    ('i', "ìíîïĩīĭįı"),
    ('j', "ĵ"),
    ('k', "ķ"),
    ('l', "ĺļľł"),
    ('n', "ñńņňŋ"),
    ('o', "òóôõöøōŏő"),
    ('r', "ŕŗř"),
    ('s', "śŝşšș"),
    ('t', "ţťŧț"),
    ('u', "ùúûüũūŭůűų"),
    ('y', "ýÿŷ"),
    ('z', "źżž"),
];

fn bare(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    MARKED.iter().find(|(_, marked)| marked.contains(c)).map_or(c, |(letter, _)| *letter)
}

/// The words of folded text, each once. Of text without spaces, every two neighbours; single characters where they stand
/// alone, and, to be found by such, everywhere in what is indexed.
fn words(folded: &str, index: bool) -> Vec<String> {
    let mut words = Vec::new();
    let mut run = String::new();
    let mut before = None;
    let mut characters = folded.chars().chain([' ']).peekable();
    while let Some(c) = characters.next() {
        if is_unspaced(c) {
            let alone = before.is_none() && !characters.peek().copied().is_some_and(is_unspaced);
            if index || alone {
                words.push(c.to_string());
            }
            words.extend(before.map(|before: char| String::from_iter([before, c])));
        }
        before = is_unspaced(c).then_some(c);
        if c.is_alphanumeric() && !is_unspaced(c) {
            run.push(c);
        } else if !(run.is_empty() || c == '\'' && characters.peek().is_some_and(|next| next.is_alphanumeric())) {
            words.push(std::mem::take(&mut run));
        }
    }
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn lexicon(texts: &[&str]) -> Lexicon {
        let second = |s: usize| Timestamp::from_millis(s as i64 * 1_000);
        let cue = |(n, text): (usize, &&str)| Cue {
            span: Span { start: second(n * 3), end: second(n * 3 + 3) },
            text: (*text).to_owned(),
        };
        Lexicon::new(&texts.iter().enumerate().map(cue).collect::<Vec<_>>())
    }

    fn found(lexicon: &Lexicon, query: &str) -> Vec<usize> {
        lexicon.find(query, 10).iter().map(|hit| hit.cue).collect()
    }

    #[test]
    fn words_are_found_whatever_their_case_and_marks() {
        let lexicon = lexicon(&["The Café opens at noon", "Nothing here", "a cafe, again", "don't stop"]);
        assert_eq!(found(&lexicon, "café"), [0, 2]);
        assert_eq!(found(&lexicon, "CAFE opens"), [0]);
        assert_eq!(found(&lexicon, "ｃａｆｅ"), [0, 2]);
        assert_eq!(found(&lexicon, "don't"), [3]);
        assert!(found(&lexicon, "theatre").is_empty());
        assert!(found(&lexicon, "?!").is_empty());
    }

    #[test]
    fn chinese_is_found_by_pairs_of_characters_and_single_ones() {
        let lexicon = lexicon(&["今天我们讲神经网络", "网络很慢", "神奇的经历", "红"]);
        assert_eq!(found(&lexicon, "神经网络"), [0]);
        assert_eq!(found(&lexicon, "网络"), [0, 1]);
        assert_eq!(found(&lexicon, "红"), [3]);
        assert_eq!(found(&lexicon, "讲"), [0]);
        assert_eq!(found(&lexicon, "GPU网络"), [0, 1]);
    }

    #[test]
    fn a_phrase_may_run_over_into_the_next_cue_and_stands_first_where_it_is_whole() {
        let lexicon = lexicon(&[
            "we call this gradient",
            "descent, by the way",
            "other",
            "descent of a gradient",
            "gradient descent",
        ]);
        assert_eq!(found(&lexicon, "gradient descent"), [4, 3, 0]);
    }

    #[test]
    fn when_no_cue_has_every_word_most_of_them_are_enough() {
        let lexicon = lexicon(&["the red circle", "the red", "the"]);
        assert_eq!(found(&lexicon, "red circle appears"), [0]);
        assert!(!lexicon.find("red circle appears", 1)[0].whole);
    }
}
