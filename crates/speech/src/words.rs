//! Words of tokens: letters joined, punctuation put to the word it belongs to (whisper/tokenizer.py, whisper/timing.py).

use timeline::cues::Word;
use timeline::{Span, Timestamp};

use crate::error::Result;
use crate::vocabulary::Vocabulary;

/// Punctuation that belongs to what follows.
const OPENING: &str = "\"'“¿([{-";
/// Punctuation that belongs to what came before.
const CLOSING: &str = "\"'.。,，!！?？:：”)]}、";

/// A word and how many tokens it has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    text: String,
    tokens: usize,
}

/// Words with their moments. starts: the moment of each token, and of the end.
pub(crate) fn words(
    vocabulary: &Vocabulary,
    tokens: &[u32],
    starts: &[Timestamp],
    unspaced: bool,
) -> Result<Vec<Word>> {
    let characters = characters(vocabulary, tokens)?;
    let pieces = if unspaced { characters } else { by_spaces(characters) };
    let mut at = 0;
    let mut words = Vec::new();
    for piece in pieces {
        let next = at + piece.tokens;
        let (Some(start), Some(end)) = (starts.get(at), starts.get(next)) else { break };
        words.push(Word { span: Span::new(*start, *end), text: piece.text });
        at = next;
    }
    Ok(punctuated(words))
}

/// Tokens joined until they make whole characters.
fn characters(vocabulary: &Vocabulary, tokens: &[u32]) -> Result<Vec<Piece>> {
    let whole: Vec<char> = vocabulary.text(tokens)?.chars().collect();
    let mut pieces = Vec::new();
    let (mut from, mut shown) = (0, 0);
    for to in 1..=tokens.len() {
        let text = vocabulary.text(tokens.get(from..to).unwrap_or_default())?;
        // A replacement character that stands in the whole text too is not half of another.
        let cut = text.chars().position(|c| c == '\u{FFFD}');
        let is_whole = cut.is_none_or(|at| whole.get(shown + at) == Some(&'\u{FFFD}'));
        if is_whole || to == tokens.len() {
            shown += text.chars().count();
            pieces.push(Piece { text, tokens: to - from });
            from = to;
        }
    }
    Ok(pieces)
}

/// Pieces joined up to the next one that begins with a space or is punctuation.
fn by_spaces(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut words: Vec<Piece> = Vec::new();
    for piece in pieces {
        let bare = piece.text.trim();
        let is_punctuation = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_punctuation());
        match words.last_mut() {
            Some(word) if !piece.text.starts_with(' ') && !is_punctuation => {
                word.text.push_str(&piece.text);
                word.tokens += piece.tokens;
            }
            _ => words.push(piece),
        }
    }
    words
}

/// Gives punctuation to the word it belongs to, and that word's moments to both.
fn punctuated(words: Vec<Word>) -> Vec<Word> {
    let mut done: Vec<Word> = Vec::new();
    let mut opening: Option<Word> = None;
    let mut is_apart = false;
    for mut word in words {
        if word.text.trim().is_empty() {
            // A lone space belongs to what follows; its time is nobody's.
            is_apart = true;
            continue;
        }
        if std::mem::take(&mut is_apart) && !word.text.starts_with(' ') {
            word.text.insert(0, ' ');
        }
        let bare = word.text.trim();
        let is_of = |marks: &str| bare.chars().all(|c| marks.contains(c));
        if is_of(CLOSING)
            && !word.text.starts_with(' ')
            && opening.is_none()
            && let Some(last) = done.last_mut()
        {
            last.text.push_str(bare);
        } else if is_of(OPENING) {
            let text = opening.take().map_or(String::new(), |before| before.text) + &word.text;
            opening = Some(Word { text, ..word });
        } else {
            if let Some(before) = opening.take() {
                word.text = before.text + word.text.trim_start();
            }
            done.push(word);
        }
    }
    match (opening, done.last_mut()) {
        (Some(left), Some(last)) => last.text.push_str(&left.text),
        (Some(left), None) => done.push(left),
        (None, _) => {}
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str) -> Piece {
        Piece { text: text.to_owned(), tokens: 1 }
    }

    fn texts(words: &[&str]) -> Vec<String> {
        let words = (0..).zip(words).map(|(n, text)| Word {
            span: Span::new(Timestamp::from_millis(n * 100), Timestamp::from_millis(n * 100 + 100)),
            text: (*text).to_owned(),
        });
        punctuated(words.collect()).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn pieces_become_words_at_spaces_and_punctuation() {
        let pieces = [" A", " tale", " of", " Man", "ette", ",", " said", " he", "."].map(piece);
        let words: Vec<_> = by_spaces(pieces.to_vec()).into_iter().map(|word| (word.text, word.tokens)).collect();
        let expected =
            [(" A", 1), (" tale", 1), (" of", 1), (" Manette", 2), (",", 1), (" said", 1), (" he", 1), (".", 1)];
        assert_eq!(words, expected.map(|(text, tokens)| (text.to_owned(), tokens)));
    }

    #[test]
    fn punctuation_goes_with_the_word_it_belongs_to() {
        assert_eq!(texts(&[" times", ",", " he", " said", ".", "\""]), [" times,", " he", " said.\""]);
        assert_eq!(texts(&[" \"", "It", " was", "?", "!"]), [" \"It", " was?!"]);
        assert_eq!(texts(&["红", "色", "，", "圆", "。"]), ["红", "色，", "圆。"]);
        assert_eq!(texts(&[" (", " 1", ")", " -"]), [" (1) -"]);
        assert_eq!(texts(&[" -"]), [" -"]);
        assert_eq!(texts(&[" said", " ", "\"the", "\""]), [" said", " \"the\""]);
    }

    #[derive(serde::Deserialize)]
    struct Case {
        language: String,
        tokens: Vec<u32>,
        words: Vec<String>,
    }

    #[test]
    fn tokens_of_four_languages_become_the_words_of_the_reference() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let config = crate::Config::read(&folder).unwrap();
        let vocabulary = Vocabulary::read(&folder, &config, &crate::Generation::read(&folder).unwrap()).unwrap();
        let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(folder.join("words.json")).unwrap()).unwrap();
        assert_eq!(cases.len(), 4);
        for case in cases {
            let starts: Vec<_> = (0..).map(Timestamp::from_millis).take(case.tokens.len() + 1).collect();
            let unspaced = crate::vocabulary::is_unspaced(Some(&case.language));
            let found = words(&vocabulary, &case.tokens, &starts, unspaced).unwrap();
            assert_eq!(found.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), case.words);
            assert_eq!(found.first().map(|word| word.span.start), starts.first().copied());
            assert!(found.is_sorted_by(|one, next| one.span.end <= next.span.start), "{found:?}");
        }
    }
}
