//! The index of one video: which frames pair up to segments, and which of those are encoded. Pure bookkeeping.
//!
//! Pairs are always those of the frames sorted by time, (0,1), (2,3) …, whatever order they came in. A frame that
//! arrives late shifts the pairs behind it; those are encoded anew, the others are remembered by their two timestamps.
//!
//! The overview (key frames of the whole video, sent first) never pairs with anything: each of its frames is a pair with itself
//! for as long as the plan has not been looked at so far, and gone when the plan is complete. What is left then is what would
//! have been there without an overview.
//!
//! A frame between those of the plan, of what came and went, is a pair with itself too, and stays.

use std::collections::{BTreeMap, HashMap};

use store::{BlobId, FrameRow, Role, SegmentKey};
use timeline::resize::{ResizeError, ResizeRule, Size};
use timeline::{Glimpse, Span, Timestamp, VideoState};

use crate::selection::Look;

/// Two frames the model sees as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    /// From the first frame to the second; both are the same at the end of an odd number.
    pub(crate) span: Span,
    /// Where the frames' bytes are.
    pub(crate) blobs: [BlobId; 2],
}

/// What is known of a pair whose pixels were seen since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Where its features are kept; none when none are computed.
    pub(crate) key: Option<SegmentKey>,
    /// What it looks like at a glance.
    pub(crate) look: Look,
}

/// What has become of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// Encoded, now or before a restart.
    Encoded(Option<Known>),
    /// Its frames cannot be read; it is left out.
    Failed,
}

/// What an arrival of frames did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Behind everything that was there.
    InOrder,
    /// Between or before: pairs may have shifted.
    Shifted,
}

/// A frame that is there.
#[derive(Debug, Clone)]
struct Frame {
    blob: BlobId,
    role: Role,
}

/// All segments of a video, encoded or to be.
#[derive(Debug)]
pub(crate) struct Index {
    rule: ResizeRule,
    source: Size,
    planned: u32,
    finished: bool,
    frames: BTreeMap<Timestamp, Frame>,
    /// The last frame that was sent for the plan: up to here the plan's frames are all there.
    reached: Option<Timestamp>,
    done: HashMap<Span, Status>,
}

impl Index {
    /// An empty index. source: the shown size of the video; planned: frames the plan will send.
    pub(crate) fn new(rule: ResizeRule, source: Size, planned: u32) -> Self {
        let (finished, frames, reached, done) = Default::default();
        Self { rule, source, planned, finished, frames, reached, done }
    }

    /// Takes note of frames.
    pub(crate) fn add(&mut self, frames: impl IntoIterator<Item = FrameRow>) -> Arrival {
        let mut arrival = Arrival::InOrder;
        for FrameRow { pts, blob, role, .. } in frames {
            let passed = |reached: Timestamp| reached > pts;
            if matches!(role, Role::Plan | Role::Both) && self.reached.is_some_and(passed) {
                arrival = Arrival::Shifted;
            }
            let frame = self.frames.entry(pts).or_insert(Frame { blob, role });
            if role == Role::Plan {
                frame.role = role;
                self.reached = self.reached.max(Some(pts));
            }
        }
        arrival
    }

    /// Takes note that no more frames are planned; the overview has served. The number of frames decides their size under
    /// some rules: when it is not the one that was planned, everything encoded so far is void.
    pub(crate) fn finish(&mut self) {
        let before = self.size();
        self.finished = true;
        self.frames.retain(|_, frame| frame.role != Role::Overview);
        self.reached = self.frames.last_key_value().map(|(pts, _)| *pts);
        if before != self.size() {
            self.done.clear();
        }
    }

    /// Whether all frames are here.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Declares every pair encoded, as the library remembers it.
    pub(crate) fn assume_encoded(&mut self) {
        self.done = self.pairs().into_iter().map(|pair| (pair.span, Status::Encoded(None))).collect();
    }

    /// The size at which the model sees the frames.
    pub(crate) fn size(&self) -> Result<Size, ResizeError> {
        let frames = u32::try_from(self.of_plan().count()).unwrap_or(u32::MAX);
        let count = if self.finished || self.planned == 0 { frames } else { self.planned.max(frames) };
        self.rule.target(self.source, count)
    }

    /// Frames of the plan without a gap: those of the overview count where the plan wants them and has come that far.
    fn of_plan(&self) -> impl Iterator<Item = (&Timestamp, &Frame)> {
        let there = |pts: &Timestamp| self.reached.is_some_and(|reached| *pts <= reached);
        let planned = |(_, frame): &(&Timestamp, &Frame)| matches!(frame.role, Role::Plan | Role::Both);
        self.frames.iter().take_while(move |(pts, _)| there(pts)).filter(planned)
    }

    /// Whether there is one frame and nothing else: something to look at even while others are awaited.
    pub(crate) fn is_lone(&self) -> bool {
        !self.finished && self.reached.is_some() && self.frames.len() == 1
    }

    /// Whether there is nothing to look at.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Pairs in time order, those of frames between the plan's among them.
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        let mut pairs = self.pairs_of_plan();
        let between = self.frames.iter().filter(|(_, frame)| frame.role == Role::Between);
        let before = pairs.len();
        pairs.extend(between.map(alone));
        if pairs.len() > before {
            pairs.sort_by_key(|pair| pair.span.start);
        }
        pairs
    }

    /// Pairs in time order. A last frame without partner is repeated once it is certain that none will come.
    fn pairs_of_plan(&self) -> Vec<Pair> {
        let mut pairs = Vec::with_capacity(self.frames.len() / 2 + 1);
        let mut frames = self.of_plan();
        while let Some(first) = frames.next() {
            let second = match frames.next() {
                Some(second) => second,
                None if self.finished || self.is_lone() => first,
                None => break,
            };
            let span = Span { start: *first.0, end: *second.0 };
            pairs.push(Pair { span, blobs: [first.1.blob.clone(), second.1.blob.clone()] });
        }
        pairs
    }

    /// The moment up to which the pairs of the plan were looked at, without a gap.
    pub(crate) fn seen(&self) -> Option<Timestamp> {
        let seen = self.pairs_of_plan().into_iter().take_while(|pair| self.done.contains_key(&pair.span)).last();
        seen.map(|pair| pair.span.end)
    }

    /// Frames that show what was not looked at yet, each a pair with itself, as the last frame of an odd number is: the
    /// overview until its place is taken.
    pub(crate) fn overview(&self) -> Vec<Pair> {
        if self.finished || !self.frames.values().any(is_of_overview) {
            return Vec::new();
        }
        let seen = self.seen();
        let ahead = |(pts, frame): &(&Timestamp, &Frame)| is_of_overview(frame) && seen.is_none_or(|seen| **pts > seen);
        self.frames.iter().filter(ahead).map(alone).collect()
    }

    /// Pairs of the overview that are not encoded.
    pub(crate) fn overview_pending(&self) -> usize {
        self.overview().iter().filter(|pair| !self.done.contains_key(&pair.span)).count()
    }

    /// The first pairs that are not encoded. The overview comes first: it is small, and can be asked about.
    pub(crate) fn pending(&self, limit: usize) -> Vec<Pair> {
        // The lone first frame is encoded for a question only: its partner is probably on the way.
        let pairs = if self.is_lone() { Vec::new() } else { self.pairs() };
        let all = self.overview().into_iter().chain(pairs);
        all.filter(|pair| !self.done.contains_key(&pair.span)).take(limit).collect()
    }

    /// Notes what became of a pair.
    pub(crate) fn mark(&mut self, span: Span, status: Status) {
        self.done.insert(span, status);
    }

    /// What became of a pair.
    pub(crate) fn status(&self, span: Span) -> Option<Status> {
        self.done.get(&span).cloned()
    }

    /// Segments encoded, in time order.
    pub(crate) fn encoded(&self) -> Vec<Span> {
        let spans = self.pairs().into_iter().map(|pair| pair.span);
        spans.filter(|span| matches!(self.done.get(span), Some(Status::Encoded(_)))).collect()
    }

    /// The last frame of the plan that is not later than an instant.
    pub(crate) fn shown_at(&self, at: Timestamp) -> Option<(Timestamp, &BlobId)> {
        let before = self.frames.range(..=at).rev().find(|(_, frame)| frame.role != Role::Overview);
        before.map(|(pts, frame)| (*pts, &frame.blob))
    }

    /// Whether a frame lies in a stretch, its end left out; those of the overview go.
    pub(crate) fn shows(&self, stretch: Span) -> bool {
        self.frames.range(stretch.start..stretch.end).any(|(_, frame)| frame.role != Role::Overview)
    }

    /// Timestamps of the plan's frames without a gap, ascending.
    pub(crate) fn frames(&self) -> Vec<Timestamp> {
        self.of_plan().map(|(pts, _)| *pts).collect()
    }

    /// Frames of the overview behind those of the plan, ascending.
    pub(crate) fn glimpses(&self) -> Vec<Glimpse> {
        let is_ahead = |pts: Timestamp| self.reached.is_none_or(|reached| pts > reached);
        let ahead = self.frames.iter().filter(|(pts, frame)| is_of_overview(frame) && is_ahead(**pts));
        ahead.map(|(pts, frame)| Glimpse { pts: *pts, planned: frame.role == Role::Both }).collect()
    }

    /// How far the video has come.
    pub(crate) fn state(&self) -> VideoState {
        match (self.finished, self.pending(1).is_empty()) {
            (false, _) => VideoState::Receiving,
            (true, false) => VideoState::Indexing,
            (true, true) => VideoState::Ready,
        }
    }
}

fn is_of_overview(frame: &Frame) -> bool {
    matches!(frame.role, Role::Overview | Role::Both)
}

/// A frame as a pair with itself.
fn alone((pts, frame): (&Timestamp, &Frame)) -> Pair {
    Pair { span: Span::at(*pts), blobs: [frame.blob.clone(), frame.blob.clone()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: Size = Size { height: 360, width: 640 };

    fn index(planned: u32) -> Index {
        Index::new(ResizeRule::default(), HD, planned)
    }

    fn rows(role: Role, seconds: &[i64]) -> Vec<FrameRow> {
        let row = |s: &i64| {
            let (pts, blob) = (Timestamp::from_millis(s * 1000), BlobId::of(&s.to_le_bytes()));
            FrameRow { pts, role, blob, width: 2, height: 2 }
        };
        seconds.iter().map(row).collect()
    }

    fn frames(seconds: &[i64]) -> Vec<FrameRow> {
        rows(Role::Plan, seconds)
    }

    fn mark(index: &mut Index, pairs: &[Pair]) {
        for pair in pairs {
            index.mark(pair.span, Status::Encoded(None));
        }
    }

    fn spans(pairs: &[Pair]) -> Vec<(f64, f64)> {
        pairs.iter().map(|p| (p.span.start.seconds(), p.span.end.seconds())).collect()
    }

    #[test]
    fn whatever_the_order_the_pairs_are_those_of_the_sorted_frames() {
        let mut index = index(5);
        assert_eq!(index.add(frames(&[2, 3])), Arrival::InOrder);
        for pair in index.pending(9) {
            index.mark(pair.span, Status::Encoded(None));
        }
        assert_eq!(index.add(frames(&[0, 4])), Arrival::Shifted);
        assert_eq!(spans(&index.pending(9)), [(0.0, 2.0), (3.0, 4.0)]);
        // The frame in between moves everything back into place: (2, 3) is remembered.
        assert_eq!(index.add(frames(&[1, 4])), Arrival::Shifted);
        assert_eq!(spans(&index.pending(9)), [(0.0, 1.0)]);
        assert_eq!(index.state(), VideoState::Receiving);
        index.finish();
        assert_eq!(spans(&index.pending(9)), [(0.0, 1.0), (4.0, 4.0)]);
        assert_eq!(index.state(), VideoState::Indexing);
        for pair in index.pending(9) {
            index.mark(pair.span, Status::Encoded(None));
        }
        assert_eq!((index.state(), index.encoded().len()), (VideoState::Ready, 3));
    }

    #[test]
    fn a_lone_frame_can_be_asked_about_but_waits_for_its_partner() {
        let mut index = index(4);
        index.add(frames(&[0]));
        assert_eq!((index.pairs().len(), index.pending(9).len()), (1, 0));
        index.add(frames(&[1]));
        assert_eq!(spans(&index.pending(9)), [(0.0, 1.0)]);
    }

    #[test]
    fn fewer_frames_than_planned_may_change_the_size_and_void_the_index() {
        let mut index = Index::new(ResizeRule::Hf { min_pixels: 4096, max_pixels: 2_000_000 }, HD, 400);
        index.add(frames(&[0, 1]));
        let planned = index.size();
        index.mark(index.pairs()[0].span, Status::Encoded(None));
        index.finish();
        assert_ne!(planned, index.size());
        assert_eq!(index.pending(9).len(), 1);
    }

    #[test]
    fn what_is_between_the_frames_of_the_plan_is_a_pair_by_itself_and_shifts_none() {
        let mut index = index(4);
        index.add(frames(&[0, 2, 4, 6]));
        let before = index.pairs();
        mark(&mut index, &before);
        assert_eq!(index.add(rows(Role::Between, &[3, 5])), Arrival::InOrder);
        assert_eq!(spans(&index.pairs()), [(0.0, 2.0), (3.0, 3.0), (4.0, 6.0), (5.0, 5.0)]);
        assert_eq!((index.pending(9).len(), index.frames().len(), index.seen()), (2, 4, Some(before[1].span.end)));
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        assert!(index.shows(Span::new(at(5), at(6))) && !index.shows(Span::new(at(1), at(2))));
        assert!(index.overview().is_empty() && index.glimpses().is_empty());
        index.finish();
        assert_eq!((index.pairs().len(), index.frames().len()), (4, 4));
    }

    #[test]
    fn the_overview_stands_in_for_what_was_not_looked_at_and_pairs_with_nothing() {
        let mut index = index(9);
        assert_eq!(index.add(rows(Role::Both, &[0, 4, 8])), Arrival::InOrder);
        assert_eq!(index.add(rows(Role::Overview, &[6])), Arrival::InOrder);
        assert_eq!((index.pairs().len(), index.frames().len(), index.glimpses().len()), (0, 0, 4));
        assert_eq!(spans(&index.pending(9)), [(0.0, 0.0), (4.0, 4.0), (6.0, 6.0), (8.0, 8.0)]);
        let overview = index.overview();
        mark(&mut index, &overview);
        // The plan comes in: 0, 4 and 8 are there already.
        assert_eq!(index.add(frames(&[1, 2, 3])), Arrival::InOrder);
        assert_eq!(spans(&index.pending(9)), [(0.0, 1.0), (2.0, 3.0)]);
        assert_eq!(spans(&index.overview()), [(0.0, 0.0), (4.0, 4.0), (6.0, 6.0), (8.0, 8.0)]);
        let first = index.pending(1);
        mark(&mut index, &first);
        assert_eq!((index.seen(), spans(&index.overview()).len()), (Some(Timestamp::from_millis(1000)), 3));
        assert_eq!(index.add(frames(&[5, 7])), Arrival::InOrder);
        assert_eq!(index.frames().len(), 7);
        assert_eq!(spans(&index.pairs()), [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)]);
        let glimpses: Vec<_> = index.glimpses().iter().map(|g| (g.pts.seconds(), g.planned)).collect();
        assert_eq!(glimpses, [(8.0, true)]);
        index.finish();
        assert_eq!(spans(&index.pairs()), [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0), (7.0, 8.0)]);
        assert!(index.overview().is_empty() && index.glimpses().is_empty());
    }
}
