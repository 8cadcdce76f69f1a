//! Any rate to 16 kHz: a windowed sinc a phase, as FFmpeg's resampler has it by default (libswresample, `resample.c`: 32 zero
//! crossings, Kaiser's window with β = 9, cutoff 0.97).
//!
//! Places are absolute: sample `n` of the result stands at `n · rate / 16000` of the input, wherever reading began. So sound
//! that is taken up in the middle gives the numbers that it would have given from the beginning.

use std::f64::consts::PI;

use crate::SAMPLE_RATE;

/// Half of the zero crossings, twice: FFmpeg's `filter_size`.
const CROSSINGS: f64 = 32.0;
const CUTOFF: f64 = 0.97;
const BETA: f64 = 9.0;

/// Input by absolute place, and the filters.
pub(crate) struct Resampler {
    rate: i64,
    /// Weights of the samples around a place, for every fraction of a sample that occurs.
    phases: Vec<Vec<f32>>,
    /// Sixteen-thousandths of a sample between two phases.
    step: i64,
    /// Weights before the place.
    before: i64,
    /// The sample of the result that comes next.
    next: i64,
    /// The place of the first sample that is held.
    from: i64,
    held: Vec<f32>,
}

impl Resampler {
    /// From `rate` samples a second; the first sample of the result is `next`.
    pub(crate) fn new(rate: u32, next: u64) -> Self {
        let (rate, out) = (i64::from(rate.max(1)), i64::from(SAMPLE_RATE));
        let step = gcd(rate, out);
        let phases = if rate == out { vec![vec![1.0]] } else { phases(rate, out, out / step) };
        let taps = phases.first().map_or(1, Vec::len) as i64;
        let next = i64::try_from(next).unwrap_or(i64::MAX / (1 << 24));
        let mut this = Self { rate, phases, step, before: (taps - 1) / 2, next, from: 0, held: Vec::new() };
        this.from = this.first();
        this
    }

    /// The place of the first sample of the input that matters from now on.
    pub(crate) fn first(&self) -> i64 {
        self.place(self.next).0 - self.before
    }

    /// Adds the samples that follow those held, and gives at most `most` of the result.
    pub(crate) fn push(&mut self, samples: impl IntoIterator<Item = f32>, most: usize) -> Vec<f32> {
        self.held.extend(samples);
        self.pull(most)
    }

    /// At most `most` samples of the result, as far as the input goes.
    pub(crate) fn pull(&mut self, most: usize) -> Vec<f32> {
        let mut out = Vec::new();
        while out.len() < most {
            let (place, phase) = self.place(self.next);
            let Some(taps) = self.phases.get(phase) else { break };
            let start = usize::try_from(place - self.before - self.from).unwrap_or(usize::MAX);
            let Some(around) = start.checked_add(taps.len()).and_then(|end| self.held.get(start..end)) else { break };
            out.push(around.iter().zip(taps).map(|(sample, weight)| sample * weight).sum());
            self.next += 1;
        }
        let over = usize::try_from(self.first() - self.from).unwrap_or(0).min(self.held.len());
        // Not for every little piece: what is left is moved to the front.
        if over >= self.held.len() / 2 {
            self.held.drain(..over);
            self.from += over as i64;
        }
        out
    }

    /// Samples of silence behind the end that let the last sound out.
    pub(crate) fn tail(&self) -> i64 {
        self.phases.first().map_or(0, Vec::len) as i64 - self.before - 1
    }

    /// The sample of the result that comes next.
    pub(crate) fn next(&self) -> u64 {
        u64::try_from(self.next).unwrap_or_default()
    }

    /// The last whole sample of the input at or before a sample of the result, and the phase of the rest.
    fn place(&self, sample: i64) -> (i64, usize) {
        let out = i64::from(SAMPLE_RATE);
        let scaled = sample.saturating_mul(self.rate);
        let rest = usize::try_from(scaled.rem_euclid(out) / self.step).unwrap_or_default();
        (scaled.div_euclid(out), rest)
    }
}

/// A filter a phase: a sinc as wide as the lower of both rates allows, under Kaiser's window, together one.
fn phases(rate: i64, out: i64, count: i64) -> Vec<Vec<f32>> {
    let factor = (out as f64 * CUTOFF / rate as f64).min(1.0);
    let taps = (CROSSINGS / factor).ceil() as i64;
    let center = (taps - 1) / 2;
    let weight = |tap: i64, phase: i64| {
        let x = ((tap - center) as f64 - phase as f64 / count as f64) * factor;
        let sinc = if x == 0.0 { 1.0 } else { sine_of_half_turns(x) / (PI * x) };
        let w = 2.0 * x / (factor * taps as f64);
        sinc * bessel(BETA * (1.0 - w * w).max(0.0).sqrt())
    };
    let filter = |phase| {
        let weights: Vec<f64> = (0..taps).map(|tap| weight(tap, phase)).collect();
        let whole: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| (weight / whole) as f32).collect()
    };
    (0..count).map(filter).collect()
}

/// The sine of so many half turns, by its power series: an angle of many turns would bring a table of π with it, which the page
/// would have to carry.
fn sine_of_half_turns(x: f64) -> f64 {
    let nearest = x.round();
    let angle = PI * (x - nearest);
    let (mut sum, mut term) = (angle, angle);
    for n in 1..12 {
        term *= -angle * angle / f64::from(2 * n * (2 * n + 1));
        sum += term;
    }
    if nearest as i64 % 2 == 0 { sum } else { -sum }
}

/// The modified Bessel function of the first kind of order zero, by its power series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..100 {
        term *= quarter / f64::from(n * n);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, hertz: f64, place: i64) -> f32 {
        (2.0 * PI * hertz * place as f64 / f64::from(rate)).sin() as f32
    }

    /// A second of a sine from a place on, in pieces.
    fn heard(rate: u32, hertz: f64, next: u64) -> Vec<f32> {
        let mut resampler = Resampler::new(rate, next);
        let mut out = Vec::new();
        let (first, last) = (resampler.first(), resampler.first() + i64::from(rate));
        for from in (first..last).step_by(777) {
            let piece = from..last.min(from + 777);
            out.extend(resampler.push(piece.map(|place| sine(rate, hertz, place)), usize::MAX));
        }
        out
    }

    #[test]
    fn a_tone_stays_what_it_is_at_its_own_moment() {
        for rate in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000] {
            for (n, sample) in (32_000..).zip(heard(rate, 440.0, 32_000)) {
                let expected = sine(16_000, 440.0, n);
                assert!((sample - expected).abs() < 2e-4, "{rate}: {n} {sample} {expected}");
            }
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_gone() {
        for hertz in [9_500.0, 12_000.0, 18_000.0] {
            let loudest = heard(44_100, hertz, 0).into_iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
            assert!(loudest < 1e-4, "{hertz}: {loudest}");
        }
    }

    #[test]
    fn a_start_in_the_middle_gives_the_same_numbers() {
        let (whole, rest) = (heard(44_100, 1_000.0, 7_000), heard(44_100, 1_000.0, 12_345));
        let (whole, rest) = (&whole[5_345..10_000], &rest[..4_655]);
        assert_eq!(whole, rest);
    }
}
