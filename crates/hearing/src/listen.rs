//! The thread on which videos are heard, one after another. It holds the model while there are any.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use speech::{Options, Phrase, Transcriber, Whisper};
use timeline::hearing::NAME;
use timeline::{HearingState, Timestamp};
use tokio::runtime::Handle;

use crate::error::{Error, Result};
use crate::feed::Feed;
use crate::jobs::{Run, Shared, Task};

/// How often a thread that gives way looks whether it may go on.
const GIVING_WAY: Duration = Duration::from_millis(100);

/// Works until nobody waits.
pub(crate) fn run(shared: &Arc<Shared>, runtime: &Handle) {
    let mut model = None;
    while let Some(task) = shared.next() {
        let run = task.run.clone();
        let heard = catch_unwind(AssertUnwindSafe(|| hear(shared, runtime, &mut model, task)));
        let (state, error) = match heard.unwrap_or(Err(Error::Panic)) {
            Ok(()) => (HearingState::Done, None),
            // Deleted meanwhile, the transcript or the video.
            Err(
                Error::Stopped | Error::Engine(engine::Error::UnknownTranscript(_) | engine::Error::UnknownVideo(_)),
            ) => (HearingState::Cancelled, None),
            Err(error) => {
                tracing::warn!(video = %run.video, %error, "a video is not heard");
                (HearingState::Failed, Some(error))
            }
        };
        shared.end(&run, state, error.as_ref());
    }
}

fn hear(shared: &Shared, runtime: &Handle, model: &mut Option<Whisper>, task: Task) -> Result<()> {
    let Task { run, origin, from, language, stop } = task;
    // Before the model is loaded: a wrong file should be told at once.
    let mut feed = Feed::open(origin, from)?;
    let model = match model {
        Some(model) => model,
        None => model.insert(Whisper::open(&shared.model()?)?),
    };
    let mut transcriber = Transcriber::new(model, &Options { language, from })?;
    loop {
        // A window is the longest that a question may have to share the processor with.
        while shared.engine.is_asked() && !stop.is_cancelled() {
            std::thread::sleep(GIVING_WAY);
        }
        let samples = feed.second(runtime, &stop)?;
        if stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        let is_over = samples.is_empty();
        let phrases = if is_over { transcriber.finish()? } else { transcriber.hear(&samples)? };
        if is_over || !phrases.is_empty() {
            let settled = (!is_over).then(|| transcriber.settled());
            runtime.block_on(keep(shared, &run, phrases, transcriber.language(), settled))?;
        }
        shared.change(&run, |info| info.heard = transcriber.heard().min(info.duration));
        if is_over {
            return Ok(());
        }
    }
}

/// Adds what was heard up to a moment to the transcript, or at the end all that is left; the first phrase begins it.
async fn keep(
    shared: &Shared,
    run: &Run,
    phrases: Vec<Phrase>,
    language: Option<&str>,
    settled: Option<Timestamp>,
) -> Result<()> {
    let language = language.map(str::to_owned);
    let video = &run.video;
    let transcript = match shared.transcript(run)? {
        Some(there) => there,
        // Nothing was said.
        None if phrases.is_empty() => return Ok(()),
        None => shared.engine.begin_transcript(video, NAME.to_owned()).await?.id,
    };
    let cues: Vec<_> = phrases.into_iter().map(|phrase| phrase.cue).collect();
    let count = u32::try_from(cues.len()).unwrap_or(u32::MAX);
    shared.engine.append_cues(video, transcript, cues, language, settled).await?;
    shared.change(run, |info| {
        info.transcript = Some(transcript);
        info.cues = info.cues.saturating_add(count);
    });
    Ok(())
}
