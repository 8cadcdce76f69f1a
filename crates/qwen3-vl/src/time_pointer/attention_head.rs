//! One attention head of the decoder, asked where it looks.
//!
//! The head's query of the current token is scored against its keys of every segment's tokens (stamp, delimiters and
//! visual tokens), softmax over those only; the mass of each segment is its weight.

use std::ops::Range;

use super::{Look, Provider, Wanted};
use crate::config::TextConfig;
use crate::error::{Error, Result};
use crate::kernels::attention::scores_of_one;
use crate::profile::Pointer;
use crate::session::Session;

/// The head, and what its scores are made with.
pub(crate) struct AttentionHead {
    pointer: Pointer,
    /// The head of the keys it shares with others.
    key_head: usize,
    scale: f64,
}

impl AttentionHead {
    /// # Errors
    /// A head the model lacks.
    pub(crate) fn new(pointer: Pointer, config: &TextConfig) -> Result<Self> {
        let Pointer { layer, head } = pointer;
        if layer >= config.num_hidden_layers || head >= config.num_attention_heads {
            let told = format!("timepin.json points at layer {layer} head {head}, which the model lacks");
            return Err(Error::Unsupported(told));
        }
        let group = config.num_attention_heads / config.kv_heads().max(1);
        Ok(Self { pointer, key_head: head / group.max(1), scale: (config.head_dim() as f64).powf(-0.5) })
    }
}

impl Provider for AttentionHead {
    fn wanted(&self) -> Wanted {
        Wanted { query: Some(self.pointer), layer: None }
    }

    /// The last token's query is scored against the keys in the cache.
    fn look(&self, session: &Session) -> Result<Option<Look>> {
        let Some(query) = &session.pointer_query else { return Ok(None) };
        let segments = &session.segments;
        if segments.is_empty() {
            return Ok(Some(Look { weights: Vec::new(), proposed: None }));
        }
        let layer = session.cache.layer(self.pointer.layer)?;
        let keys: candle_core::Result<Vec<_>> = layer.iter().map(|block| block.key.head(self.key_head)).collect();
        let weights = mass(&scores_of_one(query, &keys?, self.scale)?, segments);
        Ok(Some(Look { weights, proposed: None }))
    }
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
