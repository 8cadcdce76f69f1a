//! The sound of a file, for a speech model: packets, decoder, one channel of 16 kHz in pieces, each sample at its moment. Bounded
//! by a few packets, a second or two of sound and two pieces, however long the film is.
//!
//! ```text
//! File ─▶ reader ─▶ demux ─▶ decoder ─▶ mix ─▶ tape (silence, stretches, 16 kHz) ─▶ pieces ─▶ page
//! ```

mod decoder;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use app::extraction::ExtractError;
use demux::{Continuity, SoundTrack, Stretch};
use js_sys::{Array, Uint8Array};
use sound::Tape;
use timeline::Timestamp;
use timeline::hearing::{SAMPLE_RATE, moment_of};
use web_sys::File;

use self::decoder::{Block, Decoder};
use super::bell::Bell;
use super::reader::{Bytes, IndexReader};
use super::{post, refuse};
use crate::protocol::Reply;

/// Samples of a piece: ten seconds.
const PIECE: usize = 10 * SAMPLE_RATE as usize;
/// Pieces under way: a server that is busy listening slows decoding.
const UNDER_WAY: u32 = 2;
/// Packets a decoder is given ahead.
const AHEAD: u32 = 16;
/// Seconds of decoded sound that may wait.
const WAITING: f64 = 2.0;

/// Sound that is being read, and what its callbacks share.
pub(super) struct Listening {
    track: SoundTrack,
    reader: RefCell<IndexReader>,
    shared: Rc<Shared>,
    /// What is not yet a piece.
    begun: RefCell<Vec<i16>>,
    seq: Cell<u32>,
    until: u64,
}

struct Shared {
    bell: Rc<Bell>,
    tape: RefCell<Tape>,
    failure: RefCell<Option<ExtractError>>,
    acknowledged: Cell<u32>,
}

impl Listening {
    /// Reads the index of a file's sound; samples before `from` are with the server, and those behind `until` nobody wants.
    pub(super) fn new(file: File, from: u64, until: u64) -> Result<Self, ExtractError> {
        let mut reader = IndexReader::new(Bytes::new(file));
        let track = demux::open_sound(&mut reader).map_err(unheard)?;
        let shared = Shared {
            bell: Rc::default(),
            tape: RefCell::new(Tape::new(from)),
            failure: RefCell::new(None),
            acknowledged: Cell::new(0),
        };
        let reader = RefCell::new(reader);
        Ok(Self { track, reader, shared: Rc::new(shared), begun: RefCell::default(), seq: Cell::new(0), until })
    }

    /// The server has a piece.
    pub(super) fn acknowledged(&self, seq: u32) {
        self.shared.acknowledged.set(self.shared.acknowledged.get().max(seq.saturating_add(1)));
        self.shared.bell.ring();
    }

    /// Works to the end, which the last piece tells.
    pub(super) async fn drive(&self) {
        if let Err(error) = self.listen().await {
            post(&Reply::Failed(error), &Array::new());
        }
    }

    async fn listen(&self) -> Result<(), ExtractError> {
        decoder::supported(&self.track).await?;
        let shared = Rc::clone(&self.shared);
        let on_block = move |block| shared.take(block);
        let decoder = Decoder::open(&self.track, &self.shared.bell, on_block).map_err(failed)?;
        for stretch in &self.track.stretches {
            self.shared.tape.borrow_mut().stretch(stretch.from, stretch.to, stretch.at);
            self.stretch(&decoder, stretch).await?;
        }
        self.shared.tape.borrow_mut().finish();
        while !self.is_over() && self.gather() {
            self.post(false).await?;
        }
        self.post(true).await
    }

    /// Decodes one stretch, from what is wanted of it on.
    async fn stretch(&self, decoder: &Decoder, stretch: &Stretch) -> Result<(), ExtractError> {
        let wanted = stretch.from + (moment_of(self.shared.tape.borrow().next()) - stretch.at).max(Timestamp::ZERO);
        if wanted >= stretch.to {
            return Ok(());
        }
        let mut clock = Continuity::new(&self.track);
        for (index, packet) in self.track.packets.iter().enumerate().skip(self.track.enter(wanted)) {
            if packet.at >= stretch.to || self.is_over() {
                break;
            }
            let bytes = self.track.read_packet(&mut *self.reader.borrow_mut(), index);
            let bytes = bytes.map_err(|error| ExtractError::Read { message: error.to_string() })?;
            if clock.breaks(index, &bytes) {
                self.flush(decoder).await?;
            }
            while decoder.queued() >= AHEAD || self.shared.tape.borrow().waiting() > WAITING {
                self.check(decoder)?;
                if self.gather() {
                    self.post(false).await?;
                } else if decoder.queued() >= AHEAD {
                    self.shared.bell.wait().await;
                }
            }
            decoder.decode(self.track.begins(index), &bytes).map_err(failed)?;
        }
        self.flush(decoder).await
    }

    /// Everything out, each in its place; what follows has a place of its own.
    async fn flush(&self, decoder: &Decoder) -> Result<(), ExtractError> {
        decoder.flush().await.map_err(failed)?;
        self.check(decoder)?;
        self.shared.tape.borrow_mut().cut();
        Ok(())
    }

    fn check(&self, decoder: &Decoder) -> Result<(), ExtractError> {
        if let Some(error) = self.shared.failure.borrow().clone() {
            return Err(error);
        }
        decoder.failure().map_or(Ok(()), |message| Err(failed(message)))
    }

    fn is_over(&self) -> bool {
        self.shared.tape.borrow().next() >= self.until
    }

    /// Takes what there is off the tape; says whether it makes a piece.
    fn gather(&self) -> bool {
        let mut begun = self.begun.borrow_mut();
        let wanted = PIECE.saturating_sub(begun.len());
        begun.extend(self.shared.tape.borrow_mut().take(wanted));
        begun.len() >= PIECE
    }

    /// Hands a piece to the page, once there is room for it.
    async fn post(&self, last: bool) -> Result<(), ExtractError> {
        while self.seq.get().saturating_sub(self.shared.acknowledged.get()) >= UNDER_WAY {
            self.shared.bell.wait().await;
        }
        let samples = self.begun.take();
        let at = self.shared.tape.borrow().next().saturating_sub(samples.len() as u64);
        let bytes: Vec<u8> = samples.into_iter().flat_map(i16::to_le_bytes).collect();
        let seq = self.seq.replace(self.seq.get() + 1);
        post(&Reply::Sound { seq, at, last }, &Array::of1(&Uint8Array::from(bytes.as_slice()).buffer()));
        Ok(())
    }
}

impl Shared {
    fn take(&self, Block { at, rate, samples }: Block) {
        if let Err(changed) = self.tape.borrow_mut().put(at, rate, &samples) {
            let message = format!("its rate changes from {} to {} Hz", changed.from, changed.to);
            self.failure.borrow_mut().get_or_insert(failed(message));
        }
        self.bell.ring();
    }
}

fn failed(message: String) -> ExtractError {
    ExtractError::Decode { message }
}

/// The page's word for what the demuxer found: a container whose sound is not read is no damaged file.
fn unheard(error: demux::Error) -> ExtractError {
    use demux::Error as E;
    match error {
        E::Unsupported { feature } => ExtractError::UnsupportedSound { what: feature.to_owned() },
        E::Container { container } => ExtractError::UnsupportedSound { what: container.name().to_owned() },
        error => refuse(error),
    }
}
