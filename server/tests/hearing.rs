//! What is said in a video, transcribed over the wire: from a file of the server and from sound that a page sends. The model is the golden
//! one of `crates/speech`: real in everything but what it learned, so texts are nonsense and times are not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Answer, Server, eventually, repository};
use serde_json::{Value, json};

fn ffmpeg(arguments: &[&str], output: &Path) {
    let made = Command::new("ffmpeg").args(["-nostdin", "-v", "error", "-y"]).args(arguments).arg(output).status();
    assert!(made.unwrap().success(), "{arguments:?}");
}

/// A clip whose sound is a warble between two seconds and the end, in a track that begins there.
fn clip(folder: &Path) {
    let pictures = ["-f", "lavfi", "-i", "testsrc=duration=6:size=64x48:rate=4"];
    let sound = ["-itsoffset", "2", "-f", "lavfi", "-i", "aevalsrc=0.4*sin(880*t)*sin(9*t):d=4:s=44100"];
    let how = ["-c:v", "libx264", "-c:a", "aac", "-map", "0:v", "-map", "1:a"];
    ffmpeg(&[&pictures[..], &sound, &how].concat(), &folder.join("clip.mkv"));
}

/// The sound of the clip as a page would send it: little-endian, 16 bits, silent where the track has not begun.
fn samples(folder: &Path) -> Vec<u8> {
    let (clip, raw) = (folder.join("clip.mkv"), folder.join("clip.s16"));
    let how = ["-af", "aresample=16000:async=1:first_pts=0", "-ac", "1", "-f", "s16le"];
    ffmpeg(&[&["-copyts", "-i", clip.to_str().unwrap(), "-vn"], &how[..]].concat(), &raw);
    fs::read(raw).unwrap()
}

fn server(folder: &Path, films: &Path) -> Server {
    let model = repository().join("crates/speech/tests/golden").canonicalize().unwrap();
    let roots = ["--ingest-roots", films.to_str().unwrap()];
    Server::start_with(folder, &[&roots[..], &["--speech-model", model.to_str().unwrap()]].concat())
}

fn hear(server: &Server, video: &str, at: usize, samples: &[u8], last: bool) -> Answer {
    let body = postcard::to_allocvec(&(video, at as u64, samples, last)).unwrap();
    server.send("POST", "/api/hear", "Content-Type: application/x-postcard\r\n", &body)
}

/// Sends a piece as a page does: again, when no room came for it on a busy machine.
fn put(server: &Server, video: &str, at: usize, samples: &[u8], last: bool) -> Value {
    let send = || hear(server, video, at, samples, last).json();
    std::iter::repeat_with(send).take(20).find(|next| *next != json!(at) || samples.is_empty()).unwrap_or_default()
}

/// Follows until it is over.
fn outcome(server: &Server, video: &str) -> Value {
    server.call("hearing", json!({ "video": video })).events().last().cloned().unwrap_or_default()
}

/// Times and texts of the transcript of what was said.
fn said(server: &Server, video: &str) -> Vec<(i64, i64, String)> {
    let there = server.call("list_transcripts", json!({ "video": video })).json();
    assert_eq!((there.as_array().unwrap().len(), there[0]["name"].as_str()), (1, Some("speech.json")));
    let cues = server.call("list_cues", json!({ "video": video, "transcript": there[0]["id"] })).json();
    let cue = |record: &Value| {
        let span = &record["cue"]["span"];
        let text = record["cue"]["text"].as_str().unwrap().to_owned();
        (span["start"].as_i64().unwrap(), span["end"].as_i64().unwrap(), text)
    };
    cues.as_array().unwrap().iter().map(cue).collect()
}

#[test]
fn a_file_of_the_server_and_the_same_sound_in_pieces_give_the_same_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let films = folder.path().join("films");
    fs::create_dir(&films).unwrap();
    clip(&films);
    let server = server(folder.path(), &films);
    let opened = server.call("open_server_file", json!({ "folder": 0, "path": "clip.mkv" })).json();
    let mut info = Value::Null;
    eventually(|| {
        let lists = server.call("ingests", json!({})).events();
        info = lists.last().unwrap().as_array().unwrap().iter().find(|i| i["id"] == opened["id"]).unwrap().clone();
        info["state"]["state"] == "done"
    });
    let video = info["video"].as_str().unwrap();
    let idle = outcome(&server, video);
    assert_eq!((idle["state"].as_str(), &idle["has_file"]), (Some("idle"), &json!(true)));
    assert_eq!(server.call("begin_hearing", json!({ "video": video })).status, 200);
    let done = outcome(&server, video);
    assert_eq!((done["state"].as_str(), &done["heard"]), (Some("done"), &done["duration"]), "{done}");
    let own = said(&server, video);
    assert_eq!(done["cues"], own.len());
    assert!(!own.is_empty());
    for (start, end, _) in &own {
        assert!((1_700_000..=6_400_000).contains(start) && start <= end && *end <= 6_400_000, "{own:?}");
    }

    // In pieces of a second; one twice, one too early.
    let (sound, other) = (samples(&films), server.create());
    assert_eq!(server.call("begin_hearing", json!({ "video": other })).status, 200);
    let pieces: Vec<_> = sound.chunks(32_000).collect();
    for (number, piece) in pieces.iter().enumerate() {
        let at = number * 16_000;
        assert_eq!(hear(&server, &other, at + 16_000, piece, false).json(), at, "one that is too early");
        let next = at + piece.len() / 2;
        assert_eq!(put(&server, &other, at, piece, number + 1 == pieces.len()), next);
        if number + 1 < pieces.len() {
            assert_eq!(hear(&server, &other, at, piece, false).json(), next, "one that came before");
        }
    }
    let done = outcome(&server, &other);
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(said(&server, &other), own);
}

#[test]
fn it_can_be_stopped_and_begun_anew_and_goes_with_its_video() {
    let folder = tempfile::tempdir().unwrap();
    clip(folder.path());
    let server = server(folder.path(), folder.path());
    let (sound, video) = (samples(folder.path()), server.create());
    let begin = || server.call("begin_hearing", json!({ "video": video }));
    assert_eq!(begin().status, 200);
    assert_eq!(hear(&server, &video, 0, &sound[..32_000], false).json(), 16_000);
    assert_eq!(server.call("cancel_hearing", json!({ "video": video })).status, 200);
    assert_eq!(outcome(&server, &video)["state"], "cancelled");
    let told = |answer: Answer| (answer.status, answer.json()["cause"].as_str().unwrap_or_default().to_owned());
    assert_eq!(told(hear(&server, &video, 16_000, &sound[..2], false)), (404, "unknown".into()));
    assert_eq!(told(server.call("cancel_hearing", json!({ "video": video }))), (404, "unknown".into()));
    // Begun anew, while another waits for its turn. To begin what is under way changes nothing; where to go on is told to who asks.
    assert_eq!(begin().status, 200);
    assert_eq!(hear(&server, &video, 0, &sound[..32_000], false).json(), 16_000);
    assert_eq!(begin().status, 200);
    assert_eq!(hear(&server, &video, usize::MAX, &[], false).json(), 16_000);
    let second = server.create();
    assert_eq!(server.call("begin_hearing", json!({ "video": second })).status, 200);
    assert_eq!(put(&server, &video, 16_000, &sound[32_000..], true), sound.len() / 2);
    assert_eq!(outcome(&server, &video)["state"], "done");
    assert!(!said(&server, &video).is_empty());
    assert_eq!(server.call("delete_video", json!({ "video": second })).status, 200);
    assert_eq!(server.call("hearing", json!({ "video": second })).code(), "unknown_video");
    // Half a sample, and more than a piece may have.
    assert_eq!(begin().status, 200);
    assert_eq!(told(hear(&server, &video, 0, &sound[..3], false)), (413, "bad_piece".into()));
    assert_eq!(hear(&server, &video, 0, &vec![0; 2_000_000], false).status, 413);
    // What was heard before goes on to answer until there is something else.
    assert!(!said(&server, &video).is_empty());
}

#[test]
fn a_server_that_was_killed_goes_on_behind_what_the_transcript_holds() {
    let folder = tempfile::tempdir().unwrap();
    clip(folder.path());
    let first = server(folder.path(), folder.path());
    // Speech, silence in which a window ends, and speech again.
    let warble = samples(folder.path());
    let sound = [&warble[..], &vec![0; 6 * 32_000][..], &warble].concat();
    let video = first.create();
    let begin = |server: &Server| assert_eq!(server.call("begin_hearing", json!({ "video": video })).status, 200);
    begin(&first);
    let half = warble.len() + 6 * 32_000;
    assert_eq!(hear(&first, &video, 0, &sound[..half], false).json(), half / 2);
    let mut before = Vec::new();
    eventually(|| {
        let there = first.call("list_transcripts", json!({ "video": video })).json();
        let is_kept = there.as_array().is_some_and(|all| all.iter().any(|one| one["heard"].as_i64() > Some(0)));
        if is_kept {
            before = said(&first, &video);
        }
        is_kept
    });
    first.signal("-9");
    drop(first);
    let second = server(folder.path(), folder.path());
    let info = outcome(&second, &video);
    begin(&second);
    let heard = info["heard"].as_i64().unwrap();
    assert!((5_000_000..=12_000_000).contains(&heard), "{info}");
    assert_eq!(info["cues"], before.len());
    let from = hear(&second, &video, usize::MAX, &[], false).json().as_u64().unwrap();
    assert_eq!(from, (heard as u64 * 16).div_ceil(1_000));
    assert_eq!(hear(&second, &video, from as usize, &sound[from as usize * 2..], true).json(), sound.len() / 2);
    assert_eq!(outcome(&second, &video)["state"], "done");
    let all = said(&second, &video);
    assert_eq!(all[..before.len()], before);
    assert!(all.len() > before.len() && all[before.len()..].iter().all(|cue| cue.0 >= heard), "{all:?}");
    let there = second.call("list_transcripts", json!({ "video": video })).json();
    assert_eq!(there[0]["heard"], Value::Null);
}

#[test]
fn without_a_speech_model_or_a_file_it_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Server::start(folder.path());
    let video = plain.create();
    let idle = outcome(&plain, &video);
    assert_eq!((idle["state"].as_str(), &idle["has_file"]), (Some("idle"), &json!(false)));
    let refused = plain.call("begin_hearing", json!({ "video": video }));
    assert_eq!((refused.status, &refused.json()["cause"]), (409, &json!("no_model")));
    assert!(refused.json()["message"].as_str().unwrap().contains("timepin pull openai/whisper-base"));
    drop(plain);
    let server = server(folder.path(), folder.path());
    assert_eq!(server.call("begin_hearing", json!({ "video": "nobody" })).code(), "unknown_video");
}
