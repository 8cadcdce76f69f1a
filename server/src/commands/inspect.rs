//! `timepin inspect`: one request through the model, everything it computes into a safetensors file.

use crate::cli::{Inspect, Logits};
use crate::config::Config;
use crate::{commands, telemetry};

/// Inspects.
///
/// # Errors
/// When the request cannot be run, the model cannot be loaded, or the file cannot be written.
pub(crate) fn run(config: &Config, request: &Inspect) -> anyhow::Result<()> {
    telemetry::start(config.log_format, "error");
    let settings = commands::settings(config, engine::Place::Temporary)?;
    let scored = match request.logits {
        Logits::All => engine::Scored::All,
        Logits::Last => engine::Scored::Last,
    };
    let inspected = engine::inspect(&settings, &request.request, &request.out, scored)?;
    let engine::Inspected { tokens, tensors } = inspected;
    commands::print(&format!("{tensors} tensors of a prompt of {tokens} tokens are in {}\n", request.out.display()))
}
