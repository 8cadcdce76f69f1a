//! A local file read in slices: the index through a small window, samples in runs. Never the whole file.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use demux::Track;
use demux::feed::{BEGINNING, Slices};
use js_sys::Uint8Array;
use web_sys::{File, FileReaderSync};

use crate::javascript::said;

/// First and largest window on the index: headers are far apart, tables are read in one go.
const SMALLEST_WINDOW: u64 = 4 << 10;
const LARGEST_WINDOW: u64 = 256 << 10;
/// Samples of one run are read together.
const LARGEST_RUN: u64 = 1 << 20;
/// Sound or unwanted pictures between two samples: cheaper to read over than to read twice.
const LARGEST_GAP: u64 = 16 << 10;

/// The bytes of a file, counted.
pub(super) struct Bytes {
    file: File,
    len: u64,
    read: Cell<u64>,
}

impl Bytes {
    pub(super) fn new(file: File) -> Self {
        let len = file.size() as u64;
        Self { file, len, read: Cell::new(0) }
    }

    /// Bytes read so far.
    pub(super) fn read_so_far(&self) -> u64 {
        self.read.get()
    }

    /// The first bytes of a sample, from at most so many of the file.
    fn beginning(&self, track: &Track, sample: usize, most: u64) -> io::Result<Vec<u8>> {
        let extent = track.extent(sample).ok_or(io::ErrorKind::UnexpectedEof)?;
        let bytes = self.slice(extent.start, extent.end.min(extent.start.saturating_add(most)))?;
        Ok(track.unpack(sample, &bytes.to_vec()))
    }

    /// Whether a fresh decoder can begin with this key sample; a sample that cannot be read fails later, with its own error.
    pub(super) fn enterable(&self, track: &Track, slices: Slices, key: usize) -> bool {
        !slices.known() || self.beginning(track, key, BEGINNING).is_ok_and(|bytes| slices.instant(&bytes))
    }

    fn slice(&self, from: u64, to: u64) -> io::Result<Uint8Array> {
        let failed = |thrown| io::Error::other(said(&thrown));
        let blob = self.file.slice_with_f64_and_f64(from as f64, to as f64).map_err(failed)?;
        let buffer = FileReaderSync::new().and_then(|r| r.read_as_array_buffer(&blob)).map_err(failed)?;
        let bytes = Uint8Array::new(&buffer);
        self.read.set(self.read.get() + u64::from(bytes.length()));
        Ok(bytes)
    }
}

/// `Read + Seek` for the demuxer; the window grows while reading goes on close behind it.
pub(super) struct IndexReader {
    file: Bytes,
    at: u64,
    window: Vec<u8>,
    window_at: u64,
    next_size: u64,
}

impl IndexReader {
    pub(super) fn new(file: Bytes) -> Self {
        Self { file, at: 0, window: Vec::new(), window_at: 0, next_size: SMALLEST_WINDOW }
    }

    pub(super) fn into_file(self) -> Bytes {
        self.file
    }

    fn held(&self) -> &[u8] {
        let from = self.at.checked_sub(self.window_at).and_then(|n| usize::try_from(n).ok());
        from.and_then(|n| self.window.get(n..)).unwrap_or_default()
    }
}

impl Read for IndexReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.file.len || buffer.is_empty() {
            return Ok(0);
        }
        if self.held().is_empty() {
            // A slice costs as much as reading its next few kilobytes: short steps are read over, long ones are not.
            let end = self.window_at + self.window.len() as u64;
            let close = self.at.checked_sub(end).is_some_and(|gap| gap <= self.next_size);
            self.next_size = if close { (self.next_size * 4).min(LARGEST_WINDOW) } else { SMALLEST_WINDOW };
            let to = self.file.len.min(self.at + self.next_size.max(buffer.len() as u64));
            self.window = self.file.slice(self.at, to)?.to_vec();
            self.window_at = self.at;
        }
        let held = self.held();
        let count = held.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(held) {
            *to = *from;
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for IndexReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// Reads the samples of a feed in order, whole runs at a time. Where a container leaves samples as they are, the bytes stay
/// with JavaScript, where the decoder is.
pub(super) struct SampleReader<'a> {
    file: &'a Bytes,
    track: &'a Track,
    feed: &'a [u32],
    run: Option<(u64, Uint8Array)>,
}

impl<'a> SampleReader<'a> {
    pub(super) fn new(file: &'a Bytes, track: &'a Track, feed: &'a [u32]) -> Self {
        Self { file, track, feed, run: None }
    }

    /// The bytes of the `position`-th sample of the feed, as a decoder wants them.
    pub(super) fn sample(&mut self, position: usize) -> io::Result<Uint8Array> {
        let place = self.place(position).ok_or(io::ErrorKind::UnexpectedEof)?;
        if let Some(bytes) = self.held(position, &place) {
            return Ok(bytes);
        }
        let mut end = place.end;
        for next in position + 1..self.feed.len() {
            match self.place(next) {
                Some(Range { start, end: behind })
                    if start >= place.start
                        && start <= end.saturating_add(LARGEST_GAP)
                        && behind.saturating_sub(place.start) <= LARGEST_RUN =>
                {
                    end = end.max(behind);
                }
                _ => break,
            }
        }
        let run = self.file.slice(place.start, end)?;
        self.run = Some((place.start, run));
        self.held(position, &place).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn index(&self, position: usize) -> Option<usize> {
        self.feed.get(position).map(|&sample| sample as usize)
    }

    fn place(&self, position: usize) -> Option<Range<u64>> {
        self.track.extent(self.index(position)?)
    }

    fn held(&self, position: usize, place: &Range<u64>) -> Option<Uint8Array> {
        let (start, bytes) = self.run.as_ref()?;
        let (from, to) = (place.start.checked_sub(*start)?, place.end.checked_sub(*start)?);
        if to > u64::from(bytes.length()) {
            return None;
        }
        let extent = bytes.subarray(from as u32, to as u32);
        if self.track.plain() {
            return Some(extent);
        }
        let sample = self.track.unpack(self.index(position)?, &extent.to_vec());
        Some(Uint8Array::from(sample.as_slice()))
    }
}
