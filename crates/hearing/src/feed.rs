//! Sound by the second, from wherever it comes.

use std::path::PathBuf;
use std::time::Duration;

use ingest::ffmpeg;
use timeline::hearing::{PIECE_SAMPLES, SAMPLE_RATE};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// Pieces that wait to be heard.
const WAITING: usize = 4;
/// How long a piece waits for room before the page is told to send it again.
const ROOM: Duration = Duration::from_secs(20);
/// How long the next piece may take to come.
const SILENCE: Duration = Duration::from_secs(60);

/// Where the sound of a video comes from.
pub(crate) enum Origin {
    /// A file of the server.
    File(PathBuf),
    /// A page.
    Pieces(mpsc::Receiver<Vec<i16>>),
}

/// The end of it at which a page puts its pieces in.
pub(crate) struct Inlet(Mutex<Open>);

struct Open {
    /// The sample with which the next piece begins.
    next: u64,
    /// Gone when the last piece has come.
    sender: Option<mpsc::Sender<Vec<i16>>>,
}

/// A way in for pieces, the first of which begins with sample `next`, and the way out.
pub(crate) fn pieces(next: u64) -> (Inlet, Origin) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Inlet(Mutex::new(Open { next, sender: Some(sender) })), Origin::Pieces(receiver))
}

impl Inlet {
    /// Takes a piece that begins with sample `at`; gives the sample with which the next one begins. One that begins elsewhere, or
    /// for which no room comes, is passed over.
    pub(crate) async fn put(&self, at: u64, samples: Vec<i16>, last: bool) -> Result<u64> {
        if samples.len() > PIECE_SAMPLES {
            return Err(Error::BadPiece);
        }
        let mut open = self.0.lock().await;
        if at != open.next {
            return Ok(open.next);
        }
        let Some(sender) = &open.sender else { return Ok(open.next) };
        let count = samples.len() as u64;
        if count > 0 {
            match tokio::time::timeout(ROOM, sender.reserve()).await {
                Err(_full) => return Ok(open.next),
                Ok(Err(_stopped)) => return Err(Error::Unknown),
                Ok(Ok(room)) => room.send(samples),
            }
        }
        open.next += count;
        if last {
            open.sender = None;
        }
        Ok(open.next)
    }
}

/// Sound that is read on a thread that may block.
pub(crate) enum Feed {
    /// A file, of which so many samples are passed over.
    File(ffmpeg::Sound, u64),
    Pieces {
        receiver: mpsc::Receiver<Vec<i16>>,
        rest: std::vec::IntoIter<i16>,
    },
}

impl Feed {
    /// Sound from sample `from` on; a page has been told where it begins.
    pub(crate) fn open(origin: Origin, from: u64) -> Result<Self> {
        Ok(match origin {
            Origin::File(path) => Self::File(ffmpeg::sound(&path)?, from),
            Origin::Pieces(receiver) => Self::Pieces { receiver, rest: Vec::new().into_iter() },
        })
    }

    /// About a second of samples in -1 … 1; none at the end.
    pub(crate) fn second(&mut self, runtime: &Handle, stop: &CancellationToken) -> Result<Vec<f32>> {
        match self {
            Self::File(sound, over) => {
                let mut second = sound.second()?;
                while *over >= second.len() as u64 && !second.is_empty() && !stop.is_cancelled() {
                    *over -= second.len() as u64;
                    second = sound.second()?;
                }
                let rest = second.split_off(usize::try_from(*over).unwrap_or(usize::MAX).min(second.len()));
                *over = 0;
                Ok(rest)
            }
            Self::Pieces { receiver, rest } => {
                while rest.as_slice().is_empty() {
                    let piece = runtime.block_on(async {
                        tokio::select! {
                            () = stop.cancelled() => Err(Error::Stopped),
                            piece = tokio::time::timeout(SILENCE, receiver.recv()) => piece.map_err(|_| Error::Left),
                        }
                    })?;
                    let Some(piece) = piece else { return Ok(Vec::new()) };
                    *rest = piece.into_iter();
                }
                Ok(rest.take(SAMPLE_RATE as usize).map(|sample| f32::from(sample) / 32_768.0).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_are_taken_once_in_order_and_end_with_the_last() {
        let (inlet, origin) = pieces(0);
        assert_eq!(inlet.put(0, vec![16_384; 20_000], false).await.unwrap(), 20_000);
        // Sent twice, and one that is ahead.
        assert_eq!(inlet.put(0, vec![1; 20_000], false).await.unwrap(), 20_000);
        assert_eq!(inlet.put(40_000, vec![1; 10], true).await.unwrap(), 20_000);
        assert!(matches!(inlet.put(20_000, vec![0; PIECE_SAMPLES + 1], false).await, Err(Error::BadPiece)));
        assert_eq!(inlet.put(20_000, vec![-16_384; 10], true).await.unwrap(), 20_010);
        let runtime = Handle::current();
        let heard = tokio::task::spawn_blocking(move || {
            let (mut feed, stop) = (Feed::open(origin, 0).unwrap(), CancellationToken::new());
            let mut all = Vec::new();
            loop {
                let second = feed.second(&runtime, &stop).unwrap();
                if second.is_empty() {
                    return all;
                }
                assert!(second.len() <= SAMPLE_RATE as usize);
                all.extend(second);
            }
        });
        let heard = heard.await.unwrap();
        assert_eq!((heard.len(), heard[0], heard[20_009]), (20_010, 0.5, -0.5));
    }

    #[tokio::test]
    async fn who_is_gone_is_told_and_a_stop_is_heard_while_nothing_comes() {
        let (inlet, origin) = pieces(0);
        let runtime = Handle::current();
        let stopped = CancellationToken::new();
        stopped.cancel();
        let ended = tokio::task::spawn_blocking(move || Feed::open(origin, 0).unwrap().second(&runtime, &stopped));
        assert!(matches!(ended.await.unwrap(), Err(Error::Stopped)));
        assert!(matches!(inlet.put(0, vec![1], false).await, Err(Error::Unknown)));
    }
}
