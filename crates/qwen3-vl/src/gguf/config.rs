//! `config.json` from metadata: `qwen3vl.*` of the text model, `clip.*` of the mmproj file.

use candle_core::quantized::gguf_file::Value;
use serde_json::{Map, json};

use super::{Gguf, Part, number};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::processor::Normalisation;

/// What the projector of Qwen3-VL is called.
const PROJECTOR: &str = "qwen3vl_merger";

impl Gguf {
    /// The configuration, and the blocks after which a tap is taken.
    pub(crate) fn config(&self) -> Result<Config> {
        let head = self.head()?;
        let taps = self.taps()?;
        let told = head.number(&key(head, "n_deepstack_layers")).unwrap_or(0);
        if told != taps.len() as u64 || taps.is_empty() {
            let counts = format!("the text model has {told} DeepStack layers and the mmproj file {}", taps.len());
            return Err(Error::TextOnly(counts));
        }
        let tokens = head.list("tokenizer.ggml.tokens").ok_or_else(|| head.missing("tokenizer.ggml.tokens"))?;
        let id = |token: &str| tokens.iter().position(|t| matches!(t, Value::String(t) if t == token));
        let ends = [head.number("tokenizer.ggml.eos_token_id").map(|id| id as usize), id("<|endoftext|>")];
        let mut config = Map::new();
        for (field, token) in [
            ("image_token_id", "<|image_pad|>"),
            ("video_token_id", "<|video_pad|>"),
            ("vision_start_token_id", "<|vision_start|>"),
            ("vision_end_token_id", "<|vision_end|>"),
        ] {
            let id = id(token).ok_or_else(|| Error::Tokenizer(format!("it has no token `{token}`")))?;
            config.insert(field.into(), id.into());
        }
        config.insert("eos_token_id".into(), ends.into_iter().flatten().collect());
        config.insert("text_config".into(), self.text_config(head)?.into());
        config.insert("vision_config".into(), self.vision_config(head, &taps)?.into());
        serde_json::from_value(config.into()).map_err(|source| Error::Json { path: head.path.clone(), source })
    }

    fn text_config(&self, head: &Part) -> Result<Map<String, serde_json::Value>> {
        let vocabulary = self.tensor("token_embd.weight").and_then(|(_, info)| info.shape.dims().first().copied());
        let need = |name: &str| head.number(&key(head, name)).ok_or_else(|| head.missing(&key(head, name)));
        let sections = head.list(&key(head, "rope.dimension_sections")).unwrap_or(&[]);
        let sections: Vec<u64> = sections.iter().filter_map(number).take(3).collect();
        let mut rope = json!({ "rope_type": "default", "mrope_section": sections });
        if head.text(&key(head, "rope.scaling.type")) == Some("yarn") {
            rope = json!({
                "rope_type": "yarn",
                "mrope_section": sections,
                "factor": head.float(&key(head, "rope.scaling.factor")),
                "original_max_position_embeddings": head.number(&key(head, "rope.scaling.original_context_length")),
            });
        }
        // Which layers are dense is said by what they have.
        let has = |i: &usize, part: &str| self.tensor(&format!("blk.{i}.{part}.weight")).is_some();
        let layers = (0..).take_while(|i| has(i, "attn_norm"));
        let dense: Vec<usize> = layers.filter(|i| !has(i, "ffn_gate_inp")).collect();
        let config = json!({
            "vocab_size": vocabulary.ok_or_else(|| Error::MissingTensor("token_embd.weight".into()))?,
            "hidden_size": need("embedding_length")?,
            "intermediate_size": head.number(&key(head, "feed_forward_length")).unwrap_or(0),
            "num_hidden_layers": need("block_count")?,
            "num_attention_heads": need("attention.head_count")?,
            "num_key_value_heads": head.number(&key(head, "attention.head_count_kv")),
            "head_dim": head.number(&key(head, "attention.key_length")),
            "max_position_embeddings": need("context_length")?,
            "rms_norm_eps": head.float(&key(head, "attention.layer_norm_rms_epsilon")).unwrap_or(1e-6),
            "rope_theta": head.float(&key(head, "rope.freq_base")),
            "rope_scaling": rope,
            "tie_word_embeddings": self.tensor("output.weight").is_none(),
            "num_experts": head.number(&key(head, "expert_count")).unwrap_or(0),
            "num_experts_per_tok": head.number(&key(head, "expert_used_count")).unwrap_or(0),
            "mlp_only_layers": dense,
            "moe_intermediate_size": head.number(&key(head, "expert_feed_forward_length")).unwrap_or(0),
        });
        Ok(config.as_object().cloned().unwrap_or_default())
    }

    fn vision_config(&self, head: &Part, taps: &[usize]) -> Result<Map<String, serde_json::Value>> {
        let vision = &self.vision;
        let kind = vision.text("clip.projector_type").or_else(|| vision.text("clip.vision.projector_type"));
        if kind != Some(PROJECTOR) {
            let kind = kind.unwrap_or("none");
            return Err(Error::Unsupported(format!("the mmproj file has the projector `{kind}`, not `{PROJECTOR}`")));
        }
        let need = |name: &str| {
            let key = format!("clip.vision.{name}");
            vision.number(&key).ok_or_else(|| vision.missing(&key))
        };
        let patch = need("patch_size")?.max(1);
        let side = need("image_size")? / patch;
        let config = json!({
            "depth": need("block_count")?,
            "hidden_size": need("embedding_length")?,
            "intermediate_size": need("feed_forward_length")?,
            "num_heads": need("attention.head_count")?,
            "patch_size": patch,
            "spatial_merge_size": vision.number("clip.vision.spatial_merge_size").unwrap_or(2),
            "out_hidden_size": need("projection_dim").or_else(|_| {
                head.number(&key(head, "embedding_length")).ok_or_else(|| head.missing("embedding_length"))
            })?,
            "num_position_embeddings": side.saturating_mul(side),
            "deepstack_visual_indexes": taps,
        });
        Ok(config.as_object().cloned().unwrap_or_default())
    }

    /// Blocks of the vision tower after which a tap is taken, ascending: their mergers are named by them.
    pub(crate) fn taps(&self) -> Result<Vec<usize>> {
        const KEY: &str = "clip.vision.is_deepstack_layers";
        let flags = self.vision.list(KEY).ok_or_else(|| self.vision.missing(KEY))?;
        Ok((0..).zip(flags).filter(|(_, flag)| matches!(flag, Value::Bool(true))).map(|(i, _)| i).collect())
    }

    /// How byte values become numbers.
    pub(crate) fn normalisation(&self) -> Normalisation {
        let default = Normalisation::default();
        let three = |key: &str, otherwise: [f32; 3]| match self.vision.list(key) {
            Some(&[Value::F32(r), Value::F32(g), Value::F32(b)]) => [r, g, b],
            _ => otherwise,
        };
        Normalisation {
            mean: three("clip.vision.image_mean", default.mean),
            std: three("clip.vision.image_std", default.std),
        }
    }
}

/// A key of this architecture.
fn key(head: &Part, name: &str) -> String {
    format!("{}.{name}", head.text("general.architecture").unwrap_or("qwen3vl"))
}
