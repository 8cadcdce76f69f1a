//! What codecs of sound say of themselves: AAC's configuration, the headers of Opus and FLAC, the forms of PCM.

use crate::bits::Bits;
use crate::sound::Frames;

/// What is to be known of a track's sound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The string WebCodecs knows the codec by.
    pub(crate) string: String,
    /// The decoder's description.
    pub(crate) description: Option<Vec<u8>>,
    pub(crate) rate: u32,
    pub(crate) channels: u32,
    pub(crate) frames: Frames,
}

impl Heard {
    pub(crate) fn new(string: &str, rate: u32, channels: u32) -> Self {
        Self { string: string.to_owned(), rate, channels, ..Self::default() }
    }

    /// MPEG-1 layer 3 (ISO/IEC 11172-3 §2.4.2.1): half as many samples a frame at MPEG-2's rates.
    pub(crate) fn mp3(rate: u32, channels: u32) -> Self {
        let each = if rate < 32_000 { 576 } else { 1_152 };
        Self { frames: Frames::Each(each, rate), ..Self::new("mp3", rate, channels) }
    }

    /// Uncompressed sound, in one of the forms that WebCodecs has a name for; another keeps the name it has.
    pub(crate) fn pcm(named: &str, form: Option<Pcm>, rate: u32, channels: u32) -> Self {
        let Some(form) = form else { return Self::new(named, rate, channels) };
        let frames = Frames::Bytes(form.bytes() * channels.max(1), rate);
        Self { frames, ..Self::new(form.name(), rate, channels) }
    }

    /// AAC by its `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1).
    pub(crate) fn aac(config: &[u8], rate: u32, channels: u32) -> Self {
        let Some(asc) = AudioConfig::read(config) else {
            // A decoder will say what is wrong with it.
            return Self { description: Some(config.to_vec()), ..Self::new("mp4a.40.2", rate, channels) };
        };
        Self {
            string: format!("mp4a.40.{}", asc.object),
            description: Some(config.to_vec()),
            rate: asc.rate,
            channels: if asc.channels > 0 { asc.channels } else { channels },
            frames: Frames::Each(asc.frames, asc.core_rate),
        }
    }

    /// Opus by the header of an Ogg stream (RFC 7845 §5.1), which Matroska keeps and WebCodecs wants; but without the samples to
    /// be skipped. Times say which those are, and a decoder that skips them too gives what follows the time of what it skipped
    /// (Chromium 156, at every beginning).
    pub(crate) fn opus(mut head: Vec<u8>, channels: u32) -> Self {
        if let Some(skipped) = head.get_mut(10..12) {
            skipped.fill(0);
        }
        let channels = head.get(9).map_or(channels, |&channels| channels.into());
        Self { description: Some(head), frames: Frames::Opus, ..Self::new("opus", 48_000, channels) }
    }

    /// FLAC by its marker and first metadata block (RFC 9639 §8.2).
    pub(crate) fn flac(head: Vec<u8>, rate: u32, channels: u32) -> Self {
        let info = head.get(8..).unwrap_or_default();
        let block = |at: usize| info.get(at..at + 2).map(|b| b.iter().fold(0_u32, |sum, &b| sum << 8 | u32::from(b)));
        let frames = match (block(0), block(2)) {
            (Some(least), Some(most)) if least == most && most > 0 => Frames::Each(most, rate),
            _ => Frames::Unknown,
        };
        Self { description: Some(head), frames, ..Self::new("flac", rate, channels) }
    }
}

/// Forms of uncompressed sound that WebCodecs decodes: little-endian, and the two of telephony.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pcm {
    U8,
    S16,
    S24,
    S32,
    F32,
    Ulaw,
    Alaw,
}

impl Pcm {
    /// Whole numbers of so many bits, the lowest byte first.
    pub(crate) fn signed(bits: u32) -> Option<Self> {
        match bits {
            16 => Some(Self::S16),
            24 => Some(Self::S24),
            32 => Some(Self::S32),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::U8 => "pcm-u8",
            Self::S16 => "pcm-s16",
            Self::S24 => "pcm-s24",
            Self::S32 => "pcm-s32",
            Self::F32 => "pcm-f32",
            Self::Ulaw => "ulaw",
            Self::Alaw => "alaw",
        }
    }

    fn bytes(self) -> u32 {
        match self {
            Self::U8 | Self::Ulaw | Self::Alaw => 1,
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
        }
    }
}

/// The beginning of an `AudioSpecificConfig`.
struct AudioConfig {
    object: u32,
    /// What comes out: with explicit spectral band replication twice the core's.
    rate: u32,
    core_rate: u32,
    channels: u32,
    /// Samples a frame has at the core's rate.
    frames: u32,
}

impl AudioConfig {
    fn read(config: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(config);
        let object = object(&mut bits)?;
        let core_rate = rate(&mut bits)?;
        let channels = match bits.take(4)? {
            7 => 8,
            channels => channels,
        };
        let (mut out, mut core) = (core_rate, object);
        if matches!(object, 5 | 29) {
            out = rate(&mut bits)?;
            core = self::object(&mut bits)?;
        }
        // `GASpecificConfig` begins with the length of a frame; low-delay kinds have half.
        let short = bits.bit().unwrap_or(false);
        let frames = match (core, short) {
            (23 | 39, false) => 512,
            (23 | 39, true) => 480,
            (_, false) => 1_024,
            (_, true) => 960,
        };
        (core_rate > 0).then_some(Self { object, rate: out, core_rate, channels, frames })
    }
}

fn object(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.take(5)? {
        31 => Some(32 + bits.take(6)?),
        object => Some(object),
    }
}

fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    const RATES: [u32; 13] =
        [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
    match bits.take(4)? {
        15 => bits.take(24),
        index => RATES.get(index as usize).copied(),
    }
}

/// Samples at 48 kHz of an Opus packet (RFC 6716 §3.1): the length of a frame by its configuration, times their number.
pub(crate) fn opus_frames(packet: &[u8]) -> Option<u32> {
    let (&toc, rest) = packet.split_first()?;
    let config = toc >> 3;
    let each = match config {
        0..=11 => [480, 960, 1_920, 2_880].get(usize::from(config & 3)),
        12..=15 => [480, 960].get(usize::from(config & 1)),
        _ => [120, 240, 480, 960].get(usize::from(config & 3)),
    }?;
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(rest.first()? & 0x3F),
    };
    Some(each * count)
}

/// The header of an Ogg stream from the box `dOps` (Encapsulation of Opus in ISOBMFF §4.3.2): the same fields, the highest
/// byte first, and another version.
pub(crate) fn opus_head(dops: &[u8]) -> Option<Vec<u8>> {
    let [_version, channels, p, q, a, b, c, d, g, h, rest @ ..] = dops else { return None };
    let mut head = b"OpusHead\x01".to_vec();
    head.extend([*channels, *q, *p, *d, *c, *b, *a, *h, *g]);
    head.extend_from_slice(rest);
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aac_says_what_it_is() {
        // LC, 44.1 kHz, stereo.
        let lc = Heard::aac(&[0x12, 0x10], 1, 1);
        assert_eq!((lc.string.as_str(), lc.rate, lc.channels), ("mp4a.40.2", 44_100, 2));
        assert_eq!(lc.frames, Frames::Each(1_024, 44_100));
        // HE-AAC told explicitly: 24 kHz core, 48 kHz out.
        let he = Heard::aac(&[0x2B, 0x11, 0x88, 0x00], 1, 1);
        assert_eq!((he.string.as_str(), he.rate, he.frames), ("mp4a.40.5", 48_000, Frames::Each(1_024, 24_000)));
        // 960 samples a frame; a rate of its own.
        assert_eq!(Heard::aac(&[0x12, 0x14], 1, 1).frames, Frames::Each(960, 44_100));
        assert_eq!(Heard::aac(&[0x17, 0x80, 0x1F, 0x40, 0x10], 1, 1).rate, 16_000);
        assert_eq!(Heard::aac(&[], 44_100, 2).frames, Frames::Unknown);
    }

    #[test]
    fn an_opus_packet_says_how_long_it_is() {
        // CELT of 20 ms; SILK of 60 ms twice; hybrid of 10 ms, five of them.
        assert_eq!(opus_frames(&[31 << 3]), Some(960));
        assert_eq!(opus_frames(&[(3 << 3) | 1, 0]), Some(5_760));
        assert_eq!(opus_frames(&[(12 << 3) | 3, 5]), Some(2_400));
        assert_eq!((opus_frames(&[]), opus_frames(&[3])), (None, None));
    }

    #[test]
    fn the_header_of_opus_is_turned_around() {
        let dops = [0, 2, 0x01, 0x38, 0, 0, 0xBB, 0x80, 0xFF, 0x00, 0];
        let head = opus_head(&dops).unwrap();
        assert_eq!(head, [&b"OpusHead\x01\x02"[..], &[0x38, 0x01, 0x80, 0xBB, 0, 0, 0x00, 0xFF, 0]].concat());
        let opus = Heard::opus(head, 1);
        assert_eq!((opus.channels, opus.description.unwrap()[8..12].to_vec()), (2, vec![1, 2, 0, 0]));
        assert_eq!(opus_head(&dops[..9]), None);
    }

    #[test]
    fn flac_of_blocks_of_one_length_says_it() {
        let head = |least: [u8; 2]| [b"fLaC", &[0x80, 0, 0, 34][..], &least, &[0x12, 0], &[0; 30]].concat();
        assert_eq!(Heard::flac(head([0x12, 0]), 48_000, 2).frames, Frames::Each(4_608, 48_000));
        assert_eq!(Heard::flac(head([0x10, 0]), 48_000, 2).frames, Frames::Unknown);
        assert_eq!(Heard::flac(Vec::new(), 48_000, 2).frames, Frames::Unknown);
    }
}
