//! Whisper itself: the encoder hears a window once, the decoder writes about it token by token.
//!
//! Names of weights are those of the Hugging Face checkpoints (`model.encoder.layers.0.self_attn.q_proj.weight` …). Everything
//! is computed in f32 on the CPU, whatever the file stores.

mod attention;
mod decoder;
mod encoder;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use serde::Deserialize;

pub use decoder::Listener;

use crate::config::{Config, Generation};
use crate::error::{Error, Result};
use crate::mel::MelSpectrogram;
use crate::rules::Rules;
use crate::vocabulary::Vocabulary;
use decoder::Decoder;
use encoder::Encoder;

/// A loaded speech model.
#[derive(Debug)]
pub struct Whisper {
    config: Config,
    mel: MelSpectrogram,
    encoder: Encoder,
    decoder: Decoder,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) rules: Rules,
    pub(crate) heads: Vec<(usize, usize)>,
}

impl Whisper {
    /// Loads a model folder: config.json, tokenizer.json, model.safetensors (or shards with their index), and
    /// generation_config.json where there is one.
    ///
    /// # Errors
    /// A missing or damaged file, another kind of model, files that do not belong together.
    pub fn open(folder: &Path) -> Result<Self> {
        let config = Config::read(folder)?;
        let generation = Generation::read(folder)?;
        let vocabulary = Vocabulary::read(folder, &config, &generation)?;
        let weights = weights(folder)?;
        let refuse = |source| Error::Weights { folder: folder.to_owned(), source };
        let weights = VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu).pp("model");
        Ok(Self {
            encoder: Encoder::new(&config, weights.pp("encoder")).map_err(refuse)?,
            decoder: Decoder::new(&config, weights.pp("decoder")).map_err(refuse)?,
            mel: MelSpectrogram::new(config.num_mel_bins)?,
            rules: Rules::new(&vocabulary, &generation, config.vocab_size)?,
            heads: generation.heads(&config)?,
            vocabulary,
            config,
        })
    }

    /// Its sizes.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the encoder makes of a window's spectrogram `[1, mels, 2 · positions]`: `[1, positions, d_model]`.
    ///
    /// # Errors
    /// A spectrogram of another size.
    pub fn encode(&self, spectrogram: &Tensor) -> Result<Tensor> {
        Ok(self.encoder.forward(spectrogram)?)
    }

    /// Samples of at most one window as the decoder attends to them.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn listen(&self, samples: &[f32]) -> Result<Listener<'_>> {
        let spectrogram = self.mel.of(samples, self.config.window_samples())?;
        self.listener(&self.encode(&spectrogram)?)
    }

    /// What was encoded as the decoder attends to it.
    ///
    /// # Errors
    /// Features of another size.
    pub fn listener(&self, features: &Tensor) -> Result<Listener<'_>> {
        Ok(self.decoder.listen(features)?)
    }

    /// Tokens that a transcript in a language begins with.
    ///
    /// # Errors
    /// A language the model does not know.
    pub fn prompt(&self, language: Option<&str>) -> Result<Vec<u32>> {
        self.vocabulary.prompt(language)
    }

    /// The text of tokens, timestamps left out.
    ///
    /// # Errors
    /// Tokens outside the vocabulary.
    pub fn text(&self, tokens: &[u32]) -> Result<String> {
        self.vocabulary.text(tokens)
    }

    /// Heads of the cross-attention that follow the words: layer and head.
    pub fn alignment_heads(&self) -> &[(usize, usize)] {
        &self.heads
    }
}

/// Names of files by names of tensors.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

fn weights(folder: &Path) -> Result<HashMap<String, Tensor>> {
    let mut tensors = HashMap::new();
    for path in weight_files(folder)? {
        let loaded = candle_core::safetensors::load(&path, &Device::Cpu);
        tensors.extend(loaded.map_err(|source| Error::Weights { folder: folder.to_owned(), source })?);
    }
    Ok(tensors)
}

/// The one file of weights, or the shards that an index names; all of them are in the folder itself.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (single, index) = (folder.join("model.safetensors"), folder.join("model.safetensors.index.json"));
    if single.is_file() || !index.is_file() {
        // One that is not there is told like any other file that is not there.
        std::fs::metadata(&single).map_err(|source| Error::Read { path: single.clone(), source })?;
        return Ok(vec![single]);
    }
    let text = std::fs::read(&index).map_err(|source| Error::Read { path: index.clone(), source })?;
    let read: Index = serde_json::from_slice(&text).map_err(|source| Error::Json { path: index.clone(), source })?;
    let names: BTreeSet<String> = read.weight_map.into_values().collect();
    let shard = |name: String| {
        let plain = !name.contains(['/', '\\']) && name != "..";
        plain.then(|| folder.join(&name)).ok_or_else(|| Error::Unsupported(format!("`{name}` is no name of a shard")))
    };
    names.into_iter().map(shard).collect()
}
