//! A text model in GGUF that llama.cpp's `gguf-split` has cut into parts: read as one, and told when a part is missing.
//!
//! As in `gguf-split.cpp`: the first part has all metadata, later ones the three `split.*` keys only, not even the
//! architecture.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use candle_core::Device;
use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::{self, Content, Value};
use common::{golden, load_as, merged, prompt};
use qwen3_vl::{Error, LoadOptions, Qwen3Vl, Wrapper, census, is_model_folder};
use tempfile::TempDir;

const WHOLE: &str = "tiny-Q4_K_M.gguf";
const PARTS: [&str; 3] =
    ["tiny-Q4_K_M-00001-of-00003.gguf", "tiny-Q4_K_M-00002-of-00003.gguf", "tiny-Q4_K_M-00003-of-00003.gguf"];

/// The golden model with its text half cut into three, the parts in `under`. `first_empty`: no tensor in the first part, as
/// with `--no-tensor-first-split`.
fn split(under: &str, first_empty: bool) -> TempDir {
    let folder = merged(&[&golden().join("gguf")]);
    let mut file = BufReader::new(File::open(folder.path().join(WHOLE)).unwrap());
    let content = Content::read(&mut file).unwrap();
    let mut names: Vec<&String> = content.tensor_infos.keys().collect();
    names.sort();
    let tensors: Vec<(&str, QTensor)> =
        names.iter().map(|name| (name.as_str(), content.tensor(&mut file, name, &Device::Cpu).unwrap())).collect();
    let third = tensors.len() / 3;
    let (first, rest) = tensors.split_at(if first_empty { 0 } else { third });
    let (second, last) = rest.split_at(third);
    fs::create_dir_all(folder.path().join(under)).unwrap();
    for (number, (name, tensors)) in PARTS.iter().zip([first, second, last]).enumerate() {
        let own = [
            ("split.no", Value::U16(number as u16)),
            ("split.count", Value::U16(3)),
            ("split.tensors.count", Value::I32(names.len() as i32)),
        ];
        let all = content.metadata.iter().filter(|_| number == 0).map(|(key, value)| (key.as_str(), value));
        let metadata: Vec<_> = all.chain(own.iter().map(|(key, value)| (*key, value))).collect();
        let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let mut out = File::create(folder.path().join(under).join(name)).unwrap();
        gguf_file::write(&mut out, &metadata, &tensors).unwrap();
    }
    fs::remove_file(folder.path().join(WHOLE)).unwrap();
    folder
}

/// Logits of every token of the first golden case.
fn logits(folder: &Path) -> Vec<Vec<f32>> {
    let golden = load_as("gguf", folder, LoadOptions::default());
    let prompt = prompt(&golden, &golden.cases[0], Wrapper::Replaced);
    let logits = golden.model.prefill_scored(&mut golden.model.new_session(), prompt.parts(), 4096).unwrap();
    logits.to_vec2().unwrap()
}

#[test]
fn parts_answer_as_the_whole_wherever_they_lie() {
    let whole = logits(&golden().join("gguf"));
    // In a folder of their own: as repositories have them that hold several quantisations.
    for (under, first_empty) in [("", false), ("", true), ("Q4_K_M", false)] {
        let folder = split(under, first_empty);
        assert!(is_model_folder(folder.path()));
        assert_eq!(logits(folder.path()), whole, "`{under}`, {first_empty}");
        let (parts, file) = (census(folder.path()).unwrap(), census(&golden().join("gguf")).unwrap());
        assert_eq!(parts, file);
    }
}

fn refusal(folder: &Path) -> Error {
    Qwen3Vl::load(folder, LoadOptions::default()).unwrap_err()
}

#[test]
fn a_missing_part_is_called_by_its_name() {
    for missing in PARTS {
        let folder = split("", false);
        fs::remove_file(folder.path().join(missing)).unwrap();
        let error = refusal(folder.path());
        assert!(matches!(&error, Error::MissingShard { name, .. } if name == missing), "{error}");
        assert!(error.to_string().contains("download the missing file"), "{error}");
    }
}

#[test]
fn parts_of_two_models_are_not_mixed() {
    let folder = split("", false);
    fs::copy(golden().join("gguf").join(WHOLE), folder.path().join(WHOLE)).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(&error, Error::Unsupported(told) if told.contains("leave the files of one model")), "{error}");
}
