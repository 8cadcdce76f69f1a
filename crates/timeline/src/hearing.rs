//! What is said in a video of the library, on its way to a transcript: how far it was heard, and the sound a page sends.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What the transcript of it is called. Hearing a video again goes on with one that is not whole, and replaces one that is.
pub const NAME: &str = "speech.json";
/// Samples a second, of one channel. Sample zero is the beginning of the video's clock.
pub const SAMPLE_RATE: u32 = 16_000;
/// The most samples of a piece: thirty seconds.
pub const PIECE_SAMPLES: usize = 30 * SAMPLE_RATE as usize;

/// Videos that may wait to be heard.
pub const MOST_WAITING: u32 = 16;

/// How far a video was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HearingInfo {
    /// Where it stands.
    pub state: HearingState,
    /// Whether the server has the video's file and hears it by itself; else the sound comes in pieces from a page.
    pub has_file: bool,
    /// Heard up to here.
    pub heard: Timestamp,
    /// Length of the video.
    pub duration: Timestamp,
    /// Cues so far.
    pub cues: u32,
    /// The transcript they stand in, as soon as there is a cue.
    pub transcript: Option<i64>,
    /// Why it ended early; what was heard stays.
    pub cause: Option<HearingCause>,
    /// The same as a sentence with advice; else empty.
    pub message: String,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HearingState {
    /// Not heard in this run of the server.
    Idle,
    /// Another video is being heard.
    Waiting,
    /// Being heard.
    Listening,
    /// Heard to its end.
    Done,
    /// Somebody stopped it; what was heard stays.
    Cancelled,
    /// It ended early.
    Failed,
}

/// The kind of reason why a video is not heard, for the page's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HearingCause {
    /// No speech model is set.
    NoModel,
    /// The speech model cannot be loaded, or failed.
    Model,
    /// The file has no sound, or none that can be decoded.
    NoSound,
    /// [`MOST_WAITING`] videos wait already.
    TooMany,
    /// A piece of sound that cannot be one.
    BadPiece,
    /// Nobody sends sound any more.
    Left,
    /// This video is not being heard: it was stopped, or the server started anew.
    Unknown,
    /// The library refused.
    Refused,
}

/// The first sample at or after a moment; none lies before the beginning of the clock.
pub fn sample_at(moment: Timestamp) -> u64 {
    let micros = u64::try_from(moment.micros()).unwrap_or_default();
    let samples = u128::from(micros) * u128::from(SAMPLE_RATE);
    u64::try_from(samples.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The moment of a sample, in whole microseconds: 62.5 of them each.
pub fn moment_of(sample: u64) -> Timestamp {
    let micros = u128::from(sample) * 1_000_000 / u128::from(SAMPLE_RATE);
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

impl HearingInfo {
    /// Whether the server works on it or will.
    pub fn is_active(&self) -> bool {
        matches!(self.state, HearingState::Waiting | HearingState::Listening)
    }

    /// Whether it goes on only with sound from a page.
    pub fn wants_sound(&self) -> bool {
        self.is_active() && !self.has_file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_sample() {
        let at = |micros| sample_at(Timestamp::from_micros(micros));
        assert_eq!((at(-5), at(0), at(1_000_000), at(125), at(62), at(63)), (0, 0, 16_000, 2, 1, 2));
        assert_eq!(at(i64::MAX), 147_573_952_589_676_413);
        for sample in [0, 1, 2, 3, 16_000, 123_457] {
            assert_eq!(sample_at(moment_of(sample)), sample);
        }
        assert_eq!(moment_of(u64::MAX).micros(), i64::MAX);
    }
}
