//! How like a frame is to those before and behind it: by what the network sees in them, and by their colours alone.

use candle_core::{D, Device, Tensor};

use crate::error::Result;
use crate::weights::Weights;
use crate::{FRAME_BYTES, WINDOW};

/// Frames on each side that a frame is compared with.
const NEIGHBOURS: usize = 50;
/// Colours that are told apart: eight levels of red, green and blue.
const COLOURS: usize = 512;

/// A layer of weights and bias, then nothing below zero where it says so.
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Reads one of so many inputs; gives its outputs.
    pub(crate) fn load(weights: &Weights, name: &str, inputs: usize) -> Result<(Self, usize)> {
        let (weight, [outputs, _]) = weights.get(&format!("{name}.weight"), [None, Some(inputs)])?;
        let (bias, _) = weights.get(&format!("{name}.bias"), [Some(outputs)])?;
        Ok((Self { weight: weight.t()?.contiguous()?, bias }, outputs))
    }

    /// [rows, inputs] → [rows, outputs]
    pub(crate) fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        Ok(rows.matmul(&self.weight)?.broadcast_add(&self.bias)?)
    }
}

/// Likeness with each neighbour, through a layer.
pub(crate) struct Similarity {
    layer: Linear,
    /// Which columns of the widened table a frame's neighbours are in: [WINDOW, 101]
    around: Tensor,
}

impl Similarity {
    /// Reads one; gives its outputs.
    pub(crate) fn load(weights: &Weights, name: &str, device: &Device) -> Result<(Self, usize)> {
        let window = 2 * NEIGHBOURS + 1;
        let (layer, outputs) = Linear::load(weights, &format!("{name}.fc"), window)?;
        let around: Vec<u32> = (0..WINDOW as u32).flat_map(|frame| frame..frame + window as u32).collect();
        let around = Tensor::from_vec(around, (WINDOW, window), device)?;
        Ok((Self { layer, around }, outputs))
    }

    /// [WINDOW, values] → [WINDOW, outputs]
    pub(crate) fn forward(&self, looks: &Tensor) -> Result<Tensor> {
        let length = looks.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?.clamp(1e-12, f64::INFINITY)?;
        let looks = looks.broadcast_div(&length)?;
        let table = looks.matmul(&looks.t()?.contiguous()?)?.pad_with_zeros(1, NEIGHBOURS, NEIGHBOURS)?;
        Ok(self.layer.forward(&table.gather(&self.around, 1)?)?.relu()?)
    }
}

/// How often each colour occurs in each frame: [frames, 512]
pub(crate) fn colours(frames: &[u8], device: &Device) -> Result<Tensor> {
    let count = frames.len() / FRAME_BYTES;
    let mut table = vec![0.0_f32; count * COLOURS];
    for (frame, row) in frames.chunks_exact(FRAME_BYTES).zip(table.chunks_exact_mut(COLOURS)) {
        let (pixels, _) = frame.as_chunks::<3>();
        for &[red, green, blue] in pixels {
            let colour = usize::from(red >> 5) << 6 | usize::from(green >> 5) << 3 | usize::from(blue >> 5);
            if let Some(times) = row.get_mut(colour) {
                *times += 1.0;
            }
        }
    }
    Ok(Tensor::from_vec(table, (count, COLOURS), device)?)
}
