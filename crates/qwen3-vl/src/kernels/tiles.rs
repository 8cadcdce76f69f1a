//! Splits the columns of a product among threads.

use std::ops::Range;

use rayon::prelude::*;

use super::worth_parallel;

/// Tasks a thread gets, so that one that is disturbed does not hold up the rest.
const TASKS: usize = 4;

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
    let width = columns.div_ceil(rayon::current_num_threads() * TASKS).next_multiple_of(16);
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
