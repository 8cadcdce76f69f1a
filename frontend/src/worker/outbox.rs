//! Encoded frames on their way to the page: a few of the overview, the others of it, then the plan, each in presentation order, in
//! batches, never more than three unacknowledged.

use demux::Frame;
use js_sys::{Array, ArrayBuffer};
use timeline::{Glimpse, Span, Timestamp};

use super::plan::Plan;
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

/// When a frame is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Some frames of the overview: at once they stand over the whole timeline.
    First,
    /// The others of the overview.
    Overview,
    Plan,
}

/// One of so many frames of the overview comes first.
const FIRST: usize = 8;

struct Slot {
    turn: Turn,
    pts: Timestamp,
    sample: u32,
    stage: Stage,
    /// Set for frames of the overview.
    glimpse: Option<Glimpse>,
}

impl Slot {
    fn new(frame: &Frame, turn: Turn, glimpse: Option<Glimpse>) -> Self {
        Self { turn, pts: frame.pts, sample: frame.sample, stage: Stage::Wanted, glimpse }
    }

    fn is_wanted(&self) -> bool {
        matches!(self.stage, Stage::Wanted)
    }

    /// Whether the plan wants it.
    fn is_planned(&self) -> bool {
        self.glimpse.is_none_or(|glimpse| glimpse.planned)
    }
}

/// All wanted frames by turn, ascending by time in each.
pub(super) struct Outbox {
    slots: Vec<Slot>,
    /// Everything before is posted or lost.
    next: usize,
    /// Skipped because the server has them.
    skipped: u32,
    seq: u32,
    acknowledged: u32,
    /// First frames of shots, found and not posted.
    cuts: Vec<Timestamp>,
    /// Interruptions of the picture, found and not posted.
    flashes: Vec<Span>,
    last_post: f64,
    started: f64,
    end: Timestamp,
}

impl Outbox {
    /// For the frames of a plan over a video that ends at `end`.
    pub(super) fn new(plan: &Plan, end: Timestamp) -> Self {
        let last = plan.overview.len().saturating_sub(1);
        let turn = |i: usize| if i.is_multiple_of(FIRST) || i == last { Turn::First } else { Turn::Overview };
        let overview = plan.overview.iter().enumerate();
        let overview = overview.map(|(i, (frame, glimpse))| Slot::new(frame, turn(i), Some(*glimpse)));
        let frames = plan.frames.iter().map(|frame| Slot::new(frame, Turn::Plan, None));
        let mut slots: Vec<_> = overview.chain(frames).collect();
        slots.sort_by_key(|slot| (slot.turn, slot.pts));
        let (started, skipped) = (now(), plan.skipped);
        Self {
            slots,
            next: 0,
            skipped,
            seq: 0,
            acknowledged: 0,
            cuts: Vec::new(),
            flashes: Vec::new(),
            last_post: started,
            started,
            end,
        }
    }

    /// Samples of a turn.
    pub(super) fn of(&self, turn: Turn) -> Vec<u32> {
        self.slots.iter().filter(|s| s.turn == turn).map(|s| s.sample).collect()
    }

    /// The decoder has given of the overview what it gives: what is missing is the plan's, if it wants it.
    pub(super) fn end_overview(&mut self) {
        self.slots.retain(|slot| !slot.is_wanted() || slot.is_planned());
        for slot in self.slots.iter_mut().filter(|slot| slot.is_wanted()) {
            (slot.turn, slot.glimpse) = (Turn::Plan, None);
        }
        self.slots.sort_by_key(|slot| (slot.turn, slot.pts));
        self.started = now();
        self.post_batches(false);
    }

    /// Samples still wanted from the decoder.
    pub(super) fn wanted(&self) -> Vec<u32> {
        self.slots.iter().filter(|s| s.is_wanted()).map(|s| s.sample).collect()
    }

    /// All samples with their places.
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, usize)> + '_ {
        self.slots.iter().enumerate().map(|(place, slot)| (slot.sample, place))
    }

    /// Whether the frame at a place is still wanted; if so it counts as being encoded from now on.
    pub(super) fn claim(&mut self, place: usize) -> bool {
        match self.slots.get_mut(place) {
            Some(slot) if slot.is_wanted() => {
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

    /// Shots begin with these frames, and the picture was another for these moments.
    pub(super) fn cuts(&mut self, at: impl IntoIterator<Item = Timestamp>, flashes: Vec<Span>) {
        self.cuts.extend(at);
        self.flashes.extend(flashes);
    }

    fn post_cuts(&mut self) {
        for cuts in self.cuts.chunks(BATCH_FRAMES) {
            post(&Reply::Cuts { cuts: cuts.to_vec() }, &Array::new());
        }
        self.cuts.clear();
        for flashes in self.flashes.chunks(BATCH_FRAMES) {
            post(&Reply::Flashes { flashes: flashes.to_vec() }, &Array::new());
        }
        self.flashes.clear();
    }

    /// A batch is durable.
    pub(super) fn acknowledge(&mut self, seq: u32) {
        self.acknowledged = self.acknowledged.max(seq.saturating_add(1));
        self.post_batches(false);
    }

    /// No decoder will give the samples for which this holds.
    pub(super) fn give_up(&mut self, lost: impl Fn(u32) -> bool) {
        for slot in self.slots.iter_mut().filter(|s| s.is_wanted() && lost(s.sample)) {
            slot.stage = Stage::Lost;
        }
    }

    /// Posts what is ready; returns whether nothing is left to post.
    pub(super) fn post_rest(&mut self) -> bool {
        self.post_batches(true);
        self.post_cuts();
        self.next >= self.slots.len()
    }

    /// Whether decoding should wait for the page.
    pub(super) fn crowded(&self) -> bool {
        self.under_way() >= UNDER_WAY && self.ready().count() >= BATCH_FRAMES
    }

    fn under_way(&self) -> u32 {
        self.seq.saturating_sub(self.acknowledged)
    }

    /// Places from `next` on of one turn.
    fn turn(&self) -> impl Iterator<Item = &Slot> {
        let turn = self.slots.get(self.next).map(|slot| slot.turn);
        self.slots.iter().skip(self.next).take_while(move |slot| Some(slot.turn) == turn)
    }

    /// Frames of one turn from `next` on without a gap, lost ones aside.
    fn ready(&self) -> impl Iterator<Item = &ArrayBuffer> {
        self.turn()
            .map_while(|slot| match &slot.stage {
                Stage::Ready(bytes) => Some(Some(bytes)),
                Stage::Lost => Some(None),
                _ => None,
            })
            .flatten()
    }

    /// Whether the last of a turn of the overview is ready: nothing will join it.
    fn ends_overview(&self) -> bool {
        self.turn().all(|slot| slot.glimpse.is_some() && matches!(slot.stage, Stage::Ready(_) | Stage::Lost))
    }

    fn post_batches(&mut self, rest: bool) {
        loop {
            let (frames, bytes) =
                self.ready().take(BATCH_FRAMES).fold((0, 0), |(n, b), buffer| (n + 1, b + buffer.byte_length()));
            let late = now() - self.last_post >= BATCH_MS;
            let due = frames >= BATCH_FRAMES || bytes >= BATCH_BYTES || rest || late || self.ends_overview();
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
        self.post_cuts();
        let (mut pts, buffers, mut bytes) = (Vec::new(), Array::new(), 0);
        let Some(turn) = self.slots.get(self.next).map(|slot| slot.turn) else { return };
        let mut planned = Vec::new();
        while let Some(slot) = self.slots.get_mut(self.next).filter(|slot| slot.turn == turn) {
            match std::mem::replace(&mut slot.stage, Stage::Posted) {
                Stage::Ready(buffer) if pts.len() < BATCH_FRAMES && (bytes < BATCH_BYTES || pts.is_empty()) => {
                    bytes += buffer.byte_length();
                    pts.push(slot.pts);
                    planned.extend(slot.glimpse.filter(|glimpse| glimpse.planned).map(|glimpse| glimpse.pts));
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
        let seq = self.seq;
        let batch = if turn < Turn::Plan { Reply::Overview { seq, pts, planned } } else { Reply::Batch { seq, pts } };
        post(&batch, &buffers);
        self.seq += 1;
        self.last_post = now();
    }

    /// How far the run has come.
    pub(super) fn progress(&self) -> Reply {
        let finished = |s: &&Slot| matches!(s.stage, Stage::Ready(_) | Stage::Posted);
        let done = self.planned().filter(finished).count();
        let dense = self.slots.iter().filter(|s| s.glimpse.is_none());
        let open = dense.clone().find(|s| matches!(s.stage, Stage::Wanted | Stage::Encoding));
        let seconds = ((now() - self.started) / 1000.0).max(0.001);
        Reply::Progress {
            done: self.skipped.saturating_add(count(done)),
            total: self.total(),
            covered: open.map_or(self.end, |s| s.pts),
            fps: dense.filter(finished).count() as f64 / seconds,
        }
    }

    fn planned(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.is_planned())
    }

    /// Frames of the plan, skipped ones included.
    pub(super) fn total(&self) -> u32 {
        self.skipped.saturating_add(count(self.planned().count()))
    }

    /// Frames of the plan that the server will have in the end; `None` when frames were wanted and no decoder gave any.
    pub(super) fn delivered(&self) -> Option<u32> {
        let (lost, wanted) =
            (self.planned().filter(|s| matches!(s.stage, Stage::Lost)).count(), self.planned().count());
        (lost == 0 || lost < wanted).then(|| self.total().saturating_sub(count(lost)))
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
