//! `timepin transcribe`: what is said in a file, written as it is heard; and the same for `timepin ask --speech`.

use std::io::IsTerminal;
use std::path::Path;

use ingest::ffmpeg;
use speech::{Options, Phrase, Transcriber, Whisper};
use timeline::cues::Export;
use timeline::cues::export::Writer;
use timeline::{Timestamp, Transcript};

use crate::cli::Transcribe;
use crate::config::Config;
use crate::{commands, model, telemetry};

/// Transcribes a file to standard output.
///
/// # Errors
/// When there is no speech model, the file gives no sound, or the model does not know the language.
pub(crate) fn run(config: &Config, request: &Transcribe) -> anyhow::Result<()> {
    telemetry::start(config.log_format, "error");
    let mut writer: Option<Writer> = None;
    let begin = |language: Option<&str>| -> anyhow::Result<Writer> {
        let (writer, head) = Writer::begin(request.format, language);
        commands::print(&head)?;
        Ok(writer)
    };
    let options = Options { language: request.language.clone(), from: 0 };
    let language = listen(config, &request.file, &options, |phrase, language| {
        let mut current = match writer.take() {
            Some(writer) => writer,
            None => begin(language)?,
        };
        commands::print(&current.cue(&phrase.cue, &phrase.words))?;
        writer = Some(current);
        Ok(())
    })?;
    let writer = writer.map_or_else(|| begin(language.as_deref()), Ok)?;
    let end = writer.end();
    commands::print(&if request.format == Export::Json { format!("{end}\n") } else { end.to_owned() })
}

/// What is said in a file, as a transcript.
///
/// # Errors
/// As for [`run`].
pub(super) fn file(config: &Config, path: &Path) -> anyhow::Result<Transcript> {
    let mut cues = Vec::new();
    let language = listen(config, path, &Options::default(), |phrase, _| {
        cues.push(phrase.cue);
        Ok(())
    })?;
    Ok(Transcript { language, cues })
}

/// Passes phrases on as they come, with the language as far as it is known. Returns the language.
fn listen(
    config: &Config,
    path: &Path,
    options: &Options,
    mut tell: impl FnMut(Phrase, Option<&str>) -> anyhow::Result<()>,
) -> anyhow::Result<Option<String>> {
    // Before the model is loaded: a wrong file should be told at once.
    let folder = model::speech_folder(config)?;
    let mut sound = ffmpeg::sound(path)?;
    let model = Whisper::open(&folder)?;
    let mut transcriber = Transcriber::new(&model, options)?;
    let progress = Progress::new(sound.duration);
    loop {
        let samples = sound.second()?;
        let phrases = if samples.is_empty() { transcriber.finish()? } else { transcriber.hear(&samples)? };
        progress.clear();
        phrases.into_iter().try_for_each(|phrase| tell(phrase, transcriber.language()))?;
        if samples.is_empty() {
            return Ok(transcriber.language().map(str::to_owned));
        }
        progress.show(transcriber.heard());
    }
}

/// `Transcribing … 12:30 / 55:00`, where a person looks on.
struct Progress {
    is_seen: bool,
    duration: Option<Timestamp>,
}

impl Progress {
    fn new(duration: Option<Timestamp>) -> Self {
        Self { is_seen: std::io::stderr().is_terminal(), duration }
    }

    fn show(&self, heard: Timestamp) {
        if self.is_seen {
            let of = self.duration.map(|duration| format!(" / {}", duration.clock())).unwrap_or_default();
            commands::print_aside(&format!("Transcribing … {}{of}", heard.clock()));
        }
    }

    fn clear(&self) {
        if self.is_seen {
            commands::print_aside("\r\x1b[K");
        }
    }
}
