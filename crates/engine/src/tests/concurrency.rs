//! Many questions at once: nobody stalls, nobody disturbs another, and a video is shown once for all.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::StreamExt;
use timeline::{AnswerEvent, VideoId};

use super::dream::{Deed, SEGMENT, TOKEN_BYTES};
use super::*;

/// Asks and reads on a task of its own.
fn asked(engine: &Engine, id: &VideoId, question: &str) -> tokio::task::JoinHandle<(String, AnswerEvent)> {
    tokio::spawn(read(engine.ask(id, question.into()).unwrap()))
}

fn usage(last: &AnswerEvent) -> Usage {
    match last {
        AnswerEvent::Done { usage } => *usage,
        other => panic!("{other:?}"),
    }
}

/// Waits until `done`.
async fn until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never came to it");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn answers_are_written_together_and_each_says_what_it_says_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let (one, two) = (video(&engine, 20).await, video(&engine, 24).await);
    let alone = (ask(&engine, &one, "what?").await.0, ask(&engine, &two, "what?").await.0);
    dream.slow(Duration::from_millis(10));
    let events: Vec<_> = [&one, &two, &one, &two].iter().map(|id| asked(&engine, id, "what?")).collect();
    let mut answers = Vec::new();
    for event in events {
        answers.push(event.await.unwrap().0);
    }
    assert_eq!(answers, [&*alone.0, &*alone.1, &*alone.0, &*alone.1]);
    let together = |deed: &Deed| matches!(deed, Deed::Write(answers) if *answers > 1);
    assert!(dream.deeds().iter().filter(|deed| together(deed)).count() >= 8, "{:?}", dream.deeds());
}

#[tokio::test]
async fn a_long_video_being_shown_stops_no_answer_for_more_than_one_stride() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let (short, long) = (video(&engine, 4).await, video(&engine, 250).await);
    ready(&engine, &short).await;
    ready(&engine, &long).await;
    dream.show_slowly(Duration::from_millis(4));
    // The pace is learnt first: what follows goes in strides of a quarter of a second.
    ask(&engine, &video(&engine, 60).await, "what?").await;
    dream.world.deeds.lock().unwrap().clear();
    // A thousand words take ten seconds: on a busy machine too they are not over before the long video is shown.
    dream.slow(Duration::from_millis(10));
    let count = engine.ask(&short, "count".into()).unwrap();
    until(|| dream.deeds().contains(&Deed::Write(1))).await;
    let (_, last) = read(engine.ask(&long, "what?".into()).unwrap()).await;
    assert_eq!(usage(&last).shown_segments, 125);
    drop(count);
    let deeds = dream.deeds();
    let from = deeds.iter().position(|deed| matches!(deed, Deed::Write(_))).unwrap();
    let strides: Vec<_> =
        deeds[from..].iter().filter_map(|d| if let Deed::Show(_, n) = d { Some(*n) } else { None }).collect();
    // Half a second of showing in pieces, and a token between any two of them.
    assert!(strides.len() >= 2 && strides.iter().all(|n| *n <= 100), "{strides:?}");
    assert!(
        deeds[from..].windows(2).all(|pair| matches!(pair, [Deed::Write(_), _] | [_, Deed::Write(_)])),
        "{deeds:?}"
    );
}

#[tokio::test]
async fn a_video_that_arrives_slows_an_answer_down_but_does_not_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 4).await;
    ask(&engine, &id, "what?").await;
    dream.slow(Duration::from_millis(3));
    let count = engine.ask(&id, "count".into()).unwrap();
    let long = video(&engine, 250).await;
    let written = dream.world.written.load(Ordering::SeqCst);
    ready(&engine, &long).await;
    // The encoder had a quarter of the time: for a turn of 48 segments the answer got that of 144 tokens.
    let written = dream.world.written.load(Ordering::SeqCst) - written;
    assert!(written > 100, "{written}");
    drop(count);
}

#[tokio::test]
async fn two_who_ask_about_a_video_at_once_have_it_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 240).await;
    ready(&engine, &id).await;
    dream.show_slowly(Duration::from_millis(1));
    let (one, two) = (asked(&engine, &id, "what?"), asked(&engine, &id, "what?"));
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_eq!(one.0, two.0);
    assert_eq!(dream.shown(), 120);
    assert_eq!((usage(&one.1).kept_tokens, usage(&two.1).kept_tokens), (0, 120 * SEGMENT));
}

#[tokio::test]
async fn who_waited_for_another_goes_on_when_that_one_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 240).await;
    ready(&engine, &id).await;
    dream.show_slowly(Duration::from_millis(2));
    let one = engine.ask(&id, "what?".into()).unwrap();
    let two = asked(&engine, &id, "what?");
    until(|| dream.shown() > 10).await;
    drop(one);
    let (answer, last) = two.await.unwrap();
    assert_eq!(answer.split_whitespace().count(), 121);
    // What the first had been shown was kept for the second.
    assert!(usage(&last).kept_tokens >= 10 * SEGMENT, "{last:?}");
    assert_eq!(dream.shown(), 120);
}

#[tokio::test]
async fn a_question_that_is_dropped_disturbs_nobody_whatever_it_was_doing() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let (id, other) = (video(&engine, 4).await, video(&engine, 100).await);
    ready(&engine, &id).await;
    ready(&engine, &other).await;
    dream.slow(Duration::from_millis(2));
    dream.show_slowly(Duration::from_millis(2));
    let mut count = Box::pin(engine.ask(&id, "count".into()).unwrap());
    let times = asked(&engine, &id, "times");
    let shown = engine.ask(&other, "what?".into()).unwrap();
    while !matches!(count.next().await, Some(AnswerEvent::Token { .. })) {}
    drop((count, shown));
    assert_eq!(times.await.unwrap().0, "It is there from 1.0 to 2.5 seconds. Nothing else. ");
    assert!(ask(&engine, &other, "what?").await.0.starts_with("saw 0.2:0,1 "));
    assert!(dream.world.written.load(Ordering::SeqCst) < 200);
}

#[tokio::test]
async fn an_answer_that_breaks_ends_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 8).await;
    ask(&engine, &id, "what?").await;
    dream.slow(Duration::from_millis(2));
    let questions = ["times", "stumble", "what?", "overflow", "panic"];
    let asked: Vec<_> = questions.iter().map(|question| asked(&engine, &id, question)).collect();
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.unwrap());
    }
    assert_eq!(answers[0].0, "It is there from 1.0 to 2.5 seconds. Nothing else. ");
    assert_eq!(answers[2].0, "saw 0.2:0,1 1.2:2,3 2.2:4,5 3.2:6,7 ");
    let code = |n: usize| match &answers[n].1 {
        AnswerEvent::Error { code, .. } => code.as_str(),
        other => panic!("{other:?}"),
    };
    assert_eq!([code(1), code(3), code(4)], ["internal", "out_of_memory", "internal"]);
    // What they had written is kept, and the next question works.
    assert_eq!((answers[1].0.as_str(), answers[3].0.as_str()), ("one two ", "one two "));
    assert_eq!(ask(&engine, &id, "what?").await.0, answers[2].0);
}

#[tokio::test]
async fn when_memory_runs_out_what_is_kept_goes_before_an_answer_does() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let (one, two, long) = (video(&engine, 20).await, video(&engine, 22).await, video(&engine, 60).await);
    ask(&engine, &one, "what?").await;
    // Room for either video and not for both, and not for the long one.
    dream.world.memory.store(u64::from(15 * SEGMENT) * TOKEN_BYTES, Ordering::SeqCst);
    assert_eq!(ask(&engine, &two, "what?").await.1.shown_segments, 11);
    let (_, last) = read(engine.ask(&long, "what?".into()).unwrap()).await;
    let AnswerEvent::Error { code, message, .. } = last else { panic!("{last:?}") };
    assert!(code == "out_of_memory" && message.contains("set kv_cache to 8"), "{message}");
    assert_eq!(ask(&engine, &one, "what?").await.1.shown_segments, 10);
}

#[tokio::test]
async fn memory_that_runs_out_while_a_video_is_encoded_costs_it_no_segment() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let one = video(&engine, 20).await;
    ask(&engine, &one, "what?").await;
    // All memory is what is kept of the first video: it goes for the second's sake.
    dream.world.memory.store(dream.world.held.load(Ordering::SeqCst), Ordering::SeqCst);
    let two = video_of(&engine, 40..48).await;
    ready(&engine, &two).await;
    assert_eq!(ask(&engine, &two, "what?").await.1.shown_segments, 4);

    // There is none at all: the question ends, and once there is some, the next one sees every segment.
    dream.world.memory.store(1, Ordering::SeqCst);
    let three = video_of(&engine, 60..68).await;
    let (_, last) = read(engine.ask(&three, "what?".into()).unwrap()).await;
    assert!(matches!(&last, AnswerEvent::Error { code, .. } if code == "out_of_memory"), "{last:?}");
    dream.world.memory.store(0, Ordering::SeqCst);
    assert_eq!(ask(&engine, &three, "what?").await.1.shown_segments, 4);
}

#[tokio::test]
async fn memory_decides_how_many_are_answered_at_once_and_the_others_are_told_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    // Two answers of a thousand tokens each, and nothing else.
    let engine = open_with(folder.path(), &dream, |settings| settings.prefix_cache_bytes = 2_300 * TOKEN_BYTES);
    let id = video(&engine, 4).await;
    ready(&engine, &id).await;
    // Neither ends before the third has been told its place.
    let (one, two) = (asked(&engine, &id, "wait"), asked(&engine, &id, "wait"));
    let mut waiting = Box::pin(engine.ask(&id, "what?".into()).unwrap());
    let mut ahead = Vec::new();
    let last = loop {
        match waiting.next().await.unwrap() {
            AnswerEvent::Waiting { ahead: now } => {
                ahead.push(now);
                dream.world.come.store(true, Ordering::SeqCst);
            }
            AnswerEvent::Token { .. } | AnswerEvent::Started { .. } | AnswerEvent::Reading { .. } => {}
            other => break other,
        }
    };
    assert_eq!(ahead, [2]);
    assert!(matches!(last, AnswerEvent::Done { .. }), "{last:?}");
    assert!(matches!(one.await.unwrap().1, AnswerEvent::Done { .. }));
    assert!(matches!(two.await.unwrap().1, AnswerEvent::Done { .. }));
    assert!(dream.deeds().contains(&Deed::Write(2)) && !dream.deeds().contains(&Deed::Write(3)));
}

#[tokio::test]
async fn questions_about_parts_of_a_video_share_what_they_have_in_common() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = engine.create_video(new_video(40)).await.unwrap();
    engine.append_frames(&id, frames(0..20)).await.unwrap();
    ask(&engine, &id, "what?").await;
    engine.append_frames(&id, frames(20..40)).await.unwrap();
    // The last second is missing: what comes before it is shared all the same, and again when the frame is there.
    let (_, usage) = ask(&engine, &id, "what?").await;
    assert_eq!(usage.kept_tokens, 10 * SEGMENT);
    let late = FrameIn { pts: Timestamp::from_millis(10_250), ..frame(99) };
    engine.append_frames(&id, vec![late]).await.unwrap();
    let (_, shifted) = ask(&engine, &id, "what?").await;
    assert_eq!(shifted.kept_tokens, 10 * SEGMENT, "pairs behind the late frame are others, those before it are not");
    assert_eq!(ask(&engine, &id, "what?").await.1.kept_tokens, 20 * SEGMENT);
    drop(engine);
    assert_eq!(dream.world.held.load(Ordering::SeqCst), 0, "nothing is held when the engine is gone");
}

#[tokio::test]
async fn an_answer_that_waits_for_somebody_else_neither_spins_nor_holds_anybody_up() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 4).await;
    let waiting = asked(&engine, &id, "wait");
    until(|| dream.deeds().contains(&Deed::Write(1))).await;
    let looks = || dream.deeds().iter().filter(|deed| matches!(deed, Deed::Write(_))).count();
    let before = looks();
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Every 20 ms, were the machine not busy; a spinning thread looks hundreds of times.
    assert!((1..=16).contains(&(looks() - before)), "{}", looks() - before);
    // Another question wakes the thread and is answered to its end, a frame that arrives is encoded.
    assert_eq!(ask(&engine, &id, "times").await.0, "It is there from 1.0 to 2.5 seconds. Nothing else. ");
    ready(&engine, &video(&engine, 6).await).await;
    assert!(!waiting.is_finished());
    dream.world.come.store(true, Ordering::SeqCst);
    assert_eq!(waiting.await.unwrap().0, "wait came ");
}

#[tokio::test]
async fn the_end_of_the_engine_does_not_make_an_answer_that_waits_spin() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 4).await;
    let waiting = asked(&engine, &id, "wait");
    until(|| dream.deeds().contains(&Deed::Write(1))).await;
    engine.shutdown(Duration::from_millis(200)).await;
    assert!(matches!(waiting.await.unwrap().1, AnswerEvent::Error { code, .. } if code == "shutting_down"));
    let looks = dream.deeds().iter().filter(|deed| matches!(deed, Deed::Write(_))).count();
    assert!(looks < 40, "{looks}");
}

#[tokio::test]
async fn an_answer_has_no_more_tokens_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 4).await;
    for (most, text) in [(3, "0 1 2 "), (0, "")] {
        let (answer, last) =
            read(engine.ask_as(&id, "count".into(), Manner { most, ..Manner::default() }).unwrap()).await;
        assert_eq!((answer.as_str(), usage(&last).answer_tokens), (text, most));
        assert!(engine.questions(&id).await.unwrap().last().unwrap().complete);
    }
}
