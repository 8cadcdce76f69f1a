//! `timepin serve`: the page and its server functions, until told to stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use engine::{Engine, Place};
use hearing::{Hearing, NoModel};
use hub::{Client, Downloads};
use ingest::Ingest;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Config;
use crate::http::{self, Services, Site};
use crate::{commands, model, telemetry};

/// What a running answer is given to come to its end.
const GRACE: Duration = Duration::from_secs(3);
/// When the process ends whatever is still open.
const END: Duration = Duration::from_millis(4_700);

/// Serves.
///
/// # Errors
/// When the port is taken, the library cannot be used, or the model cannot be loaded.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    telemetry::start(config.log_format, "info");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(config));
    // Blocking work that is still going on has made nothing it did not acknowledge.
    runtime.shutdown_background();
    served
}

/// Looks for the speech model whenever it is wanted: it may be pulled while the server runs.
fn speech_model(config: &Config) -> impl Fn() -> Result<PathBuf, NoModel> + Send + Sync + 'static + use<> {
    let config = config.clone();
    move || {
        model::speech_folder(&config).map_err(|error| {
            let is_unset = error.is::<model::NoSpeechModel>();
            if is_unset { NoModel::Unset } else { NoModel::Missing(format!("{error:#}")) }
        })
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    // The port first: whoever starts a second server should not wait for a model.
    let listener = TcpListener::bind(config.address).await.with_context(|| {
        format!("cannot serve on {}; stop the program that does, or choose another --address", config.address)
    })?;
    let settings = commands::settings(config, Place::DataFolder)?;
    let shots = model::shots(config)?;
    // Before the model is loaded: another would be loaded in its place, not beside it.
    let machine = model::machine(config)?;
    let engine = tokio::task::spawn_blocking(move || Engine::open(settings)).await??;
    let site = Site::find(config);
    if !site.is_there() {
        tracing::warn!(folder = %site.root.display(), "the page's files are not there; build them or set --site");
    }
    let running = engine.model();
    let address = listener.local_addr()?;
    tracing::info!(model = running.name, data = %config.data.display(), "listening on http://{address}");

    let (stopping, stopped) = watch::channel(false);
    let shelf = model::shelf(config).with_bundled(model::bundled_folder(&config.data)?).judged_on(machine);
    let downloads = Downloads::new(shelf, Client::from_environment);
    let ingest = Ingest::open(engine.clone(), commands::ingest_settings(config, shots))?;
    engine.set_frame_source(Arc::new(ingest.source()));
    let hearing = Hearing::new(engine.clone(), ingest.clone(), speech_model(config));
    let services = Services { engine, downloads, ingest, hearing };
    let router = http::router(&services, &site, config);
    let Services { engine, downloads, ingest, hearing } = services;
    let mut waiting = stopped.clone();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        // An error means that the sender is gone, which is the end as well.
        let _ = waiting.wait_for(|stop| *stop).await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut server => return Ok(ended??),
        signal = commands::told_to_stop() => signal?,
    }
    tracing::info!("stopping; a further signal ends it at once");
    stopping.send_replace(true);
    downloads.shutdown();
    ingest.shutdown();
    hearing.shutdown();
    let finish = async {
        engine.shutdown(GRACE).await;
        server.await
    };
    tokio::select! {
        ended = finish => ended??,
        () = tokio::time::sleep(END) => tracing::warn!("some connections were still open"),
        signal = commands::told_to_stop() => signal?,
    }
    tracing::info!("stopped");
    // Not by returning: that would wait for a step of the model that may take longer than anyone wants to.
    std::process::exit(0)
}
