//! Tokens of one window: greedily, and where that fails again with some chance (paper §4.5, whisper/transcribe.py).

use candle_core::Tensor;

use crate::error::Result;
use crate::model::{Listener, Whisper};

/// Temperatures, one after another, until the result is credible.
const TEMPERATURES: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// Text that compresses better than this repeats itself.
const MOST_COMPRESSED: f64 = 2.4;
/// The least mean log probability of a credible token.
const LEAST_LOG_PROB: f64 = -1.0;
/// Probability of nobody speaking from which an incredible result is silence.
const SILENCE: f64 = 0.6;

/// What was written about a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Text tokens and timestamps, without the prompt and the end.
    pub tokens: Vec<u32>,
    /// Mean logarithm of the tokens' probabilities.
    pub mean_log_prob: f64,
    /// Probability that nobody speaks.
    pub no_speech: f64,
    /// Bytes of the text over bytes when compressed.
    pub compression: f64,
    /// The temperature it was written at.
    pub temperature: f32,
}

impl Decoded {
    /// Whether nobody speaks, and what was written is made up.
    pub fn is_silence(&self) -> bool {
        self.no_speech > SILENCE && self.mean_log_prob < LEAST_LOG_PROB
    }

    fn is_credible(&self) -> bool {
        self.is_silence() || (self.compression <= MOST_COMPRESSED && self.mean_log_prob >= LEAST_LOG_PROB)
    }
}

/// Writes what was heard after a prompt, as often as it takes to be credible. The last attempt counts when none is.
///
/// # Errors
/// When the computation fails.
pub fn decode(model: &Whisper, listener: &mut Listener<'_>, prompt: &[u32]) -> Result<Decoded> {
    let [greedy, hotter @ ..] = TEMPERATURES;
    let mut decoded = attempt(model, listener, prompt, greedy)?;
    for temperature in hotter {
        if decoded.is_credible() {
            break;
        }
        decoded = attempt(model, listener, prompt, temperature)?;
    }
    Ok(decoded)
}

/// Writes what was heard after a prompt once: at temperature 0 the likeliest token each time.
///
/// # Errors
/// When the computation fails.
pub fn attempt(model: &Whisper, listener: &mut Listener<'_>, prompt: &[u32], temperature: f32) -> Result<Decoded> {
    listener.begin();
    let states = listener.write(prompt)?;
    let mut logits = row(listener, &states, prompt.len().saturating_sub(1))?;
    let no_speech = probability(&row(listener, &states, 0)?, model.vocabulary.no_speech);
    // The same sound gives the same words, whatever the temperature.
    let mut chance = Chance(1);
    // Half of the positions are for what was said before, of which nothing is shown here.
    let most = model.config().max_target_positions / 2;
    let (mut tokens, mut sum) = (Vec::new(), 0.0);
    loop {
        model.rules.apply(&mut logits, &tokens);
        let (token, log_prob) = choose(&logits, temperature, &mut chance);
        sum += log_prob;
        if token == model.vocabulary.end {
            break;
        }
        tokens.push(token);
        if tokens.len() >= most || listener.room() == 0 {
            break;
        }
        let states = listener.write(&[token])?;
        logits = row(listener, &states, 0)?;
    }
    let mean_log_prob = sum / (tokens.len() + 1) as f64;
    let compression = compression(&model.text(&tokens)?);
    Ok(Decoded { tokens, mean_log_prob, no_speech, compression, temperature })
}

/// The language spoken, and how sure that is; none in an English-only model.
pub(crate) fn language(model: &Whisper, listener: &mut Listener<'_>) -> Result<Option<(String, f64)>> {
    listener.begin();
    let states = listener.write(&[model.vocabulary.start()])?;
    let logits = row(listener, &states, 0)?;
    let known = || model.vocabulary.languages.iter();
    let heard: Vec<f32> = known().filter_map(|(_, token)| logits.get(*token as usize).copied()).collect();
    let (Some(best), total) = (first_highest(&heard), log_sum(&heard)) else { return Ok(None) };
    let sure = heard.get(best).map_or(0.0, |logit| (f64::from(*logit) - total).exp());
    Ok(known().nth(best).map(|(code, _)| (code.clone(), sure)))
}

/// Logits of one row of states.
fn row(listener: &Listener<'_>, states: &Tensor, index: usize) -> Result<Vec<f32>> {
    Ok(listener.logits(&states.narrow(0, index, 1)?)?.squeeze(0)?.to_vec1()?)
}

/// A token and the logarithm of its probability.
fn choose(logits: &[f32], temperature: f32, chance: &mut Chance) -> (u32, f64) {
    let chosen = if temperature > 0.0 {
        let warm: Vec<f32> = logits.iter().map(|logit| logit / temperature).collect();
        sample(&warm, chance)
    } else {
        first_highest(logits)
    };
    let index = chosen.unwrap_or_default();
    let logit = logits.get(index).copied().unwrap_or_default();
    (u32::try_from(index).unwrap_or_default(), f64::from(logit) - log_sum(logits))
}

fn sample(logits: &[f32], chance: &mut Chance) -> Option<usize> {
    let total = log_sum(logits);
    let mut left = chance.next();
    for (index, logit) in logits.iter().enumerate() {
        left -= (f64::from(*logit) - total).exp();
        if left < 0.0 {
            return Some(index);
        }
    }
    first_highest(logits)
}

fn first_highest(values: &[f32]) -> Option<usize> {
    let better = |best: Option<(usize, f32)>, (index, value): (usize, f32)| match best {
        Some((_, highest)) if highest >= value => best,
        _ => Some((index, value)),
    };
    values.iter().copied().enumerate().fold(None, better).map(|(index, _)| index)
}

/// The logarithm of the sum of exponentials.
fn log_sum(logits: &[f32]) -> f64 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - highest).exp()).sum();
    f64::from(highest) + sum.ln()
}

fn probability(logits: &[f32], token: u32) -> f64 {
    logits.get(token as usize).map_or(0.0, |logit| (f64::from(*logit) - log_sum(logits)).exp())
}

/// How much a text repeats itself, as zlib sees it.
fn compression(text: &str) -> f64 {
    let bytes = text.trim().as_bytes();
    bytes.len() as f64 / miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6).len() as f64
}

/// SplitMix64: numbers in [0, 1) that are the same every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_repeats_itself_is_incredible() {
        let spoken = "It was the best of times, it was the worst of times, it was the age of wisdom.";
        assert!(compression(spoken) < MOST_COMPRESSED);
        assert!(compression(&"Thank you. ".repeat(30)) > MOST_COMPRESSED);
        assert!(compression("") < MOST_COMPRESSED);
    }

    #[test]
    fn chance_follows_the_probabilities_and_cold_takes_the_first_highest() {
        let logits = [f32::NEG_INFINITY, 0.0, 3.0_f32.ln(), 3.0_f32.ln()];
        assert_eq!(choose(&logits, 0.0, &mut Chance(1)).0, 2);
        let mut chance = Chance(1);
        let mut counts = [0; 4];
        for _ in 0..7_000 {
            counts[choose(&logits, 1.0, &mut chance).0 as usize] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!((900..1_100).contains(&counts[1]) && (2_850..3_150).contains(&counts[2]), "{counts:?}");
        assert!((choose(&logits, 0.0, &mut chance).1 - (3.0_f64 / 7.0).ln()).abs() < 1e-6);
    }
}
