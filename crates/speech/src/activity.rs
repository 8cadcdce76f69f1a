//! Whether somebody may be speaking: loudness above the floor of the recording, frame by frame.
//!
//! The floor follows the quietest frames at once and rises slowly, so even noise becomes silence in time while speech, which
//! pauses between syllables, does not. A high-pass (Whisper's sound is rich above 300 Hz, hum and rumble are not) comes first.
//! It errs towards speech: music is let through, and Whisper itself says where nobody speaks; what it must never hear is
//! silence, where it makes words up.

/// Samples of a frame: 20 ms, one position of the encoder.
pub(crate) const FRAME: usize = 320;
/// Decibels above the floor from which it is speech.
const ABOVE: f64 = 8.0;
/// The floor of a recording that is silent to the bit, in decibels of full scale.
const LOWEST: f64 = -75.0;
/// Decibels by which the floor rises each frame: two a second.
const RISE: f64 = 0.04;
/// Share of the sample before that the high-pass takes away.
const PRE_EMPHASIS: f32 = 0.97;

/// What was heard so far.
#[derive(Debug)]
pub(crate) struct Activity {
    last: f32,
    floor: f64,
}

impl Default for Activity {
    fn default() -> Self {
        Self { last: 0.0, floor: LOWEST }
    }
}

impl Activity {
    /// Whether a frame may be speech.
    pub(crate) fn hear(&mut self, frame: &[f32]) -> bool {
        let mut energy = 0.0;
        for sample in frame {
            let bright = sample - PRE_EMPHASIS * self.last;
            self.last = *sample;
            energy += f64::from(bright * bright);
        }
        let level = 10.0 * (energy / frame.len().max(1) as f64).log10();
        // Silence to the bit has no logarithm worth following.
        self.floor = (self.floor + RISE).min(level).max(LOWEST);
        level > self.floor + ABOVE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of a hiss whose loudest sample is `peak`.
    fn hiss(seed: usize, peak: f32) -> Vec<f32> {
        let mut state = seed as u32 + 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
        };
        (0..FRAME).map(|_| next() * peak).collect()
    }

    #[test]
    fn speech_stands_out_of_noise_and_noise_alone_becomes_silence() {
        let mut activity = Activity::default();
        let heard: Vec<bool> = (0..1_500).map(|n| activity.hear(&hiss(n, 0.01))).collect();
        assert!(heard[1_400..].iter().all(|speech| !speech));
        assert!((0..50).all(|n| activity.hear(&hiss(n, 0.1))));
        assert!(!activity.hear(&hiss(7, 0.01)));
    }

    #[test]
    fn digital_silence_is_silence_and_what_follows_it_is_heard_at_once() {
        let mut activity = Activity::default();
        assert!((0..500).all(|_| !activity.hear(&[0.0; FRAME])));
        assert!(activity.hear(&hiss(1, 0.01)));
    }
}
