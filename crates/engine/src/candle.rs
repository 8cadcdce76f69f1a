//! The back end in this process: Qwen3-VL in candle.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use qwen3_vl::{
    Content, DeviceKind, LoadOptions, Message, PromptPart, Qwen3Vl, RgbFrame, Sampler, Sampling, SegmentFeatures,
    Session, Step, TextStream, VideoItem, Wrapper, is_model_folder, resize_bicubic,
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
            max_context: u32::try_from(window).unwrap_or(u32::MAX),
            demo: settings.bundled_model,
        };
        Ok(Self { model: Arc::new(model), info })
    }
}

fn load(folder: &Path, settings: &Settings) -> Result<Qwen3Vl> {
    let Settings { device, precision, kv_cache, use_flash_attention, .. } = settings;
    let on = |device| {
        let options =
            LoadOptions { device, precision: *precision, cache: *kv_cache, flash_attention: *use_flash_attention };
        Ok(Qwen3Vl::load(folder, options)?)
    };
    match device.as_str() {
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
        Box::new(Talk::new(Arc::clone(&self.model), self.model.new_session(), None))
    }

    fn token_bytes(&self) -> u64 {
        self.model.new_session().token_bytes() as u64
    }

    fn write(&self, answers: &mut [&mut dyn Conversation]) -> Vec<Result<Written>> {
        let talks = answers.iter_mut().map(|answer| (&mut **answer as &mut dyn Any).downcast_mut::<Talk>());
        match talks.collect::<Option<Vec<_>>>() {
            Some(mut talks) => write(&self.model, &mut talks),
            None => answers.iter_mut().map(|answer| answer.write()).collect(),
        }
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
    /// What is left to read of the question.
    unread: Vec<u32>,
    answer: Option<Answer>,
}

struct Answer {
    sampler: Sampler,
    /// Chosen but not read yet.
    next: u32,
    text: TextStream,
    written: u32,
}

impl Talk {
    fn new(model: Arc<Qwen3Vl>, session: Session, first: Option<Shown>) -> Self {
        Self { model, session, first, unread: Vec::new(), answer: None }
    }

    /// The token to read next, or what the answer ends with.
    fn next(&mut self) -> Result<Next> {
        let Some(answer) = &mut self.answer else { return Ok(Next::End(Written::Over)) };
        if !self.model.is_end(answer.next) && answer.written < ANSWER_TOKENS {
            return Ok(Next::Token(answer.next));
        }
        let rest = std::mem::take(&mut answer.text).finish(self.model.tokenizer())?;
        self.answer = None;
        let last = if rest.is_empty() { Written::Over } else { Written::Piece(Piece { text: rest, looked: None }) };
        Ok(Next::End(last))
    }

    /// Takes note of a token that was read.
    fn advance(&mut self, token: u32, step: Step) -> Result<Written> {
        let Some(answer) = &mut self.answer else { return Ok(Written::Over) };
        answer.written += 1;
        answer.next = answer.sampler.choose(&step.logits);
        let text = answer.text.push(self.model.tokenizer(), token)?;
        Ok(Written::Piece(Piece { text, looked: step.pointer }))
    }

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
                parts.extend(self.model.segment_parts(&segment.stamp, features(segment)?)?);
            }
            parts
        };
        self.model.prefill(&mut self.session, &parts, stop)?;
        self.first.get_or_insert_with(|| first.clone());
        Ok(())
    }

    fn ask(&mut self, question: &str, _stop: Stop<'_>) -> Result<()> {
        let (_, parts) = self.prompt(self.first.as_slice(), question)?.split_after_video();
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
        // Greedy, whatever the checkpoint's defaults: times and numbers are not a matter of chance (`qwen3-vl.md` §9).
        let mut sampler = Sampler::new(Sampling::default(), []);
        let next = sampler.choose(&self.model.step(&self.session)?.logits);
        self.answer = Some(Answer { sampler, next, text: TextStream::default(), written: 0 });
        Ok(true)
    }

    fn write(&mut self) -> Result<Written> {
        let model = Arc::clone(&self.model);
        write(&model, &mut [self]).pop().unwrap_or(Ok(Written::Over))
    }
}

/// What a talk does when it is its turn.
enum Next {
    /// Reads this token.
    Token(u32),
    /// Ends, perhaps with some last text.
    End(Written),
}

/// Writes the next token of every talk in one pass over the weights.
fn write(model: &Qwen3Vl, talks: &mut [&mut Talk]) -> Vec<Result<Written>> {
    let next: Vec<Result<Next>> = talks.iter_mut().map(|talk| talk.next()).collect();
    let reading = talks.iter_mut().zip(&next).filter_map(|(talk, next)| match next {
        Ok(Next::Token(token)) => Some((&mut talk.session, *token)),
        _ => None,
    });
    let mut steps = read(model, &mut reading.collect::<Vec<_>>()).into_iter();
    let missing = || Err(Error::Internal("the model gave fewer steps than it was given tokens".to_owned()));
    let finish = |(talk, next): (&mut &mut Talk, Result<Next>)| match next? {
        Next::Token(token) => talk.advance(token, steps.next().unwrap_or_else(missing)?),
        Next::End(last) => Ok(last),
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
