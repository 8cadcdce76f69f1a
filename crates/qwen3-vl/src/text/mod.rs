//! The decoder (`Qwen3VLTextModel`): embeddings with segments put in their places, layers with DeepStack taps added after
//! the first ones, logits of the last token.

pub(crate) mod kv_cache;
mod layer;
mod rope;
mod watch;

use candle_core::{DType, Device, Tensor};

use crate::config::{Config, TextConfig};
use crate::error::{Error, Result};
use crate::features::SegmentFeatures;
use crate::kernels::linear::Linear;
use crate::positions::Position;
use crate::profile::Pointer;
use crate::weights::Weights;
use kv_cache::{CacheShape, KvCache};
use layer::Layer;
use rope::Mrope;
pub(crate) use watch::Watch;

/// Part of a segment inside a chunk.
pub(crate) struct VisualRun<'a> {
    pub(crate) features: &'a SegmentFeatures,
    /// First token of the features in this chunk.
    pub(crate) from: usize,
    /// Tokens.
    pub(crate) length: usize,
    /// Row of the chunk.
    pub(crate) at: usize,
}

/// Tokens of one pass.
pub(crate) struct Chunk<'a> {
    /// Token ids; at visual rows any valid id.
    pub(crate) ids: &'a [u32],
    pub(crate) positions: &'a [Position],
    pub(crate) visuals: Vec<VisualRun<'a>>,
}

/// Output of one pass.
pub(crate) struct Pass {
    /// [L, hidden], before the final norm
    pub(crate) hidden: Tensor,
    /// The pointer head's query of the last token: [D]
    pub(crate) pointer_query: Option<Tensor>,
}

pub(crate) struct Decoder {
    embeddings: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    eps: f32,
    head: Linear,
    rope: Mrope,
    config: TextConfig,
    device: Device,
    dtype: DType,
}

impl Decoder {
    pub(crate) fn load(config: &Config, weights: &Weights) -> Result<Self> {
        let text = &config.text_config;
        let table = [text.vocab_size, text.hidden_size];
        let embeddings = weights.text("embed_tokens.weight", &table)?;
        // The decoder's own flag decides, as in the reference; otherwise a projection that is stored is meant to be used.
        let own = if text.tie_word_embeddings == Some(true) { None } else { weights.lm_head(&table)? };
        let head = Linear::new(own.unwrap_or_else(|| embeddings.clone()), None);
        let layers: Result<Vec<_>> = (0..text.num_hidden_layers).map(|i| Layer::load(text, weights, i)).collect();
        Ok(Self {
            embeddings,
            layers: layers?,
            norm: weights.text("norm.weight", &[text.hidden_size])?,
            eps: text.rms_norm_eps as f32,
            head,
            rope: Mrope::new(text),
            config: text.clone(),
            device: weights.device().clone(),
            dtype: weights.dtype(),
        })
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn new_cache(&self) -> KvCache {
        KvCache::new(CacheShape {
            layers: self.config.num_hidden_layers,
            heads: self.config.kv_heads(),
            dim: self.config.head_dim(),
            device: self.device.clone(),
            dtype: self.dtype,
        })
    }

    /// Runs the tokens after those in `cache`, leaving their keys and values in it. `watch` is shown what comes out.
    pub(crate) fn forward(
        &self,
        chunk: &Chunk<'_>,
        cache: &mut KvCache,
        pointer: Option<Pointer>,
        watch: &mut dyn Watch,
    ) -> Result<Pass> {
        let length = chunk.ids.len();
        cache.reserve(length)?;
        let ids = Tensor::from_slice(chunk.ids, length, &self.device)?;
        let mut x = self.embeddings.index_select(&ids, 0)?;
        for run in &chunk.visuals {
            x.slice_set(&self.rows(run.features.merged(), run)?, 0, run.at)?;
        }
        watch.embedded(chunk.positions, &x)?;
        let rotary = self.rope.table(chunk.positions, (&self.device, self.dtype))?;
        let mut pointer_query = None;
        for (i, layer) in self.layers.iter().enumerate() {
            let here = pointer.filter(|p| p.layer == i);
            let output = layer.forward(&x, &rotary, cache, here.is_some())?;
            if let (Some(pointer), Some(queries)) = (here, output.queries) {
                pointer_query = Some(queries.get(pointer.head)?.get(length.saturating_sub(1))?);
            }
            x = output.hidden;
            for run in &chunk.visuals {
                if let Some(tap) = run.features.taps().get(i) {
                    let sum = (x.narrow(0, run.at, run.length)? + self.rows(tap, run)?)?;
                    x.slice_set(&sum, 0, run.at)?;
                }
            }
            watch.layer(i, &x)?;
        }
        cache.commit(length);
        watch.hidden(&x)?;
        Ok(Pass { hidden: x, pointer_query })
    }

    /// The rows of a run, where and in what this decoder computes. [length, hidden]
    fn rows(&self, features: &Tensor, run: &VisualRun<'_>) -> Result<Tensor> {
        if features.dim(1)? != self.config.hidden_size {
            return Err(Error::Features("they belong to a model of another width".into()));
        }
        let rows = features.narrow(0, run.from, run.length)?;
        Ok(rows.to_device(&self.device)?.to_dtype(self.dtype)?.contiguous()?)
    }

    /// hidden: [L, hidden] before the final norm → [L, vocab] f32.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        let normed = candle_nn::ops::rms_norm(&hidden.contiguous()?, &self.norm, self.eps)?;
        Ok(self.head.forward(&normed)?.to_dtype(DType::F32)?)
    }
}
