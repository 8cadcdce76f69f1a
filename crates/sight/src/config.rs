//! The `config.json` of a published CLIP model, with transformers' defaults where it says nothing.

use candle_transformers::models::clip::ClipConfig;
use candle_transformers::models::clip::text_model::{Activation, ClipTextConfig};
use candle_transformers::models::clip::vision_model::ClipVisionConfig;
use serde::Deserialize;

use crate::error::{Error, Result};

/// The most a configuration may ask for: the largest published ones have 1,664 and 8,192.
const WIDTH: usize = 1 << 14;
/// The most layers, and the longest side of a picture.
const LAYERS: usize = 128;
const SIDE: usize = 1_024;
/// The only activation of OpenAI's models, and the only one that is computed.
const QUICK_GELU: &str = "quick_gelu";

#[derive(Deserialize)]
struct Published {
    #[serde(default)]
    model_type: String,
    #[serde(default = "projection")]
    projection_dim: usize,
    text_config: Part,
    vision_config: Part,
}

/// Of either half; what one does not have is not read.
#[derive(Deserialize)]
struct Part {
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    vocab_size: Option<usize>,
    max_position_embeddings: Option<usize>,
    image_size: Option<usize>,
    patch_size: Option<usize>,
    num_channels: Option<usize>,
    hidden_act: Option<String>,
}

fn projection() -> usize {
    512
}

/// Reads a configuration.
///
/// # Errors
/// When it is not that of a CLIP model, or its sizes are those of nothing.
pub(crate) fn read(bytes: &[u8]) -> Result<ClipConfig> {
    let wrong = |what: &str| Error::Config(what.to_owned());
    let published: Published = serde_json::from_slice(bytes).map_err(|e| wrong(&e.to_string()))?;
    let Published { model_type, projection_dim, text_config: text, vision_config: vision } = published;
    if !model_type.is_empty() && model_type != "clip" {
        return Err(Error::Config(format!("model_type is {model_type}")));
    }
    if [&text, &vision].iter().any(|part| part.hidden_act.as_deref().is_some_and(|act| act != QUICK_GELU)) {
        return Err(wrong("only models with quick_gelu (OpenAI's) are computed"));
    }
    let text_config = ClipTextConfig {
        vocab_size: text.vocab_size.unwrap_or(49_408),
        embed_dim: text.hidden_size.unwrap_or(512),
        activation: Activation::QuickGelu,
        intermediate_size: text.intermediate_size.unwrap_or(2_048),
        max_position_embeddings: text.max_position_embeddings.unwrap_or(77),
        pad_with: None,
        num_hidden_layers: text.num_hidden_layers.unwrap_or(12),
        num_attention_heads: text.num_attention_heads.unwrap_or(8),
        projection_dim,
    };
    let vision_config = ClipVisionConfig {
        embed_dim: vision.hidden_size.unwrap_or(768),
        activation: Activation::QuickGelu,
        intermediate_size: vision.intermediate_size.unwrap_or(3_072),
        num_hidden_layers: vision.num_hidden_layers.unwrap_or(12),
        num_attention_heads: vision.num_attention_heads.unwrap_or(12),
        projection_dim,
        num_channels: vision.num_channels.unwrap_or(3),
        image_size: vision.image_size.unwrap_or(224),
        patch_size: vision.patch_size.unwrap_or(32),
    };
    let (t, v) = (&text_config, &vision_config);
    let sizes = [
        t.vocab_size,
        t.embed_dim,
        t.intermediate_size,
        t.max_position_embeddings,
        t.num_attention_heads,
        v.embed_dim,
        v.intermediate_size,
        v.num_attention_heads,
        v.patch_size,
        projection_dim,
    ];
    let widths = [t.embed_dim, t.intermediate_size, v.embed_dim, v.intermediate_size, projection_dim];
    let is_whole = !sizes.contains(&0)
        && t.embed_dim.is_multiple_of(t.num_attention_heads)
        && v.embed_dim.is_multiple_of(v.num_attention_heads)
        && (v.patch_size..=SIDE).contains(&v.image_size)
        && v.num_channels == 3;
    let is_usual = widths.iter().all(|width| *width <= WIDTH) && t.num_hidden_layers.max(v.num_hidden_layers) <= LAYERS;
    if !is_whole || !is_usual {
        return Err(wrong("its sizes are not those of a CLIP model"));
    }
    let image_size = vision_config.image_size;
    Ok(ClipConfig { text_config, vision_config, logit_scale_init_value: 2.6592, image_size })
}
