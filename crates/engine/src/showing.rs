//! What a question's video looks like to the model: which segments, under which stamps, at which size, at what cost.

use std::sync::Arc;

use qwen3_vl::Window;
use timeline::resize::Size;
use timeline::time::stamp;
use timeline::{Span, Timestamp, VideoId};

use crate::captions;
use crate::error::{Error, Result};
use crate::index::{Pair, Status};
use crate::prefix::{Root, Step};
use crate::question::Question;
use crate::selection;
use crate::worker::Shared;

/// A segment as it is to be shown.
pub(crate) struct Part {
    pub(crate) pair: Pair,
    pub(crate) stamp: String,
    /// What is said from here to the next segment shown.
    pub(crate) caption: Arc<str>,
    /// Tokens of all of that.
    pub(crate) cost: u32,
}

/// What is shown of a video, in order.
pub(crate) struct Showing {
    pub(crate) parts: Vec<Part>,
    pub(crate) size: Size,
    /// Where all of it has positions.
    pub(crate) window: Window,
    pub(crate) duration: Timestamp,
    /// Segments there are, shown or not.
    pub(crate) all: usize,
    /// Tokens of everything in the prompt that is not a segment.
    pub(crate) fixed: u32,
}

impl Showing {
    /// Tokens of each segment.
    pub(crate) fn costs(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().map(|part| part.cost)
    }

    /// Tokens of the whole prompt.
    pub(crate) fn tokens(&self) -> u32 {
        self.costs().fold(self.fixed, u32::saturating_add)
    }

    /// Where it belongs among what was shown.
    pub(crate) fn root(&self, video: &VideoId) -> Root {
        Root { video: video.clone(), size: self.size, window: self.window }
    }

    /// The segments.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.parts.iter().map(|part| part.pair.span).collect()
    }

    /// The segments, as they are compared with what was shown before.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.parts.iter().map(|part| Step { span: part.pair.span, caption: Arc::clone(&part.caption) }).collect()
    }
}

/// The segments that can be shown, their size, and how long the video is.
type Encoded = (Vec<Pair>, Size, Timestamp);

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

    /// Chooses the segments to show: what is encoded, less stills if wished, thinned if the context is short; and the
    /// subtitles between them.
    pub(crate) fn showing(&self, question: &Question) -> Result<Showing> {
        let encoded = self.encoded(&question.video)?;
        let limit = selection::context(self.backend.as_ref(), self.max_context_length, encoded.2);
        let showing = self.within(question, encoded.clone(), limit)?;
        let segments = u32::try_from(showing.parts.len()).unwrap_or(u32::MAX);
        match self.backend.window(showing.tokens(), segments, showing.size) {
            Some(window) => Ok(Showing { window, ..showing }),
            // Mostly words: they take a position each, so that the tokens of no prompt of this length can be too many.
            None => {
                let window = Window::Extended;
                Ok(Showing { window, ..self.within(question, encoded, limit.min(self.backend.widest_context().0))? })
            }
        }
    }

    fn within(&self, question: &Question, encoded: Encoded, limit: u32) -> Result<Showing> {
        let video = &question.video;
        let fixed = self.backend.question_tokens(&question.text)?;
        let (pairs, size, duration) = encoded;
        let all = pairs.len();
        if all == 0 {
            return Err(Error::NoFrames(video.clone()));
        }
        let pairs = if self.temporal_compression { self.without_stills(video, pairs, size)? } else { pairs };
        let costs: Vec<_> = pairs.iter().map(|pair| self.backend.segment_tokens(&pair_stamp(pair), size)).collect();
        let room = selection::room(fixed, self.backend.room(), limit);
        let segments = costs.iter().copied().map(u64::from).sum();
        let words = self.words(question, duration, room, segments)?;
        let near: Vec<_> = pairs.iter().map(|pair| captions::distance(pair.span, &question.said)).collect();
        let beside = fixed.saturating_add(words.tokens);
        let chosen = selection::fit(&costs, &near, beside, self.backend.room(), limit)?;
        if chosen.len() < pairs.len() {
            tracing::info!(%video, shown = chosen.len(), of = pairs.len(), limit, "the context is too short for every segment");
        }
        let (pairs, costs) = (pick(&pairs, &chosen), pick(&costs, &chosen));
        let spans: Vec<_> = pairs.iter().map(|pair| pair.span).collect();
        let captions = words.between(&spans, duration);
        let parts = pairs.into_iter().zip(costs).zip(captions).map(|((pair, cost), caption)| {
            let spoken = if caption.is_empty() { 0 } else { self.backend.caption_tokens(&caption) };
            Part { stamp: pair_stamp(&pair), pair, caption, cost: cost.saturating_add(spoken) }
        });
        Ok(Showing { parts: parts.collect(), size, window: Window::Native, duration, all, fixed })
    }

    /// The segments that can be shown, their size, and how long the video is.
    fn encoded(&self, video: &VideoId) -> Result<Encoded> {
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
        Ok((pairs, size?, duration))
    }

    fn without_stills(&self, video: &VideoId, pairs: Vec<Pair>, size: Size) -> Result<Vec<Pair>> {
        let looks = pairs.iter().map(|pair| self.look(video, pair, size)).collect::<Result<Vec<_>>>()?;
        Ok(pick(&pairs, &selection::changing(&looks)))
    }
}

fn pair_stamp(pair: &Pair) -> String {
    stamp(pair.span.start, pair.span.end)
}

fn pick<T: Clone>(all: &[T], chosen: &[usize]) -> Vec<T> {
    chosen.iter().filter_map(|&i| all.get(i)).cloned().collect()
}
