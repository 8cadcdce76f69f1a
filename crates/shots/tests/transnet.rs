//! Probabilities against the reference implementation (`training/golden_shots.py`), and files that are no TransNetV2.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use shots::{CONTEXT, Error, FRAME_BYTES, ShotFinder, TransNet, WINDOW};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn open(path: &Path) -> shots::Result<TransNet> {
    TransNet::open(path, &Device::Cpu, 2)
}

/// The film of the script, byte for byte.
fn film() -> Vec<Vec<u8>> {
    let mut state = 1_u32;
    let frame = |t: usize| {
        let shot = usize::from(t >= 30) + usize::from(t >= 77);
        let byte = |i: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((shot * 60 + t * t % 97 + i / 40 + i % 3 * 50 + (state >> 26) as usize) % 256) as u8
        };
        (0..FRAME_BYTES).map(byte).collect()
    };
    (0..130).map(frame).collect()
}

#[test]
fn probabilities_are_those_of_the_reference() {
    let text = std::fs::read_to_string(golden().join("film.json")).unwrap();
    let list = |name: &str| -> Vec<f64> {
        let (_, rest) = text.split_once(&format!("\"{name}\": [")).unwrap();
        rest.split_once(']').unwrap().0.split(", ").map(|number| number.parse().unwrap()).collect()
    };
    let (expected, begins, film) = (list("probabilities"), list("begins"), film());
    let network = open(&golden().join("weights.pth")).unwrap();
    let mut padded = vec![film[0].clone(); CONTEXT];
    padded.extend(film.iter().cloned());
    padded.resize(WINDOW + 2 * (WINDOW - 2 * CONTEXT), film.last().unwrap().clone());
    let windows = (0..3).map(|at| padded[at * 50..at * 50 + WINDOW].concat());
    let found: Vec<f32> = windows.flat_map(|window| network.probabilities(&window).unwrap()).collect();
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() < 1e-4, "frame {at}: {found} where the reference has {expected}");
    }
    assert!(expected.iter().any(|p| *p < 0.2) && expected.iter().any(|p| *p > 0.8));

    let mut finder = ShotFinder::new(&network);
    let mut seen: Vec<usize> = film.iter().flat_map(|frame| finder.see(frame).unwrap()).collect();
    seen.extend(finder.finish().unwrap());
    assert_eq!(seen.iter().map(|&at| at as f64).collect::<Vec<_>>(), begins);
    assert!(begins.len() > 10);
}

#[test]
fn a_film_of_no_frames_has_no_shots_and_a_frame_of_another_size_is_refused() {
    let network = open(&golden()).unwrap();
    assert!(ShotFinder::new(&network).finish().unwrap().is_empty());
    let mut finder = ShotFinder::new(&network);
    assert!(matches!(finder.see(&[0; 12]), Err(Error::Frame { found: 12 })));
    assert!(finder.see(&[0; FRAME_BYTES]).unwrap().is_empty());
    assert!(matches!(network.probabilities(&[0; FRAME_BYTES]), Err(Error::Frame { .. })));
}

#[test]
fn what_is_no_transnet_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path| open(path).err().unwrap();
    assert!(matches!(refused(folder.path()), Error::NoWeights(_)));
    assert!(matches!(refused(&folder.path().join("none.pth")), Error::Read { .. }));
    let path = folder.path().join("weights.pth");
    let whole = std::fs::read(golden().join("weights.pth")).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(refused(folder.path()), Error::Format { .. }));
    std::fs::write(&path, b"no tensors at all").unwrap();
    assert!(matches!(refused(folder.path()), Error::Format { .. }));
    std::fs::remove_file(path).unwrap();

    let all = candle_core::pickle::read_all(golden().join("weights.pth")).unwrap();
    let all: HashMap<String, Tensor> = all.into_iter().filter(|(name, _)| !name.ends_with("tracked")).collect();
    let path = folder.path().join("weights.safetensors");
    let save = |all: &HashMap<String, Tensor>| candle_core::safetensors::save(all, &path).unwrap();
    save(&all);
    assert!(open(folder.path()).is_ok());
    let mut without = all.clone();
    without.remove("fc1.weight");
    save(&without);
    assert!(matches!(refused(&path), Error::Missing { name, .. } if name == "fc1.weight"));
    let mut other = all;
    other.insert("cls_layer1.weight".to_owned(), Tensor::zeros((1, 3), candle_core::DType::F32, &Device::Cpu).unwrap());
    save(&other);
    let error = refused(&path);
    assert!(matches!(&error, Error::Shape { name, .. } if name == "cls_layer1.weight"));
    assert!(error.to_string().contains("[1, 3]") && error.to_string().contains("[_, 16]"), "{error}");
}
