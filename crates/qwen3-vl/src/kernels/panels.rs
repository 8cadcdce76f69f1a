//! A product computed a panel of columns at a time, by all threads, each column by one.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use candle_core::Result;
use rayon::prelude::*;

/// [M, n] row-major, where `compute(columns, scratch, sums)` finds the values of at most `N` columns for every row; `scratch`
/// is what a thread keeps from panel to panel, `sums` may hold anything before.
///
/// # Errors
/// What `compute` reports.
pub(super) fn by_panels<const N: usize, S: Default>(
    m: usize,
    n: usize,
    compute: impl Fn(Range<usize>, &mut S, &mut [[f32; N]]) -> Result<()> + Sync,
) -> Result<Vec<f32>> {
    let mut out = vec![0.0_f32; m * n];
    let columns = Columns::new(&mut out, n);
    let failure = Mutex::new(None);
    let scratch = || (S::default(), vec![[0.0; N]; m]);
    (0..n.div_ceil(N)).into_par_iter().for_each_init(scratch, |(scratch, sums), panel| {
        let range = panel * N..((panel + 1) * N).min(n);
        match compute(range.clone(), scratch, sums) {
            Ok(()) => columns.write(range, sums),
            Err(error) => *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error),
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(out),
    }
}

/// A matrix [M, N] whose columns are written by several threads, each its own.
struct Columns<'a> {
    at: *mut f32,
    rows: usize,
    width: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: `write` touches the columns it is given and nothing else; `by_panels` gives a column to one thread.
#[allow(unsafe_code)]
unsafe impl Sync for Columns<'_> {}

impl<'a> Columns<'a> {
    fn new(out: &'a mut [f32], width: usize) -> Self {
        Self { at: out.as_mut_ptr(), rows: out.len() / width.max(1), width, borrowed: PhantomData }
    }

    /// sums: [M][at least as many values as columns]
    fn write<const N: usize>(&self, columns: Range<usize>, sums: &[[f32; N]]) {
        assert!(columns.len() <= N && columns.end <= self.width && sums.len() <= self.rows);
        for (row, sums) in sums.iter().enumerate() {
            // SAFETY: the row and the columns lie inside the matrix, which was just checked.
            #[allow(unsafe_code)]
            unsafe {
                let to = self.at.add(row * self.width + columns.start);
                std::ptr::copy_nonoverlapping(sums.as_ptr(), to, columns.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_written_where_it_belongs_and_errors_come_out() -> Result<()> {
        for (m, n) in [(1, 1), (3, 16), (5, 100)] {
            let found = by_panels::<16, ()>(m, n, |columns, (), sums| {
                for (row, sums) in sums.iter_mut().enumerate() {
                    *sums = std::array::from_fn(|at| (row * n + columns.start + at) as f32);
                }
                Ok(())
            })?;
            assert!(found.iter().enumerate().all(|(at, value)| *value == at as f32));
        }
        let told = by_panels::<16, ()>(2, 20, |_, (), _| candle_core::bail!("no such rows"));
        assert!(told.unwrap_err().to_string().contains("no such rows"));
        Ok(())
    }
}
