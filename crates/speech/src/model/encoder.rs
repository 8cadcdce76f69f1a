//! The half that hears: two convolutions over the spectrogram, then layers of attention over the whole window.

use candle_core::{Result, Tensor};
use candle_nn::{Conv1d, Conv1dConfig, LayerNorm, Module, VarBuilder, conv1d};

use super::attention::{Attention, Mlp, norm};
use crate::config::Config;

#[derive(Debug)]
pub(super) struct Encoder {
    first: Conv1d,
    second: Conv1d,
    /// [positions, C].
    positions: Tensor,
    layers: Vec<Layer>,
    norm: LayerNorm,
}

#[derive(Debug)]
struct Layer {
    norm: LayerNorm,
    attention: Attention,
    mlp: Mlp,
}

impl Encoder {
    pub(super) fn new(config: &Config, weights: VarBuilder<'_>) -> Result<Self> {
        let width = config.d_model;
        let conv = |stride| Conv1dConfig { padding: 1, stride, ..Conv1dConfig::default() };
        let layer = |index: usize| {
            let weights = weights.pp("layers").pp(index);
            Ok(Layer {
                norm: norm(width, weights.pp("self_attn_layer_norm"))?,
                attention: Attention::new(width, config.encoder_attention_heads, weights.pp("self_attn"))?,
                mlp: Mlp::new(width, config.encoder_ffn_dim, &weights)?,
            })
        };
        Ok(Self {
            first: conv1d(config.num_mel_bins, width, 3, conv(1), weights.pp("conv1"))?,
            second: conv1d(width, width, 3, conv(2), weights.pp("conv2"))?,
            positions: weights.get((config.max_source_positions, width), "embed_positions.weight")?,
            layers: (0..config.encoder_layers).map(layer).collect::<Result<_>>()?,
            norm: norm(width, weights.pp("layer_norm"))?,
        })
    }

    /// [B, mels, 2T] → [B, T, C].
    pub(super) fn forward(&self, spectrogram: &Tensor) -> Result<Tensor> {
        let x = self.first.forward(spectrogram)?.gelu_erf()?;
        let x = self.second.forward(&x)?.gelu_erf()?;
        let mut x = x.transpose(1, 2)?.contiguous()?.broadcast_add(&self.positions)?;
        for layer in &self.layers {
            let normed = layer.norm.forward(&x)?;
            let memory = layer.attention.memory(&normed)?;
            x = layer.mlp.forward(&(x + layer.attention.forward(&normed, &memory, None)?.0)?)?;
        }
        self.norm.forward(&x)
    }
}
