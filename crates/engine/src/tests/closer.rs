//! Windows that are searched, and moments that are looked at closer.

use std::sync::Mutex;
use std::time::Duration;

use timeline::Span;
use timeline::course::{Course, Outcome};

use super::*;
use crate::{Deliver, FrameSource};

/// A film of which every half second has a colour of its own, decoded on demand.
#[derive(Default)]
struct Film {
    asked: Mutex<Vec<Vec<Timestamp>>>,
    /// Keeps the question waiting.
    is_slow: bool,
    waiting: Mutex<Vec<Deliver>>,
}

fn shown_at(instants: &[Timestamp]) -> Vec<FrameIn> {
    let frame = |at: &Timestamp| FrameIn { pts: *at, ..frame((at.micros() / 500_000) as u8) };
    instants.iter().map(frame).collect()
}

impl FrameSource for Film {
    fn fetch(&self, _video: VideoId, instants: Vec<Timestamp>, deliver: Deliver) {
        self.asked.lock().unwrap().push(instants.clone());
        if self.is_slow {
            return self.waiting.lock().unwrap().push(deliver);
        }
        deliver(Some(shown_at(&instants)));
    }
}

/// The answer that stands in the end, how it came about, and the events.
async fn answer(engine: &Engine, id: &VideoId, question: &str, manner: Manner) -> (String, Course, Vec<AnswerEvent>) {
    let (mut text, mut course, mut events) = (String::new(), Course::default(), Vec::new());
    let mut stream = Box::pin(engine.ask_as(id, question.into(), manner).unwrap());
    let mut number = 0;
    while let Some(event) = stream.next().await {
        match &event {
            AnswerEvent::Started { question } => number = *question,
            AnswerEvent::Token { text: more, .. } => text.push_str(more),
            AnswerEvent::Again => text.clear(),
            AnswerEvent::Course(told) => course = told.clone(),
            AnswerEvent::Wanted { .. } => {
                engine.append_close_ups(id, number, Vec::new()).await.unwrap();
            }
            _ => {}
        }
        events.push(event);
    }
    assert!(matches!(events.last(), Some(AnswerEvent::Done { .. })), "{events:?}");
    let record = engine.questions(id).await.unwrap().pop().unwrap();
    assert_eq!((record.answer.as_str(), record.complete, &record.course), (text.as_str(), true, &course));
    (text, course, events)
}

#[tokio::test]
async fn what_is_not_read_at_once_is_searched_window_by_window() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::reaching(Some(4));
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 20).await;
    let (text, course, events) = answer(&engine, &id, "find 9", Manner::default()).await;
    assert_eq!(text, "It is there from 4.2 to 4.2 seconds. ");
    let search = course.search.unwrap();
    assert_eq!((search.windows, search.found), (4, 1));
    let windows = events.iter().filter_map(|event| match event {
        AnswerEvent::Searching { span, window, windows } => Some((*window, *windows, span.start.seconds())),
        _ => None,
    });
    // Three of every segment, and one of one in four.
    assert_eq!(windows.collect::<Vec<_>>(), [(1, 4, 0.0), (2, 4, 3.0), (3, 4, 6.0), (4, 4, 0.0)]);
    assert_eq!(events.iter().filter(|event| matches!(event, AnswerEvent::Span(_))).count(), 1);
    let Some(AnswerEvent::Done { usage }) = events.last() else { panic!() };
    assert_eq!((usage.shown_segments, usage.all_segments), (4, 10));
    // A second question finds the windows read.
    let (.., again) = answer(&engine, &id, "find 3", Manner::default()).await;
    let Some(AnswerEvent::Done { usage }) = again.last() else { panic!() };
    assert!(usage.prompt_tokens > 0);
    // Its answer is read from the first window and one segment more.
    assert_eq!(dream.shown(), 10 + 3 + 4 + 1);
}

#[tokio::test]
async fn what_is_in_several_places_is_told_place_by_place_and_each_is_looked_at_closer() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::reaching(Some(12)));
    // The colour of 2.0 s is there again at 16.0 s.
    let all = (0..40).map(|n| FrameIn { pts: frame(n).pts, ..frame(if n == 32 { 4 } else { n }) }).collect();
    let id = engine.create_video(new_video(40)).await.unwrap();
    engine.append_frames(&id, all).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    let (text, course, events) = answer(&engine, &id, "find 4", Manner::default()).await;
    assert_eq!(text, "It is there from 2.2 to 2.2 seconds. \nIt is there from 16.2 to 16.2 seconds. ");
    assert_eq!((course.search.unwrap().found, course.places.len()), (2, 0));
    let record = engine.questions(&id).await.unwrap().pop().unwrap();
    let told: Vec<_> = record.spans.iter().map(|span| &record.answer[span.from as usize..span.to as usize]).collect();
    assert_eq!(told, ["2.2 to 2.2 seconds", "16.2 to 16.2 seconds"]);
    assert_eq!(record.tokens.iter().map(|token| token.text.as_str()).collect::<String>(), text);
    // The places are read after the windows.
    let said = events.iter().filter_map(|event| match event {
        AnswerEvent::Searching { window, windows, .. } => Some((*window, *windows)),
        _ => None,
    });
    assert_eq!(said.collect::<Vec<_>>(), [(1, 3), (2, 3), (3, 3), (1, 2), (2, 2)]);

    // With a file each place is looked at closer before the next is read, and what was told of the first stays.
    let film = Arc::new(Film::default());
    engine.set_frame_source(Arc::clone(&film) as Arc<_>);
    let (text, course, _) = answer(&engine, &id, "find 4", Manner::default()).await;
    assert_eq!(text.lines().count(), 2, "{text}");
    let middle = Timestamp::from_seconds(10.0);
    let of_first = course.rounds.iter().filter(|round| round.spans.iter().all(|span| span.end < middle)).count();
    let of_second = course.rounds.iter().filter(|round| round.spans.iter().all(|span| span.start > middle)).count();
    assert!(of_first > 0 && of_second > 0 && of_first + of_second == course.rounds.len(), "{course:?}");
    assert!(course.rounds[..of_first].iter().all(|round| round.spans[0].start < middle));
}

#[tokio::test]
async fn what_is_in_no_window_is_nowhere_and_a_named_time_needs_no_search() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::reaching(Some(4)));
    let id = video(&engine, 20).await;
    let (text, course, _) = answer(&engine, &id, "find 99", Manner::default()).await;
    assert_eq!((text.as_str(), course.search.map(|search| search.found)), ("It is nowhere. ", Some(0)));
    let (text, course, events) = answer(&engine, &id, "What is shown at 0:05?", Manner::default()).await;
    assert_eq!(text, "saw 3.2:6,7 4.2:8,9 5.2:10,11 6.2:12,13 ");
    assert_eq!(course.search.map(|search| (search.windows, search.found)), Some((0, 1)));
    assert!(!events.iter().any(|event| matches!(event, AnswerEvent::Searching { .. })));
    // A video that is read at once is not searched.
    let short = video(&engine, 8).await;
    assert_eq!(answer(&engine, &short, "find 3", Manner::default()).await.1, Course::default());
}

#[tokio::test]
async fn an_answer_is_looked_at_closer_with_the_frames_that_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let film = Arc::new(Film::default());
    engine.set_frame_source(Arc::clone(&film) as Arc<_>);
    let id = video(&engine, 20).await;
    let (text, course, events) = answer(&engine, &id, "find 5", Manner::default()).await;
    assert_eq!(text, "It is there from 2.6 to 2.8 seconds. ");
    let [round] = course.rounds.as_slice() else { panic!("{course:?}") };
    assert_eq!((round.outcome, round.frames), (Outcome::Answered, 13));
    assert_eq!(round.before.as_ref().unwrap().answer, "It is there from 2.2 to 2.2 seconds. ");
    // A second around the segment it named. It looked everywhere, so that where it looked in the mean says nothing.
    assert_eq!(round.spans, [Span::new(Timestamp::from_seconds(1.0), Timestamp::from_seconds(3.25))]);
    // A quarter of the instants are frames of the plan.
    assert_eq!(film.asked.lock().unwrap().concat().len(), 13);
    assert!(events.iter().any(|event| matches!(event, AnswerEvent::Closer { round: 1, frames: 13, .. })));
    // Neither the index nor the state of the video knows of it.
    let about = engine.video(&id).await.unwrap();
    assert_eq!((about.frames, about.segments, about.state), (20, 10, VideoState::Ready));
    drop(engine);
    // The frames are there for the next question, after a restart too.
    let engine = open(folder.path(), &dream);
    engine.set_frame_source(Arc::clone(&film) as Arc<_>);
    let (text, course, _) = answer(&engine, &id, "find 5", Manner::default()).await;
    assert_eq!((text.as_str(), course.rounds[0].frames), ("It is there from 2.6 to 2.8 seconds. ", 0));
    assert_eq!(film.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn something_brief_that_was_not_seen_is_looked_for_where_it_flashed() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    engine.set_frame_source(Arc::new(Film::default()));
    let id = video(&engine, 20).await;
    // "times" names 1.0 and 2.5 whatever is shown; that it flashes is in the question only.
    let flash = vec![Span::new(Timestamp::from_seconds(7.1), Timestamp::from_seconds(7.3))];
    engine.append_flashes(&id, flash).await.unwrap();
    let (_, course, _) = answer(&engine, &id, "Does it flash?", Manner::default()).await;
    // What was seen names no time, but it flashed there.
    assert_eq!(course.rounds.iter().map(|round| round.outcome).collect::<Vec<_>>(), [Outcome::Stands]);
    assert!(course.rounds[0].spans[0].start < Timestamp::from_seconds(7.1));
    drop(engine);
    let engine = open_with(folder.path(), &Dream::new(), |settings| settings.zoom_rounds = 0);
    engine.set_frame_source(Arc::new(Film::default()));
    assert_eq!(answer(&engine, &id, "find 5", Manner::default()).await.1, Course::default());
}

#[tokio::test]
async fn without_the_file_the_answer_stands_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 20).await;
    // Nobody to ask: nothing is said of it.
    assert_eq!(answer(&engine, &id, "find 5", Manner::default()).await.1, Course::default());
    let sending = Manner { sends_frames: true, ..Manner::default() };
    let (text, course, events) = answer(&engine, &id, "find 5", sending).await;
    assert_eq!((text.as_str(), course.rounds[0].outcome), ("It is there from 2.2 to 2.2 seconds. ", Outcome::NoFile));
    assert!(!events.contains(&AnswerEvent::Again));
    // Frames that nobody waits for are not kept.
    let late = engine.append_close_ups(&id, 2, shown_at(&[Timestamp::from_millis(250)])).await.unwrap();
    assert_eq!(late.accepted, 0);
}

#[tokio::test]
async fn a_closer_look_that_is_stopped_leaves_the_answer_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    engine.set_frame_source(Arc::new(Film { is_slow: true, ..Film::default() }));
    let id = video(&engine, 20).await;
    let mut events = Box::pin(engine.ask(&id, "find 5".into()).unwrap());
    while !matches!(events.next().await, Some(AnswerEvent::Closer { .. })) {}
    drop(events);
    // It is written down once the model's thread has noticed.
    let round = loop {
        let record = engine.questions(&id).await.unwrap().remove(0);
        assert_eq!((record.answer.as_str(), record.complete), ("It is there from 2.2 to 2.2 seconds. ", true));
        match record.course.rounds.first() {
            Some(round) => break round.clone(),
            // A further question wakes it.
            None => drop(ask(&engine, &id, "what?").await),
        }
    };
    assert_eq!(round.outcome, Outcome::Stopped);
}

#[tokio::test]
async fn an_engine_that_ends_while_it_waits_for_frames_leaves_the_first_answer_whole() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let film = Arc::new(Film { is_slow: true, ..Film::default() });
    engine.set_frame_source(Arc::clone(&film) as Arc<_>);
    let id = video(&engine, 20).await;
    let mut events = Box::pin(engine.ask(&id, "find 5".into()).unwrap());
    while !matches!(events.next().await, Some(AnswerEvent::Closer { .. })) {}
    // Another question is not kept waiting.
    assert_eq!(ask(&engine, &id, "what?").await.0.split(' ').count(), 12);
    let record = engine.questions(&id).await.unwrap().remove(0);
    assert_eq!((record.answer.as_str(), record.complete), ("It is there from 2.2 to 2.2 seconds. ", true));
    engine.shutdown(Duration::from_millis(100)).await;
    assert!(matches!(events.collect::<Vec<_>>().await.last(), Some(AnswerEvent::Done { .. })));
    film.waiting.lock().unwrap().clear();
    drop(engine);
    let engine = open(folder.path(), &dream);
    let record = engine.questions(&id).await.unwrap().remove(0);
    assert_eq!((record.answer.as_str(), record.complete), ("It is there from 2.2 to 2.2 seconds. ", true));
}
