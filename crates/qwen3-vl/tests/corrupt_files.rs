//! Weight files whose headers were changed byte by byte: an error or a model, never a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::Path;

use common::{golden, merged};
use qwen3_vl::{Error, LoadOptions, Qwen3Vl};

/// Loads `file` of a golden folder with one byte of its first `header` changed, for bytes spread over the header.
fn with_changed_bytes(folder: &str, file: &str, header: usize) -> Vec<Option<Error>> {
    let folder = merged(&[&golden().join(folder)]);
    let path = folder.path().join(file);
    let bytes = std::fs::read(&path).unwrap();
    let load = |folder: &Path| Qwen3Vl::load(folder, LoadOptions::default()).err();
    (0..120)
        .map(|i| {
            let mut changed = bytes.clone();
            // The first bytes hold counts and lengths, each worth a try; later ones are sampled.
            let at = if i < 40 { i } else { 40 + (i - 40) * (header - 40) / 80 };
            changed[at] ^= [0x01, 0x80, 0xff, 0x20][i % 4];
            std::fs::write(&path, &changed).unwrap();
            load(folder.path())
        })
        .collect()
}

#[test]
fn a_changed_safetensors_header_is_an_error_or_harmless() {
    let results = with_changed_bytes("moe", "model.safetensors", 8_000);
    assert!(results.iter().flatten().count() > 60);
    assert!(results.iter().flatten().any(|e| matches!(e, Error::Damaged { .. })));
}

#[test]
fn a_changed_gguf_header_is_an_error_or_harmless() {
    for (file, header) in [("tiny-Q4_K_M.gguf", 12_000), ("mmproj-tiny-F16.gguf", 4_000)] {
        let results = with_changed_bytes("gguf", file, header);
        assert!(results.iter().flatten().count() > 20, "{file}");
        assert!(results.iter().flatten().any(|e| matches!(e, Error::Damaged { .. })), "{file}");
    }
}
