//! In what form weights are kept: what a user may ask for, and what that means for each kind of weight on each device.

use std::fmt;
use std::str::FromStr;

use candle_core::DType;
use candle_core::quantized::GgmlDType;

use crate::fit;

/// What to keep weights in. Activations are f32 on the CPU and bf16 on CUDA (f32 there if weights are).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// As stored, except that checkpoints under 64 MiB are kept in f32 on the CPU; bf16 on CUDA.
    #[default]
    Auto,
    /// 32 bits.
    F32,
    /// 16 bits: as stored, bf16 if the files hold more.
    Stored16,
    /// The decoder in blocks of 32 with 8 bits a weight (8.5 with the scales).
    Q8_0,
    /// The decoder in blocks of 256 with 6 bits a weight (6.56).
    Q6K,
    /// The decoder in blocks of 256 with 5 bits a weight (5.5).
    Q5K,
    /// The decoder in blocks of 256 with 4 bits a weight (4.5).
    Q4K,
}

impl Precision {
    /// Every precision, the default first.
    pub const ALL: [Self; 7] = [Self::Auto, Self::F32, Self::Stored16, Self::Q8_0, Self::Q6K, Self::Q5K, Self::Q4K];

    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::F32 => "f32",
            Self::Stored16 => "16bit",
            Self::Q8_0 => "q8_0",
            Self::Q6K => "q6k",
            Self::Q5K => "q5k",
            Self::Q4K => "q4k",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no precision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no precision; give auto, f32, 16bit, q8_0, q6k, q5k or q4k")]
pub struct UnknownPrecision(String);

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(text: &str) -> Result<Self, UnknownPrecision> {
        Self::ALL.into_iter().find(|p| p.name().eq_ignore_ascii_case(text)).ok_or_else(|| UnknownPrecision(text.into()))
    }
}

/// What becomes of one kind of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Converted.
    Float(DType),
    /// As in the file.
    Stored,
    /// As in the file if that has 16 bits, else bf16.
    Sixteen,
    /// In blocks.
    Blocks(GgmlDType),
}

impl Keep {
    /// What floating-point weights stored as `stored` are kept in when they are not put into blocks.
    pub(super) fn float(self, stored: DType) -> DType {
        match (self, stored) {
            (Self::Float(dtype), _) => dtype,
            (Self::Stored, DType::F64) => DType::F32,
            (Self::Stored, dtype) | (_, dtype @ (DType::F16 | DType::BF16)) => dtype,
            _ => DType::BF16,
        }
    }
}

/// A precision applied to a device and a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// Matrices of the decoder, the embedding table and the output projection.
    pub(super) decoder: Keep,
    /// Matrices of the vision tower.
    pub(super) vision: Keep,
    /// What is computed in; also norms, biases and position tables.
    pub(super) activations: DType,
}

impl Plan {
    /// on_cpu: whether the processor computes; small: whether nothing is gained by less than f32.
    pub(super) fn new(precision: Precision, on_cpu: bool, small: bool) -> Self {
        let f32 = Keep::Float(DType::F32);
        let blocks = match precision {
            Precision::Q8_0 => Some(GgmlDType::Q8_0),
            Precision::Q6K => Some(GgmlDType::Q6K),
            Precision::Q5K => Some(GgmlDType::Q5K),
            Precision::Q4K => Some(GgmlDType::Q4K),
            Precision::Auto | Precision::F32 | Precision::Stored16 => None,
        };
        let (float, activations) = match precision {
            Precision::F32 => (f32, DType::F32),
            // Products of tensors want one type there.
            _ if !on_cpu => (Keep::Float(DType::BF16), DType::BF16),
            Precision::Auto if small => (f32, DType::F32),
            Precision::Auto => (Keep::Stored, DType::F32),
            _ => (Keep::Sixteen, DType::F32),
        };
        Self { decoder: blocks.map_or(float, Keep::Blocks), vision: float, activations }
    }

    /// What the decoder's matrices are kept in when the files have them as `stored`, for an estimate of memory.
    pub(super) fn held(self, stored: DType) -> fit::Precision {
        match self.decoder {
            Keep::Blocks(GgmlDType::Q8_0) => fit::Precision::Q8_0,
            Keep::Blocks(GgmlDType::Q6K) => fit::Precision::Q6K,
            Keep::Blocks(GgmlDType::Q5K) => fit::Precision::Q5K,
            Keep::Blocks(_) => fit::Precision::Q4K,
            keep if keep.float(stored) == DType::F32 => fit::Precision::F32,
            _ => fit::Precision::Half,
        }
    }

    /// What the tower's features depend on besides the files, if anything: weights stored as `stored` that lose bits,
    /// activations that are not f32, or products in which they are `rounded` to bf16.
    pub(super) fn vision_rounding(self, stored: DType, rounded: bool) -> Option<String> {
        let kept = self.vision.float(stored);
        let exact = kept == stored || kept == DType::F32;
        if kept != DType::F32 && rounded {
            return Some(format!("{kept:?} weights, {:?} activations, bf16 products", self.activations));
        }
        (!exact || self.activations != DType::F32)
            .then(|| format!("{kept:?} weights, {:?} activations", self.activations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_whatever_their_case() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
            assert_eq!(precision.to_string().to_uppercase().parse(), Ok(precision));
        }
        let error = "q3k".parse::<Precision>().unwrap_err();
        assert!(Precision::ALL.iter().all(|p| error.to_string().contains(&p.to_string())), "{error}");
    }

    #[test]
    fn on_the_cpu_small_checkpoints_compute_in_f32_and_large_ones_stay_as_stored() {
        let auto = |small| Plan::new(Precision::Auto, true, small);
        for stored in [DType::F16, DType::BF16, DType::F32] {
            assert_eq!(auto(true).decoder.float(stored), DType::F32);
            assert_eq!(auto(false).decoder.float(stored), stored);
            assert_eq!(auto(false).vision_rounding(stored, false), None);
            assert_eq!(auto(false).vision_rounding(stored, true).is_some(), stored != DType::F32);
            assert_eq!(auto(true).held(stored), fit::Precision::F32);
        }
        assert_eq!(auto(false).held(DType::BF16), fit::Precision::Half);
        assert_eq!(Plan::new(Precision::Auto, false, true).held(DType::F32), fit::Precision::Half);
        let sixteen = Plan::new(Precision::Stored16, true, true);
        assert_eq!(
            [DType::F16, DType::BF16, DType::F32].map(|d| sixteen.vision.float(d)),
            [DType::F16, DType::BF16, DType::BF16]
        );
    }

    #[test]
    fn features_have_another_fingerprint_only_where_the_tower_loses_bits() {
        let blocks = Plan::new(Precision::Q4K, true, false);
        assert_eq!(blocks.decoder, Keep::Blocks(GgmlDType::Q4K));
        assert_eq!(blocks.vision_rounding(DType::BF16, false), None);
        assert!(blocks.vision_rounding(DType::F32, false).is_some());
        assert_ne!(blocks.vision_rounding(DType::F32, false), blocks.vision_rounding(DType::F32, true));
    }
}
