//! What was acknowledged survives `kill -9`: a child process writes and says so line by line, and dies without warning.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use store::{AnswerUpdate, Library, NewFrame, Role};
use timeline::{NewVideo, Timestamp, VideoId};

const CHILD: &str = "TIMEPIN_TEST_LIBRARY";

/// The child's part: runs only when the parent says where.
#[test]
fn child_writes_until_it_is_killed() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let library = Library::open(Path::new(&folder)).unwrap();
    let video = NewVideo {
        title: "clip".into(),
        file_bytes: 1,
        duration: Timestamp::from_seconds(9.0),
        width: 2,
        height: 2,
        codec: "avc1".into(),
        planned_frames: 0,
    };
    let id = library.create_video(&video).unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nvideo {id}").unwrap();
    for n in 0_i64.. {
        let bytes = n.to_le_bytes().repeat(512);
        let pts = Timestamp::from_micros(n);
        library.append_frames(&id, &[NewFrame { role: Role::Plan, pts, bytes: &bytes, width: 2, height: 2 }]).unwrap();
        let question = library.add_question(&id, &n.to_string()).unwrap();
        let update = AnswerUpdate { answer: "half", spans: &[], tokens: &[], complete: false, course: None };
        library.save_answer(question, update).unwrap();
        writeln!(out, "frame {n}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn everything_acknowledged_is_there_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut id = None;
    let mut acknowledged = -1;
    for line in lines.by_ref().map_while(Result::ok) {
        match line.split_once(' ') {
            Some(("video", name)) => id = Some(VideoId(name.to_owned())),
            Some(("frame", n)) => acknowledged = n.parse::<i64>().unwrap(),
            _ => {}
        }
        if acknowledged >= 20 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Lines still in the pipe were acknowledged as well.
    for line in lines.map_while(Result::ok) {
        if let Some(n) = line.strip_prefix("frame ").and_then(|n| n.parse::<i64>().ok()) {
            acknowledged = n;
        }
    }

    let library = Library::open(folder.path()).unwrap();
    let id = id.unwrap();
    let rows = library.frames(&id).unwrap();
    for n in 0..=acknowledged {
        let row = rows.iter().find(|row| row.pts.micros() == n).unwrap();
        assert_eq!(library.blob(&row.blob).unwrap(), n.to_le_bytes().repeat(512));
    }
    assert!(library.questions(&id).unwrap().len() as i64 > acknowledged);
    // And it goes on where it stopped.
    let next = Timestamp::from_micros(acknowledged + 100);
    library
        .append_frames(&id, &[NewFrame { role: Role::Plan, pts: next, bytes: b"more", width: 2, height: 2 }])
        .unwrap();
}
