//! One question, from the queue to the last event: wait for the index, show what is not yet shown, ask, write, keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use store::AnswerUpdate;
use timeline::events::Usage;
use timeline::resize::Size;
use timeline::time::stamp;
use timeline::video::TokenRecord;
use timeline::{AnswerEvent, Pin, Span, Timestamp, VideoId};
use tokio::sync::mpsc::UnboundedSender;

use crate::backend::{Conversation, Written};
use crate::error::{Error, Result};
use crate::index::{Pair, Status};
use crate::prefix::{Kept, Prefixes};
use crate::selection;
use crate::spans::SpanWatch;
use crate::worker::Shared;

/// Tokens shown between two looks at whether anybody still listens.
const STRIDE: u32 = 512;
/// How often a growing answer is made durable.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// A question in the queue.
pub(crate) struct Question {
    pub(crate) id: i64,
    pub(crate) video: VideoId,
    pub(crate) text: String,
    /// Tokens the answer may have.
    pub(crate) most: u32,
    pub(crate) asked: Instant,
    pub(crate) events: UnboundedSender<AnswerEvent>,
    /// Set when the listener is gone.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Question {
    fn tell(&self, event: AnswerEvent) {
        // A listener that went away has set `stop`, which is looked at where it matters.
        let _ = self.events.send(event);
    }

    /// Ends the stream with an error.
    pub(crate) fn fail(&self, shared: &Shared, error: &Error) {
        if !matches!(error, Error::Cancelled) {
            tracing::error!(video = %self.video, question = self.id, %error, "no answer");
        }
        let error = if shared.is_halting() { &Error::ShuttingDown } else { error };
        self.tell(AnswerEvent::Error { code: error.code().to_owned(), message: error.to_string() });
    }

    fn elapsed_ms(&self) -> u32 {
        u32::try_from(self.asked.elapsed().as_millis()).unwrap_or(u32::MAX)
    }
}

/// What is shown of a video, in order.
struct Showing {
    pairs: Vec<Pair>,
    stamps: Vec<String>,
    costs: Vec<u32>,
    size: Size,
    duration: Timestamp,
    /// Segments there are, shown or not.
    all: usize,
}

/// An answer as it grows.
#[derive(Default)]
struct Draft {
    text: String,
    tokens: Vec<TokenRecord>,
}

impl Shared {
    /// Answers a question; every way out ends its stream.
    pub(crate) fn answer(&self, question: &Question, prefixes: &mut Prefixes) {
        let result = self.try_answer(question, prefixes);
        match result {
            Ok(usage) => question.tell(AnswerEvent::Done { usage }),
            Err(error) => question.fail(self, &error),
        }
    }

    fn try_answer(&self, question: &Question, prefixes: &mut Prefixes) -> Result<Usage> {
        let stop = || self.is_halting() || question.stop.load(Ordering::Relaxed);
        question.tell(AnswerEvent::Reading { done: 0, total: 0 });
        self.catch_up(&question.video, &stop)?;
        let fixed = self.backend.question_tokens(&question.text)?;
        let showing = self.showing(&question.video, fixed)?;

        let (kept, kept_tokens) = self.show(question, &showing, fixed, prefixes, &stop)?;
        let fork = kept.conversation.fork();
        prefixes.put(&question.video, kept);
        let mut conversation = fork?;
        conversation.ask(&question.text, &stop)?;
        let prompt_tokens = conversation.tokens();
        question.tell(reading(prompt_tokens, prompt_tokens, kept_tokens));

        let mut usage = Usage { prompt_tokens, kept_tokens, ..Usage::default() };
        usage.shown_segments = u32::try_from(showing.pairs.len()).unwrap_or(u32::MAX);
        usage.all_segments = u32::try_from(showing.all).unwrap_or(u32::MAX);
        self.write(question, &showing, conversation.as_mut(), &mut usage, &stop)?;
        usage.total_ms = question.elapsed_ms();
        Ok(usage)
    }

    /// Encodes what was pending when the question's turn came; frames that arrive later are for later questions.
    fn catch_up(&self, video: &VideoId, stop: &dyn Fn() -> bool) -> Result<()> {
        let pending = self.registry.with(&self.library, video, |entry| entry.index.pending(usize::MAX).len())?;
        let done = || self.registry.with_loaded(video, |entry| entry.index.encoded().len()).unwrap_or_default();
        let goal = done() + pending;
        while done() < goal {
            if stop() {
                return Err(Error::Cancelled);
            }
            if !self.encode_some(video)? {
                break;
            }
        }
        Ok(())
    }

    /// Chooses the segments to show: what is encoded, less stills if wished, thinned if the context is short.
    fn showing(&self, video: &VideoId, fixed: u32) -> Result<Showing> {
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
        let chosen = selection::fit(&costs, fixed, limit)?;
        if chosen.len() < pairs.len() {
            tracing::info!(%video, shown = chosen.len(), of = pairs.len(), limit, "the context is too short for every segment");
        }
        Ok(Showing {
            pairs: pick(&pairs, &chosen),
            stamps: pick(&stamps, &chosen),
            costs: pick(&costs, &chosen),
            size,
            duration,
            all,
        })
    }

    fn without_stills(&self, video: &VideoId, pairs: Vec<Pair>, size: Size) -> Result<Vec<Pair>> {
        let looks = pairs.iter().map(|pair| self.look(video, pair, size)).collect::<Result<Vec<_>>>()?;
        Ok(pick(&pairs, &selection::changing(&looks)))
    }

    /// A conversation that has been shown everything, and how many of its tokens it had read before.
    fn show(
        &self,
        question: &Question,
        showing: &Showing,
        fixed: u32,
        prefixes: &mut Prefixes,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(Kept, u32)> {
        let wanted: Vec<Span> = showing.pairs.iter().map(|pair| pair.span).collect();
        let mut kept = prefixes.take(&question.video, &wanted, showing.size).unwrap_or_else(|| Kept {
            conversation: self.backend.conversation(),
            shown: Vec::new(),
            size: showing.size,
        });
        let kept_tokens = kept.conversation.tokens();
        let total = showing.costs.iter().copied().fold(fixed, u32::saturating_add);
        let mut next = kept.shown.len();
        while next < showing.pairs.len() {
            question.tell(reading(kept.conversation.tokens(), total, kept_tokens));
            let until = stride(&showing.costs, next);
            let shown = self.show_some(&question.video, showing, next..until, kept.conversation.as_mut(), stop);
            if let Err(error) = shown {
                // What was read is good for the next question.
                prefixes.put(&question.video, kept);
                return Err(error);
            }
            kept.shown.extend(wanted.get(next..until).unwrap_or_default());
            next = until;
        }
        Ok((kept, kept_tokens))
    }

    fn show_some(
        &self,
        video: &VideoId,
        showing: &Showing,
        range: std::ops::Range<usize>,
        conversation: &mut dyn Conversation,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<()> {
        let pairs = showing.pairs.iter().zip(&showing.stamps).skip(range.start).take(range.len());
        let segments = pairs
            .map(|(pair, stamp)| {
                if stop() {
                    return Err(Error::Cancelled);
                }
                self.shown(video, pair, stamp, showing.size)
            })
            .collect::<Result<Vec<_>>>()?;
        conversation.show(&segments, stop)
    }

    /// Writes the answer token by token, keeping it as it grows. What was written is kept however it ends.
    fn write(
        &self,
        question: &Question,
        showing: &Showing,
        conversation: &mut dyn Conversation,
        usage: &mut Usage,
        stop: &dyn Fn() -> bool,
    ) -> Result<()> {
        let mut draft = Draft::default();
        let mut watch = SpanWatch::new(showing.duration);
        let mut saved = Instant::now();
        let ended = loop {
            if stop() {
                break Err(Error::Cancelled);
            }
            if usage.answer_tokens >= question.most {
                break Ok(());
            }
            let piece = match conversation.write() {
                Ok(Written::Piece(piece)) => piece,
                Ok(Written::Waiting) => continue,
                Ok(Written::Over) => break Ok(()),
                Err(error) => break Err(error),
            };
            usage.answer_tokens += 1;
            if piece.text.is_empty() {
                continue;
            }
            if draft.text.is_empty() {
                usage.first_token_ms = question.elapsed_ms();
            }
            let pin = piece.looked.and_then(|weights| pin(&weights, &showing.pairs));
            draft.text.push_str(&piece.text);
            draft.tokens.push(TokenRecord { text: piece.text.clone(), pin });
            question.tell(AnswerEvent::Token { text: piece.text, pin });
            for span in watch.advance(&draft.text, false) {
                question.tell(AnswerEvent::Span(span));
            }
            if saved.elapsed() > SAVE_EVERY {
                self.keep(question, &draft, &watch, false)?;
                saved = Instant::now();
            }
        };
        for span in watch.advance(&draft.text, true) {
            question.tell(AnswerEvent::Span(span));
        }
        if let Some(counted) = conversation.counted() {
            usage.prompt_tokens = counted.prompt;
            usage.kept_tokens = counted.kept;
            usage.answer_tokens = counted.answer;
        }
        self.keep(question, &draft, &watch, ended.is_ok())?;
        ended
    }

    fn keep(&self, question: &Question, draft: &Draft, watch: &SpanWatch, complete: bool) -> Result<()> {
        let update = AnswerUpdate { answer: &draft.text, spans: watch.told(), tokens: &draft.tokens, complete };
        match self.library.save_answer(question.id, update) {
            // Deleted while it was being answered: the listener still gets the rest.
            Err(store::Error::UnknownQuestion(_)) => Ok(()),
            other => Ok(other?),
        }
    }
}

fn pick<T: Clone>(all: &[T], chosen: &[usize]) -> Vec<T> {
    chosen.iter().filter_map(|&i| all.get(i)).cloned().collect()
}

/// Where a stride that begins at `from` ends: at least one segment, then up to [`STRIDE`] tokens.
fn stride(costs: &[u32], from: usize) -> usize {
    let mut sum = 0;
    let more = costs.iter().skip(from).take_while(|cost| {
        let fits = sum == 0 || sum + **cost <= STRIDE;
        sum += **cost;
        fits
    });
    from + more.count()
}

fn reading(read: u32, total: u32, kept: u32) -> AnswerEvent {
    let total = total.saturating_sub(kept);
    AnswerEvent::Reading { done: read.saturating_sub(kept).min(total), total }
}

/// The mean and standard deviation of where the model looked, over the middles of the segments shown.
fn pin(weights: &[f32], pairs: &[Pair]) -> Option<Pin> {
    let moments = || weights.iter().zip(pairs).map(|(w, pair)| (f64::from(*w), middle(pair.span)));
    let total: f64 = moments().map(|(w, _)| w).sum();
    if !(total.is_finite() && total > 0.0) {
        return None;
    }
    let mean = moments().map(|(w, t)| w * t).sum::<f64>() / total;
    let variance = moments().map(|(w, t)| w * (t - mean).powi(2)).sum::<f64>() / total;
    Some(Pin { at: Timestamp::from_seconds(mean), spread: Timestamp::from_seconds(variance.max(0.0).sqrt()) })
}

fn middle(span: Span) -> f64 {
    span.start.midpoint(span.end).seconds()
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::BlobId;

    #[test]
    fn a_pin_is_the_mean_and_spread_of_the_look() {
        let pair =
            |s: f64| Pair { span: Span::at(Timestamp::from_seconds(s)), blobs: [BlobId::of(b""), BlobId::of(b"")] };
        let pairs = [pair(1.0), pair(3.0), pair(5.0)];
        let found = pin(&[0.25, 0.5, 0.25], &pairs).unwrap();
        assert_eq!(found.at, Timestamp::from_seconds(3.0));
        assert_eq!(found.spread, Timestamp::from_seconds(2.0_f64.sqrt()));
        assert_eq!(pin(&[0.0, 0.0, 0.0], &pairs), None);
        assert_eq!(pin(&[f32::NAN], &pairs), None);
    }

    #[test]
    fn strides_cover_everything_and_never_stand_still() {
        assert_eq!(stride(&[100; 20], 0), 5);
        assert_eq!(stride(&[100; 20], 18), 20);
        assert_eq!(stride(&[9_000; 3], 1), 2);
    }
}
