//! Bicubic resize with antialiasing, as torchvision does it on 8-bit pictures on a CPU.
//!
//! Keys' kernel with a = -0.5, its support stretched by the downscale ratio; rows first, then columns, each pass rounded
//! to 8 bits; weights as 15-bit integers (PyTorch `UpSampleKernel.cpp`, `compute_index_ranges_int16_weights`; Pillow's
//! `Resample.c` does the same with 22 bits).
// Indices come from ranges clamped to the source size below.
#![allow(clippy::indexing_slicing)]

use rayon::prelude::*;

use super::RgbFrame;

/// Where one output sample reads and with which weights.
struct Taps {
    start: usize,
    weights: Vec<i32>,
}

/// The taps of every output sample along one axis and the binary point of their weights.
struct Axis {
    taps: Vec<Taps>,
    precision: u32,
}

/// Keys' cubic convolution kernel, a = -0.5.
fn keys(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

impl Axis {
    fn new(input: usize, output: usize) -> Self {
        let scale = input as f64 / output as f64;
        let stretch = scale.max(1.0);
        let support = 2.0 * stretch;
        let real: Vec<(usize, Vec<f64>)> = (0..output)
            .map(|i| {
                let centre = scale * (i as f64 + 0.5);
                let start = (centre - support + 0.5).max(0.0) as usize;
                let end = ((centre + support + 0.5) as usize).min(input).max(start + 1);
                let mut weights: Vec<f64> = (start..end).map(|j| keys((j as f64 - centre + 0.5) / stretch)).collect();
                let sum: f64 = weights.iter().sum();
                if sum != 0.0 {
                    weights.iter_mut().for_each(|w| *w /= sum);
                }
                (start.min(input - 1), weights)
            })
            .collect();
        let largest = real.iter().flat_map(|(_, w)| w).fold(0.0_f64, |m, w| m.max(*w));
        let mut precision = 0;
        while precision < 22 && (0.5 + largest * f64::from(1_u32 << (precision + 1))) < f64::from(1 << 15) {
            precision += 1;
        }
        let unit = f64::from(1_u32 << precision);
        let taps = real
            .into_iter()
            .map(|(start, weights)| Taps {
                start,
                weights: weights.iter().map(|w| (w * unit).round() as i32).collect(),
            })
            .collect();
        Self { taps, precision }
    }

    fn finish(&self, sum: i32) -> u8 {
        ((sum + self.half()) >> self.precision).clamp(0, 255) as u8
    }

    fn half(&self) -> i32 {
        (1 << self.precision) >> 1
    }
}

fn rows(frame: &[u8], from: usize, to: usize, height: usize) -> Vec<u8> {
    let axis = Axis::new(from, to);
    let mut out = vec![0; to * height * 3];
    out.par_chunks_exact_mut(to * 3).zip(frame.par_chunks_exact(from * 3)).for_each(|(out, row)| {
        for (pixel, taps) in out.chunks_exact_mut(3).zip(&axis.taps) {
            let mut sum = [0_i32; 3];
            for (source, weight) in row[taps.start * 3..].chunks_exact(3).zip(&taps.weights) {
                for c in 0..3 {
                    sum[c] += i32::from(source[c]) * weight;
                }
            }
            for c in 0..3 {
                pixel[c] = axis.finish(sum[c]);
            }
        }
    });
    out
}

fn columns(frame: &[u8], width: usize, from: usize, to: usize) -> Vec<u8> {
    let axis = Axis::new(from, to);
    let stride = width * 3;
    let mut out = vec![0; stride * to];
    out.par_chunks_exact_mut(stride).zip(&axis.taps).for_each(|(out, taps)| {
        let mut sums = vec![0_i32; stride];
        for (row, weight) in frame[taps.start * stride..].chunks_exact(stride).zip(&taps.weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        for (o, sum) in out.iter_mut().zip(sums) {
            *o = axis.finish(sum);
        }
    });
    out
}

/// The frame at `width × height`, bicubic and antialiased. A side of zero becomes one.
pub fn resize_bicubic(frame: &RgbFrame, width: u32, height: u32) -> RgbFrame {
    let (width, height) = (width.max(1), height.max(1));
    let (from_w, from_h, to_w, to_h) = (frame.width as usize, frame.height as usize, width as usize, height as usize);
    let mut data = None;
    if from_w != to_w {
        data = Some(rows(&frame.data, from_w, to_w, from_h));
    }
    if from_h != to_h {
        data = Some(columns(data.as_deref().unwrap_or(&frame.data), to_w, from_h, to_h));
    }
    RgbFrame { width, height, data: data.unwrap_or_else(|| frame.data.clone()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_kernel_is_keys_with_minus_one_half() {
        assert_eq!([keys(0.0), keys(1.0), keys(2.0), keys(0.5), keys(1.5)], [1.0, 0.0, 0.0, 0.5625, -0.0625]);
    }

    proptest! {
        #[test]
        fn a_flat_picture_stays_flat(w in 1_u32..90, h in 1_u32..90, to_w in 1_u32..90, to_h in 1_u32..90, v: u8) {
            let frame = RgbFrame { width: w, height: h, data: vec![v; (w * h * 3) as usize] };
            let out = resize_bicubic(&frame, to_w, to_h);
            prop_assert_eq!(out.data.len(), (to_w * to_h * 3) as usize);
            prop_assert!(out.data.iter().all(|x| x.abs_diff(v) <= 1));
        }
    }
}
