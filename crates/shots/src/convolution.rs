//! Four separable convolutions over space and time beside each other, with 1, 2, 4 and 8 frames between what they look at, and
//! what follows them: the paper's DDCNN V2 cell.
//!
//! candle has no convolution over three dimensions, and its one over two wants channels first. Here channels come last, so that
//! both halves are products of matrices: a picture's rows beside their neighbours, and three moments of a place.

use candle_core::{D, IndexOp, Tensor};
use rayon::prelude::*;

use crate::error::Result;
use crate::weights::Weights;

/// Frames between those that a convolution looks at.
const DILATIONS: [usize; 4] = [1, 2, 4, 8];
/// The most of them.
const REACH: usize = 8;
/// Of batch normalisation, as the weights were trained.
const EPSILON: f64 = 1e-3;

/// Frames that lie in one piece, [frames, height, width, channels]. A window is a list of such pieces, which threads share.
pub(crate) type Piece = Tensor;

/// A cell: convolutions, and their normalisation folded into the second half.
pub(crate) struct Cell {
    /// Rows above, at and below a place: [3 · channels, 4 · 2 · filters] each.
    space: [Tensor; 3],
    /// Of each convolution the earlier, the same and the later frame: [2 · filters, filters] each.
    time: Vec<[Tensor; 3]>,
    /// [4 · filters]
    bias: Tensor,
    filters: usize,
}

impl Cell {
    /// Reads one that takes so many channels. Gives four times as many as it has filters.
    pub(crate) fn load(weights: &Weights, name: &str, channels: usize) -> Result<Self> {
        let (first, [double, ..]) = weights
            .get(&format!("{name}.Conv3D_1.layers.0.weight"), [None, Some(channels), Some(1), Some(3), Some(3)])?;
        let filters = double / 2;
        let norm = |part: &str| weights.get(&format!("{name}.bn.{part}"), [Some(4 * filters)]);
        let ((scale, _), (mean, _), (variance, _), (shift, _)) =
            (norm("weight")?, norm("running_mean")?, norm("running_var")?, norm("bias")?);
        let scale = (scale / (variance + EPSILON)?.sqrt()?)?;
        let bias = (shift - (mean * &scale)?)?;
        let (mut space, mut time) = (vec![first], Vec::new());
        for (at, dilation) in DILATIONS.into_iter().enumerate() {
            let name = |layer: usize| format!("{name}.Conv3D_{dilation}.layers.{layer}.weight");
            if at > 0 {
                space.push(weights.get(&name(0), [2 * filters, channels, 1, 3, 3].map(Some))?.0);
            }
            let (taps, _) = weights.get(&name(1), [filters, 2 * filters, 3, 1, 1].map(Some))?;
            let scale = scale.narrow(0, at * filters, filters)?.reshape((filters, 1))?;
            let tap = |at: usize| taps.i((.., .., at, 0, 0))?.broadcast_mul(&scale)?.t()?.contiguous();
            time.push([tap(0)?, tap(1)?, tap(2)?]);
        }
        let space = Tensor::cat(&space, 0)?;
        // [filters, channels, 3 columns] → [3 columns, channels, filters]
        let row = |at: usize| {
            let row = space.i((.., .., 0, at, ..))?.permute((2, 1, 0))?;
            row.contiguous()?.reshape((3 * channels, 8 * filters))
        };
        let space = [row(0)?, row(1)?, row(2)?];
        Ok(Self { space, time, bias, filters })
    }

    /// Channels that come out.
    pub(crate) fn channels(&self) -> usize {
        4 * self.filters
    }

    /// A window through the cell, without the function that may follow.
    pub(crate) fn forward(&self, window: &[Piece]) -> Result<Vec<Piece>> {
        let Some(first) = window.first() else { return Ok(Vec::new()) };
        let (_, height, width, _) = first.dims4()?;
        let mut seen: Vec<Tensor> = window.par_iter().map(|piece| self.look(piece)).collect::<Result<_>>()?;
        // Before and behind the window there is nothing.
        let nothing = Tensor::zeros((REACH, height * width, 8 * self.filters), first.dtype(), first.device())?;
        seen.insert(0, nothing.clone());
        seen.push(nothing);
        let seen = Tensor::cat(&seen, 0)?;
        let mut from = REACH;
        let places: Vec<_> = window
            .iter()
            .map(|piece| {
                let frames = piece.dim(0)?;
                from += frames;
                Ok((from - frames, frames))
            })
            .collect::<Result<_>>()?;
        let pieces = places.into_par_iter().map(|(from, frames)| {
            let piece = self.remember(&seen, from, frames)?;
            Ok(piece.reshape((frames, height, width, self.channels()))?)
        });
        pieces.collect()
    }

    /// The half over space of all four: [frames, height, width, channels] → [frames, height · width, 8 · filters]
    fn look(&self, piece: &Piece) -> Result<Tensor> {
        let (frames, height, width, channels) = piece.dims4()?;
        let padded = piece.pad_with_zeros(1, 1, 1)?.pad_with_zeros(2, 1, 1)?;
        let column = |at: usize| padded.narrow(2, at, width)?.contiguous();
        let beside = Tensor::cat(&[column(0)?, column(1)?, column(2)?], D::Minus1)?;
        let row = |at: usize, weights: &Tensor| {
            let rows = beside.narrow(1, at, height)?.contiguous()?;
            rows.reshape((frames * height * width, 3 * channels))?.matmul(weights)
        };
        let [above, same, below] = &self.space;
        let sum = ((row(0, above)? + row(1, same)?)? + row(2, below)?)?;
        Ok(sum.reshape((frames, height * width, 8 * self.filters))?)
    }

    /// The half over time: `frames` from `from` on, each with what lies before and behind it.
    fn remember(&self, seen: &Tensor, from: usize, frames: usize) -> Result<Tensor> {
        let width = 2 * self.filters;
        let mut sums = Vec::with_capacity(DILATIONS.len());
        for (at, (dilation, [earlier, same, later])) in DILATIONS.into_iter().zip(&self.time).enumerate() {
            let moment = |from: usize, weights: &Tensor| {
                let moment = seen.narrow(0, from, frames)?.flatten_to(1)?;
                moment.narrow(1, at * width, width)?.contiguous()?.matmul(weights)
            };
            let around = (moment(from - dilation, earlier)? + moment(from + dilation, later)?)?;
            sums.push((around + moment(from, same)?)?);
        }
        Ok(Tensor::cat(&sums, 1)?.broadcast_add(&self.bias)?)
    }
}

/// Two cells, the second beside what the first gave, then a quarter of the places: the paper's stack.
pub(crate) struct Stack {
    cells: [Cell; 2],
}

impl Stack {
    /// Reads one that takes so many channels.
    pub(crate) fn load(weights: &Weights, name: &str, channels: usize) -> Result<Self> {
        let first = Cell::load(weights, &format!("{name}.DDCNN.0"), channels)?;
        let second = Cell::load(weights, &format!("{name}.DDCNN.1"), first.channels())?;
        Ok(Self { cells: [first, second] })
    }

    /// Channels that come out.
    pub(crate) fn channels(&self) -> usize {
        self.cells[1].channels()
    }

    /// A window through the stack: half as high and wide.
    pub(crate) fn forward(&self, window: &[Piece]) -> Result<Vec<Piece>> {
        let [first, second] = &self.cells;
        let relu = |pieces: Vec<Piece>| pieces.par_iter().map(|piece| Ok(piece.relu()?)).collect::<Result<Vec<_>>>();
        let short = relu(first.forward(window)?)?;
        let long = second.forward(&short)?;
        let pooled = long.par_iter().zip(&short).map(|(long, short)| pool(&(long.relu()? + short)?));
        pooled.collect()
    }
}

/// Means of two by two places; an odd last row or column is left out.
fn pool(piece: &Piece) -> Result<Piece> {
    let (frames, height, width, channels) = piece.dims4()?;
    let (height, width) = (height / 2, width / 2);
    let whole = piece.narrow(1, 0, 2 * height)?.narrow(2, 0, 2 * width)?.contiguous()?;
    let rows = whole.reshape((frames * height, 2, 2 * width * channels))?;
    let rows = (rows.i((.., 0))?.contiguous()? + rows.i((.., 1))?.contiguous()?)?;
    let columns = rows.reshape((frames * height * width, 2, channels))?;
    let sum = (columns.i((.., 0))?.contiguous()? + columns.i((.., 1))?.contiguous()?)?;
    Ok((sum * 0.25)?.reshape((frames, height, width, channels))?)
}
