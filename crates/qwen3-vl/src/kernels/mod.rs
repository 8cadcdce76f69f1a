//! CPU kernels on plain `f32` slices: what candle does on one thread or in several passes, done in one pass.
//!
//! Each kernel is written once as portable Rust; [`simd!`] compiles it a second time for AVX2 + FMA and picks at run time,
//! so a generic build is as fast as a native one. Slices are cut to the shapes the caller has checked.
// Indexing is by shapes computed in this crate, never by outside data.
#![allow(clippy::indexing_slicing)]

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod bf16;
mod gemm;
#[cfg_attr(not(target_arch = "x86_64"), path = "gemv/elsewhere.rs")]
mod gemv;
mod half_precision;
pub(crate) mod heads;
mod int8;
pub(crate) mod linear;
mod panels;
mod quantised;
mod tiles;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Device;

/// Compiles a function for the baseline and for AVX2 + FMA, and calls the better one the machine has.
macro_rules! simd {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[inline]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn portable($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn wide($($arg: $ty),*) $(-> $ret)? {
                    portable($($arg),*)
                }
                if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                    // SAFETY: the two features `wide` is compiled for were found on this machine one line above.
                    #[allow(unsafe_code)]
                    return unsafe { wide($($arg),*) };
                }
            }
            portable($($arg),*)
        }
    };
}
pub(crate) use simd;

/// `e^x` to about 2 ulp, without branches, so that loops over it vectorise. Range-reduced polynomial (Cephes `expf`).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    let power = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).wrapping_add(127) << 23;
    y * f32::from_bits(power)
}

/// Inner product of two slices of equal length, in 32 running sums.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let [sum] = dots(a, [b]);
    sum
}

/// Inner products of a slice with each of several of its length, in 32 running sums each; `a` is read once.
#[inline(always)]
pub(crate) fn dots<const N: usize>(a: &[f32], b: [&[f32]; N]) -> [f32; N] {
    let mut sums = [[0.0_f32; 32]; N];
    let (a, a_rest) = a.as_chunks::<32>();
    let b = b.map(|b| b.as_chunks::<32>());
    for (at, x) in a.iter().enumerate() {
        for n in 0..N {
            let y = &b[n].0[at];
            for i in 0..32 {
                sums[n][i] = x[i].mul_add(y[i], sums[n][i]);
            }
        }
    }
    let mut out = [0.0; N];
    for n in 0..N {
        let mut width = 16;
        while width > 0 {
            for i in 0..width {
                sums[n][i] += sums[n][i + width];
            }
            width /= 2;
        }
        out[n] = a_rest.iter().zip(b[n].1).fold(sums[n][0], |sum, (x, y)| x.mul_add(*y, sum));
    }
    out
}

/// `y += a·x`.
#[inline(always)]
pub(crate) fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = a.mul_add(*x, *y);
    }
}

/// Threads worth starting for `work` multiply-adds: below this a parallel region costs more than it saves.
pub(crate) fn worth_parallel(work: usize) -> bool {
    work >= 1 << 17 && rayon::current_num_threads() > 1
}

/// Does work whose parts are parallel, many and short, on a thread of the pool, while the others of the pool stay awake: to wake
/// one for every part takes longer than many a part.
pub(crate) fn in_pool<T: Send>(device: &Device, work: impl FnOnce() -> T + Send) -> T {
    if !device.is_cpu() {
        return work();
    }
    rayon::scope(|scope| {
        let (own, done) = (rayon::current_thread_index(), Arc::new(Done::default()));
        for _ in 1..rayon::current_num_threads() {
            let done = Arc::clone(&done);
            scope.spawn(move |_| done.work_until(own));
        }
        let _done = Guard(done);
        work()
    })
}

/// Whether the work that others wait for is done.
#[derive(Default)]
struct Done(AtomicBool);

impl Done {
    /// Takes what there is to do, without sleep. The thread that does the work itself may be given this task while it waits.
    fn work_until(&self, own: Option<usize>) {
        while rayon::current_thread_index() != own && !self.0.load(Ordering::Acquire) {
            if rayon::yield_now() != Some(rayon::Yield::Executed) {
                std::hint::spin_loop();
            }
        }
    }
}

/// Lets the others go, also when the work panics.
struct Guard(Arc<Done>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

/// A `Storage` error in candle's own type.
pub(crate) fn not_f32() -> candle_core::Error {
    candle_core::Error::Msg("this kernel computes contiguous f32 tensors only".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_library() {
        for i in -8000..=8000 {
            let x = i as f32 * 0.0107;
            if x > -87.0 && x < 88.0 {
                let exact = f64::from(x).exp();
                assert!((f64::from(exp(x)) / exact - 1.0).abs() < 4e-7, "exp({x})");
            }
        }
        assert!(exp(-1e30) < 1e-37);
    }

    #[test]
    fn dot_handles_any_length() {
        for n in [0, 1, 31, 32, 33, 100] {
            let a: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let b = vec![2.0; n];
            assert_eq!(dot(&a, &b), (0..n).map(|i| 2.0 * i as f32).sum::<f32>());
        }
    }
}

/// Numbers for tests: as random as a test needs them, and the same in every run.
#[cfg(test)]
pub(crate) mod noise {
    use candle_core::{Device, Result, Shape, Tensor};

    /// About a normal distribution of spread one around `mean`: the sum of twelve even ones (Irwin–Hall).
    pub(crate) fn noise(mean: f32, shape: impl Into<Shape>, seed: u64) -> Result<Tensor> {
        let shape = shape.into();
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut even = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 24) as f32
        };
        let values = (0..shape.elem_count()).map(|_| mean - 6.0 + (0..12).map(|_| even()).sum::<f32>());
        Tensor::from_vec(values.collect(), shape, &Device::Cpu)
    }
}
