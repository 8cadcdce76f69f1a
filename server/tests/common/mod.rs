//! A `timepin serve` of its own, and a client that speaks just enough HTTP to see what really comes over the wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]
#![allow(dead_code, reason = "every test binary uses its own part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use timeline::{FrameIn, Timestamp};

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The binary, away from any config.yaml and variables of whoever runs the tests.
pub(crate) fn timepin(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_timepin"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TIMEPIN_") || name == "RUST_LOG") {
        command.env_remove(name);
    }
    command.current_dir(data).arg("--data").arg(data.join("data"));
    command
}

pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    pub(crate) fn start_with(data: &Path, arguments: &[&str]) -> Self {
        let mut child = timepin(data)
            .args(["--address", "127.0.0.1:0", "--log-format", "json"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it ended: {said}")).unwrap();
            if let Some((_, rest)) = line.split_once("listening on http://") {
                break rest.chars().take_while(|c| !matches!(c, '"' | ' ')).collect();
            }
            said += &line;
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends a request and reads the answer to its end.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}", self.address).unwrap();
        write!(stream, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
        // The server may refuse and close before all of it is sent.
        let _ = stream.write_all(body);
        Answer::read(&mut stream)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", b"")
    }

    /// Calls a server function that takes JSON.
    pub(crate) fn call(&self, name: &str, arguments: Value) -> Answer {
        let body = arguments.to_string();
        self.send("POST", &format!("/api/{name}"), "Content-Type: application/json\r\n", body.as_bytes())
    }

    pub(crate) fn append(&self, video: &str, frames: &[FrameIn]) -> Answer {
        let body = postcard::to_allocvec(&(video, frames)).unwrap();
        self.send("POST", "/api/append_frames", "Content-Type: application/x-postcard\r\n", &body)
    }

    pub(crate) fn put_transcript(&self, video: &str, name: &str, file: &[u8]) -> Answer {
        let body = postcard::to_allocvec(&(video, name, file)).unwrap();
        self.send("POST", "/api/put_transcript", "Content-Type: application/x-postcard\r\n", &body)
    }

    /// A video with no frames yet.
    pub(crate) fn create(&self) -> String {
        let video = json!({
            "title": "clip.mp4", "file_bytes": 9, "duration": 4_000_000, "width": 160, "height": 90,
            "codec": "avc1", "planned_frames": 8,
        });
        let answer = self.call("create_video", json!({ "video": video }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().as_str().unwrap().to_owned()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").arg(name).arg(self.child.id().to_string()).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is as good as an end.
        let mut chunk = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut chunk) {
            bytes.extend_from_slice(&chunk[..n]);
        }
        let split = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("an HTTP answer");
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap().to_lowercase();
        let body = bytes[split + 4..].to_vec();
        let body = if head.contains("transfer-encoding: chunked") { unchunk(&body) } else { body };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.head, self.text()))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Every line of an NDJSON stream.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|w| w == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap().trim(), 16).unwrap();
        if length == 0 {
            break;
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 4 + length..];
    }
    whole
}

/// A small picture, a PNG written by hand: stored blocks need no compressor.
pub(crate) fn png(shade: u8) -> Vec<u8> {
    let (width, height) = (32_u32, 18_u32);
    let rows: Vec<u8> =
        (0..height).flat_map(|_| [vec![0], [shade, 90, 255 - shade].repeat(width as usize)].concat()).collect();
    let length = rows.len() as u16;
    let mut data = vec![0x78, 0x01, 1];
    data.extend(length.to_le_bytes());
    data.extend((!length).to_le_bytes());
    data.extend(&rows);
    let (a, b) = rows.iter().fold((1_u32, 0_u32), |(a, b), &x| {
        let a = (a + u32::from(x)) % 65_521;
        (a, (b + a) % 65_521)
    });
    data.extend(((b << 16) | a).to_be_bytes());
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &data), chunk(b"IEND", b"")].concat()
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let body = [kind, data].concat();
    let crc = !body.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    });
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc.to_be_bytes()].concat()
}

pub(crate) fn frames(numbers: std::ops::Range<u8>) -> Vec<FrameIn> {
    numbers.map(|n| FrameIn { pts: Timestamp::from_millis(i64::from(n) * 500), bytes: png(n * 9) }).collect()
}

/// Tries until it holds or ten seconds are over.
pub(crate) fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came about");
        std::thread::sleep(Duration::from_millis(50));
    }
}
