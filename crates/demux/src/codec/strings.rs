//! Configuration records (`avcC`, `hvcC`, `vpcC`, `av1C`) to the strings WebCodecs knows codecs by.
//!
//! Sources: RFC 6381 and ISO/IEC 14496-15 annex E (`avc1`, `hvc1`), the WebM project's "VP Codec ISO Media File Format
//! Binding" (`vp09`), the "AV1 Codec ISO Media File Format Binding" §5 (`av01`), the WebCodecs codec registry.

/// `PPCCLL`: profile, constraint flags, level of an `avcC`.
pub(crate) fn avc(config: &[u8]) -> Option<String> {
    match config {
        [1, profile, constraints, level, ..] => Some(format!("{profile:02X}{constraints:02X}{level:02X}")),
        _ => None,
    }
}

/// `1.6.L93.B0`: profile space and number, compatibility flags in reverse bit order, tier and level, constraint bytes.
pub(crate) fn hevc(config: &[u8]) -> Option<String> {
    let [_, profile, c0, c1, c2, c3, constraints @ ..] = config else { return None };
    let (constraints, level) = (constraints.get(..6)?, constraints.get(6)?);
    let space = ["", "A", "B", "C"].get(usize::from(profile >> 6))?;
    let tier = if profile & 0x20 != 0 { 'H' } else { 'L' };
    let compatibility = u32::from_be_bytes([*c0, *c1, *c2, *c3]).reverse_bits();
    let mut string = format!("{space}{}.{compatibility:X}.{tier}{level}", profile & 0x1F);
    let used = constraints.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    for byte in constraints.iter().take(used) {
        string.push_str(&format!(".{byte:X}"));
    }
    Some(string)
}

/// `vp09.PP.LL.DD.CC.cp.tc.mc.FF` of a `vpcC`.
pub(crate) fn vp9(config: &[u8]) -> Option<String> {
    let [_, _, _, _, profile, level, depth, primaries, transfer, matrix, ..] = config else { return None };
    let level = if *level == 0 { 51 } else { *level };
    let (bits, chroma, range) = (depth >> 4, depth >> 1 & 7, depth & 1);
    Some(format!(
        "vp09.{profile:02}.{level:02}.{bits:02}.{chroma:02}.{primaries:02}.{transfer:02}.{matrix:02}.{range:02}"
    ))
}

/// `av01.P.LLT.DD` of an `av1C`.
pub(crate) fn av1(config: &[u8]) -> Option<String> {
    let [_, profile_level, flags, ..] = config else { return None };
    let (profile, level) = (profile_level >> 5, profile_level & 0x1F);
    let tier = if flags & 0x80 != 0 { 'H' } else { 'M' };
    let depth = match (profile, flags & 0x40 != 0, flags & 0x20 != 0) {
        (2, true, true) => 12,
        (_, true, _) => 10,
        _ => 8,
    };
    Some(format!("av01.{profile}.{level:02}{tier}.{depth:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codec_strings_are_those_browsers_ask_for() {
        assert_eq!(avc(&[1, 0x64, 0, 0x1F, 0xFF]).as_deref(), Some("64001F"));
        let hvcc = [1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0xF0];
        assert_eq!(hevc(&hvcc).as_deref(), Some("1.6.L93.90"));
        assert_eq!(vp9(&[1, 0, 0, 0, 0, 31, 0x82, 1, 1, 1, 0, 0]).as_deref(), Some("vp09.00.31.08.01.01.01.01.00"));
        assert_eq!(av1(&[0x81, 0x08, 0x0C, 0]).as_deref(), Some("av01.0.08M.08"));
    }

    #[test]
    fn a_description_that_is_too_short_gives_no_string() {
        for length in 0..4 {
            let bytes = vec![1; length];
            assert_eq!(avc(&bytes), None);
            assert_eq!((hevc(&bytes), vp9(&bytes)), (None, None));
        }
    }
}
