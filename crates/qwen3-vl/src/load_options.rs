//! How a checkpoint is loaded: where it computes, what its weights and its cache are kept in.

use candle_core::Device;

use crate::cache_precision::CachePrecision;
use crate::error::{Error, Result};
use crate::weights::Precision;

/// Where to compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceKind {
    /// All cores (rayon's pool).
    #[default]
    Cpu,
    /// A CUDA device by number; needs the `cuda` feature.
    Cuda(usize),
}

impl DeviceKind {
    /// # Errors
    /// When there is no such device.
    pub(crate) fn open(self) -> Result<Device> {
        Ok(match self {
            Self::Cpu => Device::Cpu,
            Self::Cuda(n) => {
                Device::new_cuda(n).map_err(|source| Error::NoDevice { device: format!("cuda:{n}"), source })?
            }
        })
    }
}

/// How to load.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    /// Where to compute.
    pub device: DeviceKind,
    /// What to keep the weights in.
    pub precision: Precision,
    /// How keys and values are kept.
    pub cache: CachePrecision,
    /// Attention tile by tile instead of through a table of scores (`use_flash_attention`).
    pub flash_attention: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            device: DeviceKind::default(),
            precision: Precision::default(),
            cache: CachePrecision::default(),
            flash_attention: true,
        }
    }
}
