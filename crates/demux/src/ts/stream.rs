//! An elementary stream as it comes out of its packets: cut into pictures, each with its time and its place in the file.

use std::collections::VecDeque;

use super::packet::{Packet, PesBody};
use super::pes::{Clock, stamps};
use super::units::{Role, Told, Units};
use crate::codec::annexb;

/// A picture larger than this is noise; what was gathered of it is dropped.
const LARGEST_PICTURE: usize = 64 << 20;

/// A picture in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coded {
    /// First byte of the packet in which it begins.
    pub(super) packet: u64,
    /// How far into that packet.
    pub(super) start: u8,
    pub(super) size: u32,
    /// None where several pictures share a PES packet.
    pub(super) pts: Option<i64>,
    pub(super) told: Told,
}

/// A place in the buffer and where in the file it came from.
#[derive(Debug, Clone, Copy)]
struct Piece {
    at: usize,
    packet: u64,
    start: usize,
}

/// Cuts a stream into pictures.
pub(super) struct Stream {
    pub(super) units: Units,
    pub(super) coded: Vec<Coded>,
    pub(super) scrambled: bool,
    /// Where its clock jumped, in bytes of the file.
    pub(super) jumps: Vec<u64>,
    /// Behind its last packet.
    pub(super) end: u64,
    body: PesBody,
    clock: Clock,
    /// What has come of the picture that is gathered, from its first byte on.
    buffer: Vec<u8>,
    pieces: VecDeque<Piece>,
    times: VecDeque<(usize, i64)>,
    /// Start code of the unit that is gathered.
    unit: Option<usize>,
    searched: usize,
    /// What leads the next picture begins here.
    leading: Option<usize>,
    picture: Option<Told>,
    /// Distance of the last two pictures.
    usual: i64,
    before: Option<i64>,
}

impl Stream {
    pub(super) fn new(units: Units) -> Self {
        Self {
            units,
            coded: Vec::new(),
            scrambled: false,
            jumps: Vec::new(),
            end: 0,
            body: PesBody::default(),
            clock: Clock::default(),
            buffer: Vec::new(),
            pieces: VecDeque::new(),
            times: VecDeque::new(),
            unit: None,
            searched: 0,
            leading: None,
            picture: None,
            usual: 3_600,
            before: None,
        }
    }

    /// Takes in the packet that begins at a byte of the file.
    pub(super) fn take(&mut self, packet: &Packet<'_>, at: u64) {
        self.scrambled |= packet.scrambled;
        let Some((bytes, start)) = self.body.of(packet) else { return };
        self.end = at + super::packet::SIZE as u64;
        if packet.start
            && let Some((pts, dts)) = stamps(packet.payload)
        {
            let stamped = self.clock.stamp(pts, dts, self.usual);
            if stamped.jumped {
                self.jumps.push(at);
            }
            self.times.push_back((self.buffer.len(), stamped.pts));
        }
        if bytes.is_empty() {
            return;
        }
        self.pieces.push_back(Piece { at: self.buffer.len(), packet: at, start });
        self.buffer.extend_from_slice(bytes);
        while let Some(code) = annexb::start_code(&self.buffer, self.searched) {
            self.searched = code + 3;
            if let Some(unit) = self.unit.replace(code) {
                let cut = self.read(unit, code);
                self.drop_front(cut);
            }
        }
        // A start code may lie across two packets.
        self.searched = self.searched.max(self.buffer.len().saturating_sub(2));
        if self.buffer.len() > LARGEST_PICTURE {
            self.restart();
        }
    }

    /// The last picture ends with the stream.
    pub(super) fn finish(&mut self) {
        if let Some(unit) = self.unit.take() {
            let end = self.buffer.len();
            let cut = self.read(unit, end);
            self.drop_front(cut);
        }
        if let Some(told) = self.picture.take() {
            self.emit(told, self.leading.unwrap_or(self.buffer.len()));
        }
        self.restart();
    }

    /// Reads the unit between two start codes; returns where the next picture begins, if one does.
    fn read(&mut self, unit: usize, end: usize) -> usize {
        let role = self.units.read(self.buffer.get(unit + 3..end).unwrap_or_default());
        // H.264 and HEVC begin a picture with four bytes; in MPEG-2 a zero before the three ends what came before.
        let zero = unit > 0 && self.units.has_long_codes() && self.buffer.get(unit - 1) == Some(&0);
        let from = if zero { unit - 1 } else { unit };
        match role {
            Role::Leading => {
                self.leading.get_or_insert(from);
                0
            }
            Role::First(told) => {
                let from = self.leading.take().unwrap_or(from);
                match self.picture.replace(told) {
                    Some(before) => self.emit(before, from),
                    // What comes before the first picture is no picture.
                    None => self.forget_times(from),
                }
                from
            }
            Role::More => {
                self.leading = None;
                0
            }
            Role::Other => 0,
        }
    }

    /// The picture at the front of the buffer ends here.
    fn emit(&mut self, told: Told, end: usize) {
        let Some(piece) = self.pieces.front().copied() else { return };
        let start = u8::try_from(piece.start).unwrap_or(u8::MAX);
        let size = u32::try_from(end).unwrap_or(u32::MAX);
        // The first unit's start code may be preceded by a zero of the PES packet before.
        let pts = self.times.front().filter(|&&(at, _)| at <= 1).map(|&(_, pts)| pts);
        if pts.is_some() {
            self.times.pop_front();
        }
        if let (Some(before), Some(pts)) = (self.before, pts)
            && (1..900_000).contains(&(pts - before))
        {
            self.usual = pts - before;
        }
        self.before = pts.or(self.before);
        if size > 0 {
            self.coded.push(Coded { packet: piece.packet, start, size, pts, told });
        }
        self.forget_times(end);
    }

    /// A stamp belongs to the first picture that begins in its packet: of several that came before, the last counts.
    fn forget_times(&mut self, end: usize) {
        while let [_, (next, _), ..] = *self.times.make_contiguous()
            && next <= end + 1
        {
            self.times.pop_front();
        }
    }

    /// The buffer begins `cut` bytes later.
    fn drop_front(&mut self, cut: usize) {
        if cut == 0 {
            return;
        }
        self.buffer.drain(..cut.min(self.buffer.len()));
        while let Some(next) = self.pieces.get(1)
            && next.at <= cut
        {
            self.pieces.pop_front();
        }
        for piece in &mut self.pieces {
            if piece.at < cut {
                piece.start += cut - piece.at;
            }
            piece.at = piece.at.saturating_sub(cut);
        }
        for (at, _) in &mut self.times {
            *at = at.saturating_sub(cut);
        }
        self.unit = self.unit.map(|at| at.saturating_sub(cut));
        self.searched = self.searched.saturating_sub(cut);
        self.leading = self.leading.map(|at| at.saturating_sub(cut));
    }

    fn restart(&mut self) {
        self.buffer.clear();
        self.pieces.clear();
        self.times.clear();
        (self.unit, self.searched, self.leading, self.picture) = (None, 0, None, None);
    }
}
