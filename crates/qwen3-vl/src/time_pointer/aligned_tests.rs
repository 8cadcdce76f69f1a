//! What the attention promises, for any weights; that it computes what torch does is `head_tests.rs`'.

use proptest::prelude::*;

use super::*;

const WIDTH: usize = 6;

fn tensor(rows: usize, columns: usize, seed: u32, size: f32) -> Tensor {
    let noise = |i: usize| {
        let mixed = (i as u32 ^ seed.wrapping_mul(747_796_405)).wrapping_mul(2_654_435_761);
        ((mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519) >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    Tensor::from_vec((0..rows * columns).map(|i| noise(i) * size).collect(), (rows, columns), &Device::Cpu).unwrap()
}

/// Random weights; `time`: how much the columns for absolute times count, `open`: the gate's bias.
fn attention(seed: u32, time: f32, open: f32) -> TimeAlignedAttention {
    let key = Tensor::cat(&[tensor(WIDTH, WIDTH, seed, 2.0), tensor(WIDTH, TIME_FEATURES, seed + 1, time)], 1).unwrap();
    let gate =
        |seed| std::array::from_fn(|i| tensor(1, 1, seed + i as u32, time).sum_all().unwrap().to_scalar().unwrap());
    TimeAlignedAttention {
        query: tensor(WIDTH, WIDTH, seed + 2, 2.0),
        key,
        gate: [gate(seed + 3), gate(seed + 99)],
        gate_bias: open,
    }
}

fn micros(of: &[i64]) -> Vec<Timestamp> {
    of.iter().copied().map(Timestamp::from_micros).collect()
}

fn run(attention: &TimeAlignedAttention, text_at: i64, at: &[i64], mask: Option<&[bool]>) -> (Vec<f32>, Vec<f32>) {
    let (text, frames) = (tensor(1, WIDTH, 5, 2.0), tensor(at.len(), WIDTH, 6, 2.0));
    let (output, weights) = attention.forward((&text, &micros(&[text_at])), (&frames, &micros(at)), mask).unwrap();
    let values = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    (values(output), values(weights))
}

fn mean(weights: &[f32], at: &[i64]) -> f64 {
    weights.iter().zip(at).map(|(w, at)| f64::from(*w) * *at as f64).sum()
}

#[test]
fn a_gate_that_is_one_everywhere_gives_plain_attention() {
    let open = attention(1, 0.3, 1e6);
    let at = [5_000_000; 7];
    // All times are one: the similarity is 1 as well.
    let (_, weights) = run(&open, at[0], &at, None);
    let (text, frames) = (tensor(1, WIDTH, 5, 2.0), tensor(7, WIDTH, 6, 2.0));
    let keys = open.keys(&frames, &micros(&at)).unwrap().keys;
    let logits = text.matmul(&open.query.t().unwrap()).unwrap().matmul(&keys.t().unwrap()).unwrap();
    let scaled = (logits / (WIDTH as f64).sqrt()).unwrap();
    let plain: Vec<f32> = candle_nn::ops::softmax_last_dim(&scaled).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    assert!(weights.iter().zip(plain).all(|(found, plain)| (found - plain).abs() < 1e-6));
}

#[test]
fn one_segment_has_all_the_weight_and_its_time_is_the_pin() {
    for text_at in [0, 3_245_000, 7_200_000_000] {
        let (_, weights) = run(&attention(2, 0.3, 0.0), text_at, &[3_245_000], None);
        assert_eq!(weights, [1.0]);
    }
}

proptest! {
    /// Only with the columns for absolute times left out: those are there to tell times apart.
    #[test]
    fn without_absolute_times_the_pin_shifts_with_the_video(
        seed in 0_u32..1000, shift in 0..10_i64.pow(10), text_at in 0..20_000_000_i64,
        at in proptest::collection::vec(0..20_000_000_i64, 1..12),
    ) {
        let attention = attention(seed, 0.0, 0.0);
        let later: Vec<_> = at.iter().map(|at| at + shift).collect();
        let (_, here) = run(&attention, text_at, &at, None);
        let (_, there) = run(&attention, text_at + shift, &later, None);
        prop_assert!(here.iter().zip(&there).all(|(a, b)| (a - b).abs() < 1e-6));
        let total: f64 = here.iter().map(|w| f64::from(*w)).sum();
        prop_assert!((mean(&there, &later) - mean(&here, &at) - total * shift as f64).abs() < 1e-4 * shift as f64 + 1e3);
    }

    #[test]
    fn a_distant_frame_has_a_weight_that_vanishes(seed in 0_u32..1000, seconds in 40_i64..7200) {
        let (_, weights) = run(&attention(seed, 0.1, 0.0), 0, &[0, seconds * 1_000_000], None);
        prop_assert!(weights[1] < 1e-6, "{weights:?}");
    }

    #[test]
    fn a_mask_leaves_the_others_as_they_are_without_those_frames(
        seed in 0_u32..1000, masks in proptest::collection::vec(any::<bool>(), 2..9),
    ) {
        let mut mask = masks;
        mask[0] = true;
        let attention = attention(seed, 0.3, 0.0);
        let at: Vec<i64> = (0..mask.len() as i64).map(|i| i * 700_000).collect();
        let (_, weights) = run(&attention, 900_000, &at, Some(&mask));
        let (_, whole) = run(&attention, 900_000, &at, None);
        let kept: f32 = whole.iter().zip(&mask).filter(|(_, kept)| **kept).map(|(w, _)| w).sum();
        for ((found, whole), there) in weights.iter().zip(whole).zip(mask) {
            let expected = if there { whole / kept } else { 0.0 };
            prop_assert!((found - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn whatever_the_times_weights_are_a_distribution_and_the_output_lies_among_the_frames(
        seed in 0_u32..1000, text_at in 0..4 * 10_i64.pow(11),
        at in proptest::collection::vec(0..4 * 10_i64.pow(11), 1..20), bias in -1e6_f32..1e6,
    ) {
        let (output, weights) = run(&attention(seed, 2.0, bias), text_at, &at, None);
        prop_assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4 && weights.iter().all(|w| (0.0..=1.0001).contains(w)));
        prop_assert!(output.iter().all(|v| v.abs() <= 1.001), "{output:?}");
    }
}
