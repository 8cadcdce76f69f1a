//! What the tests share: the files made by `corpus.sh` (once, into a cache folder; FFmpeg is required, never skipped), films in
//! memory, and what is asked of them.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod boxes;
pub(crate) mod ebml;

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
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
pub(crate) fn open_file(file: &Path) -> Result<Movie, Error> {
    demux::open(&mut BufReader::new(File::open(file).unwrap()))
}

/// The bytes of a file of the corpus.
pub(crate) fn film(name: &str) -> Vec<u8> {
    std::fs::read(corpus().join(name)).unwrap()
}

/// Opens a film in memory.
pub(crate) fn try_open(bytes: &[u8]) -> Result<Movie, Error> {
    demux::open(&mut Cursor::new(bytes))
}

/// Opens a film in memory that can be opened.
pub(crate) fn open(bytes: &[u8]) -> Movie {
    try_open(bytes).unwrap()
}

/// When the frames of the video track are shown, in microseconds.
pub(crate) fn times(movie: &Movie) -> Vec<i64> {
    movie.video().unwrap().presented.iter().map(|f| f.pts.micros()).collect()
}

/// What a decoder is given for the samples of the video track that have any bytes.
pub(crate) fn samples(movie: &Movie, bytes: &[u8]) -> Vec<Vec<u8>> {
    let track = movie.video().unwrap();
    let filled = (0..track.samples.len()).filter(|&i| track.samples[i].size > 0);
    filled.map(|i| track.read_sample(&mut Cursor::new(bytes), i).unwrap()).collect()
}

/// Where some bytes are first found.
pub(crate) fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|w| w == what).unwrap()
}

/// Counts what is read.
pub(crate) struct Counted<R> {
    pub(crate) inner: R,
    pub(crate) bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.bytes += n as u64;
        Ok(n)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}
