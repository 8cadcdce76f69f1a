//! Sample tables (`stbl`, ISO/IEC 14496-12 §8.6 and §8.7) to samples in decoding order.

use super::boxes::Body;
use super::{Allowance, RawSample};
use crate::Error;
use crate::movie::TrackKind;

/// Runs of equal values: `(count, value)` pairs, eight bytes each, as in `stts` and `ctts`.
struct Runs<'a> {
    body: Option<Body<'a>>,
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    fn new(table: Option<Body<'a>>) -> Result<Self, Error> {
        let body = table.map(entries_of_eight).transpose()?;
        Ok(Self { body, left: 0, value: 0 })
    }

    /// The next value; `None` behind the last run.
    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            let body = self.body.as_mut()?;
            (self.left, self.value) = (body.u32().ok()?, body.u32().ok()?);
        }
        self.left -= 1;
        Some(self.value)
    }
}

fn entries_of_eight(mut body: Body<'_>) -> Result<Body<'_>, Error> {
    body.version()?;
    body.count(8)?;
    Ok(body)
}

/// `stsz` or `stz2`.
enum Sizes<'a> {
    Same { size: u32, left: u32 },
    Each { bits: u8, body: Body<'a>, left: u32, low: Option<u8> },
}

impl<'a> Sizes<'a> {
    fn new(stbl: Body<'a>) -> Result<Self, Error> {
        if let Some(mut body) = stbl.child(b"stsz") {
            body.version()?;
            let size = body.u32()?;
            if size > 0 {
                return Ok(Self::Same { size, left: body.u32()? });
            }
            let left = body.count(4)? as u32;
            return Ok(Self::Each { bits: 32, body, left, low: None });
        }
        let mut body = stbl.child(b"stz2").ok_or_else(|| stbl.malformed("no sample sizes (stsz)"))?;
        body.version()?;
        let bits = (body.u32()? & 0xFF) as u8;
        let left = body.u32()?;
        let bytes = match bits {
            4 => u64::from(left).div_ceil(2),
            8 | 16 => u64::from(left) * u64::from(bits / 8),
            _ => return Err(body.malformed("a field size that is not 4, 8 or 16")),
        };
        if bytes > body.len() as u64 {
            Err(body.too_many(left.into()))
        } else {
            Ok(Self::Each { bits, body, left, low: None })
        }
    }

    fn count(&self) -> u32 {
        match self {
            Self::Same { left, .. } | Self::Each { left, .. } => *left,
        }
    }

    fn next(&mut self) -> Option<u32> {
        match self {
            Self::Same { size, left } => {
                *left = left.checked_sub(1)?;
                Some(*size)
            }
            Self::Each { bits, body, left, low } => {
                *left = left.checked_sub(1)?;
                match (*bits, low.take()) {
                    (4, Some(low)) => Some(low.into()),
                    (4, None) => {
                        let byte = body.u8().ok()?;
                        *low = Some(byte & 0x0F);
                        Some((byte >> 4).into())
                    }
                    (8, _) => body.u8().ok().map(Into::into),
                    (16, _) => body.u16().ok().map(Into::into),
                    _ => body.u32().ok(),
                }
            }
        }
    }
}

/// `stco` or `co64`.
struct Chunks<'a> {
    body: Body<'a>,
    large: bool,
}

impl<'a> Chunks<'a> {
    fn new(stbl: Body<'a>) -> Result<Self, Error> {
        let (large, body) = match (stbl.child(b"stco"), stbl.child(b"co64")) {
            (Some(body), _) => (false, Some(body)),
            (None, body) => (true, body),
        };
        let mut body = body.ok_or_else(|| stbl.malformed("no chunk offsets (stco)"))?;
        body.version()?;
        body.count(if large { 8 } else { 4 })?;
        Ok(Self { body, large })
    }

    fn next(&mut self) -> Option<u64> {
        if self.large { self.body.u64().ok() } else { self.body.u32().ok().map(Into::into) }
    }
}

/// Bytes of uncompressed sound that are read at once.
const LARGEST_CHUNK: u32 = 64 << 10;

/// `stsc`: how many samples each chunk has, and by which description they are coded.
struct PerChunk<'a> {
    body: Body<'a>,
    current: (u32, u32),
    upcoming: Option<(u32, u32, u32)>,
}

impl<'a> PerChunk<'a> {
    fn new(stbl: Body<'a>) -> Result<Self, Error> {
        let mut body = stbl.child(b"stsc").ok_or_else(|| stbl.malformed("no samples per chunk (stsc)"))?;
        body.version()?;
        body.count(12)?;
        let mut this = Self { body, current: (0, 1), upcoming: None };
        this.advance();
        Ok(this)
    }

    fn advance(&mut self) {
        self.upcoming = self.entry();
    }

    fn entry(&mut self) -> Option<(u32, u32, u32)> {
        Some((self.body.u32().ok()?, self.body.u32().ok()?, self.body.u32().ok()?))
    }

    /// Samples of chunk `number` (from 1), called in order, and their description.
    fn of(&mut self, number: u32) -> (u32, u32) {
        while let Some((first, samples, description)) = self.upcoming
            && first <= number
        {
            self.current = (samples, description);
            self.advance();
        }
        self.current
    }
}

/// All samples of a track in decoding order.
///
/// Like FFmpeg, the last duration of `stts` goes on where the table is too short, composition offsets are signed in
/// either version, and samples that no chunk holds do not exist.
pub(super) fn samples(stbl: Body<'_>, kind: TrackKind, allowance: &mut Allowance) -> Result<Vec<RawSample>, Error> {
    // A fragmented file may leave the tables out, or empty.
    if stbl.child(b"stsz").is_none() && stbl.child(b"stz2").is_none() {
        return Ok(Vec::new());
    }
    let mut sizes = Sizes::new(stbl)?;
    let count = sizes.count();
    if count == 0 {
        return Ok(Vec::new());
    }
    allowance.spend(kind, count.into(), &stbl)?;
    let mut deltas = Runs::new(stbl.child(b"stts"))?;
    let mut shifts = Runs::new(stbl.child(b"ctts"))?;
    let mut chunks = Chunks::new(stbl)?;
    let mut per_chunk = PerChunk::new(stbl)?;

    let mut samples = Vec::with_capacity(count as usize);
    let (mut dts, mut delta) = (0_i64, 0);
    let mut chunk = 0_u32;
    'chunks: while let Some(mut offset) = chunks.next() {
        chunk = chunk.saturating_add(1);
        let (held, description) = per_chunk.of(chunk);
        // Texts that differ in style are one text.
        if kind == TrackKind::Video && description > 1 && held > 0 {
            return Err(Error::Unsupported { feature: "a video that changes its codec settings midway" });
        }
        for _ in 0..held {
            let Some(size) = sizes.next() else { break 'chunks };
            delta = deltas.next().map_or(delta, sane_delta);
            let shift = shifts.next().map_or(0, |s| i64::from(s.cast_signed()));
            samples.push(RawSample { offset, size, dts, cts: dts + shift, delta, key: false });
            dts += i64::from(delta);
            offset = offset.saturating_add(size.into());
        }
    }
    mark_keys(&mut samples, stbl.child(b"stss"))?;
    Ok(samples)
}

/// The chunks of uncompressed sound, whose samples have `each` bytes and last a tick. What `stsz` says of their size is often
/// wrong, and never needed.
pub(super) fn chunks(
    stbl: Body<'_>,
    kind: TrackKind,
    each: u32,
    allowance: &mut Allowance,
) -> Result<Vec<RawSample>, Error> {
    if stbl.child(b"stco").is_none() && stbl.child(b"co64").is_none() {
        return Ok(Vec::new());
    }
    let mut left = if stbl.child(b"stsz").is_some() { Sizes::new(stbl)?.count() } else { u32::MAX };
    let mut chunks = Chunks::new(stbl)?;
    let mut per_chunk = PerChunk::new(stbl)?;
    let (mut samples, mut dts, mut chunk) = (Vec::new(), 0_i64, 0_u32);
    while let Some(mut offset) = chunks.next() {
        chunk = chunk.saturating_add(1);
        let mut held = per_chunk.of(chunk).0.min(left);
        left -= held;
        // A file may be one chunk: no packet shall have more than some hundred kilobytes.
        while held > 0 {
            let delta = held.min((LARGEST_CHUNK / each.max(1)).max(1));
            let size = delta.saturating_mul(each);
            allowance.spend(kind, 1, &stbl)?;
            samples.push(RawSample { offset, size, dts, cts: dts, delta, key: true });
            dts = dts.saturating_add(delta.into());
            offset = offset.saturating_add(size.into());
            held -= delta;
        }
    }
    Ok(samples)
}

/// Some writers put a small negative number here; FFmpeg reads it as one tick.
fn sane_delta(delta: u32) -> u32 {
    if delta > u32::MAX - 480_000 { 1 } else { delta }
}

/// Without a table every sample is a key; a table that names none still starts at the first.
fn mark_keys(samples: &mut [RawSample], stss: Option<Body<'_>>) -> Result<(), Error> {
    let Some(mut body) = stss else {
        samples.iter_mut().for_each(|s| s.key = true);
        return Ok(());
    };
    body.version()?;
    for _ in 0..body.count(4)? {
        let number = body.u32()? as usize;
        if let Some(sample) = number.checked_sub(1).and_then(|i| samples.get_mut(i)) {
            sample.key = true;
        }
    }
    if samples.iter().all(|s| !s.key)
        && let Some(first) = samples.first_mut()
    {
        first.key = true;
    }
    Ok(())
}
