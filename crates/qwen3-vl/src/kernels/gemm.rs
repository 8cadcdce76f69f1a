//! The `gemm` crate's f32 product behind a safe face, for tiles that one thread computes.

use candle_core::Result;

/// `out = a·bᵀ` (`+ out` when `add`). a: [M, K], b: [N, K], out: [M, N], all row-major and dense, M·N·K > 0.
pub(crate) fn a_bt(a: &[f32], b: &[f32], out: &mut [f32], k: usize, add: bool) -> Result<()> {
    let (m, n) = (a.len() / k.max(1), b.len() / k.max(1));
    multiply(a, (k, 1), b, (1, k), out, (m, n, k), add)
}

/// `out = a·b` (`+ out` when `add`). a: [M, K], b: [K, N], out: [M, N], all row-major and dense.
pub(crate) fn a_b(a: &[f32], b: &[f32], out: &mut [f32], k: usize, add: bool) -> Result<()> {
    let (m, n) = (a.len() / k.max(1), b.len() / k.max(1));
    multiply(a, (k, 1), b, (n, 1), out, (m, n, k), add)
}

/// Strides are (to the next row, to the next column).
fn multiply(
    a: &[f32],
    a_strides: (usize, usize),
    b: &[f32],
    b_strides: (usize, usize),
    out: &mut [f32],
    (m, n, k): (usize, usize, usize),
    add: bool,
) -> Result<()> {
    if a.len() != m * k || b.len() != n * k || out.len() != m * n {
        candle_core::bail!("a product of {m}×{k} and {k}×{n} was given slices of other lengths");
    }
    let signed = |stride: usize| stride as isize;
    // SAFETY: the strides describe dense matrices of the shapes whose sizes were just compared with the slices' lengths, and
    // `out` is borrowed mutably, so no element is outside a slice and none of `out` is read elsewhere.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            signed(n),
            add,
            a.as_ptr(),
            signed(a_strides.1),
            signed(a_strides.0),
            b.as_ptr(),
            signed(b_strides.1),
            signed(b_strides.0),
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_are_the_textbook_product() -> Result<()> {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 0.5, -1.0, 2.0, 0.0, 3.0]);
        let mut out = [0.0; 4];
        a_bt(&a, &b, &mut out, 3, false)?;
        assert_eq!(out, [-1.0, 11.0, 0.5, 26.0]);
        a_bt(&a, &b, &mut out, 3, true)?;
        assert_eq!(out, [-2.0, 22.0, 1.0, 52.0]);
        a_b(&a, &b, &mut out, 3, false)?;
        assert_eq!(out, [-1.0, 13.5, -1.0, 30.0]);
        assert!(a_b(&a, &b[..5], &mut out, 3, false).is_err());
        Ok(())
    }
}
