//! Downloads of a server outlive the stream that began them, and can be joined, cancelled and resumed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod hub_server;

use futures::StreamExt;
use hub::{Access, Client, Downloads, Patience, Pull, Shelf};
use hub_server::{Accident, HubServer};
use timeline::{ModelState, PullCause, PullEvent};

const WEIGHTS: &str = "model.safetensors";

fn slow_hub() -> HubServer {
    let hub = HubServer::start(&[("config.json", b"{}".to_vec()), (WEIGHTS, vec![7; 2_000_000])]);
    hub.next(WEIGHTS, [Accident::Slow(10_000)]);
    hub
}

fn downloads(hub: &HubServer, folder: &tempfile::TempDir) -> Downloads {
    let endpoint = hub.endpoint.clone();
    let client = move || Client::new(Access::new(&endpoint, None)?, Patience::default());
    Downloads::new(Shelf::new(folder.path().to_owned()), client)
}

fn pull() -> Pull {
    Pull { repository: "owner/name".parse().unwrap(), file: None }
}

async fn state(downloads: &Downloads) -> Vec<ModelState> {
    downloads.models(10.0).await.unwrap().into_iter().map(|model| model.state).collect()
}

#[tokio::test]
async fn a_second_listener_joins_the_download_that_the_first_one_left() {
    let (hub, folder) = (slow_hub(), tempfile::tempdir().unwrap());
    let downloads = downloads(&hub, &folder);
    let mut first = Box::pin(downloads.pull(pull()).unwrap());
    assert!(matches!(first.next().await, Some(PullEvent::Progress(_))));
    drop(first);
    assert_eq!(state(&downloads).await, [ModelState::Pulling]);
    let events: Vec<PullEvent> = downloads.pull(pull()).unwrap().collect().await;
    assert_eq!(events.last(), Some(&PullEvent::Done { bytes: 2_000_002 }));
    assert!(events.len() > 2, "{events:?}");
    assert_eq!(state(&downloads).await, [ModelState::Complete]);
    assert_eq!(hub.asked(WEIGHTS).len(), 1);
}

#[tokio::test]
async fn a_cancelled_download_says_so_and_is_resumed_by_asking_again() {
    let (hub, folder) = (slow_hub(), tempfile::tempdir().unwrap());
    let downloads = downloads(&hub, &folder);
    let mut events = Box::pin(downloads.pull(pull()).unwrap());
    let mut last = None;
    while let Some(event) = events.next().await {
        if matches!(&event, PullEvent::Progress(progress) if progress.done > 300_000) {
            downloads.cancel(&pull().repository);
        }
        last = Some(event);
    }
    assert!(matches!(&last, Some(PullEvent::Error { cause: PullCause::Cancelled, .. })), "{last:?}");
    assert_eq!(state(&downloads).await, [ModelState::Partial]);
    let events: Vec<PullEvent> = downloads.pull(pull()).unwrap().collect().await;
    assert!(matches!(events.last(), Some(PullEvent::Done { .. })));
    assert!(hub.asked(WEIGHTS)[1].from >= Some(300_000));
}

#[tokio::test]
async fn what_goes_wrong_is_the_last_event_with_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let hub = HubServer::start(&[("README.md", b"nothing".to_vec())]);
    let events: Vec<PullEvent> = downloads(&hub, &folder).pull(pull()).unwrap().collect().await;
    assert!(
        matches!(events.last(), Some(PullEvent::Error { cause: PullCause::NoWeights { model }, message })
        if model == "owner/name" && message.contains(model)),
        "{events:?}"
    );
}
