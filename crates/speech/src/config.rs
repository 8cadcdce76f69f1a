//! `config.json` and `generation_config.json` of a Whisper checkpoint.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// The sizes of a model, under the names they have in `config.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    model_type: String,
    #[serde(default = "gelu")]
    activation_function: String,
    #[serde(default)]
    scale_embedding: bool,
    /// Tokens there are logits for.
    pub vocab_size: usize,
    /// Width of everything.
    pub d_model: usize,
    /// Mel bands: 80, or 128 from large-v3 on.
    pub num_mel_bins: usize,
    /// Positions of the encoder, each of two mel frames: 1,500 for thirty seconds.
    pub max_source_positions: usize,
    /// Positions of the decoder: 448.
    pub max_target_positions: usize,
    /// Layers that hear.
    pub encoder_layers: usize,
    /// Their heads.
    pub encoder_attention_heads: usize,
    /// Width inside their MLP.
    pub encoder_ffn_dim: usize,
    /// Layers that write.
    pub decoder_layers: usize,
    /// Their heads.
    pub decoder_attention_heads: usize,
    /// Width inside their MLP.
    pub decoder_ffn_dim: usize,
}

fn gelu() -> String {
    "gelu".to_owned()
}

/// How tokens are to be chosen, from `generation_config.json`. Older checkpoints have none: every field may be absent.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Generation {
    /// Layer and head of the cross-attention that follows the words in time.
    pub alignment_heads: Option<Vec<(usize, usize)>>,
    /// Tokens that are never written: sounds, symbols, marks of other tasks.
    pub suppress_tokens: Option<Vec<i64>>,
    /// Tokens that are never written first.
    pub begin_suppress_tokens: Option<Vec<i64>>,
    /// The latest first timestamp, in steps of 20 ms.
    pub max_initial_timestamp_index: Option<u32>,
    /// Whether it knows languages besides English.
    pub is_multilingual: Option<bool>,
}

/// More than any published model has, and less than a machine could not hold.
const MOST: usize = 1 << 20;

impl Config {
    /// Reads `config.json` of a model folder.
    ///
    /// # Errors
    /// A missing or malformed file, another kind of model, sizes that cannot be.
    pub fn read(folder: &Path) -> Result<Self> {
        let config: Self = json(&folder.join("config.json"))?.ok_or_else(|| Error::Read {
            path: folder.join("config.json"),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        config.checked()
    }

    fn checked(self) -> Result<Self> {
        let refuse = |reason: String| Err(Error::Unsupported(reason));
        if self.model_type != "whisper" {
            return refuse(format!("its model_type is `{}`, not `whisper`", self.model_type));
        }
        if self.activation_function != "gelu" || self.scale_embedding {
            return refuse("it has another activation or scales its embeddings".to_owned());
        }
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("num_mel_bins", self.num_mel_bins),
            ("max_source_positions", self.max_source_positions),
            ("max_target_positions", self.max_target_positions),
            ("encoder_layers", self.encoder_layers),
            ("decoder_layers", self.decoder_layers),
            ("encoder_ffn_dim", self.encoder_ffn_dim),
            ("decoder_ffn_dim", self.decoder_ffn_dim),
        ];
        if let Some((name, size)) = sizes.into_iter().find(|(_, size)| !(1..=MOST).contains(size)) {
            return refuse(format!("its {name} is {size}"));
        }
        for heads in [self.encoder_attention_heads, self.decoder_attention_heads] {
            if heads == 0 || !self.d_model.is_multiple_of(heads) {
                return refuse(format!("{heads} heads do not divide a width of {}", self.d_model));
            }
        }
        Ok(self)
    }

    /// Samples of one window: all the encoder has positions for.
    pub fn window_samples(&self) -> usize {
        self.max_source_positions * 2 * crate::mel::HOP
    }
}

impl Generation {
    /// Reads `generation_config.json` of a model folder, if it is there.
    ///
    /// # Errors
    /// An unreadable or malformed file.
    pub fn read(folder: &Path) -> Result<Self> {
        Ok(json(&folder.join("generation_config.json"))?.unwrap_or_default())
    }

    /// Heads that follow the words; where the checkpoint names none, all of the upper half of the layers, as OpenAI's code does.
    pub(crate) fn heads(&self, config: &Config) -> Result<Vec<(usize, usize)>> {
        let (layers, heads) = (config.decoder_layers, config.decoder_attention_heads);
        let upper = || (layers / 2..layers).flat_map(|layer| (0..heads).map(move |head| (layer, head))).collect();
        let named = self.alignment_heads.clone().filter(|named| !named.is_empty()).unwrap_or_else(upper);
        if let Some((layer, head)) = named.iter().find(|(layer, head)| *layer >= layers || *head >= heads) {
            return Err(Error::Unsupported(format!(
                "it has no head {head} in layer {layer}, which alignment_heads names"
            )));
        }
        Ok(named)
    }
}

/// A JSON file; none where there is none.
fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Json { path: path.to_owned(), source })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: &str) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let mut config = serde_json::json!({
            "model_type": "whisper", "vocab_size": 51865, "d_model": 512, "num_mel_bins": 80,
            "max_source_positions": 1500, "max_target_positions": 448, "encoder_layers": 6, "encoder_attention_heads": 8,
            "encoder_ffn_dim": 2048, "decoder_layers": 6, "decoder_attention_heads": 8, "decoder_ffn_dim": 2048,
        });
        let changes: serde_json::Value = serde_json::from_str(change).unwrap();
        for (name, value) in changes.as_object().unwrap() {
            config[name] = value.clone();
        }
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        Config::read(folder.path())
    }

    #[test]
    fn the_published_sizes_are_read_and_impossible_ones_refused_by_name() {
        assert_eq!(read("{}").unwrap().window_samples(), 480_000);
        for (change, told) in [
            (r#"{"model_type": "qwen3_vl"}"#, "qwen3_vl"),
            (r#"{"d_model": 0}"#, "d_model is 0"),
            (r#"{"encoder_layers": 99999999999}"#, "encoder_layers"),
            (r#"{"decoder_attention_heads": 7}"#, "7 heads"),
            (r#"{"vocab_size": -1}"#, "config.json"),
            (r#"{"activation_function": "relu"}"#, "activation"),
        ] {
            let error = read(change).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn without_a_list_the_upper_layers_heads_follow_the_words() {
        let config = read(r#"{"decoder_layers": 2, "decoder_attention_heads": 2}"#).unwrap();
        assert_eq!(Generation::default().heads(&config).unwrap(), [(1, 0), (1, 1)]);
        let named = Generation { alignment_heads: Some(vec![(0, 1), (2, 0)]), ..Generation::default() };
        assert!(named.heads(&config).unwrap_err().to_string().contains("layer 2"));
    }
}
