//! The size at which the model sees a frame: both reference rules (`qwen3-vl.md` §2).
//!
//! Sources: `qwen_vl_utils/vision_process.py` (`smart_resize`, `fetch_video`) and transformers 4.57
//! `video_processing_qwen3_vl.py` (`smart_resize`).

use serde::{Deserialize, Serialize};

/// Patch 16 × merge 2: both sides of a frame are multiples of this.
pub const FACTOR: u32 = 32;

/// Height and width in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Pixels.
    pub height: u32,
    /// Pixels.
    pub width: u32,
}

impl Size {
    /// Tokens the decoder reads for one segment of this size: one per 32 × 32 pixels.
    pub fn tokens(self) -> u32 {
        (self.height / FACTOR) * (self.width / FACTOR)
    }
}

/// Which reference decides the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum ResizeRule {
    /// `qwen-vl-utils`: a budget per frame.
    QwenVlUtils {
        /// Fewest pixels of a frame.
        min_pixels: u32,
        /// Most pixels of a frame (the reference's ceiling is 768 · 1024).
        max_pixels: u32,
        /// Pixels of all frames together, counted as the reference does (`total / frames · 2` a frame).
        total_pixels: u64,
    },
    /// transformers 4.57: a budget for the whole volume frames × height × width.
    Hf {
        /// `size.shortest_edge`: fewest pixels in all.
        min_pixels: u64,
        /// `size.longest_edge`: most pixels in all.
        max_pixels: u64,
    },
}

impl Default for ResizeRule {
    /// The defaults of `qwen-vl-utils`.
    fn default() -> Self {
        Self::QwenVlUtils { min_pixels: 128 * 1024, max_pixels: 768 * 1024, total_pixels: 117_964_800 }
    }
}

/// Why a frame has no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    /// A side of zero pixels.
    #[error("the picture has no pixels ({width}×{height})")]
    Empty {
        /// Pixels.
        height: u32,
        /// Pixels.
        width: u32,
    },
    /// Longer than 200 times its other side.
    #[error("the picture is more than 200 times as long as it is wide ({width}×{height}); crop it first")]
    AspectRatio {
        /// Pixels.
        height: u32,
        /// Pixels.
        width: u32,
    },
}

impl ResizeRule {
    /// The size at which each of `frames` frames of `source` is shown to the model.
    ///
    /// # Errors
    /// A side of zero, or an aspect ratio over 200.
    pub fn target(self, source: Size, frames: u32) -> Result<Size, ResizeError> {
        check(source)?;
        match self {
            Self::QwenVlUtils { min_pixels, max_pixels, total_pixels } => {
                Ok(qwen_vl_utils(source, frames, min_pixels, max_pixels, total_pixels))
            }
            Self::Hf { min_pixels, max_pixels } => Ok(hf(source, frames, min_pixels, max_pixels)),
        }
    }
}

fn check(source: Size) -> Result<(), ResizeError> {
    let Size { height, width } = source;
    if height == 0 || width == 0 {
        return Err(ResizeError::Empty { height, width });
    }
    if height.max(width) / height.min(width) > 200 {
        return Err(ResizeError::AspectRatio { height, width });
    }
    Ok(())
}

fn qwen_vl_utils(source: Size, frames: u32, min_pixels: u32, max_pixels: u32, total_pixels: u64) -> Size {
    let share = total_pixels as f64 / f64::from(frames.max(1)) * 2.0;
    let floor = (f64::from(min_pixels) * 1.05).trunc();
    let ceiling = share.min(f64::from(768 * 1024)).max(floor).min(f64::from(max_pixels).max(floor));
    fit(source, f64::from(min_pixels), ceiling, 1.0)
}

fn hf(source: Size, frames: u32, min_pixels: u64, max_pixels: u64) -> Size {
    // A side under 32 is scaled up first, as transformers 5 does; 4.57 refuses such frames.
    let source = enlarge(source);
    fit(source, min_pixels as f64, max_pixels as f64, f64::from(frames.max(1)))
}

fn enlarge(source: Size) -> Size {
    let short = source.height.min(source.width);
    if short >= FACTOR {
        return source;
    }
    let scale = |side: u32| (f64::from(side) * f64::from(FACTOR) / f64::from(short)) as u32;
    Size { height: scale(source.height).max(FACTOR), width: scale(source.width).max(FACTOR) }
}

/// `smart_resize`: the nearest multiple of 32 on both sides, scaled into `[min, max]` pixels over `frames` frames.
fn fit(source: Size, min: f64, max: f64, frames: f64) -> Size {
    let factor = f64::from(FACTOR);
    let (height, width) = (f64::from(source.height), f64::from(source.width));
    let nearest = |side: f64| (side / factor).round_ties_even() * factor;
    let (mut h, mut w) = (nearest(height).max(factor), nearest(width).max(factor));
    // The 4.57 rule compares with a whole number of segments (Python's `round`: half to even), but scales by the frames.
    let padded = if frames > 1.0 { (frames / 2.0).round_ties_even() * 2.0 } else { frames };
    if padded * h * w > max {
        let beta = (frames * height * width / max).sqrt();
        h = ((height / beta / factor).floor() * factor).max(factor);
        w = ((width / beta / factor).floor() * factor).max(factor);
    } else if padded * h * w < min {
        let beta = (min / (frames * height * width)).sqrt();
        h = (height * beta / factor).ceil() * factor;
        w = (width * beta / factor).ceil() * factor;
    }
    Size { height: h as u32, width: w as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FULL_HD: Size = Size { height: 1080, width: 1920 };

    fn sizes(rule: ResizeRule) -> Vec<(u32, u32)> {
        [20, 180, 768, 2048].iter().filter_map(|&n| rule.target(FULL_HD, n).ok()).map(|s| (s.width, s.height)).collect()
    }

    #[test]
    fn the_shipped_hf_budget_gives_the_worked_values() {
        let rule = ResizeRule::Hf { min_pixels: 4096, max_pixels: 25_165_824 };
        assert_eq!(sizes(rule), [(1472, 832), (480, 256), (224, 128), (128, 64)]);
    }

    /// Printed by `transformers.models.qwen3_vl.video_processing_qwen3_vl.smart_resize` 4.57.6.
    #[test]
    fn odd_frame_counts_follow_the_reference() {
        for (frames, height, width, min_pixels, max_pixels, expected) in [
            (5, 360, 640, 4096, 1_000_000, (352, 640)),
            (5, 1080, 1920, 4096, 25_165_824, (1088, 1920)),
            (9, 700, 300, 4096, 1_900_000, (704, 288)),
            (3, 64, 64, 4096, 9_000, (32, 32)),
            (5, 256, 256, 4096, 270_000, (256, 256)),
            (7, 256, 256, 4096, 480_000, (256, 256)),
            (5, 40, 40, 6_000, 10_000_000, (64, 64)),
        ] {
            let found = ResizeRule::Hf { min_pixels, max_pixels }.target(Size { height, width }, frames);
            assert_eq!(found.map(|s| (s.height, s.width)), Ok(expected), "{frames} frames of {height}×{width}");
        }
    }

    #[test]
    fn the_qwen_vl_utils_default_gives_the_worked_values() {
        assert_eq!(sizes(ResizeRule::default()), [(1152, 640), (1152, 640), (736, 384), (480, 256)]);
    }

    #[test]
    fn the_bundled_checkpoint_sees_96_by_64() {
        let rule = ResizeRule::QwenVlUtils { min_pixels: 7802, max_pixels: 8192, total_pixels: 117_964_800 };
        let size = rule.target(Size { height: 360, width: 640 }, 120);
        assert_eq!(size, Ok(Size { height: 64, width: 96 }));
    }

    #[test]
    fn a_picture_without_pixels_or_as_thin_as_a_thread_is_refused() {
        let rule = ResizeRule::default();
        assert!(matches!(rule.target(Size { height: 0, width: 5 }, 1), Err(ResizeError::Empty { .. })));
        assert!(matches!(rule.target(Size { height: 2, width: 900 }, 1), Err(ResizeError::AspectRatio { .. })));
    }

    proptest! {
        #[test]
        fn sides_are_multiples_of_32(height in 1_u32..4000, width in 1_u32..4000, frames in 1_u32..2048) {
            for rule in [ResizeRule::default(), ResizeRule::Hf { min_pixels: 4096, max_pixels: 25_165_824 }] {
                if let Ok(size) = rule.target(Size { height, width }, frames) {
                    prop_assert!(size.height > 0 && size.height % FACTOR == 0);
                    prop_assert!(size.width > 0 && size.width % FACTOR == 0);
                }
            }
        }
    }
}
