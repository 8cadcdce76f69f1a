//! Subtitle tracks give the cues that FFmpeg extracts from them, wherever their packets lie and however they are packed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;
use std::process::Command;

use common::boxes::{ENTRY, boxed, text_film};
use common::ebml::{cluster, element, encoding, film, number, simple, text, text_block, text_track, track};
use common::{Counted, all, corpus, open};
use demux::{Movie, SubtitleError, SubtitleTrack, TrackKind};
use miniz_oxide::deflate::compress_to_vec_zlib;
use timeline::cues::{Damage, Reading, language_of_code};

/// Start and end in microseconds, and the words.
type Told = (i64, i64, String);

fn cues(reading: &Reading) -> Vec<Told> {
    let cues = &reading.transcript.cues;
    cues.iter().map(|cue| (cue.span.start.micros(), cue.span.end.micros(), cue.text.clone())).collect()
}

fn read(track: &SubtitleTrack, bytes: &[u8]) -> Vec<Told> {
    cues(&track.read(&mut Cursor::new(bytes)).unwrap())
}

/// The cues of the file that FFmpeg makes of the subtitle track with this number among them, on the file's own clock.
fn extracted(file: &Path, number: usize) -> Option<Vec<Told>> {
    let arguments = ["-v", "error", "-copyts", "-i", file.to_str().unwrap(), "-map"];
    let output = Command::new("ffmpeg").args(arguments).args([&format!("0:s:{number}"), "-f", "srt", "-"]).output();
    let output = output.expect("ffmpeg is needed to check subtitles: install the package ffmpeg");
    output.status.success().then(|| cues(&timeline::cues::read(&output.stdout, "x.srt").unwrap()))
}

fn corpus_file(name: &str) -> (Movie, Vec<u8>) {
    let bytes = common::film(name);
    (open(&bytes), bytes)
}

fn original() -> Vec<Told> {
    cues(&timeline::cues::read(&common::film("words.srt"), "words.srt").unwrap())
}

#[test]
fn cues_are_those_that_ffmpeg_extracts() {
    let mut compared = 0;
    for file in all() {
        let Ok(movie) = common::open_file(&file) else { continue };
        for (number, track) in movie.subtitles.iter().enumerate() {
            let ours = cues(&track.read(&mut BufReader::new(File::open(&file).unwrap())).unwrap());
            assert_eq!(ours.len(), 4, "{}", file.display());
            // FFmpeg 5 knows no TTML in MP4. In fragments it reads no ends, and writes no empty text between two, so that
            // the second lasts until the third.
            let name = file.file_name().unwrap().to_str().unwrap();
            let theirs = match name {
                "stpp.mp4" => original(),
                "tx3g-fragmented.mp4" => {
                    let starts = |cues: &[Told]| cues.iter().map(|cue| cue.0).collect::<Vec<_>>();
                    let mut told = original();
                    assert_eq!(starts(&extracted(&file, number).unwrap()), starts(&told), "{name}");
                    told[1].1 = told[2].0;
                    told
                }
                _ => extracted(&file, number).unwrap(),
            };
            assert_eq!(ours, theirs, "{name}, subtitle track {number}");
            compared += 1;
        }
    }
    assert!(compared >= 15, "only {compared} tracks were compared: is the corpus whole?");
}

#[test]
fn tracks_are_described_as_ffprobe_describes_them() {
    let entries = "stream=index:stream_tags=language,title:stream_disposition=default,forced";
    let mut described = 0;
    for file in all() {
        let Some(movie) = common::open_file(&file).ok().filter(|movie| !movie.subtitles.is_empty()) else { continue };
        let output = Command::new("ffprobe")
            .args(["-v", "quiet", "-select_streams", "s", "-of", "json", "-show_entries", entries])
            .arg(&file)
            .output()
            .unwrap();
        let theirs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let theirs = theirs["streams"].as_array().cloned().unwrap_or_default();
        assert!(theirs.len() == movie.subtitles.len() || file.ends_with("stpp.mp4"), "{}", file.display());
        for (track, told) in movie.subtitles.iter().zip(&theirs) {
            let tag = |name: &str| told["tags"][name].as_str().map(str::to_owned);
            let ours = (track.name.clone(), track.default, track.forced);
            let flag = |name: &str| told["disposition"][name] == 1;
            assert_eq!(ours, (tag("title"), flag("default"), flag("forced")), "{}", file.display());
            assert_eq!(track.language, tag("language").and_then(|code| language_of_code(&code)), "{}", file.display());
            assert!(track.is_text() && !track.codec.encrypted, "{}", file.display());
            let listed = movie.tracks.iter().find(|own| own.id == track.id).unwrap();
            assert_eq!((listed.kind, listed.samples.len()), (TrackKind::Subtitle, 0), "{}", file.display());
            described += 1;
        }
    }
    assert!(described >= 14, "{described}");
    let (three, _) = corpus_file("three.mkv");
    assert_eq!(three.subtitles.iter().map(|t| t.codec.name.as_str()).collect::<Vec<_>>(), ["SubRip", "ASS", "SubRip"]);
    assert_eq!(corpus_file("utf8.mkv").0.subtitles[0].language.as_deref(), Some("zh"));
}

#[test]
fn titles_of_chapters_are_no_subtitles() {
    let (movie, _) = corpus_file("chapters.mp4");
    assert_eq!(movie.subtitles.len(), 1);
    assert_eq!(movie.tracks.iter().filter(|track| track.kind == TrackKind::Other).count(), 1);
}

#[test]
fn only_the_packets_of_a_track_are_read() {
    for name in ["tx3g-sound.mp4", "three.mkv"] {
        let (movie, bytes) = corpus_file(name);
        let mut reader = Counted { inner: Cursor::new(&bytes), bytes: 0 };
        assert_eq!(movie.subtitles[0].read(&mut reader).unwrap().transcript.cues.len(), 4);
        assert!(reader.bytes < 5_000 && bytes.len() > 80_000, "{name}: {} bytes of {}", reader.bytes, bytes.len());
    }
}

/// A film of 40 ms with a subtitle track.
fn with_texts(texts: &[u8], blocks: &[Vec<u8>]) -> Vec<u8> {
    let tracks = [track("V_MJPEG", &[]), texts.to_vec()].concat();
    film(&tracks, &[cluster(1_000, &[&[simple(0, 0x80, &[1; 9])], blocks].concat())])
}

fn ours_and_theirs(bytes: &[u8]) -> (Vec<Told>, Vec<Told>) {
    let file = tempfile::Builder::new().suffix(".mkv").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    (read(&open(bytes).subtitles[0], bytes), extracted(file.path(), 0).unwrap())
}

#[test]
fn compressed_and_stripped_packets_are_put_together() {
    let compression = |more: &[Vec<u8>]| encoding(&[element(0x5034, &more.concat())]);
    let zlib = text_track("S_TEXT/UTF8", &[compression(&[])]);
    let packed = |text: &str| compress_to_vec_zlib(text.as_bytes(), 6);
    let blocks = [text_block(0, 700, &packed("One <i>word</i>")), text_block(800, 200, &packed(&"long ".repeat(300)))];
    let (ours, theirs) = ours_and_theirs(&with_texts(&zlib, &blocks));
    assert_eq!((ours.len(), &ours), (2, &theirs));
    assert_eq!(ours[0], (1_000_000, 1_700_000, "One word".to_owned()));
    let settings = [number(0x4254, 3), element(0x4255, b"One ")];
    let stripped = text_track("S_TEXT/UTF8", &[compression(&settings)]);
    let (ours, theirs) =
        ours_and_theirs(&with_texts(&stripped, &[text_block(0, 700, b"word"), text_block(800, 1, b"two")]));
    assert_eq!(ours, theirs);
    assert_eq!(ours[1], (1_800_000, 1_801_000, "One two".to_owned()));
}

#[test]
fn web_vtt_stands_in_matroska_in_two_ways() {
    let newer = with_texts(&text_track("S_TEXT/WEBVTT", &[]), &[text_block(0, 700, b"<v Anna>a &lt; b")]);
    assert_eq!(read(&open(&newer).subtitles[0], &newer), [(1_000_000, 1_700_000, "Anna: a < b".to_owned())]);
    // WebM's tracks of metadata, which are no subtitles by their type.
    let entry = element(0xAE, &[number(0xD7, 2), number(0x83, 33), text(0x86, "D_WEBVTT/CAPTIONS")].concat());
    let older = with_texts(&entry, &[text_block(0, 700, b"name\nline:0\none\ntwo")]);
    assert_eq!(read(&open(&older).subtitles[0], &older), [(1_000_000, 1_700_000, "one\ntwo".to_owned())]);
}

#[test]
fn a_block_that_tells_no_length_lasts_until_the_next() {
    let texts = text_track("S_TEXT/ASCII", &[]);
    let bare = |time: i16, text: &[u8]| element(0xA3, &[&[0x82][..], &time.to_be_bytes(), &[0x80], text].concat());
    let film = with_texts(&texts, &[bare(0, b"one"), bare(1_500, b"two")]);
    let told = read(&open(&film).subtitles[0], &film);
    assert_eq!(
        told.iter().map(|cue| (cue.0, cue.1)).collect::<Vec<_>>(),
        [(1_000_000, 2_500_000), (2_500_000, 4_500_000)]
    );
}

fn vtt_cue(text: &str) -> Vec<u8> {
    boxed(b"vttc", &[boxed(b"iden", b"x"), boxed(b"payl", text.as_bytes())].concat())
}

#[test]
fn cues_of_web_vtt_in_mp4_last_through_all_samples_that_repeat_them() {
    let entry = boxed(b"wvtt", &[&ENTRY[..], &boxed(b"vttC", b"WEBVTT")].concat());
    let both = [vtt_cue("<i>one</i>"), vtt_cue("two &amp; more")].concat();
    let nothing = boxed(b"vtte", &[]);
    let film = text_film(
        b"text",
        &entry,
        &[
            (500, &nothing),
            (1_001, &vtt_cue("<i>one</i>")),
            (999, &both),
            (500, &vtt_cue("two &amp; more")),
            (10, &nothing),
        ],
    );
    let movie = open(&film);
    assert_eq!((movie.subtitles[0].codec.name.as_str(), movie.subtitles[0].language.as_deref()), ("WebVTT", None));
    let told = read(&movie.subtitles[0], &film);
    assert_eq!(told, [(500_000, 2_500_000, "one".to_owned()), (1_501_000, 3_000_000, "two & more".to_owned())]);
}

#[test]
fn images_and_protected_texts_are_refused_by_name() {
    let refused = |bytes: &[u8]| open(bytes).subtitles[0].read(&mut Cursor::new(bytes)).unwrap_err();
    let images = with_texts(&text_track("S_HDMV/PGS", &[]), &[text_block(0, 700, &[0x16; 40])]);
    assert!(!open(&images).subtitles[0].is_text());
    let error = refused(&images);
    assert!(matches!(&error, SubtitleError::NotText { track: 2, .. }) && error.to_string().contains("PGS"), "{error}");
    let lzo = with_texts(&text_track("S_TEXT/UTF8", &[encoding(&[element(0x5034, &number(0x4254, 2))])]), &[]);
    assert!(matches!(refused(&lzo), SubtitleError::Compressed { .. }));
    let aes = encoding(&[number(0x5033, 1), element(0x5035, &number(0x47E1, 5))]);
    let error = refused(&with_texts(&text_track("S_TEXT/UTF8", &[aes]), &[text_block(0, 700, b"x")]));
    assert!(matches!(&error, SubtitleError::Encrypted { scheme, .. } if scheme == "AES"), "{error}");
    let scheme = boxed(b"schm", b"\0\0\0\0cbcs\0\x01\0\0");
    let protection = boxed(b"sinf", &[boxed(b"frma", b"tx3g"), scheme].concat());
    let film = text_film(b"sbtl", &boxed(b"enct", &[&ENTRY[..], &[0; 30], &protection].concat()), &[(500, b"\0\x01x")]);
    assert_eq!(open(&film).subtitles[0].codec.name, "3GPP timed text");
    assert!(matches!(refused(&film), SubtitleError::Encrypted { scheme, .. } if scheme == "cbcs"));
    let empty = with_texts(&text_track("S_TEXT/UTF8", &[]), &[text_block(0, 700, b" ")]);
    let error = refused(&empty);
    assert!(matches!(error, SubtitleError::Empty { .. }), "{error}");
    assert_eq!(error.to_string(), "track 2 holds no subtitles that can be read (it holds none); choose another track");
}

#[test]
fn what_is_damaged_is_left_out_and_told_by_its_packet() {
    let zlib = text_track("S_TEXT/UTF8", &[encoding(&[element(0x5034, &[])])]);
    let good = compress_to_vec_zlib(b"good", 6);
    let film =
        with_texts(&zlib, &[text_block(0, 700, &good), text_block(800, 100, b"no zlib"), text_block(900, 100, &good)]);
    let reading = open(&film).subtitles[0].read(&mut Cursor::new(&film)).unwrap();
    assert_eq!(cues(&reading).len(), 2);
    assert_eq!(reading.warnings.iter().map(|w| (w.line, w.damage)).collect::<Vec<_>>(), [(2, Damage::Text)]);
    // A file that has lost its end since it was opened.
    let movie = open(&film);
    let reading = movie.subtitles[0].read(&mut Cursor::new(&film[..film.len() - 30])).unwrap();
    assert_eq!((cues(&reading).len(), reading.warnings.len()), (1, 2));
}

#[test]
fn a_track_of_more_text_than_any_film_has_is_refused_without_unfolding_it() {
    let zlib = text_track("S_TEXT/UTF8", &[encoding(&[element(0x5034, &[])])]);
    let bomb = compress_to_vec_zlib(&vec![b'a'; 3 << 20], 9);
    let blocks: Vec<_> = (0..4).map(|n| text_block(n * 10, 10, &bomb)).collect();
    let film = with_texts(&zlib, &blocks);
    assert!(film.len() < 20_000, "{}", film.len());
    let error = open(&film).subtitles[0].read(&mut Cursor::new(&film)).unwrap_err();
    assert!(matches!(error, SubtitleError::TooLarge { track: 2, .. }), "{error}");
    // What is broken at its end has been unfolded all the same.
    let mut broken = bomb;
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let blocks: Vec<_> = (0..4).map(|n| text_block(n * 10, 10, &broken)).collect();
    let film = with_texts(&zlib, &blocks);
    assert!(matches!(open(&film).subtitles[0].read(&mut Cursor::new(&film)), Err(SubtitleError::TooLarge { .. })));
    let many: Vec<_> = (0..60_000_u64).map(|n| cluster(n, &[text_block(0, 1, b"x")])).collect();
    let film = film_of_texts(&many);
    let error = open(&film).subtitles[0].read(&mut Cursor::new(&film)).unwrap_err();
    assert!(matches!(error, SubtitleError::TooManyCues { limit: 50_000, .. }), "{error}");
}

fn film_of_texts(clusters: &[Vec<u8>]) -> Vec<u8> {
    film(&text_track("S_TEXT/UTF8", &[]), clusters)
}

#[test]
fn many_texts_hide_no_picture() {
    // One size for all texts, and more of them than the file has bytes; the pictures come behind.
    let texts =
        text_film(b"sbtl", &boxed(b"tx3g", &[&ENTRY[..], &[0; 30]].concat()), &[(40, b"\0\x01x"), (40, b"\0\x01y")]);
    let at = common::find(&texts, b"stsz");
    let mut claims = texts.clone();
    claims[at + 8..at + 12].copy_from_slice(&1_u32.to_be_bytes());
    claims[at + 12..at + 16].copy_from_slice(&0x00FF_FFFF_u32.to_be_bytes());
    let movie = open(&claims);
    assert!(movie.subtitles.is_empty());
    assert!(movie.warnings[0].to_string().contains("left out"), "{:?}", movie.warnings);
    assert_eq!(read(&open(&texts).subtitles[0], &texts).len(), 2);
    assert!(corpus().join("tx3g.mp4").exists());
}
