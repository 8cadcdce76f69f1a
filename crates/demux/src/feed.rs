//! What a decoder has to be given for some frames to come out right, and what it can do without.
//!
//! Groups without a wanted frame are left out, and so is the tail of a group behind its last wanted frame. Non-reference
//! pictures nobody wants are found in the coded bytes ([`Slices`]). No sample is given twice.

use crate::codec::{annexb, h264};
use crate::movie::{Codec, Track};

/// Samples to give to a decoder, in decoding order, so that all of `wanted` (sample indices, any order) come out right.
///
/// Wherever the list jumps, it continues at a key sample that `enterable` allows (see [`Slices::instant`]); where it does
/// not, decoding goes on from before. Pictures that lead the key of a jump in presentation refer to what was jumped over:
/// they are left out, no wanted frame needs them.
pub fn feed(track: &Track, wanted: &[u32], mut enterable: impl FnMut(usize) -> bool) -> Vec<u32> {
    let mut stretches: Vec<(usize, usize)> = wanted
        .iter()
        .map(|&sample| sample as usize)
        .filter(|&sample| sample < track.samples.len())
        .map(|sample| (track.decode_from(sample), sample))
        .collect();
    stretches.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (mut from, to) in stretches {
        // Everything up to here is fed already.
        let behind = merged.last().map_or(0, |(_, end)| end.saturating_add(1));
        while from > behind && !enterable(from) {
            from = track.key_before(from).max(behind);
        }
        match merged.last_mut() {
            Some((_, end)) if from <= behind => *end = to.max(*end),
            _ => merged.push((from, to)),
        }
    }
    let mut fed = Vec::new();
    for (from, to) in merged {
        let Some(entry) = track.samples.get(from).map(|s| s.pts) else { continue };
        let stretch = track.samples.get(from..=to).unwrap_or_default();
        let needed = (from..).zip(stretch).filter(|(_, s)| s.size > 0 && (from == 0 || s.pts >= entry));
        fed.extend(needed.filter_map(|(index, _)| u32::try_from(index).ok()));
    }
    fed
}

/// Bytes of a sample in which its first slice is found; parameter sets and messages come first.
pub const BEGINNING: u64 = 4 << 10;

/// What the coded bytes of a picture say about it, where that is cheap to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slices {
    form: Form,
}

/// How the NAL units of H.264 stand in a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Another codec: no cheap answer.
    Unknown,
    /// Each behind its length of so many bytes.
    Lengths(usize),
    /// Each behind a start code.
    AnnexB,
}

impl Slices {
    /// For H.264; of other codecs nothing is known.
    pub fn of(codec: &Codec) -> Self {
        let h264 = codec.string.starts_with("avc1.") || codec.string.starts_with("avc3.");
        let form = match codec.description.as_deref() {
            Some([_, _, _, _, lengths, ..]) if h264 => Form::Lengths(usize::from(lengths & 3) + 1),
            None if h264 => Form::AnnexB,
            _ => Form::Unknown,
        };
        Self { form }
    }

    /// Whether there is any point in asking.
    pub fn known(self) -> bool {
        self.form != Form::Unknown
    }

    /// Whether no other picture refers to this one: its first slice has `nal_ref_idc` 0 (ITU-T H.264 §7.4.1: all slices
    /// of a picture agree).
    pub fn disposable(self, sample: &[u8]) -> bool {
        self.first(sample).is_some_and(|(header, _)| header & 0x60 == 0)
    }

    /// Whether a decoder that has seen nothing can begin here: an instantaneous refresh (IDR). Containers also call
    /// pictures "key" that begin an open group; decoders refuse to enter there. Unknown counts as yes.
    pub fn instant(self, sample: &[u8]) -> bool {
        self.first(sample).is_none_or(|(header, _)| header & 0x1F == 5)
    }

    /// Whether a container may call this a key sample: a refresh, or a recovery point (§D.2.8). Unknown counts as yes.
    pub fn key(self, sample: &[u8]) -> bool {
        self.first(sample).is_none_or(|(header, recovery)| header & 0x1F == 5 || recovery)
    }

    /// The header byte of the first slice, and whether a recovery point is told before it. The beginning of a sample is
    /// enough.
    fn first(self, sample: &[u8]) -> Option<(u8, bool)> {
        let mut recovery = false;
        let mut read = |unit: &[u8]| {
            let header = *unit.first()?;
            recovery |= header & 0x1F == 6 && h264::recovery_point(unit);
            (1..=5).contains(&(header & 0x1F)).then_some((header, recovery))
        };
        match self.form {
            Form::Unknown => None,
            Form::AnnexB => annexb::units(sample).find_map(read),
            Form::Lengths(size) => {
                let mut rest = sample;
                loop {
                    let (length, tail) = rest.split_at_checked(size)?;
                    let length = length.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
                    if let Some(first) = read(tail.get(..length).unwrap_or(tail)) {
                        return Some(first);
                    }
                    rest = tail.get(length..)?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;
    use crate::movie::{Orientation, Sample, TrackKind};
    use timeline::Timestamp;

    /// A track from `(pts, key)` in decoding order.
    fn track(samples: &[(i64, bool)]) -> Track {
        let sample = |&(pts, key): &(i64, bool)| Sample {
            offset: 0,
            size: 1,
            dts: Timestamp::ZERO,
            pts: Timestamp::from_micros(pts),
            duration: Timestamp::ZERO,
            key,
        };
        let codec = |string: &str| Codec {
            fourcc: string.to_owned(),
            name: string.to_owned(),
            string: string.to_owned(),
            description: None,
            encrypted: false,
            scheme: None,
        };
        Track {
            id: 1,
            kind: TrackKind::Video,
            enabled: true,
            codec: codec("avc1"),
            width: 2,
            height: 2,
            orientation: Orientation::default(),
            pixel_aspect: None,
            color: None,
            time_base: (1, 1),
            duration: Timestamp::ZERO,
            samples: samples.iter().map(sample).collect(),
            presented: Vec::new(),
            layout: Layout::Plain,
        }
    }

    #[test]
    fn the_tail_of_a_group_and_groups_without_a_wanted_frame_are_left_out() {
        let film = track(&[(0, true), (1, false), (2, false), (3, true), (4, false), (5, true), (6, false)]);
        assert_eq!(feed(&film, &[1, 5], |_| true), [0, 1, 5]);
        assert_eq!(feed(&film, &[4, 2], |_| true), [0, 1, 2, 3, 4]);
        assert_eq!(feed(&film, &[], |_| true), [0_u32; 0]);
        assert_eq!(feed(&film, &[99], |_| true), [0_u32; 0]);
    }

    #[test]
    fn a_picture_that_leads_an_open_group_comes_from_the_group_before() {
        // I0 P3 b1 b2 · I6 b4 b5 P9 b7
        let film = track(&[
            (0, true),
            (3, false),
            (1, false),
            (2, false),
            (6, true),
            (4, false),
            (5, false),
            (9, false),
            (7, false),
        ]);
        assert_eq!(feed(&film, &[5], |_| true), [0, 1, 2, 3, 4, 5]);
        assert_eq!(feed(&film, &[8], |_| true), [4, 7, 8]);
        assert_eq!(feed(&film, &[8, 5], |_| true), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn where_a_decoder_cannot_enter_it_goes_on_from_before() {
        let film = track(&[(0, true), (1, false), (2, false), (3, true), (4, false), (5, true), (6, false)]);
        assert_eq!(feed(&film, &[1, 6], |key| key != 5), [0, 1, 3, 4, 5, 6]);
        assert_eq!(feed(&film, &[1, 6], |_| false), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(feed(&film, &[6], |_| false), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_picture_is_known_by_its_first_slice() {
        let of = Slices { form: Form::Lengths(4) };
        let unit = |header: u8| [0, 0, 0, 2, header, 0xFF];
        assert!(of.disposable(&unit(0x01)) && !of.disposable(&unit(0x41)));
        assert!(of.disposable(&[unit(0x09), unit(0x06), unit(0x01)].concat()));
        assert!(of.instant(&unit(0x65)) && !of.instant(&unit(0x41)));
        assert!(of.instant(&[unit(0x06), unit(0x65)].concat()[..11]));
        assert!(!of.disposable(&[0, 0, 0, 9]) && !of.disposable(&[]));
        assert!(of.key(&unit(0x65)) && !of.key(&unit(0x41)));
        let recovery = [0, 0, 0, 5, 6, 6, 1, 0xC4, 0x80];
        assert!(of.key(&[&recovery[..], &unit(0x41)].concat()) && !of.instant(&[&recovery[..], &unit(0x41)].concat()));
        let annexb = Slices { form: Form::AnnexB };
        assert!(annexb.instant(&[0, 0, 0, 1, 9, 16, 0, 0, 1, 0x65, 1]) && annexb.disposable(&[0, 0, 1, 0x01, 1]));
        let unknown = Slices { form: Form::Unknown };
        assert!(unknown.instant(&unit(0x41)) && !unknown.disposable(&unit(0x01)));
    }
}
