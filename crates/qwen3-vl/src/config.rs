//! `config.json` and `generation_config.json` of a Qwen3-VL checkpoint, as Hugging Face writes them
//! (`configuration_qwen3_vl.py`), checked for what this crate computes.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};

/// The whole model.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    /// The decoder.
    pub text_config: TextConfig,
    /// The vision tower.
    pub vision_config: VisionConfig,
    /// Id of `<|image_pad|>`.
    #[serde(default = "image_token")]
    pub image_token_id: u32,
    /// Id of `<|video_pad|>`.
    #[serde(default = "video_token")]
    pub video_token_id: u32,
    /// Id of `<|vision_start|>`.
    #[serde(default = "vision_start")]
    pub vision_start_token_id: u32,
    /// Id of `<|vision_end|>`.
    #[serde(default = "vision_end")]
    pub vision_end_token_id: u32,
    /// Tokens that end a generation; from `generation_config.json` where there is one.
    #[serde(default, deserialize_with = "one_or_many")]
    pub eos_token_id: Vec<u32>,
}

/// The decoder (`text_config`).
#[derive(Debug, Clone, Deserialize)]
pub struct TextConfig {
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the gated MLP.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; query heads when absent.
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; `hidden_size / num_attention_heads` when absent.
    pub head_dim: Option<usize>,
    /// Experts of a mixture; 0 in dense models.
    #[serde(default)]
    pub num_experts: usize,
    /// Experts that see a token.
    #[serde(default)]
    pub num_experts_per_tok: usize,
    /// Width of an expert.
    #[serde(default)]
    pub moe_intermediate_size: usize,
    /// Every how many-th layer is a mixture.
    #[serde(default = "one")]
    pub decoder_sparse_step: usize,
    /// Layers that are dense nevertheless.
    #[serde(default)]
    pub mlp_only_layers: Vec<usize>,
    /// Whether the shares of a token's experts are made to sum to 1.
    #[serde(default = "yes")]
    pub norm_topk_prob: bool,
    /// Only `silu` exists.
    #[serde(default = "silu")]
    pub hidden_act: String,
    /// Positions the model was trained for.
    #[serde(default = "max_positions")]
    pub max_position_embeddings: usize,
    /// Epsilon of every RMSNorm.
    #[serde(default = "eps")]
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: Option<f64>,
    /// Sections and scaling of the rotary embedding.
    #[serde(alias = "rope_parameters")]
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the output projection is the embedding table (the top-level flag of the same name is not read, as in the
    /// reference).
    pub tie_word_embeddings: Option<bool>,
    /// End token of older exports.
    #[serde(default, deserialize_with = "one_or_many")]
    pub eos_token_id: Vec<u32>,
}

/// `rope_scaling` (transformers 4) or `rope_parameters` (transformers 5).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct RopeScaling {
    /// `default` or `yarn`.
    #[serde(alias = "type")]
    pub rope_type: Option<String>,
    /// Frequencies that follow time, height and width; [24, 20, 20] when absent.
    pub mrope_section: Option<Vec<usize>>,
    /// Base of the frequencies (transformers 5 keeps it here).
    pub rope_theta: Option<f64>,
    /// YaRN: how many times longer than trained.
    pub factor: Option<f64>,
    /// YaRN: positions the model was trained for.
    pub original_max_position_embeddings: Option<usize>,
    /// YaRN: multiplies cos and sin; `0.1·ln(factor) + 1` when absent.
    pub attention_factor: Option<f64>,
    /// YaRN: rotations above which a frequency is kept; 32 when absent.
    pub beta_fast: Option<f64>,
    /// YaRN: rotations below which a frequency is divided by the factor; 1 when absent.
    pub beta_slow: Option<f64>,
}

/// The vision tower (`vision_config`).
#[derive(Debug, Clone, Deserialize)]
pub struct VisionConfig {
    /// Blocks.
    pub depth: usize,
    /// Width.
    pub hidden_size: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Attention heads.
    pub num_heads: usize,
    /// Only `gelu_pytorch_tanh` exists.
    #[serde(default = "gelu")]
    pub hidden_act: String,
    /// Colour channels: 3.
    #[serde(default = "three")]
    pub in_channels: usize,
    /// Side of a patch in pixels.
    #[serde(default = "sixteen")]
    pub patch_size: usize,
    /// Patches merged per side into one token: 2.
    #[serde(default = "two")]
    pub spatial_merge_size: usize,
    /// Frames per segment: 2.
    #[serde(default = "two")]
    pub temporal_patch_size: usize,
    /// Width of the decoder.
    pub out_hidden_size: usize,
    /// Rows of the learned position table: a square number.
    #[serde(default = "positions")]
    pub num_position_embeddings: usize,
    /// Blocks after which a tap is taken.
    pub deepstack_visual_indexes: Vec<usize>,
}

fn image_token() -> u32 {
    151_655
}
fn video_token() -> u32 {
    151_656
}
fn vision_start() -> u32 {
    151_652
}
fn vision_end() -> u32 {
    151_653
}
fn silu() -> String {
    "silu".into()
}
fn gelu() -> String {
    "gelu_pytorch_tanh".into()
}
fn max_positions() -> usize {
    262_144
}
fn eps() -> f64 {
    1e-6
}
fn yes() -> bool {
    true
}
fn one() -> usize {
    1
}
fn two() -> usize {
    2
}
fn three() -> usize {
    3
}
fn sixteen() -> usize {
    16
}
fn positions() -> usize {
    2304
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ids {
        None,
        One(u32),
        Many(Vec<u32>),
    }
    Ok(match Option::<Ids>::deserialize(deserializer)? {
        None | Some(Ids::None) => Vec::new(),
        Some(Ids::One(id)) => vec![id],
        Some(Ids::Many(ids)) => ids,
    })
}

impl TextConfig {
    /// Key and value heads.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of one head.
    pub fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Whether a layer is a mixture of experts.
    pub fn is_sparse(&self, layer: usize) -> bool {
        let step = self.decoder_sparse_step.max(1);
        self.num_experts > 0 && (layer + 1).is_multiple_of(step) && !self.mlp_only_layers.contains(&layer)
    }

    /// How many layers are: [`is_sparse`](Self::is_sparse) counted, whatever the number of layers claims to be.
    pub fn sparse_layers(&self) -> usize {
        if self.num_experts == 0 {
            return 0;
        }
        let step = self.decoder_sparse_step.max(1);
        let dense: BTreeSet<_> = self.mlp_only_layers.iter().filter(|&&layer| layer < self.num_hidden_layers).collect();
        let skipped = dense.into_iter().filter(|layer| (*layer + 1).is_multiple_of(step)).count();
        (self.num_hidden_layers / step).saturating_sub(skipped)
    }

    /// Base of the rotary frequencies.
    pub fn theta(&self) -> f64 {
        self.rope_theta.or_else(|| self.rope_scaling.as_ref()?.rope_theta).unwrap_or(5e6)
    }

    /// Frequencies that follow time, height and width.
    pub fn mrope_section(&self) -> [usize; 3] {
        match self.rope_scaling.as_ref().and_then(|r| r.mrope_section.as_deref()) {
            Some(&[t, h, w]) => [t, h, w],
            _ => [24, 20, 20],
        }
    }
}

impl VisionConfig {
    /// Pixels per side of one merged token: sides of frames are multiples of this.
    pub fn factor(&self) -> usize {
        self.patch_size * self.spatial_merge_size
    }

    /// Side of the learned position table.
    pub fn grid_per_side(&self) -> usize {
        self.num_position_embeddings.isqrt()
    }

    /// Values of one patch.
    pub fn patch_len(&self) -> usize {
        self.in_channels * self.temporal_patch_size * self.patch_size * self.patch_size
    }
}

pub(crate) fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.into(), source })
}

pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&read_text(path)?).map_err(|source| Error::Json { path: path.into(), source })
}

impl Config {
    /// Reads `config.json` (and `generation_config.json` where there is one) of a model folder.
    ///
    /// # Errors
    /// An unreadable file, or a configuration this crate does not compute (other architectures, other activations).
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("config.json");
        let raw: serde_json::Value = read_json(&path)?;
        let kind = raw.get("model_type").and_then(|v| v.as_str()).unwrap_or("qwen3_vl");
        if !matches!(kind, "qwen3_vl" | "qwen3_vl_moe") {
            return Err(Error::Unsupported(format!(
                "model_type is `{kind}`; give a folder with a Qwen3-VL model (`qwen3_vl` or `qwen3_vl_moe`)"
            )));
        }
        let config: Self = serde_json::from_value(raw).map_err(|source| Error::Json { path, source })?;
        config.finish(dir)
    }

    /// Adds what `generation_config.json` says, where there is one, and checks the whole.
    pub(crate) fn finish(mut self, dir: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Generation {
            #[serde(default, deserialize_with = "one_or_many")]
            eos_token_id: Vec<u32>,
        }
        let generation = dir.join("generation_config.json");
        if generation.exists() {
            let ends = read_json::<Generation>(&generation)?.eos_token_id;
            if !ends.is_empty() {
                self.eos_token_id = ends;
            }
        }
        if self.eos_token_id.is_empty() {
            self.eos_token_id.clone_from(&self.text_config.eos_token_id);
        }
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        crate::bounds::check(self)?;
        let (text, vision) = (&self.text_config, &self.vision_config);
        let rope = text.rope_scaling.as_ref().and_then(|r| r.rope_type.as_deref()).unwrap_or("default");
        let side = vision.grid_per_side();
        let refusals = [
            (text.hidden_act != "silu", "the decoder's activation is not silu"),
            (vision.hidden_act != "gelu_pytorch_tanh", "the vision tower's activation is not gelu_pytorch_tanh"),
            (!matches!(rope, "default" | "yarn"), "only the default and yarn rotary embeddings are implemented"),
            (text.num_attention_heads == 0 || text.kv_heads() == 0, "the decoder has no heads"),
            (text.num_attention_heads % text.kv_heads().max(1) != 0, "query heads are no multiple of key heads"),
            (text.head_dim() % 2 != 0 || text.head_dim() == 0, "the decoder's head width is odd"),
            (text.hidden_size == 0 || text.vocab_size == 0, "the decoder is empty"),
            (
                text.num_experts > 0
                    && (text.moe_intermediate_size == 0 || !(1..=text.num_experts).contains(&text.num_experts_per_tok)),
                "a token has no experts, or more than there are",
            ),
            (
                vision.num_heads == 0 || vision.hidden_size % (4 * vision.num_heads.max(1)) != 0,
                "the vision tower's head width is no multiple of 4",
            ),
            (
                vision.in_channels != 3 || vision.temporal_patch_size != 2 || vision.spatial_merge_size != 2,
                "patches are not 3 channels × 2 frames, merged 2 × 2",
            ),
            (vision.patch_size == 0 || vision.patch_size > 64, "the patch size is out of range"),
            (side == 0 || side * side != vision.num_position_embeddings, "the position table is not square"),
            (vision.out_hidden_size != text.hidden_size, "vision tower and decoder have different widths"),
            (vision.deepstack_visual_indexes.iter().any(|&i| i >= vision.depth), "a tap lies behind the last block"),
            (vision.deepstack_visual_indexes.len() > text.num_hidden_layers, "more taps than decoder layers"),
        ];
        match refusals.iter().find(|(wrong, _)| *wrong) {
            Some((_, reason)) => Err(Error::Unsupported((*reason).into())),
            None => Ok(()),
        }
    }
}
