//! In what precision keys and values are kept: the largest part of memory for a long video.

use std::fmt;
use std::str::FromStr;

use candle_core::DType;

use crate::fit;
use crate::kernels::attention::kept::Form;

/// How keys and values are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CachePrecision {
    /// As the weights are: f32 beside f32 weights, 16 bit beside all others.
    #[default]
    Auto,
    /// f32.
    Full,
    /// f16 on the CPU, the activations' type on an accelerator.
    Sixteen,
    /// 8 bit with a scale per token and head: about half of 16 bit.
    Eight,
}

impl CachePrecision {
    /// activations: what the decoder computes in; full_weights: whether its weights are f32.
    pub(crate) fn form(self, activations: DType, full_weights: bool) -> Form {
        let sixteen = if activations == DType::F32 { DType::F16 } else { activations };
        match self {
            Self::Auto if full_weights => Form::Float(activations),
            Self::Auto | Self::Sixteen => Form::Float(sixteen),
            Self::Full => Form::Float(DType::F32),
            Self::Eight => Form::EightBit,
        }
    }

    /// What keys and values take beside weights kept as `weights`, for an estimate of memory.
    pub fn beside(self, weights: fit::Precision) -> fit::KvFormat {
        match self {
            Self::Auto if weights == fit::Precision::F32 => fit::KvFormat::F32,
            Self::Auto | Self::Sixteen => fit::KvFormat::Half,
            Self::Full => fit::KvFormat::F32,
            Self::Eight => fit::KvFormat::Eight,
        }
    }
}

impl FromStr for CachePrecision {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "auto" => Self::Auto,
            "32" => Self::Full,
            "16" => Self::Sixteen,
            "8" => Self::Eight,
            _ => return Err(()),
        })
    }
}

impl fmt::Display for CachePrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Full => "32",
            Self::Sixteen => "16",
            Self::Eight => "8",
        })
    }
}
