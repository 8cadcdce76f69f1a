//! A back end without a model: counts what it is asked to do, takes its time if wished, and answers with what it was shown.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use candle_core::{Device, Tensor};
use qwen3_vl::{RgbFrame, SegmentFeatures};
use timeline::resize::{ResizeRule, Size};
use timeline::{ModelInfo, PlanRequest};

use crate::backend::{Backend, Conversation, Encoder, Memory, Piece, Shown, Stop, Written};
use crate::error::{Error, Result};

/// Tokens of one segment.
pub(super) const SEGMENT: u32 = 10;
/// Tokens of a question and what is around it.
pub(super) const QUESTION: u32 = 7;

pub(super) struct Dream {
    info: ModelInfo,
    /// Pairs encoded, ever.
    pub(super) encoded: AtomicU32,
    /// Tokens written, ever.
    pub(super) written: std::sync::Arc<AtomicU32>,
    /// How long a pair and a token take.
    pub(super) pace: Mutex<Duration>,
    /// Panics instead of encoding.
    pub(super) broken: AtomicBool,
}

impl Dream {
    pub(super) fn new() -> std::sync::Arc<Self> {
        let resize = ResizeRule::QwenVlUtils { min_pixels: 1024, max_pixels: 2048, total_pixels: 1 << 30 };
        let plan = PlanRequest::default();
        let info = ModelInfo { name: "dream".into(), plan, resize, max_context: 1_000_000, demo: true };
        std::sync::Arc::new(Self {
            info,
            encoded: AtomicU32::new(0),
            written: Default::default(),
            pace: Mutex::new(Duration::ZERO),
            broken: AtomicBool::new(false),
        })
    }

    pub(super) fn slow(&self, pace: Duration) {
        *self.pace.lock().unwrap() = pace;
    }

    pub(super) fn encoded(&self) -> u32 {
        self.encoded.load(Ordering::SeqCst)
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

    fn question_tokens(&self, _question: &str) -> Result<u32> {
        Ok(QUESTION)
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Sleep {
            shown: Vec::new(),
            words: Vec::new(),
            asked: false,
            pace: *self.pace.lock().unwrap(),
            written: self.written.clone(),
        })
    }
}

impl Encoder for Dream {
    fn resize(&self, frame: &RgbFrame, size: Size) -> Result<RgbFrame> {
        Ok(qwen3_vl::resize_bicubic(frame, size.width, size.height))
    }

    fn encode(&self, pairs: &[[RgbFrame; 2]]) -> Result<Vec<SegmentFeatures>> {
        assert!(!self.broken.load(Ordering::SeqCst), "a kernel gave up");
        pairs
            .iter()
            .map(|pair| {
                std::thread::sleep(*self.pace.lock().unwrap());
                self.encoded.fetch_add(1, Ordering::SeqCst);
                // The colours of both frames, to be recognised.
                let colours = pair.each_ref().map(|frame| f32::from(frame.data()[0]));
                let merged = Tensor::new(&[colours], &Device::Cpu).map_err(qwen3_vl::Error::from)?;
                Ok(SegmentFeatures::new(merged, Vec::new(), (2, 2))?)
            })
            .collect()
    }
}

/// Answers "saw 0.2:0,1 1.2:2,3 …" — stamps and colours of what it was shown; "count" makes it write a thousand words,
/// "times" a sentence with a time.
struct Sleep {
    shown: Vec<String>,
    words: Vec<String>,
    asked: bool,
    pace: Duration,
    written: std::sync::Arc<AtomicU32>,
}

impl Conversation for Sleep {
    fn fork(&self) -> Result<Box<dyn Conversation>> {
        Ok(Box::new(Self {
            shown: self.shown.clone(),
            words: Vec::new(),
            asked: false,
            pace: self.pace,
            written: self.written.clone(),
        }))
    }

    fn tokens(&self) -> u32 {
        self.shown.len() as u32 * SEGMENT + u32::from(self.asked) * QUESTION
    }

    fn bytes(&self) -> u64 {
        1000
    }

    fn show(&mut self, segments: &[Shown], stop: Stop<'_>) -> Result<()> {
        if stop() {
            return Err(Error::Cancelled);
        }
        for segment in segments {
            let Memory::Features(features) = &segment.memory else { panic!("not encoded") };
            let colours: Vec<f32> = features.merged().flatten_all().unwrap().to_vec1().unwrap();
            self.shown.push(format!("{}:{},{}", segment.stamp, colours[0], colours[1]));
        }
        Ok(())
    }

    fn ask(&mut self, question: &str, _stop: Stop<'_>) -> Result<()> {
        self.asked = true;
        let text = match question {
            "count" => (0..1000).map(|n| n.to_string()).collect(),
            "times" => "It is there from 1.0 to 2.5 seconds. Nothing else.".split(' ').map(str::to_owned).collect(),
            "panic" => panic!("a dream broke"),
            _ => [vec!["saw".to_owned()], self.shown.clone()].concat(),
        };
        self.words = text;
        self.words.reverse();
        Ok(())
    }

    fn write(&mut self) -> Result<Written> {
        std::thread::sleep(self.pace);
        self.written.fetch_add(1, Ordering::SeqCst);
        let looked = Some(vec![1.0; self.shown.len()]);
        Ok(self.words.pop().map_or(Written::Over, |word| Written::Piece(Piece { text: word + " ", looked })))
    }
}
