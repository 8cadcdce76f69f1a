//! Products of many rows in bf16 pairs with f32 sums, where the processor has them (AVX-512 BF16): four times the f32 product.
//!
//! Activations are rounded to bf16, as the reference's are when it computes in bf16; sums and everything between two products
//! stay f32. Weights that are bf16 are taken as they are, quantised blocks are opened a panel at a time.
//!
//! ```text
//! activations [M, K] → slabs of 6 rows    [K/2][6] pairs, once a product
//! weights     [N, K] → panels of 64 rows [K/2][64] pairs, once a product, in the second-level cache while all slabs pass
//! ```
//! A tile is slab × panel: 24 registers of sums, four of weights, a broadcast activation (BLIS; Goto & van de Geijn 2008).

mod pack;
mod tile;

use std::ops::Range;

use candle_core::Result;
use half::bf16;

use super::panels::by_panels;
pub(crate) use pack::{COLUMNS, Panel, RUN, Slabs, round, transposed};
pub(crate) use tile::{Sums, multiply};

/// Rows of activations from which packing the weights pays: below, every weight is read once and used at once.
pub(crate) const MANY: usize = 8;

/// Whether [`product`] can compute rows of `k` values here.
pub(crate) fn is_here(k: usize) -> bool {
    tile::is_here() && k > 0 && k.is_multiple_of(RUN)
}

/// x·Wᵀ. x: [M, K] row-major; `open(rows, panel)` packs those rows of W, at most [`COLUMNS`] → [M, n] row-major.
///
/// # Errors
/// What `open` reports, and shapes that do not fit.
pub(crate) fn product(
    x: &[f32],
    n: usize,
    k: usize,
    open: impl Fn(Range<usize>, &mut Panel) -> Result<()> + Sync,
) -> Result<Vec<f32>> {
    if !is_here(k) || !x.len().is_multiple_of(k) {
        candle_core::bail!("{} activations are no rows of {k} that this processor multiplies in bf16", x.len());
    }
    let slabs = Slabs::packed(x, k);
    by_panels(slabs.rows, n, |rows, panel, sums| {
        open(rows, panel)?;
        sums.fill([0.0; COLUMNS]);
        multiply(&slabs, panel, sums, 1);
        Ok(())
    })
}

/// [`product`] with a weight that is bf16 as it lies. w: [N, K] row-major.
///
/// # Errors
/// As for [`product`].
pub(crate) fn with_bf16(x: &[f32], w: &[bf16], k: usize) -> Result<Vec<f32>> {
    product(x, w.len() / k.max(1), k, |rows, panel| {
        panel.pack(&w[rows.start * k..rows.end * k], k);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    #[test]
    fn products_are_those_of_the_rounded_values() -> Result<()> {
        if !is_here(32) {
            return Ok(());
        }
        for (m, n, k) in [(1, 1, 32), (12, 32, 64), (13, 33, 96), (31, 100, 256), (47, 65, 2048), (300, 31, 160)] {
            let (x, w) = (values(m * k, 1), values(n * k, 2));
            let (x16, mut w16) = (x.iter().map(|v| bf16::from_f32(*v)).collect::<Vec<_>>(), vec![bf16::ZERO; n * k]);
            round(&w, &mut w16);
            let found = with_bf16(&x, &w16, k)?;
            for (row, x) in x16.chunks_exact(k).enumerate() {
                for (column, w) in w16.chunks_exact(k).enumerate() {
                    let exact: f64 = x.iter().zip(w).map(|(x, w)| x.to_f64() * w.to_f64()).sum();
                    let gap = (f64::from(found[row * n + column]) - exact).abs();
                    assert!(gap < 1e-5 * k as f64, "{m}×{n}×{k} at {row}, {column}: {gap}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn activations_that_are_no_whole_rows_are_refused() {
        if is_here(32) {
            assert!(product(&[0.0; 33], 4, 32, |_, _| Ok(())).is_err());
        }
    }
}
