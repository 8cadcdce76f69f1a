//! `tokenizer.json` of the checkpoint, and text that streams out token by token.

use std::path::Path;

use crate::config::Config;
use crate::error::{Error, Result};

/// The checkpoint's tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// Special tokens, longest first, to keep a user's text from containing them.
    special: Vec<String>,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("vocabulary", &self.inner.get_vocab_size(true)).finish()
    }
}

pub(crate) fn wrap(error: tokenizers::Error) -> Error {
    Error::Tokenizer(error.to_string())
}

impl Tokenizer {
    /// Reads `tokenizer.json` of a model folder.
    ///
    /// # Errors
    /// A missing or malformed file.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("tokenizer.json");
        let bytes = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
        Self::new(tokenizers::Tokenizer::from_bytes(&bytes).map_err(wrap)?)
    }

    pub(crate) fn new(mut inner: tokenizers::Tokenizer) -> Result<Self> {
        // A stored truncation or padding would silently cut long prompts.
        inner.with_truncation(None).map_err(wrap)?;
        inner.with_padding(None);
        let mut special: Vec<String> = inner
            .get_added_tokens_decoder()
            .into_values()
            .filter(|t| t.special && !t.content.is_empty())
            .map(|t| t.content)
            .collect();
        special.sort_by_key(|s| std::cmp::Reverse(s.len()));
        Ok(Self { inner, special })
    }

    /// Refuses a configuration that belongs to another tokenizer.
    ///
    /// # Errors
    /// A special token under another id or under none, or more tokens than the model has embeddings.
    pub(crate) fn check(&self, config: &Config) -> Result<()> {
        let rows = config.text_config.vocab_size;
        let tokens = self.inner.get_vocab_size(true);
        if tokens > rows {
            return Err(Error::Vocabulary(format!(
                "the tokenizer has {tokens} tokens, the model embeddings for {rows}"
            )));
        }
        for (token, id) in [
            ("<|image_pad|>", config.image_token_id),
            ("<|video_pad|>", config.video_token_id),
            ("<|vision_start|>", config.vision_start_token_id),
            ("<|vision_end|>", config.vision_end_token_id),
        ] {
            match self.id(token) {
                Some(own) if own == id && (id as usize) < rows => {}
                Some(own) => {
                    let said =
                        format!("config.json gives `{token}` the id {id}, the tokenizer {own}, of {rows} tokens");
                    return Err(Error::Vocabulary(said));
                }
                None => {
                    return Err(Error::Vocabulary(format!("the tokenizer has no `{token}` (id {id} in config.json)")));
                }
            }
        }
        Ok(())
    }

    /// Token ids of a text in which special tokens are recognised.
    ///
    /// # Errors
    /// A text the tokenizer has no tokens for.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.inner.encode_fast(text, true).map_err(wrap)?.get_ids().to_vec())
    }

    /// The text of token ids, special tokens left out.
    ///
    /// # Errors
    /// Ids outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.inner.decode(ids, true).map_err(wrap)
    }

    /// The id of a token written out.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The text with a space put into anything that would be read as a special token: what a person types is text only.
    pub fn plain(&self, text: &str) -> String {
        let mut plain = text.to_owned();
        // One replacement can uncover another token only by joining what it separated, which the space prevents.
        for token in self.special.iter().filter(|t| text.contains(t.as_str())) {
            let mut chars = token.chars();
            let first: String = chars.by_ref().take(1).collect();
            plain = plain.replace(token.as_str(), &format!("{first} {}", chars.as_str()));
        }
        plain
    }
}

/// Turns a stream of tokens into a stream of whole characters.
///
/// A byte-level token can end inside a character, so a piece is held back until the text it makes ends in a whole one.
#[derive(Debug, Clone, Default)]
pub struct TextStream {
    ids: Vec<u32>,
    /// Tokens whose text is out.
    shown: usize,
    /// Tokens decoded again as context, so that spacing is right.
    context: usize,
}

impl TextStream {
    /// The text that `token` completes; empty while a character is unfinished.
    ///
    /// # Errors
    /// An id outside the vocabulary.
    pub fn push(&mut self, tokenizer: &Tokenizer, token: u32) -> Result<String> {
        self.ids.push(token);
        let text = self.pending(tokenizer)?;
        if text.ends_with('\u{FFFD}') {
            return Ok(String::new());
        }
        self.context = self.shown;
        self.shown = self.ids.len();
        Ok(text)
    }

    /// What is left when no more tokens come, an unfinished character as a replacement character.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub fn finish(mut self, tokenizer: &Tokenizer) -> Result<String> {
        let text = self.pending(tokenizer)?;
        self.shown = self.ids.len();
        Ok(text)
    }

    fn pending(&self, tokenizer: &Tokenizer) -> Result<String> {
        let tail = self.ids.get(self.context..).unwrap_or(&[]);
        let old = self.ids.get(self.context..self.shown).unwrap_or(&[]);
        let (all, old) = (tokenizer.decode(tail)?, tokenizer.decode(old)?);
        Ok(all.strip_prefix(old.as_str()).unwrap_or(&all).to_owned())
    }
}
