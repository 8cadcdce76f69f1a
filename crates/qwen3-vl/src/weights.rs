//! Reads weights from safetensors, one file or shards with an index, memory-mapped, converted to the computing dtype.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::safetensors::{Load, MmapedSafetensors};
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use crate::config::read_json;
use crate::error::{Error, Result};
use crate::kernels::linear::Linear;

/// The open files of a checkpoint and where tensors are to go.
pub(crate) struct Weights {
    files: MmapedSafetensors,
    device: Device,
    dtype: DType,
    text_prefix: &'static str,
    vision_prefix: &'static str,
}

/// The safetensors files of a model folder, by name.
fn shard_paths(dir: &Path) -> Result<Vec<PathBuf>> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let index = dir.join("model.safetensors.index.json");
    if !index.exists() {
        return Ok(vec![dir.join("model.safetensors")]);
    }
    let names: BTreeSet<String> = read_json::<Index>(&index)?.weight_map.into_values().collect();
    for name in &names {
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Error::Unsupported(format!("the index names `{name}`, a file outside the model folder")));
        }
    }
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}

impl Weights {
    pub(crate) fn open(dir: &Path, device: Device, dtype: DType) -> Result<Self> {
        let paths = shard_paths(dir)?;
        crate::inventory::check(dir, &paths)?;
        // SAFETY: the files are read while loading only; a process that rewrites them at that moment could produce
        // wrong values, as with any file read, but every offset was checked against the length that was mapped.
        #[allow(unsafe_code)]
        let files = unsafe { MmapedSafetensors::multi(&paths)? };
        let has = |name: &str| files.get(name).is_ok();
        let text_prefix = ["model.language_model.", "language_model.model.", "language_model.", "model."]
            .into_iter()
            .find(|p| has(&format!("{p}embed_tokens.weight")))
            .ok_or_else(|| Error::MissingTensor("model.language_model.embed_tokens.weight".into()))?;
        let vision_prefix = ["model.visual.", "visual."]
            .into_iter()
            .find(|p| has(&format!("{p}patch_embed.proj.weight")))
            .ok_or_else(|| Error::MissingTensor("model.visual.patch_embed.proj.weight".into()))?;
        Ok(Self { files, device, dtype, text_prefix, vision_prefix })
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    fn raw(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let view = self.files.get(name).map_err(|_| Error::MissingTensor(name.into()))?;
        if view.shape() != shape {
            return Err(Error::TensorShape {
                name: name.into(),
                found: view.shape().to_vec(),
                expected: shape.to_vec(),
            });
        }
        Ok(view.load(&self.device)?.to_dtype(self.dtype)?)
    }

    /// `model.language_model.{name}`.
    pub(crate) fn text(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.raw(&format!("{}{name}", self.text_prefix), shape)
    }

    /// `model.visual.{name}`.
    pub(crate) fn vision(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.raw(&format!("{}{name}", self.vision_prefix), shape)
    }

    /// A linear layer of the vision tower: `{name}.weight` [out, in] and `{name}.bias` [out].
    pub(crate) fn vision_linear(&self, name: &str, input: usize, output: usize) -> Result<Linear> {
        let weight = self.vision(&format!("{name}.weight"), &[output, input])?;
        Ok(Linear::new(weight, Some(self.vision(&format!("{name}.bias"), &[output])?)))
    }

    /// Several bias-free projections of the decoder with one input, stacked into one layer.
    pub(crate) fn text_stack(&self, parts: &[(String, usize)], input: usize) -> Result<Linear> {
        let weights: Result<Vec<_>> =
            parts.iter().map(|(name, output)| self.text(&format!("{name}.weight"), &[*output, input])).collect();
        Ok(Linear::new(Tensor::cat(&weights?, 0)?, None))
    }

    /// The output projection when it is a tensor of its own.
    pub(crate) fn lm_head(&self, shape: &[usize]) -> Result<Option<Tensor>> {
        match self.files.get("lm_head.weight") {
            Ok(_) => self.raw("lm_head.weight", shape).map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// A hash that tells checkpoints apart: `config.json`, `preprocessor_config.json`, and of every weight file its length
/// and contents — all of them up to 64 MiB, evenly spaced samples and the header beyond that.
pub(crate) fn fingerprint(dir: &Path) -> Result<String> {
    const WHOLE: u64 = 64 << 20;
    const PIECE: u64 = 64 << 10;
    let mut hasher = blake3::Hasher::new();
    for name in ["config.json", "preprocessor_config.json"] {
        if let Ok(bytes) = std::fs::read(dir.join(name)) {
            hasher.update(&bytes);
        }
    }
    for path in shard_paths(dir)? {
        let wrap = |source| Error::Read { path: path.clone(), source };
        let mut file = File::open(&path).map_err(wrap)?;
        let length = file.metadata().map_err(wrap)?.len();
        hasher.update(&length.to_le_bytes());
        if length <= WHOLE {
            hasher.update_reader(&mut file).map_err(wrap)?;
            continue;
        }
        let mut piece = vec![0; PIECE as usize];
        for i in 0..512 {
            file.seek(SeekFrom::Start((length - PIECE) / 511 * i)).map_err(wrap)?;
            file.read_exact(&mut piece).map_err(wrap)?;
            hasher.update(&piece);
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}
