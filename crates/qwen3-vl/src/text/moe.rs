//! A mixture of experts (`Qwen3VLMoeTextSparseMoeBlock`): a router gives every token its few experts and their shares.
//!
//! Shares are the softmax over all experts in f32, of which the largest `k` are kept and made to sum to 1. Tokens are
//! grouped by expert, so that a pass reads the weights of each expert at most once.

use candle_core::{D, DType, Device, Tensor};
use rayon::prelude::*;

use super::mlp::Gated;
use crate::config::TextConfig;
use crate::error::Result;
use crate::kernels::linear::Linear;
use crate::weights::Weights;

pub(super) struct Mixture {
    router: Linear,
    experts: Vec<Gated>,
    /// Experts per token.
    top: usize,
    normalise: bool,
}

/// The rows of a pass by expert.
struct Routes {
    /// Of every expert: rows of the input.
    rows: Vec<Vec<u32>>,
    /// Where the outputs of all experts, one after another, hold those of (row, choice): [L·k].
    places: Vec<u32>,
    /// Share of (row, choice): [L·k].
    shares: Vec<f32>,
}

impl Mixture {
    pub(super) fn load(config: &TextConfig, weights: &Weights, layer: usize) -> Result<Self> {
        let (hidden, inner, count) = (config.hidden_size, config.moe_intermediate_size, config.num_experts);
        // A router that is off by a little sends tokens elsewhere: it is never put into blocks.
        let router = weights.text(&format!("layers.{layer}.mlp.gate.weight"), &[count, hidden])?;
        let files = weights.experts(&format!("layers.{layer}.mlp.experts"), [count, hidden, inner])?;
        let experts: Result<Vec<_>> = (0..count)
            .map(|i| {
                let (gate_up, down) = files.expert(i)?;
                Ok(Gated::new(gate_up, down))
            })
            .collect();
        Ok(Self {
            router: Linear::new(router, None),
            experts: experts?,
            top: config.num_experts_per_tok,
            normalise: config.norm_topk_prob,
        })
    }

    /// x: [L, hidden] → same shape.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (length, hidden) = x.dims2()?;
        let logits = self.router.forward(x)?.to_dtype(DType::F32)?;
        let shares = candle_nn::ops::softmax_last_dim(&logits)?.to_vec2::<f32>()?;
        let routes = Routes::new(&shares, self.experts.len(), self.top, self.normalise);
        let run = |(expert, rows): (&Gated, &Vec<u32>)| -> Result<Tensor> {
            if rows.len() == length {
                // All rows, in order: as when one token is written.
                return expert.forward(x);
            }
            let rows = Tensor::from_slice(rows, rows.len(), x.device())?;
            expert.forward(&x.index_select(&rows, 0)?)
        };
        let asked = |(_, rows): &(&Gated, &Vec<u32>)| !rows.is_empty();
        // Many experts with few rows each: threads are better spent on experts than inside their products.
        let outputs: Result<Vec<_>> = if x.device().is_cpu() {
            self.experts.par_iter().zip(&routes.rows).filter(asked).map(run).collect()
        } else {
            self.experts.iter().zip(&routes.rows).filter(asked).map(run).collect()
        };
        let outputs = Tensor::cat(&outputs?, 0)?;
        let places = Tensor::from_vec(routes.places, length * self.top, x.device())?;
        let chosen = outputs.index_select(&places, 0)?.reshape((length, self.top, hidden))?;
        let shares = Tensor::from_vec(routes.shares, (length, self.top, 1), &Device::Cpu)?;
        let shares = shares.to_dtype(x.dtype())?.to_device(x.device())?;
        Ok(chosen.broadcast_mul(&shares)?.sum(D::Minus2)?)
    }
}

impl Routes {
    /// shares: of every row, one per expert, summing to 1.
    fn new(shares: &[Vec<f32>], experts: usize, top: usize, normalise: bool) -> Self {
        let mut rows = vec![Vec::new(); experts];
        // (expert, place among the expert's rows, share)
        let mut choices = Vec::with_capacity(shares.len() * top);
        for (row, shares) in (0_u32..).zip(shares) {
            let mut ranked: Vec<(usize, f32)> = shares.iter().copied().enumerate().collect();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
            ranked.truncate(top);
            let total: f32 = if normalise { ranked.iter().map(|r| r.1).sum() } else { 1.0 };
            for (expert, share) in ranked {
                if let Some(own) = rows.get_mut(expert) {
                    choices.push((expert, own.len() as u32, share / total));
                    own.push(row);
                }
            }
        }
        let starts: Vec<u32> = rows
            .iter()
            .scan(0, |next, own| {
                let start = *next;
                *next += own.len() as u32;
                Some(start)
            })
            .collect();
        let place = |(expert, at, _): &(usize, u32, f32)| starts.get(*expert).copied().unwrap_or(0) + at;
        Self { places: choices.iter().map(place).collect(), shares: choices.iter().map(|c| c.2).collect(), rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_expert_and_found_again() {
        let shares = [vec![0.1, 0.6, 0.3], vec![0.5, 0.1, 0.4], vec![0.2, 0.7, 0.1]];
        let routes = Routes::new(&shares, 3, 2, true);
        assert_eq!(routes.rows, [vec![1, 2], vec![0, 2], vec![0, 1]]);
        // Outputs lie as expert 0: rows 1, 2 · expert 1: rows 0, 2 · expert 2: rows 0, 1.
        assert_eq!(routes.places, [2, 4, 0, 5, 3, 1]);
        let expected = [0.6 / 0.9, 0.3 / 0.9, 0.5 / 0.9, 0.4 / 0.9, 0.7 / 0.9, 0.2 / 0.9];
        assert!(routes.shares.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{:?}", routes.shares);
        assert_eq!(Routes::new(&shares, 3, 1, false).shares, [0.6, 0.5, 0.7]);
    }
}
