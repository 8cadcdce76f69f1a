//! A back end without a model: counts what it is asked to do, takes its time if wished, runs out of memory if told so, and
//! answers with what it was shown.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use candle_core::{Device, Tensor};
use qwen3_vl::{Look, RgbFrame, SegmentFeatures, Window};
use timeline::resize::{ResizeRule, Size};
use timeline::{ModelInfo, PlanRequest};

use crate::backend::{Backend, Conversation, Encoder, Memory, Piece, Shown, Stop, Written};
use crate::error::{Error, Result};
use crate::thought::Kind;
use crate::worker::survive;

/// Tokens of one segment.
pub(super) const SEGMENT: u32 = 10;
/// Tokens of a subtitle.
pub(super) const LINE: u32 = 3;
/// Tokens of a question and what is around it.
pub(super) const QUESTION: u32 = 7;
/// Bytes of a token.
pub(super) const TOKEN_BYTES: u64 = 100;

/// What the dream was asked to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// So many segments, the first of them with this stamp.
    Show(String, usize),
    /// A question.
    Ask(String),
    /// One token for each of so many answers.
    Write(usize),
}

/// What all conversations of a dream have in common.
#[derive(Default)]
pub(super) struct World {
    /// Tokens written, ever.
    pub(super) written: AtomicU32,
    /// Segments shown, ever.
    pub(super) shown: AtomicU32,
    /// Bytes that live conversations hold, shared ones once.
    pub(super) held: AtomicU64,
    /// Bytes there are; 0 is without end.
    pub(super) memory: AtomicU64,
    /// How long a pair to encode and a step of writing take.
    pace: Mutex<Duration>,
    /// How long it takes to show a segment.
    show_pace: Mutex<Duration>,
    pub(super) deeds: Mutex<Vec<Deed>>,
    /// Tokens of the native window; 0 is without end.
    pub(super) native: AtomicU32,
    /// The window of every conversation that was begun.
    pub(super) windows: Mutex<Vec<Window>>,
    /// Whether what a "wait" waits for has come.
    pub(super) come: AtomicBool,
}

impl World {
    fn note(&self, deed: Deed) {
        self.deeds.lock().unwrap().push(deed);
    }

    /// Whether there is memory for so many tokens more.
    fn room(&self, tokens: u32) -> Result<()> {
        let (memory, held) = (self.memory.load(Ordering::SeqCst), self.held.load(Ordering::SeqCst));
        let wanted = held + u64::from(tokens) * TOKEN_BYTES;
        if memory > 0 && wanted > memory { Err(out_of_memory()) } else { Ok(()) }
    }

    fn rest(&self) {
        std::thread::sleep(*self.pace.lock().unwrap());
    }
}

pub(super) struct Dream {
    info: ModelInfo,
    /// Pairs encoded, ever.
    encoded: AtomicU32,
    /// Panics instead of encoding.
    pub(super) broken: AtomicBool,
    pub(super) world: Arc<World>,
}

impl Dream {
    pub(super) fn new() -> Arc<Self> {
        Self::reaching(None)
    }

    /// One that reads so many segments well at once.
    pub(super) fn reaching(reach: Option<u32>) -> Arc<Self> {
        let resize = ResizeRule::QwenVlUtils { min_pixels: 1024, max_pixels: 2048, total_pixels: 1 << 30 };
        let plan = PlanRequest::default();
        let info =
            ModelInfo { name: "dream".into(), plan, resize, reach, captions: true, max_context: 1_000_000, demo: true };
        let (encoded, broken) = Default::default();
        Arc::new(Self { info, encoded, broken, world: Arc::default() })
    }

    pub(super) fn slow(&self, pace: Duration) {
        *self.world.pace.lock().unwrap() = pace;
    }

    pub(super) fn show_slowly(&self, pace: Duration) {
        *self.world.show_pace.lock().unwrap() = pace;
    }

    pub(super) fn encoded(&self) -> u32 {
        self.encoded.load(Ordering::SeqCst)
    }

    pub(super) fn shown(&self) -> u32 {
        self.world.shown.load(Ordering::SeqCst)
    }

    pub(super) fn deeds(&self) -> Vec<Deed> {
        self.world.deeds.lock().unwrap().clone()
    }
}

impl Backend for Dream {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn fingerprint(&self) -> &str {
        "dream"
    }

    fn encoder(&self) -> Option<&dyn Encoder> {
        Some(self)
    }

    fn segment_tokens(&self, _stamp: &str, _size: Size) -> u32 {
        SEGMENT
    }

    fn caption_tokens(&self, caption: &str) -> u32 {
        caption.lines().count() as u32 * LINE
    }

    fn question_tokens(&self, _question: &str) -> Result<u32> {
        Ok(QUESTION)
    }

    fn window(&self, tokens: u32, _segments: u32, _size: Size) -> Option<Window> {
        match self.world.native.load(Ordering::SeqCst) {
            0 => Some(Window::Native),
            native if tokens <= native => Some(Window::Native),
            native => (tokens <= 3 * native).then_some(Window::Extended),
        }
    }

    fn widest_context(&self) -> (u32, u32) {
        match self.world.native.load(Ordering::SeqCst) {
            0 => (self.info.max_context, self.info.max_context),
            native => (3 * native, 6 * native),
        }
    }

    fn conversation(&self, window: Window) -> Box<dyn Conversation> {
        self.world.windows.lock().unwrap().push(window);
        Box::new(Sleep::new(Arc::clone(&self.world), Vec::new(), Vec::new(), 0))
    }

    fn token_bytes(&self) -> u64 {
        TOKEN_BYTES
    }

    fn write(&self, answers: &mut [&mut dyn Conversation]) -> Vec<Result<Written>> {
        self.world.note(Deed::Write(answers.len()));
        self.world.rest();
        answers.iter_mut().map(|answer| survive("writing", || answer.write())).collect()
    }
}

impl Encoder for Dream {
    fn resize(&self, frame: &RgbFrame, size: Size) -> Result<RgbFrame> {
        Ok(qwen3_vl::resize_bicubic(frame, size.width, size.height))
    }

    fn encode(&self, pairs: &[[RgbFrame; 2]]) -> Result<Vec<SegmentFeatures>> {
        assert!(!self.broken.load(Ordering::SeqCst), "a kernel gave up");
        self.world.room(pairs.len() as u32 * SEGMENT)?;
        pairs
            .iter()
            .map(|pair| {
                self.world.rest();
                self.encoded.fetch_add(1, Ordering::SeqCst);
                // The colours of both frames, to be recognised.
                let colours = pair.each_ref().map(|frame| f32::from(frame.data()[0]));
                let merged = Tensor::new(&[colours], &Device::Cpu).map_err(qwen3_vl::Error::from)?;
                Ok(SegmentFeatures::new(merged, Vec::new(), (2, 2))?)
            })
            .collect()
    }
}

/// Memory of a run of tokens: gone when nobody shares it any more.
struct Block {
    world: Arc<World>,
    bytes: AtomicU64,
}

impl Block {
    fn new(world: &Arc<World>) -> Arc<Self> {
        Arc::new(Self { world: Arc::clone(world), bytes: AtomicU64::new(0) })
    }

    fn grow(&self, tokens: u32) -> Result<()> {
        self.world.room(tokens)?;
        let bytes = u64::from(tokens) * TOKEN_BYTES;
        self.world.held.fetch_add(bytes, Ordering::SeqCst);
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        Ok(())
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.world.held.fetch_sub(self.bytes.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

fn out_of_memory() -> Error {
    qwen3_vl::Error::from(candle_core::Error::Msg("CUDA_ERROR_OUT_OF_MEMORY".into())).into()
}

/// Answers "saw 0.2:0,1 1.2:2,3 …" — stamps and colours of what it was shown; "count" makes it write a thousand words,
/// "times" a sentence with a time, "think" thoughts with a time and then an answer with another, "panic" break as it is asked,
/// "stumble" break at the third word, "overflow" run out of memory at the third word, "wait" have nothing to say until it has
/// [come](World::come); "find 7" names the stamps of the segments in which it saw that colour, or says that it is nowhere.
struct Sleep {
    world: Arc<World>,
    shared: Vec<Arc<Block>>,
    own: Arc<Block>,
    shown: Vec<String>,
    /// Subtitles among what was shown.
    lines: u32,
    words: Vec<String>,
    asked: bool,
}

impl Sleep {
    fn new(world: Arc<World>, shared: Vec<Arc<Block>>, shown: Vec<String>, lines: u32) -> Self {
        Self { own: Block::new(&world), world, shared, shown, lines, words: Vec::new(), asked: false }
    }
}

impl Sleep {
    fn found(&self, find: &str) -> String {
        let colour = find.trim_start_matches("find ");
        let sees = |segment: &&String| {
            segment.split_once(':').is_some_and(|(_, colours)| colours.split(',').any(|other| other == colour))
        };
        let stamps: Vec<_> =
            self.shown.iter().filter(sees).filter_map(|segment| Some(segment.split_once(':')?.0)).collect();
        match (stamps.first(), stamps.last()) {
            (Some(first), Some(last)) => format!("It is there from {first} to {last} seconds."),
            _ => "It is nowhere.".to_owned(),
        }
    }
}

impl Conversation for Sleep {
    fn fork(&self) -> Result<Box<dyn Conversation>> {
        let blocks = self.shared.iter().chain([&self.own]).cloned().collect();
        Ok(Box::new(Self::new(Arc::clone(&self.world), blocks, self.shown.clone(), self.lines)))
    }

    fn tokens(&self) -> u32 {
        self.shown.len() as u32 * SEGMENT + self.lines * LINE + u32::from(self.asked) * QUESTION
    }

    fn own_bytes(&self) -> u64 {
        self.own.bytes.load(Ordering::SeqCst)
    }

    fn show(&mut self, segments: &[Shown], stop: Stop<'_>) -> Result<()> {
        if stop() {
            return Err(Error::Cancelled);
        }
        let lines: u32 = segments.iter().map(|segment| segment.caption.lines().count() as u32).sum();
        self.own.grow(segments.len() as u32 * SEGMENT + lines * LINE)?;
        self.lines += lines;
        if let Some(first) = segments.first() {
            self.world.note(Deed::Show(first.stamp.clone(), segments.len()));
        }
        for segment in segments {
            std::thread::sleep(*self.world.show_pace.lock().unwrap());
            self.world.shown.fetch_add(1, Ordering::SeqCst);
            let Memory::Features(features) = &segment.memory else { panic!("not encoded") };
            let colours: Vec<f32> = features.merged().flatten_all().unwrap().to_vec1().unwrap();
            let caption = &segment.caption;
            self.shown.push(format!("{caption}{}:{},{}", segment.stamp, colours[0], colours[1]));
        }
        Ok(())
    }

    fn ask(&mut self, question: &str, _stop: Stop<'_>) -> Result<()> {
        self.own.grow(QUESTION)?;
        self.asked = true;
        self.world.note(Deed::Ask(question.to_owned()));
        let text = match question {
            "count" => (0..1000).map(|n| n.to_string()).collect(),
            "times" => "It is there from 1.0 to 2.5 seconds. Nothing else.".split(' ').map(str::to_owned).collect(),
            "think" => "thought:At thought:7.0 thought:seconds? At 2.0 seconds. Nothing else."
                .split(' ')
                .map(str::to_owned)
                .collect(),
            find if find.starts_with("find ") => self.found(find).split(' ').map(str::to_owned).collect(),
            "panic" => panic!("a dream broke"),
            "wait" => vec!["wait".to_owned(), "came".to_owned()],
            "stumble" | "overflow" => ["one", "two", question, "four"].map(str::to_owned).to_vec(),
            _ => [vec!["saw".to_owned()], self.shown.clone()].concat(),
        };
        self.words = text;
        self.words.reverse();
        Ok(())
    }

    fn write(&mut self) -> Result<Written> {
        match self.words.last().map(String::as_str) {
            Some("stumble") => panic!("a dream stumbled"),
            Some("overflow") => return Err(out_of_memory()),
            Some("wait") if !self.world.come.load(Ordering::SeqCst) => return Ok(Written::Waiting),
            _ => {}
        }
        self.world.written.fetch_add(1, Ordering::SeqCst);
        let looked = Some(Look { weights: vec![1.0; self.shown.len()], proposed: None });
        let Some(word) = self.words.pop() else { return Ok(Written::Over) };
        let (kind, word) = match word.strip_prefix("thought:") {
            Some(word) => (Kind::Thought, word.to_owned()),
            None => (Kind::Answer, word),
        };
        Ok(Written::Piece(Piece { text: word + " ", kind, looked }))
    }
}
