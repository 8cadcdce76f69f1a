//! Where a patch is: the learned 48 × 48 grid, interpolated (`fast_pos_embed_interpolate`), and the 2-D rotary angles
//! (`rot_pos_emb`). Both in the order of `patchify`.

use candle_core::{DType, Device, Tensor};

use crate::error::Result;
use crate::kernels::heads::Rotary;

/// Rows and columns of the patches of a grid, in merge-block order.
fn coordinates((rows, columns): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    let blocks = columns / 2;
    (0..rows / 2 * blocks).flat_map(move |block| {
        let (top, left) = (block / blocks.max(1) * 2, block % blocks.max(1) * 2);
        [(top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)]
    })
}

/// `torch.linspace(0, side - 1, count)` in f32: stepped from the start in the first half, from the end in the second.
fn samples(side: usize, count: usize) -> Vec<f32> {
    let last = (side - 1) as f32;
    if count < 2 {
        return vec![0.0; count];
    }
    let step = last / (count - 1) as f32;
    (0..count).map(|i| if i < count / 2 { step * i as f32 } else { last - step * (count - 1 - i) as f32 }).collect()
}

/// table: [side², hidden] → [gh·gw, hidden]: the mean of four neighbours, weighted bilinearly (corners aligned).
pub(super) fn embedding(table: &Tensor, side: usize, grid: (usize, usize)) -> Result<Tensor> {
    let (ys, xs) = (samples(side, grid.0), samples(side, grid.1));
    let mut indices: [Vec<u32>; 4] = Default::default();
    let mut weights: [Vec<f32>; 4] = Default::default();
    for (row, column) in coordinates(grid) {
        let (y, x) = (ys.get(row).copied().unwrap_or(0.0), xs.get(column).copied().unwrap_or(0.0));
        let (top, left) = (y as usize, x as usize);
        let (bottom, right) = ((top + 1).min(side - 1), (left + 1).min(side - 1));
        let (dy, dx) = (y - top as f32, x - left as f32);
        let corners = [
            (top, left, (1.0 - dy) * (1.0 - dx)),
            (top, right, (1.0 - dy) * dx),
            (bottom, left, dy * (1.0 - dx)),
            (bottom, right, dy * dx),
        ];
        for ((indices, weights), (r, c, weight)) in indices.iter_mut().zip(&mut weights).zip(corners) {
            indices.push((r * side + c) as u32);
            weights.push(weight);
        }
    }
    let count = grid.0 * grid.1;
    let mut sum: Option<Tensor> = None;
    for (indices, weights) in indices.into_iter().zip(weights) {
        let rows = table.index_select(&Tensor::from_vec(indices, count, table.device())?, 0)?;
        let weights = Tensor::from_vec(weights, (count, 1), table.device())?.to_dtype(table.dtype())?;
        let part = rows.broadcast_mul(&weights)?;
        sum = Some(match sum {
            Some(sum) => (sum + part)?,
            None => part,
        });
    }
    Ok(sum.ok_or_else(|| candle_core::Error::Msg("an empty grid".into()))?)
}

/// Angles `[row · f, column · f]` with `f_i = 10000^(-2i / (D/2))`, `i < D/4`; computed in f32.
pub(super) fn rotary(dim: usize, grid: (usize, usize), like: (&Device, DType)) -> Result<Rotary> {
    let quarter = dim / 4;
    let frequencies: Vec<f32> =
        (0..quarter).map(|i| 1.0 / 10_000_f64.powf(2.0 * i as f64 / (dim / 2) as f64) as f32).collect();
    let angles: Vec<f32> = coordinates(grid)
        .flat_map(|(row, column)| [row, column])
        .flat_map(|at| frequencies.iter().map(move |f| at as f32 * f))
        .collect();
    let cos = angles.iter().map(|a| a.cos()).collect();
    let sin = angles.iter().map(|a| a.sin()).collect();
    Ok(Rotary::new(cos, sin, dim / 2, like)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_row_samples_the_first_line_of_the_table() {
        assert_eq!(samples(48, 1), [0.0]);
        assert_eq!(samples(48, 2), [0.0, 47.0]);
        assert_eq!(samples(5, 3), [0.0, 2.0, 4.0]);
    }

    #[test]
    fn coordinates_follow_the_merge_blocks() {
        let order: Vec<_> = coordinates((2, 4)).collect();
        assert_eq!(order, [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (0, 3), (1, 2), (1, 3)]);
    }
}
