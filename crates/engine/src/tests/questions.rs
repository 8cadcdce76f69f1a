//! Questions in, answers out.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::StreamExt;
use qwen3_vl::Window;
use timeline::{AnswerEvent, Span, Timestamp, VideoId};

use super::dream::{QUESTION, SEGMENT};
use super::*;
use crate::selection;

#[tokio::test]
async fn a_second_question_reads_only_its_own_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 8).await;
    let (_, first) = ask(&engine, &id, "what?").await;
    assert_eq!((first.kept_tokens, first.prompt_tokens), (0, 4 * SEGMENT + QUESTION));
    let (answer, second) = ask(&engine, &id, "and now?").await;
    assert_eq!((second.kept_tokens, second.prompt_tokens), (4 * SEGMENT, 4 * SEGMENT + QUESTION));
    assert_eq!(answer, "saw 0.2:0,1 1.2:2,3 2.2:4,5 3.2:6,7 ");
    assert_eq!((second.shown_segments, second.all_segments), (4, 4));
}

#[tokio::test]
async fn while_a_video_grows_its_prefix_grows_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = engine.create_video(new_video(8)).await.unwrap();
    engine.append_frames(&id, frames(0..1)).await.unwrap();
    assert_eq!(ask(&engine, &id, "what?").await.0, "saw 0.0:0,0 ");
    engine.append_frames(&id, frames(1..5)).await.unwrap();
    let (answer, usage) = ask(&engine, &id, "what?").await;
    // The lone frame was shown for want of a pair: that prefix is of no use any more.
    assert_eq!((answer.as_str(), usage.kept_tokens), ("saw 0.2:0,1 1.2:2,3 ", 0));
    engine.append_frames(&id, frames(5..8)).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    let (answer, usage) = ask(&engine, &id, "what?").await;
    assert_eq!((answer.as_str(), usage.kept_tokens), ("saw 0.2:0,1 1.2:2,3 2.2:4,5 3.2:6,7 ", 2 * SEGMENT));
}

#[tokio::test]
async fn only_so_many_prefixes_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with(folder.path(), &Dream::new(), |settings| settings.prefix_cache_videos = 1);
    let (one, two) = (video(&engine, 4).await, video(&engine, 6).await);
    ask(&engine, &one, "what?").await;
    ask(&engine, &two, "what?").await;
    assert_eq!(ask(&engine, &two, "what?").await.1.kept_tokens, 3 * SEGMENT);
    assert_eq!(ask(&engine, &one, "what?").await.1.kept_tokens, 0);
    drop(engine);
    let engine = open_with(folder.path(), &Dream::new(), |settings| settings.prefix_cache_bytes = 999);
    ask(&engine, &one, "what?").await;
    assert_eq!(ask(&engine, &one, "what?").await.1.kept_tokens, 0);
}

#[tokio::test]
async fn dropping_the_stream_stops_the_work_and_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 4).await;
    ready(&engine, &id).await;
    dream.slow(Duration::from_millis(5));
    let mut events = Box::pin(engine.ask(&id, "count".into()).unwrap());
    while let Some(event) = events.next().await {
        if matches!(event, AnswerEvent::Token { text, .. } if text == "3 ") {
            break;
        }
    }
    drop(events);
    let begun = Instant::now();
    ask(&engine, &id, "what?").await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(dream.world.written.load(Ordering::SeqCst) < 50);
    let records = engine.questions(&id).await.unwrap();
    assert!(!records[0].complete && records[0].answer.starts_with("0 1 2 3 "), "{:?}", records[0].answer);
    assert!(records[1].complete);
}

#[tokio::test]
async fn questions_are_answered_before_other_videos_are_encoded() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 4).await;
    ready(&engine, &id).await;
    dream.slow(Duration::from_millis(30));
    let long = video(&engine, 200).await;
    let before = engine.video(&long).await.unwrap().segments;
    let (one, two) = (engine.ask(&id, "what?".into()).unwrap(), engine.ask(&id, "what?".into()).unwrap());
    tokio::join!(read(two), read(one));
    // A hundred segments take three seconds; the questions waited for one turn of them at most.
    assert!(engine.video(&long).await.unwrap().segments - before <= 48);
    dream.slow(Duration::ZERO);
    ready(&engine, &long).await;
}

#[tokio::test]
async fn a_question_before_the_index_is_complete_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    dream.slow(Duration::from_millis(5));
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 40).await;
    let events: Vec<_> = engine.ask(&id, "what?".into()).unwrap().collect().await;
    assert!(matches!(events[0], AnswerEvent::Started { .. }) && matches!(events[1], AnswerEvent::Reading { .. }));
    let Some(AnswerEvent::Done { usage }) = events.last() else { panic!("{events:?}") };
    assert_eq!(usage.shown_segments, 20);
}

#[tokio::test]
async fn times_are_told_as_spans_and_stored_with_their_pins() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 4).await;
    let events: Vec<_> = engine.ask(&id, "times".into()).unwrap().collect().await;
    let spans: Vec<_> =
        events.iter().filter_map(|e| if let AnswerEvent::Span(s) = e { Some(s.clone()) } else { None }).collect();
    let expected = Span::new(Timestamp::from_seconds(1.0), Timestamp::from_seconds(2.5));
    assert_eq!(spans.iter().map(|s| s.span).collect::<Vec<_>>(), [expected]);
    let record = engine.questions(&id).await.unwrap().remove(0);
    assert_eq!(record.spans, spans);
    assert_eq!(&record.answer[spans[0].from as usize..spans[0].to as usize], "1.0 to 2.5 seconds");
    let pin = record.tokens[0].pin.unwrap();
    assert_eq!(pin.at, Timestamp::from_millis(750));
}

#[tokio::test]
async fn thoughts_are_told_apart_and_never_become_part_of_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 40).await;
    let events: Vec<_> = engine.ask(&id, "think".into()).unwrap().collect().await;
    let thought: String = events
        .iter()
        .filter_map(|e| if let AnswerEvent::Thought { text } = e { Some(text.as_str()) } else { None })
        .collect();
    assert_eq!(thought, "At 7.0 seconds? ");
    let Some(AnswerEvent::Done { usage }) = events.last() else { panic!("{events:?}") };
    assert_eq!((usage.thought_tokens, usage.answer_tokens), (3, 5));
    let record = engine.questions(&id).await.unwrap().remove(0);
    assert_eq!(record.answer, "At 2.0 seconds. Nothing else. ");
    assert_eq!(record.spans.len(), 1);
    assert_eq!(record.spans[0].span.start, Timestamp::from_seconds(2.0));
    assert_eq!(record.tokens.len(), 5);
}

#[tokio::test]
async fn a_video_too_long_for_the_context_is_thinned_and_the_usage_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with(folder.path(), &Dream::new(), |settings| settings.max_context_length = Some(80));
    let id = video(&engine, 20).await;
    let (answer, usage) = ask(&engine, &id, "what?").await;
    assert_eq!((usage.shown_segments, usage.all_segments), (5, 10));
    assert_eq!(answer, "saw 1.2:2,3 3.2:6,7 5.2:10,11 7.2:14,15 9.2:18,19 ");
}

#[tokio::test]
async fn only_what_the_native_window_does_not_hold_is_read_in_the_extended_one() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open_with(folder.path(), &dream, |settings| settings.max_context_length = Some(1 << 24));
    let (short, long, longest) = (video(&engine, 16).await, video(&engine, 40).await, video(&engine, 250).await);
    dream.world.native.store(100, Ordering::SeqCst);
    let shown = [&short, &long, &longest].map(|id| ask(&engine, id, "what?"));
    let shown: Vec<_> =
        futures::future::join_all(shown).await.into_iter().map(|(_, usage)| usage.shown_segments).collect();
    // The last has more tokens than the widest window holds for certain: it is thinned to those.
    assert_eq!(shown, [8, 20, (300 - 75 - 7) / 10]);
    let mut windows = dream.world.windows.lock().unwrap().clone();
    windows.sort_by_key(|window| *window == Window::Extended);
    assert_eq!(windows, [Window::Native, Window::Extended, Window::Extended]);
}

#[test]
fn the_automatic_context_is_32k_below_five_minutes() {
    let dream = Dream::new();
    let context = |set, seconds| selection::context(&*dream, set, Timestamp::from_seconds(seconds));
    assert_eq!((context(None, 299.0), context(None, 300.0)), (32_768, 1_000_000));
    assert_eq!((context(Some(1 << 24), 299.0), context(Some(4096), 300.0)), (1_000_000, 4096));
}

#[tokio::test]
async fn with_temporal_compression_still_pictures_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with(folder.path(), &Dream::new(), |settings| settings.temporal_compression = true);
    let id = engine.create_video(new_video(10)).await.unwrap();
    let colours = [0, 0, 0, 0, 0, 9, 9, 9, 9, 9];
    let still = (0..10).map(|n| FrameIn { bytes: frame(colours[n as usize]).bytes, ..frame(n) });
    engine.append_frames(&id, still.collect()).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    let (answer, usage) = ask(&engine, &id, "what?").await;
    assert_eq!(answer, "saw 0.2:0,0 2.2:0,9 4.2:9,9 ");
    assert_eq!((usage.shown_segments, usage.all_segments), (3, 5));
}

#[tokio::test]
async fn wrong_questions_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = engine.create_video(new_video(4)).await.unwrap();
    let refused = |id: &VideoId, question: &str| engine.ask(id, question.into()).err().unwrap();
    assert_eq!(refused(&id, "when?").code(), "no_frames");
    assert_eq!(refused(&id, " \n ").code(), "empty_question");
    let long = refused(&id, &"很".repeat(40_000));
    assert_eq!((long.code(), long.status()), ("question_too_long", 413));
    assert!(long.to_string().contains("120000") && long.to_string().contains("8192"), "{long}");
    assert_eq!(refused(&VideoId("nobody".into()), "when?").code(), "unknown_video");
    assert!(engine.questions(&id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_broken_answer_is_an_event_and_the_next_question_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 4).await;
    let (_, last) = read(engine.ask(&id, "panic".into()).unwrap()).await;
    assert!(
        matches!(&last, AnswerEvent::Error { code, message, .. } if code == "internal" && message.contains("a dream broke"))
    );
    assert_eq!(ask(&engine, &id, "what?").await.0, "saw 0.2:0,1 1.2:2,3 ");
    assert!(!engine.questions(&id).await.unwrap()[0].complete);
}

#[tokio::test]
async fn shutting_down_ends_every_stream_and_keeps_the_half_answer() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    // No memory for two at once: the second has to wait.
    let engine = open_with(folder.path(), &dream, |settings| settings.prefix_cache_bytes = 1);
    let id = video(&engine, 4).await;
    ready(&engine, &id).await;
    dream.slow(Duration::from_millis(5));
    let progress = engine.progress(&id).unwrap();
    let running = engine.ask(&id, "count".into()).unwrap();
    let waiting = engine.ask(&id, "what?".into()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    let (_, running, waiting, _) =
        tokio::join!(engine.shutdown(Duration::from_millis(200)), read(running), read(waiting), progress.count());
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(matches!(&running.1, AnswerEvent::Error { code, .. } if code == "shutting_down"), "{:?}", running.1);
    assert!(matches!(&waiting.1, AnswerEvent::Error { code, .. } if code == "shutting_down"));
    assert_eq!(engine.ask(&id, "what?".into()).err().unwrap().code(), "shutting_down");
    drop(engine);
    let engine = open(folder.path(), &Dream::new());
    let records = engine.questions(&id).await.unwrap();
    assert!(!records[0].complete && records[0].answer.starts_with("0 1 2"));
}

#[tokio::test]
async fn a_question_deleted_while_it_is_answered_is_answered_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    dream.slow(Duration::from_millis(20));
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 4).await;
    let mut events = Box::pin(engine.ask(&id, "times".into()).unwrap());
    let Some(AnswerEvent::Started { question }) = events.next().await else { panic!() };
    engine.delete_question(&id, question).await.unwrap();
    assert!(matches!(read(events).await.1, AnswerEvent::Done { .. }));
    assert_eq!(engine.delete_question(&id, question).await.unwrap_err().code(), "unknown_question");
}
