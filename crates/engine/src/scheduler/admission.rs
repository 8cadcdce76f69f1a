//! Who is let in: questions in the order asked, as long as the memory for their keys and values lasts.

use timeline::AnswerEvent;

use super::{Answering, Scheduler, Stage};
use crate::prefix::{Root, Step};
use crate::reader::Reader;
use crate::selection::ANSWER_TOKENS;
use crate::worker::survive;

/// Answers that are read for or written at the same time.
const MOST_AT_ONCE: usize = 16;

impl Scheduler<'_> {
    /// Lets questions in that wait for memory, in the order asked.
    pub(super) fn admit(&mut self) {
        let mut admitted = self.answers.iter().filter(|a| a.is_admitted()).count();
        for index in 0..self.answers.len() {
            if !matches!(self.answers.get(index).map(|a| &a.stage), Some(Stage::Queued(_))) {
                continue;
            }
            if admitted > 0 && (admitted >= MOST_AT_ONCE || !self.fits(index)) {
                return self.tell_ahead(index);
            }
            let Some(answering) = self.answers.get_mut(index) else { return };
            let Stage::Queued(showing) = std::mem::replace(&mut answering.stage, Stage::Indexing(None)) else { return };
            let begin = || Reader::begin(self.shared, &answering.question, *showing, &mut self.tree);
            match survive("answering", begin) {
                Ok(reader) => {
                    answering.stage = Stage::Reading(Box::new(reader));
                    admitted += 1;
                    self.tree.make_room(self.answers.iter().map(Answering::own_bytes).sum());
                }
                Err(error) => return self.end(index, error),
            }
        }
    }

    /// Whether a queued question and all that are under way fit into memory to their ends.
    fn fits(&mut self, index: usize) -> bool {
        let Some(Answering { stage: Stage::Queued(showing), question, .. }) = self.answers.get(index) else {
            return true;
        };
        let root = showing.root(&question.video);
        let steps = showing.steps();
        let kept = self.tree.find(&root, &steps).map_or(0, |(_, shown)| shown);
        let kept = self.in_common_with_readers(index, &root, &steps).max(kept);
        let new = showing.costs().skip(kept).fold(showing.fixed, u32::saturating_add);
        let demand = self.bytes(new.saturating_add(ANSWER_TOKENS));
        self.committed().saturating_add(demand) <= self.tree.limit()
    }

    /// Bytes that the questions under way hold or are going to need.
    fn committed(&self) -> u64 {
        let ahead = self.answers.iter().enumerate().map(|(index, answering)| match &answering.stage {
            Stage::Reading(reader) => {
                let from = self.in_common_with_readers(index, reader.root(), reader.steps()).max(reader.shown());
                self.bytes(reader.tokens_from(from).saturating_add(ANSWER_TOKENS))
            }
            Stage::Writing(writer) => self.bytes(ANSWER_TOKENS.saturating_sub(writer.written())),
            _ => 0,
        });
        let own: u64 = self.answers.iter().map(Answering::own_bytes).sum();
        self.tree.pinned_bytes().saturating_add(own).saturating_add(ahead.fold(0, u64::saturating_add))
    }

    /// Segments that a question asked earlier is going to show for this one as well.
    fn in_common_with_readers(&self, index: usize, root: &Root, steps: &[Step]) -> usize {
        let earlier = self.answers.iter().take(index).filter_map(Answering::reader);
        earlier.map(|reader| reader.in_common(root, steps)).max().unwrap_or(0)
    }

    fn bytes(&self, tokens: u32) -> u64 {
        u64::from(tokens).saturating_mul(self.shared.backend.token_bytes())
    }

    /// Tells those who wait, from `first` on, how many are before them.
    fn tell_ahead(&mut self, first: usize) {
        for (index, answering) in self.answers.iter_mut().enumerate().skip(first) {
            let ahead = u32::try_from(index).unwrap_or(u32::MAX);
            if matches!(answering.stage, Stage::Queued(_)) && answering.told_ahead.replace(ahead) != Some(ahead) {
                answering.question.tell(AnswerEvent::Waiting { ahead });
            }
        }
    }
}
