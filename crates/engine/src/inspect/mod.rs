//! One request through the model with everything on the way written down, to be compared with another implementation.
//!
//! The same pictures, prompt and chunks as a question of the page; `docs/inspect.md` says what is in the file, and
//! `training/compare.py` reads it beside transformers.

mod request;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use qwen3_vl::{
    Content, Message, Qwen3Vl, RgbFrame, Scored, SegmentFeatures, Trace, VideoItem, Wrapper, resize_bicubic,
};
use timeline::Timestamp;
use timeline::resize::Size;
use timeline::time::stamp;

use self::request::{Part, Picture, Request};
use crate::candle;
use crate::error::{Error, Result};
use crate::settings::Settings;

/// Changes when a name or a meaning in the file does.
const FORMAT: &str = "timepin-inspect-1";

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspected {
    /// Tokens of the prompt.
    pub tokens: usize,
    /// Tensors in the file.
    pub tensors: usize,
}

/// Runs the request in the file `request` through the checkpoint of the settings and writes all it computes to `out`.
///
/// # Errors
/// A request that makes no sense or names files that are not there, a model that cannot be loaded, a full disk.
pub fn inspect(settings: &Settings, request: &Path, out: &Path, scored: Scored) -> Result<Inspected> {
    let folder = request.parent().unwrap_or(Path::new(""));
    let request = Request::read(request)?;
    let model = candle::load(&settings.model_dir, settings)?;
    let mut seen = Seen::default();
    let messages = request
        .messages
        .iter()
        .map(|turn| {
            let content = turn.content.iter().map(|part| seen.look(&model, folder, part)).collect::<Result<_>>()?;
            Ok(Message { role: turn.role.clone(), content })
        })
        .collect::<Result<Vec<_>>>()?;
    let wrapper = match request.wrapper {
        request::Wrapper::Replaced => Wrapper::Replaced,
        request::Wrapper::Kept => Wrapper::Kept,
    };
    let trace = model.trace(&model.prompt(&messages, wrapper)?, scored)?;
    let tokens = trace.ids.len();
    let mut tensors = HashMap::new();
    seen.videos.tensors("video", "pixel_values_videos", &mut tensors)?;
    seen.images.tensors("image", "pixel_values", &mut tensors)?;
    seen.times(&mut tensors)?;
    decoder(trace, &mut tensors)?;
    let count = tensors.len();
    let about = HashMap::from([
        ("format".to_owned(), FORMAT.to_owned()),
        ("fingerprint".to_owned(), model.fingerprint().to_owned()),
    ]);
    safetensors::serialize_to_file(tensors, Some(about), out)
        .map_err(|e| Error::File { path: out.into(), source: std::io::Error::other(e) })?;
    Ok(Inspected { tokens, tensors: count })
}

/// Pictures of one kind on their way through the tower, in the order of the prompt.
#[derive(Default)]
struct Pictures {
    /// Segments, rows and columns of patches of each picture or video.
    grids: Vec<[u32; 3]>,
    patches: Vec<f32>,
    features: Vec<Arc<SegmentFeatures>>,
}

impl Pictures {
    fn encode(&mut self, model: &Qwen3Vl, pairs: &[[RgbFrame; 2]], size: Size) -> Result<Vec<Arc<SegmentFeatures>>> {
        let patch = u32::try_from(model.config().vision_config.patch_size).unwrap_or(u32::MAX);
        let (rows, columns) = (size.height / patch, size.width / patch);
        let patches = model.patches(pairs)?;
        let features: Vec<_> = model
            .encode_patches(&patches, pairs.len(), (rows as usize, columns as usize))?
            .into_iter()
            .map(Arc::new)
            .collect();
        self.grids.push([u32::try_from(pairs.len()).unwrap_or(u32::MAX), rows, columns]);
        self.patches.extend(patches);
        self.features.extend(features.iter().cloned());
        Ok(features)
    }

    fn tensors(&self, kind: &str, pixels: &str, out: &mut HashMap<String, Tensor>) -> Result<()> {
        if self.grids.is_empty() {
            return Ok(());
        }
        let grids: Vec<i64> = self.grids.iter().flatten().copied().map(i64::from).collect();
        out.insert(format!("{kind}_grid_thw"), table(&grids, (self.grids.len(), 3))?);
        let count: usize = self.grids.iter().map(|grid| grid.iter().map(|&n| n as usize).product::<usize>()).sum();
        out.insert(pixels.to_owned(), table(&self.patches, (count, self.patches.len() / count.max(1)))?);
        let joined = |pick: &dyn Fn(&SegmentFeatures) -> Option<&Tensor>| -> Result<Tensor> {
            let parts: Vec<_> = self.features.iter().filter_map(|features| pick(features)).collect();
            let joined = Tensor::cat(&parts, 0).and_then(|joined| joined.to_device(&Device::Cpu));
            Ok(joined.map_err(qwen3_vl::Error::from)?)
        };
        out.insert(format!("{kind}_embeds"), joined(&|features| Some(features.merged()))?);
        let taps = self.features.first().map_or(0, |features| features.taps().len());
        for tap in 0..taps {
            out.insert(format!("{kind}_deepstack.{tap}"), joined(&|features| features.taps().get(tap))?);
        }
        Ok(())
    }
}

/// What the request shows.
#[derive(Default)]
struct Seen {
    videos: Pictures,
    images: Pictures,
    /// Every segment of every video: timestamps of its two frames, and its stamp.
    segments: Vec<([Timestamp; 2], String)>,
}

impl Seen {
    fn look(&mut self, model: &Qwen3Vl, folder: &Path, part: &Part) -> Result<Content> {
        match part {
            Part::Text { text } => Ok(Content::Text(text.clone())),
            Part::Image { picture, size } => {
                let (mut frames, size) = load(model, folder, &[(Timestamp::ZERO, picture)], *size)?;
                let frame = frames.pop().ok_or_else(nothing)?;
                let features = self.images.encode(model, &[[frame.clone(), frame]], size)?;
                Ok(Content::Image(features.into_iter().next().ok_or_else(nothing)?))
            }
            Part::Video { frames, size } => {
                let times: Vec<_> = frames.iter().map(|frame| Timestamp::from_micros(frame.pts_us)).collect();
                let pictures: Vec<_> = times.iter().copied().zip(frames.iter().map(|frame| &frame.picture)).collect();
                let (pictures, size) = load(model, folder, &pictures, *size)?;
                let features = self.videos.encode(model, &pairs(&pictures), size)?;
                let spans = pairs(&times);
                let stamps = spans.iter().map(|[first, second]| stamp(*first, *second));
                let items = stamps.clone().zip(features);
                let items = items.zip(&spans).map(|((stamp, features), [first, second])| {
                    let features = Arc::new(features.shown_at(first.midpoint(*second)));
                    VideoItem::Segment { stamp, features }
                });
                let items = items.collect();
                self.segments.extend(spans.iter().copied().zip(stamps));
                Ok(Content::Video(items))
            }
        }
    }

    fn times(&self, out: &mut HashMap<String, Tensor>) -> Result<()> {
        if self.segments.is_empty() {
            return Ok(());
        }
        let micros: Vec<i64> = self.segments.iter().flat_map(|(span, _)| span.map(Timestamp::micros)).collect();
        out.insert("segment_pts_us".into(), table(&micros, (self.segments.len(), 2))?);
        let stamps: Vec<_> = self.segments.iter().map(|(_, stamp)| stamp.as_str()).collect();
        let text = stamps.join("\n").into_bytes();
        out.insert("stamps".into(), table(&text, text.len())?);
        Ok(())
    }
}

fn nothing() -> Error {
    Error::BadRequest("a picture is empty".into())
}

/// The frames at the size the model sees them: the one asked for, or the one its profile gives.
fn load(
    model: &Qwen3Vl,
    folder: &Path,
    pictures: &[(Timestamp, &Picture)],
    size: Option<[u32; 2]>,
) -> Result<(Vec<RgbFrame>, Size)> {
    let frames = pictures.iter().map(|(at, picture)| picture.load(folder, *at)).collect::<Result<Vec<RgbFrame>>>()?;
    let first = frames.first().ok_or_else(nothing)?;
    let source = Size { height: first.height(), width: first.width() };
    if frames.iter().any(|frame| (frame.height(), frame.width()) != (source.height, source.width)) {
        return Err(Error::BadRequest("the frames of a video have different sizes".into()));
    }
    let size = match size {
        Some([height, width]) => Size { height, width },
        None => model.profile().resize.target(source, u32::try_from(frames.len()).unwrap_or(u32::MAX))?,
    };
    Ok((frames.iter().map(|frame| resize_bicubic(frame, size.width, size.height)).collect(), size))
}

/// Neighbours in pairs; a last one without partner is its own.
fn pairs<T: Clone>(all: &[T]) -> Vec<[T; 2]> {
    all.chunks(2).filter_map(|two| Some([two.first()?.clone(), two.last()?.clone()])).collect()
}

fn decoder(trace: Trace, out: &mut HashMap<String, Tensor>) -> Result<()> {
    let length = trace.ids.len();
    let ids: Vec<i64> = trace.ids.iter().copied().map(i64::from).collect();
    out.insert("input_ids".into(), table(&ids, length)?);
    let axes: Vec<i64> = (0..3)
        .flat_map(|axis| trace.positions.iter().filter_map(move |p| p.get(axis)))
        .copied()
        .map(i64::from)
        .collect();
    out.insert("position_ids".into(), table(&axes, (3, length))?);
    for (i, state) in trace.hidden_states.into_iter().enumerate() {
        out.insert(format!("hidden_states.{i}"), state);
    }
    out.insert("logits".into(), trace.logits);
    Ok(())
}

fn table<T: candle_core::WithDType>(values: &[T], shape: impl Into<candle_core::Shape>) -> Result<Tensor> {
    Ok(Tensor::from_slice(values, shape, &Device::Cpu).map_err(qwen3_vl::Error::from)?)
}
