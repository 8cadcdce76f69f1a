//! NAL units between start codes (ITU-T H.264 annex B).

/// The next `00 00 01` from `from` on: where it begins.
pub(crate) fn start_code(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        // The third byte of a start code is 1; anything above rules out three places at once.
        match bytes.get(at..at + 3)? {
            [0, 0, 1] => return Some(at),
            [_, _, third] if *third > 1 => at += 3,
            [_, second, _] if *second > 0 => at += 2,
            _ => at += 1,
        }
    }
}

/// The NAL units of a buffer, without start codes and the zeros behind them.
pub(crate) fn units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut next = start_code(bytes, 0);
    std::iter::from_fn(move || {
        let from = next? + 3;
        next = start_code(bytes, from);
        let unit = bytes.get(from..next.unwrap_or(bytes.len()))?;
        let length = unit.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
        unit.get(..length)
    })
}

/// Whether bytes begin with a start code.
pub(crate) fn is_annexb(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 1]) || bytes.starts_with(&[0, 0, 0, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_between_start_codes() {
        let bytes = [0, 0, 0, 1, 9, 0x10, 0, 0, 1, 0x65, 1, 2, 0, 0, 0, 1, 0x41, 7];
        assert_eq!(units(&bytes).collect::<Vec<_>>(), [&[9, 0x10][..], &[0x65, 1, 2], &[0x41, 7]]);
        assert_eq!(units(&[0, 0, 2, 0, 0]).count(), 0);
        assert_eq!(units(&[0, 0, 1]).collect::<Vec<_>>(), [&[0_u8; 0][..]]);
        for at in 0..9 {
            let mut bytes = vec![0xFF; 12];
            bytes[at..at + 3].copy_from_slice(&[0, 0, 1]);
            assert_eq!(start_code(&bytes, 0), Some(at));
            let mut bytes = vec![0; 12];
            bytes[at + 2] = 1;
            assert_eq!(start_code(&bytes, 0), Some(at));
        }
    }
}
