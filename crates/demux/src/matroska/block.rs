//! Blocks (RFC 9559 §10): the header, and where the frames of a laced block lie.

use super::ebml::number;

/// Bytes that hold a block's header when it is not laced.
pub(super) const HEADER: usize = 8 + 3;

/// The header of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) track: u64,
    /// From the cluster's own time, in the segment's ticks.
    pub(super) time: i16,
    /// Only in a `SimpleBlock`.
    pub(super) key: bool,
    pub(super) lacing: Lacing,
    /// Bytes of the header.
    pub(super) header: usize,
}

/// How several frames share a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacing {
    None,
    Xiph,
    Fixed,
    Ebml,
}

/// Reads a block's header from its first bytes.
pub(super) fn block(bytes: &[u8]) -> Option<Block> {
    let (track, used) = number(bytes)?;
    let [a, b, flags, ..] = *bytes.get(used..)? else { return None };
    let lacing = match flags >> 1 & 3 {
        0 => Lacing::None,
        1 => Lacing::Xiph,
        2 => Lacing::Fixed,
        _ => Lacing::Ebml,
    };
    Some(Block { track, time: i16::from_be_bytes([a, b]), key: flags & 0x80 != 0, lacing, header: used + 3 })
}

/// Sizes of the frames of a laced block, and the bytes that tell them. `bytes` begin behind the header; `whole` is how
/// many there are in all.
pub(super) fn laces(bytes: &[u8], lacing: Lacing, whole: u64) -> Option<(Vec<u64>, usize)> {
    let (&count, rest) = bytes.split_first()?;
    let count = usize::from(count) + 1;
    let (mut sizes, used) = match lacing {
        Lacing::None => return None,
        Lacing::Fixed => {
            let each = (whole - 1) / count as u64;
            return (each * count as u64 == whole - 1).then(|| (vec![each; count], 1));
        }
        Lacing::Xiph => xiph(rest, count - 1)?,
        Lacing::Ebml => ebml(rest, count - 1)?,
    };
    let told: u64 = sizes.iter().try_fold(1 + used as u64, |sum, &size| sum.checked_add(size))?;
    sizes.push(whole.checked_sub(told)?);
    Some((sizes, 1 + used))
}

/// Each size is a sum of bytes of 255 and a smaller one.
fn xiph(bytes: &[u8], count: usize) -> Option<(Vec<u64>, usize)> {
    let (mut sizes, mut at) = (Vec::new(), 0);
    for _ in 0..count {
        let mut size = 0;
        loop {
            let byte = *bytes.get(at)?;
            at += 1;
            size += u64::from(byte);
            if byte != 255 {
                break;
            }
        }
        sizes.push(size);
    }
    Some((sizes, at))
}

/// The first size, then differences to the one before.
fn ebml(bytes: &[u8], count: usize) -> Option<(Vec<u64>, usize)> {
    let (mut sizes, mut at) = (Vec::<u64>::new(), 0);
    for _ in 0..count {
        let (value, used) = number(bytes.get(at..)?)?;
        at += used;
        sizes.push(match sizes.last() {
            None => value,
            Some(&before) => {
                let zero = (1_i64 << (7 * used - 1)) - 1;
                before.checked_add_signed(i64::try_from(value).ok()? - zero)?
            }
        });
    }
    Some((sizes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        let read = block(&[0x82, 0xFF, 0xFE, 0x80, 9]).unwrap();
        assert_eq!(read, Block { track: 2, time: -2, key: true, lacing: Lacing::None, header: 4 });
        assert_eq!(block(&[0x82, 0xFF]), None);
    }

    #[test]
    fn laced_frames_are_told_apart() {
        // Three frames of 800, 500 and 1000 bytes (RFC 9559 §10.3).
        let xiph = [2, 255, 255, 255, 35, 255, 245];
        assert_eq!(laces(&xiph, Lacing::Xiph, 7 + 2300), Some((vec![800, 500, 1000], 7)));
        let ebml = [2, 0x43, 0x20, 0x5E, 0xD3];
        assert_eq!(laces(&ebml, Lacing::Ebml, 5 + 2300), Some((vec![800, 500, 1000], 5)));
        assert_eq!(laces(&[2], Lacing::Fixed, 1 + 2400), Some((vec![800; 3], 1)));
    }

    #[test]
    fn laces_that_do_not_fit_are_refused() {
        assert_eq!(laces(&[2, 255, 255], Lacing::Xiph, 900), None);
        assert_eq!(laces(&[2, 255, 10, 10], Lacing::Xiph, 100), None);
        assert_eq!(laces(&[2], Lacing::Fixed, 2400), None);
        assert_eq!(laces(&[2, 0x43, 0x20, 0x40, 0x00], Lacing::Ebml, 4000), None);
        assert_eq!(laces(&[], Lacing::Fixed, 0), None);
    }
}
