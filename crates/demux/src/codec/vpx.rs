//! VP8 and VP9: the first bytes of a frame say whether it is a key frame and whether it is shown; containers get it wrong.
//!
//! RFC 6386 §9.1; "VP9 Bitstream & Decoding Process Specification" §6.2 and annex B.

use crate::bits::Bits;

/// Bytes that are enough for [`vp8`] and [`vp9`].
pub(crate) const BEGINNING: usize = 16;

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) key: bool,
    pub(crate) shown: bool,
}

/// A VP8 frame.
pub(crate) fn vp8(frame: &[u8]) -> Option<Told> {
    let first = frame.first()?;
    let key = first & 1 == 0;
    if key && frame.get(3..6).is_some_and(|code| code != [0x9D, 0x01, 0x2A]) {
        return None;
    }
    Some(Told { key, shown: first & 0x10 != 0 })
}

/// A VP9 frame, or the first of a superframe, of which some other is shown when this one is not.
pub(crate) fn vp9(frame: &[u8]) -> Option<Told> {
    let mut bits = Bits::new(frame);
    profile(&mut bits)?;
    if bits.bit()? {
        return Some(Told { key: false, shown: true });
    }
    let key = !bits.bit()?;
    Some(Told { key, shown: bits.bit()? })
}

/// Profile and bit depth of a VP9 key frame.
pub(crate) fn vp9_profile(frame: &[u8]) -> Option<(u8, u8)> {
    let mut bits = Bits::new(frame);
    let profile = profile(&mut bits)?;
    // Not an existing frame, a key frame; shown and resilient, whatever they are.
    if bits.take(2)? != 0 {
        return None;
    }
    bits.skip(2)?;
    if bits.take(24)? != 0x49_83_42 {
        return None;
    }
    let deep = profile >= 2 && bits.bit()?;
    Some((
        profile,
        if profile < 2 {
            8
        } else if deep {
            12
        } else {
            10
        },
    ))
}

fn profile(bits: &mut Bits<'_>) -> Option<u8> {
    if bits.take(2)? != 2 {
        return None;
    }
    let (low, high) = (bits.bit()?, bits.bit()?);
    let profile = u8::from(high) << 1 | u8::from(low);
    if profile == 3 {
        bits.bit()?;
    }
    Some(profile)
}

/// Whether the last byte of a VP9 sample is that of a superframe's index.
pub(crate) const fn is_superframe(last: u8) -> bool {
    last & 0xE0 == 0xC0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_tell_what_they_are() {
        assert_eq!(vp8(&[0x10, 2, 0, 0x9D, 1, 0x2A]), Some(Told { key: true, shown: true }));
        assert_eq!(vp8(&[0x11, 2, 0]), Some(Told { key: false, shown: true }));
        assert_eq!(vp8(&[0x01]), Some(Told { key: false, shown: false }));
        assert_eq!(vp8(&[0x10, 2, 0, 0, 0, 0]), None);
        assert_eq!(vp9(&[0x82, 0x49, 0x83, 0x42]), Some(Told { key: true, shown: true }));
        assert_eq!(vp9(&[0x86]), Some(Told { key: false, shown: true }));
        assert_eq!(vp9(&[0x84]), Some(Told { key: false, shown: false }));
        assert_eq!(vp9(&[0x88]), Some(Told { key: false, shown: true }));
        assert_eq!((vp9(&[]), vp9(&[0x40])), (None, None));
        assert_eq!(vp9_profile(&[0x82, 0x49, 0x83, 0x42]), Some((0, 8)));
        assert_eq!(vp9_profile(&[0x92, 0x49, 0x83, 0x42, 0]), Some((2, 10)));
    }
}
