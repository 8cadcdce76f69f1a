//! Every tensor of a checkpoint by shape, counted rather than named.

use super::{Dimensions, wide};

/// What becomes of a tensor when weights are quantised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A matrix of the decoder: quantised.
    Matrix,
    /// A norm's weight: kept.
    Small,
    /// Anything of the vision tower: kept at 16 bits.
    Vision,
}

/// `count` tensors of `rows × columns`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) role: Role,
    pub(super) count: u64,
    pub(super) rows: u64,
    pub(super) columns: u64,
}

impl Shape {
    pub(super) fn values(&self) -> u64 {
        self.count.saturating_mul(self.rows).saturating_mul(self.columns)
    }
}

impl Dimensions {
    pub(super) fn shapes(&self) -> Vec<Shape> {
        let mut shapes = self.decoder();
        shapes.extend(self.vision_tower());
        shapes
    }

    fn decoder(&self) -> Vec<Shape> {
        let text = &self.text;
        let [vocabulary, hidden, mlp, layers] =
            [text.vocab_size, text.hidden_size, text.intermediate_size, text.num_hidden_layers].map(wide);
        let dim = wide(text.head_dim());
        let query = wide(text.num_attention_heads).saturating_mul(dim);
        let key_value = wide(text.kv_heads()).saturating_mul(dim);
        let matrix = |count, rows, columns| Shape { role: Role::Matrix, count, rows, columns };
        let norm = |count, width| Shape { role: Role::Small, count, rows: 1, columns: width };
        let tables = if text.tie_word_embeddings == Some(true) { 1 } else { 2 };
        let mut shapes = vec![
            matrix(tables, vocabulary, hidden),
            norm(1, hidden),
            norm(layers.saturating_mul(2), hidden),
            norm(layers.saturating_mul(2), dim),
            matrix(layers, query, hidden),
            matrix(layers.saturating_mul(2), key_value, hidden),
            matrix(layers, hidden, query),
        ];
        let sparse = wide(text.sparse_layers());
        let dense = layers.saturating_sub(sparse);
        shapes.extend([matrix(dense.saturating_mul(2), mlp, hidden), matrix(dense, hidden, mlp)]);
        if sparse > 0 {
            let (all, width) = (wide(text.num_experts), wide(text.moe_intermediate_size));
            let each = sparse.saturating_mul(all);
            shapes.extend([
                // Routers are small and decide much: kept.
                Shape { role: Role::Small, count: sparse, rows: all, columns: hidden },
                matrix(each.saturating_mul(2), width, hidden),
                matrix(each, hidden, width),
            ]);
        }
        shapes
    }

    fn vision_tower(&self) -> Vec<Shape> {
        let vision = &self.vision;
        let [hidden, mlp, depth, out] =
            [vision.hidden_size, vision.intermediate_size, vision.depth, vision.out_hidden_size].map(wide);
        let channels = [vision.in_channels, vision.temporal_patch_size, vision.patch_size, vision.patch_size];
        let patch = channels.map(wide).into_iter().fold(1, u64::saturating_mul);
        let tensor = |count, rows, columns| Shape { role: Role::Vision, count, rows, columns };
        // A linear layer and its bias.
        let linear = |count, rows, columns: u64| tensor(count, rows, columns.saturating_add(1));
        let joined = hidden.saturating_mul(wide(vision.spatial_merge_size).saturating_pow(2));
        let taps = wide(vision.deepstack_visual_indexes.len());
        vec![
            linear(1, hidden, patch),
            tensor(1, wide(vision.num_position_embeddings), hidden),
            tensor(depth.saturating_mul(2), 2, hidden),
            linear(depth, hidden.saturating_mul(3), hidden),
            linear(depth, hidden, hidden),
            linear(depth, mlp, hidden),
            linear(depth, hidden, mlp),
            // The merger's norm is over a patch, the taps' over four.
            tensor(1, 2, hidden),
            tensor(taps, 2, joined),
            linear(taps.saturating_add(1), joined, joined),
            linear(taps.saturating_add(1), out, joined),
        ]
    }
}
