//! Frames in, index out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use timeline::{FrameIn, ProgressEvent, Timestamp, VideoId, VideoState};

use super::*;

#[tokio::test]
async fn whatever_order_frames_come_in_the_segments_are_those_of_the_sorted_list() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let straight = video(&engine, 7).await;
    let mixed = engine.create_video(new_video(7)).await.unwrap();
    for batch in [vec![5, 2], vec![0, 6, 1], vec![4], vec![3, 5]] {
        engine.append_frames(&mixed, frames(batch)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.finish_video(&mixed).await.unwrap();
    ready(&engine, &mixed).await;
    let expected = "saw 0.2:0,1 1.2:2,3 2.2:4,5 3.0:6,6 ";
    assert_eq!(ask(&engine, &straight, "what?").await.0, expected);
    assert_eq!(ask(&engine, &mixed, "what?").await.0, expected);
}

#[tokio::test]
async fn the_same_pixels_are_encoded_once_for_all_videos_and_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let first = video(&engine, 6).await;
    ready(&engine, &first).await;
    assert_eq!(dream.encoded(), 3);
    let second = video(&engine, 8).await;
    ready(&engine, &second).await;
    assert_eq!(dream.encoded(), 4);
    drop(engine);
    let engine = open(folder.path(), &dream);
    assert_eq!(engine.video(&first).await.unwrap().state, VideoState::Ready);
    assert_eq!(ask(&engine, &first, "what?").await.0, "saw 0.2:0,1 1.2:2,3 2.2:4,5 ");
    assert_eq!(dream.encoded(), 4);
}

#[tokio::test]
async fn a_lost_or_damaged_cache_costs_time_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = video(&engine, 4).await;
    ready(&engine, &id).await;
    drop(engine);
    let mut files = Vec::new();
    for shelf in std::fs::read_dir(folder.path().join("segments")).unwrap() {
        files.extend(std::fs::read_dir(shelf.unwrap().path()).unwrap().map(|f| f.unwrap().path()));
    }
    std::fs::write(&files[0], b"rubbish").unwrap();
    std::fs::remove_file(&files[1]).unwrap();
    let engine = open(folder.path(), &dream);
    assert_eq!(ask(&engine, &id, "what?").await.0, "saw 0.2:0,1 1.2:2,3 ");
    assert_eq!(dream.encoded(), 4);
    // An entry that is whole and means nothing, as another version may have left it.
    let mut entry = b"tpseg\0\x01\n".to_vec();
    entry.extend_from_slice(blake3::hash(b"features of old").as_bytes());
    entry.extend_from_slice(b"features of old");
    drop(engine);
    std::fs::write(&files[1], entry).unwrap();
    let engine = open(folder.path(), &dream);
    assert_eq!(ask(&engine, &id, "what?").await.0, "saw 0.2:0,1 1.2:2,3 ");
    assert_eq!(dream.encoded(), 5);
    // What was computed again is there the next time.
    drop(engine);
    let engine = open(folder.path(), &dream);
    ask(&engine, &id, "what?").await;
    assert_eq!(dream.encoded(), 5);
    // Without any cache the answer is the same.
    drop(engine);
    std::fs::remove_dir_all(folder.path().join("segments")).unwrap();
    let engine = open_with(folder.path(), &dream, |settings| settings.segment_cache_bytes = 0);
    assert_eq!(ask(&engine, &id, "what?").await.0, "saw 0.2:0,1 1.2:2,3 ");
}

#[tokio::test]
async fn a_restart_in_the_middle_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = engine.create_video(new_video(6)).await.unwrap();
    engine.append_frames(&id, frames(0..4)).await.unwrap();
    dream.slow(Duration::from_millis(200));
    drop(engine);
    dream.slow(Duration::ZERO);

    let engine = open(folder.path(), &dream);
    let summary = engine.video(&id).await.unwrap();
    assert_eq!((summary.state, summary.frames), (VideoState::Receiving, 4));
    let mut events = Box::pin(engine.progress(&id).unwrap());
    let Some(ProgressEvent::Snapshot { frames: known, .. }) = events.next().await else { panic!() };
    assert_eq!(known.len(), 4);
    // The page sends everything it does not know to be there, and a frame too many.
    let receipt = engine.append_frames(&id, frames(3..6)).await.unwrap();
    assert_eq!((receipt.accepted, receipt.total), (2, 6));
    engine.finish_video(&id).await.unwrap();
    ready(&engine, &id).await;
    assert_eq!(ask(&engine, &id, "what?").await.0, "saw 0.2:0,1 1.2:2,3 2.2:4,5 ");
}

#[tokio::test]
async fn progress_tells_everything_once_and_ends_with_the_video() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = engine.create_video(new_video(4)).await.unwrap();
    let events = engine.progress(&id).unwrap();
    engine.append_frames(&id, frames(0..4)).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    ready(&engine, &id).await;
    engine.delete(&id).await.unwrap();
    let events: Vec<_> = events.collect().await;
    assert!(matches!(&events[0], ProgressEvent::Snapshot { frames, .. } if frames.is_empty()));
    let (mut frames, mut segments, mut states) = (0, 0, Vec::new());
    for event in &events[1..] {
        match event {
            ProgressEvent::Frames { frames: more } => frames += more.len(),
            ProgressEvent::Segments { segments: more } => segments += more.len(),
            ProgressEvent::State { state } => states.push(*state),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((frames, segments, states.last()), (4, 2, Some(&VideoState::Ready)));
    assert!(matches!(engine.progress(&id).err(), Some(crate::Error::UnknownVideo(_))));
    assert_eq!(engine.delete(&id).await.unwrap_err().code(), "unknown_video");
}

#[tokio::test]
async fn a_listener_who_falls_behind_is_given_a_fresh_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = engine.create_video(new_video(0)).await.unwrap();
    let mut events = Box::pin(engine.progress(&id).unwrap());
    for n in 0..150 {
        // Two batches at a time keep the test short; each tells of its frames and, later, of its segment.
        engine.append_frames(&id, frames([n])).await.unwrap();
        let extra = FrameIn { pts: Timestamp::from_micros(i64::from(n) * 500_000 + 1), ..frame(n) };
        engine.append_frames(&id, vec![extra]).await.unwrap();
    }
    assert!(matches!(events.next().await, Some(ProgressEvent::Snapshot { frames, .. }) if frames.is_empty()));
    assert!(matches!(events.next().await, Some(ProgressEvent::Snapshot { frames, .. }) if frames.len() == 300));
}

#[tokio::test]
async fn a_batch_with_a_broken_frame_is_refused_whole_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = engine.create_video(new_video(4)).await.unwrap();
    let broken = FrameIn { pts: Timestamp::from_millis(700), bytes: b"no picture".to_vec() };
    let refused = engine.append_frames(&id, vec![frame(0), broken]).await.unwrap_err();
    assert_eq!(refused.code(), "not_an_image");
    assert_eq!(engine.video(&id).await.unwrap().frames, 0);
    let nobody = VideoId("nobody".into());
    assert_eq!(engine.append_frames(&nobody, frames([0])).await.unwrap_err().code(), "unknown_video");
    assert_eq!(engine.finish_video(&nobody).await.unwrap_err().code(), "unknown_video");
    let flood = vec![frame(0); crate::MAX_BATCH_FRAMES as usize + 1];
    assert_eq!(engine.append_frames(&id, flood).await.unwrap_err().code(), "too_many_frames");
    assert_eq!(engine.append_frames(&id, frames(0..4)).await.unwrap().accepted, 4);
}

#[tokio::test]
async fn a_video_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let untitled = NewVideo { title: " \n".into(), ..new_video(4) };
    assert_eq!(engine.create_video(untitled).await.unwrap_err().code(), "bad_video");
    let thread = NewVideo { width: 4000, height: 2, ..new_video(4) };
    assert_eq!(engine.create_video(thread).await.unwrap_err().code(), "bad_video");
    let endless = new_video(1_000_000);
    assert_eq!(engine.create_video(endless).await.unwrap_err().code(), "too_many_frames");
    let id = engine.create_video(NewVideo { title: "  a\u{7}b ".into(), ..new_video(4) }).await.unwrap();
    assert_eq!(engine.video(&id).await.unwrap().video.title, "ab");
    assert_eq!(engine.rename(&id, String::new()).await.unwrap_err().code(), "bad_video");
}

#[tokio::test]
async fn a_frame_is_found_by_its_moment() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = engine.create_video(new_video(4)).await.unwrap();
    let missing = engine.frame_image(&id, Timestamp::ZERO).await.unwrap_err();
    assert_eq!(missing.code(), "no_frames");
    engine.append_frames(&id, frames(0..4)).await.unwrap();
    let (bytes, media_type) = engine.frame_image(&id, Timestamp::from_millis(1400)).await.unwrap();
    assert_eq!((bytes, media_type), (frame(2).bytes, "image/png"));
}

#[tokio::test]
async fn a_kernel_that_gives_up_is_told_and_does_not_stop_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    dream.broken.store(true, Ordering::SeqCst);
    let id = engine.create_video(new_video(2)).await.unwrap();
    let mut events = Box::pin(engine.progress(&id).unwrap());
    engine.append_frames(&id, frames(0..2)).await.unwrap();
    loop {
        if let ProgressEvent::Failed { message } = events.next().await.unwrap() {
            assert!(message.contains("a kernel gave up"), "{message}");
            break;
        }
    }
    dream.broken.store(false, Ordering::SeqCst);
    let other = video(&engine, 2).await;
    assert_eq!(ask(&engine, &other, "what?").await.0, "saw 0.2:0,1 ");
}
