//! The library behaves: idempotent, ordered, deleting what nobody needs, refusing what it cannot read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::fs;
use std::path::Path;

use store::{AnswerUpdate, Error, Library, NewFrame, Role};
use timeline::video::{SpanInText, TokenRecord};
use timeline::{Gaze, NewVideo, OutlineState, Pin, Scene, Span, Timestamp, TitleLanguage, VideoId};

fn video() -> NewVideo {
    NewVideo {
        title: "clip.mp4".into(),
        file_bytes: u64::MAX,
        duration: Timestamp::from_seconds(60.0),
        width: 640,
        height: 360,
        codec: "avc1.64001f".into(),
        planned_frames: 120,
    }
}

fn frame(pts: i64, bytes: &[u8]) -> NewFrame<'_> {
    NewFrame { pts: Timestamp::from_micros(pts), role: Role::Plan, bytes, width: 4, height: 2 }
}

fn blobs(folder: &Path) -> usize {
    let shelves = fs::read_dir(folder.join("blobs")).unwrap();
    shelves.map(|s| fs::read_dir(s.unwrap().path()).unwrap().count()).sum()
}

#[test]
fn sending_frames_twice_or_out_of_order_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let id = library.create_video(&video()).unwrap();
    let first = library.append_frames(&id, &[frame(500, b"b"), frame(0, b"a")]).unwrap();
    assert_eq!(first.added.iter().map(|f| f.pts.micros()).collect::<Vec<_>>(), [0, 500]);
    let again = library.append_frames(&id, &[frame(0, b"other"), frame(500, b"b"), frame(900, b"c")]).unwrap();
    assert_eq!((again.added.len(), again.added[0].pts.micros(), again.total), (1, 900, 3));
    let rows = library.frames(&id).unwrap();
    assert_eq!(rows.iter().map(|r| r.pts.micros()).collect::<Vec<_>>(), [0, 500, 900]);
    assert_eq!(library.blob(&rows[0].blob).unwrap(), b"a");
    assert_eq!(blobs(folder.path()), 3);
}

#[test]
fn a_guest_is_in_no_list_and_goes_with_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let (guest, stays) = (library.create_guest(&video()).unwrap(), library.create_video(&video()).unwrap());
    library.append_frames(&guest, &[frame(0, b"a"), frame(1, b"b")]).unwrap();
    library.append_frames(&stays, &[frame(0, b"b")]).unwrap();
    assert_eq!(library.video(&guest).unwrap().frames, 2);
    let listed = |library: &Library| library.videos().unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(listed(&library), std::slice::from_ref(&stays));
    drop(library);
    let library = Library::open(folder.path()).unwrap();
    assert!(matches!(library.video(&guest), Err(Error::UnknownVideo(_))));
    assert_eq!((listed(&library), blobs(folder.path())), (vec![stays], 1));
}

#[test]
fn the_frame_of_a_moment_is_the_last_not_later() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let id = library.create_video(&video()).unwrap();
    let at = |micros| library.frame_at(&id, Timestamp::from_micros(micros));
    assert!(matches!(at(0), Err(Error::NoFrames(_))));
    library.append_frames(&id, &[frame(100, b"a"), frame(200, b"b")]).unwrap();
    assert_eq!([50, 100, 199, 200, 999].map(|t| at(t).unwrap().pts.micros()), [100, 100, 100, 200, 200]);
}

#[test]
fn deleting_a_video_takes_its_blobs_but_not_those_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let (one, two) = (library.create_video(&video()).unwrap(), library.create_video(&video()).unwrap());
    library.append_frames(&one, &[frame(0, b"shared"), frame(1, b"mine")]).unwrap();
    library.append_frames(&two, &[frame(0, b"shared")]).unwrap();
    library.add_question(&one, "when?").unwrap();
    library.delete(&one).unwrap();
    assert_eq!(blobs(folder.path()), 1);
    assert!(matches!(library.video(&one), Err(Error::UnknownVideo(_))));
    assert!(matches!(library.delete(&one), Err(Error::UnknownVideo(_))));
    assert!(library.questions(&one).unwrap().is_empty());
    assert_eq!(library.videos().unwrap().len(), 1);
    let unknown = VideoId("nobody".into());
    assert!(matches!(library.append_frames(&unknown, &[frame(0, b"x")]), Err(Error::UnknownVideo(_))));
    assert!(matches!(library.add_question(&unknown, "?"), Err(Error::UnknownVideo(_))));
    assert_eq!(blobs(folder.path()), 1);
}

#[test]
fn a_video_and_its_answers_read_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let id = library.create_video(&video()).unwrap();
    library.rename(&id, "讲座").unwrap();
    library.finish(&id).unwrap();
    library.set_ready_for(&id, Some("print")).unwrap();
    let question = library.add_question(&id, "什么时候？").unwrap();
    let span = Span::at(Timestamp::from_seconds(12.0));
    let spans = [SpanInText { from: 0, to: 6, span, doubtful: true }];
    let pin = Some(Pin { at: span.start, spread: Timestamp::ZERO, proposed: None });
    let tokens = [TokenRecord { text: "12.0 秒".into(), pin, looked: vec![Gaze { span, share: 900 }] }];
    let update = AnswerUpdate { answer: "12.0 秒", spans: &spans, tokens: &tokens, complete: true, course: None };
    library.save_answer(question, update).unwrap();
    drop(library);

    let library = Library::open(folder.path()).unwrap();
    let row = library.video(&id).unwrap();
    assert_eq!(row.video, NewVideo { title: "讲座".into(), ..video() });
    assert!(row.finished && row.ready_for.as_deref() == Some("print") && row.questions == 1);
    let record = library.questions(&id).unwrap().remove(0);
    assert_eq!((record.id, record.answer.as_str(), record.complete), (question, "12.0 秒", true));
    assert_eq!((record.spans, record.tokens), (spans.to_vec(), tokens.to_vec()));
    // A frame that arrives later makes the index incomplete.
    library.append_frames(&id, &[frame(0, b"a")]).unwrap();
    assert_eq!(library.video(&id).unwrap().ready_for, None);
    library.delete_question(&id, question).unwrap();
    assert!(matches!(library.delete_question(&id, question), Err(Error::UnknownQuestion(_))));
    assert!(matches!(library.save_answer(question, update), Err(Error::UnknownQuestion(_))));
}

#[test]
fn an_altered_frame_is_noticed_and_a_stray_file_swept() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let id = library.create_video(&video()).unwrap();
    library.append_frames(&id, &[frame(0, b"a")]).unwrap();
    let blob = library.frames(&id).unwrap().remove(0).blob;
    let name = blob.to_string();
    let path = folder.path().join("blobs").join(&name[..2]).join(&name);
    fs::write(path.with_extension("7-0.partial"), b"half").unwrap();
    assert_eq!(library.sweep().unwrap(), 1);
    fs::write(&path, b"z").unwrap();
    assert!(matches!(library.blob(&blob), Err(Error::BlobDamaged(_))));
    fs::remove_file(&path).unwrap();
    assert!(matches!(library.blob(&blob), Err(Error::BlobDamaged(_))));
}

#[test]
fn a_library_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timepin.sqlite");
    fs::write(&path, "this is no database, however long it may go on".repeat(100)).unwrap();
    assert!(matches!(Library::open(folder.path()), Err(Error::Damaged { .. })));
    fs::remove_file(&path).unwrap();

    let library = Library::open(folder.path()).unwrap();
    assert!(matches!(Library::open(folder.path()), Err(Error::InUse(_))));
    drop(library);
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = Library::open(folder.path());
    assert!(matches!(refused, Err(Error::TooNew { found: 99, .. })), "{refused:?}");
}

#[test]
fn a_page_torn_out_of_the_database_is_found_on_opening() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    for _ in 0..200 {
        library.create_video(&video()).unwrap();
    }
    drop(library);
    let path = folder.path().join("timepin.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Library::open(folder.path()), Err(Error::Damaged { .. })));
}

#[test]
fn an_overview_goes_when_the_video_is_complete_and_leaves_what_the_plan_wants() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let id = library.create_video(&video()).unwrap();
    let glimpse = |pts, bytes, role| NewFrame { role, ..frame(pts, bytes) };
    let overview =
        [glimpse(0, b"a", Role::Both), glimpse(90, b"b", Role::Overview), glimpse(150, b"c", Role::Overview)];
    assert_eq!(library.append_frames(&id, &overview).unwrap().total, 1);
    let row = library.video(&id).unwrap();
    assert_eq!((row.frames, row.beside), (1, 2));
    // The plan is sent: what it did not expect to want of the overview is its own from then on, with the picture that was there.
    let sent = library.append_frames(&id, &[frame(50, b"d"), frame(90, b"other")]).unwrap();
    let added: Vec<_> = sent.added.iter().map(|f| (f.pts.micros(), f.role)).collect();
    assert_eq!((added, sent.total), (vec![(50, Role::Plan), (90, Role::Plan)], 3));
    // An overview that is sent again changes nothing.
    assert!(library.append_frames(&id, &overview).unwrap().added.is_empty());
    library.finish(&id).unwrap();
    let rows = library.frames(&id).unwrap();
    assert_eq!(rows.iter().map(|r| (r.pts.micros(), r.role)).collect::<Vec<_>>(), [0, 50, 90].map(|t| (t, Role::Plan)));
    assert_eq!(library.blob(&rows[2].blob).unwrap(), b"b");
    assert_eq!((library.video(&id).unwrap().frames, library.video(&id).unwrap().beside), (3, 0));
    drop(library);
    drop(Library::open(folder.path()).unwrap());
    assert_eq!(blobs(folder.path()), 3);
}

#[test]
fn an_outline_goes_on_where_it_was_cut_off_and_begins_anew_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let id = library.create_video(&video()).unwrap();
    let scene = |start: i64, title: &str| {
        let span = Span::new(Timestamp::from_millis(start), Timestamp::from_millis(start + 900));
        Scene { span, title: title.to_owned(), novelty: 0.25 }
    };
    assert_eq!(library.outline(&id).unwrap(), None);
    let begun = library.begin_outline(&id, TitleLanguage::En).unwrap();
    assert_eq!((begun.state, begun.done, begun.total), (OutlineState::Running, 0, 0));
    library.advance_outline(&id, 1, 3, Some(&scene(2_000, "Map"))).unwrap();
    library.advance_outline(&id, 2, 3, Some(&scene(1_000, "Title"))).unwrap();
    library.advance_outline(&id, 2, 3, Some(&scene(2_000, "Harbour"))).unwrap();
    drop(library);

    let library = Library::open(folder.path()).unwrap();
    assert_eq!(library.running_outlines().unwrap(), std::slice::from_ref(&id));
    assert_eq!(library.scenes(&id).unwrap(), [scene(1_000, "Title"), scene(2_000, "Harbour")]);
    library.end_outline(&id, OutlineState::Stopped).unwrap();
    let again = library.begin_outline(&id, TitleLanguage::En).unwrap();
    assert_eq!((again.state, again.done, again.total), (OutlineState::Running, 2, 3));
    library.end_outline(&id, OutlineState::Done).unwrap();
    assert_eq!(library.running_outlines().unwrap(), []);
    let other = library.begin_outline(&id, TitleLanguage::Zh).unwrap();
    assert_eq!((other.language, other.done), (TitleLanguage::Zh, 0));
    assert_eq!(library.scenes(&id).unwrap(), []);
    library.advance_outline(&id, 1, 1, Some(&scene(0, "x"))).unwrap();
    library.delete(&id).unwrap();
    // Deleted meanwhile: nothing is kept, and nothing fails.
    library.advance_outline(&id, 1, 1, Some(&scene(0, "x"))).unwrap();
    assert_eq!((library.outline(&id).unwrap(), library.scenes(&id).unwrap()), (None, vec![]));
    assert!(matches!(library.begin_outline(&id, TitleLanguage::En), Err(Error::UnknownVideo(_))));
}

#[test]
fn directions_are_those_of_one_model_and_go_with_their_video() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path()).unwrap();
    let id = library.create_video(&video()).unwrap();
    let at = Timestamp::from_millis;
    library.save_directions(&id, "one", &[(at(2_000), vec![0.25, -1.0]), (at(1_000), vec![1.0, 0.0])]).unwrap();
    library.save_directions(&id, "one", &[(at(2_000), vec![0.5, 0.5])]).unwrap();
    assert_eq!(library.directions(&id, "one").unwrap(), [(at(1_000), vec![1.0, 0.0]), (at(2_000), vec![0.5, 0.5])]);
    assert_eq!(library.directed(&id, "one").unwrap(), [at(1_000), at(2_000)]);
    library.save_directions(&id, "two", &[(at(5_000), vec![1.0])]).unwrap();
    assert!(library.directions(&id, "one").unwrap().is_empty() && library.directed(&id, "two").unwrap() == [at(5_000)]);
    library.delete(&id).unwrap();
    assert!(library.directed(&id, "two").unwrap().is_empty());
    assert!(matches!(library.save_directions(&id, "two", &[]), Err(Error::UnknownVideo(_))));
}
