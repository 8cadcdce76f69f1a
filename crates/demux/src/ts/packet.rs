//! Packets of a transport stream (ITU-T H.222.0 §2.4.3.2), and a sample put together from them.

/// Bytes of a packet.
pub(super) const SIZE: usize = 188;
/// Bytes from one packet to the next: plain, with a time code before each (M2TS), with parity behind each.
const STRIDES: [usize; 3] = [188, 192, 204];
const SYNC: u8 = 0x47;

/// A packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) pid: u16,
    /// Whether a PES packet or section begins in it.
    pub(super) start: bool,
    pub(super) scrambled: bool,
    /// Continuity counter.
    pub(super) counter: u8,
    /// Whether the counter and the clock may jump here.
    pub(super) discontinuity: bool,
    pub(super) payload: &'a [u8],
    /// How far into the packet the payload begins.
    pub(super) at: usize,
}

/// Reads a packet; nothing without the synchronising byte, or when it is marked as damaged.
fn packet(bytes: &[u8]) -> Option<Packet<'_>> {
    let bytes = bytes.get(..SIZE)?;
    let [SYNC, a, b, flags, adaptation, field, ..] = *bytes else { return None };
    if a & 0x80 != 0 {
        return None;
    }
    let adapted = flags & 0x20 != 0;
    let at = if adapted { 5 + usize::from(adaptation) } else { 4 };
    Some(Packet {
        pid: u16::from(a & 0x1F) << 8 | u16::from(b),
        start: a & 0x40 != 0,
        scrambled: flags & 0xC0 != 0,
        counter: flags & 0x0F,
        discontinuity: adapted && adaptation > 0 && field & 0x80 != 0,
        payload: if flags & 0x10 != 0 { bytes.get(at..).unwrap_or_default() } else { &[] },
        at,
    })
}

/// Where the first packet begins and how far it is from one to the next. A cut recording may begin anywhere in a packet.
pub(crate) fn stride(head: &[u8]) -> Option<(usize, usize)> {
    let in_step = |from: usize, stride: usize, least: usize| {
        let packets = head.len().saturating_sub(from).div_ceil(stride);
        packets >= least && (0..packets).all(|n| head.get(from + n * stride) == Some(&SYNC))
    };
    let begun = STRIDES.into_iter().find_map(|stride| {
        let lead = if stride == 192 { 4 } else { 0 };
        in_step(lead, stride, 2).then_some((lead, stride))
    });
    begun.or_else(|| {
        STRIDES.into_iter().find_map(|stride| (0..stride).find(|&at| in_step(at, stride, 5)).map(|at| (at, stride)))
    })
}

/// Where the next packet begins from `from` on: two synchronising bytes in step, or one at the very end.
fn resync(bytes: &[u8], from: usize, stride: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let step = (0..rest.len())
        .find(|&n| rest.get(n) == Some(&SYNC) && rest.get(n + stride).map_or(n + SIZE == rest.len(), |&b| b == SYNC))?;
    Some(from + step)
}

/// What stands at a place that should begin a packet.
pub(super) enum Step<'a> {
    /// One, unless it is marked as damaged.
    Packet(Option<Packet<'a>>),
    /// Noise up to here; nothing when no packet follows.
    Noise(Option<usize>),
}

/// Reads what stands at `at`. Where the next packet is not in step, this may be noise that only looks like one.
pub(super) fn step(bytes: &[u8], at: usize, stride: usize) -> Step<'_> {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.first() != Some(&SYNC) {
        return Step::Noise(resync(bytes, at + 1, stride));
    }
    if rest.get(stride).is_some_and(|&next| next != SYNC)
        && let Some(next) = resync(bytes, at + 1, stride).filter(|&next| next < at + stride)
    {
        return Step::Noise(Some(next));
    }
    Step::Packet(packet(rest))
}

/// Takes the header of a PES packet off, which may be longer than the first packet's payload.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct PesBody {
    header_left: usize,
    last: Option<u8>,
}

impl PesBody {
    /// The part of a packet that belongs to the elementary stream, and how far into the packet it begins. Nothing for a
    /// packet that is sent twice.
    pub(super) fn of<'a>(&mut self, packet: &Packet<'a>) -> Option<(&'a [u8], usize)> {
        if packet.payload.is_empty() || packet.scrambled {
            return None;
        }
        if !packet.discontinuity && self.last == Some(packet.counter) {
            return None;
        }
        self.last = Some(packet.counter);
        if packet.start {
            self.header_left = match packet.payload {
                [0, 0, 1, _, _, _, _, _, length, ..] => 9 + usize::from(*length),
                _ => 0,
            };
        }
        let skipped = self.header_left.min(packet.payload.len());
        self.header_left -= skipped;
        packet.payload.get(skipped..).map(|body| (body, packet.at + skipped))
    }
}

/// A sample of `size` bytes that begins `start` bytes into the first packet, as far as `bytes` hold it.
pub(crate) fn joined(bytes: &[u8], pid: u16, stride: u16, start: u8, size: u32) -> Vec<u8> {
    let (stride, size) = (usize::from(stride).max(SIZE), size as usize);
    let mut joined = Vec::with_capacity(size.min(bytes.len()));
    let mut body = PesBody::default();
    let mut at = 0;
    while joined.len() < size && bytes.len().saturating_sub(at) >= SIZE {
        let found = match step(bytes, at, stride) {
            Step::Packet(found) => found,
            Step::Noise(Some(next)) => {
                at = next;
                continue;
            }
            Step::Noise(None) => break,
        };
        if let Some(packet) = found.filter(|p| p.pid == pid)
            && let Some((part, from)) = body.of(&packet)
        {
            let part = if at == 0 { part.get(usize::from(start).saturating_sub(from)..) } else { Some(part) };
            let part = part.unwrap_or_default();
            joined.extend_from_slice(part.get(..part.len().min(size - joined.len())).unwrap_or_default());
        }
        at += stride;
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with so many bytes of payload.
    fn made(pid: u16, start: bool, counter: u8, payload: &[u8]) -> Vec<u8> {
        let stuffing = SIZE - 4 - payload.len();
        let flags = 0x10 | counter | if stuffing > 0 { 0x20 } else { 0 };
        let mut packet = vec![SYNC, (pid >> 8) as u8 | if start { 0x40 } else { 0 }, pid as u8, flags];
        if stuffing > 0 {
            packet.push(stuffing as u8 - 1);
            packet.extend(std::iter::repeat_n(0, stuffing - 1));
        }
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn a_sample_is_put_together_from_its_packets_alone() {
        let header = [0, 0, 1, 0xE0, 0, 0, 0x80, 0, 1, 0xFF];
        let first = made(256, true, 0, &[&header[..], &[1, 2, 3]].concat());
        let other = made(257, false, 0, &[9; 50]);
        let second = made(256, false, 1, &[4, 5]);
        let third = made(256, true, 2, &[&header[..], &[6]].concat());
        let film = [first, other, second.clone(), second, third].concat();
        assert_eq!(joined(&film, 256, 188, 185, 6), [1, 2, 3, 4, 5, 6]);
        assert_eq!(joined(&film, 256, 188, 186, 3), [2, 3, 4]);
        assert_eq!(joined(&film[..188], 256, 188, 185, 6), [1, 2, 3]);
        assert_eq!(joined(&[], 256, 188, 0, 6), [0_u8; 0]);
    }

    #[test]
    fn packets_are_found_in_a_cut_recording() {
        let film: Vec<u8> = (0..8).flat_map(|n| made(256, false, n, &[0; 184])).collect();
        assert_eq!(stride(&film), Some((0, 188)));
        assert_eq!(stride(&film[100..]), Some((88, 188)));
        let timed: Vec<u8> = film.chunks(188).flat_map(|p| [&[0; 4], p].concat()).collect();
        assert_eq!(stride(&timed), Some((4, 192)));
        assert_eq!((stride(&[0x47; 10]), stride(b"Gone with the wind")), (None, None));
        assert_eq!(resync(&film, 1, 188), Some(188));
    }
}
