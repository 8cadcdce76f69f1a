//! A model folder, whatever its form: the layout of the published checkpoints, or GGUF.

use std::path::Path;

use candle_core::Device;

use crate::config::Config;
use crate::error::Result;
use crate::fit::{self, Outline};
use crate::generate::Sampling;
use crate::gguf::{self, Gguf};
use crate::processor::Normalisation;
use crate::profile::Profile;
use crate::template::ChatTemplate;
use crate::time_pointer::Providers;
use crate::tokenizer::Tokenizer;
use crate::weights::{Precision, Weights, fingerprint, length_of, safetensors_of};

/// Everything in the folder; weights are read when they are asked for.
pub(crate) struct Checkpoint {
    pub(crate) config: Config,
    pub(crate) profile: Profile,
    pub(crate) pointers: Providers,
    /// How it wants its tokens chosen.
    pub(crate) sampling: Sampling,
    pub(crate) normalisation: Normalisation,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) template: ChatTemplate,
    pub(crate) weights: Weights,
    /// Of files and configuration, and of the precision as far as features depend on it.
    pub(crate) fingerprint: String,
}

/// Whether a folder looks like a model: it has a `config.json` or a GGUF file.
pub fn is_model_folder(dir: &Path) -> bool {
    dir.join("config.json").is_file() || gguf::is_here(dir)
}

/// Whether a folder's weights are GGUF, which is often kept beside the `config.json` of the model it was made from.
pub(crate) fn is_gguf(dir: &Path) -> bool {
    let published = ["model.safetensors", "model.safetensors.index.json"].iter().any(|f| dir.join(f).exists());
    !published && gguf::is_here(dir)
}

impl Checkpoint {
    pub(crate) fn open(dir: &Path, device: Device, precision: Precision) -> Result<Self> {
        if is_gguf(dir) { Self::from_gguf(dir, device, precision) } else { Self::published(dir, device, precision) }
    }

    fn published(dir: &Path, device: Device, precision: Precision) -> Result<Self> {
        let config = Config::read(dir)?;
        let (profile, tokenizer) = (Profile::read(dir)?, Tokenizer::read(dir)?);
        tokenizer.check(&config)?;
        let weights = Weights::open(dir, device, precision)?;
        // Told in a sentence before it is told by the system's killer.
        Outline::published(dir, weights.held())?.check(fit::available_on(weights.device()))?;
        let rounding = weights.vision_rounding();
        Ok(Self {
            sampling: Sampling::read(dir)?,
            normalisation: Normalisation::read(dir)?,
            template: ChatTemplate::read(dir)?,
            fingerprint: fingerprint(dir, &safetensors_of(dir)?, rounding.as_deref())?,
            pointers: Providers::load(dir, &profile, &config.text_config)?,
            config,
            profile,
            tokenizer,
            weights,
        })
    }

    /// Files beside the GGUF win over its metadata.
    fn from_gguf(dir: &Path, device: Device, precision: Precision) -> Result<Self> {
        let gguf = Gguf::open(dir)?;
        let config = gguf.config()?.finish(dir)?;
        let tokenizer = if dir.join("tokenizer.json").exists() { Tokenizer::read(dir)? } else { gguf.tokenizer()? };
        let template = match gguf.chat_template() {
            Some(source) => ChatTemplate::find(dir)?.map_or_else(|| ChatTemplate::parse(source.to_owned()), Ok)?,
            None => ChatTemplate::read(dir)?,
        };
        let (paths, normalisation, profile) = (gguf.paths(), gguf.normalisation(), Profile::read(dir)?);
        tokenizer.check(&config)?;
        let weights = Weights::from_gguf(gguf, device, precision)?;
        let outline = Outline::gguf(&config, length_of(&paths)?, weights.held());
        outline.check(fit::available_on(weights.device()))?;
        let rounding = weights.vision_rounding();
        Ok(Self {
            fingerprint: fingerprint(dir, &paths, rounding.as_deref())?,
            pointers: Providers::load(dir, &profile, &config.text_config)?,
            profile,
            sampling: Sampling::read(dir)?,
            config,
            normalisation,
            tokenizer,
            template,
            weights,
        })
    }
}
