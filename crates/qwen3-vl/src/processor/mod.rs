//! Pictures on their way to the vision tower: [`resize_bicubic`] to the size [`timeline::resize`] chose, then
//! [`patchify`] into the rows the patch embedding multiplies.

mod bicubic;
pub(crate) mod patchify;

pub use bicubic::resize_bicubic;
pub use patchify::patchify;

use std::path::Path;

use serde::Deserialize;

use crate::config::read_json;
use crate::error::{Error, Result};

/// A picture: 8-bit RGB, rows from the top, no padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbFrame {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl RgbFrame {
    /// data: `height × width × 3` bytes.
    ///
    /// # Errors
    /// A side of zero, or another number of bytes.
    pub fn new(width: u32, height: u32, data: Vec<u8>) -> Result<Self> {
        let expected = u64::from(width) * u64::from(height) * 3;
        if expected == 0 || data.len() as u64 != expected {
            return Err(Error::Frames(format!(
                "{width}×{height} RGB needs {expected} bytes, {} were given",
                data.len()
            )));
        }
        Ok(Self { width, height, data })
    }

    /// Pixels per row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// `height × width × 3` bytes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

/// How byte values become numbers: `(x / 255 - mean) / std` per channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalisation {
    /// Per channel.
    pub mean: [f32; 3],
    /// Per channel.
    pub std: [f32; 3],
}

impl Default for Normalisation {
    /// The published models' values: [-1, 1].
    fn default() -> Self {
        Self { mean: [0.5; 3], std: [0.5; 3] }
    }
}

impl Normalisation {
    /// Reads `video_preprocessor_config.json` or `preprocessor_config.json` of a model folder, or the defaults.
    ///
    /// # Errors
    /// A file that is there but not readable.
    pub fn read(dir: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct File {
            image_mean: Option<[f32; 3]>,
            image_std: Option<[f32; 3]>,
        }
        for name in ["video_preprocessor_config.json", "preprocessor_config.json"] {
            let path = dir.join(name);
            if path.exists() {
                let file: File = read_json(&path)?;
                let default = Self::default();
                return Ok(Self {
                    mean: file.image_mean.unwrap_or(default.mean),
                    std: file.image_std.unwrap_or(default.std),
                });
            }
        }
        Ok(Self::default())
    }
}
