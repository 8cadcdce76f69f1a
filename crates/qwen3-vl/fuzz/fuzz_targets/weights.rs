//! Any bytes as model.safetensors beside the files of a golden model: an error or a model, never a panic, never more memory
//! than the file justifies. Start from `tests/golden/tied/model.safetensors`.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use qwen3_vl::{LoadOptions, Qwen3Vl};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a temporary folder");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/tied");
    for name in ["config.json", "tokenizer.json", "chat_template.jinja", "preprocessor_config.json"] {
        std::fs::copy(golden.join(name), folder.path().join(name)).expect("a copy");
    }
    folder
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    std::fs::write(FOLDER.path().join("model.safetensors"), bytes).expect("a file");
    let _ = Qwen3Vl::load(FOLDER.path(), LoadOptions::default());
});
