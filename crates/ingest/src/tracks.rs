//! Subtitles inside a video file that lies here: the same packets that a page reads, for the same library.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use demux::{SubtitleError, SubtitleTrack};
use timeline::cues::embedded::Track;

/// Reads the packets of every subtitle track, those shown unasked first, signs alone last; or says why one is not read. A file
/// that `demux` does not read has none.
pub fn tracks(file: &Path) -> Vec<Result<Track, SubtitleError>> {
    let Ok(mut reader) = File::open(file).map(BufReader::new) else { return Vec::new() };
    let Ok(movie) = demux::open(&mut reader) else { return Vec::new() };
    movie.subtitles_by_use().into_iter().map(|track: &SubtitleTrack| track.packets(&mut reader)).collect()
}
