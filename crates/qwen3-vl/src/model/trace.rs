//! Everything the decoder computes for one prompt, in the form of the reference's `output_hidden_states=True`.

use candle_core::{Device, Tensor};

use super::{Qwen3Vl, chunk_tokens, on_cpu};
use crate::error::Result;
use crate::positions::Position;
use crate::prompt::Prompt;
use crate::text::{Decoder, Watch};

/// Which tokens get logits. A vocabulary of 151,936 makes 0.6 MB a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scored {
    /// Every token.
    #[default]
    All,
    /// The last one: what the answer's first token is chosen from.
    Last,
}

/// What the decoder computed while it read a prompt. All tensors are f32 and on the CPU.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Token ids, pads repeated, as the reference's `input_ids`.
    pub ids: Vec<u32>,
    /// Time, height and width of each token.
    pub positions: Vec<Position>,
    /// [L, hidden] each: the embeddings with segments in their places, then what leaves each layer, its DeepStack tap added,
    /// before the final norm.
    pub hidden_states: Vec<Tensor>,
    /// [L, vocab], or [1, vocab] of the last token.
    pub logits: Tensor,
}

/// Logits of every token read.
pub(super) struct Scores<'a> {
    decoder: &'a Decoder,
    chunks: Vec<Tensor>,
}

impl<'a> Scores<'a> {
    pub(super) fn new(decoder: &'a Decoder) -> Self {
        Self { decoder, chunks: Vec::new() }
    }

    /// [L, vocab] f32
    pub(super) fn finish(self) -> Result<Tensor> {
        Ok(Tensor::cat(&self.chunks, 0)?)
    }
}

impl Watch for Scores<'_> {
    fn hidden(&mut self, hidden: &Tensor) -> Result<()> {
        self.chunks.push(self.decoder.logits(hidden)?);
        Ok(())
    }
}

/// Keeps all there is to see.
struct Recorder<'a> {
    decoder: &'a Decoder,
    scored: Scored,
    positions: Vec<Position>,
    /// Chunks of each hidden state.
    states: Vec<Vec<Tensor>>,
    logits: Vec<Tensor>,
}

impl Recorder<'_> {
    fn keep(&mut self, state: usize, hidden: &Tensor) -> Result<()> {
        if self.states.len() <= state {
            self.states.resize_with(state + 1, Vec::new);
        }
        if let Some(chunks) = self.states.get_mut(state) {
            chunks.push(on_cpu(hidden)?);
        }
        Ok(())
    }
}

impl Watch for Recorder<'_> {
    fn embedded(&mut self, positions: &[Position], hidden: &Tensor) -> Result<()> {
        self.positions.extend_from_slice(positions);
        self.keep(0, hidden)
    }

    fn layer(&mut self, index: usize, hidden: &Tensor) -> Result<()> {
        self.keep(index + 1, hidden)
    }

    fn hidden(&mut self, hidden: &Tensor) -> Result<()> {
        if self.scored == Scored::All {
            self.logits.push(on_cpu(&self.decoder.logits(hidden)?)?);
        }
        Ok(())
    }
}

impl Qwen3Vl {
    /// Reads a prompt as [`prefill`](Self::prefill) does, chunk by chunk, and keeps what the decoder computed on the way:
    /// `(layers + 1) · L · hidden` values, and the logits.
    ///
    /// # Errors
    /// As for [`prefill`](Self::prefill).
    pub fn trace(&self, prompt: &Prompt, scored: Scored) -> Result<Trace> {
        self.refuse_placeholders(prompt.parts())?;
        let mut session = self.new_session();
        let mut recorder =
            Recorder { decoder: &self.decoder, scored, positions: Vec::new(), states: Vec::new(), logits: Vec::new() };
        let chunk = chunk_tokens(self.decoder.device());
        self.read(&mut session, prompt.parts(), chunk, &|| false, &mut recorder)?;
        if scored == Scored::Last {
            let logits = self.step(&session)?.logits;
            recorder.logits.push(Tensor::from_slice(logits.values(), (1, logits.values().len()), &Device::Cpu)?);
        }
        let join = |chunks: &Vec<Tensor>| Ok(Tensor::cat(chunks, 0)?);
        Ok(Trace {
            ids: prompt.input_ids(&self.config),
            positions: recorder.positions,
            hidden_states: recorder.states.iter().map(join).collect::<Result<_>>()?,
            logits: Tensor::cat(&recorder.logits, 0)?,
        })
    }
}
