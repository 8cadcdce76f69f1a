//! Models are pulled over real HTTP from a hub of our own, with everything that happens on real lines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod desk;
mod hub_server;

use std::fs;
use std::time::{Duration, Instant};

use desk::{Desk, SIZE, WEIGHTS, noise, repository, visible, weights};
use hub::{CancellationToken, Error};
use hub_server::{Accident, HubServer};
use timeline::{ModelState, PullPhase, PullProgress};
use tokio::sync::watch;

#[tokio::test]
async fn a_model_arrives_whole_and_without_what_it_does_not_need() {
    let hub = HubServer::start(&repository());
    let desk = Desk::at(&hub);
    let (sender, progress) = watch::channel(PullProgress::default());
    let pulled = desk.pull_told(None, &sender, &CancellationToken::new()).await.unwrap();
    assert_eq!(visible(&pulled.folder), ["config.json", WEIGHTS, "tokenizer.json"]);
    assert_eq!(desk.read(WEIGHTS), weights());
    assert_eq!(desk.read("tokenizer.json"), noise(9_000, 2));
    assert_eq!(pulled.bytes as usize, SIZE + 9_000 + 26);
    let last = progress.borrow().clone();
    assert_eq!((last.done, last.total, last.phase), (pulled.bytes, pulled.bytes, PullPhase::Loading));
    assert!(last.files.iter().all(|file| file.done == file.total) && last.files.len() == 3);
    assert_eq!(desk.shelf().find(&"owner/name".parse().unwrap()).unwrap(), pulled.folder);
    assert_eq!(desk.state(), Some(ModelState::Complete));
}

#[tokio::test]
async fn a_whole_model_is_not_asked_for_again() {
    let hub = HubServer::start(&repository());
    let desk = Desk::at(&hub);
    desk.pull().await.unwrap();
    let asked = hub.all_asked().len();
    desk.pull().await.unwrap();
    assert_eq!(hub.all_asked().len(), asked);
    // Without the manifest each file is checked against the hub's digest, and still not loaded again.
    fs::remove_file(desk.folder().join(".timepin-pull.json")).unwrap();
    desk.pull().await.unwrap();
    assert_eq!(hub.all_asked().len(), asked);
    assert_eq!(desk.state(), Some(ModelState::Complete));
}

#[tokio::test]
async fn after_a_cut_only_the_missing_bytes_are_asked_for() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Cut(1_200_000), Accident::Cut(700_000)]);
    let desk = Desk::at(&hub);
    desk.pull().await.unwrap();
    assert_eq!(desk.read(WEIGHTS), weights());
    let asked = hub.asked(WEIGHTS);
    let ranges: Vec<_> = asked.iter().map(|asked| (asked.from, asked.status)).collect();
    assert_eq!(ranges, [(None, 200), (Some(1_200_000), 206), (Some(1_900_000), 206)]);
    assert!(asked[1].if_range.as_ref().is_some_and(|tag| tag.starts_with("\"store-")));
    assert_eq!(asked.iter().map(|asked| asked.sent).sum::<usize>(), SIZE, "no byte came twice");
}

#[tokio::test]
async fn what_a_process_left_is_gone_on_with_by_the_next() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Cut(1_000_000), Accident::Cut(0), Accident::Cut(0)]);
    let desk = Desk::at(&hub);
    let error = desk.pull().await.unwrap_err();
    assert!(matches!(&error, Error::Cut { file, tries: 3, .. } if file == WEIGHTS), "{error}");
    assert!(error.to_string().contains("goes on from there"));
    assert_eq!(fs::metadata(desk.partial()).unwrap().len(), 1_000_000);
    // Incomplete, it is no model to anybody.
    assert!(!desk.folder().join(WEIGHTS).exists());
    assert_eq!(desk.state(), Some(ModelState::Partial));
    let found = desk.shelf().find(&"owner/name".parse().unwrap());
    assert!(
        matches!(&found, Err(error @ Error::Incomplete { .. }) if error.to_string().contains("timepin pull owner/name"))
    );

    let before = hub.all_asked().len();
    desk.pull().await.unwrap();
    let after: Vec<_> = hub.all_asked().split_off(before);
    assert_eq!(after.iter().map(|asked| (asked.from, asked.sent)).collect::<Vec<_>>(), [(Some(1_000_000), 2_000_000)]);
    assert_eq!(desk.read(WEIGHTS), weights());
    assert_eq!(visible(&desk.folder()), ["config.json", WEIGHTS, "tokenizer.json"]);
}

#[tokio::test]
async fn a_line_gone_silent_is_given_up_and_gone_on_with() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Stall(500_000)]);
    let desk = Desk::at(&hub);
    desk.pull().await.unwrap();
    assert_eq!(hub.asked(WEIGHTS)[1].from, Some(500_000));
    assert_eq!(desk.read(WEIGHTS), weights());
}

#[tokio::test]
async fn a_slow_line_is_not_a_cut_one() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Slow(20_000)]);
    let desk = Desk::at(&hub);
    let (sender, mut progress) = watch::channel(PullProgress::default());
    let watched = tokio::spawn(async move {
        let mut speeds = Vec::new();
        while progress.changed().await.is_ok() {
            speeds.push(progress.borrow_and_update().bytes_per_s);
        }
        speeds
    });
    desk.pull_told(None, &sender, &CancellationToken::new()).await.unwrap();
    drop(sender);
    assert_eq!(hub.asked(WEIGHTS).len(), 1);
    let speeds = watched.await.unwrap();
    assert!(speeds.iter().any(|speed| (200_000..20_000_000).contains(speed)), "{speeds:?}");
}

#[tokio::test]
async fn cancelling_keeps_what_was_loaded() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Slow(20_000)]);
    let desk = Desk::at(&hub);
    let cancel = CancellationToken::new();
    let (sender, mut progress) = watch::channel(PullProgress::default());
    let stop = cancel.clone();
    tokio::spawn(async move {
        progress.wait_for(|now| now.done > 1_000_000).await.unwrap();
        stop.cancel();
    });
    let begun = Instant::now();
    let error = desk.pull_told(None, &sender, &cancel).await.unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let kept = fs::metadata(desk.partial()).unwrap().len() as usize;
    assert!((1_000_000..SIZE).contains(&kept), "{kept}");
    desk.pull().await.unwrap();
    let last = hub.asked(WEIGHTS).pop().unwrap();
    assert_eq!((last.from, last.sent), (Some(kept), SIZE - kept));
    assert_eq!(desk.read(WEIGHTS), weights());
}

#[tokio::test]
async fn another_version_of_a_file_is_loaded_from_its_beginning() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Cut(1_000_000), Accident::Cut(0), Accident::Cut(0)]);
    let desk = Desk::at(&hub);
    desk.pull().await.unwrap_err();
    let newer = noise(SIZE, 7);
    hub.publish(
        "c0ffee0000000000000000000000000000000002",
        &[("config.json", b"{}".to_vec()), (WEIGHTS, newer.clone())],
    );
    let before = hub.asked(WEIGHTS).len();
    let pulled = desk.pull().await.unwrap();
    assert_eq!(hub.asked(WEIGHTS)[before].from, None);
    assert_eq!(desk.read(WEIGHTS), newer);
    assert!(pulled.commit.ends_with('2'));
    // The tokenizer is gone from the repository, so it goes here.
    assert_eq!(visible(&desk.folder()), ["config.json", WEIGHTS]);
}

#[tokio::test]
async fn bytes_under_another_tag_are_not_stuck_together() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Cut(1_000_000), Accident::Retag]);
    let desk = Desk::at(&hub);
    desk.pull().await.unwrap();
    let asked = hub.asked(WEIGHTS);
    assert_eq!((asked[1].from, asked[1].status, asked[1].sent), (Some(1_000_000), 200, SIZE));
    assert_eq!(desk.read(WEIGHTS), weights());
}

#[tokio::test]
async fn a_store_that_knows_no_ranges_sends_everything_again() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Cut(1_000_000), Accident::Whole]);
    let desk = Desk::at(&hub);
    desk.pull().await.unwrap();
    assert_eq!(desk.read(WEIGHTS), weights());
}

#[tokio::test]
async fn wrong_bytes_never_get_a_name() {
    for file in [WEIGHTS, "config.json"] {
        let hub = HubServer::start(&repository());
        hub.next(file, [Accident::Flip(11)]);
        let desk = Desk::at(&hub);
        let error = desk.pull().await.unwrap_err();
        assert!(matches!(&error, Error::Checksum { file: told, .. } if told == file), "{error}");
        let there = visible(&desk.folder());
        assert!(!there.iter().any(|name| name.starts_with(file)), "{there:?}");
        assert_ne!(desk.state(), Some(ModelState::Complete));
        desk.pull().await.unwrap();
        assert_eq!(desk.read(WEIGHTS), weights());
    }
}

#[tokio::test]
async fn a_damaged_rest_of_an_earlier_run_is_loaded_anew_without_a_word() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Cut(1_000_000), Accident::Cut(0), Accident::Cut(0)]);
    let desk = Desk::at(&hub);
    desk.pull().await.unwrap_err();
    let mut damaged = fs::read(desk.partial()).unwrap();
    damaged[5] ^= 1;
    fs::write(desk.partial(), damaged).unwrap();
    desk.pull().await.unwrap();
    assert_eq!(desk.read(WEIGHTS), weights());
}

#[tokio::test]
async fn a_rest_longer_than_the_file_is_thrown_away() {
    let hub = HubServer::start(&repository());
    let desk = Desk::at(&hub);
    fs::create_dir_all(desk.folder()).unwrap();
    fs::write(desk.partial(), vec![0; SIZE + 1]).unwrap();
    desk.pull().await.unwrap();
    assert_eq!(desk.read(WEIGHTS), weights());
}
