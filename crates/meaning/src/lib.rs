//! Sentences as directions: what means nearly the same points nearly the same way. A published BERT sentence encoder
//! (`sentence-transformers/all-MiniLM-L6-v2` and its kin): tokens → BERT → mean over the tokens → length one.

mod error;

use std::path::Path;

use candle_core::{D, DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{PaddingParams, PaddingStrategy, Tokenizer, TruncationParams};

pub use error::{Error, Result};

/// Sentences that go through the model at once.
const TOGETHER: usize = 32;
/// Tokens of a sentence that are looked at, as `sentence_bert_config.json` of the published encoders has it.
const TOKENS: usize = 256;
/// The most a configuration may ask for: the largest BERT has 1,024 and 4,096.
const WIDTH: usize = 1 << 14;

/// A sentence encoder.
pub struct Encoder {
    model: BertModel,
    tokenizer: Tokenizer,
}

impl Encoder {
    /// Reads `config.json`, `tokenizer.json` and `model.safetensors` of a folder.
    ///
    /// # Errors
    /// When one of them cannot be read or is not that of a BERT.
    pub fn open(folder: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|source| Error::Read { path, source })
        };
        let config = config(&read("config.json")?)?;
        let mut tokenizer =
            Tokenizer::from_bytes(read("tokenizer.json")?).map_err(|e| Error::Tokenizer(e.to_string()))?;
        let longest = TOKENS.min(config.max_position_embeddings);
        let truncation = TruncationParams { max_length: longest, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|e| Error::Tokenizer(e.to_string()))?;
        let strategy = PaddingStrategy::BatchLongest;
        let pad_id = u32::try_from(config.pad_token_id).unwrap_or_default();
        tokenizer.with_padding(Some(PaddingParams { strategy, pad_id, ..PaddingParams::default() }));
        if tokenizer.get_vocab_size(true) > config.vocab_size {
            return Err(Error::Config(format!(
                "tokenizer.json has more than the {} tokens of config.json",
                config.vocab_size
            )));
        }
        let path = folder.join("model.safetensors");
        let bytes = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
        let model = BertModel::load(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu), &config)?;
        Ok(Self { model, tokenizer })
    }

    /// The direction of each sentence, of length one; the product of two is how near they are, from −1 to 1.
    ///
    /// # Errors
    /// When the tokenizer or the model fails.
    pub fn encode(&self, sentences: &[&str]) -> Result<Vec<Vec<f32>>> {
        // Sentences of one length together: padding is computed like anything else.
        let mut order: Vec<usize> = (0..sentences.len()).collect();
        order.sort_by_key(|&i| sentences.get(i).map(|sentence| sentence.len()));
        let mut found = vec![Vec::new(); sentences.len()];
        for places in order.chunks(TOGETHER) {
            let texts: Vec<&str> = places.iter().filter_map(|&i| sentences.get(i).copied()).collect();
            for (&place, direction) in places.iter().zip(self.encode_together(texts)?) {
                if let Some(slot) = found.get_mut(place) {
                    *slot = direction;
                }
            }
        }
        Ok(found)
    }

    /// [B] texts → [B, width]
    fn encode_together(&self, texts: Vec<&str>) -> Result<Vec<Vec<f32>>> {
        let encodings = self.tokenizer.encode_batch(texts, true).map_err(|e| Error::Tokenizer(e.to_string()))?;
        let rows = |pick: fn(&tokenizers::Encoding) -> &[u32]| {
            let rows: Vec<Tensor> = encodings
                .iter()
                .map(|encoding| Tensor::new(pick(encoding), &Device::Cpu))
                .collect::<candle_core::Result<_>>()?;
            Tensor::stack(&rows, 0)
        };
        let (ids, mask) = (rows(tokenizers::Encoding::get_ids)?, rows(tokenizers::Encoding::get_attention_mask)?);
        let hidden = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let mask = mask.to_dtype(DType::F32)?.unsqueeze(D::Minus1)?;
        let mean = hidden.broadcast_mul(&mask)?.sum(1)?.broadcast_div(&mask.sum(1)?)?;
        let length = mean.sqr()?.sum_keepdim(1)?.sqrt()?.clamp(1e-12, f64::INFINITY)?;
        Ok(mean.broadcast_div(&length)?.to_vec2()?)
    }
}

fn config(bytes: &[u8]) -> Result<Config> {
    let config: Config = serde_json::from_slice(bytes).map_err(|e| Error::Config(e.to_string()))?;
    let sizes = [
        config.vocab_size,
        config.hidden_size,
        config.intermediate_size,
        config.max_position_embeddings,
        config.num_attention_heads,
    ];
    let is_whole = config.num_attention_heads > 0 && config.hidden_size.is_multiple_of(config.num_attention_heads);
    if !is_whole || sizes.contains(&0) || config.hidden_size.max(config.intermediate_size) > WIDTH {
        return Err(Error::Config("its sizes are not those of a BERT".to_owned()));
    }
    Ok(config)
}

/// How near two directions are, from −1 to 1.
pub fn nearness(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}
