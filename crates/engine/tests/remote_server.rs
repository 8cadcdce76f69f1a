//! A server instead of a model, on its good and on its bad days: what is asked of it, what is kept of an answer that
//! breaks off, and what the user is told to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod scripted;

use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use engine::{Engine, Secret, Server, Settings};
use futures::StreamExt;
use scripted::{Scripted, Step, end, head, send, status, word};
use timeline::events::Usage;
use timeline::{AnswerEvent, FrameIn, NewVideo, Timestamp, VideoId};

const SECOND: Duration = Duration::from_secs(1);

fn server(url: &str, seconds: u64) -> Server {
    Server { url: url.into(), model: None, key: None, timeout: Duration::from_secs(seconds) }
}

fn settings(data: &Path, server: Server) -> Settings {
    Settings { data_dir: data.to_owned(), server: Some(server), ..Settings::default() }
}

fn open(data: &Path, scripted: &Scripted) -> Engine {
    Engine::open(settings(data, server(&scripted.url, 2))).unwrap()
}

fn frame(n: u8) -> FrameIn {
    let mut bytes = Vec::new();
    let picture = image::RgbImage::from_pixel(64, 32, image::Rgb([n, 9, 40]));
    picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    FrameIn { pts: Timestamp::from_millis(i64::from(n) * 500), bytes }
}

/// A video of `count` frames, half a second apart.
async fn video(engine: &Engine, count: u8) -> VideoId {
    let about = NewVideo {
        title: "clip.mp4".into(),
        file_bytes: 1,
        duration: Timestamp::from_seconds(60.0),
        width: 64,
        height: 32,
        codec: "avc1".into(),
        planned_frames: u32::from(count),
    };
    let id = engine.create_video(about).await.unwrap();
    engine.append_frames(&id, (0..count).map(frame).collect()).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    id
}

/// The text, and how the answer ended: what it took, or the code and message of an error.
async fn ask(engine: &Engine, id: &VideoId) -> (String, Result<Usage, (String, String)>) {
    let mut events = Box::pin(engine.ask(id, "When?".into()).unwrap());
    let mut answer = String::new();
    while let Some(event) = events.next().await {
        match event {
            AnswerEvent::Token { text, .. } => answer.push_str(&text),
            AnswerEvent::Done { usage } => return (answer, Ok(usage)),
            AnswerEvent::Error { code, message, .. } => return (answer, Err((code, message))),
            _ => {}
        }
    }
    panic!("the stream ended without a last event");
}

/// What one question to a server with these scripts gives.
async fn answer(scripts: Vec<Vec<Step>>) -> (String, Result<Usage, (String, String)>, Vec<scripted::Asked>) {
    let folder = tempfile::tempdir().unwrap();
    let scripted = Scripted::start(scripts);
    let engine = open(folder.path(), &scripted);
    let id = video(&engine, 3).await;
    let (text, ended) = ask(&engine, &id).await;
    let kept = engine.questions(&id).await.unwrap().remove(0);
    assert_eq!((kept.answer.as_str(), kept.complete), (text.as_str(), ended.is_ok()));
    (text, ended, scripted.asked())
}

#[tokio::test]
async fn every_frame_is_sent_once_at_its_own_moment_and_the_question_last() {
    let folder = tempfile::tempdir().unwrap();
    let scripted = Scripted::start(vec![vec![head(), word("From 0.5 to "), word("1.0 seconds."), end()]]);
    let key = Some(Secret::new("tell-nobody"));
    let engine = Engine::open(settings(folder.path(), Server { key, ..server(&scripted.url, 5) })).unwrap();
    assert_eq!((engine.model().name.as_str(), engine.model().max_context), ("qwen", 8192));
    let id = video(&engine, 3).await;
    let (text, usage) = ask(&engine, &id).await;
    let usage = usage.unwrap();
    assert_eq!(text, "From 0.5 to 1.0 seconds.");
    assert_eq!((usage.prompt_tokens, usage.answer_tokens, usage.all_segments), (321, 12, 2));
    let record = engine.questions(&id).await.unwrap().remove(0);
    assert_eq!(record.spans.len(), 1);

    let asked = scripted.asked().remove(0);
    assert!(asked.head.to_lowercase().contains("authorization: bearer tell-nobody"), "{}", asked.head);
    assert_eq!((asked.body["model"].as_str(), asked.body["temperature"].as_f64()), (Some("qwen"), Some(0.0)));
    assert_eq!(asked.body["stream_options"]["include_usage"], true);
    let content = asked.body["messages"][0]["content"].as_array().unwrap();
    let words: Vec<_> = content.iter().filter_map(|part| part["text"].as_str()).collect();
    assert_eq!(words, ["<0.0 seconds>", "<0.5 seconds>", "<1.0 seconds>", "When?"]);
    let pictures = content.iter().filter_map(|part| part["image_url"]["url"].as_str());
    assert_eq!(pictures.filter(|url| url.starts_with("data:image/png;base64,")).count(), 3);
    assert_eq!(
        content.iter().map(|part| part["type"] == "text").collect::<Vec<_>>(),
        [true, false, true, false, true, false, true]
    );
    // Nothing is encoded, so nothing is kept in the cache of encoded segments.
    assert_eq!(std::fs::read_dir(folder.path().join("segments")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_when_the_engine_opens_and_when_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nowhere = settings(folder.path(), server(&format!("http://127.0.0.1:{port}"), 30));
    let error = tokio::task::spawn_blocking(|| Engine::open(nowhere)).await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.status()), ("backend_unreachable", 502));
    assert!(error.to_string().contains("start it, or correct backend_url"), "{error}");
    // One that hangs up without a word, each time.
    let (text, ended, asked) = answer(vec![vec![]]).await;
    assert_eq!((text.as_str(), ended.unwrap_err().0.as_str(), asked.len()), ("", "backend_slow", 3));
}

#[tokio::test]
async fn a_key_that_is_refused_and_a_model_that_is_not_there_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let scripted = Scripted::listing(status("401 Unauthorized", "", r#"{"error":{"message":"no"}}"#), vec![]);
    let error = Engine::open(settings(folder.path(), server(&scripted.url, 5))).unwrap_err();
    assert_eq!(error.code(), "backend_key");
    let two = status("200 OK", "", r#"{"data":[{"id":"a"},{"id":"b"}]}"#);
    let scripted = Scripted::listing(
        two,
        vec![vec![status("404 Not Found", "", r#"{"error":{"message":"The model `c` does not exist."}}"#)]],
    );
    let error = Engine::open(settings(folder.path(), server(&scripted.url, 5))).unwrap_err();
    assert_eq!(error.code(), "backend_model");
    assert!(error.to_string().contains("a, b"), "{error}");
    let named = Server { model: Some("c".into()), ..server(&scripted.url, 5) };
    let engine = Engine::open(settings(folder.path(), named)).unwrap();
    let id = video(&engine, 2).await;
    let (code, message) = ask(&engine, &id).await.1.unwrap_err();
    assert!(code == "backend_model" && message.contains("`c`"), "{message}");
    let (_, ended, asked) = answer(vec![vec![status("403 Forbidden", "", "")]]).await;
    assert_eq!((ended.unwrap_err().0.as_str(), asked.len()), ("backend_key", 1));
}

#[tokio::test]
async fn a_server_without_a_list_of_models_is_asked_for_the_model_that_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = || status("404 Not Found", "", r#"{"detail":"Not Found"}"#);
    let scripted = Scripted::listing(nothing(), vec![vec![head(), word("Yes."), end()]]);
    let error = Engine::open(settings(folder.path(), server(&scripted.url, 5))).unwrap_err();
    assert_eq!(error.code(), "backend_model");
    let named = Server { model: Some("any".into()), ..server(&scripted.url, 5) };
    let engine = Engine::open(settings(folder.path(), named)).unwrap();
    let id = video(&engine, 2).await;
    assert_eq!(ask(&engine, &id).await.0, "Yes.");
    assert_eq!(scripted.asked()[0].body["model"], "any");
}

#[tokio::test]
async fn a_first_word_that_does_not_come_in_time_is_told() {
    for script in [vec![Step::Pause(30 * SECOND)], vec![head(), Step::Pause(30 * SECOND)]] {
        let begun = Instant::now();
        let (text, ended, asked) = answer(vec![script]).await;
        let (code, message) = ended.unwrap_err();
        assert_eq!((text.as_str(), code.as_str(), asked.len()), ("", "backend_slow", 1));
        assert!(message.contains("2 s") && message.contains("the first word"), "{message}");
        assert!(begun.elapsed() < 5 * SECOND);
    }
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_kept_and_never_asked_for_again() {
    let half = || vec![head(), word("From 1.0 to "), word("2.5 seconds and ")];
    let stalls = [half(), vec![Step::Pause(30 * SECOND)]].concat();
    let (text, ended, asked) = answer(vec![stalls]).await;
    let (code, message) = ended.unwrap_err();
    assert_eq!((text.as_str(), code.as_str(), asked.len()), ("From 1.0 to 2.5 seconds and ", "backend_slow", 1));
    assert!(message.contains("the next word"), "{message}");

    let (text, ended, asked) = answer(vec![half()]).await;
    assert_eq!(
        (text.as_str(), ended.unwrap_err().0.as_str(), asked.len()),
        ("From 1.0 to 2.5 seconds and ", "backend_cut", 1)
    );

    // Half a chunk of a chunked body, then the end.
    let chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let Step::Send(event) = word("At 3 s") else { panic!() };
    let event = String::from_utf8(event).unwrap();
    let script = vec![send(chunked), send(format!("{:x}\r\n{event}\r\n40\r\ndata: {{\"choi", event.len()))];
    let (text, ended, _) = answer(vec![script]).await;
    assert_eq!((text.as_str(), ended.unwrap_err().0.as_str()), ("At 3 s", "backend_cut"));

    let failed =
        [half(), vec![send("data: {\"error\":{\"message\":\"CUDA out of memory\",\"code\":500}}\n\n")]].concat();
    let (text, ended, _) = answer(vec![failed]).await;
    let (code, message) = ended.unwrap_err();
    assert_eq!((text.as_str(), code.as_str()), ("From 1.0 to 2.5 seconds and ", "backend_cut"));
    assert!(message.contains("CUDA out of memory"), "{message}");
}

#[tokio::test]
async fn a_busy_server_is_left_alone_as_long_as_it_wishes_and_asked_again() {
    let busy = vec![status("429 Too Many Requests", "Retry-After: 1\r\n", r#"{"error":{"message":"slow down"}}"#)];
    let (text, ended, asked) = answer(vec![busy, vec![head(), word("At 2 s."), end()]]).await;
    assert!(ended.is_ok());
    assert_eq!((text.as_str(), asked.len()), ("At 2 s.", 2));
    assert!(asked[1].at - asked[0].at >= SECOND);
    // The whole prompt is there again.
    assert_eq!(asked[0].body, asked[1].body);

    let folder = tempfile::tempdir().unwrap();
    let scripted = Scripted::start(vec![vec![status("503 Service Unavailable", "", "warming up")]]);
    let engine = Engine::open(settings(folder.path(), server(&scripted.url, 30))).unwrap();
    let id = video(&engine, 2).await;
    let (code, message) = ask(&engine, &id).await.1.unwrap_err();
    assert!(code == "backend_busy" && message.contains("warming up"), "{message}");
    assert_eq!(scripted.asked().len(), 4);
}

#[tokio::test]
async fn what_is_no_answer_is_told_as_such() {
    let page = status("200 OK", "Content-Type: text/html\r\n", "<html>Welcome</html>");
    for script in
        [vec![page], vec![head(), send("data: {\"choices\": [{\"delta\": \n\n")], vec![head(), send("data: \u{1}\n\n")]]
    {
        let (text, ended, asked) = answer(vec![script]).await;
        let (code, message) = ended.unwrap_err();
        assert_eq!((text.as_str(), code.as_str(), asked.len()), ("", "backend_malformed", 1));
        assert!(message.contains("check backend_url"), "{message}");
    }
}

#[tokio::test]
async fn bytes_cut_in_the_middle_of_a_line_or_a_character_are_put_together() {
    let event = "data: {\"choices\":[{\"delta\":{\"content\":\"红色🙂\"}}]}\r\n\r\n";
    let mut script = vec![head()];
    for byte in event.as_bytes() {
        script.extend([Step::Send(vec![*byte]), Step::Pause(Duration::from_millis(2))]);
    }
    script.push(end());
    let (text, ended, _) = answer(vec![script]).await;
    assert!(ended.is_ok());
    assert_eq!(text, "红色🙂");
}

#[tokio::test]
async fn a_prompt_that_is_too_long_says_by_how_much() {
    let said = r#"{"object":"error","message":"This model's maximum context length is 8192 tokens. However, you requested 9001 tokens (7977 in the messages, 1024 in the completion).","code":400}"#;
    let (_, ended, asked) = answer(vec![vec![status("400 Bad Request", "", said)]]).await;
    let (code, message) = ended.unwrap_err();
    assert_eq!((code.as_str(), asked.len()), ("backend_context", 1));
    assert!(message.contains("809 more than the 8192") && message.contains("max_context_length"), "{message}");
}

#[tokio::test]
async fn who_stops_listening_closes_the_connection_and_the_next_question_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let endless = vec![head(), word("1 "), Step::Pause(30 * SECOND)];
    let scripted = Scripted::start(vec![endless, vec![head(), word("Next."), end()]]);
    let engine = Engine::open(settings(folder.path(), server(&scripted.url, 60))).unwrap();
    let id = video(&engine, 2).await;
    let mut events = Box::pin(engine.ask(&id, "When?".into()).unwrap());
    while let Some(event) = events.next().await {
        if matches!(event, AnswerEvent::Token { .. }) {
            break;
        }
    }
    drop(events);
    let dropped = Instant::now();
    assert_eq!(ask(&engine, &id).await.0, "Next.");
    assert!(dropped.elapsed() < 2 * SECOND);
    let gone = scripted.asked()[0].gone.expect("the connection is still open");
    assert!(gone - dropped < SECOND);
    assert_eq!(engine.questions(&id).await.unwrap()[0].answer, "1 ");
}

#[tokio::test]
async fn a_question_is_answered_while_the_server_thinks_about_another() {
    let folder = tempfile::tempdir().unwrap();
    let silent = vec![head(), word("1 "), Step::Pause(30 * SECOND)];
    let scripted = Scripted::start(vec![silent, vec![head(), word("At "), word("2 s."), end()]]);
    let engine = Engine::open(settings(folder.path(), server(&scripted.url, 60))).unwrap();
    let id = video(&engine, 4).await;
    let mut first = Box::pin(engine.ask(&id, "When?".into()).unwrap());
    while !matches!(first.next().await, Some(AnswerEvent::Token { .. })) {}
    let begun = Instant::now();
    assert_eq!(ask(&engine, &id).await.0, "At 2 s.");
    assert!(begun.elapsed() < 5 * SECOND);
    // The first is still being listened to.
    assert!(scripted.asked()[0].gone.is_none());
}
