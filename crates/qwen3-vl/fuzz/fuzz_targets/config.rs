//! Any bytes as config.json of a golden model: an error or a model, never a panic, never more memory than its weights
//! justify.
#![no_main]

mod golden;

use std::sync::LazyLock;

use golden::Golden;
use qwen3_vl::fit::{Dimensions, KvFormat, Precision};

static MODEL: LazyLock<Golden> = LazyLock::new(|| Golden::copy("tied"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = MODEL.file("config.json");
    std::fs::write(&path, bytes).expect("a file");
    MODEL.load();
    let folder = path.parent().expect("its folder");
    if let Ok(model) = Dimensions::read(folder) {
        model.parameters();
        model.weight_bytes(Precision::Q4K);
        model.kv_bytes_per_token(KvFormat::Eight);
    }
});
