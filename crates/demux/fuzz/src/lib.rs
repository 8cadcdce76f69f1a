//! What every target does with its bytes.

use std::io::Cursor;

/// Opens a film and uses it as the Worker does: an error or a movie, never a panic, never more memory than the file
/// justifies.
pub fn use_film(bytes: &[u8]) {
    let mut film = Cursor::new(bytes);
    let Ok(movie) = demux::open(&mut film) else { return };
    let Ok(track) = movie.video() else { return };
    let mut track = track.clone();
    track.shown_size();
    let _ = demux::verify_keys(&mut film, &mut track);
    let wanted: Vec<u32> = track.presented.iter().take(64).map(|frame| frame.sample).collect();
    for index in demux::feed::feed(&track, &wanted, |sample| sample % 3 != 0).into_iter().take(64) {
        let _ = track.read_sample(&mut film, index as usize);
    }
}
