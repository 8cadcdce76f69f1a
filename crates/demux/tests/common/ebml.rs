//! Matroska files, written element by element.

/// An element with a size of eight bytes.
pub(crate) fn element(id: u32, content: &[u8]) -> Vec<u8> {
    [&head(id), &(content.len() as u64 | 1 << 56).to_be_bytes()[..], content].concat()
}

/// An element whose writer did not know where it ends.
pub(crate) fn unsized_element(id: u32, content: &[u8]) -> Vec<u8> {
    [&head(id)[..], &[1, 255, 255, 255, 255, 255, 255, 255], content].concat()
}

pub(crate) fn head(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|&b| b == 0).collect()
}

pub(crate) fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

pub(crate) fn text(id: u32, text: &str) -> Vec<u8> {
    element(id, text.as_bytes())
}

pub(crate) const TRACKS: u32 = 0x1654_AE6B;
pub(crate) const CLUSTER: u32 = 0x1F43_B675;
pub(crate) const SEGMENT: u32 = 0x1853_8067;
pub(crate) const VOID: u32 = 0xEC;

pub(crate) fn ebml() -> Vec<u8> {
    element(0x1A45_DFA3, &text(0x4282, "matroska"))
}

/// A video track with further elements.
pub(crate) fn track(codec: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let video = element(0xE0, &[number(0xB0, 160), number(0xBA, 120)].concat());
    let base = [number(0xD7, 1), number(0x83, 1), text(0x86, codec)].concat();
    let with_video = if more.iter().any(|m| m.starts_with(&[0xE0])) { base } else { [base, video].concat() };
    element(0xAE, &[with_video, more.concat()].concat())
}

/// A block without its element: track 1.
pub(crate) fn block(time: i16, flags: u8, content: &[u8]) -> Vec<u8> {
    [&[0x81][..], &time.to_be_bytes(), &[flags], content].concat()
}

pub(crate) fn simple(time: i16, flags: u8, content: &[u8]) -> Vec<u8> {
    element(0xA3, &block(time, flags, content))
}

pub(crate) fn cluster(time: u64, blocks: &[Vec<u8>]) -> Vec<u8> {
    element(CLUSTER, &[number(0xE7, time), blocks.concat()].concat())
}

/// A file of one track and what follows it.
pub(crate) fn film(track: &[u8], rest: &[Vec<u8>]) -> Vec<u8> {
    let content = [element(TRACKS, track), rest.concat()].concat();
    [ebml(), element(SEGMENT, &content)].concat()
}

pub(crate) fn encoding(content: &[Vec<u8>]) -> Vec<u8> {
    element(0x6D80, &element(0x6240, &content.concat()))
}

/// A track of subtitles, number 2, with further elements.
pub(crate) fn text_track(codec: &str, more: &[Vec<u8>]) -> Vec<u8> {
    element(0xAE, &[number(0xD7, 2), number(0x83, 17), text(0x86, codec), more.concat()].concat())
}

/// A block of the subtitle track that lasts so many ticks.
pub(crate) fn text_block(time: i16, ticks: u64, content: &[u8]) -> Vec<u8> {
    let block = [&[0x82][..], &time.to_be_bytes(), &[0], content].concat();
    element(0xA0, &[element(0xA1, &block), number(0x9B, ticks)].concat())
}
