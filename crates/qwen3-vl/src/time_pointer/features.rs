//! Times as features: `phi(t) = [sin(t·w), cos(t·w)]`, 32 frequencies.
//!
//! `t` is in *seconds* and the frequencies are spaced logarithmically from 1e-4 to 1e4 rad/s: periods from 17.5 hours to
//! 0.63 ms, so that milliseconds and hours are both resolved. Angles are computed in f64 from integer microseconds: two
//! hours at 1e4 rad/s are an angle of 7.2e7, of which f32 keeps nothing.

use timeline::Timestamp;

const FREQUENCIES: usize = 32;

/// Features of a time.
pub(crate) const TIME_FEATURES: usize = 2 * FREQUENCIES;

/// The features of a time: 32 sines, then 32 cosines.
pub(crate) fn time_features(at: Timestamp) -> [f32; TIME_FEATURES] {
    let seconds = at.micros() as f64 / 1e6;
    let mut out = [0.0; TIME_FEATURES];
    let (sines, cosines) = out.split_at_mut(FREQUENCIES);
    for (i, (sine, cosine)) in sines.iter_mut().zip(cosines).enumerate() {
        let frequency = 10_f64.powf(i as f64 * (8.0 / (FREQUENCIES - 1) as f64) - 4.0);
        let (s, c) = (seconds * frequency).sin_cos();
        (*sine, *cosine) = (s as f32, c as f32);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn distance(a: i64, b: i64) -> f32 {
        let (a, b) = (time_features(Timestamp::from_micros(a)), time_features(Timestamp::from_micros(b)));
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    }

    #[test]
    fn a_millisecond_and_an_hour_are_both_resolved_hours_into_a_video() {
        let hours = 7_200_000_000;
        assert!(distance(hours, hours + 1_000) > 1.0);
        assert!(distance(hours, hours + 3_600_000_000) > 1.0);
        assert!(distance(0, 3_600_000_000) > 1.0);
    }

    proptest! {
        #[test]
        fn every_time_has_features_of_one_length(at in -10_i64.pow(11)..10_i64.pow(11)) {
            let found = time_features(Timestamp::from_micros(at));
            let length: f32 = found.iter().map(|v| v * v).sum();
            prop_assert!((length - FREQUENCIES as f32).abs() < 1e-3, "{length}");
        }

        /// A shift turns every pair of sine and cosine by one angle, whatever the time: how far two times are apart in
        /// their features depends on their difference alone.
        #[test]
        fn distances_between_features_shift_with_the_times(
            a in 0..10_i64.pow(10), b in 0..10_i64.pow(10), shift in 0..10_i64.pow(10),
        ) {
            prop_assert!((distance(a, b) - distance(a + shift, b + shift)).abs() < 1e-2);
        }
    }
}
