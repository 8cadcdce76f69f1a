//! The half that writes: attention over what was written and over what was heard.

use candle_core::{Device, Result, Tensor};
use candle_nn::kv_cache::KvCache;
use candle_nn::{Embedding, LayerNorm, Module, VarBuilder, embedding};

use super::attention::{Attention, Memory, Mlp, norm};
use crate::config::Config;

#[derive(Debug)]
pub(super) struct Decoder {
    tokens: Embedding,
    /// [positions, C].
    positions: Tensor,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

#[derive(Debug)]
struct Layer {
    own_norm: LayerNorm,
    own: Attention,
    heard_norm: LayerNorm,
    heard: Attention,
    mlp: Mlp,
}

impl Decoder {
    pub(super) fn new(config: &Config, weights: VarBuilder<'_>) -> Result<Self> {
        let (width, heads) = (config.d_model, config.decoder_attention_heads);
        let layer = |index: usize| {
            let weights = weights.pp("layers").pp(index);
            Ok(Layer {
                own_norm: norm(width, weights.pp("self_attn_layer_norm"))?,
                own: Attention::new(width, heads, weights.pp("self_attn"))?,
                heard_norm: norm(width, weights.pp("encoder_attn_layer_norm"))?,
                heard: Attention::new(width, heads, weights.pp("encoder_attn"))?,
                mlp: Mlp::new(width, config.decoder_ffn_dim, &weights)?,
            })
        };
        Ok(Self {
            tokens: embedding(config.vocab_size, width, weights.pp("embed_tokens"))?,
            positions: weights.get((config.max_target_positions, width), "embed_positions.weight")?,
            layers: (0..config.decoder_layers).map(layer).collect::<Result<_>>()?,
            norm: norm(width, weights.pp("layer_norm"))?,
        })
    }

    /// features: [1, T, C].
    pub(super) fn listen(&self, features: &Tensor) -> Result<Listener<'_>> {
        let limit = self.positions.dim(0)?;
        let heard = self.layers.iter().map(|layer| layer.heard.memory(features)).collect::<Result<_>>()?;
        let written = self.layers.iter().map(|_| KvCache::new(2, limit)).collect();
        Ok(Listener { decoder: self, heard, written, length: 0 })
    }
}

/// The decoder before one window: what was heard, and what was written so far.
#[derive(Debug)]
pub struct Listener<'m> {
    decoder: &'m Decoder,
    heard: Vec<Memory>,
    written: Vec<KvCache>,
    length: usize,
}

impl Listener<'_> {
    /// Forgets what was written.
    pub fn begin(&mut self) {
        self.written.iter_mut().for_each(KvCache::reset);
        self.length = 0;
    }

    /// Positions that are left.
    pub fn room(&self) -> usize {
        self.decoder.positions.dim(0).unwrap_or_default().saturating_sub(self.length)
    }

    /// Writes tokens after what was written. Returns the last layer's state [L, C], for [`logits`](Self::logits).
    ///
    /// # Errors
    /// More tokens than there is room for, or tokens outside the vocabulary.
    pub fn write(&mut self, tokens: &[u32]) -> Result<Tensor> {
        self.pass(tokens, |_, _| Ok(()))
    }

    /// Writes tokens and watches where some heads look: their scores [heads, L, T] before the softmax.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn watch(&mut self, tokens: &[u32], heads: &[(usize, usize)]) -> Result<Tensor> {
        let mut seen = Vec::new();
        self.pass(tokens, |layer, scores| {
            for (_, head) in heads.iter().filter(|(own, _)| *own == layer) {
                seen.push(scores.squeeze(0)?.narrow(0, *head, 1)?);
            }
            Ok(())
        })?;
        Tensor::cat(&seen, 0)
    }

    /// Logits [rows, V] of rows of states [rows, C].
    ///
    /// # Errors
    /// States of another width.
    pub fn logits(&self, states: &Tensor) -> Result<Tensor> {
        states.matmul(&self.decoder.tokens.embeddings().t()?)
    }

    fn pass(&mut self, tokens: &[u32], mut watch: impl FnMut(usize, &Tensor) -> Result<()>) -> Result<Tensor> {
        let decoder = self.decoder;
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let places = decoder.positions.narrow(0, self.length, tokens.len())?;
        let mut x = (decoder.tokens.forward(&ids)? + places)?.unsqueeze(0)?;
        let mask = causal(tokens.len(), self.length)?;
        let memories = self.written.iter_mut().zip(&self.heard);
        for (index, (layer, (written, heard))) in decoder.layers.iter().zip(memories).enumerate() {
            let normed = layer.own_norm.forward(&x)?;
            let new = layer.own.memory(&normed)?;
            let (keys, values) = written.append(&new.keys, &new.values)?;
            x = (x + layer.own.forward(&normed, &Memory { keys, values }, mask.as_ref())?.0)?;
            let (told, scores) = layer.heard.forward(&layer.heard_norm.forward(&x)?, heard, None)?;
            watch(index, &scores)?;
            x = layer.mlp.forward(&(x + told)?)?;
        }
        self.length += tokens.len();
        decoder.norm.forward(&x)?.squeeze(0)
    }
}

/// What each of `length` new tokens may look at, [L, before + L]; a single one may look at everything.
fn causal(length: usize, before: usize) -> Result<Option<Tensor>> {
    if length <= 1 {
        return Ok(None);
    }
    let width = before + length;
    let row = |row: usize| (0..width).map(move |column| if column > before + row { f32::NEG_INFINITY } else { 0.0 });
    let mask: Vec<f32> = (0..length).flat_map(row).collect();
    Tensor::from_vec(mask, (length, width), &Device::Cpu).map(Some)
}
