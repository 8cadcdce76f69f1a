//! What a hub, a disk or a name can refuse, and what is said then.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod desk;
mod hub_server;

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use desk::{Desk, WEIGHTS, noise, repository, visible, weights};
use hub::{CancellationToken, Error};
use hub_server::{Accident, HubServer};
use serde_json::json;
use timeline::{PullCause, PullProgress};
use tokio::sync::watch;

#[tokio::test]
async fn the_token_goes_to_the_hub_and_never_to_the_store() {
    let hub = HubServer::start(&repository());
    let mut desk = Desk::at(&hub);
    desk.token = Some("hf_secret".into());
    desk.pull().await.unwrap();
    let sent = Some("Bearer hf_secret".to_owned());
    for place in ["list", "resolve"] {
        let tokens = hub.tokens(place);
        assert!(!tokens.is_empty() && tokens.iter().all(|token| *token == sent), "{place}: {tokens:?}");
    }
    let tokens = hub.tokens("store");
    assert!(!tokens.is_empty() && tokens.iter().all(Option::is_none));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let hub = HubServer::start(&repository());
    let mut desk = Desk::at(&hub);
    let code = |status: StatusCode, code: &'static str| (status, [("x-error-code", code)]);
    let (model, endpoint) = ("owner/name".to_owned(), hub.endpoint.clone());
    let gated = PullCause::Gated { model: model.clone(), terms: format!("{endpoint}/owner/name") };
    let unknown = PullCause::UnknownModel { endpoint: endpoint.clone(), model: model.clone() };
    let revision = PullCause::UnknownRevision { model, revision: "main".into() };
    let cases = [
        (code(StatusCode::UNAUTHORIZED, "GatedRepo"), &gated, "create an access token"),
        (code(StatusCode::FORBIDDEN, ""), &gated, "accept its terms at"),
        (code(StatusCode::UNAUTHORIZED, "RepoNotFound"), &unknown, "check the spelling"),
        (code(StatusCode::NOT_FOUND, ""), &unknown, "HF_TOKEN"),
        (code(StatusCode::NOT_FOUND, "RevisionNotFound"), &revision, "no revision `main`"),
        (code(StatusCode::IM_A_TEAPOT, ""), &PullCause::HubBusy { endpoint, status: 418 }, "418"),
    ];
    for (answer, cause, advice) in cases {
        hub.next_listing(answer);
        let error = desk.pull().await.unwrap_err();
        assert!(error.to_string().contains(advice), "{error}");
        assert_eq!(error.cause(), *cause);
    }
    desk.token = Some("hf_old".into());
    hub.next_listing(code(StatusCode::FORBIDDEN, "GatedRepo"));
    let error = desk.pull().await.unwrap_err().to_string();
    assert!(error.contains("the access token in use is not enough") && !error.contains("hf_old"), "{error}");
    assert!(!desk.folder().exists(), "nothing is left of a refusal");
}

#[tokio::test]
async fn a_busy_hub_is_given_the_time_it_asks_for() {
    let hub = HubServer::start(&repository());
    hub.next_listing((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]));
    hub.next(
        WEIGHTS,
        [Accident::Status(503, None), Accident::Status(429, Some(1)), Accident::Cut(10), Accident::Status(500, None)],
    );
    let desk = Desk::at(&hub);
    let begun = Instant::now();
    desk.pull().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!(hub.asked(WEIGHTS).last().unwrap().from, Some(10));
    assert_eq!(desk.read(WEIGHTS), weights());
}

#[tokio::test]
async fn a_hub_that_stays_broken_or_asks_for_an_hour_is_told() {
    let hub = HubServer::start(&repository());
    let desk = Desk::at(&hub);
    hub.next(WEIGHTS, vec![Accident::Status(500, None); 3]);
    let error = desk.pull().await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 500, .. }), "{error}");
    hub.next_listing((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "3600")]));
    let begun = Instant::now();
    let error = desk.pull().await.unwrap_err();
    assert!(error.to_string().contains("wait 3600 s") && begun.elapsed() < Duration::from_secs(1), "{error}");
}

#[tokio::test]
async fn without_a_network_the_way_out_is_told() {
    let hub = HubServer::start(&repository());
    let mut desk = Desk::at(&hub);
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    desk.endpoint = format!("http://{free}");
    let error = desk.pull().await.unwrap_err();
    assert!(matches!(error, Error::Offline { .. }));
    let told = error.to_string();
    assert!(told.contains(&desk.endpoint) && told.contains("HF_ENDPOINT") && told.contains("refused"), "{told}");
}

#[tokio::test]
async fn a_disk_too_small_is_found_before_the_first_byte() {
    let hub = HubServer::start(&repository());
    let sibling = |name: &str, size: u64| json!({ "rfilename": name, "size": size, "blobId": "1".repeat(40) });
    hub.next_listing(axum::Json(json!({
        "sha": "c0ffee0000000000000000000000000000000001",
        "siblings": [sibling("config.json", 26), sibling(WEIGHTS, 1 << 60)],
    })));
    let desk = Desk::at(&hub);
    let error = desk.pull().await.unwrap_err();
    let Error::DiskFull { needed, free, .. } = &error else { panic!("{error}") };
    assert!(*needed > 1 << 60 && *free > 0 && free < needed);
    assert!(error.to_string().contains("TB are needed"), "{error}");
    assert!(hub.all_asked().is_empty());
}

#[tokio::test]
async fn names_that_lead_out_of_the_folder_refuse_everything() {
    let hub = HubServer::start(&repository());
    let desk = Desk::at(&hub);
    for name in [
        "../../config.json",
        "/etc/model.safetensors",
        "..\\model.safetensors",
        "C:model.safetensors",
        "a:b.safetensors",
    ] {
        hub.next_listing(axum::Json(json!({
            "sha": "c0ffee0000000000000000000000000000000001",
            "siblings": [{ "rfilename": "model.safetensors", "size": 3 }, { "rfilename": name, "size": 3 }],
        })));
        let error = desk.pull().await.unwrap_err();
        assert!(matches!(&error, Error::UnsafeFileName(told) if told == name), "{error}");
    }
    assert!(!desk.folder().exists() && hub.all_asked().is_empty());
}

#[tokio::test]
async fn a_mirror_that_lists_no_sizes_is_asked_for_each_file() {
    let hub = HubServer::start(&repository());
    hub.hide_sizes();
    let desk = Desk::at(&hub);
    desk.pull().await.unwrap();
    assert_eq!(hub.heads(), 3);
    assert_eq!(desk.read(WEIGHTS), weights());
    // Digests came with the headers: wrong bytes are found here too.
    let desk = Desk::at(&hub);
    hub.next("config.json", [Accident::Flip(1)]);
    // The first request for the small file is the question how long it is.
    hub.next("config.json", [Accident::Flip(1)]);
    assert!(matches!(desk.pull().await.unwrap_err(), Error::Checksum { .. }));
}

#[tokio::test]
async fn a_page_in_between_is_not_taken_for_weights() {
    let hub = HubServer::start(&repository());
    let desk = Desk::at(&hub);
    hub.next(WEIGHTS, [Accident::Instead("<html>Please log in to the guest network</html>")]);
    let error = desk.pull().await.unwrap_err();
    assert!(matches!(&error, Error::Protocol { .. }) && !error.to_string().contains("secret"), "{error}");
    hub.next_listing(axum::response::Html("<html>Please log in</html>"));
    assert!(matches!(desk.pull().await.unwrap_err(), Error::Protocol { .. }));
    desk.pull().await.unwrap();
}

#[tokio::test]
async fn two_pulls_of_one_model_do_not_write_over_each_other() {
    let hub = HubServer::start(&repository());
    hub.next(WEIGHTS, [Accident::Slow(20_000)]);
    let desk = Desk::at(&hub);
    let (sender, mut progress) = watch::channel(PullProgress::default());
    let cancel = CancellationToken::new();
    let first = desk.pull_told(None, &sender, &cancel);
    let second = async {
        progress.wait_for(|now| now.done > 100_000).await.unwrap();
        desk.pull().await
    };
    let (first, second) = tokio::join!(first, second);
    first.unwrap();
    assert!(matches!(second.unwrap_err(), Error::InUse(_)));
    assert_eq!(desk.read(WEIGHTS), weights());
}

#[tokio::test]
async fn a_gguf_is_chosen_by_name_and_another_choice_replaces_it() {
    let hub = HubServer::start(&[
        ("config.json", b"{}".to_vec()),
        ("m-Q4_K_M.gguf", noise(50_000, 4)),
        ("m-Q8_0.gguf", noise(90_000, 8)),
        ("mmproj-F16.gguf", noise(20_000, 16)),
    ]);
    let desk = Desk::at(&hub);
    assert!(matches!(desk.pull().await.unwrap_err(), Error::Choose { .. }));
    hub.next("m-Q4_K_M.gguf", [Accident::Cut(9_000), Accident::Cut(0), Accident::Cut(0)]);
    desk.pull_file(Some("Q4_K_M")).await.unwrap_err();
    // To go on, the choice need not be named again.
    desk.pull().await.unwrap();
    assert_eq!(visible(&desk.folder()), ["config.json", "m-Q4_K_M.gguf", "mmproj-F16.gguf"]);
    desk.pull_file(Some("*Q8*")).await.unwrap();
    assert_eq!(visible(&desk.folder()), ["config.json", "m-Q8_0.gguf", "mmproj-F16.gguf"]);
    assert_eq!(hub.asked("mmproj-F16.gguf").len(), 1, "what is there stays");
}
