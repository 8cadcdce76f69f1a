//! Frames as they come, windows of them through the network, and what its probabilities say.

use crate::error::{Error, Result};
use crate::network::TransNet;
use crate::{CONTEXT, FRAME_BYTES, WINDOW};

/// Above this a frame is part of the change from one shot to the next.
const THRESHOLD: f32 = 0.5;
/// Frames that a window judges.
const STEP: usize = WINDOW - 2 * CONTEXT;

/// Finds where shots begin in all frames of a video, in presentation order.
pub struct ShotFinder<'a> {
    network: &'a TransNet,
    /// Frames of the next window as far as they are there.
    window: Vec<u8>,
    seen: usize,
    edge: Edge,
}

impl<'a> ShotFinder<'a> {
    /// For one video.
    pub fn new(network: &'a TransNet) -> Self {
        Self { network, window: Vec::with_capacity(WINDOW * FRAME_BYTES), seen: 0, edge: Edge::default() }
    }

    /// Takes the next frame ([`FRAME_BYTES`] bytes); gives the places, counted from zero, of frames that begin shots and are now
    /// certain. That of the first shot is not told.
    ///
    /// # Errors
    /// When the frame has another size, or the network fails.
    pub fn see(&mut self, frame: &[u8]) -> Result<Vec<usize>> {
        if frame.len() != FRAME_BYTES {
            return Err(Error::Frame { found: frame.len() });
        }
        if self.seen == 0 {
            self.window = frame.repeat(CONTEXT);
        }
        self.window.extend_from_slice(frame);
        self.seen += 1;
        if self.window.len() < WINDOW * FRAME_BYTES { Ok(Vec::new()) } else { self.judge(STEP) }
    }

    /// No more frames come: those that are not judged yet.
    ///
    /// # Errors
    /// When the network fails.
    pub fn finish(mut self) -> Result<Vec<usize>> {
        let Some(last) = self.window.last_chunk::<FRAME_BYTES>().copied() else { return Ok(Vec::new()) };
        let mut begins = Vec::new();
        while self.edge.judged < self.seen {
            while self.window.len() < WINDOW * FRAME_BYTES {
                self.window.extend_from_slice(&last);
            }
            begins.extend(self.judge(self.seen - self.edge.judged)?);
        }
        Ok(begins)
    }

    /// The window is full: at most so many of its frames are judged.
    fn judge(&mut self, most: usize) -> Result<Vec<usize>> {
        let probabilities = self.network.probabilities(&self.window)?;
        self.window.drain(..STEP * FRAME_BYTES);
        Ok(probabilities.into_iter().take(most).filter_map(|probability| self.edge.judge(probability)).collect())
    }
}

/// Changes are marked on the old shot's side: the frame behind one begins the new shot. It may last for many frames (a dissolve).
#[derive(Default)]
struct Edge {
    judged: usize,
    in_change: bool,
    /// A film that begins in a change has had no other shot.
    in_film: bool,
}

impl Edge {
    /// The next frame, if it begins a shot.
    fn judge(&mut self, probability: f32) -> Option<usize> {
        let at = self.judged;
        self.judged += 1;
        let in_change = probability > THRESHOLD;
        let begins = self.in_film && self.in_change && !in_change;
        (self.in_change, self.in_film) = (in_change, self.in_film || !in_change);
        begins.then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(probabilities: &[f32]) -> Vec<usize> {
        let mut edge = Edge::default();
        probabilities.iter().filter_map(|probability| edge.judge(*probability)).collect()
    }

    #[test]
    fn a_shot_begins_behind_the_frames_of_a_change() {
        assert_eq!(begins(&[0.0, 0.9, 0.0, 0.0]), [2]);
        assert_eq!(begins(&[0.1, 0.6, 0.7, 0.6, 0.5, 0.1, 0.8, 0.2]), [4, 7]);
        // What begins or ends in a change has no shot before or behind it.
        assert_eq!(begins(&[0.9, 0.9, 0.1, 0.1]), [0_usize; 0]);
        assert_eq!(begins(&[0.1, 0.1, 0.9]), [0_usize; 0]);
    }
}
