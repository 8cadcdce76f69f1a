//! MP4 files, written box by box.

/// A box.
pub(crate) fn boxed(kind: &[u8], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

/// Whole numbers of four bytes.
pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Boxes that hold boxes, as far as the tests look.
const PARENTS: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];

/// From a box's kind and content to what stands in its place; nothing where it stays.
type Change<'a> = &'a dyn Fn(&[u8], &[u8]) -> Option<Vec<u8>>;

/// Boxes with every one that `change` knows replaced, at any depth; sizes follow.
pub(crate) fn rewritten(boxes: &[u8], change: Change<'_>) -> Vec<u8> {
    let (mut rest, mut out) = (boxes, Vec::new());
    while let Some((size, _)) = rest.split_first_chunk() {
        let (one, tail) = rest.split_at(u32::from_be_bytes(*size) as usize);
        let (kind, content) = (&one[4..8], &one[8..]);
        out.extend(match change(kind, content) {
            Some(changed) => changed,
            None if PARENTS.iter().any(|parent| kind == *parent) => boxed(kind, &rewritten(content, change)),
            None => one.to_vec(),
        });
        rest = tail;
    }
    out
}

/// A file with one track of texts: `(milliseconds, bytes)` a sample, in one chunk; a clock of milliseconds. `entry` is the
/// sample description.
pub(crate) fn text_film(handler: &[u8], entry: &[u8], samples: &[(u32, &[u8])]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
    let start = boxed(b"ftyp", b"isom\0\0\0\0");
    let times: Vec<u32> = samples.iter().flat_map(|&(length, _)| [1, length]).collect();
    let sizes: Vec<u32> = samples.iter().map(|(_, bytes)| bytes.len() as u32).collect();
    let count = samples.len() as u32;
    let table = [
        boxed(b"stsd", &[words(&[0, 1]), entry.to_vec()].concat()),
        boxed(b"stts", &[words(&[0, count]), words(&times)].concat()),
        boxed(b"stsc", &words(&[0, 1, 1, count, 1])),
        boxed(b"stsz", &[words(&[0, 0, count]), words(&sizes)].concat()),
        boxed(b"stco", &words(&[0, 1, start.len() as u32 + 8])),
    ];
    let identity = words(&[1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30]);
    let track_header = boxed(b"tkhd", &[words(&[7, 0, 0, 1, 0, 0, 0, 0, 0, 0]), identity, words(&[0, 0])].concat());
    let media_header = boxed(b"mdhd", &words(&[0, 0, 0, 1_000, 0, 0x55C4_0000]));
    let handler = boxed(b"hdlr", &[&words(&[0, 0])[..], handler, &[0; 13]].concat());
    let media = [media_header, handler, boxed(b"minf", &boxed(b"stbl", &table.concat()))].concat();
    let index = boxed(b"trak", &[track_header, boxed(b"mdia", &media)].concat());
    [start, boxed(b"mdat", &data), boxed(b"moov", &index)].concat()
}

/// What every sample description begins with: reserved bytes, and where the data is.
pub(crate) const ENTRY: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];
