//! The back end in this process: Qwen3-VL in candle.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use qwen3_vl::{
    Content, LoadOptions, Message, Qwen3Vl, RgbFrame, SegmentFeatures, Window, Wrapper, is_model_folder, resize_bicubic,
};
use timeline::resize::{FACTOR, Size};
use timeline::{ModelInfo, PlanRequest, Timestamp};

use crate::backend::{Backend, Conversation, Encoder, Memory, Shown, Written};
use crate::device;
use crate::error::{Error, Result};
use crate::selection::{ANSWER_TOKENS, THOUGHT_TOKENS};
use crate::settings::Settings;
use crate::talk::{self, Talk};

/// The 4.57 layout of a video in the prompt, which published checkpoints were evaluated with (`qwen3-vl.md` §4).
pub(crate) const WRAPPER: Wrapper = Wrapper::Replaced;

/// A loaded checkpoint and what is known about it.
pub(crate) struct Candle {
    model: Arc<Qwen3Vl>,
    info: ModelInfo,
    /// Whether its template opens a thought before every answer.
    thinks: bool,
}

impl Candle {
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let folder = &settings.model_dir;
        if !is_model_folder(folder) {
            return Err(Error::ModelMissing(folder.clone()));
        }
        if let Some(threads) = settings.threads {
            // Fails when the pool exists already, as in a second engine of one process: the first one's size stays.
            if rayon::ThreadPoolBuilder::new().num_threads(threads as usize).build_global().is_err() {
                tracing::warn!("the number of threads was set before; it stays as it is");
            }
        }
        let model = load(folder, settings)?;
        tracing::info!(model = name(folder), weights = %model.footprint(), "the model is loaded");
        let profile = model.profile();
        let window = model.config().text_config.max_position_embeddings;
        let info = ModelInfo {
            name: name(folder),
            plan: PlanRequest { fps: profile.fps, min_frames: profile.min_frames, max_frames: profile.max_frames },
            resize: profile.resize,
            reach: profile.reach,
            captions: profile.captions,
            max_context: u32::try_from(window).unwrap_or(u32::MAX),
            demo: settings.bundled_model,
        };
        let question = [Message::text("user", "?")];
        let thinks = model.prompt(&question, WRAPPER)?.opens_thought();
        Ok(Self { model: Arc::new(model), info, thinks })
    }
}

/// Loads the model of a folder, where and in what form the settings say.
pub(crate) fn load(folder: &Path, settings: &Settings) -> Result<Qwen3Vl> {
    let Settings { device, precision, kv_cache, use_flash_attention, .. } = settings;
    let on = |device| {
        let options =
            LoadOptions { device, precision: *precision, cache: *kv_cache, flash_attention: *use_flash_attention };
        Ok(Qwen3Vl::load(folder, options)?)
    };
    let mut devices = device::wanted(device)?.into_iter().peekable();
    while let Some(kind) = devices.next() {
        match on(kind) {
            Err(error) if devices.peek().is_some() => {
                tracing::warn!(%error, "no CUDA device can be used; the model runs on the processor");
            }
            loaded => return loaded,
        }
    }
    Err(Error::NoDevice(device.clone()))
}

/// The folder's name: what people call a checkpoint.
fn name(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

impl Backend for Candle {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn fingerprint(&self) -> &str {
        self.model.fingerprint()
    }

    fn beat(&self) -> Option<Timestamp> {
        self.model.profile().beat.map(Timestamp::from_seconds)
    }

    fn encoder(&self) -> Option<&dyn Encoder> {
        Some(self)
    }

    fn segment_tokens(&self, stamp: &str, size: Size) -> u32 {
        let text = format!("<{stamp} seconds><|vision_start|><|vision_end|>");
        // Without a tokenizer that works no question can be answered anyway; that error is told there.
        let around = self.model.tokenizer().encode(&text).map_or(16, |ids| ids.len());
        u32::try_from(around).unwrap_or(u32::MAX).saturating_add(size.tokens())
    }

    fn caption_tokens(&self, caption: &str) -> u32 {
        let tokenizer = self.model.tokenizer();
        let count = tokenizer.encode(&tokenizer.plain(caption)).map_or(caption.len(), |ids| ids.len());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn question_tokens(&self, question: &str) -> Result<u32> {
        let prompt = self.model.prompt(&[Message::user(vec![Content::Text(question.to_owned())])], WRAPPER)?;
        Ok(u32::try_from(prompt.tokens()).unwrap_or(u32::MAX))
    }

    fn room(&self) -> u32 {
        if self.thinks { ANSWER_TOKENS + THOUGHT_TOKENS } else { ANSWER_TOKENS }
    }

    fn window(&self, tokens: u32, segments: u32, size: Size) -> Option<Window> {
        let needed = positions(tokens.saturating_add(self.room()), segments, size);
        let holds = |window: &Window| needed <= self.model.config().text_config.positions(*window) as u64;
        [Window::Native, Window::Extended].into_iter().find(holds)
    }

    fn widest_context(&self) -> (u32, u32) {
        let positions = self.model.config().text_config.positions(Window::Extended);
        let positions = u32::try_from(positions).unwrap_or(u32::MAX);
        // Segments take fewer positions than tokens: the published models' million tokens in their 786,432 positions.
        (positions, positions.saturating_add(positions / 3))
    }

    fn conversation(&self, window: Window) -> Box<dyn Conversation> {
        Box::new(Talk::new(Arc::clone(&self.model), self.model.session(window), None))
    }

    fn token_bytes(&self) -> u64 {
        self.model.new_session().token_bytes() as u64
    }

    fn write(&self, answers: &mut [&mut dyn Conversation]) -> Vec<Result<Written>> {
        let talks = answers.iter_mut().map(|answer| (&mut **answer as &mut dyn Any).downcast_mut::<Talk>());
        match talks.collect::<Option<Vec<_>>>() {
            Some(mut talks) => talk::write(&self.model, &mut talks),
            None => answers.iter_mut().map(|answer| answer.write()).collect(),
        }
    }
}

/// Positions of a prompt: a segment moves the next token on by its longer side only.
fn positions(tokens: u32, segments: u32, size: Size) -> u64 {
    let (rows, columns) = (size.height / FACTOR, size.width / FACTOR);
    let saved = size.tokens().saturating_sub(rows.max(columns));
    u64::from(tokens).saturating_sub(u64::from(segments) * u64::from(saved))
}

impl Encoder for Candle {
    fn resize(&self, frame: &RgbFrame, size: Size) -> Result<RgbFrame> {
        Ok(resize_bicubic(frame, size.width, size.height))
    }

    fn encode(&self, pairs: &[[RgbFrame; 2]]) -> Result<Vec<SegmentFeatures>> {
        Ok(self.model.encode_segments(pairs)?)
    }
}

/// What this model reads of a segment.
pub(crate) fn features(segment: &Shown) -> Result<&Arc<SegmentFeatures>> {
    match &segment.memory {
        Memory::Features(features) => Ok(features),
        Memory::Pictures(_) => Err(Error::Internal("a segment was shown without having been encoded".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use qwen3_vl::Cursor;

    use super::*;

    proptest! {
        #[test]
        fn positions_are_those_the_model_hands_out(text in 1_u32..400, segments in 0_u32..40, rows in 1_u32..9, columns in 1_u32..9) {
            let (mut cursor, mut out) = (Cursor::default(), Vec::new());
            cursor.text(text as usize, &mut out);
            (0..segments).for_each(|_| cursor.grid(rows as usize, columns as usize, &mut out));
            let size = Size { height: rows * FACTOR, width: columns * FACTOR };
            prop_assert_eq!(positions(out.len() as u32, segments, size), u64::from(cursor.next()));
        }
    }
}
