//! Two frames become the rows of the patch embedding (`video_processing_qwen3_vl.py`, `_preprocess`).
//!
//! Rows go block by block of the 2 × 2 merge (block row, block column, then row and column inside the block), so the four
//! patches of one token are neighbours. A row holds channel, frame, y, x: `((c·2 + t)·16 + y)·16 + x`.

use rayon::prelude::*;

use super::{Normalisation, RgbFrame};
use crate::error::{Error, Result};

/// Rows of all segments one after another: `segments × patches × (3·2·patch²)` values.
///
/// # Errors
/// Frames of different sizes, or sides that are no multiple of `2 · patch`.
pub fn patchify(segments: &[[RgbFrame; 2]], patch: usize, normalisation: Normalisation) -> Result<Vec<f32>> {
    let Some([first, _]) = segments.first() else { return Ok(Vec::new()) };
    let (width, height) = (first.width as usize, first.height as usize);
    let factor = patch * 2;
    if factor == 0 || width % factor != 0 || height % factor != 0 {
        return Err(Error::Frames(format!("{width}×{height} is no multiple of {factor} on both sides; resize first")));
    }
    if segments.iter().flatten().any(|f| (f.width as usize, f.height as usize) != (width, height)) {
        return Err(Error::Frames("all frames of one call must have the same size".into()));
    }
    let tables = value_tables(normalisation);
    let (patch_len, plane) = (6 * patch * patch, patch * patch);
    let rows = (width / patch) * (height / patch);
    let mut out = vec![0.0_f32; segments.len() * rows * patch_len];
    let blocks_per_row = width / factor;
    out.par_chunks_exact_mut(patch_len).enumerate().for_each(|(index, row)| {
        let (segment, index) = (index / rows, index % rows);
        let (block, inner) = (index / 4, index % 4);
        let top = (block / blocks_per_row * 2 + inner / 2) * patch;
        let left = (block % blocks_per_row * 2 + inner % 2) * patch;
        let Some(frames) = segments.get(segment) else { return };
        for (channel, (values, table)) in row.chunks_exact_mut(2 * plane).zip(&tables).enumerate() {
            for (values, frame) in values.chunks_exact_mut(plane).zip(frames) {
                let lines = frame.data.chunks_exact(width * 3).skip(top);
                for (line, values) in lines.zip(values.chunks_exact_mut(patch)) {
                    let pixels = line.chunks_exact(3).skip(left);
                    for (pixel, value) in pixels.zip(values) {
                        let byte = pixel.get(channel).copied().unwrap_or(0);
                        *value = table.get(usize::from(byte)).copied().unwrap_or(0.0);
                    }
                }
            }
        }
    });
    Ok(out)
}

/// The reference fuses both steps: `(x - 255·mean) / (255·std)`.
fn value_tables(normalisation: Normalisation) -> [[f32; 256]; 3] {
    let Normalisation { mean: [a, b, c], std: [p, q, r] } = normalisation;
    [(a, p), (b, q), (c, r)].map(|(mean, std)| std::array::from_fn(|x| (x as f32 - 255.0 * mean) / (255.0 * std)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_of_one_token_are_neighbours_in_row_order() -> Result<()> {
        // A 64 × 32 picture: red is the patch's row · 16 + its column, constant inside a patch.
        let (width, height) = (64_u32, 32_u32);
        let data: Vec<u8> =
            (0..height).flat_map(|y| (0..width).flat_map(move |x| [(y / 16 * 16 + x / 16) as u8, 0, 255])).collect();
        let frame = RgbFrame::new(width, height, data)?;
        let rows = patchify(&[[frame.clone(), frame]], 16, Normalisation::default())?;
        let reds: Vec<u8> = rows.chunks_exact(1536).map(|row| ((row[0] + 1.0) * 127.5).round() as u8).collect();
        assert_eq!(reds, [0, 1, 16, 17, 2, 3, 18, 19]);
        let first = &rows[..1536];
        assert!(first[512..1024].iter().all(|&v| v == -1.0) && first[1024..].iter().all(|&v| v == 1.0));
        Ok(())
    }

    #[test]
    fn frames_of_odd_sizes_are_refused() -> Result<()> {
        let small = RgbFrame::new(32, 32, vec![0; 32 * 32 * 3])?;
        let odd = RgbFrame::new(48, 32, vec![0; 48 * 32 * 3])?;
        assert!(patchify(&[[odd.clone(), odd.clone()]], 16, Normalisation::default()).is_err());
        assert!(patchify(&[[small, odd]], 16, Normalisation::default()).is_err());
        Ok(())
    }
}
