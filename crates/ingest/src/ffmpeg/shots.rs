//! Where shots begin, as FFmpeg's `scdet` tells it on the side of decoding.

use timeline::{Span, Timestamp};

use super::probe::{Frame, Naming};

/// Filters that tell cuts (of `scdet`'s own threshold) in lines that [`Lines`] reads; they leave pictures as they are. Others follow.
pub(super) const FILTER: &str = "scdet,metadata=print:key=lavfi.scd.time,";
/// Two cuts as near as this and as strong as each other are a flash.
const FLASH: Timestamp = Timestamp::from_millis(500);
/// How nearly as strong, of the stronger.
const ALIKE: f64 = 0.75;

/// A frame that is unlike the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Told {
    order: usize,
    ticks: i64,
    score: f64,
}

/// Reads what the filters print.
#[derive(Debug, Default)]
pub(super) struct Lines {
    score: f64,
}

impl Lines {
    /// A cut, when a line completes the telling of one.
    pub(super) fn read(&mut self, line: &str) -> Option<Told> {
        if let Some((_, rest)) = line.split_once("lavfi.scd.score: ") {
            self.score = rest.split(',').next()?.trim().parse().ok()?;
            return None;
        }
        let (_, rest) = line.split_once("Parsed_metadata").and_then(|(_, rest)| rest.split_once("] frame:"))?;
        let (order, rest) = rest.split_once("pts:")?;
        let ticks = rest.split_whitespace().next()?.parse().ok()?;
        Some(Told { order: order.trim().parse().ok()?, ticks, score: self.score })
    }
}

/// Cuts as they are told, until they are certain.
#[derive(Debug)]
pub(super) struct Cuts {
    frames: Vec<Frame>,
    naming: Naming,
    held: Vec<(Timestamp, f64)>,
    flashes: Vec<Span>,
}

impl Cuts {
    /// For the frames of a video, ascending.
    pub(super) fn new(frames: Vec<Frame>, naming: Naming) -> Self {
        Self { frames, naming, held: Vec::new(), flashes: Vec::new() }
    }

    /// Takes one.
    pub(super) fn take(&mut self, told: Told) {
        let at = self.naming.place(&self.frames, told.ticks, told.order);
        // The first frame begins a shot as well, and nobody needs to be told.
        if let Some(frame) = at.filter(|&at| at > 0).and_then(|at| self.frames.get(at)) {
            self.held.push((frame.at, told.score));
        }
    }

    /// Flashes found since the last call.
    pub(super) fn flashes(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.flashes)
    }

    /// Those that no later one can take back; all of them when no more come.
    pub(super) fn certain(&mut self, no_more: bool) -> Vec<Timestamp> {
        let mut certain = Vec::new();
        while let Some(&(at, score)) = self.held.first() {
            match self.held.get(1) {
                Some(&(next, as_strong)) if next - at <= FLASH => {
                    let (weak, strong) = (score.min(as_strong), score.max(as_strong));
                    let flash = weak >= ALIKE * strong;
                    self.held.drain(..if flash { 2 } else { 0 });
                    if flash {
                        self.flashes.push(Span { start: at, end: next });
                    } else {
                        self.held.remove(1);
                    }
                }
                None if !no_more => break,
                _ => {
                    certain.push(at);
                    self.held.remove(0);
                }
            }
        }
        certain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_ffmpeg_are_read() {
        let mut lines = Lines::default();
        let all = "frame=    1 fps=0.0 q=-0.0 size=N/A    [scdet @ 0x55f5] lavfi.scd.score: 28.537, lavfi.scd.time: 2.04\n\
            [Parsed_metadata_1 @ 0x55f5900c9280] frame:51   pts:26112   pts_time:2.04\n\
            [Parsed_metadata_1 @ 0x55f5900c9280] lavfi.scd.time=2.04\n[Parsed_showinfo_3 @ 0x1] n:   0 pts:      0 pts_time:0";
        let told: Vec<_> = all.lines().filter_map(|line| lines.read(line)).collect();
        assert_eq!(told, [Told { order: 51, ticks: 26_112, score: 28.537 }]);
    }

    #[test]
    fn flashes_are_left_out_and_cuts_wait_until_nothing_can_take_them_back() {
        let frames = |i: i64| Frame { at: Timestamp::from_millis(i * 40), name: i * 512 };
        let mut cuts = Cuts::new((0..200).map(frames).collect(), Naming::Ticks);
        let tell = |cuts: &mut Cuts, frame: i64, score| cuts.take(Told { order: 0, ticks: frame * 512, score });
        tell(&mut cuts, 0, 90.0);
        tell(&mut cuts, 51, 28.0);
        assert_eq!(cuts.certain(false), []);
        tell(&mut cuts, 128, 30.0);
        assert_eq!(cuts.certain(false), [Timestamp::from_millis(2_040)]);
        // A flash, then a short shot of which the stronger beginning counts.
        tell(&mut cuts, 150, 66.0);
        tell(&mut cuts, 154, 66.0);
        tell(&mut cuts, 180, 50.0);
        tell(&mut cuts, 185, 12.0);
        assert_eq!(cuts.certain(true), [128, 180].map(|frame| Timestamp::from_millis(frame * 40)));
        assert_eq!(cuts.flashes(), [Span::new(Timestamp::from_millis(6_000), Timestamp::from_millis(6_160))]);
        tell(&mut cuts, 7_000, 50.0);
        assert_eq!(cuts.certain(true), []);
    }
}
