//! The time pointer: one attention head of the decoder, asked where it looks.
//!
//! The head's query of the current token is scored against its keys of every segment's tokens (stamp, delimiters and
//! visual tokens), softmax over those only; the mass of each segment is its weight.

use std::ops::Range;

use crate::config::TextConfig;
use crate::error::{Error, Result};
use crate::kernels::attention::scores_of_one;
use crate::profile::Pointer;
use crate::text::kv_cache::KvCache;

/// Checks that the head exists.
pub(crate) fn check(pointer: Option<Pointer>, config: &TextConfig) -> Result<()> {
    match pointer {
        Some(p) if p.layer >= config.num_hidden_layers || p.head >= config.num_attention_heads => {
            Err(Error::Unsupported(format!(
                "timepin.json points at layer {} head {}, which the model lacks",
                p.layer, p.head
            )))
        }
        _ => Ok(()),
    }
}

/// Weights over `segments` (token ranges), summing to 1; empty without segments. query: [D], normed and rotated.
pub(crate) fn weights(
    pointer: Pointer,
    config: &TextConfig,
    query: &candle_core::Tensor,
    cache: &KvCache,
    segments: &[Range<usize>],
) -> Result<Vec<f32>> {
    if segments.is_empty() {
        return Ok(Vec::new());
    }
    let group = config.num_attention_heads / config.kv_heads().max(1);
    let head = pointer.head / group.max(1);
    let keys: candle_core::Result<Vec<_>> = cache.layer(pointer.layer)?.iter().map(|b| b.key.head(head)).collect();
    let scores = scores_of_one(query, &keys?, (config.head_dim() as f64).powf(-0.5))?;
    Ok(mass(&scores, segments))
}

/// Softmax of the scores inside the ranges, summed per range.
fn mass(scores: &[f32], segments: &[Range<usize>]) -> Vec<f32> {
    let inside = |range: &Range<usize>| scores.get(range.clone()).unwrap_or(&[]);
    let max = segments.iter().flat_map(inside).fold(f32::NEG_INFINITY, |m, s| m.max(*s));
    let sums: Vec<f32> = segments.iter().map(|r| inside(r).iter().map(|s| (s - max).exp()).sum()).collect();
    let total: f32 = sums.iter().sum();
    if total > 0.0 { sums.iter().map(|s| s / total).collect() } else { vec![0.0; segments.len()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mass_counts_segments_only() {
        let scores = [9.0, 0.0, 0.0, 2.0_f32.ln(), 7.0];
        let found = mass(&scores, &[1..3, 3..4]);
        assert!((found[0] - 0.5).abs() < 1e-6 && (found[1] - 0.5).abs() < 1e-6);
        assert_eq!(mass(&scores, &[8..9, 9..10]), [0.0, 0.0]);
    }
}
