//! The index of one video: which frames pair up to segments, and which of those are encoded. Pure bookkeeping.
//!
//! Pairs are always those of the frames sorted by time, (0,1), (2,3) …, whatever order they came in. A frame that
//! arrives late shifts the pairs behind it; those are encoded anew, the others are remembered by their two timestamps.

use std::collections::{BTreeMap, HashMap};

use store::{BlobId, SegmentKey};
use timeline::resize::{ResizeError, ResizeRule, Size};
use timeline::{Span, Timestamp, VideoState};

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

/// All segments of a video, encoded or to be.
#[derive(Debug)]
pub(crate) struct Index {
    rule: ResizeRule,
    source: Size,
    planned: u32,
    finished: bool,
    frames: BTreeMap<Timestamp, BlobId>,
    done: HashMap<Span, Status>,
}

impl Index {
    /// An empty index. source: the shown size of the video; planned: frames the plan will send.
    pub(crate) fn new(rule: ResizeRule, source: Size, planned: u32) -> Self {
        Self { rule, source, planned, finished: false, frames: BTreeMap::new(), done: HashMap::new() }
    }

    /// Takes note of frames.
    pub(crate) fn add(&mut self, frames: impl IntoIterator<Item = (Timestamp, BlobId)>) -> Arrival {
        let mut arrival = Arrival::InOrder;
        for (pts, blob) in frames {
            if self.frames.last_key_value().is_some_and(|(last, _)| *last > pts) {
                arrival = Arrival::Shifted;
            }
            self.frames.entry(pts).or_insert(blob);
        }
        arrival
    }

    /// Takes note that no more frames are planned. The number of frames decides their size under some rules: when it is
    /// not the one that was planned, everything encoded so far is void.
    pub(crate) fn finish(&mut self) {
        let before = self.size();
        self.finished = true;
        if before != self.size() {
            self.done.clear();
        }
    }

    /// Declares every pair encoded, as the library remembers it.
    pub(crate) fn assume_encoded(&mut self) {
        self.done = self.pairs().into_iter().map(|pair| (pair.span, Status::Encoded(None))).collect();
    }

    /// The size at which the model sees the frames.
    pub(crate) fn size(&self) -> Result<Size, ResizeError> {
        let frames = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        let count = if self.finished || self.planned == 0 { frames } else { self.planned.max(frames) };
        self.rule.target(self.source, count)
    }

    /// Pairs in time order. A last frame without partner is repeated once it is certain that none will come.
    pub(crate) fn pairs(&self) -> Vec<Pair> {
        let mut pairs = Vec::with_capacity(self.frames.len() / 2 + 1);
        let mut frames = self.frames.iter();
        while let Some(first) = frames.next() {
            let second = match frames.next() {
                Some(second) => second,
                // A single frame is something to look at even while others are awaited.
                None if self.finished || self.frames.len() == 1 => first,
                None => break,
            };
            let span = Span { start: *first.0, end: *second.0 };
            pairs.push(Pair { span, blobs: [first.1.clone(), second.1.clone()] });
        }
        pairs
    }

    /// The first pairs that are not encoded.
    pub(crate) fn pending(&self, limit: usize) -> Vec<Pair> {
        let alone = self.frames.len() == 1 && !self.finished;
        // The lone first frame is encoded for a question only: its partner is probably on the way.
        let pairs = if alone { Vec::new() } else { self.pairs() };
        pairs.into_iter().filter(|pair| !self.done.contains_key(&pair.span)).take(limit).collect()
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

    /// Timestamps of all frames, ascending.
    pub(crate) fn frames(&self) -> Vec<Timestamp> {
        self.frames.keys().copied().collect()
    }

    /// How many frames there are.
    pub(crate) fn frame_count(&self) -> usize {
        self.frames.len()
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

#[cfg(test)]
mod tests {
    use super::*;

    const HD: Size = Size { height: 360, width: 640 };

    fn index(planned: u32) -> Index {
        Index::new(ResizeRule::default(), HD, planned)
    }

    fn frames(seconds: &[i64]) -> Vec<(Timestamp, BlobId)> {
        seconds.iter().map(|s| (Timestamp::from_millis(s * 1000), BlobId::of(&s.to_le_bytes()))).collect()
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
}
