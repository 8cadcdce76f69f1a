//! Interleaved MRoPE (`Qwen3VLTextRotaryEmbedding`), with YaRN where the configuration asks for it
//! (`_compute_yarn_parameters`).
//!
//! Frequency `i` follows height for `i ∈ {1, 4, …} < 3·section[1]`, width for `i ∈ {2, 5, …} < 3·section[2]`, time else.

use candle_core::{DType, Device};

use crate::config::{RopeScaling, TextConfig};
use crate::error::Result;
use crate::kernels::heads::Rotary;
use crate::positions::Position;
use crate::window::{STRETCH, Window};

/// Frequencies, the axis each follows, and the factor on cos and sin.
#[derive(Debug, Clone)]
pub(crate) struct Mrope {
    /// (frequency, axis: 0 time, 1 height, 2 width)
    frequencies: Vec<(f32, usize)>,
    factor: f32,
}

fn axis(i: usize, section: [usize; 3]) -> usize {
    let [_, height, width] = section;
    match i % 3 {
        1 if i < 3 * height => 1,
        2 if i < 3 * width => 2,
        _ => 0,
    }
}

impl Mrope {
    pub(crate) fn new(config: &TextConfig, window: Window) -> Self {
        // The recipe's numbers for whoever writes them into the configuration by hand; its own, where it has some, win.
        let recipe = (window == Window::Extended && !config.is_stretched()).then(|| RopeScaling {
            rope_type: Some("yarn".to_owned()),
            factor: Some(STRETCH as f64),
            original_max_position_embeddings: Some(config.max_position_embeddings),
            ..config.rope_scaling.clone().unwrap_or_default()
        });
        let dim = config.head_dim();
        let theta = config.theta();
        let section = config.mrope_section();
        let plain: Vec<f64> = (0..dim / 2).map(|i| theta.powf(-2.0 * i as f64 / dim as f64)).collect();
        let (scaled, factor) = match recipe.as_ref().or(config.rope_scaling.as_ref()) {
            Some(r) if r.rope_type.as_deref() == Some("yarn") => {
                let original = r.original_max_position_embeddings.unwrap_or(config.max_position_embeddings) as f64;
                let s = r.factor.unwrap_or(config.max_position_embeddings as f64 / original);
                let (fast, slow) = (r.beta_fast.unwrap_or(32.0), r.beta_slow.unwrap_or(1.0));
                // The frequency that turns `rotations` times over the trained length.
                let correction = |rotations: f64| {
                    dim as f64 * (original / (rotations * 2.0 * std::f64::consts::PI)).ln() / (2.0 * theta.ln())
                };
                let low = correction(fast).floor().max(0.0);
                let high = correction(slow).ceil().min(dim as f64 - 1.0);
                let span = if high > low { high - low } else { 0.001 };
                let ramp = |i: usize| ((i as f64 - low) / span).clamp(0.0, 1.0);
                let scaled = plain.iter().enumerate().map(|(i, f)| f * (1.0 - ramp(i)) + f / s * ramp(i)).collect();
                let factor = r.attention_factor.unwrap_or(if s <= 1.0 { 1.0 } else { 0.1 * s.ln() + 1.0 });
                (scaled, factor)
            }
            _ => (plain, 1.0),
        };
        let frequencies =
            scaled.iter().enumerate().map(|(i, f): (usize, &f64)| (*f as f32, axis(i, section))).collect();
        Self { frequencies, factor: factor as f32 }
    }

    fn append(&self, positions: &[Position], cos: &mut Vec<f32>, sin: &mut Vec<f32>) {
        for position in positions {
            let [t, h, w] = position.map(|p| p as f32);
            for &(frequency, axis) in &self.frequencies {
                let at = match axis {
                    1 => h,
                    2 => w,
                    _ => t,
                };
                let (s, c) = (frequency * at).sin_cos();
                cos.push(c * self.factor);
                sin.push(s * self.factor);
            }
        }
    }
}

/// Both ways to turn; the tokens of one pass may be of sessions of either.
#[derive(Debug, Clone)]
pub(crate) struct Ropes {
    native: Mrope,
    extended: Mrope,
}

impl Ropes {
    pub(crate) fn new(config: &TextConfig) -> Self {
        Self { native: Mrope::new(config, Window::Native), extended: Mrope::new(config, Window::Extended) }
    }

    /// cos and sin for runs of tokens, one after another, angles computed in f32.
    pub(crate) fn table<'a>(
        &self,
        runs: impl Iterator<Item = (Window, &'a [Position])>,
        like: (&Device, DType),
    ) -> Result<Rotary> {
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for (window, positions) in runs {
            let rope = match window {
                Window::Native => &self.native,
                Window::Extended => &self.extended,
            };
            rope.append(positions, &mut cos, &mut sin);
        }
        Ok(Rotary::new(cos, sin, self.native.frequencies.len(), like)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sections_interleave_as_documented() {
        let section = [24, 20, 20];
        let axes = [0, 1, 2, 57, 58, 59, 60, 61, 63].map(|i| axis(i, section));
        assert_eq!(axes, [0, 1, 2, 0, 1, 2, 0, 0, 0]);
        let counts = [0, 1, 2].map(|a| (0..64).filter(|&i| axis(i, section) == a).count());
        assert_eq!(counts, section);
    }

    #[test]
    fn yarn_keeps_fast_frequencies_and_divides_slow_ones() -> std::result::Result<(), serde_json::Error> {
        let text = |rope: &str| {
            serde_json::from_str::<TextConfig>(&format!(
                r#"{{"vocab_size":1,"hidden_size":128,"intermediate_size":1,"num_hidden_layers":1,"num_attention_heads":1,
                "head_dim":128,"rope_theta":5000000.0,"max_position_embeddings":1000000,"rope_scaling":{rope}}}"#
            ))
        };
        let plain = Mrope::new(&text(r#"{"rope_type":"default"}"#)?, Window::Native);
        let recipe = r#"{"rope_type":"yarn","factor":3.0,"original_max_position_embeddings":262144}"#;
        let yarn = Mrope::new(&text(recipe)?, Window::Native);
        assert!((yarn.factor - 1.1099).abs() < 1e-4);
        let ratio: Vec<f32> = plain.frequencies.iter().zip(&yarn.frequencies).map(|(p, y)| p.0 / y.0).collect();
        assert!(ratio[..=29].iter().all(|r| (r - 1.0).abs() < 1e-5));
        assert!(ratio[45..].iter().all(|r| (r - 3.0).abs() < 1e-4));
        assert!(ratio[37] > 1.0 && ratio[37] < 3.0);
        Ok(())
    }
}
