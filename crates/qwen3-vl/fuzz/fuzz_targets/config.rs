//! Any bytes as config.json: an error or a configuration, never a panic.
//! Start from the golden models: `cp tests/golden/*/config.json fuzz/corpus/config/` under names of their own.
#![no_main]

use std::sync::LazyLock;

use qwen3_vl::Config;
use qwen3_vl::fit::{Dimensions, KvFormat, Precision};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a temporary folder"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    std::fs::write(FOLDER.path().join("config.json"), bytes).expect("a file");
    let _ = Config::read(FOLDER.path());
    if let Ok(model) = Dimensions::read(FOLDER.path()) {
        model.parameters();
        model.weight_bytes(Precision::Q4K);
        model.kv_bytes_per_token(KvFormat::Eight);
    }
});
