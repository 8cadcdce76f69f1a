//! Program tables (ITU-T H.222.0 §2.4.4): which elementary streams there are, and what they carry.

use std::collections::HashMap;

use super::packet::Packet;

/// Streams beyond these are left out.
const MOST_STREAMS: usize = 64;

/// An elementary stream as its program describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) pid: u16,
    pub(super) kind: u8,
    /// Four characters of a registration descriptor.
    pub(super) registered: Option<[u8; 4]>,
    /// Whether a descriptor of broadcast sound (AC-3, E-AC-3, DTS, AAC) stands there.
    pub(super) sound: Option<&'static str>,
}

/// Gathers sections until the programs are known.
#[derive(Debug, Default)]
pub(super) struct Tables {
    sections: HashMap<u16, Vec<u8>>,
    maps: Vec<u16>,
    read: Vec<u16>,
    pub(super) streams: Vec<Described>,
}

impl Tables {
    /// Takes in a packet of a table; says whether streams were added.
    pub(super) fn take(&mut self, packet: &Packet<'_>) -> bool {
        let is_map = self.maps.contains(&packet.pid);
        if !(packet.pid == 0 || is_map && !self.read.contains(&packet.pid)) {
            return false;
        }
        let mut payload = packet.payload;
        let gathered = self.sections.entry(packet.pid).or_default();
        if packet.start {
            let Some((&pointer, rest)) = payload.split_first() else { return false };
            payload = rest.get(usize::from(pointer)..).unwrap_or_default();
            gathered.clear();
        } else if gathered.is_empty() {
            return false;
        }
        gathered.extend_from_slice(payload);
        let Some(section) = whole(gathered) else { return false };
        match (is_map, section.first()) {
            (false, Some(0)) => {
                for map in programs(section) {
                    if self.maps.len() < MOST_STREAMS && !self.maps.contains(&map) {
                        self.maps.push(map);
                    }
                }
                false
            }
            (true, Some(2)) => {
                let before = self.streams.len();
                for stream in streams(section) {
                    if self.streams.len() < MOST_STREAMS && self.streams.iter().all(|s| s.pid != stream.pid) {
                        self.streams.push(stream);
                    }
                }
                self.read.push(packet.pid);
                self.streams.len() > before
            }
            _ => false,
        }
    }
}

/// A section that is there to its end, without the check sum.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let [_, a, b, ..] = *bytes else { return None };
    let length = usize::from(a & 0x0F) << 8 | usize::from(b);
    bytes.get(..3 + length)?.get(..(3 + length).saturating_sub(4))
}

fn programs(section: &[u8]) -> impl Iterator<Item = u16> {
    section.get(8..).unwrap_or_default().chunks_exact(4).filter_map(|entry| match *entry {
        // Program zero is the network's table.
        [0, 0, _, _] => None,
        [_, _, a, b] => Some(u16::from(a & 0x1F) << 8 | u16::from(b)),
        _ => None,
    })
}

fn streams(section: &[u8]) -> Vec<Described> {
    let length = |bytes: Option<&[u8]>| match bytes {
        Some([a, b]) => usize::from(a & 0x0F) << 8 | usize::from(*b),
        _ => 0,
    };
    let mut rest = section.get(12 + length(section.get(10..12))..).unwrap_or_default();
    let mut streams = Vec::new();
    while let [kind, a, b, c, d, tail @ ..] = rest {
        let size = usize::from(c & 0x0F) << 8 | usize::from(*d);
        let descriptors = tail.get(..size).unwrap_or(tail);
        let pid = u16::from(a & 0x1F) << 8 | u16::from(*b);
        let mut stream = Described { pid, kind: *kind, registered: None, sound: None };
        let mut left = descriptors;
        while let [tag, size, more @ ..] = left {
            let size = usize::from(*size);
            match (tag, more.get(..size)) {
                (0x05, Some([a, b, c, d, ..])) => stream.registered = Some([*a, *b, *c, *d]),
                (0x6A, _) => stream.sound = Some("AC-3"),
                (0x7A, _) => stream.sound = Some("E-AC-3"),
                (0x7B, _) => stream.sound = Some("DTS"),
                (0x7C, _) => stream.sound = Some("AAC"),
                _ => {}
            }
            left = more.get(size..).unwrap_or_default();
        }
        streams.push(stream);
        rest = tail.get(size..).unwrap_or_default();
    }
    streams
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pid: u16, payload: &[u8]) -> Packet<'_> {
        Packet { pid, start: true, scrambled: false, counter: 0, discontinuity: false, payload, at: 4 }
    }

    #[test]
    fn programs_lead_to_streams() {
        let mut tables = Tables::default();
        let association = [0, 0, 0xB0, 13, 0, 1, 0xC1, 0, 0, 0, 1, 0xF0, 0x00, 1, 2, 3, 4];
        assert!(!tables.take(&packet(0, &association)));
        let map = [
            0, 2, 0xB0, 29, 0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0, 0, 0x1B, 0xE1, 0, 0xF0, 0, 0x06, 0xE1, 1, 0xF0, 6, 5, 4,
            b'A', b'C', b'-', b'3', 0, 0, 0, 0,
        ];
        assert!(tables.take(&packet(0x1000, &map)));
        let found: Vec<_> = tables.streams.iter().map(|s| (s.pid, s.kind, s.registered)).collect();
        assert_eq!(found, [(256, 0x1B, None), (257, 6, Some(*b"AC-3"))]);
        // A second time says nothing.
        assert!(!tables.take(&packet(0x1000, &map)));
    }

    #[test]
    fn cut_tables_are_passed_over() {
        for length in 0..12 {
            let mut tables = Tables { maps: vec![9], ..Tables::default() };
            assert!(!tables.take(&packet(9, &[0, 2, 0xB0, 29, 0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0][..length])));
        }
    }
}
