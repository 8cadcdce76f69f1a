//! The sound of a local file on its way to the page: pieces by sample number, from wherever the server is.

use super::ExtractError;

/// What reading sound reports. After the last piece, or `Failed`, there is nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum SoundEvent {
    /// Sound to send; to be acknowledged.
    Piece(Piece),
    /// It ended early.
    Failed(ExtractError),
}

/// Sound as the server hears it: one channel, [`SAMPLE_RATE`](timeline::hearing::SAMPLE_RATE), 16 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Counts from zero.
    pub seq: u32,
    /// The number of its first sample; sample zero is the beginning of the video's clock.
    pub at: u64,
    /// Little-endian.
    pub samples: Vec<u8>,
    /// Whether nothing follows.
    pub last: bool,
}

/// Sound that is being read. Dropping it ends the reading.
pub trait SoundHandle {
    /// The server has the piece. At most two are under way unacknowledged, so a server that has to listen first slows decoding
    /// instead of filling memory.
    fn acknowledge(&self, seq: u32);
}
