//! Any bytes as the beginning of model.safetensors, where its header is: an error or a model, never a panic, never more
//! memory than the file justifies.
#![no_main]

mod golden;

use std::sync::LazyLock;

use golden::{Golden, with_beginning};

const NAME: &str = "model.safetensors";

static MODEL: LazyLock<(Golden, Vec<u8>)> = LazyLock::new(|| {
    let golden = Golden::copy("tied");
    let whole = std::fs::read(golden.file(NAME)).expect("its weights");
    (golden, whole)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (golden, whole) = &*MODEL;
    std::fs::write(golden.file(NAME), with_beginning(bytes, whole)).expect("a file");
    golden.load();
});
