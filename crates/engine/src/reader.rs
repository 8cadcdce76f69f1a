//! A question on its way to its first token: shows what is not yet shown of the video, then reads the question, one
//! stride at a time. What it has shown becomes nodes of the prefix tree, for itself and for whoever asks next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use timeline::AnswerEvent;

use crate::backend::{Conversation, Shown};
use crate::error::{Error, Result};
use crate::prefix::{NodeId, PrefixTree, Root, Step};
use crate::question::Question;
use crate::showing::Showing;
use crate::worker::Shared;

/// Tokens of one node: a branch begins at the end of a node, and what an answer reads lies in so many pieces of memory.
const NODE_TOKENS: u32 = 1_024;

/// The tree of the conversations in use.
pub(crate) type Prefixes = PrefixTree<Box<dyn Conversation>>;

/// How far one turn goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stride {
    /// Tokens, if so many fit into the time; at least one segment.
    pub(crate) tokens: u32,
    /// Time after which no further segment is fetched.
    pub(crate) time: Duration,
}

/// A question that has been admitted and cannot be answered yet.
pub(crate) struct Reader {
    pub(crate) showing: Showing,
    steps: Vec<Step>,
    root: Root,
    /// The node the conversation continues, pinned while this reader lasts.
    node: Option<NodeId>,
    /// Segments shown up to that node.
    kept: usize,
    /// Segments shown.
    shown: usize,
    conversation: Box<dyn Conversation>,
    /// Tokens this question has not found but read.
    read: u32,
    /// Tokens found when it began.
    found: u32,
    asked: bool,
}

impl Reader {
    /// Begins with the longest kept beginning of the video.
    pub(crate) fn begin(shared: &Shared, question: &Question, showing: Showing, tree: &mut Prefixes) -> Result<Self> {
        let root = showing.root(&question.video);
        let conversation = shared.backend.conversation(showing.window);
        let steps = showing.steps();
        let (node, kept, shown, read, found, asked) = (None, 0, 0, 0, 0, false);
        let mut reader = Self { showing, steps, root, node, kept, shown, conversation, read, found, asked };
        reader.go_on_from_kept(tree)?;
        reader.found = reader.conversation.tokens();
        reader.tell_progress(question);
        Ok(reader)
    }

    /// The node this reader stands on.
    pub(crate) fn node(&self) -> Option<NodeId> {
        self.node
    }

    /// Memory that only this question takes.
    pub(crate) fn own_bytes(&self) -> u64 {
        self.conversation.own_bytes()
    }

    /// Whether everything was shown.
    pub(crate) fn is_shown(&self) -> bool {
        self.shown >= self.steps.len()
    }

    /// Segments it has in common, from the beginning, with what `root` and `steps` say is to be shown.
    pub(crate) fn in_common(&self, root: &Root, steps: &[Step]) -> usize {
        if self.root != *root {
            return 0;
        }
        self.steps.iter().zip(steps).take_while(|(a, b)| a == b).count()
    }

    /// Tokens from a segment on to the end of the prompt.
    pub(crate) fn tokens_from(&self, segment: usize) -> u32 {
        self.showing.costs().skip(segment).fold(self.showing.fixed, u32::saturating_add)
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// The segments to show.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Tokens this question has read itself.
    pub(crate) fn own_tokens(&self) -> u32 {
        self.read
    }

    /// Segments shown.
    pub(crate) fn shown(&self) -> usize {
        self.shown
    }

    /// How many segments will be shown when this reader makes its next node: as many as make a node, and no more than it
    /// has in common with somebody who can then go on from there.
    pub(crate) fn boundary<'a>(&self, others: impl Iterator<Item = &'a Self>) -> usize {
        let mut tokens = 0_u32;
        let costs = self.showing.costs().skip(self.kept);
        let full = costs.take_while(|cost| {
            let fits = tokens == 0 || tokens.saturating_add(*cost) <= NODE_TOKENS;
            tokens = tokens.saturating_add(*cost);
            fits
        });
        let full = self.kept + full.count();
        let shared = others.map(|other| other.in_common(&self.root, &self.steps)).filter(|common| *common > self.shown);
        shared.fold(full.max(self.shown), usize::min)
    }

    /// Whether `ahead` is about to keep what this reader would have to show itself.
    pub(crate) fn awaits(&self, ahead: &Self, boundary: usize) -> bool {
        let common = ahead.in_common(&self.root, &self.steps);
        !self.is_shown() && !ahead.is_shown() && self.shown < boundary && boundary <= common
    }

    /// Goes on from what is kept by now, when that is further than this reader has come.
    pub(crate) fn go_on_from_kept(&mut self, tree: &mut Prefixes) -> Result<()> {
        let Some((node, shown)) = tree.find(&self.root, &self.steps) else { return Ok(()) };
        if shown <= self.shown {
            return Ok(());
        }
        self.stand_on(node, shown, tree)?;
        self.read = 0;
        Ok(())
    }

    /// Goes one stride further; true when the answer can be written.
    pub(crate) fn advance(
        &mut self,
        shared: &Shared,
        question: &Question,
        tree: &mut Prefixes,
        boundary: usize,
        stride: Stride,
    ) -> Result<bool> {
        let stop = || question.is_stopped(shared);
        let before = self.conversation.tokens();
        let mut ready = false;
        if !self.is_shown() {
            self.show(shared, question, boundary, stride)?;
        } else if self.asked {
            ready = self.conversation.read(stride.tokens, &stop)?;
        } else {
            self.conversation.ask(&self.showing.clock.asked(&question.text), &stop)?;
            self.asked = true;
            ready = self.conversation.read(stride.tokens, &stop)?;
        }
        self.read += self.conversation.tokens().saturating_sub(before);
        if self.shown == boundary && self.kept < boundary {
            self.keep(tree)?;
        }
        self.tell_progress(question);
        Ok(ready)
    }

    /// What this question has shown since its node is good for the next one.
    pub(crate) fn keep(&mut self, tree: &mut Prefixes) -> Result<()> {
        let edge = self.steps.get(self.kept..self.shown).unwrap_or_default();
        if edge.is_empty() || self.asked {
            return Ok(());
        }
        let (bytes, fork) = (self.conversation.own_bytes(), self.conversation.fork()?);
        let shown = std::mem::replace(&mut self.conversation, fork);
        let node = tree.grow(self.node, &self.root, edge, shown, bytes);
        self.stand_on(node, self.shown, tree)
    }

    /// The conversation that will write the answer, what it was shown, and tokens it found instead of reading them.
    pub(crate) fn finish(self) -> (Box<dyn Conversation>, Showing, u32) {
        let found = self.conversation.tokens().saturating_sub(self.read);
        (self.conversation, self.showing, found)
    }

    fn stand_on(&mut self, node: NodeId, shown: usize, tree: &mut Prefixes) -> Result<()> {
        let lost = || Error::Internal("a kept conversation is gone".to_owned());
        let fork = tree.conversation(node).ok_or_else(lost)?.fork()?;
        tree.pin(node);
        if let Some(left) = self.node.replace(node) {
            tree.release(left);
        }
        (self.conversation, self.kept, self.shown) = (fork, shown, shown);
        Ok(())
    }

    fn show(&mut self, shared: &Shared, question: &Question, boundary: usize, stride: Stride) -> Result<()> {
        if self.shown == self.kept {
            self.expect(boundary)?;
        }
        let begun = Instant::now();
        let (mut segments, mut tokens) = (Vec::new(), 0_u32);
        for part in self.showing.parts.iter().take(boundary).skip(self.shown) {
            tokens = tokens.saturating_add(part.cost);
            if !segments.is_empty() && (tokens > stride.tokens || begun.elapsed() > stride.time) {
                break;
            }
            if question.is_stopped(shared) {
                return Err(Error::Cancelled);
            }
            let memory = shared.memory(&question.video, &part.pair, self.showing.size)?;
            let span = part.pair.span;
            let memory = memory.pruned(part.kept.as_deref())?.shown_at(span.start.midpoint(span.end));
            segments.push(Shown { caption: Arc::clone(&part.caption), stamp: part.stamp.to_string(), memory });
        }
        self.conversation.show(&segments, &|| question.is_stopped(shared))?;
        self.shown += segments.len();
        Ok(())
    }

    /// Makes room for the next node at once.
    fn expect(&mut self, boundary: usize) -> Result<()> {
        let costs = self.showing.costs().take(boundary).skip(self.kept);
        // What stands before the first segment is part of the first node.
        let before = if self.kept == 0 { self.showing.fixed } else { 0 };
        self.conversation.expect(costs.fold(before, u32::saturating_add))
    }

    fn tell_progress(&self, question: &Question) {
        if self.showing.is_quiet {
            return;
        }
        let total = self.showing.tokens().saturating_sub(self.found);
        let done = self.conversation.tokens().saturating_sub(self.found);
        question.tell(AnswerEvent::Reading { done: done.min(total), total });
    }
}
