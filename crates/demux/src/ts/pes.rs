//! Times of PES packets (ITU-T H.222.0 §2.4.3.6): 33 bits of a clock of 90 kHz, which wraps and jumps.

/// Ticks a second.
pub(super) const TICKS: u32 = 90_000;
const WRAP: i64 = 1 << 33;
/// A step back of more is another recording; decoding times never go back within one.
const STEP_BACK: i64 = TICKS as i64;
/// A step forward of more is no pause but another clock.
const STEP_FORWARD: i64 = 10 * TICKS as i64;

/// Presentation and decoding time of a PES header, as they stand there.
pub(super) fn stamps(payload: &[u8]) -> Option<(i64, i64)> {
    let [0, 0, 1, _, _, _, _, flags, _, rest @ ..] = payload else { return None };
    if flags & 0x80 == 0 {
        return None;
    }
    let pts = stamp(rest)?;
    let dts = if flags & 0x40 != 0 { stamp(rest.get(5..)?)? } else { pts };
    Some((pts, dts))
}

fn stamp(bytes: &[u8]) -> Option<i64> {
    let [a, b, c, d, e, ..] = *bytes else { return None };
    let [a, b, c, d, e] = [a, b, c, d, e].map(i64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

/// Makes one clock of the stamps of a stream.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: Option<i64>,
    /// What is added after a jump.
    shift: i64,
}

/// A stamp on that clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamped {
    pub(super) pts: i64,
    pub(super) jumped: bool,
}

impl Clock {
    /// Unwraps a stamp, next to the one before. As in FFmpeg, a clock that begins less than a minute before it wraps
    /// begins below zero. Where it jumps, time goes on `usual` ticks after the picture before.
    pub(super) fn stamp(&mut self, pts: i64, dts: i64, usual: i64) -> Stamped {
        // Decoding time leads; presentation lies within a wrap of it.
        let lead = (pts - dts + WRAP / 2).rem_euclid(WRAP) - WRAP / 2;
        let Some(last) = self.last else {
            let dts = if dts >= WRAP - 60 * i64::from(TICKS) { dts - WRAP } else { dts };
            self.last = Some(dts);
            return Stamped { pts: dts + lead, jumped: false };
        };
        let near = (dts + self.shift - last + WRAP / 2).rem_euclid(WRAP) - WRAP / 2;
        let jumped = !(-STEP_BACK..=STEP_FORWARD).contains(&near);
        if jumped {
            self.shift += usual - near;
        }
        let dts = last + if jumped { usual } else { near };
        self.last = Some(dts.max(last));
        Stamped { pts: dts + lead, jumped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_from_its_bits() {
        // 126000 = 1.4 s, as FFmpeg writes it.
        assert_eq!(stamps(&[0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 7, 0xD8, 0x61]), Some((126_000, 126_000)));
        assert_eq!(stamps(&[0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21]), None);
        assert_eq!(stamps(&[0, 0, 1, 0xE0, 0, 0, 0x80, 0x00, 0]), None);
    }

    #[test]
    fn a_clock_goes_on_over_its_end() {
        let mut clock = Clock::default();
        let mut stamp = |pts: i64| clock.stamp(pts.rem_euclid(WRAP), pts.rem_euclid(WRAP), 3600);
        assert_eq!(stamp(WRAP - 7200).pts, -7200);
        assert_eq!(stamp(WRAP - 3600).pts, -3600);
        assert_eq!(stamp(WRAP), Stamped { pts: 0, jumped: false });
        assert_eq!(stamp(3600).pts, 3600);
        let mut clock = Clock::default();
        assert_eq!(clock.stamp(WRAP - 6_000_000, WRAP - 6_000_000, 1).pts, WRAP - 6_000_000);
    }

    #[test]
    fn a_jump_continues_after_the_picture_before() {
        let mut clock = Clock::default();
        clock.stamp(1_000_000, 990_000, 3600);
        assert_eq!(clock.stamp(136_000, 126_000, 3600), Stamped { pts: 1_003_600, jumped: true });
        assert_eq!(clock.stamp(139_600, 129_600, 3600), Stamped { pts: 1_007_200, jumped: false });
    }
}
