//! Another server on the web: one file behind a redirect, cut in the middle the first time; and others that are none.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub(crate) struct Web {
    address: String,
    asked: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Web {
    pub(crate) fn start(file: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        // It ends with the test's process.
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &file, &seen)));
        Self { address, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// First bytes asked for of the file; none for the whole of it.
    pub(crate) fn asked(&self) -> Vec<Option<usize>> {
        self.asked.lock().unwrap().clone()
    }
}

/// One request a connection. Whoever goes away in the middle misses the rest.
fn answer(mut stream: TcpStream, file: &[u8], asked: &Mutex<Vec<Option<usize>>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let header = |name: &str| head.iter().find_map(|line| line.to_lowercase().strip_prefix(name).map(str::to_owned));
    let mut say = |head: &str, body: &[u8]| {
        let _ = write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").and_then(|()| stream.write_all(body));
    };
    if let Some(name) = path.strip_prefix("/moved/") {
        return say(&format!("302 Found\r\nLocation: /files/{name}\r\nContent-Length: 0"), b"");
    }
    match path.as_str() {
        "/page.avi" => say("200 OK\r\nContent-Type: text/html; charset=utf-8", b"<html>"),
        "/away.avi" => say("302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0", b""),
        "/endless.avi" => say("200 OK\r\nContent-Type: video/avi", &vec![0; 9 << 20]),
        _ if !path.starts_with("/files/") => say("404 Not Found\r\nContent-Length: 0", b""),
        _ => {
            let from = header("range: bytes=").and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
            let from = from.filter(|_| header("if-range: ").is_some_and(|tag| tag.trim() == "\"film\""));
            let first = asked.lock().unwrap().is_empty();
            asked.lock().unwrap().push(from);
            let (start, length) = (from.unwrap_or(0), file.len());
            let status = if from.is_some() { "206 Partial Content" } else { "200 OK" };
            let range = from.map(|from| format!("\r\nContent-Range: bytes {from}-{}/{length}", length - 1));
            let head = format!(
                "{status}\r\nETag: \"film\"\r\nContent-Length: {}{}",
                length - start,
                range.unwrap_or_default()
            );
            say(&head, &file[start..if first { length / 2 } else { length }]);
        }
    }
}
