//! Zlib (RFC 1950) undone as far as the bytes go: of the beginning of a stream, the beginning of what it holds.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// What a stream holds, up to `most` bytes, and whether that is all of it and nothing was wrong. Memory follows what comes
/// out, which is at most a thousand times what goes in.
pub(crate) fn inflated(bytes: &[u8], most: usize) -> (Vec<u8>, bool) {
    let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut state = Box::<DecompressorOxide>::default();
    let mut out = vec![0; bytes.len().saturating_mul(2).min(most)];
    let (mut read, mut written) = (0, 0);
    loop {
        let rest = bytes.get(read..).unwrap_or_default();
        let (status, consumed, produced) = decompress(&mut state, rest, &mut out, written, flags);
        (read, written) = (read + consumed, written + produced);
        if status != TINFLStatus::HasMoreOutput || out.len() >= most {
            out.truncate(written);
            return (out, status == TINFLStatus::Done);
        }
        out.resize(out.len().saturating_mul(2).clamp(1, most), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::compress_to_vec_zlib;

    #[test]
    fn a_stream_gives_what_went_in_and_its_beginning_the_beginning() {
        let text: Vec<u8> = (0..40_000_u32).flat_map(|n| (n % 977).to_le_bytes()).collect();
        let packed = compress_to_vec_zlib(&text, 6);
        assert_eq!(inflated(&packed, usize::MAX), (text.clone(), true));
        for end in [0, 1, 2, 40, packed.len() / 2, packed.len() - 1] {
            let (beginning, whole) = inflated(packed.get(..end).unwrap_or_default(), usize::MAX);
            assert!(text.starts_with(&beginning) && !whole, "{end}");
            assert!(end < packed.len() / 2 || beginning.len() > 1_000, "{end}: {}", beginning.len());
        }
    }

    #[test]
    fn no_more_comes_out_than_is_asked_for_and_damage_is_told() {
        let packed = compress_to_vec_zlib(&[7; 1 << 20], 9);
        assert_eq!(inflated(&packed, 1_000), (vec![7; 1_000], false));
        assert_eq!(inflated(&packed, 0), (Vec::new(), false));
        let mut damaged = packed;
        if let Some(last) = damaged.last_mut() {
            *last ^= 1;
        }
        assert_eq!(inflated(&damaged, usize::MAX), (vec![7; 1 << 20], false));
        assert_eq!(inflated(b"no stream at all", usize::MAX), (Vec::new(), false));
    }
}
