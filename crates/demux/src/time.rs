//! Ticks of a container to microseconds, exactly as `ffprobe` prints them.
//!
//! `ffprobe` computes `pts · (1 / timescale)` in double precision and prints it with `%f`. That is the nearest
//! microsecond; only a tick that falls *exactly* between two microseconds (a timescale with more than six factors of two,
//! 12800 for one) goes to the side on which the double happens to lie, and to the even microsecond where the double is
//! exact. Here the same is done in integers: nearest, and for a tie the double's own bits are compared.

use timeline::Timestamp;

const MICROS: i128 = 1_000_000;

/// The microsecond nearest to `ticks / timescale` seconds; a timescale of zero counts as one. Saturates.
pub fn micros(ticks: i64, timescale: u32) -> Timestamp {
    micros_of(ticks, (1, timescale))
}

/// The microsecond nearest to `ticks` times a time base: a fraction of seconds. A zero counts as one. Saturates.
pub fn micros_of(ticks: i64, (seconds, per): (u32, u32)) -> Timestamp {
    let base = (seconds.max(1), per.max(1));
    let scale = i128::from(base.1);
    let scaled = i128::from(ticks.unsigned_abs()) * i128::from(base.0) * MICROS;
    let (floor, rest) = (scaled / scale, scaled % scale);
    let up = match (2 * rest).cmp(&scale) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => tie_rounds_up(ticks.unsigned_abs(), base, floor),
    };
    let magnitude = i64::try_from(floor + i128::from(up)).unwrap_or(i64::MAX);
    Timestamp::from_micros(if ticks < 0 { -magnitude } else { magnitude })
}

/// Whether the double `ticks · (seconds / per)` lies above `floor + ½` microseconds, or on it with `floor` odd.
fn tie_rounds_up(ticks: u64, (seconds, per): (u32, u32), floor: i128) -> bool {
    let seconds = ticks as f64 * (f64::from(seconds) / f64::from(per));
    let bits = seconds.to_bits();
    let exponent = (bits >> 52) as i32 - 1075;
    let mantissa = i128::from((bits & ((1 << 52) - 1)) | (1 << 52));
    let odd = floor % 2 != 0;
    // A tie needs a fraction, so the exponent is negative; and it is at least half a microsecond, so not below -73.
    let Ok(shift) = u32::try_from(-exponent) else { return odd };
    let Some(tie) = (2 * floor + 1).checked_mul(1_i128.checked_shl(shift).unwrap_or(0)) else { return odd };
    match (mantissa * 2 * MICROS).cmp(&tie) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => odd,
    }
}

/// A time base in lowest terms; what does not fit is halved on both sides until it does.
pub(crate) fn reduced(seconds: u64, per: u64) -> (u32, u32) {
    let (mut a, mut b) = (seconds.max(1), per.max(1));
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let (mut seconds, mut per) = (seconds.max(1) / a, per.max(1) / a);
    loop {
        if let (Ok(seconds), Ok(per)) = (u32::try_from(seconds), u32::try_from(per)) {
            return (seconds.max(1), per.max(1));
        }
        (seconds, per) = (seconds / 2, per / 2);
    }
}

/// `value` of a clock with `from` ticks a second on one with `to`, nearest, halves away from zero (FFmpeg's `av_rescale`).
pub(crate) fn rescale(value: i64, from: u32, to: u32) -> i64 {
    let scaled = i128::from(value) * i128::from(to);
    let from = i128::from(from.max(1));
    let half = if scaled < 0 { -(from / 2) } else { from / 2 };
    i64::try_from((scaled + half) / from).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What printf does: Rust's formatting rounds the exact binary value half to even, as glibc does.
    fn printed(ticks: i64, timescale: u32) -> String {
        format!("{:.6}", ticks as f64 * (1.0 / f64::from(timescale)))
    }

    fn written(t: Timestamp) -> String {
        let (sign, t) = if t.micros() < 0 { ("-", -t.micros()) } else { ("", t.micros()) };
        format!("{sign}{}.{:06}", t / 1_000_000, t % 1_000_000)
    }

    #[test]
    fn ties_go_where_printf_sends_them() {
        for timescale in [12800, 15360, 25600, 48000, 90000, 128, 1 << 20] {
            for ticks in 0..20_000 {
                assert_eq!(written(micros(ticks, timescale)), printed(ticks, timescale), "{ticks}/{timescale}");
            }
        }
    }

    #[test]
    fn a_rescaled_half_goes_away_from_zero() {
        assert_eq!(rescale(1, 2, 1), 1);
        assert_eq!(rescale(-1, 2, 1), -1);
        assert_eq!(rescale(1_000, 1_000, 12_800), 12_800);
    }

    proptest! {
        #[test]
        fn microseconds_are_those_of_ffprobe(
            ticks in 0_i64..2_000_000_000,
            timescale in proptest::sample::select(vec![600_u32, 1000, 12800, 15360, 16000, 24000, 30000, 44100, 60000, 90000, 120000]),
        ) {
            prop_assert_eq!(written(micros(ticks, timescale)), printed(ticks, timescale));
        }

        #[test]
        fn a_time_base_is_reduced(seconds in 1_u64..100_000, per in 1_u64..100_000, by in 1_u64..1_000) {
            let (a, b) = reduced(seconds * by, per * by);
            prop_assert_eq!(u64::from(a) * per, u64::from(b) * seconds);
        }

        #[test]
        fn no_tick_panics(ticks: i64, timescale: u32, seconds: u32, large: u64) {
            let _ = micros(ticks, timescale);
            let _ = micros_of(ticks, (seconds, timescale));
            let _ = reduced(large, u64::from(seconds));
            let _ = rescale(ticks, timescale, timescale.wrapping_mul(3));
        }
    }
}
