//! Models are pulled over real HTTP from a hub of our own, with everything that happens on real lines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod hub_server;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use hub::{Access, CancellationToken, Client, Error, Patience, Pull, Pulled, Shelf};
use hub_server::{Accident, HubServer};
use serde_json::json;
use timeline::{ModelState, PullCause, PullPhase, PullProgress};
use tokio::sync::watch;

const WEIGHTS: &str = "model.safetensors";
const SIZE: usize = 3_000_000;

/// Bytes without a pattern that a mistake could hide in.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn repository() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("README.md", b"# a model".to_vec()),
        ("config.json", br#"{"model_type": "qwen3_vl"}"#.to_vec()),
        ("tokenizer.json", noise(9_000, 2)),
        (WEIGHTS, noise(SIZE, 1)),
    ]
}

fn weights() -> Vec<u8> {
    noise(SIZE, 1)
}

/// A folder for models, and a client that is in a hurry.
struct Desk {
    models: tempfile::TempDir,
    endpoint: String,
    token: Option<String>,
    patience: Patience,
}

impl Desk {
    fn at(hub: &HubServer) -> Self {
        let patience = Patience {
            tries: 3,
            first_wait: Duration::from_millis(10),
            longest_wait: Duration::from_secs(2),
            silence: Duration::from_millis(400),
        };
        Self { models: tempfile::tempdir().unwrap(), endpoint: hub.endpoint.clone(), token: None, patience }
    }

    /// A client as a fresh process would have it.
    fn client(&self) -> Client {
        Client::new(Access::new(&self.endpoint, self.token.clone()).unwrap(), self.patience).unwrap()
    }

    async fn pull(&self) -> Result<Pulled, Error> {
        self.pull_file(None).await
    }

    async fn pull_file(&self, file: Option<&str>) -> Result<Pulled, Error> {
        let (progress, _) = watch::channel(PullProgress::default());
        self.pull_told(file, &progress, &CancellationToken::new()).await
    }

    async fn pull_told(
        &self,
        file: Option<&str>,
        progress: &watch::Sender<PullProgress>,
        cancel: &CancellationToken,
    ) -> Result<Pulled, Error> {
        let pull = Pull { repository: "owner/name".parse().unwrap(), file: file.map(str::to_owned) };
        self.client().pull(&pull, self.models.path(), progress, cancel).await
    }

    fn folder(&self) -> PathBuf {
        self.models.path().join("owner/name")
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder().join(name)).unwrap()
    }

    fn partial(&self) -> PathBuf {
        self.folder().join(format!("{WEIGHTS}.partial"))
    }

    fn shelf(&self) -> Shelf {
        Shelf::new(self.models.path().to_owned())
    }

    fn state(&self) -> Option<ModelState> {
        self.shelf().list(10.0).unwrap().first().map(|model| model.state)
    }
}

/// Names in a folder that a person sees.
fn visible(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

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
