//! The back end in this process: Qwen3-VL in candle.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use qwen3_vl::{
    Content, DeviceKind, LoadOptions, Logits, Message, PromptPart, Qwen3Vl, RgbFrame, Sampler, Sampling,
    SegmentFeatures, Session, TextStream, VideoItem, Wrapper, resize_bicubic,
};
use timeline::resize::Size;
use timeline::{ModelInfo, PlanRequest};

use crate::backend::{Backend, Conversation, Piece, Shown, Stop};
use crate::error::{Error, Result};
use crate::selection::{ANSWER_TOKENS, THOUGHT_TOKENS};
use crate::settings::Settings;
use crate::thought::{CLOSE, Kind, Splitter};

/// The 4.57 layout of a video in the prompt, which published checkpoints were evaluated with (`qwen3-vl.md` §4).
const WRAPPER: Wrapper = Wrapper::Replaced;

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
        let question = [Message::text("user", "?")];
        let thinks = model.prompt(&question, WRAPPER)?.opens_thought();
        Ok(Self { model: Arc::new(model), info, thinks })
    }
}

pub(crate) fn load(folder: &Path, device: &str) -> Result<Qwen3Vl> {
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

    fn resize(&self, frame: &RgbFrame, size: Size) -> Result<RgbFrame> {
        Ok(resize_bicubic(frame, size.width, size.height))
    }

    fn encode(&self, pairs: &[[RgbFrame; 2]]) -> Result<Vec<SegmentFeatures>> {
        Ok(self.model.encode_segments(pairs)?)
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

    fn room(&self) -> u32 {
        if self.thinks { ANSWER_TOKENS + THOUGHT_TOKENS } else { ANSWER_TOKENS }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Talk { session: self.model.new_session(), model: Arc::clone(&self.model), first: None, answer: None })
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
    /// For thoughts: as the checkpoint wants them. Thinking greedily tends to go in circles.
    thinking: Sampler,
    /// For the answer: greedy, whatever the checkpoint's defaults. Times and numbers are not a matter of chance
    /// (`qwen3-vl.md` §9).
    answering: Sampler,
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
    fn write(&mut self, text: &str, looked: Option<Vec<f32>>) {
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
}

impl Talk {
    fn prompt(&self, segments: &[Shown], question: &str) -> Result<qwen3_vl::Prompt> {
        let items = segments
            .iter()
            .map(|s| VideoItem::Segment { stamp: s.stamp.clone(), features: Arc::clone(&s.features) })
            .collect();
        let content = vec![Content::Video(items), Content::Text(question.to_owned())];
        Ok(self.model.prompt(&[Message::user(content)], WRAPPER)?)
    }
}

impl Talk {
    /// Tokens there are for a thought, the answer's own left free.
    fn thought_limit(&self) -> u32 {
        let window = self.model.config().text_config.max_position_embeddings as i64;
        let next = self.session.len() as i64 + self.session.rope_delta();
        let left = window.saturating_sub(next).saturating_sub(i64::from(ANSWER_TOKENS));
        u32::try_from(left.max(0)).unwrap_or(u32::MAX).min(THOUGHT_TOKENS)
    }

    /// Writes one more token.
    fn advance(&mut self, answer: &mut Answer) -> Result<()> {
        let thinking = answer.splitter.kind() == Kind::Thought;
        if thinking && answer.thought >= answer.thought_limit {
            return self.break_off(answer);
        }
        let sampler = if thinking { &mut answer.thinking } else { &mut answer.answering };
        let token = sampler.choose(&answer.logits);
        if self.model.is_end(token) || answer.written >= ANSWER_TOKENS {
            answer.over = true;
            let rest = std::mem::take(&mut answer.text).finish(self.model.tokenizer())?;
            if !rest.is_empty() {
                answer.write(&rest, None);
            }
            let held = std::mem::replace(&mut answer.splitter, Splitter::new(false)).finish();
            answer.ready.extend(held.map(|(kind, text)| Piece { text, kind, looked: None }));
            return Ok(());
        }
        let step = self.model.decode_step(&mut self.session, token)?;
        let text = answer.text.push(self.model.tokenizer(), token)?;
        answer.logits = step.logits;
        if thinking {
            answer.thought += 1
        } else {
            answer.written += 1
        }
        answer.write(&text, step.pointer);
        Ok(())
    }

    /// Ends a thought that has become too long: the model reads a closing tag as if it had written it, and answers.
    fn break_off(&mut self, answer: &mut Answer) -> Result<()> {
        let ids = self.model.tokenizer().encode(&format!("\n{CLOSE}\n\n"))?;
        self.model.prefill(&mut self.session, &[PromptPart::Tokens(ids)], &|| false)?;
        answer.logits = self.model.step(&self.session)?.logits;
        answer.text = TextStream::default();
        answer.write(CLOSE, None);
        Ok(())
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
                parts.extend(self.model.segment_parts(&segment.stamp, &segment.features)?);
            }
            parts
        };
        self.model.prefill(&mut self.session, &parts, stop)?;
        self.first.get_or_insert_with(|| first.clone());
        Ok(())
    }

    fn ask(&mut self, question: &str, stop: Stop<'_>) -> Result<()> {
        let first = self.first.as_slice();
        let prompt = self.prompt(first, question)?;
        let (_, parts) = prompt.split_after_video();
        self.model.prefill(&mut self.session, &parts, stop)?;
        let logits = self.model.step(&self.session)?.logits;
        self.answer = Some(Answer {
            logits,
            thinking: Sampler::new(self.model.sampling(), []),
            answering: Sampler::new(Sampling::default(), []),
            text: TextStream::default(),
            splitter: Splitter::new(prompt.opens_thought()),
            ready: VecDeque::new(),
            thought: 0,
            thought_limit: self.thought_limit(),
            written: 0,
            over: false,
        });
        Ok(())
    }

    fn write(&mut self) -> Result<Option<Piece>> {
        let Some(mut answer) = self.answer.take() else { return Ok(None) };
        if answer.ready.is_empty() && !answer.over {
            self.advance(&mut answer)?;
        }
        let piece = answer.ready.pop_front();
        self.answer = piece.is_some().then_some(answer);
        Ok(piece)
    }
}
