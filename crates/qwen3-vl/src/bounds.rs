//! Numbers of a configuration that no model has: refused before anything is computed or allocated from them.

use crate::config::{Config, RopeScaling};
use crate::error::{Error, Result};

/// Widths and vocabularies stay under this; the largest published ones are under 152,000.
const WIDTH: usize = 1 << 22;
/// Layers, heads and the width of a head stay under this; the largest published ones are 94, 64 and 128.
const COUNT: usize = 1 << 12;
/// Positions and rows of tables stay under this.
const POSITIONS: usize = 1 << 30;

/// Refuses sizes of zero or beyond any model's, and fractions that are no numbers.
///
/// # Errors
/// [`Error::Unsupported`] with the field, its value and what it may be.
pub(crate) fn check(config: &Config) -> Result<()> {
    let (text, vision) = (&config.text_config, &config.vision_config);
    let sizes = [
        ("text_config.vocab_size", text.vocab_size, WIDTH),
        ("text_config.hidden_size", text.hidden_size, WIDTH),
        ("text_config.intermediate_size", text.intermediate_size, WIDTH),
        ("text_config.num_hidden_layers", text.num_hidden_layers, COUNT),
        ("text_config.num_attention_heads", text.num_attention_heads, COUNT),
        ("text_config.num_key_value_heads", text.kv_heads(), COUNT),
        ("text_config.head_dim", text.head_dim(), COUNT),
        ("text_config.max_position_embeddings", text.max_position_embeddings, POSITIONS),
        ("vision_config.depth", vision.depth, COUNT),
        ("vision_config.hidden_size", vision.hidden_size, WIDTH),
        ("vision_config.intermediate_size", vision.intermediate_size, WIDTH),
        ("vision_config.num_heads", vision.num_heads, COUNT),
        ("vision_config.out_hidden_size", vision.out_hidden_size, WIDTH),
        ("vision_config.num_position_embeddings", vision.num_position_embeddings, POSITIONS),
    ];
    if let Some((name, value, most)) = sizes.iter().find(|(_, value, most)| *value == 0 || value > most) {
        return Err(refuse(name, value, &format!("1 to {most}")));
    }
    let scaling = text.rope_scaling.as_ref();
    let fraction = |pick: fn(&RopeScaling) -> Option<f64>| scaling.and_then(pick);
    let fractions = [
        ("rms_norm_eps", Some(text.rms_norm_eps), 0.0, 1.0),
        ("rope_theta", Some(text.theta()), 1.0, 1e12),
        ("rope_scaling.factor", fraction(|r| r.factor), 1.0, 1e4),
        ("rope_scaling.attention_factor", fraction(|r| r.attention_factor), 1e-4, 1e4),
        ("rope_scaling.beta_fast", fraction(|r| r.beta_fast), 1e-4, 1e6),
        ("rope_scaling.beta_slow", fraction(|r| r.beta_slow), 1e-4, 1e6),
    ];
    let wrong = |(_, value, least, most): &&(&str, Option<f64>, f64, f64)| {
        value.is_some_and(|value| !(*least..=*most).contains(&value))
    };
    if let Some((name, value, least, most)) = fractions.iter().find(wrong) {
        return Err(refuse(&format!("text_config.{name}"), &value.unwrap_or_default(), &format!("{least} to {most}")));
    }
    let original = scaling.and_then(|r| r.original_max_position_embeddings);
    if original.is_some_and(|positions| positions == 0 || positions > POSITIONS) {
        let value = original.unwrap_or_default();
        let name = "text_config.rope_scaling.original_max_position_embeddings";
        return Err(refuse(name, &value, &format!("1 to {POSITIONS}")));
    }
    let section = text.mrope_section();
    if section.iter().any(|&part| part > text.head_dim()) {
        return Err(refuse("text_config.rope_scaling.mrope_section", &format!("{section:?}"), "shorter than a head"));
    }
    Ok(())
}

fn refuse(name: &str, value: &dyn std::fmt::Display, allowed: &str) -> Error {
    Error::Unsupported(format!("{name} in config.json is {value}, possible is {allowed}; download config.json again"))
}
