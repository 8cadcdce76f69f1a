//! Many questions at once on one model. Each is a state machine; the scheduler gives turns.
//!
//! ```text
//! Indexing ─▶ Queued ─▶ Reading (showing, then asking) ─▶ Writing ─▶ done
//!               ▲                                            │ once more (`course.rs`)
//!               └──────── Awaiting frames of a closer look ◀─┘
//! ```
//!
//! - **Writing** is one turn for all: their next tokens come from one batched step. While every one of them waits for
//!   somebody else and nothing else is to be done, the thread sleeps.
//! - **Reading** and indexing go on in strides bounded in time, the one whose last turn is longest ago first; who wants
//!   what another is just reading waits for it and goes on from there.
//! - `shares.rs` divides the time between those two and encoding in the background.
//! - **Queued** questions are admitted in the order asked, as long as memory for keys and values lasts.
//! - Whatever goes wrong in a turn (an error, a panic, a device out of memory) ends the one question it was for.

mod admission;
mod passes;

use std::time::{Duration, Instant};

use timeline::AnswerEvent;
use timeline::events::Usage;

use self::passes::Awaiting;

use crate::backend::{Conversation, Written};
use crate::course::Way;
use crate::error::{Error, Result};
use crate::pace::Pace;
use crate::prefix::NodeId;
use crate::question::Question;
use crate::queue::Wait;
use crate::reader::{Prefixes, Reader};
use crate::shares::{Lane, Shares};
use crate::showing::{Goal, Showing};
use crate::worker::{Shared, survive};
use crate::writer::Writer;

/// How often answers that come from elsewhere are looked at: a reader sees no difference, the processor no load.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How often questions that wait for frames are looked at when there is nothing else to do: whether anybody still listens.
const LOOK_UP: Duration = Duration::from_millis(200);

enum Stage {
    /// Segments of its video are still to be encoded; which of them is known once its first turn has come.
    Indexing(Option<Goal>),
    /// Waits until there is memory.
    Queued(Box<Showing>),
    /// The video is shown and the question read.
    Reading(Box<Reader>),
    /// The answer is written.
    Writing(Box<Writer>),
    /// Frames of a closer look are on their way.
    Awaiting(Awaiting),
}

/// A question under way.
struct Answering {
    question: Question,
    stage: Stage,
    /// How it goes on from pass to pass.
    way: Way,
    /// When its last turn of reading was, in turns.
    served: u64,
    /// The node its writer continues.
    node: Option<NodeId>,
    /// Questions ahead of it that it was told of.
    told_ahead: Option<u32>,
}

impl Answering {
    fn new(question: Question) -> Self {
        question.tell(AnswerEvent::Reading { done: 0, total: 0 });
        Self { question, stage: Stage::Indexing(None), way: Way::new(), served: 0, node: None, told_ahead: None }
    }

    fn reader(&self) -> Option<&Reader> {
        match &self.stage {
            Stage::Reading(reader) => Some(reader),
            _ => None,
        }
    }

    fn writer(&mut self) -> Option<(&Question, &mut Writer)> {
        match &mut self.stage {
            Stage::Writing(writer) => Some((&self.question, writer)),
            _ => None,
        }
    }

    fn is_admitted(&self) -> bool {
        matches!(self.stage, Stage::Reading(_) | Stage::Writing(_))
    }

    /// Memory that only this question takes.
    fn own_bytes(&self) -> u64 {
        match &self.stage {
            Stage::Reading(reader) => reader.own_bytes(),
            Stage::Writing(writer) => writer.conversation.own_bytes(),
            _ => 0,
        }
    }
}

/// Gives turns to the questions under way until the queue is closed.
pub(crate) struct Scheduler<'a> {
    shared: &'a Shared,
    tree: Prefixes,
    /// In the order asked.
    answers: Vec<Answering>,
    shares: Shares,
    pace: Pace,
    turn: u64,
}

impl<'a> Scheduler<'a> {
    pub(crate) fn new(shared: &'a Shared, tree: Prefixes) -> Self {
        Self { shared, tree, answers: Vec::new(), shares: Shares::default(), pace: Pace::default(), turn: 0 }
    }

    /// Works until the queue is closed and what was begun has ended.
    pub(crate) fn run(mut self) {
        // When answers that all waited are looked at again: until then there is nothing to write, whatever else there is.
        let mut look_again: Option<Instant> = None;
        loop {
            let rest = look_again.and_then(|at| at.checked_duration_since(Instant::now()));
            let news = self.shared.queue.news(match rest {
                _ if self.answers.is_empty() => Wait::ForNews,
                Some(rest) if self.next_reader().is_none() => Wait::AtMost(rest),
                _ if self.all_await_frames() => Wait::AtMost(LOOK_UP),
                _ => Wait::No,
            });
            news.frames.iter().for_each(|(question, frames)| self.frames_came(*question, *frames));
            self.end_waits();
            news.forget.iter().for_each(|video| self.tree.forget(video));
            self.answers.extend(news.questions.into_iter().map(Answering::new));
            self.end_those_stopped(news.closed);
            if news.closed && self.answers.is_empty() {
                return;
            }
            self.admit();
            let reading = self.next_reader();
            let writing = self.answers.iter().any(|a| matches!(a.stage, Stage::Writing(_)));
            let waiting = look_again.is_some_and(|at| Instant::now() < at);
            let lane = self.shares.next(|lane| match lane {
                Lane::Write => writing && !waiting,
                Lane::Read => reading.is_some(),
                Lane::Encode => news.encode && !news.closed,
            });
            let begun = Instant::now();
            match (lane, reading) {
                (Some(Lane::Write), _) => look_again = (!self.write()).then(|| Instant::now() + LOOK_AGAIN),
                (Some(Lane::Read), Some(index)) => self.read(index, writing),
                (Some(Lane::Encode), _) => {
                    let Self { shared, tree, .. } = &mut self;
                    shared.queue.next_video().iter().for_each(|video| shared.encode_next(video, || tree.shed() > 0));
                }
                _ => {}
            }
            if let Some(lane) = lane {
                self.shares.spend(lane, begun.elapsed());
            }
        }
    }

    /// Ends the questions nobody waits for, and, when the engine shuts down, those not begun.
    fn end_those_stopped(&mut self, closed: bool) {
        for index in (0..self.answers.len()).rev() {
            let Some(answering) = self.answers.get(index) else { continue };
            if answering.question.is_stopped(self.shared) {
                self.end(index, Error::Cancelled);
            } else if closed && !answering.is_admitted() {
                self.end(index, Error::ShuttingDown);
            }
        }
    }

    /// The question whose turn it is to get nearer to its first token: of those that need not wait for another, the one
    /// whose last turn is longest ago.
    fn next_reader(&self) -> Option<usize> {
        let ready = self.answers.iter().enumerate().filter(|(index, answering)| match &answering.stage {
            Stage::Indexing(_) => true,
            Stage::Reading(reader) => !self.awaits_another(*index, reader),
            Stage::Queued(_) | Stage::Writing(_) | Stage::Awaiting(_) => false,
        });
        ready.min_by_key(|(_, answering)| answering.served).map(|(index, _)| index)
    }

    /// Whether somebody who is further, or as far and asked earlier, is reading what this one needs next.
    fn awaits_another(&self, index: usize, reader: &Reader) -> bool {
        let others = self.answers.iter().enumerate().filter(|(other, _)| *other != index);
        let mut others = others.filter_map(|(other, answering)| Some((other, answering.reader()?)));
        others.any(|(other, ahead)| {
            let is_ahead = ahead.shown() > reader.shown() || ahead.shown() == reader.shown() && other < index;
            is_ahead && reader.awaits(ahead, self.boundary(other, ahead))
        })
    }

    fn boundary(&self, index: usize, reader: &Reader) -> usize {
        let others = self.answers.iter().enumerate().filter(|(other, _)| *other != index);
        reader.boundary(others.filter_map(|(_, answering)| answering.reader()))
    }

    /// One turn of reading.
    fn read(&mut self, index: usize, others_write: bool) {
        self.turn += 1;
        let boundary = self.answers.get(index).and_then(Answering::reader).map_or(0, |r| self.boundary(index, r));
        let stride = self.pace.stride(others_write || self.answers.len() > 1);
        let Self { shared, tree, answers, pace, turn, .. } = self;
        let Some(answering) = answers.get_mut(index) else { return };
        answering.served = *turn;
        let Answering { question, stage, way, .. } = answering;
        let done = survive("answering", || match stage {
            Stage::Indexing(goal) => {
                let goal = match goal {
                    Some(goal) => *goal,
                    None => *goal.insert(shared.encoding_goal(&question.video)?),
                };
                if shared.encode_towards(&question.video, goal)? {
                    let view = way.begin(shared, question)?;
                    let showing = passes::showing(shared, question, way, &view)?;
                    question.tell_coarse(shared, showing.coarse)?;
                    *stage = Stage::Queued(Box::new(showing));
                }
                Ok(false)
            }
            Stage::Reading(reader) => {
                reader.go_on_from_kept(tree)?;
                let (begun, before) = (Instant::now(), reader.own_tokens());
                let ready = reader.advance(shared, question, tree, boundary, stride)?;
                pace.note(reader.own_tokens().saturating_sub(before), begun.elapsed());
                Ok(ready)
            }
            Stage::Queued(_) | Stage::Writing(_) | Stage::Awaiting(_) => Ok(false),
        });
        match done {
            Ok(true) => self.begin_writing(index),
            Ok(false) => self.tree.make_room(self.answers.iter().map(Answering::own_bytes).sum()),
            // Something may go for its sake; then it is tried again.
            Err(error) if error.is_of_device() && self.tree.shed() > 0 => {}
            Err(error) => self.end(index, error),
        }
    }

    fn begin_writing(&mut self, index: usize) {
        let Some(answering) = self.answers.get_mut(index) else { return };
        let stage = std::mem::replace(&mut answering.stage, Stage::Indexing(None));
        let Stage::Reading(reader) = stage else { return answering.stage = stage };
        answering.node = reader.node();
        let (conversation, showing, kept_tokens) = reader.finish();
        let usage = Usage {
            prompt_tokens: conversation.tokens(),
            kept_tokens,
            shown_segments: u32::try_from(showing.parts.len()).unwrap_or(u32::MAX),
            all_segments: u32::try_from(showing.all).unwrap_or(u32::MAX),
            ..Usage::default()
        };
        let writer = Writer::new(conversation, &showing, answering.way.voice(), usage);
        answering.stage = Stage::Writing(Box::new(writer));
    }

    /// One token for every answer that is being written. Returns whether any of them is further now.
    fn write(&mut self) -> bool {
        let mut further = self.end_those_full();
        let (indices, pieces) = self.write_together();
        // From the last to the first: an answer that ends is taken out.
        for (index, piece) in indices.into_iter().zip(pieces).rev() {
            let piece = match piece {
                Err(error) if error.is_of_device() && self.tree.shed() > 0 => self.write_alone(index),
                other => other,
            };
            let Some((question, writer)) = self.answers.get_mut(index).and_then(Answering::writer) else { continue };
            further |= !matches!(piece, Ok(Written::Waiting));
            match piece {
                Ok(Written::Waiting) => {}
                Ok(Written::Piece(piece)) => {
                    if let Err(error) = writer.take(self.shared, question, piece) {
                        self.end(index, error);
                    }
                }
                Ok(Written::Over) => self.end_pass(index),
                Err(error) => self.end(index, error),
            }
        }
        further
    }

    /// Ends the answers that have as many tokens as they may. Returns whether there were any.
    fn end_those_full(&mut self) -> bool {
        let mut ended = false;
        for index in (0..self.answers.len()).rev() {
            let writing = self.answers.get_mut(index).and_then(Answering::writer);
            if writing.is_some_and(|(question, writer)| writer.is_full(question.manner.most)) {
                self.end_pass(index);
                ended = true;
            }
        }
        ended
    }

    fn write_together(&mut self) -> (Vec<usize>, Vec<Result<Written>>) {
        let writers = self.answers.iter_mut().enumerate();
        let writers = writers.filter_map(|(index, answering)| Some((index, answering.writer()?.1)));
        let (indices, mut conversations): (Vec<usize>, Vec<&mut dyn Conversation>) =
            writers.map(|(index, writer)| (index, writer.conversation.as_mut())).unzip();
        let together = survive("writing", || Ok(self.shared.backend.write(&mut conversations)));
        let pieces = match together {
            Ok(pieces) if pieces.len() == indices.len() => pieces,
            // A bug met by one of them: each for itself finds out which.
            _ => indices.iter().map(|&index| self.write_alone(index)).collect(),
        };
        (indices, pieces)
    }

    fn write_alone(&mut self, index: usize) -> Result<Written> {
        match self.answers.get_mut(index).and_then(Answering::writer) {
            Some((_, writer)) => survive("writing", || writer.conversation.write()),
            None => Ok(Written::Over),
        }
    }

    /// Ends a question before its time: keeps what is of use, tells how it ended, and lets its memory go. An answer that stands
    /// already is the answer.
    fn end(&mut self, index: usize, error: Error) {
        if index >= self.answers.len() {
            return;
        }
        let Answering { question, stage, mut way, mut node, .. } = self.answers.remove(index);
        let ended: Result<()> = Err(error);
        let ended = match stage {
            Stage::Writing(mut writer) => {
                let kept = writer.end(self.shared, &question, false);
                ended.and(kept.map(drop))
            }
            Stage::Reading(mut reader) => {
                // What was shown is good for the next question, unless it may be what went wrong.
                let stopped = matches!(ended, Err(Error::Cancelled));
                let kept = if stopped { reader.keep(&mut self.tree) } else { Ok(()) };
                node = reader.node();
                ended.and(kept)
            }
            _ => ended,
        };
        self.shared.wanted.forget(question.id);
        if let Err(error) = ended {
            match way.fail(self.shared, &question, &error) {
                Some(usage) => question.tell(AnswerEvent::Done { usage }),
                None => question.fail(self.shared, &error),
            }
        }
        if let Some(node) = node {
            self.tree.release(node);
        }
        self.tree.make_room(self.answers.iter().map(Answering::own_bytes).sum());
    }
}
