//! What a question's video looks like to the model: which segments, under which stamps, at which size, at what cost.

use timeline::resize::Size;
use timeline::time::stamp;
use timeline::{Span, Timestamp, VideoId};

use crate::error::{Error, Result};
use crate::index::{Pair, Status};
use crate::selection;
use crate::worker::Shared;

/// What is shown of a video, in order.
pub(crate) struct Showing {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) stamps: Vec<String>,
    /// Tokens of each.
    pub(crate) costs: Vec<u32>,
    pub(crate) size: Size,
    pub(crate) duration: Timestamp,
    /// Segments there are, shown or not.
    pub(crate) all: usize,
    /// Tokens of everything in the prompt that is not a segment.
    pub(crate) fixed: u32,
}

impl Showing {
    /// Tokens of the whole prompt.
    pub(crate) fn tokens(&self) -> u32 {
        self.costs.iter().copied().fold(self.fixed, u32::saturating_add)
    }

    /// The segments, as they are compared with what was shown before.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.pairs.iter().map(|pair| pair.span).collect()
    }
}

impl Shared {
    /// Segments that were pending when a question's turn came, as the number that will then be encoded; frames that
    /// arrive later are for later questions.
    pub(crate) fn encoding_goal(&self, video: &VideoId) -> Result<usize> {
        self.registry
            .with(&self.library, video, |entry| entry.index.encoded().len() + entry.index.pending(usize::MAX).len())
    }

    /// Encodes the next few segments on the way to `goal`. Returns whether it is reached, or out of reach.
    pub(crate) fn encode_towards(&self, video: &VideoId, goal: usize) -> Result<bool> {
        let done = || self.registry.with_loaded(video, |entry| entry.index.encoded().len()).unwrap_or_default();
        Ok(done() >= goal || !self.encode_some(video)? || done() >= goal)
    }

    /// Chooses the segments to show: what is encoded, less stills if wished, thinned if the context is short.
    pub(crate) fn showing(&self, video: &VideoId, question: &str) -> Result<Showing> {
        let fixed = self.backend.question_tokens(question)?;
        let (pairs, size, duration) = self.registry.with(&self.library, video, |entry| {
            let index = &entry.index;
            let receiving = index.state() == timeline::VideoState::Receiving;
            let usable = |pair: &Pair| match index.status(pair.span) {
                Some(Status::Encoded(_)) => true,
                Some(Status::Failed) => false,
                // The only frame so far, shown for this question; its features are computed when they are needed.
                None => receiving && index.frame_count() == 1,
            };
            let pairs: Vec<_> = index.pairs().into_iter().filter(usable).collect();
            (pairs, index.size(), entry.duration)
        })?;
        let size = size?;
        let all = pairs.len();
        if all == 0 {
            return Err(Error::NoFrames(video.clone()));
        }
        let pairs = if self.temporal_compression { self.without_stills(video, pairs, size)? } else { pairs };
        let stamps: Vec<_> = pairs.iter().map(|pair| stamp(pair.span.start, pair.span.end)).collect();
        let costs: Vec<_> = stamps.iter().map(|stamp| self.backend.segment_tokens(stamp, size)).collect();
        let limit = selection::context(self.backend.info(), self.max_context_length, duration);
        let chosen = selection::fit(&costs, fixed, self.backend.room(), limit)?;
        if chosen.len() < pairs.len() {
            tracing::info!(%video, shown = chosen.len(), of = pairs.len(), limit, "the context is too short for every segment");
        }
        let (pairs, stamps, costs) = (pick(&pairs, &chosen), pick(&stamps, &chosen), pick(&costs, &chosen));
        Ok(Showing { pairs, stamps, costs, size, duration, all, fixed })
    }

    fn without_stills(&self, video: &VideoId, pairs: Vec<Pair>, size: Size) -> Result<Vec<Pair>> {
        let looks = pairs.iter().map(|pair| self.look(video, pair, size)).collect::<Result<Vec<_>>>()?;
        Ok(pick(&pairs, &selection::changing(&looks)))
    }
}

fn pick<T: Clone>(all: &[T], chosen: &[usize]) -> Vec<T> {
    chosen.iter().filter_map(|&i| all.get(i)).cloned().collect()
}
