//! Producing tokens: one for each of several sessions in a pass, so that the weights are read once for all of them.
//!
//! Norms, projections and MLP are computed on the stacked rows of all sessions, attention by each session over its own
//! keys and values. One session alone is a batch of one; there is no second path.

use crate::error::{Error, Result};
use crate::generate::{Logits, Sampler, Sampling};
use crate::model::Qwen3Vl;
use crate::positions::Position;
use crate::session::Session;
use crate::text::Chunk;
use crate::time_pointer::Look;

/// What one step gives.
#[derive(Debug, Clone)]
pub struct Step {
    /// Scores for the token after the one that was read.
    pub logits: Logits,
    /// Where the token that was read looks. None when the checkpoint's profile names no time pointer.
    pub pointer: Option<Look>,
}

impl Qwen3Vl {
    /// Logits and pointer after the last token the session has read.
    ///
    /// # Errors
    /// An empty session.
    pub fn step(&self, session: &Session) -> Result<Step> {
        let last = session.last.as_ref().ok_or_else(|| Error::Prompt("nothing was read yet".into()))?;
        let logits = Logits(self.decoder.logits(last)?.flatten_all()?.to_vec1()?);
        Ok(Step { logits, pointer: self.pointers.look(session)? })
    }

    /// Reads one token of the answer.
    ///
    /// # Errors
    /// An unknown token, or no position left.
    pub fn decode_step(&self, session: &mut Session, token: u32) -> Result<Step> {
        self.decode_batch(&mut [(session, token)])?.pop().unwrap_or_else(missing_row)
    }

    /// Reads one token of each of several answers in one pass over the weights. The results come in the order of the
    /// sessions; a session whose token cannot be read is left as it was and does not disturb the others.
    ///
    /// # Errors
    /// When the pass itself fails, as on a device without memory left: then every session is as it was.
    pub fn decode_batch(&self, steps: &mut [(&mut Session, u32)]) -> Result<Vec<Result<Step>>> {
        let positions: Vec<_> = steps.iter_mut().map(|(session, token)| self.make_room(session, *token)).collect();
        let mut sessions: Vec<&mut Session> = Vec::with_capacity(steps.len());
        let (mut tokens, mut at) = (Vec::new(), Vec::new());
        for ((session, token), position) in steps.iter_mut().zip(&positions) {
            if let Ok(position) = position {
                sessions.push(session);
                tokens.push(*token);
                at.push(*position);
            }
        }
        let mut done = self.read_row_each(&mut sessions, &tokens, &at)?.into_iter();
        Ok(positions.into_iter().map(|p| p.and_then(|_| done.next().unwrap_or_else(missing_row))).collect())
    }

    /// Whether the token ends an answer.
    pub fn is_end(&self, token: u32) -> bool {
        self.config.eos_token_id.contains(&token)
            || [151_643, 151_645].contains(&token) && self.config.eos_token_id.is_empty()
    }

    /// Answers what the session has read, token by token, until an end token (not given to `on_token`), `max_tokens`, or
    /// `on_token` says to stop by returning false. Each token comes with the step that read it, so its pointer is where
    /// that token looked. Returns the tokens.
    ///
    /// # Errors
    /// An empty session, or no position left.
    pub fn generate(
        &self,
        session: &mut Session,
        sampling: Sampling,
        max_tokens: usize,
        mut on_token: impl FnMut(u32, &Step) -> bool,
    ) -> Result<Vec<u32>> {
        let mut sampler = Sampler::new(sampling, session.ids().iter().copied());
        let mut answer = Vec::new();
        let mut step = self.step(session)?;
        while answer.len() < max_tokens {
            let token = sampler.choose(&step.logits);
            if self.is_end(token) {
                break;
            }
            answer.push(token);
            step = self.decode_step(session, token)?;
            if !on_token(token, &step) {
                break;
            }
        }
        Ok(answer)
    }

    /// The position the token would take, once it is certain that it can be read.
    fn make_room(&self, session: &mut Session, token: u32) -> Result<Position> {
        self.check_tokens(&[token])?;
        let limit = self.config.text_config.positions(session.window);
        let position = session.cursor.next();
        let needed = position as usize + 1;
        if needed > limit {
            return Err(Error::TooLong { needed, limit });
        }
        session.cache.reserve(1)?;
        Ok([position; 3])
    }

    /// One pass over one row of every session. Nothing is changed in them before the pass has succeeded.
    fn read_row_each(
        &self,
        sessions: &mut [&mut Session],
        tokens: &[u32],
        positions: &[Position],
    ) -> Result<Vec<Result<Step>>> {
        if sessions.is_empty() {
            return Ok(Vec::new());
        }
        let rows = tokens.chunks(1).zip(positions.chunks(1));
        let mut chunks: Vec<_> = sessions
            .iter_mut()
            .zip(rows)
            .map(|(session, (ids, positions))| {
                let window = session.window;
                Chunk { ids, positions, window, visuals: Vec::new(), cache: &mut session.cache }
            })
            .collect();
        let pass = self.decoder.forward(&mut chunks, self.pointers.wanted(), &mut ())?;
        let logits = self.decoder.logits(&pass.hidden)?.to_vec2()?;
        let (mut queries, mut states) = (pass.pointer_queries.into_iter(), pass.states.into_iter());
        let mut steps = Vec::with_capacity(sessions.len());
        for (row, ((session, token), logits)) in sessions.iter_mut().zip(tokens).zip(logits).enumerate() {
            self.place_tokens(session, &[*token], &mut Vec::new());
            session.last = Some(pass.hidden.narrow(0, row, 1)?);
            session.state = states.next();
            session.pointer_query = queries.next();
            steps.push(self.pointers.look(session).map(|pointer| Step { logits: Logits(logits), pointer }));
        }
        Ok(steps)
    }
}

fn missing_row() -> Result<Step> {
    Err(Error::Prompt("the pass gave fewer rows than it was given".into()))
}
