//! The whole model: load a checkpoint, encode segments, read prompts. `decode.rs` produces tokens.

#[cfg(test)]
mod tests;
mod trace;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use candle_core::{DType, Device, Tensor};

use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::features::SegmentFeatures;
use crate::generate::Sampling;
use crate::kernels::attention::Method;
use crate::load_options::LoadOptions;
use crate::positions::Position;
use crate::processor::{Normalisation, RgbFrame, patchify};
use crate::profile::Profile;
use crate::prompt::{self, Message, Prompt, PromptPart, Wrapper};
use crate::session::Session;
use crate::stamp_ids::StampIds;
use crate::template::ChatTemplate;
use crate::text::{Chunk, Decoder, VisualRun, Watch};
use crate::time_pointer::{Providers, Seen};
use crate::tokenizer::Tokenizer;
use crate::vision;
use crate::vision::VisionTower;
use crate::weights::Footprint;
use crate::window::Window;
pub use trace::{Scored, Trace};

/// Asked between chunks whether to stop.
pub type Cancel<'a> = &'a (dyn Fn() -> bool + Sync);

/// A loaded checkpoint. Weights are read-only: share it in an `Arc`, use it from any thread.
pub struct Qwen3Vl {
    pub(crate) config: Config,
    profile: Profile,
    pub(crate) pointers: Providers,
    sampling: Sampling,
    normalisation: Normalisation,
    fingerprint: String,
    footprint: Footprint,
    tokenizer: Tokenizer,
    template: ChatTemplate,
    vision: VisionTower,
    pub(crate) decoder: Decoder,
    stamp_ids: StampIds,
}

impl std::fmt::Debug for Qwen3Vl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Qwen3Vl").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Tokens of one pass on the CPU: activations stay in the caches.
pub(crate) const CPU_CHUNK: usize = 512;
/// Tokens of one pass on an accelerator.
pub(crate) const DEVICE_CHUNK: usize = 2048;

fn chunk_tokens(device: &Device) -> usize {
    if device.is_cpu() { CPU_CHUNK } else { DEVICE_CHUNK }
}

impl Qwen3Vl {
    /// Loads a model folder: in the layout of the published checkpoints, or a text GGUF with its mmproj GGUF.
    ///
    /// # Errors
    /// Missing or inconsistent files, a model larger than the memory that is free, or a device that is not there.
    pub fn load(dir: &Path, options: LoadOptions) -> Result<Self> {
        let device = options.device.open()?;
        Self::build(Checkpoint::open(dir, device, options.precision)?, options)
    }

    fn build(checkpoint: Checkpoint, options: LoadOptions) -> Result<Self> {
        let Checkpoint {
            config,
            profile,
            pointers,
            sampling,
            normalisation,
            tokenizer,
            template,
            weights,
            fingerprint,
        } = checkpoint;
        let method = match options.flash_attention {
            true if weights.are_full() => Method::Flash,
            true => Method::Rounded,
            false => Method::Eager,
        };
        let kept = options.cache.form(weights.dtype(), weights.are_full());
        let model = Self {
            sampling,
            vision: VisionTower::load(&config.vision_config, &weights, method)?,
            decoder: Decoder::load(&config, &weights, method, kept)?,
            stamp_ids: StampIds::new(&tokenizer)?,
            footprint: weights.footprint(),
            config,
            profile,
            pointers,
            normalisation,
            fingerprint,
            tokenizer,
            template,
        };
        // An accelerator's work is in order on one thread only, and the model may be used on another.
        model.decoder.device().synchronize()?;
        Ok(model)
    }

    /// `config.json`, or what the metadata of a GGUF says.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `timepin.json`, or the defaults.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// `generation_config.json`: how the checkpoint wants its tokens chosen. Times are better chosen greedily, which is
    /// [`Sampling::default`].
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// A hash of weights and configuration, and of the precision as far as features depend on it: part of every cache key.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What the weights are kept in, and their size; displayed as one line.
    pub fn footprint(&self) -> &Footprint {
        &self.footprint
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Encodes segments of two frames each, all frames of one size with sides that are multiples of 32. Attention stays
    /// inside a segment, so the result for a segment does not depend on its neighbours in the call. An image is a segment
    /// of the same frame twice.
    ///
    /// # Errors
    /// Frames of different or unsuitable sizes.
    pub fn encode_segments(&self, frames: &[[RgbFrame; 2]]) -> Result<Vec<SegmentFeatures>> {
        let Some([first, _]) = frames.first() else { return Ok(Vec::new()) };
        let patch = self.config.vision_config.patch_size;
        let grid = (first.height() as usize / patch, first.width() as usize / patch);
        self.encode_patches(&self.patches(frames)?, frames.len(), grid)
    }

    /// The patches of segments, normalised as this checkpoint wants them: what [`encode_segments`](Self::encode_segments)
    /// gives to the vision tower.
    ///
    /// # Errors
    /// Frames of different or unsuitable sizes.
    pub fn patches(&self, frames: &[[RgbFrame; 2]]) -> Result<Vec<f32>> {
        patchify(frames, self.config.vision_config.patch_size, self.normalisation)
    }

    /// Encodes patches as [`patchify`] writes them: `count` segments of `grid` patches.
    ///
    /// # Errors
    /// Another number of values.
    pub fn encode_patches(&self, rows: &[f32], count: usize, grid: (usize, usize)) -> Result<Vec<SegmentFeatures>> {
        let (rows_of_patches, columns) = grid;
        let tokens = rows_of_patches * columns / 4;
        let expected = count * rows_of_patches * columns * self.config.vision_config.patch_len();
        if rows_of_patches % 2 + columns % 2 != 0 || expected == 0 || rows.len() != expected {
            return Err(Error::Frames(format!(
                "{} values for {count} grids of {rows_of_patches}×{columns}",
                rows.len()
            )));
        }
        let vision::Encoded { merged, taps } = self.vision.encode(rows, count, grid)?;
        // Read back a batch at a time: features wait in memory and on disk, not where the next pass needs the room.
        let (merged, taps) = (on_cpu(&merged)?, taps.iter().map(on_cpu).collect::<Result<Vec<_>>>()?);
        let cut = |t: &Tensor, i: usize| -> Result<Tensor> {
            // A copy of its own: a narrowed view would keep the whole batch alive in the cache.
            Ok(t.narrow(0, i * tokens, tokens)?.force_contiguous()?)
        };
        (0..count)
            .map(|i| {
                let taps: Result<Vec<_>> = taps.iter().map(|t| cut(t, i)).collect();
                SegmentFeatures::new(cut(&merged, i)?, taps?, grid)
            })
            .collect()
    }

    /// Lays out a conversation as tokens and segments, ready for the answer to begin.
    ///
    /// # Errors
    /// A chat template that fails or shows other media than the conversation has.
    pub fn prompt(&self, messages: &[Message], wrapper: Wrapper) -> Result<Prompt> {
        prompt::build(&self.tokenizer, &self.template, &self.config, messages, wrapper)
    }

    /// The parts that continue a prompt after a segment by one more: for an index that grows while frames arrive.
    ///
    /// # Errors
    /// A tokenizer without Qwen's delimiters.
    pub fn segment_parts(&self, before: &str, stamp: &str, features: &Arc<SegmentFeatures>) -> Result<Vec<PromptPart>> {
        prompt::segment_parts(&self.tokenizer, &self.config, before, stamp, features)
    }

    /// An empty session within the native window.
    pub fn new_session(&self) -> Session {
        self.session(Window::Native)
    }

    /// An empty session.
    pub fn session(&self, window: Window) -> Session {
        Session::new(self.decoder.new_cache(), window)
    }

    /// Reads parts of a prompt after what the session has read. Between chunks `cancel` is asked; a stopped or failed call
    /// leaves the session as it was.
    ///
    /// # Errors
    /// [`Error::Cancelled`], a prompt longer than the model's positions, or features of another model.
    pub fn prefill(&self, session: &mut Session, parts: &[PromptPart], cancel: Cancel<'_>) -> Result<()> {
        self.refuse_placeholders(parts)?;
        let chunk = chunk_tokens(self.decoder.device());
        self.read(session, parts, chunk, cancel, &mut ())
    }

    /// As [`prefill`](Self::prefill), giving the logits of every token read: [L, vocab] f32. For evaluation.
    ///
    /// # Errors
    /// As for [`prefill`](Self::prefill).
    pub fn prefill_scored(&self, session: &mut Session, parts: &[PromptPart], chunk: usize) -> Result<Tensor> {
        self.refuse_placeholders(parts)?;
        let mut scores = trace::Scores::new(&self.decoder);
        self.read(session, parts, chunk.max(1), &|| false, &mut scores)?;
        scores.finish()
    }

    /// A pad in a prompt stands for features that are missing. (A model may write one itself; then it is a token.)
    fn refuse_placeholders(&self, parts: &[PromptPart]) -> Result<()> {
        let pads = [self.config.video_token_id, self.config.image_token_id];
        let holds_pad =
            |part: &PromptPart| matches!(part, PromptPart::Tokens(ids) if ids.iter().any(|id| pads.contains(id)));
        if parts.iter().any(holds_pad) {
            return Err(Error::Prompt("it holds a placeholder without its segment".into()));
        }
        Ok(())
    }

    fn read(
        &self,
        session: &mut Session,
        parts: &[PromptPart],
        chunk: usize,
        cancel: Cancel<'_>,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        let mark = session.mark();
        let result = self.read_chunks(session, parts, chunk, cancel, watch);
        if result.is_err() {
            session.restore(mark);
        }
        result
    }

    fn read_chunks(
        &self,
        session: &mut Session,
        parts: &[PromptPart],
        chunk: usize,
        cancel: Cancel<'_>,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        let start = session.ids.len();
        let mut positions: Vec<Position> = Vec::new();
        let mut visuals = Vec::new();
        let limit = self.config.text_config.positions(session.window);
        for part in parts {
            match part {
                PromptPart::Tokens(ids) => {
                    self.check_tokens(ids)?;
                    self.place_tokens(session, ids, &mut positions);
                }
                PromptPart::Segment(features) => {
                    let at = session.ids.len();
                    visuals.push((at - start, features.as_ref()));
                    self.place_segment(session, features, &mut positions)?;
                }
            }
            let needed = session.cursor.next() as usize;
            if needed > limit {
                return Err(Error::TooLong { needed, limit });
            }
        }
        session.cache.reserve(positions.len())?;
        let ids = session.ids.get(start..).unwrap_or(&[]).to_vec();
        for (index, (ids, positions)) in ids.chunks(chunk).zip(positions.chunks(chunk)).enumerate() {
            if cancel() {
                return Err(Error::Cancelled);
            }
            let visuals = runs(&visuals, index * chunk, ids.len());
            let mut chunk = [Chunk { ids, positions, window: session.window, visuals, cache: &mut session.cache }];
            let mut pass = self.decoder.forward(&mut chunk, self.pointers.wanted(), watch)?;
            session.last = Some(pass.hidden.narrow(0, ids.len() - 1, 1)?.force_contiguous()?);
            session.state = pass.states.pop();
            session.pointer_query = pass.pointer_queries.pop();
        }
        Ok(())
    }

    pub(crate) fn check_tokens(&self, ids: &[u32]) -> Result<()> {
        match ids.iter().find(|id| **id as usize >= self.config.text_config.vocab_size) {
            Some(id) => Err(Error::Prompt(format!("token {id} is not in the vocabulary"))),
            None => Ok(()),
        }
    }

    pub(crate) fn place_tokens(&self, session: &mut Session, ids: &[u32], positions: &mut Vec<Position>) {
        let at = session.ids.len();
        if let (Some(last), Some(first)) = (session.segments.last_mut(), ids.first()) {
            // The closing delimiter directly after a segment is part of what the pointer may look at.
            if last.end == at && *first == self.config.vision_end_token_id {
                last.end += 1;
            }
        }
        session.cursor.text(ids.len(), positions);
        session.ids.extend_from_slice(ids);
    }

    fn place_segment(
        &self,
        session: &mut Session,
        features: &SegmentFeatures,
        positions: &mut Vec<Position>,
    ) -> Result<()> {
        let at = session.ids.len();
        let opened = session.ids.last() == Some(&self.config.vision_start_token_id);
        let from = if opened { self.stamp_ids.start(&session.ids, at - 1) } else { at };
        session.segments.push(from..at + features.tokens());
        session.seen.push(Seen::of(features)?);
        session.prepared = OnceLock::new();
        let (rows, columns) = features.grid();
        match features.kept() {
            Some(kept) => session.cursor.pruned(rows / 2, columns / 2, kept, positions),
            None => session.cursor.grid(rows / 2, columns / 2, positions),
        }
        session.ids.extend(std::iter::repeat_n(self.config.video_token_id, features.tokens()));
        Ok(())
    }
}

/// The same values in f32 on the CPU, contiguous.
fn on_cpu(tensor: &Tensor) -> Result<Tensor> {
    Ok(tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.contiguous()?)
}

/// The parts of the segments that lie in rows `from..from + length`. visuals: (first row, features) in order.
fn runs<'a>(visuals: &[(usize, &'a SegmentFeatures)], from: usize, length: usize) -> Vec<VisualRun<'a>> {
    let end = from + length;
    let first = visuals.partition_point(|(at, features)| at + features.tokens() <= from);
    visuals
        .iter()
        .skip(first)
        .take_while(|(at, _)| *at < end)
        .map(|&(at, features)| {
            let (begin, stop) = (at.max(from), (at + features.tokens()).min(end));
            VisualRun { features, from: begin - at, length: stop - begin, at: begin - from }
        })
        .collect()
}
