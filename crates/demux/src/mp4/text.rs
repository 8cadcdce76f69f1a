//! Text tracks: 3GPP and QuickTime text, WebVTT and TTML (ISO/IEC 14496-30). What a track says of itself, when its samples
//! are shown, and the text of a sample.

use super::boxes::{Body, Kind};
use super::edits::{Repeats, offset};
use super::header::{self, Edit};
use super::{RawSample, micros};
use crate::subtitles::{Form, Packet, Text};
use crate::time::rescale;

/// By the four characters of a sample description: how text is written, and the codec's name for people.
const CODECS: [(&Kind, Option<Form>, &str); 9] = [
    (b"tx3g", Some(Form::Tx3g), "3GPP timed text"),
    (b"text", Some(Form::QuickTime), "QuickTime text"),
    (b"wvtt", Some(Form::VttBoxes), "WebVTT"),
    (b"stpp", Some(Form::Ttml), "TTML"),
    (b"dfxp", Some(Form::Ttml), "TTML"),
    (b"c608", None, "CEA-608 captions"),
    (b"c708", None, "CEA-708 captions"),
    (b"mp4s", None, "VobSub (images)"),
    (b"sbtt", None, "simple text"),
];

/// How text is written and what people call it.
pub(super) fn codec(fourcc: Kind) -> (Option<Form>, Option<&'static str>) {
    let found = CODECS.iter().find(|(own, ..)| **own == fourcc);
    found.map_or((None, None), |&(_, form, name)| (form, Some(name)))
}

/// What a track's boxes say of its subtitles.
pub(super) fn described(trak: Body<'_>, mdia: Body<'_>, form: Option<Form>) -> Text {
    let extended = mdia.child(b"elng").and_then(header::extended_language);
    let language = extended.or_else(|| mdia.child(b"mdhd").and_then(header::language));
    let user = trak.child(b"udta");
    let name = user.and_then(|user| user.child(b"name")).map(header::text);
    let kinds = user.into_iter().flat_map(Body::children).filter_map(Result::ok).filter(|(kind, _)| kind == b"kind");
    let forced = kinds.into_iter().any(|(_, kind)| is_forced(kind));
    Text { form, language, name, forced }
}

/// Whether a `kind` (ISO/IEC 14496-12 §8.10.4) calls the track forced: a scheme, then a value.
fn is_forced(mut kind: Body<'_>) -> bool {
    let value = kind.skip(4).ok().and_then(|()| kind.bytes().split(|&byte| byte == 0).nth(1));
    matches!(value, Some(b"forced-subtitle" | b"forced_subtitle"))
}

/// Whether every sample of 3GPP text is shown to all (`displayFlags`; 3GPP TS 26.245 and QuickTime).
pub(super) fn forced(mut entry: Body<'_>) -> bool {
    entry.skip(8).and_then(|()| entry.u32()).is_ok_and(|flags| flags & 0x8000_0000 != 0)
}

/// When the samples of a track are shown, by the letter of the edit list: one that begins before an edit and lasts into it
/// is shown from the edit's beginning on. In a fragmented file the list only moves the clock.
pub(super) fn packets(
    samples: &[RawSample],
    edits: &[Edit],
    timescale: u32,
    movie_timescale: u32,
    fragmented: bool,
) -> Vec<Packet> {
    let at = |ticks: i64| micros(ticks, timescale);
    let packet = |sample: &RawSample, start: i64, end: i64| Packet {
        offset: sample.offset,
        size: sample.size,
        start: at(start),
        end: (sample.delta > 0).then(|| at(end)),
    };
    let end_of = |sample: &RawSample| sample.cts.saturating_add(sample.delta.into());
    if edits.is_empty() || movie_timescale == 0 || fragmented {
        let moved = !edits.is_empty() && movie_timescale > 0;
        let shift = if moved { offset(edits, timescale, movie_timescale) } else { 0 };
        let filled = samples.iter().filter(|sample| sample.size > 0);
        return filled.map(|s| packet(s, s.cts.saturating_add(shift), end_of(s).saturating_add(shift))).collect();
    }
    let mut packets = Vec::new();
    let mut repeats = Repeats::of(samples.len());
    let mut clock = 0_i64;
    for edit in edits {
        let length = rescale(edit.duration, movie_timescale, timescale).max(0);
        let start = clock;
        clock = clock.saturating_add(length);
        if edit.media_time < 0 {
            continue;
        }
        let from = edit.media_time;
        let until = if length == 0 { i64::MAX } else { from.saturating_add(length) };
        let shift = start.saturating_sub(from);
        let first = samples.partition_point(|s| s.cts < from && end_of(s) <= from);
        for sample in samples.iter().skip(first).take_while(|s| s.cts < until) {
            if !repeats.visit() {
                return packets;
            }
            if sample.size > 0 && repeats.show() {
                let (start, end) = (sample.cts.max(from), end_of(sample).min(until));
                packets.push(packet(sample, start.saturating_add(shift), end.saturating_add(shift)));
            }
        }
    }
    packets
}

/// The text of a sample that begins with its length (3GPP, QuickTime); boxes of style follow.
pub(crate) fn sized_text(sample: &[u8]) -> &[u8] {
    let Some((length, rest)) = sample.split_first_chunk::<2>() else { return &[] };
    rest.get(..usize::from(u16::from_be_bytes(*length))).unwrap_or(rest)
}

/// The payloads of all cues of a sample: `payl` in every `vttc`.
pub(crate) fn vtt_payloads(sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    let cues = Body::new(*b"wvtt", sample, 0).children().filter_map(Result::ok);
    cues.filter(|(kind, _)| kind == b"vttc").filter_map(|(_, cue)| cue.child(b"payl")).map(|payload| payload.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cts: i64, delta: u32) -> RawSample {
        RawSample { offset: 0, size: 9, dts: cts, cts, delta, key: true }
    }

    fn shown(edits: &[Edit]) -> Vec<(i64, i64)> {
        let samples = [sample(0, 400), sample(400, 200), sample(600, 400)];
        let micros = |packet: &Packet| (packet.start.micros(), packet.end.map_or(-1, |end| end.micros()));
        packets(&samples, edits, 1_000, 100, false).iter().map(|p| (micros(p).0 / 1_000, micros(p).1 / 1_000)).collect()
    }

    #[test]
    fn what_lasts_into_an_edit_is_shown_from_its_beginning() {
        let edit = |duration, media_time| Edit { duration, media_time };
        assert_eq!(shown(&[]), [(0, 400), (400, 600), (600, 1_000)]);
        assert_eq!(shown(&[edit(50, 300)]), [(0, 100), (100, 300), (300, 500)]);
        // Later by a second; the end of the media is where the track ends.
        assert_eq!(shown(&[edit(100, -1), edit(0, 500)]), [(1_000, 1_100), (1_100, 1_500)]);
        assert!((200..300).contains(&shown(&[edit(1, 400); 10_000]).len()), "a list that repeats without end");
        // The same stretch twice.
        assert_eq!(shown(&[edit(20, 400), edit(20, 400)]), [(0, 200), (200, 400)]);
    }

    #[test]
    fn the_text_of_a_sample_ends_where_its_length_says() {
        assert_eq!(sized_text(b"\0\x02hi\0\0\0\x08styl"), b"hi");
        assert_eq!(sized_text(b"\xFF\xFFcut"), b"cut");
        assert_eq!((sized_text(b""), sized_text(b"\0")), (&b""[..], &b""[..]));
        let cue = b"\0\0\0\x0Evttc\0\0\0\x09paylA\0\0\0\x08vtte";
        assert_eq!(vtt_payloads(cue).count(), 0, "a box that is larger than its parent");
        let cues = b"\0\0\0\x11vttc\0\0\0\x09paylA\0\0\0\x08vtte\0\0\0\x11vttc\0\0\0\x09paylB";
        assert_eq!(vtt_payloads(cues).collect::<Vec<_>>(), [b"A", b"B"]);
    }
}
