//! A model server that does as it is told, byte by byte: what a real one does on its worst days.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What it does when it is asked for an answer.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Does nothing for a while, or until the other end is gone.
    Pause(Duration),
}

pub(crate) fn send(text: impl Into<String>) -> Step {
    Step::Send(text.into().into_bytes())
}

/// The head of a streamed answer.
pub(crate) fn head() -> Step {
    send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
}

/// A piece of an answer.
pub(crate) fn word(text: &str) -> Step {
    send(format!("data: {}\n\n", serde_json::json!({ "choices": [{ "delta": { "content": text } }] })))
}

pub(crate) fn end() -> Step {
    let finish = serde_json::json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let usage = serde_json::json!({ "choices": [], "usage": { "prompt_tokens": 321, "completion_tokens": 12 } });
    send(format!("data: {finish}\n\ndata: {usage}\n\ndata: [DONE]\n\n"))
}

/// A whole answer without a stream.
pub(crate) fn status(line: &str, headers: &str, body: &str) -> Step {
    let length = body.len();
    send(format!("HTTP/1.1 {line}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"))
}

/// A request for an answer, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: serde_json::Value,
    pub(crate) at: Instant,
    /// When the other end was seen to be gone.
    pub(crate) gone: Option<Instant>,
}

pub(crate) struct Scripted {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    /// Answers the first request with the first script, and so on; the last one for ever.
    pub(crate) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let models = r#"{"object":"list","data":[{"id":"qwen","max_model_len":8192}]}"#;
        Self::listing(status("200 OK", "", models), scripts)
    }

    /// `models`: what it says when asked for its models.
    pub(crate) fn listing(models: Step, scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::<Asked>::new()));
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some((head, body)) = request(&stream) else { continue };
                if head.starts_with("GET /v1/models ") {
                    play(&stream, std::slice::from_ref(&models));
                    continue;
                }
                assert!(head.starts_with("POST /v1/chat/completions "), "{head}");
                let body = serde_json::from_slice(&body).unwrap();
                let mut all = noted.lock().unwrap();
                let number = all.len();
                all.push(Asked { head, body, at: Instant::now(), gone: None });
                drop(all);
                let script = scripts[number.min(scripts.len() - 1)].clone();
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || {
                    if !play(&stream, &script) {
                        noted.lock().unwrap()[number].gone = Some(Instant::now());
                    }
                });
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Whether the other end stayed.
fn play(mut stream: &TcpStream, script: &[Step]) -> bool {
    script.iter().all(|step| match step {
        Step::Send(bytes) => stream.write_all(bytes).is_ok(),
        Step::Pause(time) => {
            stream.set_read_timeout(Some(*time)).unwrap();
            // It sends nothing more: what can be read is its end.
            !matches!(stream.read(&mut [0]), Ok(0))
        }
    })
}

fn request(mut stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 65_536];
    loop {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(split) = split {
            let head = String::from_utf8(bytes[..split].to_vec()).ok()?;
            let length =
                head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let body = &bytes[split + 4..];
            if body.len() >= length.unwrap_or(0) {
                return Some((head, body.to_vec()));
            }
        }
        match stream.read(&mut chunk) {
            Ok(n @ 1..) => bytes.extend_from_slice(&chunk[..n]),
            _ => return None,
        }
    }
}
