//! A product computed a panel of columns at a time, by all threads, each column by one.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use candle_core::Result;
use rayon::prelude::*;

use super::activation::Finish;

/// [M, N] row-major. `open(columns, scratch)` prepares a panel of at most `C` columns in what a thread keeps from panel to
/// panel; `multiply(first column, scratch, slab, pass, sums)` then adds, in several passes over a panel that would leave the
/// cache otherwise, the values of `height` rows, those from `slab · height` on. After the last pass they are finished.
///
/// # Errors
/// What `open` reports.
pub(super) fn by_panels<const C: usize, S: Default>(
    [m, n]: [usize; 2],
    [height, passes]: [usize; 2],
    finish: Finish<'_>,
    open: impl Fn(Range<usize>, &mut S) -> Result<()> + Sync,
    multiply: impl Fn(usize, &S, [usize; 2], &mut [[f32; C]]) + Sync,
) -> Result<Vec<f32>> {
    let mut out = Vec::with_capacity(m * n);
    let columns = Columns::new(&mut out, m, n);
    let failure = Mutex::new(None);
    // Between passes the sums of all rows are kept.
    let kept = if passes == 1 { height } else { m };
    let scratch = || (S::default(), vec![[0.0; C]; kept]);
    (0..n.div_ceil(C)).into_par_iter().for_each_init(scratch, |(scratch, sums), panel| {
        let range = panel * C..((panel + 1) * C).min(n);
        if let Err(error) = open(range.clone(), scratch) {
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return;
        }
        for pass in 0..passes {
            for slab in 0..m.div_ceil(height) {
                let first = slab * height;
                let at = if passes == 1 { 0 } else { first };
                let sums = &mut sums[at..at + height.min(m - first)];
                if pass == 0 {
                    sums.fill([0.0; C]);
                }
                multiply(range.start, scratch, [slab, pass], sums);
                if pass + 1 == passes {
                    finish.rows(range.clone(), sums);
                    columns.write(range.clone(), first, sums);
                }
            }
        }
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    // SAFETY: without a failure every column of every row was written above.
    #[allow(unsafe_code)]
    unsafe {
        out.set_len(m * n);
    }
    Ok(out)
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
    /// In what `out` has room for beyond its length.
    fn new(out: &'a mut Vec<f32>, rows: usize, width: usize) -> Self {
        let free = out.spare_capacity_mut();
        assert!(free.len() >= rows * width);
        Self { at: free.as_mut_ptr().cast(), rows, width, borrowed: PhantomData }
    }

    /// Rows `first..first + sums.len()`; sums: at least as many values each as columns.
    fn write<const C: usize>(&self, columns: Range<usize>, first: usize, sums: &[[f32; C]]) {
        assert!(columns.len() <= C && columns.end <= self.width && first + sums.len() <= self.rows);
        for (row, sums) in sums.iter().enumerate() {
            // SAFETY: the row and the columns lie inside the matrix, which was just checked.
            #[allow(unsafe_code)]
            unsafe {
                let to = self.at.add((first + row) * self.width + columns.start);
                std::ptr::copy_nonoverlapping(sums.as_ptr(), to, columns.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::activation::Activation;
    use super::*;

    #[test]
    fn every_value_is_written_where_it_belongs_and_finished_and_errors_come_out() -> Result<()> {
        for (m, n) in [(1, 1), (3, 16), (5, 100)] {
            let bias: Vec<f32> = (0..n).map(|column| column as f32 * 1000.0).collect();
            let finish = Finish::new(Some(&bias), Activation::None);
            let found = by_panels::<16, ()>(
                [m, n],
                [2, 2],
                finish,
                |_, ()| Ok(()),
                |first, (), [slab, pass], sums| {
                    for (row, sums) in sums.iter_mut().enumerate() {
                        for (at, sum) in sums.iter_mut().enumerate() {
                            *sum += if pass == 0 { (first + at) as f32 } else { ((slab * 2 + row) * n) as f32 };
                        }
                    }
                },
            )?;
            let expected = |at: usize| at as f32 + (at % n) as f32 * 1000.0;
            assert!(found.iter().enumerate().all(|(at, value)| *value == expected(at)));
            assert_eq!(found.len(), m * n);
        }
        let fails = |_, (): &mut ()| candle_core::bail!("no such rows");
        let told = by_panels::<16, ()>([2, 20], [1, 1], Finish::NOTHING, fails, |_, (), _, _| ());
        assert!(told.unwrap_err().to_string().contains("no such rows"));
        Ok(())
    }
}
