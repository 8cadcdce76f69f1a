//! `TimeAlignedAttention`: attention from text tokens to frames, gated by how near their times are.
//!
//! ```text
//! weights = softmax(W_q·text · W_k·[frame ; phi(frame time)] / √D  +  log g  +  log s)
//! g = sigmoid(W_g·[phi(text time) ; phi(frame time)])        s = exp(−|dt| / 1000 ms)
//! ```
//! The gate has to suppress distant frames. A logit times 0 before a softmax keeps its share, so the gate is applied as its
//! logarithm: where `g` or `s` vanishes the weight does, and with both at 1 everywhere this is plain attention.
//!
//! `s` is of differences of times and shifts with the video; `phi`, in the keys and in `g`, is of absolute times and does
//! not. Without the columns for `phi` the whole is shift-equivariant: the weights stay and their mean moves along.

use candle_core::{D, Device, Tensor};
use timeline::Timestamp;

use super::features::{TIME_FEATURES, time_features};
use super::weights::Weights;
use crate::error::Result;

/// After so long the similarity of two times is 1/e, in microseconds.
const SIMILARITY_US: f64 = 1e6;

/// The weights of the attention, f32 on the CPU.
#[derive(Debug)]
pub(crate) struct TimeAlignedAttention {
    /// [A, D]
    query: Tensor,
    /// [A, D + 64]
    key: Tensor,
    /// For the text's time and for the frame's.
    gate: [[f32; TIME_FEATURES]; 2],
    gate_bias: f32,
}

/// What the frames of a video are to the attention, computed once for all tokens.
#[derive(Debug, Clone)]
pub(crate) struct FrameKeys {
    /// [T, A]
    keys: Tensor,
    at: Vec<Timestamp>,
    /// The frames' half of the gate's logit.
    gate: Vec<f32>,
}

impl TimeAlignedAttention {
    /// width: D, of hidden states and frames; inner: A, of queries and keys.
    pub(crate) fn load(weights: &Weights, width: usize, inner: usize) -> Result<Self> {
        let gate: Vec<f32> = weights.vector("attention.gate.weight", &[1, 2 * TIME_FEATURES])?;
        let (mut of_text, mut of_frame) = ([0.0; TIME_FEATURES], [0.0; TIME_FEATURES]);
        for (to, from) in of_text.iter_mut().chain(&mut of_frame).zip(gate) {
            *to = from;
        }
        Ok(Self {
            query: weights.tensor("attention.query.weight", &[inner, width])?,
            key: weights.tensor("attention.key.weight", &[inner, width + TIME_FEATURES])?,
            gate: [of_text, of_frame],
            gate_bias: weights.vector("attention.gate.bias", &[1])?.first().copied().unwrap_or_default(),
        })
    }

    /// frames: [T, D] f32; at: their T times.
    pub(crate) fn keys(&self, frames: &Tensor, at: &[Timestamp]) -> Result<FrameKeys> {
        let phi: Vec<_> = at.iter().map(|at| time_features(*at)).collect();
        let times = Tensor::from_vec(phi.concat(), (at.len(), TIME_FEATURES), &Device::Cpu)?;
        let keys = Tensor::cat(&[frames, &times], 1)?.matmul(&self.key.t()?)?;
        let [_, of_frame] = &self.gate;
        Ok(FrameKeys { keys, at: at.to_vec(), gate: phi.iter().map(|phi| dot(phi, of_frame)).collect() })
    }

    /// text: [L, D] f32, text_at: the tokens' L times; mask: false where there is no frame → distributions [L, T].
    pub(crate) fn weights(
        &self,
        text: &Tensor,
        text_at: &[Timestamp],
        frames: &FrameKeys,
        mask: Option<&[bool]>,
    ) -> Result<Tensor> {
        let (tokens, count) = (text_at.len(), frames.at.len());
        let queries = text.matmul(&self.query.t()?)?;
        let scale = (queries.dim(D::Minus1)? as f64).powf(-0.5);
        let logits = (queries.matmul(&frames.keys.t()?)? * scale)?;
        let gates: Vec<f32> = text_at.iter().flat_map(|at| self.log_gates(*at, frames, mask)).collect();
        let gated = (logits + Tensor::from_vec(gates, (tokens, count), &Device::Cpu)?)?;
        Ok(candle_nn::ops::softmax_last_dim(&gated.contiguous()?)?)
    }

    /// text: [L, D], frames: [T, D], their times and mask → the frames aggregated [L, D], and the distributions [L, T].
    #[cfg(test)]
    pub(super) fn forward(
        &self,
        (text, text_at): (&Tensor, &[Timestamp]),
        (frames, at): (&Tensor, &[Timestamp]),
        mask: Option<&[bool]>,
    ) -> Result<(Tensor, Tensor)> {
        let weights = self.weights(text, text_at, &self.keys(frames, at)?, mask)?;
        Ok((weights.matmul(frames)?, weights))
    }

    /// log g + log s of one token for every frame; the least number where there is none.
    fn log_gates<'a>(
        &'a self,
        text_at: Timestamp,
        frames: &'a FrameKeys,
        mask: Option<&'a [bool]>,
    ) -> impl Iterator<Item = f32> + 'a {
        let [of_text, _] = &self.gate;
        let of_text = dot(&time_features(text_at), of_text) + self.gate_bias;
        frames.at.iter().zip(&frames.gate).enumerate().map(move |(i, (at, of_frame))| {
            if mask.is_some_and(|mask| mask.get(i) == Some(&false)) {
                return f32::MIN;
            }
            let away = text_at.distance(*at).micros() as f64 / SIMILARITY_US;
            log_sigmoid(of_text + of_frame) - away as f32
        })
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// ln(1 / (1 + exp(-x))), exact far from 0.
fn log_sigmoid(x: f32) -> f32 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
#[path = "aligned_tests.rs"]
mod tests;
