//! The largest working memory of one pass: estimates, of what `vision/` and `text/` hold at the same time.
//!
//! Attention is taken to make no `tokens × keys` matrix on an accelerator (the feature `flash-attn`; without it strips of
//! scores take up to a gigabyte); on the processor one key head's scores are counted, as `kernels/attention.rs` makes them.

use super::{Dimensions, wide};
use crate::{model, vision};

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The processor, with so many threads; activations in 32 bits.
    Cpu {
        /// Threads of the model.
        threads: u32,
    },
    /// A graphics card; activations in 16 bits.
    Accelerator,
}

impl Place {
    /// Bytes of one activation.
    fn width(self) -> u64 {
        match self {
            Self::Cpu { .. } => 4,
            Self::Accelerator => 2,
        }
    }

    /// What a process takes before anything is loaded: the CUDA context and cuBLAS's workspaces, or the program, the
    /// tokenizer and the page. Estimates.
    pub(super) fn reserve(self) -> u64 {
        match self {
            Self::Cpu { .. } => 200 << 20,
            Self::Accelerator => 600 << 20,
        }
    }
}

/// Bytes of so many values each.
fn bytes(rows: u64, values: &[u64], width: u64) -> u64 {
    let values = values.iter().copied().fold(0, u64::saturating_add);
    rows.saturating_mul(values).saturating_mul(width)
}

impl Dimensions {
    /// Bytes the largest pass holds besides weights, keys and values: a chunk of the prompt with `keys` tokens to look
    /// at, or a batch of segments of `patches` patches each out of `all`.
    pub(super) fn activation_bytes(&self, place: Place, keys: u64, patches: u64, all: u64) -> u64 {
        let logits = wide(self.text.vocab_size).saturating_mul(4);
        self.prefill_bytes(place, keys).max(self.vision_bytes(place, patches, all)).saturating_add(logits)
    }

    fn prefill_bytes(&self, place: Place, keys: u64) -> u64 {
        let text = &self.text;
        let chunk = match place {
            Place::Cpu { .. } => model::CPU_CHUNK,
            Place::Accelerator => model::DEVICE_CHUNK,
        };
        let chunk = wide(chunk).min(keys);
        let [hidden, dim, query_heads, kv_heads] =
            [text.hidden_size, text.head_dim(), text.num_attention_heads, text.kv_heads()].map(wide);
        let query = query_heads.saturating_mul(dim);
        let joined = kv_heads.saturating_mul(2).saturating_add(query_heads).saturating_mul(dim);
        // Residual and its norm; queries, keys and values before and after the split; queries by group, and the mix.
        let attention = bytes(chunk, &[hidden, hidden, joined, joined, query, query], place.width());
        let scores = match place {
            Place::Cpu { threads } => {
                let head = bytes(chunk.saturating_mul(query_heads / kv_heads.max(1)), &[keys], 4);
                let threads = u64::from(threads).min(kv_heads);
                if head.saturating_mul(threads) <= 64 << 20 { head.saturating_mul(threads) } else { head }
            }
            Place::Accelerator => 0,
        };
        let wide_mlp = match text.num_experts {
            0 => wide(text.intermediate_size),
            _ => wide(text.moe_intermediate_size).saturating_mul(wide(text.num_experts_per_tok)),
        };
        let mlp = bytes(chunk, &[hidden, hidden, wide_mlp, wide_mlp, wide_mlp], place.width());
        attention.saturating_add(scores).max(mlp)
    }

    fn vision_bytes(&self, place: Place, patches: u64, all: u64) -> u64 {
        let vision = &self.vision;
        let [hidden, mlp, patch] = [vision.hidden_size, vision.intermediate_size, vision.patch_len()].map(wide);
        let (at_once, scores) = match place {
            Place::Cpu { threads } => {
                let threads = u64::from(threads);
                let scores = bytes(patches.saturating_mul(threads), &[patches], 4);
                (threads.saturating_mul(wide(vision::CPU_PATCHES).max(patches)), scores)
            }
            Place::Accelerator => (wide(vision::DEVICE_PATCHES).max(patches), 0),
        };
        let at_once = at_once.min(all);
        let pixels = bytes(at_once, &[patch], 4);
        let three = hidden.saturating_mul(3);
        let attention = bytes(at_once, &[hidden, hidden, three, three, hidden], place.width()).saturating_add(scores);
        let mlp = bytes(at_once, &[hidden, hidden, mlp, mlp], place.width());
        pixels.saturating_add(attention.max(mlp))
    }
}
