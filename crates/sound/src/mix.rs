//! Many channels to one, with the weights of FFmpeg's `-ac 1` (libswresample, `rematrix.c`).

use std::f32::consts::FRAC_1_SQRT_2;

/// Channels beyond these are not heard.
pub const MOST_CHANNELS: usize = 8;

/// One channel of several, which are given one after another, each of the same length.
///
/// The order is that of WAVE and of every decoder in a browser: left, right, centre, low frequencies, then what surrounds.
pub fn mix(channels: &[Vec<f32>]) -> Vec<f32> {
    let weights = weights(channels.len().min(MOST_CHANNELS));
    let length = channels.iter().map(Vec::len).min().unwrap_or(0);
    let mut mixed = vec![0.0; length];
    for (channel, weight) in channels.iter().zip(weights).filter(|(_, weight)| *weight > 0.0) {
        for (sum, sample) in mixed.iter_mut().zip(channel) {
            *sum += sample * weight;
        }
    }
    mixed
}

/// How loud each channel is heard; together one, so that nothing is cut off.
fn weights(channels: usize) -> Vec<f32> {
    const FRONT: f32 = FRAC_1_SQRT_2;
    let loud: &[f32] = match channels {
        2 => &[1.0, 1.0],
        3 => &[FRONT, FRONT, 1.0],
        4 => &[FRONT, FRONT, 0.5, 0.5],
        5 => &[FRONT, FRONT, 1.0, 0.5, 0.5],
        6 => &[FRONT, FRONT, 1.0, 0.0, 0.5, 0.5],
        7 => &[FRONT, FRONT, 1.0, 0.0, 0.5, 0.5, 0.5],
        8 => &[FRONT, FRONT, 1.0, 0.0, 0.5, 0.5, 0.5, 0.5],
        _ => &[1.0],
    };
    let whole: f32 = loud.iter().sum();
    loud.iter().map(|weight| weight / whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_channel_stays_and_two_are_halved() {
        assert_eq!(mix(&[vec![0.5, -1.0]]), [0.5, -1.0]);
        assert_eq!(mix(&[vec![1.0, 0.5], vec![1.0, -0.5]]), [1.0, 0.0]);
        assert!(mix(&[]).is_empty());
    }

    #[test]
    fn speech_in_the_centre_is_the_loudest_and_low_frequencies_are_left_out() {
        let only = |loud: usize| mix(&(0..6).map(|n| vec![if n == loud { 1.0 } else { 0.0 }]).collect::<Vec<_>>());
        assert!((only(2)[0] - 0.2929).abs() < 1e-4, "{:?}", only(2));
        assert!((only(0)[0] - 0.2071).abs() < 1e-4);
        assert!((only(4)[0] - 0.1464).abs() < 1e-4);
        assert_eq!(only(3), [0.0]);
        for channels in 1..=MOST_CHANNELS {
            let all = mix(&vec![vec![1.0]; channels]);
            assert!((all[0] - 1.0).abs() < 1e-6, "{channels}");
        }
    }
}
