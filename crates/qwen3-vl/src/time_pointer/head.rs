//! A trained head: a token's hidden state and the segments' pictures to a distribution over segments.
//!
//! In use nobody knows a token's time. A small head on its hidden state proposes times: a distribution over segments, from
//! what they show. The likeliest few are refined by [`TimeAlignedAttention`], each as the token's time, and what they say is
//! mixed in proportion. `training/train/time_pointer.py` is the same in torch.

use std::path::Path;
use std::sync::Arc;

use candle_core::{D, DType, Device, Tensor};
use timeline::Timestamp;

use super::aligned::{FrameKeys, TimeAlignedAttention};
use super::weights::Weights;
use super::{Look, Provider, Wanted};
use crate::config::TextConfig;
use crate::error::{Error, Result};
use crate::features::SegmentFeatures;
use crate::profile::HeadFile;
use crate::session::Session;

/// Proposals that are refined.
const CANDIDATES: usize = 8;
/// ... of those that are at least so likely, in parts of the likeliest.
const LEAST: f32 = 0.02;
/// Widest queries and keys that are read.
const MAX_INNER: usize = 1 << 14;

/// What a head looks at of a segment.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Mean of its merged vision outputs.
    feature: Arc<[f32]>,
    at: Timestamp,
}

impl Seen {
    /// None of a segment whose time is not known, and of images.
    pub(crate) fn of(features: &SegmentFeatures) -> Result<Option<Self>> {
        let Some(at) = features.at() else { return Ok(None) };
        let mean = features.merged().to_dtype(DType::F32)?.mean(0)?;
        Ok(Some(Self { feature: mean.to_vec1::<f32>()?.into(), at }))
    }
}

/// The segments of a session as the head sees them, computed once for all tokens.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// Which segments they are.
    places: Vec<usize>,
    at: Vec<Timestamp>,
    /// [T, A]
    proposal_keys: Tensor,
    frames: FrameKeys,
}

/// A projection with a bias.
#[derive(Debug)]
struct Projection {
    /// [out, in]
    weight: Tensor,
    /// [out]
    bias: Tensor,
}

impl Projection {
    fn load(weights: &Weights, name: &str, (out, into): (usize, usize)) -> Result<Self> {
        let weight = weights.tensor(&format!("{name}.weight"), &[out, into])?;
        Ok(Self { weight, bias: weights.tensor(&format!("{name}.bias"), &[out])? })
    }

    /// [N, in] → [N, out]
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)?)
    }
}

/// The weights of a head, f32 on the CPU.
#[derive(Debug)]
pub(crate) struct TrainedHead {
    /// Whose output a token's hidden state is.
    layer: usize,
    width: usize,
    near: Projection,
    back: Projection,
    hidden: Projection,
    proposal_query: Projection,
    /// [A, D]
    proposal_key: Tensor,
    attention: TimeAlignedAttention,
}

impl TrainedHead {
    /// Reads a head for a decoder.
    ///
    /// # Errors
    /// A file that is missing, damaged, or not a head for this model.
    pub(crate) fn load(dir: &Path, named: &HeadFile, config: &TextConfig) -> Result<Self> {
        let HeadFile { file, layer } = named;
        if *layer >= config.num_hidden_layers {
            let told = format!("the time pointer in timepin.json reads layer {layer}, which the model lacks");
            return Err(Error::Unsupported(told));
        }
        Self::read(dir, file, *layer, config.hidden_size)
    }

    fn read(dir: &Path, name: &str, layer: usize, width: usize) -> Result<Self> {
        let weights = Weights::open(dir, name)?;
        let inner = match weights.shape("hidden.weight")? {
            [inner @ 1..=MAX_INNER, _] => *inner,
            found => {
                let (name, found) = ("hidden.weight".to_owned(), found.to_vec());
                return Err(Error::TensorShape { name, found, expected: vec![width, width] });
            }
        };
        Ok(Self {
            layer,
            width,
            near: Projection::load(&weights, "near", (inner, 3 * width))?,
            back: Projection::load(&weights, "back", (width, inner))?,
            hidden: Projection::load(&weights, "hidden", (inner, width))?,
            proposal_query: Projection::load(&weights, "proposal_query", (inner, inner))?,
            proposal_key: weights.tensor("proposal_key.weight", &[inner, width])?,
            attention: TimeAlignedAttention::load(&weights, width, inner)?,
        })
    }

    /// Mean merged vision outputs [T, D] → what both stages look at [T, D]: where something begins or ends shows only
    /// beside its neighbours.
    fn frames(&self, features: &Tensor) -> Result<Tensor> {
        let own = level(features)?;
        let count = own.dim(0)?;
        let nothing = Tensor::zeros((1, self.width), DType::F32, &Device::Cpu)?;
        let before = Tensor::cat(&[&nothing, &own.narrow(0, 0, count - 1)?], 0)?;
        let after = Tensor::cat(&[&own.narrow(0, 1, count - 1)?, &nothing], 0)?;
        let near = self.near.forward(&Tensor::cat(&[&before, &own, &after], 1)?)?.gelu_erf()?;
        Ok((own + self.back.forward(&near)?)?)
    }

    /// What is computed of the segments once.
    fn prepare(&self, seen: &[Option<Seen>]) -> Result<Option<Prepared>> {
        let timed: Vec<_> = seen.iter().enumerate().filter_map(|(i, seen)| Some((i, seen.as_ref()?))).collect();
        if timed.is_empty() {
            return Ok(None);
        }
        let values: Vec<f32> = timed.iter().flat_map(|(_, seen)| seen.feature.iter().copied()).collect();
        if values.len() != timed.len() * self.width {
            return Err(Error::Features("they belong to a model of another width".into()));
        }
        let at: Vec<_> = timed.iter().map(|(_, seen)| seen.at).collect();
        let frames = self.frames(&Tensor::from_vec(values, (timed.len(), self.width), &Device::Cpu)?)?;
        Ok(Some(Prepared {
            places: timed.iter().map(|(place, _)| *place).collect(),
            proposal_keys: frames.matmul(&self.proposal_key.t()?)?,
            frames: self.attention.keys(&frames, &at)?,
            at,
        }))
    }

    /// hidden: [1, D] f32 → the proposed distribution and the refined one, T values each.
    fn distributions(&self, hidden: &Tensor, prepared: &Prepared) -> Result<(Vec<f32>, Vec<f32>)> {
        let text = level(hidden)?;
        let query = self.proposal_query.forward(&self.hidden.forward(&text)?.gelu_erf()?)?;
        let scale = (query.dim(D::Minus1)? as f64).powf(-0.5);
        let logits = (query.matmul(&prepared.proposal_keys.t()?)? * scale)?;
        let proposed: Vec<f32> = candle_nn::ops::softmax_last_dim(&logits)?.flatten_all()?.to_vec1()?;
        let likely = likely(&proposed);
        let times: Vec<_> = likely.iter().filter_map(|(i, _)| prepared.at.get(*i).copied()).collect();
        let text = text.broadcast_as((times.len(), self.width))?.contiguous()?;
        let refined: Vec<Vec<f32>> = self.attention.weights(&text, &times, &prepared.frames, None)?.to_vec2()?;
        let mut mixed = vec![0.0; proposed.len()];
        for ((_, share), weights) in likely.iter().zip(refined) {
            mixed.iter_mut().zip(weights).for_each(|(mixed, weight)| *mixed += share * weight);
        }
        Ok((proposed, mixed))
    }
}

impl Provider for TrainedHead {
    fn wanted(&self) -> Wanted {
        Wanted { query: None, layer: Some(self.layer) }
    }

    fn look(&self, session: &Session) -> Result<Option<Look>> {
        let Some(hidden) = &session.state else { return Ok(None) };
        let prepared = match session.prepared.get() {
            Some(prepared) => prepared,
            None => {
                let prepared = self.prepare(&session.seen)?.map(Arc::new);
                session.prepared.get_or_init(|| prepared)
            }
        };
        let Some(prepared) = prepared else { return Ok(None) };
        let hidden = hidden.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
        let (proposed, refined) = self.distributions(&hidden, prepared)?;
        let mut weights = vec![0.0; session.seen.len()];
        for (place, weight) in prepared.places.iter().zip(refined) {
            if let Some(to) = weights.get_mut(*place) {
                *to = weight;
            }
        }
        Ok(Some(Look { weights, proposed: Some(mean(&proposed, &prepared.at)) }))
    }
}

/// The likeliest segments and their shares among themselves, the likeliest first.
fn likely(proposed: &[f32]) -> Vec<(usize, f32)> {
    let mut ranked: Vec<_> = proposed.iter().copied().enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let least = ranked.first().map_or(0.0, |first| first.1 * LEAST);
    ranked.truncate(CANDIDATES);
    ranked.retain(|(_, share)| *share >= least);
    let total: f32 = ranked.iter().map(|(_, share)| share).sum();
    ranked.into_iter().map(|(place, share)| (place, share / total.max(f32::MIN_POSITIVE))).collect()
}

fn mean(weights: &[f32], at: &[Timestamp]) -> Timestamp {
    Timestamp::from_seconds(weights.iter().zip(at).map(|(weight, at)| f64::from(*weight) * at.seconds()).sum())
}

/// The same size for every row: hidden states and features of different checkpoints differ a hundredfold.
fn level(states: &Tensor) -> Result<Tensor> {
    let size = (states.sqr()?.mean_keepdim(D::Minus1)? + 1e-6)?.sqrt()?;
    Ok(states.broadcast_div(&size)?)
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
