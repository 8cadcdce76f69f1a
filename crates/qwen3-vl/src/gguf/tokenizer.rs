//! `tokenizer.json` from metadata: byte-level BPE with the word splitting of Qwen2.
//!
//! Not candle's `TokenizerFromGguf`: it makes every added token special, so that `<think>` would vanish from the text.

use candle_core::quantized::gguf_file::Value;
use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior};

use super::{Gguf, number};
use crate::error::{Error, Result};
use crate::tokenizer::{Tokenizer, wrap};

/// How Qwen2's tokenizer, and every later one, cuts text into words.
const WORDS: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Kinds of tokens (`llama_token_type`).
const CONTROL: u64 = 3;
const USER_DEFINED: u64 = 4;

impl Gguf {
    /// Builds the tokenizer.
    ///
    /// # Errors
    /// Another kind of tokenizer than Qwen's.
    pub(crate) fn tokenizer(&self) -> Result<Tokenizer> {
        let head = self.head()?;
        let kind = (head.text("tokenizer.ggml.model"), head.text("tokenizer.ggml.pre"));
        if kind != (Some("gpt2"), Some("qwen2")) {
            let (model, pre) = (kind.0.unwrap_or("none"), kind.1.unwrap_or("none"));
            let told =
                format!("it is `{model}` with `{pre}`, not Qwen's; put the model's tokenizer.json beside the GGUF");
            return Err(Error::Tokenizer(told));
        }
        let list = |key: &str| head.list(key).ok_or_else(|| head.missing(key));
        let tokens: Vec<&str> = list("tokenizer.ggml.tokens")?.iter().filter_map(text).collect();
        let vocabulary: Vocab = tokens.iter().zip(0..).map(|(token, id)| ((*token).to_owned(), id)).collect();
        let merges = list("tokenizer.ggml.merges")?.iter().filter_map(text);
        let merges = merges.filter_map(|m| m.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        let bpe = BPE::builder().vocab_and_merges(vocabulary, merges).build().map_err(wrap)?;
        let split = Split::new(SplitPattern::Regex(WORDS.into()), SplitDelimiterBehavior::Isolated, false);
        let bytes = ByteLevel::new(false, false, false);
        let mut inner = tokenizers::Tokenizer::new(bpe);
        inner.with_normalizer(Some(NFC)).map_err(wrap)?;
        inner.with_pre_tokenizer(Some(Sequence::new(vec![split.map_err(wrap)?.into(), bytes.into()])));
        inner.with_decoder(Some(bytes));
        let kinds = list("tokenizer.ggml.token_type")?.iter().map(number);
        let added = tokens.iter().zip(kinds).filter_map(|(token, kind)| {
            let special = matches!(kind, Some(CONTROL));
            let known = special || matches!(kind, Some(USER_DEFINED));
            known.then(|| AddedToken::from((*token).to_owned(), special).normalized(false))
        });
        inner.add_tokens(added.collect::<Vec<_>>()).map_err(wrap)?;
        Tokenizer::new(inner)
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
