//! Attention of many queries without their table of scores: tiles of queries pass over tiles of keys with a running maximum
//! and sum (Dao et al., *FlashAttention*, 2022, algorithm 1; Milakov & Gimelshein's online softmax).
//!
//! Memory is two tiles a thread however long the prompt; products are in f32 here, in bf16 in `rounded.rs`. Queries that share a key head are in one tile, so a key is read and
//! widened once for all of them. Every (head, tile) is a task of its own: many segments are one parallel loop.

use candle_core::Result;
use rayon::prelude::*;

use super::super::{exp, gemm, simd};
use super::Sight;
use super::kept::HeadRows;

/// One key head: its queries and what it keeps, oldest first.
pub(super) struct Head<'a> {
    /// [G, L, D] dense
    pub(super) queries: &'a [f32],
    /// Keys and values: [S_b, D] each
    pub(super) runs: Vec<(HeadRows<'a>, HeadRows<'a>)>,
}

simd! {
    /// One row of a tile: scores become weights relative to the running maximum (before scaling); the sum grows; returns what earlier output
    /// has to be multiplied with.
    fn advance(scores: &mut [f32], seen: usize, scale: f32, max: &mut f32, sum: &mut f32) -> f32 {
        let (live, dead) = scores.split_at_mut(seen);
        let mut lanes = [f32::NEG_INFINITY; 16];
        let mut chunks = live.chunks_exact(16);
        for chunk in &mut chunks {
            for i in 0..16 {
                lanes[i] = lanes[i].max(chunk[i]);
            }
        }
        let largest = lanes.iter().chain(chunks.remainder()).fold(f32::NEG_INFINITY, |m, x| m.max(*x));
        let now = max.max(largest);
        let mut sums = [0.0_f32; 16];
        let mut chunks = live.chunks_exact_mut(16);
        for chunk in &mut chunks {
            for i in 0..16 {
                chunk[i] = exp(scale * (chunk[i] - now));
                sums[i] += chunk[i];
            }
        }
        let mut added: f32 = sums.iter().sum();
        for x in chunks.into_remainder() {
            *x = exp(scale * (*x - now));
            added += *x;
        }
        dead.fill(0.0);
        let correction = if *max == f32::NEG_INFINITY { 0.0 } else { exp(scale * (*max - now)) };
        *sum = *sum * correction + added;
        *max = now;
        correction
    }
}

simd! {
    fn multiply(row: &mut [f32], by: f32) {
        for x in row {
            *x *= by;
        }
    }
}

/// Of every row of a tile: the largest score so far and the sum of the weights.
pub(super) struct State {
    maxima: Vec<f32>,
    sums: Vec<f32>,
}

impl State {
    pub(super) fn new(rows: usize) -> Self {
        Self { maxima: vec![f32::NEG_INFINITY; rows], sums: vec![0.0; rows] }
    }

    /// The scores of a row, of which it sees the first `seen`, become weights; `out`, unnormalised, follows the new maximum.
    pub(super) fn advance(&mut self, row: usize, scores: &mut [f32], seen: usize, scale: f32, out: &mut [f32]) {
        if seen == 0 {
            return scores.fill(0.0);
        }
        let correction = advance(scores, seen, scale, &mut self.maxima[row], &mut self.sums[row]);
        if correction != 1.0 {
            multiply(out, correction);
        }
    }

    pub(super) fn normalise(&self, row: usize, out: &mut [f32]) {
        multiply(out, 1.0 / self.sums[row]);
    }
}

/// A tile of queries that passes over tiles of keys.
pub(super) trait Tile: Sized {
    /// Most rows.
    const QUERIES: usize;
    /// Most keys of a pass.
    const KEYS: usize;

    /// queries: [rows, D].
    fn new(queries: &[f32], dim: usize) -> Self;
    /// Passes over one tile of keys. keys, values: [S, D]; `seen(row)`: how many of `keys` the row sees.
    fn pass(&mut self, keys: &[f32], values: &[f32], scale: f32, seen: impl Fn(usize) -> usize) -> Result<()>;
    /// → [rows, D].
    fn finish(self) -> Vec<f32>;
}

/// Products in f32.
pub(super) struct Full {
    dim: usize,
    /// [rows, D]
    queries: Vec<f32>,
    /// [rows, D], unnormalised
    out: Vec<f32>,
    state: State,
}

impl Tile for Full {
    const QUERIES: usize = 128;
    const KEYS: usize = 256;

    fn new(queries: &[f32], dim: usize) -> Self {
        let state = State::new(queries.len() / dim.max(1));
        Self { dim, queries: queries.to_vec(), out: vec![0.0; queries.len()], state }
    }

    fn pass(&mut self, keys: &[f32], values: &[f32], scale: f32, seen: impl Fn(usize) -> usize) -> Result<()> {
        let count = keys.len() / self.dim;
        let mut scores = vec![0.0_f32; self.queries.len() / self.dim * count];
        gemm::a_bt(&self.queries, keys, &mut scores, self.dim, false)?;
        let rows = scores.chunks_exact_mut(count).zip(self.out.chunks_exact_mut(self.dim));
        for (row, (scores, out)) in rows.enumerate() {
            self.state.advance(row, scores, seen(row).min(count), scale, out);
        }
        gemm::a_b(&scores, values, &mut self.out, count, true)
    }

    fn finish(mut self) -> Vec<f32> {
        for (row, out) in self.out.chunks_exact_mut(self.dim).enumerate() {
            self.state.normalise(row, out);
        }
        self.out
    }
}

/// heads: each with `group` × `length` queries of `dim` values → [heads, G, L, D].
pub(super) fn attend<T: Tile>(
    heads: &[Head<'_>],
    (group, length, dim): (usize, usize, usize),
    sight: Sight,
    scale: f32,
) -> Result<Vec<f32>> {
    let tokens = (T::QUERIES / group.max(1)).clamp(1, length.max(1));
    let tiles = length.div_ceil(tokens);
    let range = |tile: usize| tile * tokens..((tile + 1) * tokens).min(length);
    let done: Result<Vec<Vec<f32>>> = (0..heads.len() * tiles)
        .into_par_iter()
        .map(|task| one_tile::<T>(&heads[task / tiles], range(task % tiles), (group, length, dim), sight, scale))
        .collect();
    let done = done?;
    let mut out = vec![0.0_f32; heads.len() * group * length * dim];
    for (head, out) in out.chunks_exact_mut(group * length * dim).enumerate() {
        for tile in 0..tiles {
            let (range, values) = (range(tile), &done[head * tiles + tile]);
            for (g, values) in values.chunks_exact(range.len() * dim).enumerate() {
                out[(g * length + range.start) * dim..][..values.len()].copy_from_slice(values);
            }
        }
    }
    Ok(out)
}

fn one_tile<T: Tile>(
    head: &Head<'_>,
    tokens: std::ops::Range<usize>,
    (group, length, dim): (usize, usize, usize),
    sight: Sight,
    scale: f32,
) -> Result<Vec<f32>> {
    let width = tokens.len();
    let mut queries = Vec::with_capacity(group * width * dim);
    for g in 0..group {
        queries.extend_from_slice(&head.queries[(g * length + tokens.start) * dim..][..width * dim]);
    }
    let mut tile = T::new(&queries, dim);
    let all: usize = head.runs.iter().map(|(keys, _)| keys.len(dim)).sum();
    // Token i of the last `length` sees the first `all - length + i + 1` keys.
    let sees = |token: usize| match sight {
        Sight::All => all,
        Sight::Causal => (all + token + 1).saturating_sub(length),
    };
    let furthest = sees(tokens.end.saturating_sub(1));
    let (mut key_buffer, mut value_buffer) = (Vec::new(), Vec::new());
    let mut before = 0;
    for (keys, values) in &head.runs {
        let count = keys.len(dim);
        let mut at = 0;
        while at < count && before + at < furthest {
            let end = (at + T::KEYS).min(count).min(furthest - before);
            let first = before + at;
            let key_rows = keys.read(at..end, dim, &mut key_buffer);
            let value_rows = values.read(at..end, dim, &mut value_buffer);
            tile.pass(key_rows, value_rows, scale, |row| sees(tokens.start + row % width).saturating_sub(first))?;
            at = end;
        }
        before += count;
    }
    Ok(tile.finish())
}
