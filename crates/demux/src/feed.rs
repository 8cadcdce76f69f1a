//! What a decoder has to be given for some frames to come out right, and what it can do without.
//!
//! Groups without a wanted frame are left out, and so is the tail of a group behind its last wanted frame. Non-reference
//! pictures nobody wants are found in the coded bytes ([`Disposables`]). No sample is given twice.

use crate::movie::{Codec, Track};

/// Samples to give to a decoder, in decoding order, so that all of `wanted` (sample indices, any order) come out right.
///
/// Wherever the list jumps, it continues at a key sample. Pictures that lead such a key in presentation refer to what was
/// jumped over: they are left out, no wanted frame needs them.
pub fn feed(track: &Track, wanted: &[u32]) -> Vec<u32> {
    let mut stretches: Vec<(usize, usize)> = wanted
        .iter()
        .map(|&sample| sample as usize)
        .filter(|&sample| sample < track.samples.len())
        .map(|sample| (track.decode_from(sample), sample))
        .collect();
    stretches.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (from, to) in stretches {
        match merged.last_mut() {
            Some((_, end)) if from <= end.saturating_add(1) => *end = to.max(*end),
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

/// Tells from its bytes whether no other picture refers to a coded picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disposables {
    /// Bytes of the length before each NAL unit; zero when the codec gives no cheap answer.
    length_size: usize,
}

impl Disposables {
    /// For H.264 in length-prefixed form; every picture of another codec counts as needed.
    pub fn of(codec: &Codec) -> Self {
        let h264 = codec.string.starts_with("avc1.") || codec.string.starts_with("avc3.");
        let length_size = match codec.description.as_deref() {
            Some([_, _, _, _, lengths, ..]) if h264 => usize::from(lengths & 3) + 1,
            _ => 0,
        };
        Self { length_size }
    }

    /// Whether there is any point in asking.
    pub const fn known(self) -> bool {
        self.length_size > 0
    }

    /// Whether the picture's first slice has `nal_ref_idc` 0 (ITU-T H.264 §7.4.1: all slices of a picture agree).
    pub fn contains(self, sample: &[u8]) -> bool {
        let mut rest = sample;
        while self.length_size > 0
            && let Some((length, tail)) = rest.split_at_checked(self.length_size)
        {
            let length = length.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
            let (Some(&header), Some(next)) = (tail.first(), tail.get(length..)) else { return false };
            if (1..=5).contains(&(header & 0x1F)) {
                return header & 0x60 == 0;
            }
            rest = next;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            timescale: 1,
            duration: Timestamp::ZERO,
            samples: samples.iter().map(sample).collect(),
            presented: Vec::new(),
        }
    }

    #[test]
    fn the_tail_of_a_group_and_groups_without_a_wanted_frame_are_left_out() {
        let film = track(&[(0, true), (1, false), (2, false), (3, true), (4, false), (5, true), (6, false)]);
        assert_eq!(feed(&film, &[1, 5]), [0, 1, 5]);
        assert_eq!(feed(&film, &[4, 2]), [0, 1, 2, 3, 4]);
        assert_eq!(feed(&film, &[]), [0_u32; 0]);
        assert_eq!(feed(&film, &[99]), [0_u32; 0]);
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
        assert_eq!(feed(&film, &[5]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(feed(&film, &[8]), [4, 7, 8]);
        assert_eq!(feed(&film, &[8, 5]), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_picture_without_reference_is_known_by_its_slice() {
        let of = Disposables { length_size: 4 };
        let unit = |header: u8| [0, 0, 0, 2, header, 0xFF];
        assert!(of.contains(&unit(0x01)));
        assert!(!of.contains(&unit(0x41)));
        assert!(of.contains(&[unit(0x09), unit(0x06), unit(0x01)].concat()));
        assert!(!of.contains(&[0, 0, 0, 9, 0x01]));
        assert!(!of.contains(&[]));
    }
}
