//! Rows in the order in which tiles read them: the pairs of one step for all rows side by side.

use std::ops::Range;

use half::bf16;
use rayon::prelude::*;

use super::super::simd;

/// Rows of activations of a slab.
pub(super) const ROWS: usize = 6;
/// Rows of weights of a panel, columns of the product.
pub(crate) const COLUMNS: usize = 64;
/// Values of a row that are packed together: rows are a whole number of runs.
pub(crate) const RUN: usize = 32;
/// Pairs of a pass: their part of a panel, 128 KiB, stays in the second-level cache while all slabs pass.
const DEPTH: usize = 512;
/// Pairs of a run.
pub(crate) const PAIRS: usize = RUN / 2;

simd! {
    /// To the nearest bf16, halves to even; what is no number stays none.
    pub(crate) fn round(from: &[f32], to: &mut [bf16]) {
        for (to, from) in to.iter_mut().zip(from) {
            let bits = from.to_bits();
            let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
            *to = bf16::from_bits(if from.is_nan() { 0x7fc0 } else { rounded as u16 });
        }
    }
}

/// Activations, packed: slabs of at most [`ROWS`] rows one after another, in each [K/32][rows][16 pairs].
#[derive(Default)]
pub(crate) struct Slabs {
    pairs: Vec<u32>,
    /// M
    pub(super) rows: usize,
    /// K/2
    depth: usize,
}

impl Slabs {
    /// x: [M, K], by all threads.
    pub(super) fn packed(x: &[f32], k: usize) -> Self {
        let mut slabs = Self::sized(x, k, Vec::new());
        let slab = ROWS * slabs.depth;
        slabs.pairs.par_chunks_mut(slab).zip(x.par_chunks(ROWS * k)).for_each(|(to, x)| pack_slab(x, k, to));
        slabs
    }

    /// x: [M, K] with M > 0, in place of what was packed before.
    pub(crate) fn pack(&mut self, x: &[f32], k: usize) {
        *self = Self::sized(x, k, std::mem::take(&mut self.pairs));
        let slab = ROWS * self.depth;
        self.pairs.chunks_mut(slab).zip(x.chunks(ROWS * k)).for_each(|(to, x)| pack_slab(x, k, to));
    }

    fn sized(x: &[f32], k: usize, mut pairs: Vec<u32>) -> Self {
        let (rows, depth) = (x.len() / k, k / 2);
        pairs.resize(depth * rows, 0);
        Self { pairs, rows, depth }
    }

    /// All slabs, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = &[u32]> {
        self.pairs.chunks((ROWS * self.depth).max(1))
    }

    /// The part of a slab, at most [`ROWS`] rows, that is multiplied in a pass: [at most DEPTH/16][rows][16]
    pub(super) fn part(&self, slab: usize, pass: usize) -> &[u32] {
        let height = ROWS.min(self.rows - slab * ROWS);
        let start = slab * ROWS * self.depth;
        &self.pairs[start..start + height * self.depth][within(pass, self.depth, height)]
    }

    /// Passes over a panel.
    pub(super) fn passes(&self) -> usize {
        self.depth.div_ceil(DEPTH)
    }
}

/// x: [R, K] with R at most [`ROWS`], to: the slab.
fn pack_slab(x: &[f32], k: usize, to: &mut [u32]) {
    let rows = x.len() / k;
    let mut run = [bf16::ZERO; RUN];
    for (row, x) in x.chunks_exact(k).enumerate() {
        for (x, to) in x.as_chunks::<RUN>().0.iter().zip(to.as_chunks_mut::<PAIRS>().0[row..].iter_mut().step_by(rows))
        {
            round(x, &mut run);
            for (to, pair) in to.iter_mut().zip(run.as_chunks::<2>().0) {
                *to = joined(*pair);
            }
        }
    }
}

/// The part of `depth` pairs that a pass takes, each of `width` numbers.
pub(super) fn within(pass: usize, depth: usize, width: usize) -> Range<usize> {
    pass * DEPTH * width..((pass + 1) * DEPTH).min(depth) * width
}

fn joined([first, second]: [bf16; 2]) -> u32 {
    u32::from(first.to_bits()) | u32::from(second.to_bits()) << 16
}

/// Up to [`COLUMNS`] columns of the second factor, packed; one is used again and again.
#[derive(Default)]
pub(crate) struct Panel {
    /// [K/2], zero where there is no column
    pairs: Vec<[u32; COLUMNS]>,
}

impl Panel {
    /// [K/2]
    pub(super) fn pairs(&self) -> &[[u32; COLUMNS]] {
        &self.pairs
    }

    /// rows: at most [`COLUMNS`] rows of `k` values, each a column of the product; `k` is a multiple of [`RUN`].
    pub(crate) fn pack(&mut self, rows: &[bf16], k: usize) {
        self.pairs.resize(k / 2, [0; COLUMNS]);
        if rows.len() < COLUMNS * k {
            self.pairs.fill([0; COLUMNS]);
        }
        pack_columns(rows, k, &mut self.pairs);
    }

    /// rows: any number of rows of `width` values, of which `columns`, at most [`COLUMNS`], are those of the product; zeros
    /// follow up to `k` rows.
    pub(crate) fn pack_across(&mut self, rows: &[bf16], width: usize, columns: Range<usize>, k: usize) {
        self.pairs.resize(k / 2, [0; COLUMNS]);
        self.pairs.fill([0; COLUMNS]);
        for (to, rows) in self.pairs.iter_mut().zip(rows.chunks(2 * width)) {
            let (first, second) = rows.split_at(width);
            let first = &first[columns.clone()];
            match second.get(columns.clone()) {
                Some(second) => {
                    to.iter_mut().zip(first.iter().zip(second)).for_each(|(to, (a, b))| *to = joined([*a, *b]))
                }
                None => to.iter_mut().zip(first).for_each(|(to, a)| *to = joined([*a, bf16::ZERO])),
            }
        }
    }
}

/// rows: [at most COLUMNS, K], to: [K/2], zero where there is no row.
fn pack_columns(rows: &[bf16], k: usize, to: &mut [[u32; COLUMNS]]) {
    for (group, rows) in rows.chunks(PAIRS * k).take(COLUMNS / PAIRS).enumerate() {
        for (at, to) in to.chunks_exact_mut(PAIRS).enumerate() {
            let mut block = [[0_u32; PAIRS]; PAIRS];
            for (block, row) in block.iter_mut().zip(rows.chunks_exact(k)) {
                for (to, pair) in block.iter_mut().zip(row[at * RUN..][..RUN].as_chunks::<2>().0) {
                    *to = joined(*pair);
                }
            }
            for (to, from) in to.iter_mut().zip(&transposed(block)) {
                to[group * PAIRS..][..PAIRS].copy_from_slice(from);
            }
        }
    }
}

/// A weight [N, K] packed once and for all: its panels one after another, the last filled up with zeros.
pub(crate) struct Packed {
    /// [N/64 rounded up][K/2]
    pairs: Vec<[u32; COLUMNS]>,
    columns: usize,
    k: usize,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed").field("columns", &self.columns).field("k", &self.k).finish_non_exhaustive()
    }
}

impl Packed {
    /// rows: [N, K] row-major; K is a multiple of [`RUN`].
    pub(crate) fn new(rows: &[bf16], k: usize) -> Self {
        let columns = rows.len() / k;
        let mut pairs = vec![[0; COLUMNS]; columns.div_ceil(COLUMNS) * (k / 2)];
        let panels = pairs.par_chunks_mut(k / 2).zip(rows.par_chunks(COLUMNS * k));
        panels.for_each(|(to, rows)| pack_columns(rows, k, to));
        Self { pairs, columns, k }
    }

    /// N
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// K
    pub(super) fn width(&self) -> usize {
        self.k
    }

    /// The panel that holds column `first` and those after it.
    pub(super) fn panel(&self, first: usize) -> &[[u32; COLUMNS]] {
        let start = first / COLUMNS * (self.k / 2);
        &self.pairs[start..start + self.k / 2]
    }
}

/// Pairs of a run of 16 rows.
pub(crate) type Block = [[u32; PAIRS]; PAIRS];

/// Rows for columns.
pub(crate) fn transposed(block: Block) -> Block {
    #[cfg(target_arch = "x86_64")]
    if super::tile::is_here() {
        // SAFETY: the instructions were found on this machine one line above.
        #[allow(unsafe_code)]
        return unsafe { x86::transposed(block) };
    }
    std::array::from_fn(|row| std::array::from_fn(|column| block[column][row]))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Block, PAIRS};

    type Registers = [__m512i; PAIRS];

    /// In rounds that exchange single pairs, two of them, and quarters of a register twice.
    #[target_feature(enable = "avx512f")]
    pub(super) fn transposed(block: Block) -> Block {
        // SAFETY: 16 registers have the bits of 16 rows of 16 pairs.
        #[allow(unsafe_code)]
        let rows: Registers = unsafe { std::mem::transmute(block) };
        let pairs = round(rows, 1, |a, b| (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)));
        let fours = round(pairs, 2, |a, b| (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)));
        let quarters = |a, b| (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
        let eights = round(fours, 4, quarters);
        let mixed = round(eights, 8, quarters);
        // The first two rounds leave columns 1 and 2 of every four in each other's place.
        let columns: Registers = std::array::from_fn(|at| mixed[at & !3 | (at & 1) << 1 | (at >> 1) & 1]);
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            std::mem::transmute(columns)
        }
    }

    #[inline(always)]
    fn round(from: Registers, distance: usize, exchange: impl Fn(__m512i, __m512i) -> (__m512i, __m512i)) -> Registers {
        let mut to = from;
        for at in (0..PAIRS).filter(|at| at & distance == 0) {
            (to[at], to[at + distance]) = exchange(from[at], from[at + distance]);
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_the_library_s() {
        let from: Vec<f32> = (0..2000).map(|i| f32::from_bits(i * 2_147_483 + 17)).collect();
        let from = [from.as_slice(), &[1.0 + 1.0 / 256.0, -1.0 - 3.0 / 256.0, f32::INFINITY, f32::NAN]].concat();
        let mut to = vec![bf16::ZERO; from.len()];
        round(&from, &mut to);
        for (from, to) in from.iter().zip(&to) {
            let expected = bf16::from_f32(*from);
            assert!(*to == expected || to.is_nan() && expected.is_nan(), "{from:e}: {to} for {expected}");
        }
    }

    fn numbered(count: usize) -> Vec<bf16> {
        (0..count).map(|i| bf16::from_bits(i as u16 + 1)).collect()
    }

    #[test]
    fn a_panel_holds_every_pair_of_every_row_and_zeros() {
        let k = 64;
        for count in [1, 16, 17, COLUMNS] {
            let rows = numbered(count * k);
            let mut panel = Panel { pairs: vec![[7; COLUMNS]; 3] };
            panel.pack(&rows, k);
            for (pair, columns) in panel.pairs.iter().enumerate() {
                for (column, found) in columns.iter().enumerate() {
                    let at = column * k + 2 * pair;
                    let expected = if column < count { joined([rows[at], rows[at + 1]]) } else { 0 };
                    assert_eq!(*found, expected, "{count} rows, pair {pair}, column {column}");
                }
            }
        }
    }

    #[test]
    fn a_panel_across_holds_neighbouring_rows_side_by_side() {
        let (width, k) = (72, 32);
        let rows = numbered(5 * width);
        for columns in [0..64, 64..72] {
            let mut panel = Panel { pairs: vec![[7; COLUMNS]; 40] };
            panel.pack_across(&rows, width, columns.clone(), k);
            let value = |row: usize, column: usize| {
                let there = row < 5 && columns.contains(&(columns.start + column));
                if there { rows[row * width + columns.start + column] } else { bf16::ZERO }
            };
            for (pair, found) in panel.pairs.iter().enumerate() {
                let expected: [u32; COLUMNS] =
                    std::array::from_fn(|column| joined([value(2 * pair, column), value(2 * pair + 1, column)]));
                assert_eq!(*found, expected, "pair {pair}");
            }
            assert_eq!(panel.pairs.len(), k / 2);
        }
    }
}
