//! A conversation with the model in this process: a session that was shown a video, and the answer once a question was asked.

use std::collections::VecDeque;
use std::sync::Arc;

use qwen3_vl::{
    Content, Look, Message, Prompt, PromptPart, Qwen3Vl, Sampler, Sampling, Session, Step, TextStream, VideoItem,
};

use crate::backend::{Conversation, Piece, Shown, Stop, Written};
use crate::candle::{WRAPPER, features};
use crate::error::{Error, Result};
use crate::selection::{ANSWER_TOKENS, THOUGHT_TOKENS};
use crate::thought::{CLOSE, Kind, Splitter};

/// A session, and the answer once a question was asked.
pub(crate) struct Talk {
    model: Arc<Qwen3Vl>,
    session: Session,
    /// The first segment shown, to lay out the end of a prompt that contains a video.
    first: Option<Shown>,
    /// What is left to read of the question.
    unread: Vec<u32>,
    /// Whether the question ends inside a thought.
    thinks: bool,
    answer: Option<Answer>,
}

struct Answer {
    /// For thoughts: as the checkpoint wants them. Thinking greedily tends to go in circles.
    thinking: Sampler,
    /// For the answer: greedy, whatever the checkpoint's defaults. Times and numbers are not a matter of chance
    /// (`qwen3-vl.md` §9).
    answering: Sampler,
    /// Chosen but not read yet.
    next: u32,
    text: TextStream,
    splitter: Splitter,
    /// Cut off the same token, not given out yet.
    ready: VecDeque<Piece>,
    thought: u32,
    /// Tokens it may think.
    thought_limit: u32,
    written: u32,
    over: bool,
}

impl Answer {
    /// Notes text that was written while the model looked somewhere.
    fn write(&mut self, text: &str, looked: Option<Look>) {
        let kind = self.splitter.kind();
        let parts = self.splitter.push(text);
        if parts.is_empty() {
            // A token was written even if its text is not certain yet.
            self.ready.push_back(Piece { text: String::new(), kind, looked });
            return;
        }
        let pieces = parts.into_iter().map(|(kind, text)| Piece { text, kind, looked: looked.clone() });
        self.ready.extend(pieces);
    }

    /// Chooses the token to read next.
    fn choose(&mut self, step: &Step) {
        let sampler = match self.splitter.kind() {
            Kind::Thought => &mut self.thinking,
            Kind::Answer => &mut self.answering,
        };
        self.next = sampler.choose(&step.logits);
    }

    /// The oldest piece that was not given out.
    fn give(&mut self) -> Option<Written> {
        self.ready.pop_front().map(Written::Piece)
    }
}

/// What a talk does when it is its turn.
enum Next {
    /// Reads this token.
    Token(u32),
    /// Gives this, without the model.
    Given(Written),
}

impl Talk {
    pub(crate) fn new(model: Arc<Qwen3Vl>, session: Session, first: Option<Shown>) -> Self {
        Self { model, session, first, unread: Vec::new(), thinks: false, answer: None }
    }

    /// The token to read next, or what is given without reading one.
    fn next(&mut self) -> Result<Next> {
        let Some(answer) = &mut self.answer else { return Ok(Next::Given(Written::Over)) };
        if let Some(given) = answer.give() {
            return Ok(Next::Given(given));
        }
        if answer.over {
            self.answer = None;
            return Ok(Next::Given(Written::Over));
        }
        let thinking = answer.splitter.kind() == Kind::Thought;
        if thinking && answer.thought >= answer.thought_limit {
            self.break_off()?;
        } else if !self.model.is_end(answer.next) && answer.written < ANSWER_TOKENS {
            return Ok(Next::Token(answer.next));
        } else {
            self.finish()?;
        }
        Ok(Next::Given(self.answer.as_mut().and_then(Answer::give).unwrap_or(Written::Over)))
    }

    /// Takes note of a token that was read.
    fn advance(&mut self, token: u32, step: Step) -> Result<Written> {
        let Some(answer) = &mut self.answer else { return Ok(Written::Over) };
        match answer.splitter.kind() {
            Kind::Thought => answer.thought += 1,
            Kind::Answer => answer.written += 1,
        }
        let text = answer.text.push(self.model.tokenizer(), token)?;
        answer.choose(&step);
        answer.write(&text, step.pointer);
        Ok(answer.give().unwrap_or(Written::Over))
    }

    /// Gives out what was held back; nothing follows.
    fn finish(&mut self) -> Result<()> {
        let Some(answer) = &mut self.answer else { return Ok(()) };
        answer.over = true;
        let rest = std::mem::take(&mut answer.text).finish(self.model.tokenizer())?;
        if !rest.is_empty() {
            answer.write(&rest, None);
        }
        let held = std::mem::replace(&mut answer.splitter, Splitter::new(false)).finish();
        answer.ready.extend(held.map(|(kind, text)| Piece { text, kind, looked: None }));
        Ok(())
    }

    /// Ends a thought that has become too long: the model reads a closing tag as if it had written it, and answers.
    fn break_off(&mut self) -> Result<()> {
        let ids = self.model.tokenizer().encode(&format!("\n{CLOSE}\n\n"))?;
        self.model.prefill(&mut self.session, &[PromptPart::Tokens(ids)], &|| false)?;
        let step = self.model.step(&self.session)?;
        let Some(answer) = &mut self.answer else { return Ok(()) };
        answer.text = TextStream::default();
        answer.write(CLOSE, None);
        answer.choose(&step);
        Ok(())
    }

    /// Tokens there are for a thought, the answer's own left free.
    fn thought_limit(&self) -> u32 {
        let window = self.model.config().text_config.positions(self.session.window()) as i64;
        let next = self.session.len() as i64 + self.session.rope_delta();
        let left = window.saturating_sub(next).saturating_sub(i64::from(ANSWER_TOKENS));
        u32::try_from(left.max(0)).unwrap_or(u32::MAX).min(THOUGHT_TOKENS)
    }

    fn prompt(&self, segments: &[Shown], question: &str) -> Result<Prompt> {
        let mut items = Vec::with_capacity(segments.len());
        for segment in segments {
            if !segment.caption.is_empty() {
                items.push(VideoItem::Text(segment.caption.to_string()));
            }
            let features = Arc::clone(features(segment)?);
            items.push(VideoItem::Segment { stamp: segment.stamp.clone(), features });
        }
        let content = vec![Content::Video(items), Content::Text(question.to_owned())];
        Ok(self.model.prompt(&[Message::user(content)], WRAPPER)?)
    }
}

impl Conversation for Talk {
    fn fork(&self) -> Result<Box<dyn Conversation>> {
        Ok(Box::new(Self::new(Arc::clone(&self.model), self.session.fork()?, self.first.clone())))
    }

    fn tokens(&self) -> u32 {
        u32::try_from(self.session.len()).unwrap_or(u32::MAX)
    }

    fn own_bytes(&self) -> u64 {
        self.session.own_bytes() as u64
    }

    fn expect(&mut self, tokens: u32) -> Result<()> {
        Ok(self.session.reserve(tokens as usize)?)
    }

    fn show(&mut self, segments: &[Shown], stop: Stop<'_>) -> Result<()> {
        let Some(first) = segments.first() else { return Ok(()) };
        let parts = if self.first.is_none() {
            // The words of a question do not reach back over the video: any question gives the same beginning.
            self.prompt(segments, "?")?.split_after_video().0
        } else {
            let mut parts = Vec::with_capacity(segments.len() * 3);
            for segment in segments {
                parts.extend(self.model.segment_parts(&segment.caption, &segment.stamp, features(segment)?)?);
            }
            parts
        };
        self.model.prefill(&mut self.session, &parts, stop)?;
        self.first.get_or_insert_with(|| first.clone());
        Ok(())
    }

    fn ask(&mut self, question: &str, _stop: Stop<'_>) -> Result<()> {
        let prompt = self.prompt(self.first.as_slice(), question)?;
        self.thinks = prompt.opens_thought();
        let (_, parts) = prompt.split_after_video();
        let ids = parts.into_iter().flat_map(|part| match part {
            PromptPart::Tokens(ids) => ids,
            // Everything that is shown lies before the question.
            PromptPart::Segment(_) => Vec::new(),
        });
        self.unread = ids.collect();
        Ok(())
    }

    fn read(&mut self, tokens: u32, stop: Stop<'_>) -> Result<bool> {
        let now = self.unread.len().min(tokens.max(1) as usize);
        let (stride, rest) = self.unread.split_at(now);
        let (stride, rest) = (PromptPart::Tokens(stride.to_vec()), rest.to_vec());
        self.model.prefill(&mut self.session, &[stride], stop)?;
        self.unread = rest;
        if !self.unread.is_empty() {
            return Ok(false);
        }
        let step = self.model.step(&self.session)?;
        let mut answer = Answer {
            thinking: Sampler::new(self.model.sampling(), []),
            answering: Sampler::new(Sampling::default(), []),
            next: 0,
            text: TextStream::default(),
            splitter: Splitter::new(self.thinks),
            ready: VecDeque::new(),
            thought: 0,
            thought_limit: self.thought_limit(),
            written: 0,
            over: false,
        };
        answer.choose(&step);
        self.answer = Some(answer);
        Ok(true)
    }

    fn write(&mut self) -> Result<Written> {
        let model = Arc::clone(&self.model);
        write(&model, &mut [self]).pop().unwrap_or(Ok(Written::Over))
    }
}

/// Writes the next token of every talk in one pass over the weights.
pub(crate) fn write(model: &Qwen3Vl, talks: &mut [&mut Talk]) -> Vec<Result<Written>> {
    let next: Vec<Result<Next>> = talks.iter_mut().map(|talk| talk.next()).collect();
    let reading = talks.iter_mut().zip(&next).filter_map(|(talk, next)| match next {
        Ok(Next::Token(token)) => Some((&mut talk.session, *token)),
        _ => None,
    });
    let mut steps = read(model, &mut reading.collect::<Vec<_>>()).into_iter();
    let missing = || Err(Error::Internal("the model gave fewer steps than it was given tokens".to_owned()));
    let finish = |(talk, next): (&mut &mut Talk, Result<Next>)| match next? {
        Next::Token(token) => talk.advance(token, steps.next().unwrap_or_else(missing)?),
        Next::Given(given) => Ok(given),
    };
    talks.iter_mut().zip(next).map(finish).collect()
}

/// One pass for all; when it fails, one for each, so that only those fail who fail alone.
fn read(model: &Qwen3Vl, rows: &mut [(&mut Session, u32)]) -> Vec<Result<Step>> {
    let steps = match model.decode_batch(rows) {
        Ok(steps) => steps,
        Err(error) if rows.len() == 1 => vec![Err(error)],
        Err(_) => rows.iter_mut().map(|(session, token)| model.decode_step(session, *token)).collect(),
    };
    steps.into_iter().map(|step| step.map_err(Error::from)).collect()
}
