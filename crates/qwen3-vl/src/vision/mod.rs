//! The vision tower (`Qwen3VLVisionModel`): patches of a segment in, merged tokens and DeepStack taps out.
//!
//! Attention never leaves a segment, so segments are batched freely: on the CPU in groups, one group per thread; on an
//! accelerator all at once, up to a budget of patches.

mod block;
mod merger;
mod positions;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::config::VisionConfig;
use crate::error::Result;
use crate::kernels::attention::Method;
use crate::kernels::heads::Rotary;
use crate::kernels::linear::Linear;
use crate::weights::Weights;
use block::Block;
use merger::Merger;

/// Patches of one pass on the CPU; beyond this, activations leave the caches.
pub(crate) const CPU_PATCHES: usize = 2048;
/// Patches of one pass on an accelerator.
pub(crate) const DEVICE_PATCHES: usize = 65_536;
/// Heads of all segments of one pass on an accelerator: what a grid of CUDA's has in its second and third dimension.
const DEVICE_HEADS: usize = 65_535;
/// Grids whose positions are remembered.
const GRIDS: usize = 8;

/// What depends on the grid only.
struct Grid {
    size: (usize, usize),
    embedding: Tensor,
    rotary: Rotary,
}

pub(crate) struct VisionTower {
    patch_embed: Linear,
    position_table: Tensor,
    blocks: Vec<Block>,
    taps: Vec<(usize, Merger)>,
    merger: Merger,
    config: VisionConfig,
    grids: Mutex<VecDeque<Arc<Grid>>>,
    device: Device,
    dtype: candle_core::DType,
}

/// Output of the tower for a run of segments of one grid.
pub(crate) struct Encoded {
    /// [B·N, hidden]
    pub(crate) merged: Tensor,
    /// [B·N, hidden] each
    pub(crate) taps: Vec<Tensor>,
}

impl VisionTower {
    pub(crate) fn load(config: &VisionConfig, weights: &Weights, method: Method) -> Result<Self> {
        let (c, h) = (config, config.hidden_size);
        let blocks: Result<Vec<_>> =
            (0..c.depth).map(|i| Block::load(c, weights, method, &format!("blocks.{i}"))).collect();
        let taps: Result<Vec<_>> = c
            .deepstack_visual_indexes
            .iter()
            .enumerate()
            .map(|(i, &after)| Ok((after, Merger::load(c, weights, &format!("deepstack_merger_list.{i}"), true)?)))
            .collect();
        Ok(Self {
            patch_embed: weights.vision_linear("patch_embed.proj", &[h, 3, 2, c.patch_size, c.patch_size])?,
            position_table: weights.vision("pos_embed.weight", &[c.num_position_embeddings, h])?,
            blocks: blocks?,
            taps: taps?,
            merger: Merger::load(c, weights, "merger", false)?,
            config: c.clone(),
            grids: Mutex::new(VecDeque::new()),
            device: weights.device().clone(),
            dtype: weights.dtype(),
        })
    }

    /// rows: patches of `count` segments of grid `(gh, gw)` as [`crate::processor::patchify`] writes them.
    pub(crate) fn encode(&self, rows: &[f32], count: usize, grid: (usize, usize)) -> Result<Encoded> {
        let per_segment = (grid.0 * grid.1).max(1);
        let values = per_segment * self.config.patch_len();
        let positions = self.grid(grid)?;
        let group = if self.device.is_cpu() {
            count.div_ceil(rayon::current_num_threads()).min((CPU_PATCHES / per_segment).max(1))
        } else {
            (DEVICE_PATCHES / per_segment).min(DEVICE_HEADS / self.config.num_heads.max(1)).max(1)
        };
        let run = |rows: &[f32]| self.forward(rows, rows.len() / values, per_segment, &positions);
        let parts: Result<Vec<_>> = if self.device.is_cpu() {
            rows.par_chunks(group.max(1) * values).map(run).collect()
        } else {
            rows.chunks(group.max(1) * values).map(run).collect()
        };
        let parts = parts?;
        if let [_] = parts.as_slice() {
            return parts.into_iter().next().ok_or_else(|| candle_core::Error::Msg("no segments".into()).into());
        }
        let merged: Vec<_> = parts.iter().map(|p| &p.merged).collect();
        let taps: Result<Vec<_>> = (0..self.taps.len())
            .map(|i| {
                let tap: Vec<_> = parts.iter().filter_map(|p| p.taps.get(i)).collect();
                Ok(Tensor::cat(&tap, 0)?)
            })
            .collect();
        Ok(Encoded { merged: Tensor::cat(&merged, 0)?, taps: taps? })
    }

    fn forward(&self, rows: &[f32], count: usize, patches: usize, grid: &Grid) -> Result<Encoded> {
        let rows = Tensor::from_slice(rows, (count * patches, self.config.patch_len()), &self.device)?;
        let x = self.patch_embed.forward(&rows.to_dtype(self.dtype)?)?;
        let hidden = self.config.hidden_size;
        let x = x.reshape((count, patches, hidden))?.broadcast_add(&grid.embedding)?;
        let mut x = x.reshape((count * patches, hidden))?;
        let mut taps = Vec::with_capacity(self.taps.len());
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, count, &grid.rotary)?;
            // Taps come out in the order of the list, as the reference looks them up.
            for (after, merger) in &self.taps {
                if *after == i {
                    taps.push(merger.forward(&x)?);
                }
            }
        }
        Ok(Encoded { merged: self.merger.forward(&x)?, taps })
    }

    /// Positions of a grid, remembered for the sizes in use.
    fn grid(&self, size: (usize, usize)) -> Result<Arc<Grid>> {
        let mut grids = self.grids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(grid) = grids.iter().find(|g| g.size == size) {
            return Ok(Arc::clone(grid));
        }
        let like = (&self.device, self.dtype);
        let grid = Arc::new(Grid {
            size,
            embedding: positions::embedding(&self.position_table, self.config.grid_per_side(), size)?,
            rotary: positions::rotary(self.config.hidden_size / self.config.num_heads, size, like)?,
        });
        if grids.len() == GRIDS {
            grids.pop_front();
        }
        grids.push_back(Arc::clone(&grid));
        Ok(grid)
    }
}
