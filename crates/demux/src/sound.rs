//! The sound of a video file, on the clock of its pictures: where the packets lie, how they are coded, and which stretches of
//! what they decode to are heard when.
//!
//! A file is opened for its sound alone ([`open_sound`]), apart from its pictures: packets of sound are many, and whoever looks
//! at pictures should not pay for them. What a decoder is given is not what is heard: an edit list or a codec's delay cuts off
//! the priming that an encoder put before the beginning, to the sample, and may move, shorten or repeat the rest.

use std::io::{Read, Seek, SeekFrom};

use timeline::Timestamp;

use crate::layout::Layout;
use crate::movie::Codec;
use crate::sniff::{self, Container};
use crate::source::fill;
use crate::{Error, codec, matroska, mp4};

/// A packet larger than this is noise: an hour of uncompressed sound is not written in one piece.
const LARGEST_PACKET: u32 = 64 << 20;

/// A sound track.
#[derive(Debug, Clone, PartialEq)]
pub struct SoundTrack {
    /// What the file is.
    pub container: Container,
    /// The file's own number for it.
    pub id: u32,
    /// How it is coded; the description as WebCodecs wants it.
    pub codec: Codec,
    /// Samples a second, as the container or the codec's own header has it.
    pub rate: u32,
    /// Channels.
    pub channels: u32,
    /// Packets in decoding order; each can be decoded by itself, but the first after a jump may sound wrong.
    pub packets: Vec<SoundPacket>,
    /// What is heard of the decoded sound, in the order of hearing; never empty.
    pub stretches: Vec<Stretch>,
    pub(crate) frames: Frames,
    pub(crate) layout: Layout,
}

/// Coded sound in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoundPacket {
    /// First byte in the file.
    pub offset: u64,
    /// Bytes of it in the file.
    pub size: u32,
    /// When it begins, on the track's own clock: before stretches are applied.
    pub at: Timestamp,
}

/// Decoded sound from `from` up to `to` of the track's own clock is heard from `at` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its beginning.
    pub from: Timestamp,
    /// Behind its end.
    pub to: Timestamp,
    /// When it is heard, on the clock of the pictures.
    pub at: Timestamp,
}

impl Stretch {
    /// Everything from the beginning of the track's clock on, unmoved.
    pub(crate) const WHOLE: Self =
        Self { from: Timestamp::ZERO, to: Timestamp::from_micros(i64::MAX), at: Timestamp::ZERO };
}

/// How much sound a packet decodes to, where that can be told without decoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Frames {
    /// It cannot.
    #[default]
    Unknown,
    /// Always so many samples at so many a second.
    Each(u32, u32),
    /// By the packet's first bytes (RFC 6716 §3.1), at 48 kHz.
    Opus,
    /// Uncompressed: a sample of all channels has so many bytes, at so many a second.
    Bytes(u32, u32),
}

impl Frames {
    /// Samples of a packet of so many bytes, and how many a second, where its content need not be read for that.
    fn of_size(self, size: u32) -> Option<(u64, u32)> {
        match self {
            Self::Each(frames, rate) => Some((frames.into(), rate)),
            Self::Bytes(each, rate) => Some((u64::from(size / each.max(1)), rate)),
            Self::Unknown | Self::Opus => None,
        }
    }
}

/// How far a container's clock may be from the count of samples: FFmpeg's own measure (`min_hard_comp`).
const HOLE: Timestamp = Timestamp::from_millis(100);

/// Times by the count of samples instead of a coarse clock, which still tells where there is a hole: so a packet has the same
/// time wherever decoding begins.
pub(crate) fn counted(packets: &mut [SoundPacket], frames: Frames) {
    let mut count: Option<Count> = None;
    let mut before = None;
    for packet in packets {
        let Some((samples, rate)) = frames.of_size(packet.size) else { return };
        let told = packet.at;
        let count = match &mut count {
            Some(count) if before == Some(told) || !count.misses(told) => count,
            count => count.insert(Count { since: told, frames: 0, rate }),
        };
        before = Some(told);
        packet.at = count.due();
        count.frames = count.frames.saturating_add(samples);
    }
}

/// Samples since a moment.
#[derive(Debug, Clone, Copy)]
struct Count {
    since: Timestamp,
    frames: u64,
    rate: u32,
}

impl Count {
    /// When the next sample should come.
    fn due(&self) -> Timestamp {
        let micros = u128::from(self.frames) * 1_000_000 / u128::from(self.rate.max(1));
        self.since + Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// Whether a packet at this time does not follow.
    fn misses(&self, at: Timestamp) -> bool {
        (at - self.due()).max(self.due() - at) > HOLE
    }
}

/// Reads the index of a file's first sound track, the one that FFmpeg takes too.
///
/// # Errors
/// There is none, it is encrypted, or the file is damaged; the sound of AVI and MPEG-TS is not read.
pub fn open_sound<R: Read + Seek>(reader: &mut R) -> Result<SoundTrack, Error> {
    let track = match sniff::container(reader)? {
        Container::Mp4 => mp4::sound(reader),
        Container::Matroska => matroska::sound(reader),
        Container::Avi => return Err(Error::Unsupported { feature: "the sound of an AVI file" }),
        Container::MpegTs => return Err(Error::Unsupported { feature: "the sound of a transport stream" }),
        other => return Err(Error::Container { container: other }),
    }?;
    let track = track.filter(|track| !track.packets.is_empty()).ok_or(Error::NoSoundTrack)?;
    if track.codec.encrypted {
        let scheme = track.codec.scheme.clone().unwrap_or_else(|| "DRM".to_owned());
        return Err(Error::Encrypted { scheme });
    }
    if let Layout::Compressed(feature) = track.layout {
        return Err(Error::Unsupported { feature });
    }
    Ok(track)
}

impl SoundTrack {
    /// The packet with which decoding has to begin so that what follows `moment` on the track's clock is heard as it should be:
    /// a decoder finds its feet within half a second.
    pub fn enter(&self, moment: Timestamp) -> usize {
        let wanted = moment - Timestamp::from_millis(500);
        self.packets.partition_point(|packet| packet.at <= wanted).saturating_sub(1)
    }

    /// How long the sound of a packet is, if its codec tells: samples, and how many a second.
    pub fn frames(&self, packet: &[u8]) -> Option<(u64, u32)> {
        match self.frames {
            Frames::Opus => Some((codec::sound::opus_frames(packet)?.into(), 48_000)),
            known => known.of_size(u32::try_from(packet.len()).unwrap_or(u32::MAX)),
        }
    }

    /// Until when a packet lasts by the container: until the next one.
    pub fn until(&self, packet: usize) -> Option<Timestamp> {
        self.packets.get(packet + 1).map(|next| next.at)
    }

    /// When the sound begins that a decoder gives first when it begins with this packet. Of Vorbis the first packet gives none, and
    /// decoders (Chromium 156) put its time on what the second one gives.
    pub fn begins(&self, packet: usize) -> Timestamp {
        let own = self.packets.get(packet).map(|packet| packet.at);
        let begins = if self.codec.string == "vorbis" { self.until(packet).or(own) } else { own };
        begins.unwrap_or_default()
    }

    /// What a decoder is given for a packet.
    ///
    /// # Errors
    /// There is no such packet, the file ends before it, or it cannot be read.
    pub fn read_packet<R: Read + Seek>(&self, reader: &mut R, packet: usize) -> Result<Vec<u8>, Error> {
        let SoundPacket { offset, size, .. } =
            self.packets.get(packet).copied().unwrap_or(SoundPacket { offset: 0, size: u32::MAX, at: Timestamp::ZERO });
        let malformed = |what| Error::Malformed { name: format!("packet {packet} of sound"), offset, what };
        if size > LARGEST_PACKET {
            return Err(malformed("more bytes than any packet has"));
        }
        reader.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; size as usize];
        if fill(reader, &mut bytes)? < bytes.len() {
            return Err(malformed("its end lies behind the end of the file"));
        }
        Ok(self.layout.undone(&bytes, LARGEST_PACKET as usize).bytes.into_owned())
    }
}

/// Watches whether packets follow each other. A decoder counts samples and knows of no hole: where the container's clock says
/// that sound is missing, or that there is too much of it, it has to begin anew.
#[derive(Debug)]
pub struct Continuity<'t> {
    track: &'t SoundTrack,
    /// How long a packet of unknown length is when none is missing behind it.
    usual: Timestamp,
    /// The packet before.
    before: Option<Timestamp>,
    count: Count,
}

impl<'t> Continuity<'t> {
    /// Nothing was decoded yet.
    pub fn new(track: &'t SoundTrack) -> Self {
        let lengths = track.packets.iter().zip(track.packets.iter().skip(1)).take(1_000).map(|(a, b)| b.at - a.at);
        let usual = lengths.filter(|length| *length > Timestamp::ZERO).min().unwrap_or_default();
        Self { track, usual, before: None, count: Count { since: Timestamp::ZERO, frames: 0, rate: 1 } }
    }

    /// Whether this packet does not follow the one before. Several that share a time are one stretch of sound.
    pub fn breaks(&mut self, packet: usize, bytes: &[u8]) -> bool {
        let Some(at) = self.track.packets.get(packet).map(|packet| packet.at) else { return false };
        let count = &mut self.count;
        let breaks = self.before.is_some_and(|before| before != at) && count.misses(at);
        if breaks || self.before.is_none() {
            (count.since, count.frames) = (at, 0);
        }
        self.before = Some(at);
        match self.track.frames(bytes) {
            Some((frames, rate)) => (count.frames, count.rate) = (count.frames.saturating_add(frames), rate),
            None => {
                let told = self.track.until(packet).map_or(self.usual, |until| until - at);
                count.since = count.since + if told > self.usual + HOLE { self.usual } else { told };
            }
        }
        breaks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(times_ms: &[i64], frames: Frames) -> SoundTrack {
        let packet = |ms: &i64| SoundPacket { offset: 0, size: 1, at: Timestamp::from_millis(*ms) };
        SoundTrack {
            container: Container::Matroska,
            id: 1,
            codec: Codec::default(),
            rate: 48_000,
            channels: 2,
            packets: times_ms.iter().map(packet).collect(),
            stretches: vec![Stretch::WHOLE],
            frames,
            layout: Layout::Plain,
        }
    }

    fn breaks(times_ms: &[i64], frames: Frames) -> Vec<usize> {
        let track = track(times_ms, frames);
        let mut clock = Continuity::new(&track);
        (0..times_ms.len()).filter(|&packet| clock.breaks(packet, &[0])).collect()
    }

    #[test]
    fn a_hole_is_told_and_a_coarse_clock_is_none() {
        let each = Frames::Each(960, 48_000);
        assert_eq!(breaks(&[7, 27, 46, 67, 87], each), [0; 0]);
        assert_eq!(breaks(&[0, 20, 40, 300, 320, 100], each), [3, 5]);
        // Laced: three packets under one time, twice.
        assert_eq!(breaks(&[0, 0, 0, 60, 60, 60, 120], each), [0; 0]);
        // A clock that runs away by 3 ms a packet.
        let drift: Vec<_> = (0..100).map(|n| n * 23).collect();
        assert_eq!(breaks(&drift, each).first(), Some(&34));
        assert_eq!(breaks(&[0, 20, 41, 60, 400, 420], Frames::Unknown), [4]);
    }

    #[test]
    fn a_coarse_clock_is_made_fine_up_to_a_hole() {
        let mut coarse = track(&[0, 23, 46, 46, 500, 523], Frames::Unknown);
        counted(&mut coarse.packets, Frames::Each(1_024, 44_100));
        let fine: Vec<_> = coarse.packets.iter().map(|packet| packet.at.micros()).collect();
        assert_eq!(fine, [0, 23_219, 46_439, 69_659, 500_000, 523_219]);
        let told: Vec<_> = fine.iter().map(|at| at / 1_000).collect();
        counted(&mut coarse.packets, Frames::Opus);
        assert_eq!(coarse.packets.iter().map(|packet| packet.at.micros() / 1_000).collect::<Vec<_>>(), told);
    }

    #[test]
    fn decoding_begins_half_a_second_before_what_is_wanted() {
        let mut track = track(&(0..100).map(|n| n * 20).collect::<Vec<_>>(), Frames::Each(960, 48_000));
        (0..).zip(&mut track.packets).for_each(|(n, packet)| packet.offset = n);
        let enter = |ms| track.enter(Timestamp::from_millis(ms));
        assert_eq!((enter(-3), enter(0), enter(500), enter(1_010), enter(99_999)), (0, 0, 0, 25, 99));
        assert_eq!(track.until(4), Some(Timestamp::from_millis(100)));
        assert_eq!(track.begins(4), Timestamp::from_millis(80));
        let vorbis = Codec { string: "vorbis".to_owned(), ..Codec::default() };
        let vorbis = SoundTrack { codec: vorbis, ..track.clone() };
        assert_eq!((vorbis.begins(4), vorbis.begins(99)), (Timestamp::from_millis(100), Timestamp::from_millis(1_980)));
        assert_eq!((track.until(99), track.frames(&[])), (None, Some((960, 48_000))));
        let beyond = track.read_packet(&mut std::io::Cursor::new([0; 9]), 100).unwrap_err();
        assert!(beyond.to_string().contains("packet 100 of sound"), "{beyond}");
        let cut = track.read_packet(&mut std::io::Cursor::new([0; 9]), 9).unwrap_err();
        assert!(cut.to_string().contains("behind the end"), "{cut}");
        assert_eq!(track.read_packet(&mut std::io::Cursor::new([7; 9]), 8).unwrap(), [7]);
    }
}
