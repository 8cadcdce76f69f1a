//! Four patches become one token of the decoder's width (`Qwen3VLVisionPatchMerger`); GELU here is the exact one.

use candle_core::Tensor;

use super::block::{Norm, join_four};
use crate::config::VisionConfig;
use crate::error::Result;
use crate::kernels::activation::Activation;
use crate::kernels::linear::Linear;
use crate::weights::Weights;

pub(super) struct Merger {
    norm: Norm,
    fc1: Linear,
    fc2: Linear,
    /// DeepStack mergers norm the joined row, the final one each patch.
    joined_norm: bool,
}

impl Merger {
    pub(super) fn load(config: &VisionConfig, weights: &Weights, name: &str, joined_norm: bool) -> Result<Self> {
        let (h, joined) = (config.hidden_size, config.hidden_size * 4);
        Ok(Self {
            norm: Norm::load(weights, &format!("{name}.norm"), if joined_norm { joined } else { h })?,
            fc1: weights.vision_linear(&format!("{name}.linear_fc1"), &[joined, joined])?,
            fc2: weights.vision_linear(&format!("{name}.linear_fc2"), &[config.out_hidden_size, joined])?,
            joined_norm,
        })
    }

    /// x: [4·M, hidden] → [M, out_hidden].
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = if self.joined_norm { self.norm.forward(&join_four(x)?)? } else { join_four(&self.norm.forward(x)?)? };
        Ok(self.fc2.forward(&self.fc1.forward_act(&x, Activation::GeluErf)?)?)
    }
}
