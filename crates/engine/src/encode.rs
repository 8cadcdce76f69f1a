//! Pairs of frames become features: from the segment cache when these pixels were ever seen by this model, else by
//! the vision tower, a few at a time so that a question never waits long.

use std::sync::Arc;

use qwen3_vl::{RgbFrame, SegmentFeatures};
use store::SegmentKey;
use timeline::resize::Size;
use timeline::{Span, VideoId};

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
    known: Known,
    frames: [RgbFrame; 2],
}

impl Prepared {
    fn mark(&self) -> (Span, Status) {
        (self.span, Status::Encoded(Some(self.known.clone())))
    }
}

impl Shared {
    /// Encodes the next few pending pairs of a video. Returns whether any were pending.
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
            Err(_) if pairs.len() > 1 => self.encode_singly(&pairs, size),
            Err(error) => (pairs.iter().map(|p| (p.span, Status::Failed)).collect(), Some(error)),
        };
        self.registry.with_loaded(id, |entry| {
            if let Some(error) = &failure {
                tracing::error!(video = %id, %error, "a segment could not be encoded");
                entry.fail(error.to_string());
            }
            entry.mark(marks);
        });
        self.note_ready(id)?;
        Ok(true)
    }

    /// The features of a pair that was encoded before: from the cache, or computed again when the cache lost them.
    pub(crate) fn features(&self, id: &VideoId, pair: &Pair, size: Size) -> Result<Arc<SegmentFeatures>> {
        if let Some(known) = self.known(id, pair)?
            && let Some(features) = self.cached(known.key)
        {
            return Ok(Arc::new(features));
        }
        let prepared = self.prepare(pair, size)?;
        let features = match self.cached(prepared.known.key) {
            Some(features) => features,
            None => self.compute(std::slice::from_ref(&prepared))?.pop().ok_or_else(no_features)?,
        };
        self.registry.with_loaded(id, |entry| entry.mark(vec![prepared.mark()]));
        Ok(Arc::new(features))
    }

    /// What a pair looks like at a glance.
    pub(crate) fn look(&self, id: &VideoId, pair: &Pair, size: Size) -> Result<selection::Look> {
        if let Some(known) = self.known(id, pair)? {
            return Ok(known.look);
        }
        Ok(self.prepare(pair, size)?.known.look)
    }

    fn known(&self, id: &VideoId, pair: &Pair) -> Result<Option<Known>> {
        let status = self.registry.with(&self.library, id, |entry| entry.index.status(pair.span))?;
        Ok(match status {
            Some(Status::Encoded(known)) => known,
            _ => None,
        })
    }

    fn encode_singly(&self, pairs: &[Pair], size: Size) -> (Vec<(Span, Status)>, Option<Error>) {
        let (mut marks, mut failure) = (Vec::new(), None);
        for pair in pairs {
            match self.encode_pairs(std::slice::from_ref(pair), size) {
                Ok(done) => marks.extend(done),
                Err(error) => {
                    marks.push((pair.span, Status::Failed));
                    failure = Some(error);
                }
            }
        }
        (marks, failure)
    }

    fn encode_pairs(&self, pairs: &[Pair], size: Size) -> Result<Vec<(Span, Status)>> {
        let prepared = pairs.iter().map(|pair| self.prepare(pair, size)).collect::<Result<Vec<_>>>()?;
        let marks = prepared.iter().map(Prepared::mark).collect();
        let fresh: Vec<_> = prepared.into_iter().filter(|p| !self.segments.contains(p.known.key)).collect();
        if !fresh.is_empty() {
            self.compute(&fresh)?;
        }
        Ok(marks)
    }

    /// Encodes and keeps.
    fn compute(&self, pairs: &[Prepared]) -> Result<Vec<SegmentFeatures>> {
        let frames: Vec<_> = pairs.iter().map(|p| p.frames.clone()).collect();
        let features = self.backend.encode(&frames)?;
        if features.len() != pairs.len() {
            return Err(no_features());
        }
        for (pair, features) in pairs.iter().zip(&features) {
            // A cache that cannot be written costs time later; it is no reason to fail now.
            if let Err(error) = self.segments.put(pair.known.key, &features.to_bytes()?) {
                tracing::warn!(%error, "the segment cache cannot be written");
            }
        }
        Ok(features)
    }

    /// Reads, decodes and scales the frames of a pair.
    fn prepare(&self, pair: &Pair, size: Size) -> Result<Prepared> {
        let [first, second] = &pair.blobs;
        let frame = |blob, pts| {
            let picture = images::decode(pts, &self.library.blob(blob)?)?;
            self.backend.resize(&picture, size)
        };
        let one = frame(first, pair.span.start)?;
        let two = if first == second { one.clone() } else { frame(second, pair.span.end)? };
        let pixels = [one.data(), two.data()];
        let key = SegmentKey::of(self.backend.fingerprint(), (size.width, size.height), pixels);
        let known = Known { key, look: selection::look([&one, &two]) };
        Ok(Prepared { span: pair.span, known, frames: [one, two] })
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
