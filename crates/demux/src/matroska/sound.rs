//! Sound tracks of Matroska and WebM: codec IDs and `CodecPrivate` (the Matroska codec specifications), and what `Audio` says.

use timeline::Timestamp;

use super::NANOSECONDS;
use super::ebml::Content;
use super::ids;
use super::track::Entry;
use crate::codec::sound::{Heard, Pcm};
use crate::layout::Layout;
use crate::movie::Codec;
use crate::order::Picture;
use crate::sniff::Container;
use crate::sound::{Frames, SoundPacket, SoundTrack, Stretch, counted};
use crate::time;

/// What only a sound track has.
#[derive(Debug, Clone, Default)]
pub(super) struct Sound {
    pub(super) heard: Heard,
    /// Nanoseconds that are taken from every time: what the codec puts before the beginning.
    pub(super) delay: u64,
}

/// The codec of a sound track by its ID, and what else the entry says.
pub(super) fn described(id: &str, private: &[u8], entry: Content<'_>) -> Sound {
    let audio = entry.child(ids::AUDIO);
    let float = |id| audio.and_then(|audio| audio.child(id)).and_then(Content::float);
    let uint = |id, otherwise| audio.and_then(|audio| audio.child(id)).map_or(otherwise, Content::uint);
    let rate = float(ids::SAMPLING_FREQUENCY).unwrap_or(8_000.0) as u32;
    let channels = u32::try_from(uint(ids::CHANNELS, 1)).unwrap_or(255).min(255);
    let bits = u32::try_from(uint(ids::BIT_DEPTH, 16)).unwrap_or(0);
    let heard = match id {
        _ if id.starts_with("A_AAC") => Heard::aac(private, rate, channels),
        "A_OPUS" => Heard::opus(private.to_vec(), channels),
        "A_VORBIS" => Heard { description: Some(private.to_vec()), ..Heard::new("vorbis", rate, channels) },
        "A_FLAC" => Heard::flac(private.to_vec(), rate, channels),
        "A_MPEG/L3" => Heard::mp3(rate, channels),
        "A_PCM/INT/LIT" if bits == 8 => Heard::pcm(id, Some(Pcm::U8), rate, channels),
        "A_PCM/INT/LIT" => Heard::pcm(id, Pcm::signed(bits), rate, channels),
        "A_PCM/FLOAT/IEEE" => Heard::pcm(id, (bits == 32).then_some(Pcm::F32), rate, channels),
        "A_AC3" => Heard::new("ac-3", rate, channels),
        "A_EAC3" => Heard::new("ec-3", rate, channels),
        _ => Heard::new(id, rate, channels),
    };
    Sound { heard, delay: entry.child(ids::CODEC_DELAY).map_or(0, Content::uint) }
}

/// A track with its packets. What lies before the beginning of the clock is what the codec needs and nobody hears.
pub(super) fn track(entry: Entry, list: &[Picture], base: (u32, u32)) -> SoundTrack {
    let Sound { heard, delay } = entry.sound;
    let delay = Timestamp::from_micros(i64::try_from(delay.min(NANOSECONDS * 60) / 1_000).unwrap_or_default());
    let at = |ticks| time::micros_of(ticks, base) - delay;
    let packet = |picture: &Picture| SoundPacket { offset: picture.offset, size: picture.size, at: at(picture.pts) };
    let mut packets: Vec<_> = list.iter().filter(|picture| picture.size > 0).map(packet).collect();
    // A stripped or compressed packet is not as long as it seems; only where that does not matter are samples counted.
    if matches!(heard.frames, Frames::Each(..)) || entry.layout == Layout::Plain {
        counted(&mut packets, heard.frames);
    }
    SoundTrack {
        container: Container::Matroska,
        id: u32::try_from(entry.number).unwrap_or(u32::MAX),
        codec: Codec { string: heard.string, description: heard.description, ..entry.codec },
        rate: heard.rate,
        channels: heard.channels,
        packets,
        stretches: vec![Stretch::WHOLE],
        frames: heard.frames,
        layout: entry.layout,
    }
}
