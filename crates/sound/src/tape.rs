//! Decoded sound in its place: silence where there is none, what is doubled left out, and 16 bits at 16 kHz of it on demand.
//!
//! Blocks come with the time of the track's own clock. A [`Stretch`](Tape::stretch) says which part of that clock is heard when;
//! within one, blocks follow each other by the number of their samples, since clocks of containers are coarse. After a
//! [`cut`](Tape::cut) the next block's own time counts.

use std::collections::VecDeque;

use timeline::Timestamp;

use crate::resample::Resampler;

/// Silence is resampled in parts of this many samples.
const PART: i64 = 4_096;

/// A rate that changes in the middle of a track, which no file of this world has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateChanged {
    /// Samples a second at first.
    pub from: u32,
    /// And now.
    pub to: u32,
}

/// Sound of one track, from blocks to pieces. Memory is what was put and not taken yet.
pub struct Tape {
    /// The first sample that is wanted.
    first: u64,
    reel: Option<Reel>,
    stretch: (Timestamp, Timestamp, Timestamp),
    /// Where the next block begins, on the track's clock; nothing when its own time counts.
    expected: Option<i64>,
}

/// What is known once the rate is.
struct Reel {
    rate: u32,
    resampler: Resampler,
    parts: VecDeque<Part>,
    /// Behind all parts, on the clock of the pictures, in samples of the input.
    end: i64,
    /// Samples of sound that wait.
    waiting: usize,
}

enum Part {
    Silence(i64),
    Sound(Vec<f32>),
}

impl Tape {
    /// A tape from whose sample `first` on something is wanted, with a track that is heard as it is.
    pub fn new(first: u64) -> Self {
        let stretch = (Timestamp::ZERO, Timestamp::from_micros(i64::MAX), Timestamp::ZERO);
        Self { first, reel: None, stretch, expected: None }
    }

    /// From now on, what lies from `from` up to `to` on the track's clock is heard from `at` on.
    pub fn stretch(&mut self, from: Timestamp, to: Timestamp, at: Timestamp) {
        self.stretch = (from, to, at);
        self.expected = None;
    }

    /// The next block follows no other.
    pub fn cut(&mut self) {
        self.expected = None;
    }

    /// Takes a decoded block of one channel.
    ///
    /// # Errors
    /// Its rate is another than before.
    pub fn put(&mut self, time: Timestamp, rate: u32, block: &[f32]) -> Result<(), RateChanged> {
        let first = self.first;
        let reel = self.reel.get_or_insert_with(|| Reel::new(rate, first));
        if reel.rate != rate {
            return Err(RateChanged { from: reel.rate, to: rate });
        }
        let start = self.expected.unwrap_or_else(|| samples(time, rate));
        self.expected = Some(start.saturating_add(block.len() as i64));
        let (from, to, at) = self.stretch;
        let (from, to, at) = (samples(from, rate), samples(to, rate), samples(at, rate));
        let over = from.saturating_sub(start).clamp(0, block.len() as i64);
        let kept = to.saturating_sub(start).clamp(over, block.len() as i64);
        let heard = block.get(over as usize..kept as usize).unwrap_or_default();
        reel.add(start.saturating_add(over).saturating_sub(from).saturating_add(at), heard);
        Ok(())
    }

    /// Nothing follows.
    pub fn finish(&mut self) {
        if let Some(reel) = &mut self.reel {
            reel.silence(reel.end.saturating_add(reel.resampler.tail()));
        }
    }

    /// Seconds of sound that were put and wait to be taken.
    pub fn waiting(&self) -> f64 {
        self.reel.as_ref().map_or(0.0, |reel| reel.waiting as f64 / f64::from(reel.rate.max(1)))
    }

    /// The next samples, at most so many; fewer when more has to be put first.
    pub fn take(&mut self, most: usize) -> Vec<i16> {
        let Some(reel) = &mut self.reel else { return Vec::new() };
        let taken = reel.take(most);
        self.first = reel.resampler.next();
        taken.into_iter().map(sixteen).collect()
    }

    /// The number of the sample that is taken next.
    pub fn next(&self) -> u64 {
        self.first
    }
}

impl Reel {
    fn new(rate: u32, first: u64) -> Self {
        let resampler = Resampler::new(rate, first);
        let end = resampler.first();
        Self { rate, resampler, parts: VecDeque::new(), end, waiting: 0 }
    }

    /// Puts sound where it belongs: a hole before it is silent, what others have taken already is left out.
    fn add(&mut self, place: i64, sound: &[f32]) {
        let over = self.end.saturating_sub(place).clamp(0, sound.len() as i64);
        let sound = sound.get(over as usize..).unwrap_or_default();
        if sound.is_empty() {
            return;
        }
        self.silence(place.saturating_add(over));
        self.end = self.end.saturating_add(sound.len() as i64);
        self.waiting += sound.len();
        self.parts.push_back(Part::Sound(sound.to_vec()));
    }

    fn silence(&mut self, until: i64) {
        let length = until.saturating_sub(self.end);
        if length > 0 {
            self.parts.push_back(Part::Silence(length));
            self.end = until;
        }
    }

    fn take(&mut self, most: usize) -> Vec<f32> {
        let mut out = self.resampler.pull(most);
        while out.len() < most
            && let Some(part) = self.parts.pop_front()
        {
            let left = most - out.len();
            match part {
                Part::Sound(sound) => {
                    self.waiting -= sound.len();
                    out.extend(self.resampler.push(sound, left));
                }
                Part::Silence(length) => {
                    let now = length.min(PART);
                    if length > now {
                        self.parts.push_front(Part::Silence(length - now));
                    }
                    out.extend(self.resampler.push((0..now).map(|_| 0.0), left));
                }
            }
        }
        out
    }
}

/// A moment in samples, the nearest.
fn samples(moment: Timestamp, rate: u32) -> i64 {
    let scaled = i128::from(moment.micros()) * i128::from(rate);
    let nearest = (scaled + 500_000).div_euclid(1_000_000);
    i64::try_from(nearest).unwrap_or(if nearest < 0 { i64::MIN } else { i64::MAX })
}

fn sixteen(sample: f32) -> i16 {
    (sample * 32_768.0).round_ties_even().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn all(tape: &mut Tape) -> Vec<i16> {
        tape.finish();
        let mut all = Vec::new();
        loop {
            let piece = tape.take(1_000);
            if piece.is_empty() {
                return all;
            }
            all.extend(piece);
        }
    }

    /// Whether each tenth of a second from the beginning on is loud in its middle.
    fn loud(samples: &[i16]) -> Vec<bool> {
        samples.chunks_exact(1_600).map(|tenth| tenth[800].unsigned_abs() > 8_000).collect()
    }

    #[test]
    fn sound_at_its_own_rate_is_what_it_was() {
        let mut tape = Tape::new(0);
        let sound: Vec<f32> = (0..5_000).map(|n| (n - 2_500) as f32 / 32_768.0).collect();
        tape.put(ms(0), 16_000, &sound).unwrap();
        assert!(all(&mut tape).into_iter().eq(-2_500..2_500));
        assert_eq!(tape.next(), 5_000);
    }

    #[test]
    fn a_late_beginning_and_a_hole_are_silent() {
        let mut tape = Tape::new(0);
        tape.put(ms(200), 48_000, &[0.5; 9_600]).unwrap();
        // The container's clock says a millisecond more: it is the next block all the same.
        tape.put(ms(401), 48_000, &[0.5; 4_800]).unwrap();
        tape.cut();
        tape.put(ms(700), 48_000, &[0.5; 9_600]).unwrap();
        let heard = all(&mut tape);
        assert_eq!(heard.len(), 14_400);
        assert_eq!(loud(&heard), [false, false, true, true, true, false, false, true, true]);
    }

    #[test]
    fn what_a_stretch_cuts_off_is_not_heard_and_the_rest_is_moved() {
        let mut tape = Tape::new(0);
        tape.stretch(ms(100), ms(300), ms(0));
        tape.put(ms(0), 44_100, &[0.5; 44_100]).unwrap();
        tape.stretch(ms(0), ms(100), ms(400));
        tape.put(ms(0), 44_100, &[0.5; 44_100]).unwrap();
        let heard = all(&mut tape);
        assert_eq!(heard.len(), 8_000);
        assert_eq!(loud(&heard), [true, true, false, false, true]);
    }

    #[test]
    fn what_is_doubled_is_heard_once_and_a_changed_rate_is_told() {
        let mut tape = Tape::new(0);
        tape.put(ms(0), 16_000, &[0.25; 1_600]).unwrap();
        tape.cut();
        tape.put(ms(50), 16_000, &[0.5; 1_600]).unwrap();
        let heard = tape.take(10_000);
        assert_eq!((heard.len(), heard[1_599], heard[1_600]), (2_400, 8_192, 16_384));
        assert_eq!(tape.put(ms(150), 8_000, &[0.0]), Err(RateChanged { from: 16_000, to: 8_000 }));
    }

    #[test]
    fn a_moment_in_the_middle_gives_what_the_beginning_would_have_given() {
        let sound: Vec<f32> = (0..44_100).map(|n| (f64::from(n) * 0.05).sin() as f32 * 0.7).collect();
        let mut whole = Tape::new(0);
        whole.put(ms(0), 44_100, &sound).unwrap();
        let whole = all(&mut whole);
        let mut rest = Tape::new(9_000);
        // Decoding begins half a second before what is wanted.
        rest.cut();
        rest.put(Timestamp::from_micros(100_000), 44_100, &sound[4_410..]).unwrap();
        assert_eq!(all(&mut rest), whole[9_000..]);
    }

    #[test]
    fn an_hour_of_silence_is_taken_piece_by_piece() {
        let mut tape = Tape::new(0);
        tape.put(ms(3_600_000), 48_000, &[0.5; 48_000]).unwrap();
        assert_eq!(tape.take(160_000), vec![0; 160_000]);
        assert!((tape.waiting() - 1.0).abs() < 1e-9);
        let silence = tape.reel.as_ref().unwrap().parts.front();
        assert!(matches!(silence, Some(Part::Silence(170_000_000..))));
    }

    proptest! {
        #[test]
        fn no_time_and_no_block_panics(
            times in proptest::collection::vec(any::<i64>(), 1..8),
            stretch in any::<(i64, i64, i64)>(),
            first in any::<u64>(),
            rate in proptest::sample::select(vec![1_u32, 8_000, 16_000, 44_100, 192_000]),
        ) {
            let (from, to, at) = stretch;
            let mut tape = Tape::new(first);
            let [from, to, at] = [from, to, at].map(Timestamp::from_micros);
            tape.stretch(from, to, at);
            for time in times {
                tape.cut();
                let _ = tape.put(Timestamp::from_micros(time), rate, &[0.1; 50]);
                tape.take(100);
            }
        }
    }
}
