//! The tokenizer of a checkpoint, and the marks that make a transcript of tokens.

use std::path::Path;

use crate::config::{Config, Generation};
use crate::error::{Error, Result};

/// Tokens of the smallest multilingual model; English-only ones have one fewer.
const MULTILINGUAL: usize = 51_865;

/// Tokens and what the special ones mean.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    inner: tokenizers::Tokenizer,
    /// Ends a transcript; all special tokens and timestamps come after it.
    pub(crate) end: u32,
    start: u32,
    transcribe: u32,
    /// Means, in the place of the first token, that nobody speaks.
    pub(crate) no_speech: u32,
    /// Wants a transcript without timestamps; the token after it is the timestamp of zero.
    pub(crate) no_timestamps: u32,
    /// Codes such as `en` and their tokens; none in an English-only model.
    pub(crate) languages: Vec<(String, u32)>,
}

impl Vocabulary {
    pub(crate) fn read(folder: &Path, config: &Config, generation: &Generation) -> Result<Self> {
        let path = folder.join("tokenizer.json");
        let bytes = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
        let inner = tokenizers::Tokenizer::from_bytes(&bytes)?;
        let find = |names: &[&str]| {
            let id = names.iter().find_map(|name| inner.token_to_id(name));
            let known = id.filter(|id| (*id as usize) < config.vocab_size);
            known.ok_or_else(|| Error::Tokenizer(format!("it has no `{}`", names.join("` or `"))))
        };
        let (start, translate) = (find(&["<|startoftranscript|>"])?, find(&["<|translate|>"])?);
        let multilingual = generation.is_multilingual.unwrap_or(config.vocab_size >= MULTILINGUAL);
        let languages = (start..translate).filter(|_| multilingual).filter_map(|id| {
            let name = inner.id_to_token(id)?;
            Some((name.strip_prefix("<|")?.strip_suffix("|>")?.to_owned(), id))
        });
        Ok(Self {
            end: find(&["<|endoftext|>"])?,
            start,
            transcribe: find(&["<|transcribe|>"])?,
            no_speech: find(&["<|nospeech|>", "<|nocaptions|>"])?,
            no_timestamps: find(&["<|notimestamps|>"])?,
            languages: languages.skip(1).collect(),
            inner,
        })
    }

    /// The timestamp of zero; the others follow in steps of 20 ms.
    pub(crate) fn first_timestamp(&self) -> u32 {
        self.no_timestamps + 1
    }

    /// Special tokens that are no part of a transcript: those between its end and the first timestamp.
    pub(crate) fn tokens_of_marks(&self) -> std::ops::RangeInclusive<u32> {
        self.end + 1..=self.no_timestamps
    }

    /// Steps of 20 ms that a timestamp names.
    pub(crate) fn timestamp(&self, token: u32) -> Option<u32> {
        token.checked_sub(self.first_timestamp())
    }

    /// What a transcript begins with.
    pub(crate) fn prompt(&self, language: Option<&str>) -> Result<Vec<u32>> {
        if self.languages.is_empty() {
            return match language.map(base) {
                None | Some("en") => Ok(vec![self.start]),
                Some(asked) => Err(Error::Language { asked: asked.to_owned(), known: "English only".to_owned() }),
            };
        }
        let asked = base(language.unwrap_or("en"));
        match self.languages.iter().find(|(code, _)| code == asked) {
            Some((_, token)) => Ok(vec![self.start, *token, self.transcribe]),
            None => {
                let known: Vec<&str> = self.languages.iter().map(|(code, _)| code.as_str()).collect();
                Err(Error::Language { asked: asked.to_owned(), known: known.join(", ") })
            }
        }
    }

    /// What stands before the language.
    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    /// The text of tokens, special ones and timestamps left out. A character that is cut is U+FFFD.
    pub(crate) fn text(&self, tokens: &[u32]) -> Result<String> {
        let plain: Vec<u32> = tokens.iter().copied().filter(|token| *token < self.end).collect();
        Ok(self.inner.decode(&plain, true)?)
    }

    /// Tokens of a text.
    pub(crate) fn tokens(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.inner.encode_fast(text, false)?.get_ids().to_vec())
    }
}

/// `zh` of `zh-Hans`.
fn base(language: &str) -> &str {
    language.split(['-', '_']).next().unwrap_or(language)
}

/// Whether a language is written without spaces between words.
pub(crate) fn is_unspaced(language: Option<&str>) -> bool {
    matches!(language.map(base), Some("zh" | "ja" | "th" | "lo" | "my" | "yue"))
}
