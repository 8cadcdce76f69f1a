//! Whose turn it is on the model: writing answers, reading videos and questions, or encoding in the background.
//!
//! Weighted start-time fair queueing over measured time: the lane that has had the least goes next, so writing and reading get
//! equal shares whatever a step of each takes, and encoding that nobody waits for gets a third of a share. Between two
//! turns of writing there is never more than one of anything else.

use std::time::Duration;

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// One token for every answer that is being written.
    Write,
    /// One stride of a question's way to its first token.
    Read,
    /// Segments nobody has asked about yet.
    Encode,
}

const LANES: [Lane; 3] = [Lane::Write, Lane::Read, Lane::Encode];

impl Lane {
    /// What a moment of this lane costs.
    fn price(self) -> u32 {
        match self {
            Self::Write | Self::Read => 1,
            Self::Encode => 3,
        }
    }
}

/// What each lane has had so far.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    spent: [Duration; 3],
    /// The same before the last turn of each.
    before: [Duration; 3],
    /// Lanes that had work when the last turn was given.
    busy: [bool; 3],
    last: Option<Lane>,
}

impl Shares {
    /// The lane whose turn it is among those that have work.
    pub(crate) fn next(&mut self, has_work: impl Fn(Lane) -> bool) -> Option<Lane> {
        let ready = LANES.map(has_work);
        let floor = self.before.iter().zip(self.busy).zip(ready).filter(|((_, was), is)| *was && *is);
        let floor = floor.map(|((before, _), _)| *before).min().unwrap_or_default();
        for ((spent, was), is) in self.spent.iter_mut().zip(self.busy).zip(ready) {
            // A lane that had nothing to do has saved nothing up: it joins where the turn that is just over began.
            if is && !was {
                *spent = floor.max(*spent);
            }
        }
        self.busy = ready;
        let [write, ..] = ready;
        let turn = if write && self.last.is_some_and(|last| last != Lane::Write) {
            Some(Lane::Write)
        } else {
            let lanes = LANES.into_iter().zip(self.spent).zip(ready).filter(|(_, is)| *is);
            lanes.min_by_key(|((_, spent), _)| *spent).map(|((lane, _), _)| lane)
        };
        self.last = turn;
        turn
    }

    /// Notes what a turn took.
    pub(crate) fn spend(&mut self, lane: Lane, time: Duration) {
        let lanes = self.spent.iter_mut().zip(&mut self.before).zip(LANES);
        for ((spent, before), _) in lanes.filter(|(_, l)| *l == lane) {
            *before = *spent;
            *spent += time * lane.price();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `turns` turns to lanes whose turns take so many milliseconds (none: no work); returns the order.
    fn run(shares: &mut Shares, turns: usize, takes: [Option<u64>; 3]) -> Vec<Lane> {
        let takes = |lane| takes[LANES.iter().position(|l| *l == lane).unwrap()];
        let turn = |_| {
            let lane = shares.next(|lane| takes(lane).is_some()).unwrap();
            shares.spend(lane, Duration::from_millis(takes(lane).unwrap()));
            lane
        };
        (0..turns).map(turn).collect()
    }

    fn time(order: &[Lane], lane: Lane, each: u64) -> u64 {
        order.iter().filter(|l| **l == lane).count() as u64 * each
    }

    #[test]
    fn reading_and_writing_get_equal_time_and_encoding_a_third_of_it() {
        let order = run(&mut Shares::default(), 5000, [Some(10), Some(70), Some(30)]);
        let [write, read, encode] =
            [(Lane::Write, 10), (Lane::Read, 70), (Lane::Encode, 30)].map(|(l, t)| time(&order, l, t));
        assert!(write.abs_diff(read) < 200, "{write} and {read}");
        assert!((encode * 3).abs_diff(read) < 300, "{encode} and {read}");
    }

    #[test]
    fn a_long_step_of_writing_is_never_followed_by_two_strides() {
        let order = run(&mut Shares::default(), 1000, [Some(500), Some(10), Some(10)]);
        assert!(order.windows(2).all(|pair| pair.contains(&Lane::Write)));
        assert!(time(&order, Lane::Read, 1) > 200);
    }

    #[test]
    fn who_had_nothing_to_do_has_not_saved_up_turns() {
        let mut shares = Shares::default();
        run(&mut shares, 1000, [Some(10), None, None]);
        let order = run(&mut shares, 100, [Some(10), Some(10), None]);
        assert!((45..=55).contains(&time(&order, Lane::Read, 1)));
        assert_eq!(shares.next(|_| false), None);
    }

    #[test]
    fn who_comes_after_a_long_turn_of_another_goes_first_for_as_long() {
        let mut shares = Shares::default();
        run(&mut shares, 9, [None, None, Some(100)]);
        let order = run(&mut shares, 40, [Some(10), None, Some(100)]);
        assert!(order[..29].iter().all(|lane| *lane == Lane::Write), "{order:?}");
        assert!(order.contains(&Lane::Encode));
    }
}
