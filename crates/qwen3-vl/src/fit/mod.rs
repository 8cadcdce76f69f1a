//! What a model needs before it is loaded: arithmetic on `config.json`, no file of weights opened.
//!
//! Weights by precision, keys and values by token, the largest activations of a pass, and what a video of some minutes
//! costs in tokens and positions. Block sizes are GGML's (`ggml-common.h`); shapes those of `modeling_qwen3_vl.py` and
//! `modeling_qwen3_vl_moe.py` (transformers 4.57).
//!
//! | I want to change how … | file |
//! |---|---|
//! | tensors are counted | `shapes.rs` |
//! | a pass's memory is estimated | `activations.rs` |
//! | a video becomes tokens, and what fits is decided | `verdict.rs` |
//! | the published sizes are known | `published.rs` |
//! | graphics cards are known | `gpus.rs` |
//! | this machine's memory is read | `machine.rs` |
//! | a model folder is judged | `folder.rs` |

mod activations;
mod folder;
mod gpus;
mod machine;
mod published;
mod shapes;
mod verdict;

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::checkpoint;
use crate::config::{Config, TextConfig, VisionConfig, read_json};
use crate::error::{Error, Result};
use crate::gguf::Gguf;

pub use activations::Place;
pub use folder::Machine;
pub(crate) use folder::Outline;
pub use gpus::{GPUS, Gpu};
pub use machine::available_memory;
pub(crate) use machine::available_on;
pub use published::PUBLISHED;
pub use verdict::{Advice, Demand, Limits, Need, Video};

use shapes::Role;

/// How weights are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits: bfloat16 or half.
    Half,
    /// 8 bits and a scale of 16 for 32 values.
    Q8_0,
    /// 6.6 bits: 210 bytes for 256 values.
    Q6K,
    /// 5.5 bits: 176 bytes for 256 values.
    Q5K,
    /// 4.5 bits: 144 bytes for 256 values.
    Q4K,
}

impl Precision {
    /// From the most exact to the smallest.
    pub const ALL: [Self; 6] = [Self::F32, Self::Half, Self::Q8_0, Self::Q6K, Self::Q5K, Self::Q4K];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::Half => "16 bit",
            Self::Q8_0 => "Q8_0",
            Self::Q6K => "Q6K",
            Self::Q5K => "Q5K",
            Self::Q4K => "Q4K",
        }
    }

    /// The one a setting asks for; none where it is left to the files.
    pub fn asked(setting: crate::Precision) -> Option<Self> {
        use crate::Precision as Asked;
        match setting {
            Asked::Auto => None,
            Asked::F32 => Some(Self::F32),
            Asked::Stored16 => Some(Self::Half),
            Asked::Q8_0 => Some(Self::Q8_0),
            Asked::Q6K => Some(Self::Q6K),
            Asked::Q5K => Some(Self::Q5K),
            Asked::Q4K => Some(Self::Q4K),
        }
    }

    /// What the setting `precision` calls it.
    pub fn setting(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Half => "16bit",
            Self::Q8_0 => "q8_0",
            Self::Q6K => "q6k",
            Self::Q5K => "q5k",
            Self::Q4K => "q4k",
        }
    }

    /// Values of a block and its bytes.
    fn block(self) -> (u64, u64) {
        match self {
            Self::F32 => (1, 4),
            Self::Half => (1, 2),
            Self::Q8_0 => (32, 34),
            Self::Q6K => (256, 210),
            Self::Q5K => (256, 176),
            Self::Q4K => (256, 144),
        }
    }

    /// Bytes of a matrix whose rows have `columns` values. Rows that are no whole number of blocks fall back to Q8_0,
    /// then to 16 bits, as quantisers do.
    fn bytes(self, rows: u64, columns: u64) -> u64 {
        let (values, bytes) = self.block();
        match self {
            Self::Q6K | Self::Q5K | Self::Q4K if !columns.is_multiple_of(values) => Self::Q8_0.bytes(rows, columns),
            Self::Q8_0 if !columns.is_multiple_of(values) => Self::Half.bytes(rows, columns),
            _ => rows.saturating_mul(columns / values).saturating_mul(bytes),
        }
    }
}

/// How keys and values are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KvFormat {
    /// 32 bits.
    F32,
    /// 16 bits.
    Half,
    /// 8 bits, and a scale of 32 bits for every head of a token.
    Eight,
}

impl KvFormat {
    /// Bytes of one head of one token.
    fn bytes(self, dim: u64) -> u64 {
        match self {
            Self::F32 => dim.saturating_mul(4),
            Self::Half => dim.saturating_mul(2),
            Self::Eight => dim.saturating_add(4),
        }
    }
}

/// The sizes memory depends on, dense or with experts.
#[derive(Debug, Clone)]
pub struct Dimensions {
    /// The decoder.
    pub text: TextConfig,
    /// The vision tower.
    pub vision: VisionConfig,
}

impl Dimensions {
    /// Reads `config.json` of a model folder, for which the weights need not be there; or a GGUF's metadata where there is
    /// none.
    ///
    /// # Errors
    /// Neither, or without the sizes of a Qwen3-VL model.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("config.json");
        if !path.is_file() && checkpoint::is_gguf(dir) {
            return Ok(Self::of(&Gguf::open(dir)?.config()?.finish(dir)?));
        }
        let config: Value = read_json(&path)?;
        Self::from_json(&config).map_err(|source| Error::Json { path, source })
    }

    fn from_json(config: &Value) -> std::result::Result<Self, serde_json::Error> {
        let part = |name: &str| config.get(name).cloned().unwrap_or(Value::Null);
        let mut text = TextConfig::deserialize(part("text_config"))?;
        // As the loader: without the decoder's own flag the projection is a tensor where one is stored, which an
        // untied top-level flag says.
        let tied = config.get("tie_word_embeddings").and_then(Value::as_bool);
        text.tie_word_embeddings = text.tie_word_embeddings.or(tied);
        Ok(Self { text, vision: VisionConfig::deserialize(part("vision_config"))? })
    }

    /// Those of a configuration that was read.
    pub(crate) fn of(config: &Config) -> Self {
        Self { text: config.text_config.clone(), vision: config.vision_config.clone() }
    }

    /// One of the published sizes: `8B`, `30B-A3B`, or a name that ends in one, such as `Qwen/Qwen3-VL-8B-Thinking`.
    pub fn published(name: &str) -> Option<Self> {
        published::find(name)
    }

    /// Parameters, as the files' tensors count them.
    pub fn parameters(&self) -> u64 {
        self.shapes().iter().fold(0, |sum, shape| sum.saturating_add(shape.values()))
    }

    /// Bytes of all weights. Quantised formats hold the decoder's matrices; norms and the vision tower stay at 16 bits.
    pub fn weight_bytes(&self, precision: Precision) -> u64 {
        let bytes = |shape: &shapes::Shape| {
            let held = match (precision, shape.role) {
                (Precision::F32, _) => Precision::F32,
                (_, Role::Small | Role::Vision) => Precision::Half,
                (quantised, Role::Matrix) => quantised,
            };
            held.bytes(shape.count.saturating_mul(shape.rows), shape.columns)
        };
        self.shapes().iter().map(bytes).fold(0, u64::saturating_add)
    }

    /// Bytes of keys and values of one token, all layers.
    pub fn kv_bytes_per_token(&self, format: KvFormat) -> u64 {
        let heads = 2_u64.saturating_mul(wide(self.text.kv_heads())).saturating_mul(wide(self.text.num_hidden_layers));
        format.bytes(wide(self.text.head_dim())).saturating_mul(heads)
    }

    /// Refuses weights that `available` bytes cannot hold.
    ///
    /// # Errors
    /// [`Error::TooLarge`], which says what needs how much.
    fn check_bytes(&self, precision: &'static str, needed: u64, available: Option<u64>) -> Result<()> {
        match available {
            Some(available) if needed > available => {
                Err(Error::TooLarge { parameters: self.parameters(), precision, needed, available })
            }
            _ => Ok(()),
        }
    }
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sizes_have_their_published_parameters() {
        // `safetensors.total` of the hub's model API for Qwen/Qwen3-VL-*-Instruct.
        for (name, parameters) in [
            ("2B", 2_127_532_032),
            ("4B", 4_437_815_808),
            ("8B", 8_767_123_696),
            ("32B", 33_357_390_064),
            ("30B-A3B", 31_070_754_032),
            ("235B-A22B", 235_670_022_896),
        ] {
            let model = Dimensions::published(name).unwrap();
            assert_eq!(model.parameters(), parameters, "{name}");
            assert_eq!(model.weight_bytes(Precision::Half), 2 * parameters, "{name}");
            // Every matrix of the published models is a whole number of blocks: Q4K is 4.5 bits a value there.
            let matrices: u64 =
                model.shapes().iter().filter(|s| s.role == Role::Matrix).map(shapes::Shape::values).sum();
            assert_eq!(
                model.weight_bytes(Precision::Q4K),
                matrices / 256 * 144 + (parameters - matrices) * 2,
                "{name}"
            );
        }
    }

    #[test]
    fn keys_and_values_take_what_the_design_says() {
        let kib = |name| Dimensions::published(name).unwrap().kv_bytes_per_token(KvFormat::Half) as f64 / 1024.0;
        let found = ["2B", "4B", "8B", "32B", "30B-A3B", "235B-A22B"].map(kib);
        assert_eq!(found, [112.0, 144.0, 144.0, 256.0, 96.0, 188.0]);
        let eight = Dimensions::published("8B").unwrap().kv_bytes_per_token(KvFormat::Eight);
        assert_eq!(eight, 36 * 2 * 8 * (128 + 4));
    }

    #[test]
    fn a_setting_and_a_precision_name_each_other() {
        for precision in Precision::ALL {
            assert_eq!(Precision::asked(precision.setting().parse().unwrap()), Some(precision));
        }
        assert_eq!(Precision::asked(crate::Precision::Auto), None);
    }

    #[test]
    fn rows_that_are_no_whole_blocks_fall_back() {
        assert_eq!(Precision::Q4K.bytes(3, 512), 3 * 2 * 144);
        assert_eq!(Precision::Q4K.bytes(3, 160), 3 * 5 * 34);
        assert_eq!(Precision::Q8_0.bytes(3, 48), 3 * 48 * 2);
    }

    #[test]
    fn layers_with_experts_are_counted_as_they_are_asked_for() {
        let mut text = Dimensions::published("30B-A3B").unwrap().text;
        for (layers, step, only) in [(48, 1, vec![]), (5, 2, vec![]), (8, 1, vec![0, 7, 99]), (9, 3, vec![2, 2, 4])] {
            (text.num_hidden_layers, text.decoder_sparse_step, text.mlp_only_layers) = (layers, step, only);
            assert_eq!(text.sparse_layers(), (0..layers).filter(|&layer| text.is_sparse(layer)).count());
        }
        text.num_experts = 0;
        assert_eq!(text.sparse_layers(), 0);
    }

    #[test]
    fn a_model_larger_than_memory_is_told_with_numbers() {
        let model = Dimensions::published("8B").unwrap();
        let check = |precision: Precision, available| {
            model.check_bytes(precision.name(), model.weight_bytes(precision), available)
        };
        let said = check(Precision::F32, Some(16 << 30)).unwrap_err().to_string();
        assert!(said.contains("32.7 GiB") && said.contains("16.0 GiB") && said.contains("F32"), "{said}");
        assert!(check(Precision::Q4K, Some(16 << 30)).is_ok());
        assert!(check(Precision::F32, None).is_ok());
    }

    #[test]
    fn absurd_sizes_saturate_and_are_refused() {
        let mut model = Dimensions::published("8B").unwrap();
        model.text.num_hidden_layers = usize::MAX;
        model.text.hidden_size = usize::MAX;
        assert_eq!(model.weight_bytes(Precision::Q4K), u64::MAX);
        assert!(model.check_bytes("16 bit", model.weight_bytes(Precision::Half), Some(1 << 50)).is_err());
    }
}
