//! Subtitle files as they are found: every format, common damage repaired and told with its line, the rest refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use timeline::cues::{self, CueError, Damage, Format, Reading};

/// Cues in milliseconds.
fn shown(reading: &Reading) -> Vec<(i64, i64, &str)> {
    let cues = reading.transcript.cues.iter();
    cues.map(|cue| (cue.span.start.micros() / 1_000, cue.span.end.micros() / 1_000, cue.text.as_str())).collect()
}

fn told(reading: &Reading) -> Vec<(u32, Damage)> {
    reading.warnings.iter().map(|warning| (warning.line, warning.damage)).collect()
}

#[test]
fn subrip_as_it_should_be_is_read_without_a_word() {
    let file = "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Hello</i>\r\nyou\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000 X1:10\r\n红色\r\n";
    let reading = cues::read(file.as_bytes(), "clip.zh.srt").unwrap();
    assert_eq!(shown(&reading), [(1_000, 2_500, "Hello\nyou"), (3_000, 4_000, "红色")]);
    assert_eq!((reading.format, reading.encoding, told(&reading)), (Format::Srt, "UTF-8", vec![]));
    assert_eq!(reading.transcript.language.as_deref(), Some("zh"));
}

#[test]
fn common_damage_in_subrip_is_repaired_and_told_with_its_line() {
    let file = "\u{feff}00:00:01.000 --> 00:00:02;500
no number
2
00:03,000 --> 00:00:05,000
no empty line before

3
00:00:04,000 --> 00:00:06,000
overlapped

with an empty line

00:00:08,000 --> 00:00:07,000
ends before it starts

5
00:00:0x,000 --> 00:00:10,000
nobody knows when

6
00:00:07,500 --> 00:00:07,900
too early

7
00:00:12,000 --> 00:00:13,000

8
00:00:14,000 --> 00:00:15,000
";
    let reading = cues::read(file.as_bytes(), "clip.srt").unwrap();
    assert_eq!(
        shown(&reading),
        [
            (1_000, 2_500, "no number"),
            (3_000, 4_000, "no empty line before"),
            (4_000, 6_000, "overlapped\nwith an empty line"),
            (7_500, 7_900, "too early"),
            (8_000, 10_000, "ends before it starts"),
        ]
    );
    let expected = [
        (1, Damage::TimeForm),
        (1, Damage::Number),
        (4, Damage::Separator),
        (4, Damage::TimeForm),
        (4, Damage::Overlap),
        (10, Damage::EmptyLine),
        (13, Damage::Number),
        (13, Damage::EndBeforeStart),
        (17, Damage::Time),
        (21, Damage::Order),
        (25, Damage::Text),
        (28, Damage::Text),
    ];
    let mut told = told(&reading);
    told.sort_by_key(|(line, damage)| (*line, *damage as u8));
    let mut expected = expected.to_vec();
    expected.sort_by_key(|(line, damage)| (*line, *damage as u8));
    assert_eq!(told, expected);
}

#[test]
fn webvtt_has_notes_styles_names_voices_and_settings() {
    let file = "WEBVTT - a title
Language: en

STYLE
::cue { color: red }

NOTE
00 is not a time

intro
00:01.000 --> 00:02.000 align:start position:0%
<v Anna>Hi &amp; <c.red>welcome</c>

01:00:03.000 --> 01:00:04.000
<00:01.500>later
01:00:05.000 --> 01:00:06.000
no empty line
";
    let reading = cues::read(file.as_bytes(), "clip.vtt").unwrap();
    let expected = [
        (1_000, 2_000, "Anna: Hi & welcome"),
        (3_603_000, 3_604_000, "later"),
        (3_605_000, 3_606_000, "no empty line"),
    ];
    assert_eq!(shown(&reading), expected);
    assert_eq!(told(&reading), [(16, Damage::Separator)]);
    assert_eq!(reading.transcript.language.as_deref(), Some("en"));
    let bare = cues::read(b"00:01.000 --> 00:02.000\nno header\n", "clip.vtt").unwrap();
    assert_eq!((shown(&bare), told(&bare)), (vec![(1_000, 2_000, "no header")], vec![(1, Damage::Header)]));
}

#[test]
fn substation_alpha_keeps_words_and_drops_drawings() {
    let file = r"[Script Info]
Title: x
[V4+ Styles]
Format: Name, Start, End
[Events]
Format: Layer, Start, End, Style, Text
Comment: 0,0:00:00.00,0:00:01.00,D,not shown
Dialogue: 0,0:00:03.50,0:00:05.00,D,{\k20}kara{\k30}oke, with a comma\Nand a line
Dialogue: 0,0:00:01.00,0:00:02.00,D,{\an8\pos(1,2)}first\hone
Dialogue: 1,0:00:01.00,0:00:02.00,D,{\bord2}first\hone
Dialogue: 0,0:00:02.00,0:00:03.00,D,{\p1}m 0 0 l 100 0{\p0}
Dialogue: 0,never,0:00:03.00,D,x
";
    let reading = cues::read(file.as_bytes(), "clip.ass").unwrap();
    let expected = [(1_000, 2_000, "first one"), (3_500, 5_000, "karaoke, with a comma\nand a line")];
    assert_eq!(shown(&reading), expected);
    assert_eq!(told(&reading), [(9, Damage::Order), (10, Damage::Order), (12, Damage::Time)]);
    let ssa = "[Events]\nFormat: Marked, Start, End, Style, Text\nDialogue: Marked=0,0:00:01.00,0:00:02.00,D,hi\n";
    assert_eq!(shown(&cues::read(ssa.as_bytes(), "x.ssa").unwrap()), [(1_000, 2_000, "hi")]);
}

#[test]
fn ttml_times_nest_and_are_exact() {
    let file = r#"<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" xml:lang="zh"
    ttp:frameRate="25" ttp:tickRate="10000000">
  <head><metadata><p>not shown</p></metadata></head>
  <body begin="10s"><div>
    <p begin="00:00:01.000" end="00:00:02.5">One<br/>two &amp;
       three</p>
    <p begin="75f" dur="1s"><span>four</span> <span>five</span></p>
    <p begin="50000000t" end="6s"/>
    <p><span begin="7s" end="8s">six</span> <span begin="8s" end="9s">seven</span></p>
    <p begin="soon" end="10s">when?</p>
  </div>
  <div timeContainer="seq" begin="20s"><p dur="1s">a</p><p dur="2s">b</p></div></body>
</tt>"#;
    let reading = cues::read(file.as_bytes(), "clip.xml").unwrap();
    let expected = [
        (10_000, 20_000, "when?"),
        (11_000, 12_500, "One\ntwo & three"),
        (13_000, 14_000, "four five"),
        (17_000, 18_000, "six"),
        (18_000, 19_000, "seven"),
        (30_000, 31_000, "a"),
        (31_000, 33_000, "b"),
    ];
    assert_eq!(shown(&reading), expected);
    assert_eq!((reading.format, reading.transcript.language.as_deref()), (Format::Ttml, Some("zh")));
    assert!(told(&reading).contains(&(11, Damage::Time)));
    let broken = r#"<tt><body><p begin="1s" end="2s">whole</p><p begin="3s" end="4s">cut < off"#;
    let reading = cues::read(broken.as_bytes(), "clip.ttml").unwrap();
    assert_eq!(shown(&reading)[0], (1_000, 2_000, "whole"));
}

#[test]
fn json_is_read_as_exported_and_as_whisper_writes_it() {
    let whisper = r#"{"text": "Hi you", "language": "en", "segments": [
        {"id": 0, "start": 0.5, "end": 1.25, "text": " Hi", "tokens": [1, 2]}, {"id": 1, "start": 1.25, "end": 2, "text": " you"}]}"#;
    let reading = cues::read(whisper.as_bytes(), "clip.json").unwrap();
    assert_eq!(shown(&reading), [(500, 1_250, "Hi"), (1_250, 2_000, "you")]);
    assert_eq!(reading.transcript.language.as_deref(), Some("en"));
    let micros = r#"[{"start_us": 1, "end_us": 2, "text": "x"}]"#;
    assert_eq!(cues::read(micros.as_bytes(), "x").unwrap().transcript.cues[0].span.end.micros(), 2);
}

#[test]
fn what_cannot_be_read_is_refused_with_the_line() {
    let refused = |file: &str, name: &str| cues::read(file.as_bytes(), name).unwrap_err();
    let line = |error: CueError| match error {
        CueError::NoCues { line, .. } | CueError::UnknownFormat { line } => line,
        other => panic!("{other}"),
    };
    assert_eq!(line(refused("\n1\nsoon --> later\nHello\n", "a.srt")), 3);
    assert_eq!(line(refused("WEBVTT\n\n", "a.vtt")), 1);
    assert_eq!(line(refused("[Events]\nDialogue: nonsense\n", "a.ass")), 2);
    assert_eq!(line(refused("<tt>\n<body>\n<p begin=\"1s\"\n", "a.ttml")), 3);
    assert_eq!(line(refused("{\"cues\": [\n{\"start\": 1,\n", "a.json")), 3);
    assert_eq!(line(refused("\nDear reader", "a.srt")), 2);
    let error = cues::read(&vec![b'a'; cues::MAX_FILE_BYTES + 1], "a.srt").unwrap_err();
    assert_eq!(error.code(), "subtitles_too_large");
    let many = "00:00:01,000 --> 00:00:02,000\nx\n\n".repeat(cues::MAX_CUES + 1);
    assert_eq!(refused(&many, "a.srt"), CueError::TooManyCues { line: 150_001, limit: 50_000 });
}
