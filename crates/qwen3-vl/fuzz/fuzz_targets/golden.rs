//! A golden model whose files are changed by the fuzzer.

use std::path::{Path, PathBuf};

use qwen3_vl::{LoadOptions, Qwen3Vl};
use tempfile::TempDir;

/// A copy of a golden model.
pub struct Golden {
    folder: TempDir,
}

impl Golden {
    /// Copies a folder of `tests/golden`.
    pub fn copy(name: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden").join(name);
        for entry in std::fs::read_dir(source).expect("a golden model") {
            let path = entry.expect("a file").path();
            let to = folder.path().join(path.file_name().expect("a name"));
            std::fs::copy(path, to).expect("a copy");
        }
        Self { folder }
    }

    /// A file of the copy.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Loads the model.
    pub fn load(&self) {
        let _ = Qwen3Vl::load(self.folder.path(), LoadOptions::default());
    }
}

/// `whole` with other first bytes: what stands behind them is needed to get past the lengths.
pub fn with_beginning(bytes: &[u8], whole: &[u8]) -> Vec<u8> {
    [bytes, whole.get(bytes.len()..).unwrap_or_default()].concat()
}
