//! Transcripts are kept whole, corrected whole, and go with their video.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::path::Path;

use store::{Error, Library};
use timeline::cues::Retiming;
use timeline::{Cue, Evidence, NewVideo, Span, Timestamp, Transcript, VideoId};

fn open(folder: &Path) -> (Library, VideoId) {
    let library = Library::open(folder).unwrap();
    let video = NewVideo {
        title: "clip.mp4".into(),
        file_bytes: 1,
        duration: Timestamp::from_seconds(60.0),
        width: 640,
        height: 360,
        codec: "avc1".into(),
        planned_frames: 0,
    };
    let id = library.create_video(&video).unwrap();
    (library, id)
}

fn transcript(texts: &[&str]) -> Transcript {
    let at = |n: usize| Timestamp::from_millis(n as i64 * 1_000);
    let cues = texts.iter().enumerate();
    let cues = cues.map(|(n, text)| Cue { span: Span::new(at(n), at(n + 1)), text: (*text).to_owned() });
    Transcript { language: Some("en".into()), cues: cues.collect() }
}

fn texts(library: &Library, video: &VideoId, id: i64) -> Vec<String> {
    library.transcript(video, id).unwrap().1.into_iter().map(|record| record.cue.text).collect()
}

#[test]
fn a_transcript_survives_a_restart_and_another_of_its_name_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (library, video) = open(folder.path());
    let first = library.put_transcript(&video, "clip.en.srt", &transcript(&["a", "b"])).unwrap();
    let other = library.put_transcript(&video, "clip.zh.srt", &transcript(&["一"])).unwrap();
    assert_eq!((first.cues, first.language.as_deref()), (2, Some("en")));
    drop(library);
    let library = Library::open(folder.path()).unwrap();
    assert_eq!(library.transcripts(&video).unwrap(), [first.clone(), other]);
    let again = library.put_transcript(&video, "clip.en.srt", &transcript(&["c", "d", "e"])).unwrap();
    assert_eq!((again.id, again.cues), (first.id, 3));
    assert_eq!(texts(&library, &video, first.id), ["c", "d", "e"]);
    assert_eq!(library.transcripts(&video).unwrap().len(), 2);
}

#[test]
fn one_that_is_heard_grows_and_says_how_far_it_came_until_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (library, video) = open(folder.path());
    let id = library.put_transcript(&video, "speech.json", &Transcript::default()).unwrap().id;
    let heard = Timestamp::from_seconds(2.5);
    let cues = transcript(&["a", "b"]).cues;
    library.append_cues(&video, id, &cues[..1], Some("de"), Some(heard)).unwrap();
    drop(library);
    let library = Library::open(folder.path()).unwrap();
    let info = library.transcripts(&video).unwrap().remove(0);
    assert_eq!((info.cues, info.language.as_deref(), info.heard), (1, Some("de"), Some(heard)));
    library.append_cues(&video, id, &cues[1..], None, None).unwrap();
    let info = library.transcripts(&video).unwrap().remove(0);
    assert_eq!((info.cues, info.language.as_deref(), info.heard), (2, Some("de"), None));
    assert_eq!(texts(&library, &video, id), ["a", "b"]);
    let nobody = library.append_cues(&VideoId("nobody".into()), id, &cues, None, None);
    assert!(matches!(nobody, Err(Error::UnknownTranscript(_))));
}

#[test]
fn cues_are_edited_removed_and_retimed_where_they_belong() {
    let folder = tempfile::tempdir().unwrap();
    let (library, video) = open(folder.path());
    let id = library.put_transcript(&video, "x", &transcript(&["a", "b", "c"])).unwrap().id;
    let other = library.put_transcript(&video, "y", &transcript(&["o"])).unwrap().id;
    let cues = library.transcript(&video, id).unwrap().1;
    library.edit_cue(&video, id, cues[0].id, "A").unwrap();
    library.delete_cue(&video, id, cues[1].id).unwrap();
    let by = Retiming { offset: Timestamp::from_seconds(-0.5), above: 2, below: 1 };
    library.retime(&video, id, by).unwrap();
    let after = library.transcript(&video, id).unwrap().1;
    let seen: Vec<_> = after.iter().map(|record| (record.cue.span.start.micros(), record.cue.text.as_str())).collect();
    assert_eq!(seen, [(-500_000, "A"), (3_500_000, "c")]);
    assert_eq!(texts(&library, &video, other), ["o"]);
    assert!(matches!(library.edit_cue(&video, other, cues[0].id, "x"), Err(Error::UnknownCue(_))));
    assert!(matches!(library.delete_cue(&video, id, cues[1].id), Err(Error::UnknownCue(_))));
    let nobody = VideoId("nobody".into());
    assert!(matches!(library.edit_cue(&nobody, id, cues[0].id, "x"), Err(Error::UnknownTranscript(_))));
    assert!(matches!(library.retime(&nobody, id, by), Err(Error::UnknownTranscript(_))));
    assert!(matches!(library.delete_transcript(&nobody, id), Err(Error::UnknownTranscript(_))));
}

#[test]
fn transcripts_go_when_they_are_deleted_and_with_their_video() {
    let folder = tempfile::tempdir().unwrap();
    let (library, video) = open(folder.path());
    let id = library.put_transcript(&video, "x", &transcript(&["a"])).unwrap().id;
    let other = library.put_transcript(&video, "y", &transcript(&["o"])).unwrap().id;
    library.delete_transcript(&video, id).unwrap();
    assert!(matches!(library.transcript(&video, id), Err(Error::UnknownTranscript(_))));
    library.delete(&video).unwrap();
    assert!(library.transcripts(&video).unwrap().is_empty());
    assert!(matches!(library.transcript(&video, other), Err(Error::UnknownTranscript(_))));
    assert!(matches!(library.put_transcript(&video, "x", &transcript(&["a"])), Err(Error::UnknownVideo(_))));
}

#[test]
fn what_was_found_for_a_question_is_kept_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (library, video) = open(folder.path());
    let question = library.add_question(&video, "when?").unwrap();
    assert!(library.questions(&video).unwrap()[0].evidence.is_empty());
    let evidence = [Evidence {
        span: Span::at(Timestamp::from_seconds(3.0)),
        text: "here".into(),
        transcript: 1,
        is_similar: true,
    }];
    library.save_evidence(question, &evidence).unwrap();
    assert_eq!(library.questions(&video).unwrap()[0].evidence, evidence);
    assert!(matches!(library.save_evidence(question + 1, &evidence), Err(Error::UnknownQuestion(_))));
}

#[test]
fn a_library_from_before_there_were_transcripts_keeps_its_questions() {
    let folder = tempfile::tempdir().unwrap();
    let (library, video) = open(folder.path());
    library.add_question(&video, "when?").unwrap();
    drop(library);
    let back = "DROP TABLE close_ups; DROP TABLE flashes; DROP TABLE directions; ALTER TABLE questions DROP COLUMN course; DROP TABLE scenes; DROP TABLE outlines; DROP TABLE cuts; DROP TABLE cues; DROP TABLE transcripts; ALTER TABLE questions DROP COLUMN evidence;
        ALTER TABLE questions DROP COLUMN coarse; ALTER TABLE frames DROP COLUMN role; PRAGMA user_version = 2";
    rusqlite::Connection::open(folder.path().join("timepin.sqlite")).unwrap().execute_batch(back).unwrap();
    let library = Library::open(folder.path()).unwrap();
    assert_eq!(library.questions(&video).unwrap()[0].question, "when?");
    assert_eq!(library.put_transcript(&video, "x", &transcript(&["a"])).unwrap().cues, 1);
}
