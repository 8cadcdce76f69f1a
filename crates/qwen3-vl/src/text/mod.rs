//! The decoder (`Qwen3VLTextModel`): embeddings with segments put in their places, layers with DeepStack taps added after
//! the first ones, logits of the last token. A pass may carry rows of several sessions.

mod embedding;
pub(crate) mod kv_cache;
mod layer;
mod mlp;
mod moe;
mod projection;
mod rope;
mod watch;

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use crate::config::{Config, TextConfig};
use crate::error::{Error, Result};
use crate::features::SegmentFeatures;
use crate::kernels::attention::Method;
use crate::kernels::attention::kept::Form;
use crate::kernels::in_pool;
use crate::kernels::linear::Linear;
use crate::positions::Position;
use crate::time_pointer::Wanted;
use crate::weights::Weights;
use crate::window::Window;
use embedding::Embedding;
use kv_cache::{CacheShape, KvCache};
use layer::Layer;
use rope::Ropes;
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

/// Tokens that one session reads in a pass.
pub(crate) struct Chunk<'a> {
    /// Token ids; at visual rows any valid id.
    pub(crate) ids: &'a [u32],
    pub(crate) positions: &'a [Position],
    /// How they turn.
    pub(crate) window: Window,
    pub(crate) visuals: Vec<VisualRun<'a>>,
    /// What the session has read before; the keys and values of `ids` are added.
    pub(crate) cache: &'a mut KvCache,
}

/// Output of one pass.
pub(crate) struct Pass {
    /// [R, hidden], before the final norm: the rows of all chunks, one chunk after another
    pub(crate) hidden: Tensor,
    /// The pointer head's query of the last token of every chunk, [D] each; empty without a pointer.
    pub(crate) pointer_queries: Vec<Tensor>,
    /// What leaves the layer that is wanted, of the last token of every chunk, [1, hidden] each; empty when none is.
    pub(crate) states: Vec<Tensor>,
}

pub(crate) struct Decoder {
    embeddings: Embedding,
    layers: Vec<Layer>,
    norm: Tensor,
    eps: f32,
    head: Linear,
    ropes: Ropes,
    config: TextConfig,
    device: Device,
    dtype: DType,
    /// How keys and values are kept.
    kept: Form,
}

impl Decoder {
    pub(crate) fn load(config: &Config, weights: &Weights, method: Method, kept: Form) -> Result<Self> {
        let text = &config.text_config;
        let table = [text.vocab_size, text.hidden_size];
        let embeddings = Embedding::new(weights.text_matrix("embed_tokens.weight", table)?, weights.dtype());
        // The decoder's own flag decides, as in the reference; otherwise a projection that is stored is meant to be used.
        let own = if text.tie_word_embeddings == Some(true) { None } else { weights.lm_head(table)? };
        let head = Linear::new(own.unwrap_or_else(|| embeddings.table()), None);
        let layers: Result<Vec<_>> =
            (0..text.num_hidden_layers).map(|i| Layer::load(text, weights, method, i)).collect();
        Ok(Self {
            embeddings,
            layers: layers?,
            norm: weights.text("norm.weight", &[text.hidden_size])?,
            eps: text.rms_norm_eps as f32,
            head,
            ropes: Ropes::new(text),
            config: text.clone(),
            device: weights.device().clone(),
            dtype: weights.dtype(),
            kept,
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
            form: self.kept,
        })
    }

    /// Runs the chunks of several sessions at once, each after what its cache holds: one read of the weights for all of
    /// them. A failed pass leaves every cache as it was. `watch` is shown what comes out.
    pub(crate) fn forward(&self, chunks: &mut [Chunk<'_>], wanted: Wanted, watch: &mut dyn Watch) -> Result<Pass> {
        in_pool(&self.device, || self.pass(chunks, wanted, watch))
    }

    fn pass(&self, chunks: &mut [Chunk<'_>], wanted: Wanted, watch: &mut dyn Watch) -> Result<Pass> {
        let rows = rows(chunks);
        for chunk in &mut *chunks {
            chunk.cache.reserve(chunk.ids.len())?;
        }
        let ids: Vec<u32> = chunks.iter().flat_map(|c| c.ids).copied().collect();
        let positions: Vec<Position> = chunks.iter().flat_map(|c| c.positions).copied().collect();
        let ids = Tensor::from_slice(&ids, ids.len(), &self.device)?;
        let mut x = self.embeddings.rows(&ids)?;
        for (run, at) in visuals(chunks, &rows) {
            x.slice_set(&self.rows(run.features.merged(), run)?, 0, at)?;
        }
        watch.embedded(&positions, &x)?;
        let runs = chunks.iter().map(|chunk| (chunk.window, chunk.positions));
        let rotary = self.ropes.table(runs, (&self.device, self.dtype))?;
        let (mut pointer_queries, mut states) = (Vec::new(), Vec::new());
        for (i, layer) in self.layers.iter().enumerate() {
            let projected = layer.project(&x, &rotary)?;
            let mixed = chunks.iter().zip(&rows).map(|(chunk, rows)| layer.attend(&projected, rows, chunk.cache));
            x = layer.finish(&x, &stacked(mixed.collect::<Result<_>>()?)?)?;
            if let Some(pointer) = wanted.query.filter(|p| p.layer == i) {
                let queries = projected.queries.get(pointer.head)?;
                let last = rows.iter().map(|rows| Ok(queries.get(rows.end.saturating_sub(1))?));
                pointer_queries = last.collect::<Result<_>>()?;
            }
            for (run, at) in visuals(chunks, &rows) {
                if let Some(tap) = run.features.taps().get(i) {
                    let sum = (x.narrow(0, at, run.length)? + self.rows(tap, run)?)?;
                    x.slice_set(&sum, 0, at)?;
                }
            }
            if wanted.layer == Some(i) {
                let last =
                    rows.iter().map(|rows| Ok(x.narrow(0, rows.end.saturating_sub(1), 1)?.force_contiguous()?));
                states = last.collect::<Result<_>>()?;
            }
            watch.layer(i, &x)?;
        }
        watch.hidden(&x)?;
        for chunk in chunks {
            chunk.cache.commit(chunk.ids.len());
        }
        Ok(Pass { hidden: x, pointer_queries, states })
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
        Ok(in_pool(&self.device, || self.head.forward(&normed))?.to_dtype(DType::F32)?)
    }
}

/// Which rows of a pass belong to each chunk.
fn rows(chunks: &[Chunk<'_>]) -> Vec<Range<usize>> {
    let ends = chunks.iter().scan(0, |end, chunk| {
        *end += chunk.ids.len();
        Some(*end - chunk.ids.len()..*end)
    });
    ends.collect()
}

/// The visual runs of all chunks and the first row of the pass of each.
fn visuals<'a>(chunks: &'a [Chunk<'_>], rows: &'a [Range<usize>]) -> impl Iterator<Item = (&'a VisualRun<'a>, usize)> {
    chunks.iter().zip(rows).flat_map(|(chunk, rows)| chunk.visuals.iter().map(|run| (run, rows.start + run.at)))
}

fn stacked(parts: Vec<Tensor>) -> Result<Tensor> {
    match <[Tensor; 1]>::try_from(parts) {
        Ok([only]) => Ok(only),
        Err(parts) => Ok(Tensor::cat(&parts, 0)?),
    }
}
