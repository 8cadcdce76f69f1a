//! Any bytes: an error or a movie, never a panic, never more memory than the file justifies.
//! Start from the corpus: `sh tests/corpus.sh fuzz/corpus/open`.
#![no_main]

use std::io::Cursor;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(movie) = demux::open(&mut Cursor::new(bytes))
        && let Ok(track) = movie.video()
    {
        track.shown_size();
        for frame in track.presented.iter().take(64) {
            track.decode_from(frame.sample as usize);
        }
    }
});
