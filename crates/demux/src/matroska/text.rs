//! Subtitle tracks of Matroska and WebM (the Matroska codec specifications): by codec ID how their text is written, and what
//! a `TrackEntry` says of them.

use timeline::cues::language_of_code;

use super::ebml::Content;
use super::ids;
use crate::codec::plain;
use crate::movie::Codec;
use crate::subtitles::{Form, Text};

/// How text is written, and the codec's name for people.
const CODECS: [(&str, Option<Form>, &str); 15] = [
    ("S_TEXT/UTF8", Some(Form::SubRip), "SubRip"),
    ("S_TEXT/ASCII", Some(Form::SubRip), "SubRip"),
    ("S_TEXT/ASS", Some(Form::Ass), "ASS"),
    ("S_ASS", Some(Form::Ass), "ASS"),
    ("S_TEXT/SSA", Some(Form::Ass), "SSA"),
    ("S_SSA", Some(Form::Ass), "SSA"),
    ("S_TEXT/WEBVTT", Some(Form::Vtt), "WebVTT"),
    ("D_WEBVTT/SUBTITLES", Some(Form::WebmVtt), "WebVTT"),
    ("D_WEBVTT/CAPTIONS", Some(Form::WebmVtt), "WebVTT"),
    ("D_WEBVTT/DESCRIPTIONS", Some(Form::WebmVtt), "WebVTT"),
    ("S_TEXT/USF", None, "USF"),
    ("S_VOBSUB", None, "VobSub (images)"),
    ("S_HDMV/PGS", None, "PGS (images)"),
    ("S_HDMV/TEXTST", None, "Blu-ray text"),
    ("S_DVBSUB", None, "DVB subtitles (images)"),
];

/// The codec of a subtitle track, and what the entry says of it.
pub(super) fn described(id: &str, entry: Content<'_>) -> (Codec, Text) {
    let known = CODECS.iter().find(|(own, ..)| *own == id);
    let (form, name) = known.map_or((None, id), |&(_, form, name)| (form, name));
    let said = |id| entry.child(id).map(Content::text);
    // RFC 9559 §5.1.4.1.19: English where the file does not say.
    let language = said(ids::LANGUAGE_BCP47).or_else(|| said(ids::LANGUAGE)).unwrap_or_else(|| "eng".to_owned());
    let text = Text {
        form,
        language: language_of_code(&language),
        name: said(ids::NAME),
        forced: entry.child(ids::FLAG_FORCED).map_or(0, Content::uint) != 0,
    };
    (plain(id, name, id), text)
}

/// Whether a track of metadata holds subtitles: WebM's first way to write WebVTT.
pub(super) fn is_subtitle(id: &str) -> bool {
    CODECS.iter().any(|(own, form, _)| *own == id && form.is_some())
}

/// The payload behind a cue's name and settings, a line each.
pub(crate) fn webm_payload(block: &[u8]) -> &[u8] {
    block.splitn(3, |&byte| byte == b'\n').nth(2).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webm_writes_name_and_settings_before_the_words() {
        assert_eq!(webm_payload(b"first\nline:0\nHello\nyou"), b"Hello\nyou");
        assert_eq!(webm_payload(b"\n\nHello"), b"Hello");
        assert_eq!((webm_payload(b"name\n"), webm_payload(b"")), (&b""[..], &b""[..]));
    }
}
