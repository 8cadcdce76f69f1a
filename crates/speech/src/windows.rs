//! Sound cut into windows that hold speech: at pauses, never longer than the model hears, silence left out.

use std::ops::Range;

pub(crate) use timeline::hearing::moment_of as moment;
use timeline::{Span, Timestamp};

use crate::activity::{Activity, FRAME};

/// A frame's length in microseconds.
const FRAME_US: i64 = 20_000;

/// Frames kept before the first and after the last that is speech: 200 ms.
const MARGIN: usize = 10;
/// Frames of silence after which a window ends: five seconds. Each window costs the same, so pauses are better inside.
const SILENCE: usize = 250;
/// Frames of a pause at which a long window may be cut: 160 ms.
const PAUSE: usize = 8;
/// Frames, of which [`ONSET_SPEECH`] have to be speech for a window to begin: a click is no word.
const ONSET: usize = 5;
const ONSET_SPEECH: usize = 3;

/// Sound that is transcribed at once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    /// Its first sample, counted from the beginning.
    pub(crate) from: u64,
    /// Its sound.
    pub(crate) samples: Vec<f32>,
    /// Whether each of its frames is speech.
    speech: Vec<bool>,
    /// Whether it ends in the middle of what is said.
    pub(crate) is_cut: bool,
}

impl Window {
    /// A position of the encoder (20 ms) as a moment of the file.
    pub(crate) fn moment(&self, position: usize) -> Timestamp {
        let sample = self.from + (position * FRAME) as u64;
        moment(sample)
    }

    /// The part of a word's span in which it sounds. The decoder looks on through a pause before or after a word: where there is
    /// one, the stretch with the most speech counts.
    pub(crate) fn spoken(&self, span: Span) -> Span {
        let frame =
            |moment: Timestamp| usize::try_from((moment - self.moment(0)).micros() / FRAME_US).unwrap_or_default();
        let (from, to) = (frame(span.start), frame(span.end));
        let stretches = stretches(self.speech.get(from..to).unwrap_or_default());
        let best =
            stretches.into_iter().max_by_key(|stretch| (stretch.spoken, std::cmp::Reverse(stretch.frames.start)));
        let Some(Stretch { frames, .. }) = best else { return span };
        Span { start: self.moment(from + frames.start), end: self.moment(from + frames.end) }
    }
}

/// Frames between two pauses.
struct Stretch {
    frames: Range<usize>,
    /// Those of them that are speech.
    spoken: usize,
}

/// Speech between silences of at least [`PAUSE`]; shorter ones are part of a word.
fn stretches(speech: &[bool]) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for (frame, _) in speech.iter().enumerate().filter(|(_, speaks)| **speaks) {
        match found.last_mut() {
            Some(last) if frame - last.frames.end < PAUSE => {
                last.frames.end = frame + 1;
                last.spoken += 1;
            }
            _ => found.push(Stretch { frames: frame..frame + 1, spoken: 1 }),
        }
    }
    // Silence at the edges that is no pause belongs to the word: a letter may be too soft to be told from it.
    if let Some(first) = found.first_mut().filter(|first| first.frames.start < PAUSE) {
        first.frames.start = 0;
    }
    if let Some(last) = found.last_mut().filter(|last| speech.len() - last.frames.end < PAUSE) {
        last.frames.end = speech.len();
    }
    found
}

/// Cuts a stream of samples into windows.
#[derive(Debug)]
pub(crate) struct Cutter {
    /// Frames of the longest window.
    longest: usize,
    activity: Activity,
    /// The first sample of the frames.
    from: u64,
    samples: Vec<f32>,
    /// Whether each whole frame of the samples is speech.
    speech: Vec<bool>,
    /// Whether a window has begun.
    is_open: bool,
}

impl Cutter {
    /// For windows of at most so many samples, of sound that begins with sample `from`.
    pub(crate) fn new(window: usize, from: u64) -> Self {
        Self {
            longest: window / FRAME,
            activity: Activity::default(),
            from,
            samples: Vec::new(),
            speech: Vec::new(),
            is_open: false,
        }
    }

    /// The first sample that is in no window yet.
    pub(crate) fn from(&self) -> u64 {
        self.from
    }

    /// Takes samples up to the end of a window. Returns it, and the samples that were not taken.
    pub(crate) fn push<'s>(&mut self, samples: &'s [f32]) -> (Option<Window>, &'s [f32]) {
        let mut rest = samples;
        while !rest.is_empty() {
            let wanted = FRAME - self.samples.len() % FRAME;
            let (taken, left) = rest.split_at(wanted.min(rest.len()));
            self.samples.extend_from_slice(taken);
            rest = left;
            if taken.len() == wanted
                && let Some(window) = self.frame()
            {
                return (Some(window), rest);
            }
        }
        (None, rest)
    }

    /// The last window, if there is speech in it.
    pub(crate) fn finish(&mut self) -> Option<Window> {
        // The rest of a frame is silence that was not recorded.
        let whole = self.samples.len().next_multiple_of(FRAME);
        let tail = whole.saturating_sub(FRAME)..whole;
        self.samples.resize(whole, 0.0);
        if self.speech.len() * FRAME < whole {
            let frame = self.samples.get(tail).unwrap_or_default();
            self.speech.push(self.activity.hear(frame));
        }
        let onset = self.speech.iter().filter(|speech| **speech).count() >= ONSET_SPEECH;
        (self.is_open || onset).then(|| self.close())
    }

    /// Puts back the end of a window that was cut, from one of its samples on: it begins the next one.
    pub(crate) fn put_back(&mut self, window: &Window, from: usize) {
        let frames = from / FRAME;
        let kept = window.samples.get(frames * FRAME..).unwrap_or_default();
        self.from = window.from + (frames * FRAME) as u64;
        self.samples.splice(0..0, kept.iter().copied());
        self.speech.splice(0..0, window.speech.iter().copied().skip(frames));
        self.is_open = true;
    }

    /// A whole frame came.
    fn frame(&mut self) -> Option<Window> {
        let frame = self.samples.rchunks(FRAME).next().unwrap_or_default();
        self.speech.push(self.activity.hear(frame));
        if !self.is_open {
            self.begin();
            return None;
        }
        let quiet = self.speech.iter().rev().take_while(|speech| !**speech).count();
        if quiet >= SILENCE {
            return Some(self.close());
        }
        (self.speech.len() >= self.longest).then(|| self.cut())
    }

    fn begin(&mut self) {
        let recent = self.speech.iter().rev().take(ONSET).filter(|speech| **speech).count();
        if recent >= ONSET_SPEECH {
            self.is_open = true;
        } else {
            self.forget(self.speech.len().saturating_sub(MARGIN + ONSET));
        }
    }

    /// The window up to its last speech.
    fn close(&mut self) -> Window {
        let spoken = self.speech.iter().rposition(|speech| *speech).map_or(0, |last| last + 1);
        let window = self.take((spoken + MARGIN).min(self.speech.len()), false);
        self.is_open = false;
        let silence = self.speech.len().saturating_sub(MARGIN);
        self.forget(silence);
        window
    }

    /// A window that is full: up to the middle of the longest pause in its second half, or all of it.
    fn cut(&mut self) -> Window {
        match longest_pause(&self.speech, self.longest / 2) {
            Some(pause) => {
                let window = self.take(pause.start + pause.len() / 2, false);
                self.is_open = self.speech.contains(&true);
                window
            }
            None => {
                self.is_open = false;
                self.take(self.longest, true)
            }
        }
    }

    fn take(&mut self, frames: usize, is_cut: bool) -> Window {
        let samples = self.samples.drain(..(frames * FRAME).min(self.samples.len())).collect::<Vec<_>>();
        let from = self.from;
        self.from += samples.len() as u64;
        let speech = self.speech.drain(..frames.min(self.speech.len())).collect();
        Window { from, samples, speech, is_cut }
    }

    fn forget(&mut self, frames: usize) {
        self.take(frames, false);
    }
}

/// The longest stretch of silence after a frame, the last one of several.
fn longest_pause(speech: &[bool], after: usize) -> Option<Range<usize>> {
    let mut best: Option<Range<usize>> = None;
    let mut begin = after;
    for (frame, speaks) in speech.iter().copied().chain([true]).enumerate().skip(after) {
        if speaks {
            let length = frame - begin;
            if length >= PAUSE && best.as_ref().is_none_or(|best| length >= best.len()) {
                best = Some(begin..frame);
            }
            begin = frame + 1;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of loud hiss and of silence by turns, loud first. The hiss stops for 40 ms after each 360, as syllables do.
    fn sound(seconds: &[f32]) -> Vec<f32> {
        let mut state = 1_u32;
        let mut samples = Vec::new();
        for (turn, seconds) in seconds.iter().enumerate() {
            for n in 0..(seconds * 16_000.0) as usize {
                let speaks = turn % 2 == 0 && n % 6_400 < 5_760;
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let hiss = (f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0) as f32;
                samples.push(if speaks { hiss * 0.3 } else { 0.0 });
            }
        }
        samples
    }

    fn cut(samples: &[f32], chunk: usize) -> Vec<Window> {
        let mut cutter = Cutter::new(30 * 16_000, 0);
        let mut windows = Vec::new();
        for chunk in samples.chunks(chunk) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let (window, left) = cutter.push(rest);
                windows.extend(window);
                rest = left;
            }
        }
        windows.extend(cutter.finish());
        windows
    }

    fn seconds(window: &Window) -> (f64, f64) {
        let end = moment(window.from + window.samples.len() as u64);
        (moment(window.from).seconds(), end.seconds())
    }

    #[test]
    fn silence_is_left_out_and_short_pauses_stay_inside() {
        let windows = cut(&sound(&[0.0, 3.0, 2.0, 1.0, 2.0, 8.0, 1.5]), 777);
        let spans: Vec<_> = windows.iter().map(seconds).collect();
        assert_eq!(spans.len(), 2, "{spans:?}");
        assert!((2.7..=3.0).contains(&spans[0].0) && (8.0..=8.3).contains(&spans[0].1), "{spans:?}");
        assert!((15.7..=16.0).contains(&spans[1].0) && (17.4..=17.6).contains(&spans[1].1), "{spans:?}");
    }

    #[test]
    fn a_long_speech_is_cut_at_its_longest_pause_and_nothing_is_lost() {
        let samples = sound(&[10.0, 0.3, 10.0, 0.6, 6.0, 0.3, 12.0]);
        let windows = cut(&samples, 16_000);
        assert_eq!(windows.len(), 2);
        assert!((20.3..20.9).contains(&seconds(&windows[0]).1));
        assert_eq!(windows[0].samples.len() as u64, windows[1].from);
        let heard: usize = windows.iter().map(|window| window.samples.len()).sum();
        assert_eq!(heard, samples.len().next_multiple_of(FRAME));
        assert!(windows.iter().all(|window| !window.is_cut && window.samples.len() <= 480_000));
        // However the samples arrive.
        assert_eq!(cut(&samples, 333), windows);
    }

    #[test]
    fn speech_without_a_pause_is_cut_where_it_is_full_and_goes_on_from_what_is_put_back() {
        let mut cutter = Cutter::new(30 * 16_000, 0);
        let samples = sound(&[40.0]);
        let (window, rest) = cutter.push(&samples);
        let window = window.unwrap();
        assert!(window.is_cut && window.samples.len() == 480_000 && rest.len() == 160_000);
        cutter.put_back(&window, 28 * 16_000);
        assert!(cutter.push(rest).0.is_none());
        let last = cutter.finish().unwrap();
        assert_eq!(seconds(&last), (28.0, 40.0));
        assert_eq!(last.samples, samples[28 * 16_000..]);
    }

    #[test]
    fn a_word_lasts_as_long_as_it_sounds() {
        let frames = |marks: &str| marks.chars().map(|mark| mark == '#').collect::<Vec<_>>();
        let window = |marks: &str| Window { from: 320_000, samples: Vec::new(), speech: frames(marks), is_cut: false };
        let spoken = |marks: &str| {
            let whole = Span::new(window("").moment(0), window("").moment(marks.len()));
            let span = window(marks).spoken(whole);
            (span.start - whole.start, span.end - whole.start)
        };
        let at = |start: i64, end: i64| (Timestamp::from_millis(start * 20), Timestamp::from_millis(end * 20));
        // A click, a pause, the word; the word, a pause, a breath; a soft letter at each end; silence.
        assert_eq!(spoken("#..........#####.."), at(11, 18));
        assert_eq!(spoken("###.##..........#"), at(0, 6));
        assert_eq!(spoken("...####..."), at(0, 10));
        assert_eq!(spoken("............"), at(0, 12));
    }

    #[test]
    fn silence_and_clicks_make_no_window() {
        assert!(cut(&[0.0; 100_000], 1_000).is_empty());
        let mut click = vec![0.0; 100_000];
        click[50_000..50_100].fill(0.9);
        assert!(cut(&click, 1_000).is_empty());
    }
}
