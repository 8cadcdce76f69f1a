//! `/v1` over the wire, and a second Timepin that has no model and asks the first one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod common;

use std::io::Write;
use std::ops::Range;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Answer, Server, eventually, frames, repository, timepin};
use serde_json::{Value, json};

const QUESTION: &str = "What is shown at 00:01?";

/// Frames as parts of a message, then the question.
fn content(numbers: Range<u8>, question: &str) -> Value {
    let mut parts = Vec::new();
    for frame in frames(numbers) {
        let url = format!("data:image/png;base64,{}", STANDARD.encode(&frame.bytes));
        parts.push(json!({ "type": "text", "text": format!("<{:.1} seconds>", frame.pts.seconds()) }));
        parts.push(json!({ "type": "image_url", "image_url": { "url": url } }));
    }
    parts.push(json!({ "type": "text", "text": question }));
    Value::from(parts)
}

fn chat(server: &Server, mut request: Value, content: Value, headers: &str) -> Answer {
    request["messages"] = json!([{ "role": "user", "content": content }]);
    let headers = format!("Content-Type: application/json\r\n{headers}");
    server.send("POST", "/v1/chat/completions", &headers, request.to_string().as_bytes())
}

/// The data of every event.
fn data(answer: &Answer) -> Vec<String> {
    answer.text().lines().filter_map(|line| line.strip_prefix("data: ").map(str::to_owned)).collect()
}

/// A video of eight frames in the library of a server.
fn video(server: &Server) -> String {
    // As large as its frames: of frames in a request nothing else is known.
    let about = json!({
        "title": "clip.mp4", "file_bytes": 9, "duration": 4_000_000, "width": 32, "height": 18, "codec": "avc1",
        "planned_frames": 8,
    });
    let video = server.call("create_video", json!({ "video": about })).json().as_str().unwrap().to_owned();
    assert_eq!(server.append(&video, &frames(0..8)).status, 200);
    assert_eq!(server.call("finish_video", json!({ "video": video })).status, 200);
    video
}

/// The text and the last event of an answer to the page.
fn ask(server: &Server, video: &str, question: &str) -> (String, Value) {
    let events = server.call("ask", json!({ "video": video, "question": question })).events();
    let text = events.iter().filter(|event| event["type"] == "token").map(|event| event["text"].as_str().unwrap());
    (text.collect(), events.last().unwrap().clone())
}

#[test]
fn frames_in_a_request_are_answered_as_the_same_frames_in_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let video = video(&server);
    let (expected, done) = ask(&server, &video, QUESTION);
    assert!(!expected.is_empty());

    let whole = chat(&server, json!({}), content(0..8, QUESTION), "");
    assert_eq!((whole.status, whole.header("cache-control")), (200, Some("no-store")), "{}", whole.text());
    let whole = whole.json();
    assert_eq!(
        (whole["object"].as_str(), whole["choices"][0]["finish_reason"].as_str()),
        (Some("chat.completion"), Some("stop"))
    );
    assert_eq!(whole["choices"][0]["message"]["content"], expected.as_str());
    assert_eq!(whole["usage"]["prompt_tokens"], done["usage"]["prompt_tokens"]);
    assert_eq!(whole["timepin"]["segments"], json!({ "shown": 4, "all": 4 }));
    let pins = whole["timepin"]["pins"].as_array().unwrap();
    assert!(!pins.is_empty() && pins.iter().all(|pin| (0..=4_000_000).contains(&pin["at_us"].as_i64().unwrap())));
    for span in whole["timepin"]["spans"].as_array().unwrap() {
        let (from, to) = (span["from"].as_u64().unwrap() as usize, span["to"].as_u64().unwrap() as usize);
        assert_eq!(span["text"], expected[from..to]);
    }
    // The same frames again cost only the question; they are in no list.
    let again = chat(&server, json!({}), content(0..8, "And at 00:02?"), "").json();
    assert!(again["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64() > Some(50), "{again}");
    assert_eq!(server.call("list_videos", json!({})).json().as_array().map(Vec::len), Some(1));

    let named = chat(&server, json!({ "video": video, "model": "timepin-tiny" }), json!(QUESTION), "").json();
    assert_eq!(named["choices"][0]["message"]["content"], expected.as_str());
    assert_eq!(named["timepin"]["video"], video.as_str());
}

#[test]
fn a_stream_says_the_same_in_pieces_and_ends_with_what_only_timepin_knows() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let whole = chat(&server, json!({}), content(0..8, QUESTION), "").json();
    let request = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let answer = chat(&server, request, content(0..8, QUESTION), "");
    assert!(answer.header("content-type").unwrap().starts_with("text/event-stream"));
    let data = data(&answer);
    assert_eq!(data.last().map(String::as_str), Some("[DONE]"));
    let chunks: Vec<Value> = data[..data.len() - 1].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"]);
    let [finish, usage] = &chunks[chunks.len() - 2..] else { panic!() };
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(finish["timepin"], whole["timepin"]);
    assert_eq!(
        (usage["choices"].as_array().map(Vec::len), usage["usage"]["total_tokens"].as_u64()),
        (Some(0), whole["usage"]["total_tokens"].as_u64())
    );
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"]));

    let short = chat(&server, json!({ "max_tokens": 2 }), content(0..8, QUESTION), "").json();
    assert_eq!(
        (short["usage"]["completion_tokens"].as_u64(), short["choices"][0]["finish_reason"].as_str()),
        (Some(2), Some("length"))
    );
}

#[test]
fn what_cannot_be_answered_is_an_error_in_the_shape_clients_know() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--max-context-length", "256"]);
    let told = |request: Value, content: Value| {
        let answer = chat(&server, request, content, "");
        let error = answer.json()["error"].clone();
        assert!(error["message"].is_string() && error["type"].is_string(), "{error}");
        (answer.status, error["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(told(json!({ "model": "gpt" }), content(0..2, QUESTION)), (404, "model_not_found".into()));
    assert_eq!(told(json!({ "video": "nobody" }), json!(QUESTION)), (404, "unknown_video".into()));
    assert_eq!(told(json!({}), json!(QUESTION)), (400, "bad_request".into()));
    let text = json!([
        { "type": "text", "text": "<1.5 seconds>" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,IyEvYmluL3No" } },
        { "type": "text", "text": QUESTION },
    ]);
    assert_eq!(told(json!({}), text), (422, "not_an_image".into()));
    let long = "when? ".repeat(200);
    for stream in [false, true] {
        assert_eq!(told(json!({ "stream": stream }), content(0..2, &long)), (400, "context_length_exceeded".into()));
    }
    assert_eq!(server.send("POST", "/v1/chat/completions", "", b"{").json()["error"]["code"], "bad_request");
    for (method, path) in [("GET", "/v1/chat/completions"), ("POST", "/v1/embeddings"), ("GET", "/v1/files/x")] {
        let answer = server.send(method, path, "", b"");
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (404, Some("unknown_url")), "{path}");
    }
    let mut stream = server.connect();
    write!(stream, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n").unwrap();
    let refused = Answer::read(&mut stream);
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (413, Some("body_too_large")));
    assert_eq!(told(json!({ "stream": true, "video": "nobody" }), json!(QUESTION)).0, 404);
}

#[test]
fn with_a_key_only_those_who_show_it_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--api-key", "open-sesame"]);
    for headers in ["", "Authorization: Bearer wrong\r\n", "Authorization: open-sesame\r\n"] {
        let refused = chat(&server, json!({ "video": "v" }), json!(QUESTION), headers);
        assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (401, Some("invalid_api_key")));
        assert_eq!(server.send("GET", "/v1/models", headers, b"").status, 401);
    }
    let key = "Authorization: Bearer open-sesame\r\n";
    let models = server.send("GET", "/v1/models", key, b"").json();
    assert_eq!(
        (models["data"][0]["id"].as_str(), models["data"][0]["max_model_len"].as_u64()),
        (Some("timepin-tiny"), Some(32_768))
    );
    assert_eq!(chat(&server, json!({ "video": "v" }), json!(QUESTION), key).status, 404);
    // The page needs none.
    assert_eq!(server.call("model_info", json!({})).status, 200);
}

#[test]
fn a_second_timepin_without_a_model_answers_as_the_first_and_survives_its_end() {
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut model = Server::start_with(far.path(), &["--api-key", "open-sesame"]);
    let url = format!("http://{}/v1", model.address);
    let arguments = ["--backend-url", &url, "--backend-key", "open-sesame"];
    let front = Server::start_with(near.path(), &arguments);
    assert_eq!(front.call("model_info", json!({})).json(), model.call("model_info", json!({})).json());
    let (here, there) = (video(&front), video(&model));
    eventually(|| front.call("get_video", json!({ "video": here })).json()["state"] == "ready");
    for question in [QUESTION, "List the events.", "第 2 秒显示什么？"] {
        let ((local, _), (remote, done)) = (ask(&model, &there, question), ask(&front, &here, question));
        assert_eq!(remote, local);
        assert_eq!(done["type"], "done", "{done}");
        assert!(
            done["usage"]["prompt_tokens"].as_u64() > Some(50) && done["usage"]["answer_tokens"].as_u64() > Some(0)
        );
    }
    // Nothing was encoded, and no checkpoint unpacked, where there is no model.
    assert!(!near.path().join("data/models").exists());
    assert_eq!(std::fs::read_dir(near.path().join("data/segments")).unwrap().count(), 0);

    let wrong = timepin(tempfile::tempdir().unwrap().path()).args(["--backend-url", &url]).output();
    let said = String::from_utf8(wrong.unwrap().stderr).unwrap();
    assert!(said.contains("refuses the key; set backend_key"), "{said}");

    model.signal("-KILL");
    model.child.wait().unwrap();
    let (_, last) = ask(&front, &here, QUESTION);
    assert_eq!((last["type"].as_str(), last["code"].as_str()), (Some("error"), Some("backend_unreachable")), "{last}");
    assert_eq!(front.get("/healthz").status, 200);
}

#[test]
fn a_clip_is_answered_alike_with_the_model_here_and_on_another_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let clip = repository().join("end2end/fixtures/world-b.mp4").canonicalize().unwrap();
    let url = format!("http://{}/v1", server.address);
    let ask = |arguments: &[&str]| {
        let here = tempfile::tempdir().unwrap();
        let questions = ["When does the red circle appear?", "--question", "List the events.", "--json"];
        timepin(here.path()).arg("ask").arg(&clip).args(questions).args(arguments).output().unwrap()
    };
    let answers = |output: Output| -> Vec<(Value, Value)> {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).unwrap();
        let answers = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        answers.map(|answer| (answer["answer"].clone(), answer["spans"].clone())).collect()
    };
    let (local, remote) = (answers(ask(&[])), answers(ask(&["--backend-url", &url])));
    assert_eq!(local.len(), 2);
    assert_eq!(remote, local);
}
