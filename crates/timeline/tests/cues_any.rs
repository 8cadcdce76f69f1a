//! Whatever the bytes are: no panic, cues in order, and what is written reads back as what it was.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use proptest::prelude::*;
use timeline::cues::{self, Export, Reading, tidy};
use timeline::{Cue, Span, Timestamp, Transcript};

const SAMPLES: [(&str, &str); 5] = [
    (
        "a.srt",
        "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i> {\\an8}you\n\n2\n00:00:03,000 --> 00:00:04,000\n红色的圆形\n",
    ),
    (
        "a.vtt",
        "WEBVTT\n\nNOTE x\n\n1\n00:01.000 --> 00:02.000 align:start\n<v Anna>Hi &amp; you\n\n00:03.000 --> 00:04.000\nlater\n",
    ),
    (
        "a.ass",
        "[Script Info]\n\n[Events]\nFormat: Layer, Start, End, Text\nDialogue: 0,0:00:01.00,0:00:02.00,{\\k20}ka{\\p1}m 0 0{\\p0}ra\\Noke\n",
    ),
    (
        "a.ttml",
        "<tt xml:lang=\"en\" ttp:frameRate=\"25\"><body><div><p begin=\"00:00:01:05\" dur=\"2s\">One<br/>&#x4e2d; two</p></div></body></tt>",
    ),
    ("a.json", "{\"language\": \"en\", \"segments\": [{\"start\": 0.5, \"end\": 1.25, \"text\": \"Hi\"}]}"),
];

/// What holds of anything that could be read.
fn check(reading: &Reading) {
    let own = &reading.transcript.cues;
    assert!(!own.is_empty() && own.windows(2).all(|pair| pair[0].span.start <= pair[1].span.start));
    assert!(
        own.iter().all(|cue| cue.span.start <= cue.span.end && !cue.text.is_empty() && cue.text == tidy(&cue.text))
    );
    assert!(reading.warnings.windows(2).all(|pair| pair[0].line <= pair[1].line));
    for export in Export::ALL {
        cues::export::write(&reading.transcript, export);
    }
}

/// A small generator with a seed: the same flips on every run.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[test]
fn a_thousand_flipped_bytes_in_every_format_and_encoding_never_panic() {
    let mut read = 0;
    for (name, text) in SAMPLES {
        let sixteen: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes(), sixteen.as_slice()] {
            check(&cues::read(bytes, name).unwrap());
            let mut state = 1;
            for _ in 0..1_000 {
                let mut bytes = bytes.to_vec();
                for _ in 0..1 + next(&mut state) % 3 {
                    let at = next(&mut state) % bytes.len();
                    bytes[at] ^= 1 << (next(&mut state) % 8);
                }
                if next(&mut state).is_multiple_of(8) {
                    bytes.truncate(next(&mut state) % bytes.len());
                }
                if let Ok(reading) = cues::read(&bytes, name) {
                    check(&reading);
                    read += 1;
                }
            }
        }
    }
    // Most single errors leave something to read.
    assert!(read > 5_000, "{read}");
}

#[test]
fn marks_that_are_never_closed_are_text_and_cost_no_more_than_that() {
    for (name, head, mark) in [
        ("a.srt", "00:00:01,000 --> 00:00:02,000\n", "<"),
        ("a.srt", "00:00:01,000 --> 00:00:02,000\n", "{\\"),
        ("a.srt", "00:00:01,000 --> 00:00:02,000\n", "&"),
        ("a.ass", "[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,", "{"),
        ("a.ttml", "<tt><body><p begin='1s' end='2s'>", "<span>"),
    ] {
        let file = format!("{head}x{}", mark.repeat(cues::MAX_FILE_BYTES / mark.len() / 2));
        let reading = cues::read(file.as_bytes(), name).unwrap();
        check(&reading);
        assert!(reading.transcript.cues[0].text.chars().count() <= cues::MAX_CUE_CHARS);
    }
}

fn transcripts(overlapping: bool) -> impl Strategy<Value = Transcript> {
    let text = prop_oneof![
        r"[ -~\n字幕é]{1,60}",
        r"([<>/&;{}\\#ibvN0-9:,.\n -]|--> |00:00:01,000 --> 00:00:02,000|<i>|NOTE|WEBVTT|→|[\n]{1,2}5\n){1,20}",
    ];
    let text = text.prop_map(|text| tidy(&text)).prop_filter("a cue has text", |text| !text.is_empty());
    prop::collection::vec((0_i64..20_000, 0_i64..5_000, text), 1..12).prop_map(move |rows| {
        let mut clock = 0;
        let cues = rows.into_iter().map(|(pause, length, text)| {
            let start = clock + pause;
            clock = start + if overlapping { 0 } else { length };
            let at = Timestamp::from_millis;
            Cue { span: Span { start: at(start), end: at(start + length) }, text }
        });
        Transcript { language: Some("en".to_owned()), cues: cues.collect() }
    })
}

proptest! {
    #[test]
    fn what_is_exported_reads_back_as_the_same_cues(transcript in transcripts(false)) {
        for (export, name) in [(Export::Srt, "a.en.srt"), (Export::Vtt, "a.vtt"), (Export::Json, "a.json")] {
            let file = cues::export::write(&transcript, export);
            let reading = cues::read(file.as_bytes(), name).unwrap();
            prop_assert_eq!(&reading.transcript, &transcript, "{}", file);
            prop_assert_eq!(&reading.warnings, &[], "{}", file);
        }
    }

    #[test]
    fn cues_shown_at_once_survive_webvtt_and_json(transcript in transcripts(true)) {
        for (export, name) in [(Export::Vtt, "a.vtt"), (Export::Json, "a.json")] {
            let file = cues::export::write(&transcript, export);
            prop_assert_eq!(&cues::read(file.as_bytes(), name).unwrap().transcript, &transcript, "{}", file);
        }
    }

    #[test]
    fn any_bytes_are_a_transcript_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(reading) = cues::read(&bytes, "x.srt") {
            check(&reading);
        }
    }

    #[test]
    fn any_lines_of_a_format_are_a_transcript_or_an_error(
        lines in prop::collection::vec(prop::sample::select(vec![
            "", "1", "WEBVTT", "NOTE", "00:00:01,000 --> 00:00:02,000", "00:01.000 --> 00:00.500", "text", "<i>&amp;", "[Events]",
            "Dialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,hi{\\p1}", "Format: Start, End, Text", "<tt><body>", "<p begin=\"1s\">", "</p>",
            "<br/>", "99:99:99,999 --> 00:00:00,000", "--> ",
        ]), 0..20),
        name in "x\\.(srt|vtt|ass|ttml|json)",
    ) {
        if let Ok(reading) = cues::read(lines.join("\n").as_bytes(), &name) {
            check(&reading);
        }
    }
}
