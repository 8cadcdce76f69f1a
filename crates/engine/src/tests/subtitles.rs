//! Subtitles between segments, their share of the context, and answers that need no model.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use timeline::cues::embedded::{Packet, Script, Text, Track};
use timeline::cues::{Export, Retiming};
use timeline::{AnswerEvent, Timestamp, VideoId};

use super::dream::{LINE, QUESTION, SEGMENT};
use super::*;
use crate::Error;

const FILE: &str = "1
00:00:00,300 --> 00:00:00,800
Good morning

2
00:00:01,100 --> 00:00:02,900
we speak about gradient
descent today

3
00:00:03,900 --> 00:00:09,000
<i>goodbye</i>
";

async fn put(engine: &Engine, id: &VideoId, name: &str, file: &str) -> i64 {
    engine.put_transcript(id, name.into(), file.into()).await.unwrap().info.id
}

async fn found(engine: &Engine, id: &VideoId, question: &str) -> Option<Vec<String>> {
    let events: Vec<_> = engine.ask(id, question.into()).unwrap().collect().await;
    // Right after the question was taken, before anything else happens.
    match &events[1] {
        AnswerEvent::Found { evidence } => Some(evidence.iter().map(|found| found.text.clone()).collect()),
        _ => None,
    }
}

#[tokio::test]
async fn subtitles_stand_before_the_segment_in_whose_window_they_begin() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 8).await;
    let before = ask(&engine, &id, "what?").await;
    let transcript = put(&engine, &id, "clip.srt", FILE).await;
    let (answer, usage) = ask(&engine, &id, "what?").await;
    let expected = "saw [subtitle 0.3-0.8 s] Good morning\n0.2:0,1 \
        [subtitle 1.1-2.9 s] we speak about gradient descent today\n1.2:2,3 2.2:4,5 \
        [subtitle 3.9-9.0 s] goodbye\n3.2:6,7 ";
    assert_eq!(answer, expected);
    assert_eq!(usage.prompt_tokens, 4 * SEGMENT + 3 * LINE + QUESTION);
    assert_eq!(usage.kept_tokens, 0, "what was shown without words is another beginning");
    assert_eq!(ask(&engine, &id, "and now?").await.1.kept_tokens, 4 * SEGMENT + 3 * LINE);
    // Later by a second, then gone: every time it is what is there now that is shown.
    engine.retime(&id, transcript, Retiming::shift(Timestamp::from_seconds(1.0))).await.unwrap();
    assert!(ask(&engine, &id, "what?").await.0.starts_with("saw 0.2:0,1 [subtitle 1.3-1.8 s] Good morning\n1.2:2,3 "));
    engine.delete_transcript(&id, transcript).await.unwrap();
    let after = ask(&engine, &id, "what?").await;
    assert_eq!((after.0, after.1.kept_tokens), (before.0, 4 * SEGMENT));
}

#[tokio::test]
async fn where_something_is_said_is_answered_before_the_model_begins() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 8).await;
    assert_eq!(found(&engine, &id, "When is gradient descent mentioned?").await, None, "there are no subtitles");
    put(&engine, &id, "clip.en.srt", FILE).await;
    put(&engine, &id, "clip.zh.srt", "1\n00:00:01,000 --> 00:00:02,000\n今天讲梯度下降\n").await;
    let english = found(&engine, &id, "When is gradient descent mentioned?").await;
    assert_eq!(english, Some(vec!["we speak about gradient\ndescent today".to_owned()]));
    assert_eq!(found(&engine, &id, "第几分钟提到梯度下降？").await, Some(vec!["今天讲梯度下降".to_owned()]));
    assert_eq!(found(&engine, &id, "When is entropy mentioned?").await, Some(vec![]));
    assert_eq!(found(&engine, &id, "When does the red circle appear?").await, None);
    let kept = engine.questions(&id).await.unwrap();
    assert_eq!(kept[1].evidence[0].span.start, Timestamp::from_millis(1_100));
    assert!(kept[3].evidence.is_empty() && kept[4].evidence.is_empty());
}

/// Knows that money has to do with budgets; counts the sentences it is given.
struct Thesaurus(Arc<AtomicUsize>);

impl Sense for Thesaurus {
    fn directions(&self, sentences: &[&str]) -> crate::error::Result<Vec<Vec<f32>>> {
        self.0.fetch_add(sentences.len(), Ordering::SeqCst);
        let about_money = |text: &&str| ["money", "budget"].iter().any(|word| text.contains(word));
        Ok(sentences.iter().map(|text| if about_money(text) { vec![1.0, 0.0] } else { vec![0.0, 1.0] }).collect())
    }
}

#[tokio::test]
async fn what_is_said_in_other_words_is_found_when_the_words_stand_nowhere() {
    const SPEECH: &str =
        "1\n00:00:01,000 --> 00:00:02,000\nWe ran out of money.\n\n2\n00:00:03,000 --> 00:00:04,000\nGood evening.\n";
    let folder = tempfile::tempdir().unwrap();
    let given = Arc::new(AtomicUsize::new(0));
    let engine = open_sensing(folder.path(), &Dream::new(), Thesaurus(Arc::clone(&given)));
    let id = video(&engine, 8).await;
    let transcript = put(&engine, &id, "clip.en.srt", SPEECH).await;
    let ask = |question: &'static str| {
        let (engine, id) = (engine.clone(), id.clone());
        async move {
            let events: Vec<_> = engine.ask(&id, question.into()).unwrap().collect().await;
            let AnswerEvent::Found { evidence } = &events[1] else { panic!("{events:?}") };
            evidence.iter().map(|found| (found.span.start.micros(), found.is_similar)).collect::<Vec<_>>()
        }
    };
    assert_eq!(ask("When is the budget mentioned?").await, [(1_000_000, true)]);
    assert_eq!(ask("When is money mentioned?").await, [(1_000_000, false)], "its own words are no likeness");
    // Two cues, prepared once although they were looked at twice, and the words of the first question.
    assert_eq!(given.load(Ordering::SeqCst), 3);
    let cue = engine.cues(&id, transcript).await.unwrap()[1].id;
    engine.edit_cue(&id, transcript, cue, "Now the money again.").await.unwrap();
    assert_eq!(ask("When is the budget discussed?").await, [(1_000_000, true), (3_000_000, true)]);
}

#[tokio::test]
async fn the_transcript_in_the_language_of_the_question_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 4).await;
    put(&engine, &id, "clip.en.srt", "1\n00:00:00,000 --> 00:00:01,000\nHello\n").await;
    put(&engine, &id, "clip.zh.srt", "1\n00:00:00,000 --> 00:00:01,000\n你好\n").await;
    assert!(ask(&engine, &id, "what?").await.0.contains("Hello"));
    let chinese = ask(&engine, &id, "是什么？").await.0;
    assert!(chinese.contains("你好") && !chinese.contains("Hello"));
}

#[tokio::test]
async fn words_take_at_most_half_of_a_short_context_and_those_asked_for_stay() {
    let folder = tempfile::tempdir().unwrap();
    let dream = Dream::new();
    // A quarter of the context is for the answer: 300 - 75 - 7 tokens are left for pictures and words.
    let engine = open_with(folder.path(), &dream, |settings| settings.max_context_length = Some(300));
    let id = video(&engine, 100).await;
    let line = |n: i64| {
        let text = if n == 77 { "the secret word" } else { "and so on" };
        format!("00:00:{:02},{:03} --> 00:00:{:02},{:03}\n{text}\n\n", n / 2, n % 2 * 500, n / 2, n % 2 * 500 + 400)
    };
    put(&engine, &id, "clip.vtt", &(0..100).map(line).collect::<String>()).await;
    let (answer, usage) = ask(&engine, &id, "When is the secret word mentioned?").await;
    let words = answer.matches("[subtitle").count() as u32;
    let pictures = usage.shown_segments;
    assert!(words * LINE <= 109 && words * LINE > 90, "{words}");
    assert!(words * LINE + pictures * SEGMENT <= 218 && pictures >= 10, "{pictures}");
    assert_eq!(answer.matches(':').count() as u32, pictures, "every segment shown has its stamp");
    assert!(answer.contains("[subtitle 38.5-38.9 s] the secret word\n"));
    // Half of the pictures, an odd one aside, are the seconds around the word.
    let near = (34..=43).filter(|second| answer.contains(&format!("{second}.2:"))).count() as u32;
    assert!(near * 2 + 1 >= pictures, "{near} of {pictures}");
}

#[tokio::test]
async fn transcripts_are_edited_exported_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 4).await;
    let transcript = put(&engine, &id, "/tmp/讲座.srt", FILE).await;
    let cues = engine.cues(&id, transcript).await.unwrap();
    assert_eq!(engine.edit_cue(&id, transcript, cues[0].id, "  Good\tevening \n\n").await.unwrap(), "Good evening");
    assert_eq!(engine.edit_cue(&id, transcript, cues[2].id, " ").await.unwrap(), "");
    let (name, file) = engine.export_transcript(&id, transcript, Export::Vtt).await.unwrap();
    assert_eq!(name, "讲座.vtt");
    assert!(file.starts_with("WEBVTT\n") && file.contains("Good evening") && !file.contains("goodbye"));
    let long = "x".repeat(2_001);
    assert!(matches!(engine.edit_cue(&id, transcript, cues[0].id, &long).await, Err(Error::CueTooLong { .. })));
    let zero = Retiming { below: 0, ..Retiming::default() };
    assert_eq!(engine.retime(&id, transcript, zero).await.unwrap_err().code(), "bad_retiming");
    let refused = engine.put_transcript(&id, "x.srt".into(), b"no\nsubtitles".to_vec()).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("subtitles_unknown_format", 422));
    for n in 1..crate::MAX_TRANSCRIPTS {
        put(&engine, &id, &format!("{n}.srt"), FILE).await;
    }
    let one_more = engine.put_transcript(&id, "more.srt".into(), FILE.into()).await.unwrap_err();
    assert_eq!(one_more.code(), "too_many_transcripts");
    put(&engine, &id, "1.srt", FILE).await;
}

fn track(id: u32, language: &str, words: &[&str]) -> Track {
    let packet = |(number, words): (u32, &&str)| Packet {
        number,
        start: Timestamp::from_millis(i64::from(number) * 1_000),
        end: Some(Timestamp::from_millis(i64::from(number) * 1_000 + 800)),
        text: Some(Text(words.as_bytes().to_vec())),
    };
    let packets = (1..).zip(words).map(packet).collect();
    Track { id, language: Some(language.into()), title: Some("Parts 1/2".into()), script: Script::SubRip, packets }
}

#[tokio::test]
async fn a_track_of_the_file_is_taken_once_and_keeps_what_was_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Dream::new());
    let id = video(&engine, 8).await;
    let receipt = engine.put_track(&id, track(2, "en", &["<i>one</i>", "gradient"])).await.unwrap().unwrap();
    assert_eq!(receipt.info.name, "Track 2 · English · Parts 1/2");
    assert_eq!((receipt.info.cues, receipt.info.language.as_deref()), (2, Some("en")));
    let cue = engine.cues(&id, receipt.info.id).await.unwrap()[1].id;
    engine.edit_cue(&id, receipt.info.id, cue, "descent").await.unwrap();
    assert!(engine.put_track(&id, track(2, "en", &["one", "gradient"])).await.unwrap().is_none());
    assert_eq!(engine.cues(&id, receipt.info.id).await.unwrap()[1].cue.text, "descent");
    // Another track of the same language is another transcript; one without text is none.
    assert!(engine.put_track(&id, track(3, "en", &["two"])).await.unwrap().is_some());
    assert!(matches!(engine.put_track(&id, track(4, "en", &[" "])).await, Err(Error::Subtitles(_))));
    assert_eq!(found(&engine, &id, "When is two mentioned?").await, Some(vec!["two".to_owned()]));
    for number in 5..19 {
        engine.put_track(&id, track(number, "fr", &["x"])).await.unwrap().unwrap();
    }
    let refused = engine.put_track(&id, track(19, "fr", &["x"])).await;
    assert!(matches!(refused, Err(Error::TooManyTranscripts { limit: 16 })));
}
