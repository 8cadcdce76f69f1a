//! The log-mel spectrogram that Whisper hears (paper §2.2): windows of 25 ms every 10 ms, Slaney's mel filters, a range of
//! eight decades below the loudest.
//!
//! The Fourier transform is a matrix product in f64: 400 points are no power of two, 30 seconds are 1 GFLOP, and nothing is
//! left to round.

use std::f64::consts::TAU;

use candle_core::{DType, Device, Tensor};

use crate::error::Result;

/// Samples of one Fourier transform.
const N_FFT: usize = 400;
/// Samples from one frame to the next.
pub(crate) const HOP: usize = 160;
/// Frequencies of a transform, 40 Hz apart.
const BINS: usize = N_FFT / 2 + 1;
/// Frames transformed at once, to bound memory.
const CHUNK: usize = 512;

/// The transform and the filters, made once.
#[derive(Debug)]
pub struct MelSpectrogram {
    /// [N_FFT, 2 · BINS] f64: the window times cosines, then times sines.
    transform: Tensor,
    /// [BINS, mels] f64.
    filters: Tensor,
}

impl MelSpectrogram {
    /// For a number of mel bands.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn new(mels: usize) -> Result<Self> {
        let hann = |n: usize| 0.5 - 0.5 * (TAU * n as f64 / N_FFT as f64).cos();
        // The angle is reduced in integers, where that is exact.
        let angle = |n: usize, k: usize| TAU * ((n * k) % N_FFT) as f64 / N_FFT as f64;
        let row = |n: usize| {
            let cosines = (0..BINS).map(move |k| hann(n) * angle(n, k).cos());
            cosines.chain((0..BINS).map(move |k| hann(n) * angle(n, k).sin()))
        };
        let transform: Vec<f64> = (0..N_FFT).flat_map(row).collect();
        Ok(Self {
            transform: Tensor::from_vec(transform, (N_FFT, 2 * BINS), &Device::Cpu)?,
            filters: Tensor::from_vec(filters(mels), (BINS, mels), &Device::Cpu)?,
        })
    }

    /// What the encoder hears of a window of `length` samples: [1, mels, length / 160] f32. Sound that is shorter is followed by
    /// silence; of longer sound the beginning is taken.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn of(&self, samples: &[f32], length: usize) -> Result<Tensor> {
        let frames: Vec<usize> = (0..length / HOP).collect();
        let mut parts = Vec::new();
        for chunk in frames.chunks(CHUNK) {
            let heard: Vec<f64> = chunk.iter().flat_map(|frame| window(samples, length, *frame)).collect();
            let spectrum = Tensor::from_vec(heard, (chunk.len(), N_FFT), &Device::Cpu)?.matmul(&self.transform)?;
            let squares = spectrum.sqr()?;
            let power = (squares.narrow(1, 0, BINS)? + squares.narrow(1, BINS, BINS)?)?;
            parts.push(power.matmul(&self.filters)?.clamp(1e-10, f64::INFINITY)?.log()?);
        }
        let log = (Tensor::cat(&parts, 0)? * std::f64::consts::LOG10_E)?;
        let loudest = log.max_all()?.to_scalar::<f64>()?;
        let scaled = ((log.clamp(loudest - 8.0, f64::INFINITY)? + 4.0)? / 4.0)?;
        Ok(scaled.t()?.contiguous()?.to_dtype(DType::F32)?.unsqueeze(0)?)
    }
}

/// The samples around a frame's centre; beyond both ends of the window sound is mirrored.
fn window(samples: &[f32], length: usize, frame: usize) -> impl Iterator<Item = f64> {
    let last = length as i64 - 1;
    let begin = (frame * HOP) as i64 - (N_FFT / 2) as i64;
    (begin..begin + N_FFT as i64).map(move |at| {
        let at = at.abs();
        let at = if at > last { 2 * last - at } else { at };
        let sample = usize::try_from(at).ok().and_then(|at| samples.get(at));
        f64::from(sample.copied().unwrap_or_default())
    })
}

/// Triangles that are evenly spaced on Slaney's mel scale, each of area one: [BINS, mels].
fn filters(mels: usize) -> Vec<f64> {
    let top = mel(8_000.0);
    let corner = |i: usize| hertz(top * i as f64 / (mels + 1) as f64);
    let weight = |bin: usize, band: usize| {
        let frequency = 40.0 * bin as f64;
        let (low, centre, high) = (corner(band), corner(band + 1), corner(band + 2));
        let rising = (frequency - low) / (centre - low);
        let falling = (high - frequency) / (high - centre);
        rising.min(falling).max(0.0) * 2.0 / (high - low)
    };
    (0..BINS).flat_map(|bin| (0..mels).map(move |band| weight(bin, band))).collect()
}

/// Slaney's scale: linear up to 1,000 Hz, logarithmic above.
fn mel(hertz: f64) -> f64 {
    if hertz < 1_000.0 { hertz * 3.0 / 200.0 } else { 15.0 + (hertz / 1_000.0).ln() * 27.0 / 6.4_f64.ln() }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1_000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_loudest_in_its_own_band_and_silence_is_level() {
        let spectrogram = MelSpectrogram::new(80).unwrap();
        let tone: Vec<f32> = (0..16_000).map(|n| (TAU * 1_000.0 * f64::from(n) / 16_000.0).sin() as f32).collect();
        let heard = spectrogram.of(&tone, 32_000).unwrap();
        assert_eq!(heard.dims(), [1, 80, 200]);
        let column = heard.squeeze(0).unwrap().narrow(1, 50, 1).unwrap().flatten_all().unwrap();
        let loudest = column.argmax(0).unwrap().to_scalar::<u32>().unwrap();
        let centre = hertz(mel(8_000.0) * f64::from(loudest + 1) / 81.0);
        assert!((centre - 1_000.0).abs() < 40.0, "{centre}");
        let silence = spectrogram.of(&[], 32_000).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(silence.iter().all(|value| *value == -1.5));
    }
}
