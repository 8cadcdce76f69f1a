//! Where one shot ends and the next begins: found from pictures at a glance, as they are decoded.
//!
//! A cut changes the whole picture between two frames, where motion and pans change it everywhere a little (the rule is
//! PySceneDetect's `AdaptiveDetector`: a change that stands out among its neighbours). Dissolves have no such frame and are
//! not found.
//!
//! A flash may be gone again before a plan looks: where the picture was interrupted is told as well ([`CutFinder::flashes`]), so
//! that a question about something brief knows where to look closer.

use std::collections::VecDeque;

use crate::time::{Span, Timestamp};

/// Levels of 255 by which a cell must change in the mean: above every pan, below most cuts.
const LEAST: f64 = 11.0;
/// How much more than its neighbours a change must be.
const RATIO: f64 = 3.0;
/// Neighbours on each side.
const NEIGHBOURS: usize = 2;
/// Pictures further apart are not compared, and those less than this but more than frames are must differ twice as much.
const APART: [Timestamp; 2] = [Timestamp::from_millis(200), Timestamp::from_millis(1_200)];
/// A picture that is back after this was interrupted, not left: a flash, a lost frame.
const INTERRUPTION: Timestamp = Timestamp::from_millis(500);

/// A picture seen, and how much it differs from the one before.
#[derive(Debug, Clone)]
struct Seen {
    pts: Timestamp,
    look: Vec<u8>,
    change: f64,
}

/// Finds cuts in pictures that come in presentation order.
#[derive(Debug, Clone, Default)]
pub struct CutFinder {
    /// The pictures around the one that is judged next.
    near: VecDeque<Seen>,
    /// What may be a cut, and the picture before it.
    held: Option<(Timestamp, Vec<u8>)>,
    /// Up to here an interruption reached, whose end is no cut either.
    back: Option<Timestamp>,
    /// Interruptions that were not asked for yet.
    flashes: Vec<Span>,
}

impl CutFinder {
    /// Takes a picture (levels of its cells, as many of every picture); gives the first frame of a shot when one is certain.
    ///
    /// Pictures that are not later than the last are passed over.
    pub fn see(&mut self, pts: Timestamp, look: Vec<u8>) -> Option<Timestamp> {
        if self.near.back().is_some_and(|last| last.pts >= pts) {
            return None;
        }
        let is_back =
            |(cut, before): &mut (Timestamp, Vec<u8>)| pts - *cut <= INTERRUPTION && difference(before, &look) < LEAST;
        if let Some((cut, _)) = self.held.take_if(is_back) {
            self.back = Some(pts);
            self.flashes.push(Span { start: cut, end: pts });
        }
        let certain = self.held.take_if(|(cut, _)| pts - *cut > INTERRUPTION).map(|(cut, _)| cut);
        let change = self.near.back().map_or(0.0, |last| match pts - last.pts {
            gap if gap > APART[1] => 0.0,
            gap if gap > APART[0] => difference(&last.look, &look) / 2.0,
            _ => difference(&last.look, &look),
        });
        self.near.push_back(Seen { pts, look, change });
        self.judge(NEIGHBOURS);
        if self.near.len() > 2 * NEIGHBOURS + 1 {
            self.near.pop_front();
        }
        certain
    }

    /// Interruptions found since the last call: from the first picture that is another to the first that is as before.
    pub fn flashes(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.flashes)
    }

    /// No more pictures come: what was still in doubt.
    pub fn finish(&mut self) -> Option<Timestamp> {
        for behind in (0..NEIGHBOURS).rev() {
            self.judge(behind);
        }
        self.near.clear();
        self.held.take().map(|(cut, _)| cut)
    }

    /// Judges the picture that has so many others behind it.
    fn judge(&mut self, behind: usize) {
        let Some(at) = self.near.len().checked_sub(behind + 1) else { return };
        let (Some(before), Some(seen)) = (at.checked_sub(1).and_then(|i| self.near.get(i)), self.near.get(at)) else {
            return;
        };
        if self.back.is_some_and(|back| seen.pts <= back) {
            return;
        }
        // A flash is there and gone again: two changes that must not hide each other, nor a cut beside them.
        let others = self.near.iter().enumerate().filter(|(i, _)| *i != at && i.abs_diff(at) <= NEIGHBOURS);
        let calm = others.map(|(_, other)| other.change).filter(|change| *change < LEAST);
        let (sum, count) = calm.fold((0.0, 0.0), |(sum, count), change| (sum + change, count + 1.0));
        let stands_out = seen.change >= RATIO * sum / f64::max(count, 1.0);
        if seen.change >= LEAST && stands_out && count > 0.0 && self.held.is_none() {
            self.held = Some((seen.pts, before.look.clone()));
        }
    }
}

/// Mean difference of two looks in levels.
fn difference(one: &[u8], two: &[u8]) -> f64 {
    let sum: u32 = one.iter().zip(two).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    f64::from(sum) / one.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cuts of a film of 25 frames a second whose pictures are all of one level each.
    fn cuts(levels: &[u8]) -> Vec<i64> {
        let mut finder = CutFinder::default();
        let at = |frame: usize| Timestamp::from_millis(40 * frame as i64);
        let mut found: Vec<_> =
            levels.iter().enumerate().filter_map(|(i, level)| finder.see(at(i), vec![*level; 144])).collect();
        found.extend(finder.finish());
        found.into_iter().map(|cut| cut.micros() / 40_000).collect()
    }

    fn shots(shots: &[(u8, usize)]) -> Vec<u8> {
        shots.iter().flat_map(|(level, frames)| std::iter::repeat_n(*level, *frames)).collect()
    }

    #[test]
    fn the_first_frame_of_a_shot_is_a_cut() {
        assert_eq!(cuts(&shots(&[(40, 30), (120, 30), (60, 30)])), [30, 60]);
        // At the very end nothing comes that could take it back.
        assert_eq!(cuts(&shots(&[(40, 30), (120, 1)])), [30]);
        assert_eq!(cuts(&shots(&[(40, 30)])), [0_i64; 0]);
        assert_eq!(cuts(&[]), [0_i64; 0]);
    }

    #[test]
    fn a_flash_and_a_lost_frame_are_no_cuts() {
        assert_eq!(cuts(&shots(&[(40, 30), (250, 1), (40, 30)])), [0_i64; 0]);
        assert_eq!(cuts(&shots(&[(40, 30), (250, 6), (40, 30)])), [0_i64; 0]);
        // What stays for most of a second is a shot.
        assert_eq!(cuts(&shots(&[(40, 30), (250, 20), (40, 30)])), [30, 50]);
    }

    #[test]
    fn a_flash_between_two_looks_of_a_plan_is_told_where_it_was() {
        let mut finder = CutFinder::default();
        let flash = shots(&[(40, 30), (250, 6), (40, 30), (120, 30)]);
        let cuts = flash.iter().enumerate();
        let cuts = cuts.filter_map(|(i, level)| finder.see(Timestamp::from_millis(40 * i as i64), vec![*level; 144]));
        assert_eq!(cuts.collect::<Vec<_>>(), [Timestamp::from_millis(2_640)]);
        let found = Span { start: Timestamp::from_millis(1_200), end: Timestamp::from_millis(1_440) };
        assert_eq!((finder.flashes(), finder.flashes()), (vec![found], Vec::new()));
    }

    #[test]
    fn fast_motion_is_no_cut_and_a_cut_in_motion_is_one() {
        let pan = |frames: usize| (0..frames).map(|i| (i * 9 % 256) as u8).collect::<Vec<_>>();
        assert_eq!(cuts(&pan(28)), [0_i64; 0]);
        let mut film: Vec<u8> = (0..20).map(|i| 40 + i * 2).collect();
        film.extend((0..20).map(|i| 160 + i * 2));
        assert_eq!(cuts(&film), [20]);
    }

    #[test]
    fn pictures_that_come_again_are_passed_over() {
        let mut finder = CutFinder::default();
        let mut see = |ms: i64, level: u8| finder.see(Timestamp::from_millis(ms), vec![level; 144]);
        for ms in 0..20 {
            assert_eq!(see(ms * 40, 10), None);
        }
        assert_eq!(see(400, 200), None);
        assert_eq!(see(800, 10), None);
        assert_eq!(finder.finish(), None);
    }

    proptest! {
        #[test]
        fn cuts_ascend_and_are_frames_that_were_seen(levels in proptest::collection::vec(0_u8..=255, 0..400)) {
            let found = cuts(&levels);
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(found.iter().all(|&frame| frame > 0 && (frame as usize) < levels.len()));
        }
    }
}
