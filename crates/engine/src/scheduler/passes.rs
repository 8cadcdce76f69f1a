//! What follows when something was written: another window, a closer look, the end.

use std::time::Instant;

use timeline::{AnswerEvent, Timestamp};

use super::{Answering, Scheduler, Stage};
use crate::course::{Next, Way};
use crate::error::{Error, Result};
use crate::eyes::{ASKER_WAIT, SERVER_WAIT};
use crate::question::Question;
use crate::showing::Showing;
use crate::view::View;
use crate::worker::{Shared, survive};
use crate::writer::Voice;

/// Frames that a question waits for.
pub(super) struct Awaiting {
    instants: Vec<Timestamp>,
    until: Instant,
    /// Whether whoever asked was asked for them.
    of_asker: bool,
}

impl Awaiting {
    /// Asks who can deliver; none when nobody can.
    fn begin(shared: &Shared, question: &Question, instants: Vec<Timestamp>) -> Option<Self> {
        if shared.ask_source(question, &instants) {
            return Some(Self { instants, until: Instant::now() + SERVER_WAIT, of_asker: false });
        }
        Self::of_asker(shared, question, instants)
    }

    fn of_asker(shared: &Shared, question: &Question, instants: Vec<Timestamp>) -> Option<Self> {
        let until = Instant::now() + ASKER_WAIT;
        shared.ask_asker(question, &instants).then_some(Self { instants, until, of_asker: true })
    }
}

/// What a pass shows.
pub(super) fn showing(shared: &Shared, question: &Question, way: &mut Way, view: &View) -> Result<Showing> {
    let is_quiet = matches!(way.voice(), Voice::Silent);
    let showing = Showing { is_quiet, ..shared.showing(question, view)? };
    way.lead(question, &showing.leads);
    Ok(showing)
}

impl Scheduler<'_> {
    /// Whether there is nothing to do until frames come.
    pub(super) fn all_await_frames(&self) -> bool {
        self.answers.iter().all(|answering| matches!(answering.stage, Stage::Awaiting(_)))
    }

    /// Something was written to its end.
    pub(super) fn end_pass(&mut self, index: usize) {
        self.go_on(index, |shared, answering| {
            let stage = std::mem::replace(&mut answering.stage, Stage::Indexing(None));
            let Stage::Writing(mut writer) = stage else { return Err(lost()) };
            let pass = writer.end(shared, &answering.question, true)?;
            answering.way.go_on(shared, &answering.question, pass)
        });
    }

    /// Frames came for a question, or will not.
    pub(super) fn frames_came(&mut self, question: i64, frames: Option<u32>) {
        let waits =
            |answering: &Answering| answering.question.id == question && matches!(answering.stage, Stage::Awaiting(_));
        let Some(index) = self.answers.iter().position(waits) else { return };
        if frames.is_none() && self.turn_to_asker(index) {
            return;
        }
        self.go_on(index, |shared, answering| answering.way.frames(shared, &answering.question, frames));
    }

    /// Ends waits that took too long.
    pub(super) fn end_waits(&mut self) {
        let now = Instant::now();
        let late = |answering: &&Answering| matches!(&answering.stage, Stage::Awaiting(wait) if wait.until <= now);
        let late: Vec<_> = self.answers.iter().filter(late).map(|answering| answering.question.id).collect();
        for question in late {
            self.shared.wanted.forget(question);
            self.frames_came(question, None);
        }
    }

    /// The server has no file: whoever asked may have it.
    fn turn_to_asker(&mut self, index: usize) -> bool {
        let Some(answering) = self.answers.get_mut(index) else { return false };
        let Stage::Awaiting(wait) = &mut answering.stage else { return false };
        if wait.of_asker {
            return false;
        }
        let instants = std::mem::take(&mut wait.instants);
        match Awaiting::of_asker(self.shared, &answering.question, instants) {
            Some(wait) => {
                answering.stage = Stage::Awaiting(wait);
                true
            }
            None => false,
        }
    }

    /// Goes on as `next` says.
    fn go_on(&mut self, index: usize, next: impl FnOnce(&crate::worker::Shared, &mut Answering) -> Result<Next>) {
        let Some(answering) = self.answers.get_mut(index) else { return };
        if let Some(node) = answering.node.take() {
            self.tree.release(node);
        }
        let shared = self.shared;
        let gone_on = survive("going on", || match next(shared, answering)? {
            Next::Show(view) => {
                let showing = showing(shared, &answering.question, &mut answering.way, &view)?;
                answering.stage = Stage::Queued(Box::new(showing));
                Ok(None)
            }
            Next::Await(instants) => match Awaiting::begin(shared, &answering.question, instants) {
                Some(wait) => {
                    answering.stage = Stage::Awaiting(wait);
                    Ok(None)
                }
                None => match answering.way.frames(shared, &answering.question, None)? {
                    Next::Over(usage) => Ok(Some(usage)),
                    Next::Show(_) | Next::Await(_) => Err(lost()),
                },
            },
            Next::Over(usage) => Ok(Some(usage)),
        });
        match gone_on {
            Ok(None) => {}
            Ok(Some(usage)) => {
                let ended = self.answers.remove(index);
                ended.question.tell(AnswerEvent::Done { usage });
            }
            Err(error) => return self.end(index, error),
        }
        self.tree.make_room(self.answers.iter().map(Answering::own_bytes).sum());
    }
}

fn lost() -> Error {
    Error::Internal("a question lost its way".to_owned())
}
