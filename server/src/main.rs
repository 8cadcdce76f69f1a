//! `timepin`: the server and the command line. The same engine answers both.
//!
//! | I want to change how … | file |
//! |---|---|
//! | the command line reads | `cli/` |
//! | settings are named, read and checked | `config/` |
//! | a subcommand works | `commands/` |
//! | requests are routed, limited and answered | `http/` |
//! | the model is found: bundled, a folder, or a pulled one | `model.rs` |
// A page is one deeply nested type to the compiler.
#![recursion_limit = "512"]

mod cli;
mod commands;
mod config;
mod http;
mod model;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::config::Config;

/// What shells expect of a command that was called wrongly.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    engine::keep_freed_memory();
    let cli = Cli::parse();
    let config = match Config::load(&cli.flags) {
        Ok(config) => config,
        Err(error) => return complain(&error.into(), USAGE),
    };
    let result = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => commands::serve::run(&config),
        Command::Ask(request) => commands::ask::run(&config, &request),
        Command::Chapters(request) => commands::chapters::run(&config, &request),
        Command::Transcribe(request) => commands::transcribe::run(&config, &request),
        Command::Bench(request) => commands::bench::run(&config, &request),
        Command::Pull(request) => commands::pull::run(&config, &request),
        Command::Models(request) => commands::pull::list(&config, &request),
        Command::Fit(request) => commands::fit::run(&config, &request),
        Command::Eval(request) => commands::eval::run(&config, &request),
        Command::Inspect(request) => commands::inspect::run(&config, &request),
        Command::Probe(request) => commands::probe::run(&request),
        Command::Config => commands::print(&config.to_yaml()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, 1),
    }
}

/// One sentence on standard error; causes follow after colons.
#[allow(clippy::print_stderr)]
fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("timepin: {error:#}");
    ExitCode::from(code)
}
