//! What comes and goes between two looks of a plan: found from pictures at a glance, as they are decoded, so that it can be looked at.
//!
//! A thing that is there for a quarter of a second falls between two looks half a second apart every other time. In a picture
//! between them it is something that neither look has: levels of a cell that lie outside of all that both looks show there and
//! beside it. What moves, pans, brightens or dissolves stays within that range; a cut is one look or the other.

use crate::time::{Span, Timestamp};

/// Cells of a look: across, down, and channels (brightness and two of colour). A cell is small enough for what is worth a question.
pub const CELLS: [usize; 3] = [32, 18, 3];
/// Cells to each side that count as beside: what moves this far between two looks has not come and gone.
const BESIDE: usize = 2;
/// Levels of 255 outside the range: above all noise of compression, below nearly everything that appears.
const LEAST: u32 = 16;
/// So many cells have to be outside: one may be a spark of noise.
const PLACES: usize = 2;
/// Pictures nearer to the one before are not looked at: a quarter of a second holds two.
pub const EVERY: Timestamp = Timestamp::from_millis(95);
/// What may be found at once, and one more after so many looks of the plan. In a restless film everything comes and goes; the fewer
/// are left, the more of the picture has to change.
const MOST: u32 = 32;
const ONE_MORE: u32 = 16;

/// A picture between two looks.
#[derive(Debug, Clone)]
struct Between {
    pts: Timestamp,
    levels: Vec<u8>,
}

/// Finds what no look of the plan will show, in pictures that come in presentation order.
#[derive(Debug, Clone)]
pub struct BriefFinder {
    before: Option<Vec<u8>>,
    between: Vec<Between>,
    last: Option<Timestamp>,
    left: u32,
    looks: u32,
}

impl Default for BriefFinder {
    fn default() -> Self {
        Self { before: None, between: Vec::new(), last: None, left: MOST, looks: 0 }
    }
}

impl BriefFinder {
    /// Whether a picture is to be looked at: every one of the plan, and of the others some.
    pub fn wants(&mut self, pts: Timestamp, is_planned: bool) -> bool {
        let is_due = self.last.is_none_or(|last| if is_planned { pts > last } else { pts - last >= EVERY });
        if is_due {
            self.last = Some(pts);
        }
        is_due
    }

    /// Takes a picture that was wanted ([`CELLS`] levels, channel by channel, row by row); at a look of the plan, tells what came and
    /// went since the one before: from the first picture that has it to the first that does not.
    pub fn see(&mut self, pts: Timestamp, levels: Vec<u8>, is_planned: bool) -> Vec<Span> {
        if levels.len() != CELLS.iter().product::<usize>() {
            return Vec::new();
        }
        if !is_planned {
            if self.before.is_some() {
                self.between.push(Between { pts, levels });
            }
            return Vec::new();
        }
        self.looks += 1;
        if self.looks.is_multiple_of(ONE_MORE) {
            self.left = MOST.min(self.left + 1);
        }
        let between = std::mem::take(&mut self.between);
        let found = self.before.as_ref().map(|before| found(&between, &Range::of(before, &levels), pts));
        self.before = Some(levels);
        found.into_iter().flatten().filter_map(|(span, strength)| self.afford(strength).then_some(span)).collect()
    }

    fn afford(&mut self, strength: u32) -> bool {
        let is_enough = strength * self.left >= LEAST * MOST;
        self.left -= u32::from(is_enough);
        is_enough
    }
}

/// Every run of pictures that show what neither look does, and by how many levels. The next look, at `end`, does not.
fn found(between: &[Between], range: &Range, end: Timestamp) -> Vec<(Span, u32)> {
    let (mut all, mut run) = (Vec::new(), None);
    for picture in between {
        let strength = range.outside(&picture.levels);
        if strength >= LEAST {
            let (_, most) = run.get_or_insert((picture.pts, strength));
            *most = strength.max(*most);
        } else if let Some((start, most)) = run.take() {
            all.push((Span { start, end: picture.pts }, most));
        }
    }
    all.extend(run.map(|(start, most)| (Span { start, end }, most)));
    all
}

/// The levels that two looks show in and beside each cell.
struct Range {
    low: Vec<u8>,
    high: Vec<u8>,
}

impl Range {
    fn of(one: &[u8], two: &[u8]) -> Self {
        let both = |pick: fn(u8, u8) -> u8| one.iter().zip(two).map(|(a, b)| pick(*a, *b)).collect::<Vec<_>>();
        Self { low: widened(&both(u8::min), u8::min), high: widened(&both(u8::max), u8::max) }
    }

    /// By how many levels the picture is outside, in the cell that is so for the [`PLACES`]-th most.
    fn outside(&self, levels: &[u8]) -> u32 {
        let mut most = [0; PLACES];
        for ((level, low), high) in levels.iter().zip(&self.low).zip(&self.high) {
            let by = low.saturating_sub(*level).max(level.saturating_sub(*high));
            if let Some(least) = most.iter_mut().min().filter(|least| by > **least) {
                *least = by;
            }
        }
        u32::from(most.into_iter().min().unwrap_or_default())
    }
}

/// Of every cell and those beside it the least, or the greatest.
fn widened(levels: &[u8], pick: fn(u8, u8) -> u8) -> Vec<u8> {
    let [across, down, _] = CELLS;
    let along = |levels: &[u8], stride: usize, length: usize| {
        let cell = |i: usize| {
            let at = i / stride % length;
            let (from, to) = (at.saturating_sub(BESIDE), (at + BESIDE).min(length - 1));
            let beside = (from..=to).filter_map(|j| levels.get(i + j * stride - at * stride).copied());
            beside.reduce(pick).unwrap_or_default()
        };
        (0..levels.len()).map(cell).collect::<Vec<_>>()
    };
    along(&along(levels, 1, across), across, down)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// A grey picture with a square of another level; its left upper corner and side in cells.
    fn picture(ground: u8, square: Option<(usize, usize, usize, u8)>) -> Vec<u8> {
        let [across, down, channels] = CELLS;
        let cell = |i: usize| {
            let (x, y, channel) = (i % across, i / across % down, i / across / down);
            match square {
                Some((left, top, side, level))
                    if channel == 0 && (left..left + side).contains(&x) && (top..top + side).contains(&y) =>
                {
                    level
                }
                _ if channel == 0 => ground,
                _ => 128,
            }
        };
        (0..across * down * channels).map(cell).collect()
    }

    /// What is found in pictures a tenth of a second apart, of which every tenth is a look.
    fn find(pictures: impl IntoIterator<Item = Vec<u8>>) -> Vec<(f64, f64)> {
        let mut finder = BriefFinder::default();
        let mut found = Vec::new();
        for (i, levels) in (0_i64..).zip(pictures) {
            assert!(finder.wants(at(100 * i), i % 10 == 0));
            found.extend(finder.see(at(100 * i), levels, i % 10 == 0));
        }
        found.iter().map(|span| (span.start.seconds(), span.end.seconds())).collect()
    }

    fn film(of: impl Fn(i64) -> Vec<u8>) -> Vec<(f64, f64)> {
        find((0..41).map(of))
    }

    #[test]
    fn what_is_there_between_two_looks_and_in_none_is_found() {
        let square = |i: i64| picture(60, (13..=15).contains(&i).then_some((4, 4, 3, 200)));
        assert_eq!(film(square), [(1.3, 1.6)]);
        // A look shows it: no news.
        assert!(film(|i| picture(60, (18..=21).contains(&i).then_some((4, 4, 3, 200)))).is_empty());
        // Two in one interval; one that is there up to just before the next look.
        let two = |i: i64| picture(60, matches!(i, 12 | 16 | 17 | 18 | 19).then_some((4, 4, 3, 200)));
        assert_eq!(film(two), [(1.2, 1.3), (1.6, 2.0)]);
    }

    #[test]
    fn what_moves_brightens_cuts_or_flickers_in_one_cell_is_not() {
        assert!(film(|i| picture(60, Some((2 + i as usize / 4, 4, 3, 200)))).is_empty());
        assert!(film(|i| picture(60 + 4 * i as u8, None)).is_empty());
        assert!(film(|i| picture(if i < 15 { 60 } else { 200 }, None)).is_empty());
        assert!(film(|i| picture(60, (i == 15).then_some((4, 4, 1, 200)))).is_empty());
        assert!(film(|i| picture(60, (i == 15).then_some((4, 4, 3, 70)))).is_empty());
    }

    #[test]
    fn a_restless_film_is_given_up_and_what_stands_out_is_still_found() {
        let restless = |i: i64| picture(60, (i % 10 == 5).then_some((4, 4, 3, 60 + 30)));
        let found = find((0..4_000).map(restless));
        assert!((MOST as usize / 4..MOST as usize * 2).contains(&found.len()), "{}", found.len());
        let bright = |i: i64| if i == 3_995 { picture(60, Some((4, 4, 3, 255))) } else { restless(i) };
        let with_more = find((0..4_001).map(bright));
        assert_eq!(with_more.last(), Some(&(399.5, 399.6)));
    }

    #[test]
    fn pictures_that_are_near_each_other_are_passed_over_unless_the_plan_has_them() {
        let mut finder = BriefFinder::default();
        assert!(finder.wants(at(0), true) && !finder.wants(at(40), false) && finder.wants(at(50), true));
        assert!(!finder.wants(at(50), true) && !finder.wants(at(140), false) && finder.wants(at(145), false));
    }

    proptest! {
        #[test]
        fn what_is_found_was_seen_and_lies_between_two_looks(
            levels in proptest::collection::vec(proptest::collection::vec(0_u8..=255, 12), 0..60), every in 1_usize..12,
        ) {
            let mut finder = BriefFinder::default();
            let mut last = at(0);
            for (i, few) in (0_usize..).zip(&levels) {
                let picture = few.iter().copied().cycle().take(CELLS.iter().product()).collect();
                let (pts, is_planned) = (at(100 * i as i64), i % every == 0);
                for span in finder.see(pts, picture, is_planned) {
                    prop_assert!(is_planned && last < span.start && span.start < span.end && span.end <= pts);
                }
                if is_planned {
                    last = pts;
                }
            }
        }
    }
}
