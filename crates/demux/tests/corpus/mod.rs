//! The files made by `corpus.sh`, shared by the tests. Made once into a cache folder; FFmpeg is required, never skipped.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use demux::{Error, Movie};

/// Folder with the corpus.
pub(crate) fn corpus() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("demux-corpus");
        std::fs::create_dir_all(&folder).unwrap();
        // Test binaries run side by side; one makes the corpus, the others wait.
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus.sh");
        let status = Command::new("sh").arg(script).arg(&folder).status().unwrap();
        assert!(status.success(), "the corpus could not be made: install the package ffmpeg, then see {script}");
        folder
    })
}

/// All files of the corpus, and those of the folder `TIMEPIN_CLIPS` where it is set (real films; see `benches/clips.sh`).
pub(crate) fn all() -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(corpus()).unwrap().map(|e| e.unwrap().path()).collect();
    if let Some(clips) = std::env::var_os("TIMEPIN_CLIPS") {
        files.extend(std::fs::read_dir(clips).unwrap().map(|e| e.unwrap().path()));
    }
    files.retain(|f| f.extension().is_some());
    files.sort();
    files
}

/// Opens one file.
pub(crate) fn open(file: &Path) -> Result<Movie, Error> {
    demux::open(&mut BufReader::new(File::open(file).unwrap()))
}
