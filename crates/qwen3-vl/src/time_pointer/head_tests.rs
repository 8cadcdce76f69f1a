//! The golden files of `training/golden_time_pointer.py`, and files that are none.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::*;
use crate::time_pointer::features::time_features;

const NAME: &str = "time_pointer.safetensors";
const WIDTH: usize = 24;

#[derive(Deserialize)]
struct Video {
    frames: Vec<i64>,
    text: Vec<i64>,
    mask: Vec<bool>,
    mean_s: Vec<f64>,
    spread_s: Vec<f64>,
}

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/time_pointer")
}

fn micros(of: &[i64]) -> Vec<Timestamp> {
    of.iter().copied().map(Timestamp::from_micros).collect()
}

fn close(found: &Tensor, expected: &Tensor, name: &str) {
    let gap: f32 = (found - expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap();
    assert!(gap < 2e-5, "{name} is off by {gap}");
}

#[test]
fn the_head_computes_what_torch_does() {
    let head = TrainedHead::read(&golden(), NAME, 0, WIDTH).unwrap();
    let tensors = candle_core::safetensors::load(golden().join("expected.safetensors"), &Device::Cpu).unwrap();
    let videos = std::fs::read_to_string(golden().join("times.json")).unwrap();
    let videos: HashMap<String, Video> = serde_json::from_str(&videos).unwrap();
    assert_eq!(videos.len(), 4);
    for (name, video) in videos {
        let of = |what: &str| &tensors[&format!("{name}.{what}")];
        let at = micros(&video.frames);
        let phi: Vec<f32> = at.iter().flat_map(|at| time_features(*at)).collect();
        close(&Tensor::from_vec(phi, of("phi").dims(), &Device::Cpu).unwrap(), of("phi"), &format!("{name}: phi"));

        let text = (of("hidden") / 30.0).unwrap();
        let (text, frames) = ((&text, &micros(&video.text)[..]), (of("features"), &at[..]));
        let (output, weights) = head.attention.forward(text, frames, Some(&video.mask)).unwrap();
        close(&output, of("output"), &format!("{name}: output"));
        close(&weights, of("weights"), &format!("{name}: weights"));

        let rows: Vec<Vec<f32>> = of("features").to_vec2().unwrap();
        let seen = rows.iter().zip(&at).map(|(row, at)| Some(Seen { feature: row.as_slice().into(), at: *at }));
        // An image in front is none of the video's segments.
        let seen: Vec<_> = std::iter::once(None).chain(seen).collect();
        let prepared = head.prepare(&seen).unwrap().unwrap();
        assert_eq!(prepared.places, (1..=at.len()).collect::<Vec<_>>());
        for token in 0..3 {
            let hidden = of("hidden").narrow(0, token, 1).unwrap();
            let (proposed, refined) = head.distributions(&hidden, &prepared).unwrap();
            for (found, what) in [(&proposed, "proposed"), (&refined, "refined")] {
                let found = Tensor::new(found.as_slice(), &Device::Cpu).unwrap();
                close(&found, &of(what).get(token).unwrap(), &format!("{name}: {what}"));
            }
            let pin = mean(&refined, &at).seconds();
            assert!((pin - video.mean_s[token]).abs() < 1e-3, "{name}: {pin}");
            let variance = refined.iter().zip(&at).map(|(w, at)| f64::from(*w) * (at.seconds() - pin).powi(2));
            assert!((variance.sum::<f64>().sqrt() - video.spread_s[token]).abs() < 1e-2, "{name}");
        }
    }
}

/// A copy of the golden file, changed.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<TrainedHead> {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(golden().join(NAME)).unwrap();
    change(&mut bytes);
    std::fs::write(folder.path().join(NAME), bytes).unwrap();
    TrainedHead::read(folder.path(), NAME, 0, WIDTH)
}

#[test]
fn a_file_that_is_no_head_for_this_model_is_told() {
    assert!(changed(|_| {}).is_ok());
    let missing = TrainedHead::read(&golden(), "gone.safetensors", 0, WIDTH).unwrap_err();
    assert!(matches!(&missing, Error::MissingShard { by, .. } if by == "timepin.json"), "{missing}");
    let outside = TrainedHead::read(&golden(), "../time_pointer/time_pointer.safetensors", 0, WIDTH).unwrap_err();
    assert!(matches!(outside, Error::Unsupported(_)), "{outside}");
    let other = TrainedHead::read(&golden(), NAME, 0, WIDTH + 1).unwrap_err();
    assert!(matches!(&other, Error::TensorShape { expected, .. } if expected.contains(&75)), "{other}");
    assert!(matches!(changed(|bytes| bytes.truncate(bytes.len() / 2)).unwrap_err(), Error::Truncated { .. }));
    assert!(matches!(changed(|bytes| bytes.truncate(3)).unwrap_err(), Error::Truncated { .. }));
    assert!(matches!(changed(|bytes| bytes[9] = b'!').unwrap_err(), Error::Damaged { .. }));
    // The last half is made infinite.
    let infinite = changed(|bytes| {
        let at = bytes.len() - 2;
        bytes[at..].copy_from_slice(&0x7c00_u16.to_le_bytes());
    });
    assert!(matches!(infinite.unwrap_err(), Error::Damaged { .. }));
    assert!(matches!(
        TrainedHead::read(&golden(), "expected.safetensors", 0, WIDTH).unwrap_err(),
        Error::MissingTensor(_)
    ));
}

#[test]
fn segments_without_a_time_are_not_looked_at() {
    let head = TrainedHead::read(&golden(), NAME, 0, WIDTH).unwrap();
    assert!(head.prepare(&[None, None]).unwrap().is_none());
    assert!(head.prepare(&[]).unwrap().is_none());
    let narrow = Seen { feature: [0.0; 3].as_slice().into(), at: Timestamp::ZERO };
    assert!(matches!(head.prepare(&[Some(narrow)]), Err(Error::Features(_))));
}
