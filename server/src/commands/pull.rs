//! `timepin pull` and `timepin models`: getting published weights, and what there is of them.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Context;
use hub::{CancellationToken, Client, Pull, Pulled, Repository};
use serde::Serialize;
use timeline::models::{show_bytes, show_parameters};
use timeline::{DeviceFit, LocalModel, ModelState, PullPhase, PullProgress, Timestamp};
use tokio::sync::watch;

use crate::cli;
use crate::config::Config;
use crate::{commands, model, telemetry};

/// How often a line is written where lines cannot be written over: into a file, or to a program.
const SELDOM: Duration = Duration::from_secs(10);

/// What `pull --json` prints at the end.
#[derive(Serialize)]
struct Report<'a> {
    model: String,
    folder: &'a std::path::Path,
    commit: &'a str,
    bytes: u64,
}

/// Pulls a model.
///
/// # Errors
/// When it cannot be loaded to its end; what was loaded is kept.
pub(crate) fn run(config: &Config, request: &cli::Pull) -> anyhow::Result<()> {
    telemetry::start(config.log_format, "error");
    let mut repository: Repository = request.repository.parse()?;
    if let Some(revision) = &request.revision {
        repository = repository.at(revision)?;
    }
    let pull = Pull { repository, file: request.file.clone() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let pulled = runtime.block_on(load(config, &pull))?;
    let name = pull.repository.to_string();
    if request.json {
        let report = Report { model: name, folder: &pulled.folder, commit: &pulled.commit, bytes: pulled.bytes };
        return commands::print(&(serde_json::to_string(&report)? + "\n"));
    }
    let hears = speech::Config::read(&pulled.folder).is_ok();
    let usage = if hears { "transcribe FILE --speech-model" } else { "serve --model" };
    commands::print(&format!("{name} is here ({}). Use it with: timepin {usage} {name}\n", show_bytes(pulled.bytes)))
}

async fn load(config: &Config, pull: &Pull) -> anyhow::Result<Pulled> {
    let (sender, progress) = watch::channel(PullProgress::default());
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    tokio::spawn(async move {
        if commands::told_to_stop().await.is_ok() {
            stop.cancel();
        }
    });
    let shown = tokio::spawn(show(progress));
    let shelf = model::shelf(config);
    let outcome = Client::from_environment()?.pull(pull, shelf.models(), &sender, &cancel).await;
    drop(sender);
    // The line is cleared before anything else is said.
    shown.await?;
    Ok(outcome?)
}

/// Writes progress to standard error until the download ends.
async fn show(mut progress: watch::Receiver<PullProgress>) {
    let terminal = std::io::stderr().is_terminal();
    let mut last: Option<Instant> = None;
    while progress.changed().await.is_ok() {
        let line = line(&progress.borrow_and_update());
        if terminal {
            say(&format!("\r\x1b[K{line}"));
        } else if last.is_none_or(|last| last.elapsed() >= SELDOM) {
            say(&format!("{line}\n"));
            last = Some(Instant::now());
        }
    }
    if terminal {
        say("\r\x1b[K");
    }
}

fn say(text: &str) {
    let mut out = std::io::stderr().lock();
    // A terminal that went away has nobody to tell.
    let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// `Loading 3 of 9 files · 1.2 GB of 8.9 GB (13 %) · 54.0 MB/s · 2:22 left`
fn line(progress: &PullProgress) -> String {
    let phase = match progress.phase {
        PullPhase::Listing => return "Asking the hub …".to_owned(),
        PullPhase::Checking => "Checking what is here",
        PullPhase::Loading => "Loading",
        PullPhase::Waiting => "Waiting to try again",
    };
    let whole = progress.files.iter().filter(|file| file.done == file.total).count();
    let percent = progress.done.saturating_mul(100).checked_div(progress.total).unwrap_or(100);
    let mut parts = vec![
        format!("{phase}: {whole} of {} files", progress.files.len()),
        format!("{} of {} ({percent} %)", show_bytes(progress.done), show_bytes(progress.total)),
    ];
    if progress.bytes_per_s > 0 {
        parts.push(format!("{}/s", show_bytes(progress.bytes_per_s)));
    }
    if let Some(seconds) = progress.seconds_left() {
        parts.push(format!("{} left", Timestamp::from_seconds(seconds as f64).clock()));
    }
    parts.join(" · ")
}

/// Lists the models there are.
///
/// # Errors
/// When the data folder cannot be read.
pub(crate) fn list(config: &Config, request: &cli::Models) -> anyhow::Result<()> {
    telemetry::start(config.log_format, "error");
    let bundled = model::bundled_folder(&config.data)?;
    let shelf = model::shelf(config).with_bundled(bundled).judged_on(model::machine(config)?);
    let models = shelf.list(request.minutes).context("cannot list the models")?;
    if request.json {
        return commands::print(&(serde_json::to_string_pretty(&models)? + "\n"));
    }
    commands::print(&table(&models, request.minutes))
}

/// One line a model, in columns.
fn table(models: &[LocalModel], minutes: f64) -> String {
    let fits = format!("FITS {minutes} MIN");
    let head = ["MODEL", "PARAMETERS", "PRECISION", "ON DISK", "STATE", &fits].map(str::to_owned);
    let rows = models.iter().map(|model| {
        let unknown = || "–".to_owned();
        [
            model.name.clone(),
            model.parameters.map_or_else(unknown, show_parameters),
            model.precision.clone().unwrap_or_else(unknown),
            show_bytes(model.bytes),
            state(model),
            model.fit.as_ref().map_or_else(unknown, fit),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Whether it fits, and if not, what is wanting and what would help.
fn fit(fit: &DeviceFit) -> String {
    if fit.fits {
        return "yes".to_owned();
    }
    let wanting = match fit.missing {
        0 => "no, more than its context".to_owned(),
        missing => format!("no, {} too little memory", show_bytes(missing)),
    };
    let precision = fit.precision.as_ref().map(|precision| format!("--precision {precision}"));
    let shorter = fit.longest_minutes.map(|minutes| format!("at most {minutes} min"));
    let advice: Vec<String> = precision.into_iter().chain(shorter).collect();
    if advice.is_empty() { wanting } else { format!("{wanting}; {}", advice.join(" or ")) }
}

fn state(model: &LocalModel) -> String {
    match (model.state, model.total) {
        (ModelState::Complete, _) => "complete".to_owned(),
        (ModelState::Pulling, _) => "being pulled".to_owned(),
        (ModelState::Partial, Some(total)) => {
            let percent = model.bytes.saturating_mul(100).checked_div(total).unwrap_or_default();
            format!("partial, {percent} % of {}; go on with: timepin pull {}", show_bytes(total), model.name)
        }
        (ModelState::Partial, None) => "partial".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use timeline::models::FileProgress;

    #[test]
    fn the_line_says_how_much_how_fast_and_how_long() {
        let file = |done| FileProgress { name: "a".into(), done, total: 50_000_000 };
        let mut progress = PullProgress {
            phase: PullPhase::Loading,
            done: 60_000_000,
            total: 100_000_000,
            bytes_per_s: 2_000_000,
            files: vec![file(50_000_000), file(10_000_000)],
        };
        assert_eq!(line(&progress), "Loading: 1 of 2 files · 60.0 MB of 100.0 MB (60 %) · 2.0 MB/s · 0:20 left");
        progress.bytes_per_s = 0;
        assert!(line(&progress).ends_with("(60 %)"));
        assert_eq!(line(&PullProgress::default()), "Asking the hub …");
    }

    #[test]
    fn the_table_stands_in_columns_whatever_the_names() {
        let model = |name: &str, state, total, fit| LocalModel {
            name: name.into(),
            state,
            bytes: 500,
            total,
            parameters: Some(1_700_000),
            precision: None,
            fit,
        };
        let room = DeviceFit { fits: true, missing: 0, longest_minutes: Some(1440), precision: None };
        let models = [
            model("a/b", ModelState::Complete, None, Some(room)),
            model("long/名字", ModelState::Partial, Some(1000), None),
        ];
        let table = table(&models, 2.5);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("MODEL    PARAMETERS  PRECISION  ON DISK  STATE"), "{table}");
        assert!(lines[0].ends_with("  FITS 2.5 MIN"), "{table}");
        assert!(lines[1].starts_with("a/b      1.7 M       –          500 B    complete  "), "{table}");
        assert!(lines[1].ends_with("  yes"), "{table}");
        assert!(lines[2].ends_with("partial, 50 % of 1.0 kB; go on with: timepin pull long/名字  –"), "{table}");
    }

    #[test]
    fn what_does_not_fit_says_what_is_wanting_and_what_helps() {
        let none = DeviceFit { fits: false, missing: 3_200_000_000, longest_minutes: None, precision: None };
        assert_eq!(fit(&none), "no, 3.2 GB too little memory");
        let both = DeviceFit { longest_minutes: Some(4), precision: Some("q8_0".into()), ..none.clone() };
        assert_eq!(fit(&both), "no, 3.2 GB too little memory; --precision q8_0 or at most 4 min");
        let positions = DeviceFit { missing: 0, longest_minutes: Some(90), ..none };
        assert_eq!(fit(&positions), "no, more than its context; at most 90 min");
    }
}
