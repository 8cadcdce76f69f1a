//! The reading of events, whatever the bytes, and what a server is shown.

use std::time::Duration;

use futures::stream;
use proptest::prelude::*;
use timeline::Timestamp;
use tokio::time::Instant;

use super::conversation::parts;
use super::error::RemoteError;
use super::events::{self, Heard, Patience};
use super::wire::{ImageUrl, Part};
use crate::backend::{Counted, Picture};

/// What is told of a stream that comes in these pieces, and how it ends.
fn read(pieces: Vec<Vec<u8>>) -> (Vec<Heard>, Result<(), RemoteError>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut told = Vec::new();
    let ended = runtime.block_on(async {
        let whole = Duration::from_secs(20);
        let patience = Patience { first: Instant::now() + whole, whole, between: whole };
        let bytes = stream::iter(pieces.into_iter().map(|piece| Ok(std::io::Cursor::new(piece))));
        events::read("http://gpu/v1", bytes, patience, |heard| told.push(heard)).await
    });
    (told, ended)
}

fn text(told: &[Heard]) -> String {
    told.iter().filter_map(|heard| if let Heard::Text(text) = heard { Some(text.as_str()) } else { None }).collect()
}

/// A whole answer as a server writes it, with the comments and line ends that servers and proxies put in.
fn whole(texts: &[String], end: &str) -> String {
    let mut body = format!(": hello{end}{end}");
    for (n, text) in texts.iter().enumerate() {
        let choice = serde_json::json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
        body += &format!("data: {choice}{end}{end}");
        if n % 3 == 0 {
            body += &format!(": keep-alive{end}{end}event: message{end}id: {n}{end}{end}");
        }
    }
    let finish = serde_json::json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let usage = serde_json::json!({
        "choices": [],
        "usage": { "prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": { "cached_tokens": 5 } },
    });
    body + &format!("data: {finish}{end}{end}data: {usage}{end}{end}data: [DONE]{end}{end}")
}

/// Cuts bytes at places given as fractions.
fn cut(bytes: &[u8], places: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut at: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
    at.sort_unstable();
    at.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect()
}

proptest! {
    #[test]
    fn an_answer_is_the_same_wherever_its_bytes_are_cut(
        texts in prop::collection::vec("\\PC{0,12}|[红色圆形🙂é\\n\"]{1,4}", 0..12),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let (told, ended) = read(cut(whole(&texts, end).as_bytes(), &places));
        prop_assert_eq!(ended, Ok(()));
        prop_assert_eq!(text(&told), texts.concat());
        prop_assert_eq!(told.last(), Some(&Heard::Counted(Counted { prompt: 7, kept: 5, answer: 3 })));
    }

    #[test]
    fn an_answer_that_breaks_off_is_told_as_far_as_it_came(
        texts in prop::collection::vec("[a-z红🙂]{1,8}", 1..8),
        end in any::<prop::sample::Index>(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let body = whole(&texts, "\n");
        let bytes = &body.as_bytes()[..end.index(body.len())];
        let (told, ended) = read(cut(bytes, &places));
        prop_assert!(texts.concat().starts_with(&text(&told)));
        match ended {
            // The text was complete; only the count of tokens or the last word of the protocol is missing.
            Ok(()) => prop_assert_eq!(text(&told), texts.concat()),
            Err(error) => prop_assert_eq!(error.code(), "backend_cut"),
        }
    }

    #[test]
    fn whatever_the_bytes_the_reading_ends(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
    ) {
        let (told, ended) = read(pieces);
        prop_assert!(ended.is_err() && told.is_empty());
    }

    #[test]
    fn a_damaged_answer_is_an_error_or_an_answer(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), drop in any::<bool>(),
    ) {
        let mut bytes = whole(&["It is there ".into(), "从 1.0 到 2.5 秒".into()], "\n").into_bytes();
        let at = at.index(bytes.len());
        if drop { bytes.remove(at); } else { bytes[at] = byte; }
        let (_, ended) = read(vec![bytes]);
        if let Err(error) = ended {
            prop_assert!(matches!(error.code(), "backend_cut" | "backend_malformed"), "{}", error);
        }
    }
}

#[test]
fn thoughts_are_told_apart_from_the_answer() {
    let deltas = [
        r#"{"role":"assistant","content":""}"#,
        r#"{"reasoning_content":"The user wants a time. At 3 s?"}"#,
        r#"{"reasoning":"Yes.","content":null}"#,
        r#"{"content":"At 3 s."}"#,
    ];
    let events = deltas.map(|delta| format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n").into_bytes());
    let (told, ended) = read(events.into_iter().chain([b"data: [DONE]\n\n".to_vec()]).collect());
    let thoughts = ["The user wants a time. At 3 s?", "Yes."].map(|text| Heard::Thought(text.into()));
    assert_eq!((told, ended), ([thoughts.to_vec(), vec![Heard::Text("At 3 s.".into())]].concat(), Ok(())));
}

#[test]
fn a_frame_is_shown_at_its_own_moment_as_it_is_stored() {
    let at = |micros| Timestamp::from_micros(micros);
    let jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 1];
    for (moment, text) in [(0, "<0.0 seconds>"), (250_000, "<0.2 seconds>"), (3_599_960_000, "<3600.0 seconds>")] {
        let [stamp, picture] = parts(&Picture { at: at(moment), bytes: jpeg.clone() }, false);
        assert_eq!(stamp, Part::Text { text: text.into() });
        let url = "data:image/jpeg;base64,/9j/4AE=".to_owned();
        assert_eq!(picture, Part::ImageUrl { image_url: ImageUrl { url } });
    }
    let [stamp, _] = parts(&Picture { at: at(466_667), bytes: jpeg }, true);
    assert_eq!(stamp, Part::Text { text: "<0.466667 seconds>".into() });
}
