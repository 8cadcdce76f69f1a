//! One search for everything the library knows in words.

use timeline::find::Place;

use super::*;

#[tokio::test]
async fn titles_words_and_answers_are_found_in_one_search() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let (lecture, other) = (video(&engine, 8).await, video(&engine, 8).await);
    engine.rename(&lecture, "Entropy, lecture 3".into()).await.unwrap();
    let speech =
        "1\n00:00:02,000 --> 00:00:03,000\nEntropy grows.\n\n2\n00:00:50,000 --> 00:00:51,000\nand the budget\n";
    engine.put_transcript(&other, "talk.en.srt".into(), speech.into()).await.unwrap();
    ask(&engine, &lecture, "Where does the entropy come in?").await;
    let find = async |words: &str| {
        let found = engine.find(words.into()).await.unwrap();
        found
            .into_iter()
            .map(|found| (found.place, found.video == lecture, found.span.map(|span| span.start.micros())))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        find("entropy").await,
        [(Place::Title, true, None), (Place::Said, false, Some(2_000_000)), (Place::Asked, true, None)]
    );
    assert_eq!(find("ENTROPY grows").await, [(Place::Said, false, Some(2_000_000))], "all words beat some");
    assert_eq!(find("budget").await.len(), 1);
    assert!(find("football").await.is_empty() && find("  ").await.is_empty());
    engine.delete(&lecture).await.unwrap();
    assert_eq!(find("lecture").await, []);
    assert_eq!(find("entropy").await.len(), 1, "its questions are gone with it");
}
