//! The arithmetic of `fit` against what files hold and sessions allocate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use candle_core::safetensors::MmapedSafetensors;
use qwen3_vl::fit::{Dimensions, KvFormat, Precision};
use qwen3_vl::{CachePrecision, LoadOptions, Message, Qwen3Vl, Wrapper};

fn folders() -> [PathBuf; 3] {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["../../models/timepin-tiny", "tests/golden/tied", "tests/golden/untied"].map(|folder| here.join(folder))
}

fn weight_files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| {
            path.file_name().unwrap().to_str().unwrap().starts_with("model")
                && path.extension().is_some_and(|e| e == "safetensors")
        })
        .collect()
}

#[test]
fn parameters_are_the_values_of_the_files_tensors() {
    for folder in folders() {
        // SAFETY: nobody writes the files of the repository while its tests run.
        #[allow(unsafe_code)]
        let files = unsafe { MmapedSafetensors::multi(&weight_files(&folder)).unwrap() };
        let stored: usize = files.tensors().iter().map(|(_, view)| view.shape().iter().product::<usize>()).sum();
        let model = Dimensions::read(&folder).unwrap();
        assert_eq!(model.parameters(), stored as u64, "{}", folder.display());
        assert_eq!(model.weight_bytes(Precision::F32), 4 * stored as u64);
    }
}

#[test]
fn keys_and_values_are_what_a_session_holds() {
    let forms = [
        (CachePrecision::Full, KvFormat::F32),
        (CachePrecision::Sixteen, KvFormat::Half),
        (CachePrecision::Eight, KvFormat::Eight),
    ];
    for (folder, (cache, format)) in folders().into_iter().flat_map(|folder| forms.map(|form| (folder.clone(), form))) {
        let model = Qwen3Vl::load(&folder, LoadOptions { cache, ..LoadOptions::default() }).unwrap();
        let prompt = model.prompt(&[Message::text("user", "When does it appear?")], Wrapper::default()).unwrap();
        let mut session = model.new_session();
        model.prefill(&mut session, prompt.parts(), &|| false).unwrap();
        // A fork holds what was read and no room for more.
        let held = session.fork().unwrap().bytes() as u64;
        let each = Dimensions::read(&folder).unwrap().kv_bytes_per_token(format);
        assert_eq!(held, session.len() as u64 * each, "{} {format:?}", folder.display());
    }
}
