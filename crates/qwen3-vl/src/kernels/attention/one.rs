//! Attention of one token on the CPU: bound by the memory the cache lies in, so every key and value is read once, for all the
//! query heads that share it, in runs that threads take.

use candle_core::Result;
use rayon::prelude::*;

use super::super::{axpy, dot, exp, simd, worth_parallel};
use super::flash::Head;
use super::kept::HeadRows;

/// Keys of a task.
const RUN: usize = 512;
/// Keys widened at a time.
const WIDE: usize = 8;

simd! {
    /// Unnormalised attention of one query over a few keys: accumulates into `out`, relative to the running maximum.
    fn attend_few(q: &[f32], keys: &[f32], values: &[f32], scale: f32, scores: &mut [f32], partial: &mut Partial) {
        let dim = q.len();
        let mut max = partial.max;
        for (s, key) in scores.iter_mut().zip(keys.chunks_exact(dim)) {
            *s = scale * dot(q, key);
            max = max.max(*s);
        }
        if max > partial.max {
            let correction = if partial.max == f32::NEG_INFINITY { 0.0 } else { exp(partial.max - max) };
            partial.sum *= correction;
            for x in &mut partial.out {
                *x *= correction;
            }
            partial.max = max;
        }
        for (s, value) in scores.iter_mut().zip(values.chunks_exact(dim)) {
            *s = exp(*s - max);
            partial.sum += *s;
            axpy(*s, value, &mut partial.out);
        }
    }
}

/// Result of one run for one query: running maximum, sum of exponentials, weighted values.
struct Partial {
    max: f32,
    sum: f32,
    out: Vec<f32>,
}

/// heads: each with `group` queries of `dim` values → [heads, G, D].
pub(super) fn attend(heads: &[Head<'_>], group: usize, dim: usize, scale: f32) -> Result<Vec<f32>> {
    type Task<'a> = (usize, HeadRows<'a>, HeadRows<'a>, std::ops::Range<usize>);
    let mut tasks: Vec<Task<'_>> = Vec::new();
    for (index, head) in heads.iter().enumerate() {
        for (keys, values) in &head.runs {
            let count = keys.len(dim);
            tasks.extend((0..count).step_by(RUN).map(|at| (index, *keys, *values, at..(at + RUN).min(count))));
        }
    }
    let work = tasks.iter().map(|t| t.3.len() * group * dim * 2).sum();
    let run = |(head, keys, values, rows): Task<'_>| -> (usize, Vec<Partial>) {
        let queries = heads[head].queries;
        let fresh = || Partial { max: f32::NEG_INFINITY, sum: 0.0, out: vec![0.0; dim] };
        let mut partials: Vec<Partial> = (0..group).map(|_| fresh()).collect();
        let (mut key_buffer, mut value_buffer) = (Vec::new(), Vec::new());
        let mut scores = [0.0; WIDE];
        for at in rows.clone().step_by(WIDE) {
            let few = at..(at + WIDE).min(rows.end);
            let (key_rows, value_rows) =
                (keys.read(few.clone(), dim, &mut key_buffer), values.read(few.clone(), dim, &mut value_buffer));
            for (partial, q) in partials.iter_mut().zip(queries.chunks_exact(dim)) {
                attend_few(q, key_rows, value_rows, scale, &mut scores[..few.len()], partial);
            }
        }
        (head, partials)
    };
    let partials: Vec<(usize, Vec<Partial>)> = if worth_parallel(work) {
        tasks.into_par_iter().map(run).collect()
    } else {
        tasks.into_iter().map(run).collect()
    };
    let mut out = vec![0.0_f32; heads.len() * group * dim];
    for (slot, out) in out.chunks_exact_mut(dim).enumerate() {
        let (head, g) = (slot / group, slot % group);
        let own = || partials.iter().filter(|(h, _)| *h == head).map(|(_, p)| &p[g]);
        let max = own().fold(f32::NEG_INFINITY, |m, p| m.max(p.max));
        let sum: f32 = own().map(|p| p.sum * exp(p.max - max)).sum();
        for p in own() {
            axpy(exp(p.max - max) / sum, &p.out, out);
        }
    }
    Ok(out)
}
