//! Pairs of frames become features: from the segment cache when these pixels were ever seen by this model, else by
//! the vision tower, a few at a time so that a question never waits long. Where the model is elsewhere nothing is
//! computed: a pair is remembered as the pictures it is.

use std::sync::Arc;

use qwen3_vl::{RgbFrame, SegmentFeatures};
use store::SegmentKey;
use timeline::resize::Size;
use timeline::{Span, VideoId};

use crate::backend::{Encoder, Memory, Picture};
use crate::error::{Error, Result};
use crate::images;
use crate::index::{Known, Pair, Status};
use crate::selection;
use crate::worker::Shared;

/// Pixels of one call to the vision tower: some tenths of a second on a processor, whatever the size of the frames.
const BATCH_PIXELS: u64 = 2 * 16 * 96 * 64;

/// A pair ready for the model.
struct Prepared {
    span: Span,
    key: SegmentKey,
    look: selection::Look,
    frames: [RgbFrame; 2],
}

impl Prepared {
    fn mark(&self) -> (Span, Status) {
        (self.span, Status::Encoded(Some(Known { key: Some(self.key), look: self.look.clone() })))
    }
}

impl Shared {
    /// Encodes the next few pending pairs of a video. Returns whether any were pending.
    ///
    /// # Errors
    /// When the device has no memory left: nothing is wrong with the pairs then, and they stay pending.
    pub(crate) fn encode_some(&self, id: &VideoId) -> Result<bool> {
        let next = self.registry.with(&self.library, id, |entry| {
            let size = entry.index.size();
            size.map(|size| (entry.index.pending(batch(size)), size))
        })?;
        let (pairs, size) = next?;
        if pairs.is_empty() {
            self.note_ready(id)?;
            return Ok(false);
        }
        let (marks, failure) = match self.encode_pairs(&pairs, size) {
            Ok(marks) => (marks, None),
            // One bad frame must not keep the others from being seen: find it by going one by one.
            Err(_) => self.encode_singly(&pairs, size),
        };
        let (starved, bad) = match failure {
            Some(error) if error.is_out_of_memory() => (Some(error), None),
            other => (None, other),
        };
        self.registry.with_loaded(id, |entry| {
            if let Some(error) = &bad {
                tracing::error!(video = %id, %error, "a segment could not be encoded");
                entry.fail(error.to_string());
            }
            entry.mark(marks);
        });
        self.note_ready(id)?;
        starved.map_or(Ok(true), Err)
    }

    /// What is remembered of a pair, for the model to be shown.
    pub(crate) fn memory(&self, id: &VideoId, pair: &Pair, size: Size) -> Result<Memory> {
        Ok(match self.backend.encoder() {
            Some(encoder) => Memory::Features(self.features(encoder, id, pair, size)?),
            None => Memory::Pictures(self.pictures(pair)?),
        })
    }

    fn pictures(&self, pair: &Pair) -> Result<Vec<Picture>> {
        let moments = [pair.span.start, pair.span.end];
        // A last frame without partner is its own; it is one picture.
        let count = if moments[0] == moments[1] { 1 } else { 2 };
        let pictures = moments.into_iter().zip(&pair.blobs).take(count);
        pictures.map(|(at, blob)| Ok(Picture { at, bytes: self.library.blob(blob)? })).collect()
    }

    /// The features of a pair that was encoded before: from the cache, or computed again when the cache lost them.
    fn features(&self, encoder: &dyn Encoder, id: &VideoId, pair: &Pair, size: Size) -> Result<Arc<SegmentFeatures>> {
        if let Some(Known { key: Some(key), .. }) = self.known(id, pair)?
            && let Some(features) = self.cached(key)
        {
            return Ok(Arc::new(features));
        }
        let prepared = self.prepare(encoder, pair, size)?;
        let features = match self.cached(prepared.key) {
            Some(features) => features,
            None => self.compute(encoder, std::slice::from_ref(&prepared))?.pop().ok_or_else(no_features)?,
        };
        self.registry.with_loaded(id, |entry| entry.mark(vec![prepared.mark()]));
        Ok(Arc::new(features))
    }

    /// What a pair looks like at a glance.
    pub(crate) fn look(&self, id: &VideoId, pair: &Pair, size: Size) -> Result<selection::Look> {
        if let Some(known) = self.known(id, pair)? {
            return Ok(known.look);
        }
        match self.backend.encoder() {
            Some(encoder) => Ok(self.prepare(encoder, pair, size)?.look),
            None => self.glance(pair),
        }
    }

    /// What a pair looks like as it is stored.
    fn glance(&self, pair: &Pair) -> Result<selection::Look> {
        let [first, second] = &pair.blobs;
        let one = images::decode(pair.span.start, &self.library.blob(first)?)?;
        let two = images::decode(pair.span.end, &self.library.blob(second)?)?;
        Ok(selection::look([&one, &two]))
    }

    fn known(&self, id: &VideoId, pair: &Pair) -> Result<Option<Known>> {
        let status = self.registry.with(&self.library, id, |entry| entry.index.status(pair.span))?;
        Ok(match status {
            Some(Status::Encoded(known)) => known,
            _ => None,
        })
    }

    /// What becomes of each pair, and the last error; want of memory ends it.
    fn encode_singly(&self, pairs: &[Pair], size: Size) -> (Vec<(Span, Status)>, Option<Error>) {
        let (mut marks, mut failure) = (Vec::new(), None);
        for pair in pairs {
            match self.encode_pairs(std::slice::from_ref(pair), size) {
                Ok(done) => marks.extend(done),
                Err(error) if error.is_out_of_memory() => return (marks, Some(error)),
                Err(error) => {
                    marks.push((pair.span, Status::Failed));
                    failure = Some(error);
                }
            }
        }
        (marks, failure)
    }

    fn encode_pairs(&self, pairs: &[Pair], size: Size) -> Result<Vec<(Span, Status)>> {
        let Some(encoder) = self.backend.encoder() else {
            return pairs.iter().map(|pair| Ok((pair.span, self.noted(pair)?))).collect();
        };
        let prepared = pairs.iter().map(|pair| self.prepare(encoder, pair, size)).collect::<Result<Vec<_>>>()?;
        let marks = prepared.iter().map(Prepared::mark).collect();
        let fresh: Vec<_> = prepared.into_iter().filter(|p| !self.segments.contains(p.key)).collect();
        if !fresh.is_empty() {
            self.compute(encoder, &fresh)?;
        }
        Ok(marks)
    }

    /// The status of a pair of which nothing is computed.
    fn noted(&self, pair: &Pair) -> Result<Status> {
        let look = self.temporal_compression.then(|| self.glance(pair)).transpose()?;
        Ok(Status::Encoded(look.map(|look| Known { key: None, look })))
    }

    /// Encodes and keeps.
    fn compute(&self, encoder: &dyn Encoder, pairs: &[Prepared]) -> Result<Vec<SegmentFeatures>> {
        let frames: Vec<_> = pairs.iter().map(|p| p.frames.clone()).collect();
        let features = encoder.encode(&frames)?;
        if features.len() != pairs.len() {
            return Err(no_features());
        }
        for (pair, features) in pairs.iter().zip(&features) {
            // A cache that cannot be written costs time later; it is no reason to fail now.
            if let Err(error) = self.segments.put(pair.key, &features.to_bytes()?) {
                tracing::warn!(%error, "the segment cache cannot be written");
            }
        }
        Ok(features)
    }

    /// Reads, decodes and scales the frames of a pair.
    fn prepare(&self, encoder: &dyn Encoder, pair: &Pair, size: Size) -> Result<Prepared> {
        let [first, second] = &pair.blobs;
        let frame = |blob, pts| {
            let picture = images::decode(pts, &self.library.blob(blob)?)?;
            encoder.resize(&picture, size)
        };
        let one = frame(first, pair.span.start)?;
        let two = if first == second { one.clone() } else { frame(second, pair.span.end)? };
        let pixels = [one.data(), two.data()];
        let key = SegmentKey::of(self.backend.fingerprint(), (size.width, size.height), pixels);
        Ok(Prepared { span: pair.span, key, look: selection::look([&one, &two]), frames: [one, two] })
    }

    fn cached(&self, key: SegmentKey) -> Option<SegmentFeatures> {
        let bytes = self.segments.get(key)?;
        match SegmentFeatures::from_bytes(&bytes) {
            Ok(features) => Some(features),
            Err(error) => {
                tracing::warn!(%error, "a cached segment is damaged and will be computed again");
                self.segments.forget(key);
                None
            }
        }
    }

    /// Remembers over restarts that nothing is left to encode.
    fn note_ready(&self, id: &VideoId) -> Result<()> {
        let complete = self.registry.with_loaded(id, |entry| {
            let index = &entry.index;
            index.state() == timeline::VideoState::Ready && index.encoded().len() == index.pairs().len()
        });
        if complete == Some(true) {
            self.library.set_ready_for(id, Some(self.backend.fingerprint()))?;
        }
        Ok(())
    }
}

fn batch(size: Size) -> usize {
    let pair = 2 * u64::from(size.height) * u64::from(size.width);
    usize::try_from(BATCH_PIXELS / pair.max(1)).unwrap_or(1).max(1)
}

fn no_features() -> Error {
    Error::Internal("the vision tower returned fewer segments than it was given".to_owned())
}
