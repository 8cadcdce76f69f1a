//! A model folder, whatever its form: the layout of the published checkpoints, or GGUF.

use std::path::{Path, PathBuf};

use candle_core::Device;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::fit;
use crate::generate::Sampling;
use crate::gguf::{self, Gguf};
use crate::processor::Normalisation;
use crate::profile::Profile;
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;
use crate::weights::{Precision, Weights, fingerprint, safetensors_of};

/// Everything in the folder; weights are read when they are asked for.
pub(crate) struct Checkpoint {
    pub(crate) config: Config,
    pub(crate) profile: Profile,
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

impl Checkpoint {
    pub(crate) fn open(dir: &Path, device: Device, precision: Precision) -> Result<Self> {
        // A GGUF is often kept beside the `config.json` of the model it was made from.
        let published = ["model.safetensors", "model.safetensors.index.json"].iter().any(|f| dir.join(f).exists());
        if !published && gguf::is_here(dir) {
            Self::from_gguf(dir, device, precision)
        } else {
            Self::published(dir, device, precision)
        }
    }

    fn published(dir: &Path, device: Device, precision: Precision) -> Result<Self> {
        let config = Config::read(dir)?;
        let (profile, tokenizer) = (Profile::read(dir)?, Tokenizer::read(dir)?);
        tokenizer.check(&config)?;
        let weights = Weights::open(dir, device, precision)?;
        if weights.device().is_cpu() {
            // Told in a sentence before it is told by the system's killer.
            fit::Dimensions::read(dir)?.check_memory(weights.held(), fit::available_memory())?;
        }
        let rounding = weights.vision_rounding();
        Ok(Self {
            sampling: Sampling::read(dir)?,
            normalisation: Normalisation::read(dir)?,
            template: ChatTemplate::read(dir)?,
            fingerprint: fingerprint(dir, &safetensors_of(dir)?, rounding.as_deref())?,
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
        let (paths, normalisation) = (gguf.paths(), gguf.normalisation());
        tokenizer.check(&config)?;
        let weights = Weights::from_gguf(gguf, device, precision)?;
        if weights.device().is_cpu() {
            // Blocks take in memory what they take in the file, unless floats were asked for.
            let sizes = fit::Dimensions::of(&config);
            match weights.held() {
                fit::Precision::F32 => sizes.check_memory(fit::Precision::F32, fit::available_memory())?,
                _ => sizes.check_bytes("the files' own formats", length(&paths)?, fit::available_memory())?,
            }
        }
        let rounding = weights.vision_rounding();
        Ok(Self {
            fingerprint: fingerprint(dir, &paths, rounding.as_deref())?,
            profile: Profile::read(dir)?,
            sampling: Sampling::read(dir)?,
            config,
            normalisation,
            tokenizer,
            template,
            weights,
        })
    }
}

/// Bytes of files.
fn length(paths: &[PathBuf]) -> Result<u64> {
    let one = |path: &PathBuf| {
        let wrap = |source| Error::Read { path: path.clone(), source };
        Ok(std::fs::metadata(path).map_err(wrap)?.len())
    };
    paths.iter().map(one).sum()
}
