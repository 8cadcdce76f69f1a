//! The back end in this process: Qwen3-VL in candle.

use std::path::Path;
use std::sync::Arc;

use qwen3_vl::{
    Content, DeviceKind, LoadOptions, Logits, Message, Qwen3Vl, RgbFrame, Sampler, Sampling, SegmentFeatures, Session,
    TextStream, VideoItem, Wrapper, resize_bicubic,
};
use timeline::resize::Size;
use timeline::{ModelInfo, PlanRequest};

use crate::backend::{Backend, Conversation, Encoder, Memory, Piece, Shown, Stop, Written};
use crate::error::{Error, Result};
use crate::selection::ANSWER_TOKENS;
use crate::settings::Settings;

/// The 4.57 layout of a video in the prompt, which published checkpoints were evaluated with (`qwen3-vl.md` §4).
const WRAPPER: Wrapper = Wrapper::Replaced;

/// A loaded checkpoint and what is known about it.
pub(crate) struct Candle {
    model: Arc<Qwen3Vl>,
    info: ModelInfo,
}

impl Candle {
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let folder = &settings.model_dir;
        if !folder.join("config.json").is_file() {
            return Err(Error::ModelMissing(folder.clone()));
        }
        if let Some(threads) = settings.threads {
            // Fails when the pool exists already, as in a second engine of one process: the first one's size stays.
            if rayon::ThreadPoolBuilder::new().num_threads(threads as usize).build_global().is_err() {
                tracing::warn!("the number of threads was set before; it stays as it is");
            }
        }
        let model = load(folder, &settings.device)?;
        let profile = model.profile();
        let window = model.config().text_config.max_position_embeddings;
        let info = ModelInfo {
            name: name(folder),
            plan: PlanRequest { fps: profile.fps, min_frames: profile.min_frames, max_frames: profile.max_frames },
            resize: profile.resize,
            max_context: u32::try_from(window).unwrap_or(u32::MAX),
            demo: settings.bundled_model,
        };
        Ok(Self { model: Arc::new(model), info })
    }
}

fn load(folder: &Path, device: &str) -> Result<Qwen3Vl> {
    let on = |device| Ok(Qwen3Vl::load(folder, LoadOptions { device, dtype: None })?);
    match device {
        "cpu" => on(DeviceKind::Cpu),
        "cuda" => on(DeviceKind::Cuda(0)),
        "auto" if cfg!(feature = "cuda") => on(DeviceKind::Cuda(0)).or_else(|error| {
            tracing::warn!(%error, "no CUDA device can be used; the model runs on the processor");
            on(DeviceKind::Cpu)
        }),
        "auto" => on(DeviceKind::Cpu),
        other => match other.strip_prefix("cuda:").and_then(|n| n.parse().ok()) {
            Some(number) => on(DeviceKind::Cuda(number)),
            None => Err(Error::NoDevice(other.to_owned())),
        },
    }
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

    fn encoder(&self) -> Option<&dyn Encoder> {
        Some(self)
    }

    fn segment_tokens(&self, stamp: &str, size: Size) -> u32 {
        let text = format!("<{stamp} seconds><|vision_start|><|vision_end|>");
        // Without a tokenizer that works no question can be answered anyway; that error is told there.
        let around = self.model.tokenizer().encode(&text).map_or(16, |ids| ids.len());
        u32::try_from(around).unwrap_or(u32::MAX).saturating_add(size.tokens())
    }

    fn question_tokens(&self, question: &str) -> Result<u32> {
        let prompt = self.model.prompt(&[Message::user(vec![Content::Text(question.to_owned())])], WRAPPER)?;
        Ok(u32::try_from(prompt.tokens()).unwrap_or(u32::MAX))
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Talk { session: self.model.new_session(), model: Arc::clone(&self.model), first: None, answer: None })
    }
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
fn features(segment: &Shown) -> Result<&Arc<SegmentFeatures>> {
    match &segment.memory {
        Memory::Features(features) => Ok(features),
        Memory::Pictures(_) => Err(Error::Internal("a segment was shown without having been encoded".to_owned())),
    }
}

/// A session, and the answer once a question was asked.
struct Talk {
    model: Arc<Qwen3Vl>,
    session: Session,
    /// The first segment shown, to lay out the end of a prompt that contains a video.
    first: Option<Shown>,
    answer: Option<Answer>,
}

struct Answer {
    logits: Logits,
    sampler: Sampler,
    text: TextStream,
    written: u32,
}

impl Talk {
    fn prompt(&self, segments: &[Shown], question: &str) -> Result<qwen3_vl::Prompt> {
        let items = segments
            .iter()
            .map(|s| Ok(VideoItem::Segment { stamp: s.stamp.clone(), features: Arc::clone(features(s)?) }))
            .collect::<Result<_>>()?;
        let content = vec![Content::Video(items), Content::Text(question.to_owned())];
        Ok(self.model.prompt(&[Message::user(content)], WRAPPER)?)
    }
}

impl Conversation for Talk {
    fn fork(&self) -> Result<Box<dyn Conversation>> {
        Ok(Box::new(Self {
            model: Arc::clone(&self.model),
            session: self.session.fork()?,
            first: self.first.clone(),
            answer: None,
        }))
    }

    fn tokens(&self) -> u32 {
        u32::try_from(self.session.len()).unwrap_or(u32::MAX)
    }

    fn bytes(&self) -> u64 {
        self.session.bytes() as u64
    }

    fn show(&mut self, segments: &[Shown], stop: Stop<'_>) -> Result<()> {
        let Some(first) = segments.first() else { return Ok(()) };
        let parts = if self.first.is_none() {
            // The words of a question do not reach back over the video: any question gives the same beginning.
            self.prompt(segments, "?")?.split_after_video().0
        } else {
            let mut parts = Vec::with_capacity(segments.len() * 3);
            for segment in segments {
                parts.extend(self.model.segment_parts(&segment.stamp, features(segment)?)?);
            }
            parts
        };
        self.model.prefill(&mut self.session, &parts, stop)?;
        self.first.get_or_insert_with(|| first.clone());
        Ok(())
    }

    fn ask(&mut self, question: &str, stop: Stop<'_>) -> Result<()> {
        let first = self.first.as_slice();
        let (_, parts) = self.prompt(first, question)?.split_after_video();
        self.model.prefill(&mut self.session, &parts, stop)?;
        let logits = self.model.step(&self.session)?.logits;
        // Greedy, whatever the checkpoint's defaults: times and numbers are not a matter of chance (`qwen3-vl.md` §9).
        let sampler = Sampler::new(Sampling::default(), []);
        self.answer = Some(Answer { logits, sampler, text: TextStream::default(), written: 0 });
        Ok(())
    }

    fn write(&mut self) -> Result<Written> {
        let Some(mut answer) = self.answer.take() else { return Ok(Written::Over) };
        let token = answer.sampler.choose(&answer.logits);
        if self.model.is_end(token) || answer.written >= ANSWER_TOKENS {
            let rest = answer.text.finish(self.model.tokenizer())?;
            if rest.is_empty() {
                return Ok(Written::Over);
            }
            return Ok(Written::Piece(Piece { text: rest, looked: None }));
        }
        let step = self.model.decode_step(&mut self.session, token)?;
        let text = answer.text.push(self.model.tokenizer(), token)?;
        answer.logits = step.logits;
        answer.written += 1;
        self.answer = Some(answer);
        Ok(Written::Piece(Piece { text, looked: step.pointer }))
    }
}
