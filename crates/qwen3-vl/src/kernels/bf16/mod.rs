//! Products of many rows in bf16 pairs with f32 sums, where the processor has them (AVX-512 BF16): four times the f32 product.
//!
//! Activations are rounded to bf16, as the reference's are when it computes in bf16; sums and everything between two products
//! stay f32. Weights that are bf16 are taken as they are, quantised blocks are opened a panel at a time.
//!
//! ```text
//! activations [M, K] → slabs of 6 rows    [K/2][6] pairs, once a product
//! weights     [N, K] → panels of 64 rows [K/2][64] pairs, once when they are loaded, or once a product
//! ```
//! A tile is slab × panel: 24 registers of sums, four of weights, a broadcast activation (BLIS; Goto & van de Geijn 2008). A
//! panel, a part of it at a time, comes from the second-level cache once for every slab.
//!
//! A few rows of activations are not rounded but split: two bf16 hold 16 bits of an f32, and their products cost nothing where
//! the memory decides.

mod pack;
mod tile;

use candle_core::Result;
use half::bf16;

use super::activation::Finish;
use super::panels::by_panels;
pub(crate) use pack::{COLUMNS, Packed, Panel, RUN, Slabs, round, transposed};
use pack::{ROWS, within};
pub(crate) use tile::{Sums, multiply};

/// Rows of activations from which they are rounded; fewer are split in two.
pub(crate) const MANY: usize = 8;

/// Whether rows of `k` values can be multiplied here.
pub(crate) fn is_here(k: usize) -> bool {
    tile::is_here() && k > 0 && k.is_multiple_of(RUN)
}

/// The part of a panel, [K/2], that is multiplied in a pass.
fn of_pass(panel: &[[u32; COLUMNS]], pass: usize) -> &[[u32; COLUMNS]] {
    &panel[within(pass, panel.len(), 1)]
}

/// x: [M, k], as rows that can be multiplied here.
fn packed(x: &[f32], k: usize) -> Result<Slabs> {
    if !is_here(k) || !x.len().is_multiple_of(k) {
        candle_core::bail!("{} activations are no rows of {k} that this processor multiplies in bf16", x.len());
    }
    Ok(Slabs::packed(x, k))
}

/// x·Wᵀ, finished. x: [M, K] row-major → [M, N] row-major.
///
/// # Errors
/// Activations that are no rows of the weight's width.
pub(crate) fn product(x: &[f32], weight: &Packed, finish: Finish<'_>) -> Result<Vec<f32>> {
    let rows = x.len() / weight.width();
    if rows < MANY {
        return split_product(x, rows, weight, finish);
    }
    let slabs = packed(x, weight.width())?;
    let nothing = |_, (): &mut ()| Ok(());
    by_panels([rows, weight.columns()], [ROWS, slabs.passes()], finish, nothing, |first, (), [slab, pass], sums| {
        tile::multiply_slab(slabs.part(slab, pass), of_pass(weight.panel(first), pass), sums, 1);
    })
}

/// [`product`] of rows that are each two: what bf16 holds of their values, and what it holds of the rest.
fn split_product(x: &[f32], rows: usize, weight: &Packed, finish: Finish<'_>) -> Result<Vec<f32>> {
    let mut parts = Vec::with_capacity(2 * x.len());
    for x in x.chunks_exact(weight.width()) {
        parts.extend(x.iter().map(|x| bf16::from_f32(*x).to_f32()));
        parts.extend(x.iter().map(|x| x - bf16::from_f32(*x).to_f32()));
    }
    let slabs = packed(&parts, weight.width())?;
    let nothing = |_, (): &mut ()| Ok(());
    let height = [ROWS / 2, slabs.passes()];
    by_panels([rows, weight.columns()], height, finish, nothing, |first, (), [slab, pass], sums: &mut [Sums]| {
        let mut halves = [[0.0; COLUMNS]; ROWS];
        tile::multiply_slab(
            slabs.part(slab, pass),
            of_pass(weight.panel(first), pass),
            &mut halves[..2 * sums.len()],
            1,
        );
        for (sums, [high, low]) in sums.iter_mut().zip(halves.as_chunks::<2>().0) {
            sums.iter_mut().zip(high.iter().zip(low)).for_each(|(sum, (high, low))| *sum += high + low);
        }
    })
}

/// x·Wᵀ with a weight that is packed for this product only. x: [M, k], w: [N, k], both row-major → [M, N].
///
/// # Errors
/// As for [`product`].
pub(crate) fn with_bf16(x: &[f32], w: &[bf16], k: usize) -> Result<Vec<f32>> {
    let slabs = packed(x, k)?;
    let open = |columns: std::ops::Range<usize>, panel: &mut Panel| {
        panel.pack(&w[columns.start * k..columns.end * k], k);
        Ok(())
    };
    by_panels(
        [slabs.rows, w.len() / k],
        [ROWS, slabs.passes()],
        Finish::NOTHING,
        open,
        |_, panel, [slab, pass], sums| {
            tile::multiply_slab(slabs.part(slab, pass), of_pass(panel.pairs(), pass), sums, 1);
        },
    )
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
        for (m, n, k) in [
            (1, 1, 32),
            (2, 65, 64),
            (7, 130, 96),
            (12, 32, 64),
            (13, 33, 96),
            (31, 100, 256),
            (47, 65, 2048),
            (300, 31, 160),
        ] {
            let (x, w) = (values(m * k, 1), values(n * k, 2));
            let (x16, mut w16) = (x.iter().map(|v| bf16::from_f32(*v)).collect::<Vec<_>>(), vec![bf16::ZERO; n * k]);
            round(&w, &mut w16);
            let found = with_bf16(&x, &w16, k)?;
            let packed = product(&x, &Packed::new(&w16, k), Finish::NOTHING)?;
            if m >= MANY {
                assert_eq!(found, packed);
            }
            for (row, x) in x.chunks_exact(k).enumerate().filter(|_| m < MANY) {
                for (column, w) in w16.chunks_exact(k).enumerate() {
                    let exact: f64 = x.iter().zip(w).map(|(x, w)| f64::from(*x) * w.to_f64()).sum();
                    let gap = (f64::from(packed[row * n + column]) - exact).abs();
                    assert!(gap < 1e-5 * k as f64, "{m}×{n}×{k} at {row}, {column}: {gap} with split rows");
                }
            }
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
            assert!(with_bf16(&[0.0; 33], &[bf16::ZERO; 128], 32).is_err());
        }
    }
}
