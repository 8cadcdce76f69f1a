//! A video is looked through for what happens in it.

use timeline::outline::SHORTEST_CHAPTER;
use timeline::{Outline, OutlineState, TitleLanguage};

use super::dream::Deed;
use super::*;

/// A picture of one brightness every half second.
async fn film(engine: &Engine, levels: &[u8]) -> VideoId {
    let frames = levels.iter().zip(0_i64..).map(|(level, n)| {
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_pixel(64, 32, image::Rgb([*level; 3]));
        picture.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        FrameIn { pts: Timestamp::from_millis(n * 500), bytes }
    });
    let id = engine.create_video(new_video(levels.len() as u32)).await.unwrap();
    engine.append_frames(&id, frames.collect()).await.unwrap();
    engine.finish_video(&id).await.unwrap();
    ready(engine, &id).await;
    id
}

/// Three pictures, ten seconds each.
fn three() -> Vec<u8> {
    [[10; 20], [120; 20], [240; 20]].concat()
}

async fn ended(engine: &Engine, id: &VideoId) -> Vec<Outline> {
    engine.outline_changes(id).await.unwrap().collect().await
}

fn asked(dream: &Dream) -> Vec<String> {
    dream.deeds().into_iter().filter_map(|deed| if let Deed::Ask(text) = deed { Some(text) } else { None }).collect()
}

#[tokio::test]
async fn every_change_is_asked_about_once_and_becomes_a_scene() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = film(&engine, &three()).await;
    assert_eq!(engine.outline(&id).await.unwrap(), Outline::default());
    engine.begin_outline(&id, TitleLanguage::En).await.unwrap();
    let told = ended(&engine, &id).await;
    let last = told.last().unwrap();
    assert_eq!((last.state, last.done, last.total), (OutlineState::Done, 3, 3));
    assert_eq!(
        asked(&dream),
        ["What is shown at 0:05?", "What is shown at 0:15?", "What is shown at 0:40?"],
        "the video is said to last a minute"
    );
    let starts: Vec<_> = last.scenes.iter().map(|scene| scene.span.start.seconds()).collect();
    assert_eq!(starts, [0.0, 10.0, 20.0]);
    assert!(last.scenes.iter().all(|scene| scene.title.starts_with("Saw")), "{:?}", last.scenes);
    assert_eq!(engine.questions(&id).await.unwrap(), [], "nobody asked");
    assert_eq!(engine.find("saw".into()).await.unwrap().len(), 3);
    assert!(last.chapters.iter().all(|chapter| chapter.span.length() >= SHORTEST_CHAPTER));

    engine.begin_outline(&id, TitleLanguage::Zh).await.unwrap();
    assert_eq!(ended(&engine, &id).await.last().unwrap().scenes.len(), 3);
    assert_eq!(asked(&dream)[3], "0:05显示什么？");
    engine.delete(&id).await.unwrap();
    assert!(engine.outline(&id).await.is_err());
}

#[tokio::test]
async fn what_was_stopped_or_cut_off_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    let engine = open(folder.path(), &dream);
    let id = film(&engine, &three()).await;
    // Every word takes its time: it is stopped in the middle.
    dream.slow(std::time::Duration::from_millis(20));
    engine.begin_outline(&id, TitleLanguage::En).await.unwrap();
    let mut changes = std::pin::pin!(engine.outline_changes(&id).await.unwrap());
    while changes.next().await.unwrap().done == 0 {}
    engine.cancel_outline(&id).await.unwrap();
    let stopped = changes.collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!((stopped.state, stopped.done), (OutlineState::Stopped, 1));
    assert_eq!(stopped.scenes.len(), 1);

    engine.begin_outline(&id, TitleLanguage::En).await.unwrap();
    engine.shutdown(std::time::Duration::ZERO).await;
    drop(engine);
    let dream = Dream::new();
    let engine = loop {
        // The thread that was looking may hold the library a moment longer.
        let settings = Settings { data_dir: folder.path().to_owned(), ..Settings::default() };
        match Engine::with_backend(&settings, Arc::clone(&dream) as Arc<_>, Encoders::default()) {
            Ok(engine) => break engine,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    let done = ended(&engine, &id).await.pop().unwrap();
    assert_eq!((done.state, done.scenes.len()), (OutlineState::Done, 3));
    assert!(!asked(&dream).contains(&"What is shown at 0:05?".to_owned()), "that was known");
}

#[tokio::test]
async fn an_unfinished_video_is_not_looked_through() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = engine.create_video(new_video(4)).await.unwrap();
    let error = engine.begin_outline(&id, TitleLanguage::En).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("not_ready", 409));
}
