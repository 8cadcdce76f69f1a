//! Activations rounded to 8 bits, and weights opened to 8 bits, in the order in which tiles read them.

use rayon::prelude::*;

use super::super::bf16::transposed;
use super::super::simd;
use super::{BLOCK, COLUMNS, PASS, ROWS};

/// Quads of values of a block.
const QUADS: usize = BLOCK / 4;

/// Activations, packed: slabs of at most [`ROWS`] rows one after another; the three lists are in the same order, [K/32][rows] of a
/// slab.
pub(super) struct Slabs {
    /// Signed values of a block of a row.
    quads: Vec<[u32; QUADS]>,
    scales: Vec<f32>,
    /// Sums of the values: as the bits of an f32 where weights have minima, times -128 where they have 128 added.
    sums: Vec<i32>,
    rows: usize,
    /// K/32
    width: usize,
    /// Whether weights have minima, and scales are those of a pass.
    pub(super) minima: bool,
}

/// One slab of a pass.
#[derive(Clone, Copy)]
pub(super) struct Slab<'a> {
    pub(super) quads: &'a [[u32; QUADS]],
    pub(super) scales: &'a [f32],
    pub(super) sums: &'a [i32],
}

impl Slabs {
    /// x: [M, K] with K a multiple of [`BLOCK`].
    pub(super) fn pack(x: &[f32], k: usize, minima: bool) -> Self {
        let rows = x.len() / k;
        let count = rows * k / BLOCK;
        let (mut quads, mut scales, mut sums) = (vec![[0; QUADS]; count], vec![0.0; count], vec![0; count]);
        let slab = ROWS * k / BLOCK;
        let all = quads.par_chunks_mut(slab).zip(scales.par_chunks_mut(slab)).zip(sums.par_chunks_mut(slab));
        all.zip(x.par_chunks(ROWS * k)).for_each(|(((quads, scales), sums), x)| {
            let height = x.len() / k;
            for (row, x) in x.chunks_exact(k).enumerate() {
                for (pass, x) in x.chunks(PASS * BLOCK).enumerate() {
                    let whole = scale(x);
                    for (block, x) in x.as_chunks::<BLOCK>().0.iter().enumerate() {
                        let to = (pass * PASS + block) * height + row;
                        scales[to] = if minima { whole } else { scale(x) };
                        let (packed, sum) = rounded(x, 1.0 / scales[to]);
                        quads[to] = packed;
                        sums[to] = if minima { (sum as f32).to_bits().cast_signed() } else { sum * -128 };
                    }
                }
            }
        });
        Self { quads, scales, sums, rows, width: k / BLOCK, minima }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The passes of a slab, the last perhaps shorter.
    pub(super) fn passes(&self, slab: usize) -> impl Iterator<Item = Slab<'_>> {
        let range = slab * ROWS * self.width..((slab + 1) * ROWS).min(self.rows) * self.width;
        let pass = PASS * range.len() / self.width;
        let quads = self.quads[range.clone()].chunks(pass);
        let scales = self.scales[range.clone()].chunks(pass);
        let sums = self.sums[range].chunks(pass);
        quads.zip(scales).zip(sums).map(|((quads, scales), sums)| Slab { quads, scales, sums })
    }
}

/// What the values are multiples of, at most 127 times it.
fn scale(x: &[f32]) -> f32 {
    // A block of zeros has a scale that can be divided by.
    largest(x).max(1e-30) / 127.0
}

simd! {
    fn largest(x: &[f32]) -> f32 {
        let mut lanes = [0.0_f32; BLOCK];
        for x in x.as_chunks::<BLOCK>().0 {
            for (lane, x) in lanes.iter_mut().zip(x) {
                *lane = lane.max(x.abs());
            }
        }
        lanes.iter().fold(0.0, |most, x| most.max(*x))
    }
}

simd! {
    fn rounded(x: &[f32; BLOCK], by: f32) -> ([u32; QUADS], i32) {
        // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
        const MAGIC: f32 = 12_582_912.0;
        let values: [i32; BLOCK] = std::array::from_fn(|i| {
            (x[i] * by + MAGIC).to_bits().wrapping_sub(MAGIC.to_bits()).cast_signed()
        });
        let bytes: [u8; BLOCK] = std::array::from_fn(|i| values[i] as u8);
        (words(&bytes), values.iter().sum())
    }
}

/// Four bytes a word.
#[inline(always)]
pub(super) fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u32; WORDS] {
    const { assert!(BYTES == 4 * WORDS) };
    let (words, _) = bytes.as_chunks::<4>();
    std::array::from_fn(|i| u32::from_le_bytes(words[i]))
}

/// 32 values of each of 32 rows.
#[derive(Clone)]
pub(super) struct Block {
    /// Unsigned values.
    pub(super) quads: [[u32; COLUMNS]; QUADS],
    pub(super) scales: [f32; COLUMNS],
    pub(super) minima: [f32; COLUMNS],
}

/// Rows of weights, opened and packed; one is used for many panels, one after another.
#[derive(Default)]
pub(super) struct Panel {
    /// [K/32]
    pub(super) blocks: Vec<Block>,
}

/// Eight blocks of a row.
#[derive(Clone, Copy, Default)]
pub(super) struct Opened {
    /// Two blocks, one after the other, in each.
    pub(super) quads: [[u32; 2 * QUADS]; 4],
    pub(super) scales: [f32; 8],
    pub(super) minima: [f32; 8],
}

/// Rows that are turned together.
const SIDE: usize = COLUMNS / 2;

impl Panel {
    /// rows: at most [`COLUMNS`] rows of `row_bytes` bytes, each `k` values; `open(row, index)` gives eight neighbouring blocks.
    pub(super) fn open(&mut self, rows: &[u8], row_bytes: usize, k: usize, open: fn(&[u8], usize) -> Opened) {
        const EMPTY: Block = Block { quads: [[0; COLUMNS]; QUADS], scales: [0.0; COLUMNS], minima: [0.0; COLUMNS] };
        self.blocks.resize(k / BLOCK, EMPTY);
        if rows.len() < COLUMNS * row_bytes {
            self.blocks.fill(EMPTY);
        }
        for (half, rows) in rows.chunks(SIDE * row_bytes).enumerate() {
            let first = half * SIDE;
            for (index, blocks) in self.blocks.chunks_mut(8).enumerate() {
                let mut squares = [[[0_u32; 2 * QUADS]; SIDE]; 4];
                for (at, row) in rows.chunks_exact(row_bytes).enumerate() {
                    let opened = open(row, index);
                    squares.iter_mut().zip(opened.quads).for_each(|(square, quads)| square[at] = quads);
                    for (block, (scale, minimum)) in blocks.iter_mut().zip(opened.scales.into_iter().zip(opened.minima))
                    {
                        block.scales[first + at] = scale;
                        block.minima[first + at] = minimum;
                    }
                }
                for (pair, square) in blocks.chunks_mut(2).zip(squares) {
                    let square = transposed(square);
                    for (block, quads) in pair.iter_mut().zip(square.as_chunks::<QUADS>().0) {
                        for (to, from) in block.quads.iter_mut().zip(quads) {
                            to[first..first + SIDE].copy_from_slice(from);
                        }
                    }
                }
            }
        }
    }
}
