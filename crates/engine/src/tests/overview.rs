//! A look at everything before everything is there: the overview, and that it leaves no trace.

use std::time::Duration;

use timeline::{Coarse, Glimpse, QuestionRecord};

use super::*;

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// A key frame between two of the plan, of its own colour.
fn between(n: u8) -> FrameIn {
    FrameIn { pts: Timestamp::from_millis(i64::from(n) * 500 + 100), ..frame(n + 100) }
}

/// A video of which an overview was sent: frames 0, 6 and 12, which the plan wants too, and one it does not want.
async fn glimpsed(engine: &Engine) -> VideoId {
    let id = engine.create_video(new_video(14)).await.unwrap();
    let mut overview = frames([0, 6, 12]);
    let planned = overview.iter().map(|frame| frame.pts).collect();
    overview.push(between(9));
    let receipt = engine.append_overview(&id, overview, planned).await.unwrap();
    assert_eq!((receipt.accepted, receipt.total), (4, 3));
    id
}

async fn snapshot(engine: &Engine, id: &VideoId) -> (Vec<Timestamp>, usize, Vec<Glimpse>) {
    match Box::pin(engine.progress(id).unwrap()).next().await {
        Some(ProgressEvent::Snapshot { frames, segments, overview, .. }) => (frames, segments.len(), overview),
        other => panic!("{other:?}"),
    }
}

/// The answer, and how coarse it was told to be.
async fn seen(engine: &Engine, id: &VideoId) -> (String, Option<Coarse>) {
    let events: Vec<_> = engine.ask(id, "what?".into()).unwrap().collect().await;
    let coarse =
        events.iter().find_map(|event| if let AnswerEvent::Coarse(coarse) = event { Some(*coarse) } else { None });
    (read(futures::stream::iter(events)).await.0, coarse)
}

async fn last_question(engine: &Engine, id: &VideoId) -> QuestionRecord {
    engine.questions(id).await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn the_overview_answers_at_once_and_the_plan_takes_its_place_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = glimpsed(&engine).await;
    let (answer, coarse) = seen(&engine, &id).await;
    assert_eq!(answer, "saw 0.0:0,0 3.0:6,6 4.6:109,109 6.0:12,12 ");
    assert_eq!(coarse, Some(Coarse { from: Timestamp::ZERO, step: at(54.0) }));
    assert_eq!(last_question(&engine, &id).await.coarse, coarse);

    // Frame 0 is there already; 5 has no partner before 6 is reached.
    engine.append_frames(&id, frames(1..6)).await.unwrap();
    while snapshot(&engine, &id).await.1 < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (answer, coarse) = seen(&engine, &id).await;
    assert_eq!(answer, "saw 0.2:0,1 1.2:2,3 2.2:4,5 3.0:6,6 4.6:109,109 6.0:12,12 ");
    assert_eq!(coarse.map(|coarse| coarse.from), Some(at(2.5)));
    let (known, _, glimpses) = snapshot(&engine, &id).await;
    assert_eq!(known.len(), 6);
    let glimpses: Vec<_> = glimpses.iter().map(|glimpse| (glimpse.pts, glimpse.planned)).collect();
    assert_eq!(glimpses, [(at(3.0), true), (at(4.6), false), (at(6.0), true)]);
}

#[tokio::test]
async fn a_video_with_an_overview_ends_as_one_without() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let plain = video(&engine, 14).await;
    ready(&engine, &plain).await;
    let id = glimpsed(&engine).await;
    for batch in [frames([1, 2, 3]), frames([4, 5, 7, 8, 9]), frames([10, 11, 13])] {
        engine.append_frames(&id, batch).await.unwrap();
        seen(&engine, &id).await;
    }
    engine.finish_video(&id).await.unwrap();
    ready(&engine, &id).await;
    let (one, other) = (seen(&engine, &plain).await, seen(&engine, &id).await);
    assert_eq!(one, other);
    assert_eq!(one.1, None);
    assert_eq!(snapshot(&engine, &plain).await, snapshot(&engine, &id).await);
    let summary = |video: timeline::VideoSummary| (video.state, video.frames, video.segments);
    assert_eq!(summary(engine.video(&plain).await.unwrap()), summary(engine.video(&id).await.unwrap()));
    // An overview that comes late is for nobody.
    assert_eq!(engine.append_overview(&id, vec![between(3)], Vec::new()).await.unwrap().accepted, 0);
    // Nor is anything of it left for the next run.
    drop(engine);
    let engine = open(folder.path(), &dream);
    assert_eq!(snapshot(&engine, &plain).await, snapshot(&engine, &id).await);
    assert_eq!(seen(&engine, &id).await, one);
}

#[tokio::test]
async fn a_restart_keeps_the_overview_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = glimpsed(&engine).await;
    engine.append_frames(&id, frames(1..4)).await.unwrap();
    drop(engine);
    let engine = open(folder.path(), &dream);
    let (known, _, glimpses) = snapshot(&engine, &id).await;
    assert_eq!((known.len(), glimpses.len()), (4, 3));
    let (answer, coarse) = seen(&engine, &id).await;
    assert!(coarse.is_some() && answer.ends_with("3.0:6,6 4.6:109,109 6.0:12,12 "), "{answer}");
    engine.append_frames(&id, frames([4, 5, 7, 8, 9, 10, 11, 13])).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    ready(&engine, &id).await;
    let (answer, coarse) = seen(&engine, &id).await;
    assert_eq!(answer, "saw 0.2:0,1 1.2:2,3 2.2:4,5 3.2:6,7 4.2:8,9 5.2:10,11 6.2:12,13 ");
    assert_eq!(coarse, None);
}

#[tokio::test]
async fn a_question_waits_for_the_overview_and_not_for_the_backlog() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = glimpsed(&engine).await;
    seen(&engine, &id).await;
    // From here on nothing can be encoded any more.
    dream.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    let before = dream.encoded();
    let waiting = engine.ask(&id, "what?".into()).unwrap();
    engine.append_frames(&id, frames(1..6)).await.unwrap();
    let (answer, end) = read(waiting).await;
    assert!(matches!(end, AnswerEvent::Done { .. }), "{end:?}");
    assert!(answer.ends_with("3.0:6,6 4.6:109,109 6.0:12,12 "), "{answer}");
    assert_eq!(dream.encoded(), before);
}
