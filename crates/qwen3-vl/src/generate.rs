//! Choosing the next token: greedy, or sampled as transformers and vLLM do, with a seed.
//!
//! Order: repetition penalty (prompt and answer), presence penalty (answer), temperature, top-k, top-p, draw.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::read_json;
use crate::error::{Error, Result};

/// How to choose. The default is greedy: what timestamps and JSON need.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// 0 is greedy.
    pub temperature: f32,
    /// Only the k likeliest; 0 is all.
    pub top_k: usize,
    /// Only the likeliest that together reach this probability; 1 is all.
    pub top_p: f32,
    /// Divides the logits of tokens already in prompt or answer; 1 is off.
    pub repetition_penalty: f32,
    /// Subtracted from the logits of tokens already in the answer; 0 is off.
    pub presence_penalty: f32,
    /// The same seed gives the same answer.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_k: 0, top_p: 1.0, repetition_penalty: 1.0, presence_penalty: 0.0, seed: 0 }
    }
}

impl Sampling {
    /// The published settings of the Instruct models for pictures and videos.
    pub fn instruct() -> Self {
        Self { temperature: 0.7, top_k: 20, top_p: 0.8, presence_penalty: 1.5, ..Self::default() }
    }

    /// What the checkpoint's `generation_config.json` asks for: greedy unless `do_sample` is true, as in transformers.
    ///
    /// # Errors
    /// A file that cannot be read, or numbers no token can be chosen with.
    pub fn read(dir: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct File {
            do_sample: Option<bool>,
            temperature: Option<f32>,
            top_k: Option<usize>,
            top_p: Option<f32>,
            repetition_penalty: Option<f32>,
            presence_penalty: Option<f32>,
        }
        let path = dir.join("generation_config.json");
        if !path.exists() {
            return Ok(Self::default());
        }
        let file: File = read_json(&path)?;
        let greedy = Self {
            repetition_penalty: file.repetition_penalty.unwrap_or(1.0),
            presence_penalty: file.presence_penalty.unwrap_or(0.0),
            ..Self::default()
        };
        let sampling = if file.do_sample == Some(true) {
            let (temperature, top_k) = (file.temperature.unwrap_or(1.0), file.top_k.unwrap_or(50));
            Self { temperature, top_k, top_p: file.top_p.unwrap_or(1.0), ..greedy }
        } else {
            greedy
        };
        let Self { temperature, top_p, repetition_penalty, presence_penalty, .. } = sampling;
        let possible = (0.0..=100.0).contains(&temperature)
            && (0.0..=1.0).contains(&top_p)
            && (0.01..=100.0).contains(&repetition_penalty)
            && (-100.0..=100.0).contains(&presence_penalty);
        if possible {
            Ok(sampling)
        } else {
            Err(Error::Unsupported(format!("generation_config.json asks for {sampling:?}")))
        }
    }
}

/// Scores of every token of the vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits(pub(crate) Vec<f32>);

impl Logits {
    /// One value per token id.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// The likeliest token; the lowest id of equals, as the reference.
    pub fn argmax(&self) -> u32 {
        let best = self.0.iter().enumerate().fold(
            (0, f32::NEG_INFINITY),
            |best, (i, &v)| {
                if v > best.1 { (i, v) } else { best }
            },
        );
        best.0 as u32
    }
}

/// Chooses tokens one after another.
#[derive(Debug, Clone)]
pub struct Sampler {
    sampling: Sampling,
    prompt: HashSet<u32>,
    answer: HashSet<u32>,
    state: u64,
}

impl Sampler {
    /// prompt: the ids the repetition penalty counts besides the answer's.
    pub fn new(sampling: Sampling, prompt: impl IntoIterator<Item = u32>) -> Self {
        Self { sampling, prompt: prompt.into_iter().collect(), answer: HashSet::new(), state: sampling.seed }
    }

    /// The next token, remembered for the penalties.
    pub fn choose(&mut self, logits: &Logits) -> u32 {
        let token = self.pick(logits);
        self.answer.insert(token);
        token
    }

    fn pick(&mut self, logits: &Logits) -> u32 {
        let Sampling { temperature, top_k, top_p, repetition_penalty, presence_penalty, .. } = self.sampling;
        let mut values = logits.0.clone();
        if repetition_penalty != 1.0 {
            for id in self.prompt.union(&self.answer) {
                if let Some(v) = values.get_mut(*id as usize) {
                    *v = if *v > 0.0 { *v / repetition_penalty } else { *v * repetition_penalty };
                }
            }
        }
        if presence_penalty != 0.0 {
            for id in &self.answer {
                if let Some(v) = values.get_mut(*id as usize) {
                    *v -= presence_penalty;
                }
            }
        }
        let values = Logits(values);
        if temperature <= 0.0 {
            return values.argmax();
        }
        let mut ranked: Vec<(u32, f32)> = (0..).zip(values.0.iter().map(|v| v / temperature)).collect();
        if top_k > 0 && top_k < ranked.len() {
            ranked.select_nth_unstable_by(top_k - 1, |a, b| b.1.total_cmp(&a.1));
            ranked.truncate(top_k);
        }
        ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let max = ranked.first().map_or(0.0, |r| r.1);
        let total: f64 = ranked.iter().map(|r| f64::from(r.1 - max).exp()).sum();
        let mut kept = 0.0;
        let mut candidates = Vec::new();
        for (id, value) in ranked {
            let p = f64::from(value - max).exp() / total;
            candidates.push((id, p));
            kept += p;
            if kept >= f64::from(top_p) {
                break;
            }
        }
        let mut draw = self.uniform() * kept;
        for (id, p) in &candidates {
            draw -= p;
            if draw <= 0.0 {
                return *id;
            }
        }
        candidates.last().map_or_else(|| values.argmax(), |c| c.0)
    }

    /// SplitMix64, in [0, 1).
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(sampling: Sampling, logits: &[f32]) -> Vec<usize> {
        let mut counts = vec![0; logits.len()];
        for seed in 0..2000 {
            let mut sampler = Sampler::new(Sampling { seed, ..sampling }, []);
            counts[sampler.choose(&Logits(logits.to_vec())) as usize] += 1;
        }
        counts
    }

    #[test]
    fn the_same_seed_draws_the_same_tokens() {
        let sampling = Sampling { temperature: 1.0, seed: 7, ..Sampling::default() };
        let draw = || {
            let mut sampler = Sampler::new(sampling, []);
            (0..20).map(|_| sampler.choose(&Logits(vec![0.0; 50]))).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn draws_follow_the_probabilities_and_the_cuts() {
        let logits = [0.7_f32.ln(), 0.2_f32.ln(), 0.1_f32.ln()];
        let warm = Sampling { temperature: 1.0, ..Sampling::default() };
        let all = counts(warm, &logits);
        assert!((all[0] as i32 - 1400).abs() < 100 && (all[2] as i32 - 200).abs() < 60, "{all:?}");
        assert_eq!(counts(Sampling { top_k: 1, ..warm }, &logits), [2000, 0, 0]);
        assert_eq!(counts(Sampling { top_p: 0.85, ..warm }, &logits)[2], 0);
    }

    #[test]
    fn the_checkpoints_own_defaults_are_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Sampling::read(folder.path()).unwrap(), Sampling::default());
        let read = |text: &str| {
            std::fs::write(folder.path().join("generation_config.json"), text).unwrap();
            Sampling::read(folder.path())
        };
        let published =
            r#"{"do_sample": true, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.0}"#;
        let found = read(published).unwrap();
        assert_eq!(found, Sampling { presence_penalty: 0.0, ..Sampling::instruct() });
        assert_eq!(read(r#"{"temperature": 0.6}"#).unwrap(), Sampling::default());
        assert!(read(r#"{"do_sample": true, "temperature": -1}"#).is_err());
        assert!(read(r#"{"repetition_penalty": 0}"#).is_err());
    }

    #[test]
    fn penalties_move_a_greedy_choice_away() {
        let logits = Logits(vec![1.0, 0.9]);
        let mut presence = Sampler::new(Sampling { presence_penalty: 0.5, ..Sampling::default() }, []);
        assert_eq!([presence.choose(&logits), presence.choose(&logits)], [0, 1]);
        let mut repetition = Sampler::new(Sampling { repetition_penalty: 1.5, ..Sampling::default() }, [0]);
        assert_eq!(repetition.choose(&logits), 1);
    }
}
