//! The tile of `flash.rs` with products in bf16 pairs: queries, keys, values and weights rounded to bf16, as the reference's
//! are when it computes in bf16; scores, maxima and sums stay f32.

use std::ops::Range;

use half::bf16;

use super::super::bf16::{COLUMNS, Panel, RUN, Slabs, Sums, multiply, round};
use super::flash::{State, Tile};

/// Keys of a tile: whole panels.
pub(super) const KEYS: usize = 4 * COLUMNS;
/// Panels of scores.
const PARTS: usize = KEYS / COLUMNS;

/// See the module.
pub(super) struct Rounded {
    queries: Slabs,
    /// Values of a query, and those with the zeros that make them whole runs.
    dim: usize,
    padded: usize,
    scores: Vec<[Sums; PARTS]>,
    weights: Slabs,
    panel: Panel,
    rounded: Vec<bf16>,
    /// [rows][blocks], unnormalised
    out: Vec<Sums>,
    blocks: usize,
    state: State,
}

impl Tile for Rounded {
    const KEYS: usize = KEYS;
    const QUERIES: usize = 256;

    fn new(queries: &[f32], dim: usize) -> Self {
        let rows = queries.len() / dim.max(1);
        let (padded, blocks) = (dim.next_multiple_of(RUN), dim.div_ceil(COLUMNS));
        let mut slabs = Slabs::default();
        if padded == dim {
            slabs.pack(queries, dim);
        } else {
            slabs.pack(&widened(queries, dim, padded, 0.0), padded);
        }
        Self {
            queries: slabs,
            dim,
            padded,
            scores: vec![[[0.0; COLUMNS]; PARTS]; rows],
            weights: Slabs::default(),
            panel: Panel::default(),
            rounded: Vec::new(),
            out: vec![[0.0; COLUMNS]; rows * blocks],
            blocks,
            state: State::new(rows),
        }
    }

    fn pass(
        &mut self,
        keys: &[f32],
        values: &[f32],
        scale: f32,
        seen: impl Fn(usize) -> usize,
    ) -> candle_core::Result<()> {
        let count = keys.len() / self.dim;
        self.score(keys, count);
        let Self { state, scores, out, blocks, .. } = self;
        for (row, (scores, out)) in scores.iter_mut().zip(out.chunks_exact_mut(*blocks)).enumerate() {
            state.advance(row, scores.as_flattened_mut(), seen(row).min(count), scale, out.as_flattened_mut());
        }
        self.mix(values);
        Ok(())
    }

    fn finish(self) -> Vec<f32> {
        let Self { state, mut out, blocks, dim, .. } = self;
        let mut dense = Vec::with_capacity(out.len() / blocks * dim);
        for (row, out) in out.chunks_exact_mut(blocks).enumerate() {
            let out = out.as_flattened_mut();
            state.normalise(row, out);
            dense.extend_from_slice(&out[..dim]);
        }
        dense
    }
}

impl Rounded {
    /// Scores of all rows with `count` keys.
    fn score(&mut self, keys: &[f32], count: usize) {
        let scores = self.scores.as_flattened_mut();
        scores.fill([0.0; COLUMNS]);
        for part in 0..count.div_ceil(COLUMNS) {
            let few: Range<usize> = part * COLUMNS..((part + 1) * COLUMNS).min(count);
            let keys = &keys[few.start * self.dim..few.end * self.dim];
            self.rounded.resize(few.len() * self.padded, bf16::ZERO);
            if self.padded == self.dim {
                round(keys, &mut self.rounded);
            } else {
                round(&widened(keys, self.dim, self.padded, 0.0), &mut self.rounded);
            }
            self.panel.pack(&self.rounded, self.padded);
            multiply(&self.queries, &self.panel, &mut scores[part..], PARTS);
        }
    }

    /// Adds the values, weighted; weights of keys that are not there or not seen are zero.
    fn mix(&mut self, values: &[f32]) {
        self.weights.pack(self.scores.as_flattened().as_flattened(), KEYS);
        self.rounded.resize(values.len(), bf16::ZERO);
        round(values, &mut self.rounded);
        for block in 0..self.blocks {
            let columns = block * COLUMNS..((block + 1) * COLUMNS).min(self.dim);
            self.panel.pack_across(&self.rounded, self.dim, columns, KEYS);
            multiply(&self.weights, &self.panel, &mut self.out[block..], self.blocks);
        }
    }
}

/// Rows of `from` values as rows of `to`.
fn widened<T: Copy>(rows: &[T], from: usize, to: usize, fill: T) -> Vec<T> {
    let mut wide = Vec::with_capacity(rows.len() / from * to);
    for row in rows.chunks_exact(from) {
        wide.extend_from_slice(row);
        wide.resize(wide.len() + to - from, fill);
    }
    wide
}
