//! What comes and goes between two frames of the plan: noted, looked at, and there for good.

use timeline::Span;

use super::*;

fn span(from: i64, to: i64) -> Span {
    Span::new(Timestamp::from_millis(from), Timestamp::from_millis(to))
}

#[tokio::test]
async fn what_came_and_went_is_asked_for_until_a_frame_shows_it_and_is_a_segment_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = engine.create_video(new_video(6)).await.unwrap();
    engine.append_frames(&id, frames(0..4)).await.unwrap();
    // The second is on the frame of 1.0 s, the other two on none.
    engine.append_flashes(&id, vec![span(600, 900), span(950, 1_200), span(1_100, 1_300)]).await.unwrap();
    let missing = [750, 1_200].map(Timestamp::from_millis);
    assert_eq!(engine.unseen(&id).await.unwrap(), missing);
    drop(engine);

    // Whoever goes on after an interruption is told the same.
    let engine = open(folder.path(), &dream);
    assert_eq!(engine.unseen(&id).await.unwrap(), missing);
    let between = |ms, n| FrameIn { pts: Timestamp::from_millis(ms), ..frame(n) };
    let receipt = engine.append_between(&id, vec![between(740, 90), between(1_150, 91)]).await.unwrap();
    assert_eq!((receipt.accepted, receipt.total), (2, 4));
    assert_eq!(engine.unseen(&id).await.unwrap(), []);
    engine.append_frames(&id, frames(4..6)).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    ready(&engine, &id).await;
    // In the order in which they begin: the pair from 1.0 to 1.5 s before what is in the middle of it.
    let all = "saw 0.2:0,1 0.7:90,90 1.2:2,3 1.1:91,91 2.2:4,5 ";
    assert_eq!(ask(&engine, &id, "what?").await.0, all);
    assert_eq!(engine.videos().await.unwrap()[0].frames, 6);
    drop(engine);

    let engine = open(folder.path(), &dream);
    assert_eq!(ask(&engine, &id, "what?").await.0, all);
}
