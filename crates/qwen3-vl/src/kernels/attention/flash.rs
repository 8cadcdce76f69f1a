//! Attention of many queries without their table of scores: tiles of queries pass over tiles of keys with a running maximum
//! and sum (Dao et al., *FlashAttention*, 2022, algorithm 1; Milakov & Gimelshein's online softmax).
//!
//! Memory is two tiles a thread however long the prompt. Queries that share a key head are in one tile, so a key is read and
//! widened once for all of them. Every (head, tile) is a task of its own: many segments are one parallel loop.

use candle_core::Result;
use rayon::prelude::*;

use super::super::{exp, gemm, simd};
use super::Sight;
use super::kept::HeadRows;

/// Rows of a tile of queries: 64 KiB at 128 values.
const QUERIES: usize = 128;
/// Keys of a tile.
const KEYS: usize = 256;

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

/// What a thread needs for one tile.
struct Tile {
    /// [rows, D]
    queries: Vec<f32>,
    /// [rows, D], unnormalised
    out: Vec<f32>,
    maxima: Vec<f32>,
    sums: Vec<f32>,
}

impl Tile {
    /// Passes over one tile of keys. `seen(row)`: how many of `keys` the row sees.
    fn pass(&mut self, keys: &[f32], values: &[f32], scale: f32, seen: impl Fn(usize) -> usize) -> Result<()> {
        let rows = self.maxima.len();
        let dim = self.queries.len() / rows.max(1);
        let count = keys.len() / dim.max(1);
        let mut scores = vec![0.0_f32; rows * count];
        gemm::a_bt(&self.queries, keys, &mut scores, dim, false)?;
        let state = self.maxima.iter_mut().zip(&mut self.sums).zip(self.out.chunks_exact_mut(dim));
        for (row, (scores, ((max, sum), out))) in scores.chunks_exact_mut(count).zip(state).enumerate() {
            let seen = seen(row).min(count);
            if seen == 0 {
                scores.fill(0.0);
                continue;
            }
            let correction = advance(scores, seen, scale, max, sum);
            if correction != 1.0 {
                multiply(out, correction);
            }
        }
        gemm::a_b(&scores, values, &mut self.out, count, true)
    }
}

/// heads: each with `group` × `length` queries of `dim` values → [heads, G, L, D].
pub(super) fn attend(
    heads: &[Head<'_>],
    (group, length, dim): (usize, usize, usize),
    sight: Sight,
    scale: f32,
) -> Result<Vec<f32>> {
    let tokens = (QUERIES / group.max(1)).clamp(1, length.max(1));
    let tiles = length.div_ceil(tokens);
    let range = |tile: usize| tile * tokens..((tile + 1) * tokens).min(length);
    let done: Result<Vec<Vec<f32>>> = (0..heads.len() * tiles)
        .into_par_iter()
        .map(|task| one_tile(&heads[task / tiles], range(task % tiles), (group, length, dim), sight, scale))
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

fn one_tile(
    head: &Head<'_>,
    tokens: std::ops::Range<usize>,
    (group, length, dim): (usize, usize, usize),
    sight: Sight,
    scale: f32,
) -> Result<Vec<f32>> {
    let width = tokens.len();
    let rows = group * width;
    let mut queries = Vec::with_capacity(rows * dim);
    for g in 0..group {
        queries.extend_from_slice(&head.queries[(g * length + tokens.start) * dim..][..width * dim]);
    }
    let mut tile =
        Tile { queries, out: vec![0.0; rows * dim], maxima: vec![f32::NEG_INFINITY; rows], sums: vec![0.0; rows] };
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
            let end = (at + KEYS).min(count).min(furthest - before);
            let first = before + at;
            let key_rows = keys.read(at..end, dim, &mut key_buffer);
            let value_rows = values.read(at..end, dim, &mut value_buffer);
            tile.pass(key_rows, value_rows, scale, |row| sees(tokens.start + row % width).saturating_sub(first))?;
            at = end;
        }
        before += count;
    }
    for (out, sum) in tile.out.chunks_exact_mut(dim).zip(&tile.sums) {
        multiply(out, 1.0 / sum);
    }
    Ok(tile.out)
}
