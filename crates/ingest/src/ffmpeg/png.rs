//! A stream of PNG pictures, cut into single ones: signature, then chunks, the last of which is IEND.

use std::io::{self, Read};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// No frame of a sensible size has a chunk this long.
const MAX_CHUNK: u32 = 64 << 20;

/// The next picture, or nothing at the end of the stream.
///
/// # Errors
/// When the stream ends inside a picture or holds something else.
pub(super) fn next(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut picture = Vec::new();
    if stream.by_ref().take(8).read_to_end(&mut picture)? == 0 {
        return Ok(None);
    }
    if picture != SIGNATURE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a PNG picture"));
    }
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head)?;
        let [a, b, c, d, kind @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        if length > MAX_CHUNK {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a PNG chunk of impossible length"));
        }
        picture.extend_from_slice(&head);
        // Four bytes of checksum follow the data.
        let rest = u64::from(length) + 4;
        if stream.by_ref().take(rest).read_to_end(&mut picture)? as u64 != rest {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if kind == *b"IEND" {
            return Ok(Some(picture));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(data: &[u8]) -> Vec<u8> {
        let chunk = |kind: &[u8], data: &[u8]| [&(data.len() as u32).to_be_bytes()[..], kind, data, &[0; 4]].concat();
        [SIGNATURE.to_vec(), chunk(b"IDAT", data), chunk(b"IEND", b"")].concat()
    }

    #[test]
    fn pictures_come_out_one_by_one() {
        let (one, two) = (picture(b"IEND inside the data"), picture(b""));
        let mut stream = io::Cursor::new([one.clone(), two.clone()].concat());
        assert_eq!(next(&mut stream).unwrap(), Some(one.clone()));
        assert_eq!(next(&mut stream).unwrap(), Some(two));
        assert_eq!(next(&mut stream).unwrap(), None);
        assert!(next(&mut io::Cursor::new(&one[..one.len() - 3])).is_err());
        assert!(next(&mut io::Cursor::new(b"GIF89a..")).is_err());
    }
}
