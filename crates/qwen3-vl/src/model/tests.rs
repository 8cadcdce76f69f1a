//! What accelerators do is made of candle's operations, which compute in f16 on the CPU as well: a model loaded that way
//! takes every path a card takes, up to the kernels themselves, and has to agree with the kernels of the CPU.

use std::path::PathBuf;
use std::sync::Arc;

use candle_core::{DType, Device};

use super::*;
use crate::{CachePrecision, Precision};

/// A model as on the CPU and as on an accelerator.
fn both(folder: &str, options: LoadOptions) -> Result<[Qwen3Vl; 2]> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let open = || Checkpoint::open(&folder, Device::Cpu, options.precision);
    let mut sixteen = open()?;
    sixteen.weights.compute_in(DType::F16);
    Ok([Qwen3Vl::build(open()?, options)?, Qwen3Vl::build(sixteen, options)?])
}

/// All that two answers about two segments of noise see: features, then logits and pointers of every step.
fn found(model: &Qwen3Vl) -> Result<Vec<Vec<f32>>> {
    let frame = |seed: u32| {
        let noise = (0..64 * 96 * 3_u32).map(|i| ((i ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8);
        RgbFrame::new(96, 64, noise.collect())
    };
    let features = model.encode_segments(&[[frame(1)?, frame(2)?], [frame(3)?, frame(4)?]])?;
    let mut found = Vec::new();
    for tensor in features.iter().flat_map(|f| std::iter::once(f.merged()).chain(f.taps())) {
        found.push(tensor.flatten_all()?.to_vec1()?);
    }
    let words = |from: u32, count: u32| PromptPart::Tokens((from..from + count).collect());
    let mut parts = vec![words(5, 20)];
    for features in features {
        parts.extend([PromptPart::Segment(Arc::new(features)), words(40, 7)]);
    }
    let mut prefix = model.new_session();
    model.prefill(&mut prefix, &parts, &|| false)?;
    let mut sessions = [prefix.fork()?, prefix.fork()?];
    for (session, from) in sessions.iter_mut().zip([60, 70]) {
        model.prefill(session, &[words(from, 9)], &|| false)?;
    }
    for token in [11, 12] {
        let mut steps: Vec<_> = sessions.iter_mut().zip(token..).collect();
        for step in model.decode_batch(&mut steps)? {
            let step = step?;
            found.push(step.logits.values().to_vec());
            found.extend(step.pointer.map(|look| look.weights));
        }
    }
    Ok(found)
}

/// The largest distance between two findings, relative to their size.
fn gap(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
    let gaps = a.iter().zip(b).map(|(a, b)| {
        assert_eq!(a.len(), b.len());
        norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut a.iter().copied())
    });
    gaps.fold(0.0, f32::max)
}

#[test]
fn what_accelerators_do_agrees_with_the_kernels_of_the_cpu() -> Result<()> {
    let full = LoadOptions { precision: Precision::F32, ..LoadOptions::default() };
    let cases = [
        ("../../models/timepin-tiny", full, 0.01),
        ("tests/golden/tied", full, 0.01),
        ("tests/golden/moe", full, 0.01),
        ("tests/golden/tied", LoadOptions { cache: CachePrecision::Eight, ..full }, 0.03),
        ("tests/golden/tied", LoadOptions { precision: Precision::Q8_0, ..full }, 0.03),
        // Blocks of four bits, whose products round activations to eight: small differences grow.
        ("tests/golden/gguf", LoadOptions::default(), 0.1),
    ];
    for (folder, options, bound) in cases {
        let [cpu, accelerator] = both(folder, options)?;
        let (expected, found) = (found(&cpu)?, found(&accelerator)?);
        assert_eq!(expected.len(), found.len());
        let gap = gap(&expected, &found);
        assert!(gap < bound, "{folder} {options:?}: {gap}");
    }
    Ok(())
}

/// Keeping every token is keeping all of it, and what stays of less stands where it stood.
#[test]
fn pruned_segments_keep_their_places() -> Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tied");
    let model = Qwen3Vl::build(Checkpoint::open(&folder, Device::Cpu, Precision::F32)?, LoadOptions::default())?;
    let frame =
        RgbFrame::new(96, 64, (0..64 * 96 * 3_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect())?;
    let whole = model.encode_segments(&[[frame.clone(), frame]])?.pop().ok_or(Error::Features("none".into()))?;
    let read = |features: SegmentFeatures| {
        let mut session = model.new_session();
        let words = |from: u32| PromptPart::Tokens((from..from + 9).collect());
        model.prefill(&mut session, &[words(5), PromptPart::Segment(Arc::new(features)), words(40)], &|| false)?;
        Ok::<_, Error>((session.len(), session.rope_delta(), model.step(&session)?.logits.values().to_vec()))
    };
    let all: Vec<u32> = (0..whole.tokens() as u32).collect();
    let (length, delta, logits) = read(whole.clone())?;
    assert_eq!(read(whole.pruned(&all)?)?, (length, delta, logits.clone()));
    // Fewer tokens, and the words behind them at the same positions.
    let pruned = read(whole.pruned(&[1, 4])?)?;
    let gone = whole.tokens() - 2;
    assert_eq!((pruned.0, pruned.1), (length - gone, delta + gone as i64));
    assert_ne!(pruned.2, logits);
    for wrong in [&[][..], &[1, 1], &[2, 1], &[all.len() as u32]] {
        assert!(whole.pruned(wrong).is_err(), "{wrong:?}");
    }
    assert!(whole.pruned(&[0, 1])?.pruned(&[0]).is_err() && whole.pruned(&[0])?.to_bytes().is_err());
    Ok(())
}
