//! Splits the columns of a product among threads.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use candle_core::Result;
use rayon::prelude::*;

use super::{gemm, worth_parallel};

/// Tasks a thread gets, so that one that is disturbed does not hold up the rest.
const TASKS: usize = 4;

/// Columns a task takes of a matrix that all threads share.
pub(crate) fn columns_of_a_task(columns: usize) -> usize {
    columns.div_ceil(rayon::current_num_threads() * TASKS).next_multiple_of(16)
}

/// Computes a matrix [rows, columns] column range by column range: `compute(range, out)` writes [rows, range.len()].
/// depth: multiply-adds a value costs.
pub(crate) fn by_columns(
    rows: usize,
    columns: usize,
    depth: usize,
    compute: impl Fn(Range<usize>, &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut out = vec![0.0_f32; rows * columns];
    if rows == 0 || columns == 0 {
        return out;
    }
    if !worth_parallel(rows * columns * depth) {
        compute(0..columns, &mut out);
        return out;
    }
    let width = columns_of_a_task(columns);
    let range = |tile: usize| tile * width..((tile + 1) * width).min(columns);
    if rows == 1 {
        out.par_chunks_mut(width).enumerate().for_each(|(tile, out)| compute(range(tile), out));
        return out;
    }
    let tiles: Vec<Vec<f32>> = (0..columns.div_ceil(width))
        .into_par_iter()
        .map(|tile| {
            let mut own = vec![0.0; rows * range(tile).len()];
            compute(range(tile), &mut own);
            own
        })
        .collect();
    out.par_chunks_exact_mut(columns).with_min_len(16).enumerate().for_each(|(row, out)| {
        for (tile, values) in tiles.iter().enumerate() {
            let range = range(tile);
            out[range.clone()].copy_from_slice(&values[row * range.len()..][..range.len()]);
        }
    });
    out
}

/// Columns opened to f32 at a time.
const COLUMNS: usize = 64;

/// x·Wᵀ where `open(columns, out)` writes those columns' weights as f32 [columns, K]: tile by tile through the matrix product.
/// x: [M, K] row-major → [M, n] row-major.
pub(crate) fn through_tiles(
    x: &[f32],
    n: usize,
    k: usize,
    open: impl Fn(Range<usize>, &mut [f32]) -> Result<()> + Sync,
) -> Result<Vec<f32>> {
    let rows = x.len() / k.max(1);
    let failure = Mutex::new(None);
    let one = |range: Range<usize>, out: &mut [f32]| -> Result<()> {
        let width = range.len();
        let mut weights = vec![0.0_f32; COLUMNS.min(width) * k];
        let mut tile = vec![0.0_f32; COLUMNS.min(width) * rows];
        for at in (0..width).step_by(COLUMNS) {
            let columns = COLUMNS.min(width - at);
            let (weights, tile) = (&mut weights[..columns * k], &mut tile[..columns * rows]);
            open(range.start + at..range.start + at + columns, weights)?;
            gemm::a_bt(x, weights, tile, k, false)?;
            for (out, tile) in out.chunks_exact_mut(width).zip(tile.chunks_exact(columns)) {
                out[at..at + columns].copy_from_slice(tile);
            }
        }
        Ok(())
    };
    let out = by_columns(rows, n, k, |range, out| {
        if let Err(error) = one(range, out) {
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_written_where_it_belongs() {
        for (rows, columns, depth) in [(1, 5, 1), (1, 1000, 1000), (3, 100, 4000), (7, 33, 100_000)] {
            let out = by_columns(rows, columns, depth, |range, out| {
                for (row, out) in out.chunks_exact_mut(range.len()).enumerate() {
                    for (o, column) in out.iter_mut().zip(range.clone()) {
                        *o = (row * columns + column) as f32;
                    }
                }
            });
            assert!(out.iter().enumerate().all(|(i, v)| *v == i as f32));
        }
    }
}
