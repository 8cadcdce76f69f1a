//! Encoded frames on their way to the page: in presentation order, in batches, never more than three unacknowledged.

use js_sys::{Array, ArrayBuffer};
use timeline::Timestamp;

use super::{now, post};
use crate::protocol::{BATCH_BYTES, BATCH_FRAMES, BATCH_MS, Reply, UNDER_WAY};

/// How far one wanted frame has come.
enum Stage {
    Wanted,
    Encoding,
    Ready(ArrayBuffer),
    Posted,
    /// The decoder ended without it.
    Lost,
}

struct Slot {
    pts: Timestamp,
    sample: u32,
    stage: Stage,
}

/// All wanted frames, ascending by time.
pub(super) struct Outbox {
    slots: Vec<Slot>,
    /// Everything before is posted or lost.
    next: usize,
    /// Skipped because the server has them.
    skipped: u32,
    seq: u32,
    acknowledged: u32,
    last_post: f64,
    started: f64,
    end: Timestamp,
}

impl Outbox {
    /// For frames `(time, sample)` of a video that ends at `end`.
    pub(super) fn new(wanted: impl IntoIterator<Item = (Timestamp, u32)>, skipped: u32, end: Timestamp) -> Self {
        let slots = wanted.into_iter().map(|(pts, sample)| Slot { pts, sample, stage: Stage::Wanted }).collect();
        let started = now();
        Self { slots, next: 0, skipped, seq: 0, acknowledged: 0, last_post: started, started, end }
    }

    /// Samples still wanted from the decoder.
    pub(super) fn wanted(&self) -> Vec<u32> {
        self.slots.iter().filter(|s| matches!(s.stage, Stage::Wanted)).map(|s| s.sample).collect()
    }

    /// All samples with their places.
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, usize)> + '_ {
        self.slots.iter().enumerate().map(|(place, slot)| (slot.sample, place))
    }

    /// Whether the frame at a place is still wanted; if so it counts as being encoded from now on.
    pub(super) fn claim(&mut self, place: usize) -> bool {
        match self.slots.get_mut(place) {
            Some(slot) if matches!(slot.stage, Stage::Wanted) => {
                slot.stage = Stage::Encoding;
                true
            }
            _ => false,
        }
    }

    /// The frame at a place is encoded.
    pub(super) fn put(&mut self, place: usize, bytes: ArrayBuffer) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.stage = Stage::Ready(bytes);
        }
        self.post_batches(false);
    }

    /// A batch is durable.
    pub(super) fn acknowledge(&mut self, seq: u32) {
        self.acknowledged = self.acknowledged.max(seq.saturating_add(1));
        self.post_batches(false);
    }

    /// No decoder will give the samples for which this holds.
    pub(super) fn give_up(&mut self, lost: impl Fn(u32) -> bool) {
        for slot in self.slots.iter_mut().filter(|s| matches!(s.stage, Stage::Wanted) && lost(s.sample)) {
            slot.stage = Stage::Lost;
        }
    }

    /// Posts what is ready; returns whether nothing is left to post.
    pub(super) fn post_rest(&mut self) -> bool {
        self.post_batches(true);
        self.next >= self.slots.len()
    }

    /// Whether decoding should wait for the page.
    pub(super) fn crowded(&self) -> bool {
        self.under_way() >= UNDER_WAY && self.ready().count() >= BATCH_FRAMES
    }

    fn under_way(&self) -> u32 {
        self.seq.saturating_sub(self.acknowledged)
    }

    /// Frames from `next` on without a gap, lost ones aside.
    fn ready(&self) -> impl Iterator<Item = &ArrayBuffer> {
        self.slots
            .iter()
            .skip(self.next)
            .map_while(|slot| match &slot.stage {
                Stage::Ready(bytes) => Some(Some(bytes)),
                Stage::Lost => Some(None),
                _ => None,
            })
            .flatten()
    }

    fn post_batches(&mut self, rest: bool) {
        loop {
            let (frames, bytes) =
                self.ready().take(BATCH_FRAMES).fold((0, 0), |(n, b), buffer| (n + 1, b + buffer.byte_length()));
            let due = frames >= BATCH_FRAMES || bytes >= BATCH_BYTES || rest || now() - self.last_post >= BATCH_MS;
            if frames == 0 || !due || self.under_way() >= UNDER_WAY {
                break;
            }
            self.post_batch();
        }
        // Lost frames at the very end leave nothing to post.
        while self.slots.get(self.next).is_some_and(|s| matches!(s.stage, Stage::Lost)) {
            self.next += 1;
        }
    }

    fn post_batch(&mut self) {
        let (mut pts, buffers, mut bytes) = (Vec::new(), Array::new(), 0);
        while let Some(slot) = self.slots.get_mut(self.next) {
            match std::mem::replace(&mut slot.stage, Stage::Posted) {
                Stage::Ready(buffer) if pts.len() < BATCH_FRAMES && (bytes < BATCH_BYTES || pts.is_empty()) => {
                    bytes += buffer.byte_length();
                    pts.push(slot.pts);
                    buffers.push(&buffer);
                }
                Stage::Lost => slot.stage = Stage::Lost,
                other => {
                    slot.stage = other;
                    break;
                }
            }
            self.next += 1;
        }
        post(&Reply::Batch { seq: self.seq, pts }, &buffers);
        self.seq += 1;
        self.last_post = now();
    }

    /// How far the run has come.
    pub(super) fn progress(&self) -> Reply {
        let finished = |s: &&Slot| matches!(s.stage, Stage::Ready(_) | Stage::Posted);
        let done = self.slots.iter().filter(finished).count();
        let open = self.slots.iter().find(|s| matches!(s.stage, Stage::Wanted | Stage::Encoding));
        let seconds = ((now() - self.started) / 1000.0).max(0.001);
        Reply::Progress {
            done: self.skipped.saturating_add(count(done)),
            total: self.total(),
            covered: open.map_or(self.end, |s| s.pts),
            fps: done as f64 / seconds,
        }
    }

    /// Frames of the plan, skipped ones included.
    pub(super) fn total(&self) -> u32 {
        self.skipped.saturating_add(count(self.slots.len()))
    }

    /// Frames the server will have in the end; `None` when frames were wanted and no decoder gave any.
    pub(super) fn delivered(&self) -> Option<u32> {
        let lost = self.slots.iter().filter(|s| matches!(s.stage, Stage::Lost)).count();
        (lost == 0 || lost < self.slots.len()).then(|| self.total().saturating_sub(count(lost)))
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
