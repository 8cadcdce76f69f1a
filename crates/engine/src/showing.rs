//! What a question's video looks like to the model: which segments, under which stamps, at which size, at what cost.

use std::sync::Arc;

use qwen3_vl::Window;
use timeline::resize::Size;
use timeline::time::stamp;
use timeline::{Coarse, Cue, Span, Timestamp, VideoId};

use crate::captions;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::index::{Index, Pair, Status};
use crate::prefix::{Root, Step};
use crate::question::Question;
use crate::view::View;
use crate::worker::Shared;
use crate::{pruning, selection};

/// A segment as it is to be shown.
pub(crate) struct Part {
    pub(crate) pair: Pair,
    pub(crate) stamp: Arc<str>,
    /// What is said from here to the next segment shown.
    pub(crate) caption: Arc<str>,
    /// Which of its tokens are shown; `None`: all.
    pub(crate) kept: Option<Vec<u32>>,
    /// Tokens of all of that.
    pub(crate) cost: u32,
}

/// What is shown of a video, in order.
pub(crate) struct Showing {
    pub(crate) parts: Vec<Part>,
    pub(crate) size: Size,
    /// How its times are told to the model.
    pub(crate) clock: Clock,
    /// Where all of it has positions.
    pub(crate) window: Window,
    pub(crate) duration: Timestamp,
    /// Segments there are, shown or not.
    pub(crate) all: usize,
    /// Tokens of everything in the prompt that is not a segment.
    pub(crate) fixed: u32,
    /// How coarsely the end is seen, when not all frames are here.
    pub(crate) coarse: Option<Coarse>,
    /// Where the question led, because not everything fits.
    pub(crate) leads: Vec<Span>,
    /// Whether how far it is read is nobody's concern.
    pub(crate) is_quiet: bool,
}

/// What a question waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// So many segments: those that were there when its turn came.
    Segments(usize),
    /// The overview, and whatever of the plan has been encoded by then. If the plan is complete by then, all of it.
    Overview,
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

    /// Tokens of the whole prompt, those that were pruned included: they have their positions.
    fn places(&self) -> u32 {
        let each = self.size.tokens();
        let pruned = |part: &Part| part.kept.as_ref().map_or(0, |kept| each.saturating_sub(count(kept.len())));
        self.parts.iter().map(pruned).fold(self.tokens(), u32::saturating_add)
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
        let step = |part: &Part| {
            let (stamp, caption) = (Arc::clone(&part.stamp), Arc::clone(&part.caption));
            Step { span: part.pair.span, stamp, caption }
        };
        self.parts.iter().map(step).collect()
    }
}

/// What there is to look at of a video.
#[derive(Clone)]
struct Seen {
    /// In time order.
    pairs: Vec<Pair>,
    size: Size,
    duration: Timestamp,
    coarse: Option<Coarse>,
    /// First frames of shots, ascending.
    cuts: Vec<Timestamp>,
    /// Segments there are, shown or not.
    all: usize,
    /// What is kept first when not everything fits.
    near: Vec<Span>,
    /// Of a part of the video: how far behind a segment what is said belongs to it.
    gap: Option<Timestamp>,
}

impl Shared {
    /// What a question whose turn has come waits for; frames that arrive later are for later questions.
    pub(crate) fn encoding_goal(&self, video: &VideoId) -> Result<Goal> {
        self.registry.with(&self.library, video, |entry| match &entry.index {
            index if index.overview().is_empty() => {
                Goal::Segments(index.encoded().len() + index.pending(usize::MAX).len())
            }
            _ => Goal::Overview,
        })
    }

    /// Encodes the next few segments on the way to a goal. Returns whether it is reached, or out of reach.
    pub(crate) fn encode_towards(&self, video: &VideoId, goal: Goal) -> Result<bool> {
        let reached = |index: &Index| match goal {
            Goal::Segments(count) => index.encoded().len() >= count,
            Goal::Overview if index.is_finished() => index.pending(1).is_empty(),
            Goal::Overview => index.overview_pending() == 0,
        };
        let done = || self.registry.with_loaded(video, |entry| reached(&entry.index)).unwrap_or_default();
        Ok(done() || !self.encode_some(video)? || done())
    }

    /// Chooses the segments to show: what is encoded, less stills if wished, thinned if the context is short; and the
    /// subtitles between them.
    pub(crate) fn showing(&self, question: &Question, view: &View) -> Result<Showing> {
        let mut seen = self.seen(&question.video)?;
        let step = |two: &[Pair]| two.first().zip(two.get(1)).map(|(one, next)| next.span.start - one.span.start);
        seen.gap = (*view != View::Whole).then(|| step(&seen.pairs).unwrap_or(seen.duration));
        seen.pairs = self.viewed(&question.video, seen.pairs, view)?;
        seen.near = question.said.iter().copied().chain(view.moments().iter().copied().map(Span::at)).collect();
        let limit = selection::context(self.backend.as_ref(), self.max_context_length, seen.duration);
        let showing = self.within(question, seen.clone(), limit)?;
        // Nobody asked for more than the model has of itself: it stays as it is, and long thoughts are cut short.
        if self.max_context_length.is_none_or(|tokens| tokens <= self.backend.info().max_context) {
            return Ok(showing);
        }
        let segments = count(showing.parts.len());
        match self.backend.window(showing.places(), segments, showing.size) {
            Some(window) => Ok(Showing { window, ..showing }),
            // Mostly words: they take a position each, so that the tokens of no prompt of this length can be too many.
            None => {
                let window = Window::Extended;
                Ok(Showing { window, ..self.within(question, seen, limit.min(self.backend.widest_context().0))? })
            }
        }
    }

    fn within(&self, question: &Question, seen: Seen, limit: u32) -> Result<Showing> {
        let video = &question.video;
        let fixed = self.backend.question_tokens(&question.text)?;
        let Seen { pairs, size, duration, coarse, cuts, all, near, gap } = seen;
        if pairs.is_empty() {
            return Err(Error::NoFrames(video.clone()));
        }
        let pairs = if self.temporal_compression { self.without_stills(video, pairs, size, &cuts)? } else { pairs };
        let costs: Vec<_> = pairs.iter().map(|pair| self.backend.segment_tokens(&pair_stamp(pair), size)).collect();
        let room = selection::room(fixed, self.backend.room(), limit);
        let segments = costs.iter().copied().map(u64::from).sum();
        let is_shown = |cue: &Cue| {
            // Subtitles of what lies between the stretches shown would all stand before the next segment.
            let behind = || pairs.iter().rev().map(|pair| pair.span.start).find(|start| *start <= cue.span.start);
            gap.is_none_or(|gap| behind().is_some_and(|start| cue.span.start - start <= gap))
        };
        let words = self.words(question, is_shown, duration, room, segments)?;
        // Where nobody said where to look and the whole does not fit, what looks or is called like what is asked for stays dense.
        let is_open = near.is_empty() && gap.is_none() && segments > room;
        let leads = if is_open { self.leads(video, &question.text)? } else { Vec::new() };
        let near: Vec<_> = near.into_iter().chain(leads.iter().copied()).collect();
        let near: Vec<_> = pairs.iter().map(|pair| captions::distance(pair.span, &near)).collect();
        let beside = fixed.saturating_add(words.tokens);
        let left = selection::room(beside, self.backend.room(), limit);
        let looks = self.pruned_looks(video, &pairs, size)?;
        let opening = opening(&pairs, &cuts);
        let prune = |chosen: &[usize]| Pruned::of(&looks, &costs, chosen, size);
        let mut guess = prune(&(0..pairs.len()).collect::<Vec<_>>()).costs;
        let mut tries = 0;
        let (chosen, Pruned { kept, costs }) = loop {
            let chosen = selection::fit(&guess, &near, &opening, beside, self.backend.room(), limit)?;
            let pruned = prune(&chosen);
            // What is shown less often changes more from one look to the next: fewer of them fit than it seemed.
            let (found, thought) = (total(&pruned.costs), total(&pick(&guess, &chosen)));
            if found <= left {
                break (chosen, pruned);
            }
            tries += 1;
            let grown = |(guess, full): (&u32, &u32)| match tries {
                ..4 => (u64::from(*guess) * found).div_ceil(thought.max(1)).min(u64::from(*full)) as u32,
                _ => *full,
            };
            guess = guess.iter().zip(&costs).map(grown).collect();
        };
        if chosen.len() < pairs.len() {
            tracing::info!(%video, shown = chosen.len(), of = pairs.len(), limit, "the context is too short for every segment");
        }
        let pairs = pick(&pairs, &chosen);
        let spans: Vec<_> = pairs.iter().map(|pair| pair.span).collect();
        let captions = words.between(&spans, duration);
        let clock = Clock::of(&spans, self.backend.beat(), duration);
        let stamps = spans.iter().enumerate().map(|(index, span)| clock.stamp(index, *span).into());
        let shown = pairs.into_iter().zip(stamps).zip(costs).zip(kept).zip(captions);
        let parts = shown.map(|((((pair, stamp), cost), kept), caption)| {
            let spoken = if caption.is_empty() { 0 } else { self.backend.caption_tokens(&caption) };
            Part { stamp, pair, caption, kept, cost: cost.saturating_add(spoken) }
        });
        Ok(Showing {
            parts: parts.collect(),
            size,
            clock,
            window: Window::Native,
            duration,
            all,
            fixed,
            coarse,
            leads,
            is_quiet: false,
        })
    }

    /// The segments of a video that can be shown, its length, and whether all frames are there.
    pub(crate) fn segments_of(&self, video: &VideoId) -> Result<(Vec<Span>, Timestamp, bool)> {
        let Seen { pairs, duration, coarse, .. } = self.seen(video)?;
        Ok((pairs.into_iter().map(|pair| pair.span).collect(), duration, coarse.is_none()))
    }

    /// What there is to look at.
    fn seen(&self, video: &VideoId) -> Result<Seen> {
        self.registry.with(&self.library, video, |entry| {
            let index = &entry.index;
            let usable = |pair: &Pair| match index.status(pair.span) {
                Some(Status::Encoded(_)) => true,
                Some(Status::Failed) => false,
                // The only frame so far, shown for this question; its features are computed when they are needed.
                None => index.is_lone(),
            };
            let mut pairs: Vec<_> = index.pairs().into_iter().filter(usable).collect();
            let overview: Vec<_> = index.overview().into_iter().filter(usable).collect();
            let looks: Vec<_> = overview.iter().map(|pair| pair.span.start).collect();
            let coarse = Coarse::of(index.seen().unwrap_or_default(), &looks, entry.duration);
            pairs.extend(overview);
            pairs.sort_by_key(|pair| (pair.span.start, pair.span.end));
            let cuts = entry.cuts.iter().copied().collect();
            let (size, duration, all, near) = (index.size()?, entry.duration, pairs.len(), Vec::new());
            Ok(Seen { pairs, size, duration, coarse, cuts, all, near, gap: None })
        })?
    }

    /// What segments look like, if tokens are to be pruned where a model of ours reads them.
    fn pruned_looks(&self, video: &VideoId, pairs: &[Pair], size: Size) -> Result<Vec<selection::Look>> {
        if !self.token_pruning || self.backend.encoder().is_none() {
            return Ok(Vec::new());
        }
        pairs.iter().map(|pair| self.look(video, pair, size)).collect()
    }

    fn without_stills(&self, video: &VideoId, pairs: Vec<Pair>, size: Size, cuts: &[Timestamp]) -> Result<Vec<Pair>> {
        let looks = pairs.iter().map(|pair| self.look(video, pair, size)).collect::<Result<Vec<_>>>()?;
        let starts: Vec<_> = pairs.iter().map(|pair| pair.span.start).collect();
        Ok(pick(&pairs, &selection::changing(&looks, &starts, &opening(&pairs, cuts))))
    }
}

/// Some segments with their tokens pruned: which stay, and what each costs.
struct Pruned {
    kept: Vec<Option<Vec<u32>>>,
    costs: Vec<u32>,
}

impl Pruned {
    /// looks: of all segments, or of none when nothing is pruned; costs: of all, with all tokens.
    fn of(looks: &[selection::Look], costs: &[u32], chosen: &[usize], size: Size) -> Self {
        let (looks, mut costs) = (pick(looks, chosen), pick(costs, chosen));
        let mut kept = pruning::kept(&looks, size);
        kept.resize(costs.len(), None);
        for (cost, kept) in costs.iter_mut().zip(&kept) {
            let pruned = kept.as_ref().map_or(0, |kept| size.tokens().saturating_sub(count(kept.len())));
            *cost = cost.saturating_sub(pruned);
        }
        Self { kept, costs }
    }
}

fn total(costs: &[u32]) -> u64 {
    costs.iter().copied().map(u64::from).sum()
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// Which segments are the first to show something of a shot.
fn opening(pairs: &[Pair], cuts: &[Timestamp]) -> Vec<bool> {
    let before = |at: Timestamp| cuts.partition_point(|cut| *cut <= at);
    let seen: Vec<_> = pairs.iter().map(|pair| before(pair.span.end)).collect();
    seen.iter().enumerate().map(|(i, shots)| i > 0 && seen.get(i - 1) != Some(shots)).collect()
}

fn pair_stamp(pair: &Pair) -> String {
    stamp(pair.span.start, pair.span.end)
}

fn pick<T: Clone>(all: &[T], chosen: &[usize]) -> Vec<T> {
    chosen.iter().filter_map(|&i| all.get(i)).cloned().collect()
}
