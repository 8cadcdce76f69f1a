//! Sound tracks of MP4 and QuickTime: the sample description, and the edit list as stretches of what is decoded.

use super::boxes::{Body, Kind};
use super::edits::offset;
use super::entry::decoder_config;
use super::header::Edit;
use super::{RawSample, micros};
use crate::codec::sound::{Heard, Pcm, opus_head};
use crate::sound::{SoundPacket, Stretch};
use crate::time::rescale;

/// Stretches beyond these are left out: a list that long is noise.
const MOST_STRETCHES: usize = 1_000;

/// What an `AudioSampleEntry` (ISO/IEC 14496-12 §12.2.3; QuickTime's versions 1 and 2 too) says, and its own boxes describe.
pub(super) fn heard(fourcc: Kind, mut body: Body<'_>, is_quicktime: bool) -> Option<Heard> {
    body.skip(8).ok()?;
    let version = body.u16().ok()?;
    body.skip(6).ok()?;
    let (mut channels, mut bits): (u32, u32) = (body.u16().ok()?.into(), body.u16().ok()?.into());
    body.skip(4).ok()?;
    let mut rate = body.u32().ok()? >> 16;
    let mut flags = 0;
    match version {
        1 if is_quicktime => body.skip(16).ok()?,
        2 if is_quicktime => {
            body.skip(4).ok()?;
            rate = f64::from_bits(body.u64().ok()?) as u32;
            channels = body.u32().ok()?;
            body.skip(4).ok()?;
            (bits, flags) = (body.u32().ok()?, body.u32().ok()?);
            body.skip(8).ok()?;
        }
        _ => {}
    }
    let channels = channels.min(255);
    // QuickTime keeps the descriptions of compressed sound in `wave`.
    let described = |kind: &Kind| body.child(kind).or_else(|| body.child(b"wave")?.child(kind));
    let named = super::name(fourcc);
    Some(match &fourcc {
        b"mp4a" => match described(b"esds").and_then(decoder_config) {
            Some((0x69 | 0x6B, _)) => Heard::mp3(rate, channels),
            Some((0x40 | 0x66..=0x68, config)) => Heard::aac(config, rate, channels),
            Some((object, _)) => Heard::new(&format!("mp4a.{object:02X}"), rate, channels),
            None => Heard::new(&named, rate, channels),
        },
        b".mp3" | b"ms\0U" => Heard::mp3(rate, channels),
        b"Opus" => match described(b"dOps").and_then(|dops| opus_head(dops.bytes())) {
            Some(head) => Heard::opus(head, channels),
            None => Heard::new(&named, rate, channels),
        },
        b"fLaC" => match described(b"dfLa").and_then(|dfla| dfla.bytes().get(4..)) {
            Some(blocks) => Heard::flac([b"fLaC", blocks].concat(), rate, channels),
            None => Heard::new(&named, rate, channels),
        },
        b"sowt" => Heard::pcm(&named, Some(Pcm::S16), rate, channels),
        b"raw " if bits == 8 => Heard::pcm(&named, Some(Pcm::U8), rate, channels),
        b"ulaw" => Heard::pcm(&named, Some(Pcm::Ulaw), rate, channels),
        b"alaw" => Heard::pcm(&named, Some(Pcm::Alaw), rate, channels),
        // Flags of Core Audio: 1 floating point, 2 the highest byte first, 4 signed, 8 packed.
        b"lpcm" => Heard::pcm(&named, linear(flags & 1 != 0, flags & 2 != 0, bits), rate, channels),
        b"ipcm" | b"fpcm" => {
            let told = described(b"pcmC").and_then(|config| config.bytes().get(4..6));
            let form = match told {
                Some([form, bits]) => linear(&fourcc == b"fpcm", form & 1 == 0, (*bits).into()),
                _ => None,
            };
            Heard::pcm(&named, form, rate, channels)
        }
        b"fl32" | b"in24" | b"in32" => {
            // `enda` says whether the lowest byte comes first.
            let little = described(b"enda").is_some_and(|mut enda| enda.u16().is_ok_and(|word| word == 1));
            let bits = if &fourcc == b"in24" { 24 } else { 32 };
            Heard::pcm(&named, linear(&fourcc == b"fl32", !little, bits), rate, channels)
        }
        _ => Heard::new(&named, rate, channels),
    })
}

fn linear(is_float: bool, is_big: bool, bits: u32) -> Option<Pcm> {
    match (is_float, is_big) {
        (_, true) => None,
        (true, _) => (bits == 32).then_some(Pcm::F32),
        (false, _) => Pcm::signed(bits),
    }
}

/// Samples as packets, on the clock of the media.
pub(super) fn packets(samples: &[RawSample], timescale: u32) -> Vec<SoundPacket> {
    let packet = |s: &RawSample| SoundPacket { offset: s.offset, size: s.size, at: micros(s.cts, timescale) };
    samples.iter().filter(|s| s.size > 0).map(packet).collect()
}

/// The edit list by its letter: what it shows of the media is heard, to the sample. In a fragmented file it only moves the clock.
pub(super) fn stretches(edits: &[Edit], timescale: u32, movie_timescale: u32, fragmented: bool) -> Vec<Stretch> {
    if edits.is_empty() || movie_timescale == 0 {
        return vec![Stretch::WHOLE];
    }
    if fragmented {
        let by = micros(offset(edits, timescale, movie_timescale), timescale);
        let from = Stretch::WHOLE.from.max(Stretch::WHOLE.from - by);
        return vec![Stretch { from, at: from + by, ..Stretch::WHOLE }];
    }
    let mut clock = 0_i64;
    let mut stretches = Vec::new();
    for edit in edits {
        let (start, length) = (clock, rescale(edit.duration, movie_timescale, timescale).max(0));
        clock = clock.saturating_add(length);
        if edit.media_time >= 0 && stretches.len() < MOST_STRETCHES {
            let to =
                if length == 0 { Stretch::WHOLE.to } else { micros(edit.media_time.saturating_add(length), timescale) };
            stretches.push(Stretch { from: micros(edit.media_time, timescale), to, at: micros(start, timescale) });
        }
        if length == 0 && edit.media_time >= 0 {
            break;
        }
    }
    if stretches.is_empty() { vec![Stretch::WHOLE] } else { stretches }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(edits: &[(i64, i64)], fragmented: bool) -> Vec<(i64, i64, i64)> {
        let edits: Vec<_> = edits.iter().map(|&(duration, media_time)| Edit { duration, media_time }).collect();
        let ms = |t: timeline::Timestamp| if t.micros() == i64::MAX { -1 } else { t.micros() / 1_000 };
        stretches(&edits, 48_000, 1_000, fragmented).iter().map(|s| (ms(s.from), ms(s.to), ms(s.at))).collect()
    }

    #[test]
    fn priming_is_cut_off_and_a_late_track_begins_late() {
        assert_eq!(told(&[], false), [(0, -1, 0)]);
        // 1,024 samples of priming.
        assert_eq!(told(&[(2_000, 1_024)], false), [(21, 2_021, 0)]);
        assert_eq!(told(&[(500, -1), (2_000, 960)], false), [(20, 2_020, 500)]);
        // An end that is not told.
        assert_eq!(told(&[(0, 960), (5, 0)], false), [(20, -1, 0)]);
        // Two pieces of the media, the second first.
        assert_eq!(told(&[(100, 48_000), (50, 0)], false), [(1_000, 1_100, 0), (0, 50, 100)]);
        assert_eq!(told(&[(500, -1)], false), [(0, -1, 0)]);
        assert_eq!(told(&vec![(1, 0); 9_999], false).len(), MOST_STRETCHES);
    }

    #[test]
    fn in_fragments_the_list_moves_the_clock() {
        assert_eq!(told(&[(0, 960)], true), [(20, -1, 0)]);
        assert_eq!(told(&[(500, -1), (0, 0)], true), [(0, -1, 500)]);
    }
}
