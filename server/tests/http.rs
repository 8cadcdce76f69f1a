//! What comes over the wire: answers, refusals with their codes, limits, headers, durability, an orderly end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use common::{Answer, Server, eventually, frames, png};
use serde_json::json;
use timeline::{FrameIn, Timestamp};

#[test]
fn frames_become_an_index_and_questions_answers() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    assert_eq!(server.get("/healthz").text(), "ok\n");
    let model = server.call("model_info", json!({})).json();
    assert_eq!((model["name"].as_str(), model["demo"].as_bool()), (Some("timepin-tiny"), Some(true)));

    let video = server.create();
    assert_eq!(server.append(&video, &frames(0..5)).status, 200);
    assert_eq!(server.append(&video, &frames(3..8)).status, 200);
    assert_eq!(server.call("finish_video", json!({ "video": video })).status, 200);
    eventually(|| server.call("get_video", json!({ "video": video })).json()["state"] == "ready");
    let about = server.call("get_video", json!({ "video": video })).json();
    assert_eq!((about["frames"].as_u64(), about["segments"].as_u64()), (Some(8), Some(4)));

    let answer = server.call("ask", json!({ "video": video, "question": "What is shown at 00:01?" }));
    let events = answer.events();
    assert_eq!(events[0]["type"], "started");
    assert_eq!(events.last().unwrap()["type"], "done", "{events:?}");
    assert!(answer.header("content-encoding").is_none());
    let again = server.call("ask", json!({ "video": video, "question": "And at 00:02?" })).events();
    assert!(again.last().unwrap()["usage"]["kept_tokens"].as_u64() > Some(0), "{again:?}");
    let records = server.call("list_questions", json!({ "video": video })).json();
    assert_eq!(records.as_array().map(Vec::len), Some(2));

    let picture = server.get(&format!("/frames/{video}/1700000"));
    assert_eq!((picture.status, picture.body), (200, png(27)));
    assert!(picture.head.contains("content-type: image/png") && picture.head.contains("immutable"));
    assert_eq!(server.call("delete_video", json!({ "video": video })).status, 200);
    assert_eq!(server.get(&format!("/frames/{video}/0")).status, 404);
}

#[test]
fn every_wrong_request_is_told_by_its_code_and_leaves_the_rest_working() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let video = server.create();
    let told = |answer: Answer| (answer.status, answer.code());
    let ask = |video: &str, question: &str| told(server.call("ask", json!({ "video": video, "question": question })));
    assert_eq!(ask(&video, "when?"), (409, "no_frames".into()));
    assert_eq!(ask(&video, " "), (422, "empty_question".into()));
    assert_eq!(ask(&video, &"x".repeat(100_000)).1, "question_too_long");
    assert_eq!(ask("nobody", "when?"), (404, "unknown_video".into()));
    assert_eq!(told(server.append("nobody", &frames(0..1))), (404, "unknown_video".into()));
    let text = FrameIn { pts: Timestamp::from_millis(1500), bytes: b"#!/bin/sh".to_vec() };
    let refused = server.append(&video, &[text]);
    assert_eq!(
        (refused.status, refused.code(), refused.json()["pts_us"].as_i64()),
        (422, "not_an_image".into(), Some(1_500_000))
    );
    let garbage = server.send("POST", "/api/append_frames", "Content-Type: application/x-postcard\r\n", &[0xff; 40]);
    assert_eq!((garbage.status, garbage.code()), (400, "bad_request".into()));
    let garbage = server.send("POST", "/api/ask", "Content-Type: application/json\r\n", b"{");
    assert_eq!((garbage.status, garbage.code()), (400, "bad_request".into()));
    assert_eq!(server.get("/api/nothing").status, 400);
    assert_eq!(server.get("/frames/nobody/0").status, 404);
    assert_eq!(server.get("/frames/nobody/soon").status, 400);
    // After all that, a good request is answered.
    assert_eq!(server.append(&video, &frames(0..2)).status, 200);
    assert_eq!(
        server.call("ask", json!({ "video": video, "question": "when?" })).events().last().unwrap()["type"],
        "done"
    );
}

#[test]
fn subtitles_are_taken_in_found_corrected_and_downloaded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let video = server.create();
    assert_eq!(server.append(&video, &frames(0..8)).status, 200);
    assert_eq!(server.call("finish_video", json!({ "video": video })).status, 200);
    let file = "1\n00:00:01,000 --> 00:00:02,500\n今天讲梯度下降\n\n2\n00:00:03.000 --> 00:00:03,500\nBye\n";
    let receipt = server.put_transcript(&video, "讲座.zh.srt", file.as_bytes()).json();
    assert_eq!((receipt["format"].as_str(), receipt["info"]["language"].as_str()), (Some("srt"), Some("zh")));
    assert_eq!(receipt["warnings"], json!([{ "line": 6, "damage": "time_form" }]));
    let id = receipt["info"]["id"].as_i64().unwrap();

    let events = server.call("ask", json!({ "video": video, "question": "第几分钟提到梯度下降？" })).events();
    assert_eq!(events[1]["type"], "found", "{events:?}");
    assert_eq!(events[1]["evidence"][0]["span"], json!({ "start": 1_000_000, "end": 2_500_000 }));
    assert_eq!(events.last().unwrap()["type"], "done");

    let of = json!({ "video": video, "transcript": id });
    let cue = server.call("list_cues", of.clone()).json()[1]["id"].as_i64().unwrap();
    let edit = json!({ "video": video, "transcript": id, "cue": cue, "text": "Good <bye>" });
    assert_eq!(server.call("edit_cue", edit).json(), "Good <bye>");
    let later = json!({ "video": video, "transcript": id, "by": { "offset": 250_000, "above": 1, "below": 1 } });
    assert_eq!(server.call("retime_transcript", later).status, 200);
    let download = server.get(&format!("/transcripts/{video}/{id}.vtt"));
    assert_eq!(
        download.text(),
        "WEBVTT\nLanguage: zh\n\n00:00:01.250 --> 00:00:02.750\n今天讲梯度下降\n\n00:00:03.250 --> 00:00:03.750\nGood &lt;bye&gt;\n"
    );
    assert!(download.head.contains("attachment; filename*=utf-8''%e8%ae%b2%e5%ba%a7.zh.vtt"), "{}", download.head);

    let told = |answer: Answer| (answer.status, answer.code());
    assert_eq!(told(server.put_transcript(&video, "x.srt", b"Dear reader")), (422, "subtitles".into()));
    assert_eq!(told(server.put_transcript("nobody", "x.srt", file.as_bytes())), (404, "unknown_video".into()));
    assert_eq!(server.get(&format!("/transcripts/{video}/{}.srt", id + 1)).status, 404);
    assert_eq!(server.get(&format!("/transcripts/{video}/{id}.exe")).status, 404);
    assert_eq!(server.call("delete_transcript", of.clone()).status, 200);
    assert_eq!(told(server.call("list_cues", of)), (404, "unknown_transcript".into()));
}

#[test]
fn every_page_arrives_however_many_ask_for_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let video = server.create();
    let pages = [
        ("/".to_owned(), 200, "<title>Timepin</title>"),
        ("/models".into(), 200, "<title>Models · Timepin</title>"),
        (format!("/v/{video}"), 200, " · Timepin</title>"),
        ("/v/00000000-0000-7000-8000-000000000000".into(), 404, " · Timepin</title>"),
        ("/nowhere".into(), 404, "<title>404 · Timepin</title>"),
    ];
    std::thread::scope(|readers| {
        for _ in 0..8 {
            readers.spawn(|| {
                for (path, status, title) in pages.iter().cycle().take(100) {
                    let page = server.get(path);
                    assert_eq!(page.status, *status, "{path}");
                    assert!(page.text().contains(title), "{path}: {}", page.text());
                }
            });
        }
    });
}

#[test]
fn a_body_of_a_gigabyte_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for path in ["/api/append_frames", "/api/append_overview", "/api/put_transcript", "/api/ask"] {
        let mut stream = server.connect();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n"
        )
        .unwrap();
        let begun = Instant::now();
        let refused = Answer::read(&mut stream);
        assert_eq!((refused.status, refused.code()), (413, "body_too_large".into()));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    // One that does not say how long it is: cut off at the limit.
    let mut stream = server.connect();
    write!(stream, "POST /api/ask HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    for _ in 0..8 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    let refused = Answer::read(&mut stream);
    assert_eq!((refused.status, refused.code()), (413, "body_too_large".into()));
}

#[test]
fn the_page_is_rendered_and_protected_and_a_wrong_path_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<html"), "{}", page.text());
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("'nonce-") && policy.contains("'wasm-unsafe-eval'") && !policy.contains("'unsafe-eval'"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert!(page.header("access-control-allow-origin").is_none());
    assert_eq!(server.get("/no/such/page").status, 404);
    let packed = server.send("GET", "/", "Accept-Encoding: br, gzip\r\n", b"");
    assert_eq!(packed.header("content-encoding"), Some("br"));
}

#[test]
fn other_origins_are_let_in_only_when_the_settings_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--cors-origins", "https://page.example"]);
    let from = |origin: &str| {
        let headers = format!("Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n");
        let answer = server.send("OPTIONS", "/api/ask", &headers, b"");
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(from("https://page.example").as_deref(), Some("https://page.example"));
    assert_eq!(from("https://other.example"), None);
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_a_second_server_is_refused_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let video = server.create();
    assert_eq!(server.append(&video, &frames(0..5)).status, 200);
    let second = common::timepin(folder.path()).args(["--address", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another timepin"));
    server.signal("-KILL");
    server.child.wait().unwrap();

    let server = Server::start(folder.path());
    let about = server.call("get_video", json!({ "video": video })).json();
    assert_eq!((about["frames"].as_u64(), about["state"].as_str()), (Some(5), Some("receiving")));
    assert_eq!(server.append(&video, &frames(3..8)).status, 200);
    server.call("finish_video", json!({ "video": video }));
    eventually(|| server.call("get_video", json!({ "video": video })).json()["segments"] == 4);
}

#[test]
fn a_page_that_goes_away_stops_the_work_and_the_page_stays_responsive_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let video = server.create();
    server.append(&video, &frames(0..8));
    server.call("finish_video", json!({ "video": video }));
    let body = json!({ "video": video, "question": "List the events." }).to_string();
    let mut stream = server.connect();
    write!(
        stream,
        "POST /api/ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"started\"")));
    let begun = Instant::now();
    assert_eq!(server.get("/healthz").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop(lines);
    drop(stream);
    let next = server.call("ask", json!({ "video": video, "question": "What is shown?" })).events();
    assert_eq!(next.last().unwrap()["type"], "done");
}

#[test]
fn a_signal_ends_streams_and_the_process_within_five_seconds() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(folder.path());
        let video = server.create();
        let body = json!({ "video": video }).to_string();
        let mut stream = server.connect();
        write!(stream, "POST /api/progress HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert!(lines.any(|line| line.unwrap().contains("\"snapshot\"")));
        let begun = Instant::now();
        server.signal(signal);
        let status = server.child.wait().unwrap();
        assert!(status.success() && begun.elapsed() < Duration::from_secs(5), "{status} after {:?}", begun.elapsed());
    }
}

#[test]
fn a_taken_port_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = common::timepin(folder.path()).args(["--address", &address]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&address) && said.contains("--address"), "{said}");
}
