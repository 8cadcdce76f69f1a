//! Subtitles for `timepin ask`: those that are named, else those that lie beside the video under its name, else those inside it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use engine::Engine;
use timeline::cues::embedded::Track;
use timeline::cues::export::line;
use timeline::cues::{self, Export, MAX_FILE_BYTES, Reading, Retiming};
use timeline::{Evidence, Transcript, VideoId};

use crate::cli::Ask;
use crate::commands::print_aside;

/// Endings of files that are taken unasked.
const ENDINGS: [&str; 6] = ["srt", "vtt", "ass", "ssa", "ttml", "dfxp"];
/// Repairs that are told one by one.
const TOLD: usize = 5;

/// Subtitles that were read and can be read.
pub(super) enum Subtitles {
    /// Of a file of their own.
    File { name: String, bytes: Vec<u8> },
    /// Of a track of the video.
    Track(Track),
}

impl Subtitles {
    /// What was heard, under the name of its source.
    pub(super) fn spoken(transcript: &Transcript) -> Self {
        Self::File { name: "speech.json".to_owned(), bytes: cues::export::write(transcript, Export::Json).into_bytes() }
    }
}

/// Reads the subtitles, saying which are taken unasked and what had to be repaired.
///
/// # Errors
/// When a file that was named cannot be read; one that merely lies there is passed over, and that is said.
pub(super) fn read(request: &Ask) -> anyhow::Result<Vec<Subtitles>> {
    if request.no_subtitles {
        return Ok(Vec::new());
    }
    if !request.subtitles.is_empty() {
        return request.subtitles.iter().map(|path| open(path).map(|(_, file)| file)).collect();
    }
    let mut found = Vec::new();
    for path in beside(&request.video) {
        match open(&path) {
            Ok((name, file)) => {
                print_aside(&format!("Subtitles beside the video: {name} (--no-subtitles leaves them out)\n"));
                found.push(file);
            }
            Err(error) => print_aside(&format!("Subtitles beside the video are passed over: {error:#}\n")),
        }
    }
    Ok(if found.is_empty() { inside(&request.video) } else { found })
}

/// The text tracks of the video; one that cannot be read is passed over, and that is said.
fn inside(video: &Path) -> Vec<Subtitles> {
    let mut found = Vec::new();
    for track in ingest::tracks(video) {
        let read = track.map_err(anyhow::Error::from).and_then(|track| Ok((track.read()?, track)));
        match read {
            Ok((reading, track)) if found.len() < engine::MAX_TRANSCRIPTS as usize => {
                let name = track.name();
                print_aside(&format!("Subtitles inside the video: {name} (--no-subtitles leaves them out)\n"));
                tell(&name, &reading);
                found.push(Subtitles::Track(track));
            }
            Ok((_, track)) => print_aside(&format!(
                "Subtitles inside the video are passed over: {}, after {} others\n",
                track.name(),
                engine::MAX_TRANSCRIPTS
            )),
            Err(error) => print_aside(&format!("Subtitles inside the video are passed over: {error:#}\n")),
        }
    }
    found
}

/// Brings them to the video, their times corrected.
pub(super) async fn add(engine: &Engine, id: &VideoId, found: Vec<Subtitles>, request: &Ask) -> anyhow::Result<()> {
    let by =
        Retiming { offset: request.subtitles_offset.unwrap_or_default(), ..request.subtitles_rate.unwrap_or_default() };
    for subtitles in found {
        let receipt = match subtitles {
            Subtitles::File { name, bytes } => Some(engine.put_transcript(id, name, bytes).await?),
            Subtitles::Track(track) => engine.put_track(id, track).await?,
        };
        if let Some(receipt) = receipt.filter(|_| by != Retiming::default()) {
            engine.retime(id, receipt.info.id, by).await?;
        }
    }
    Ok(())
}

/// What was found, a line each.
pub(super) fn shown(evidence: &[Evidence]) -> String {
    if evidence.is_empty() {
        return "Not in the subtitles.\n".to_owned();
    }
    let mark = |found: &Evidence| if found.is_similar { "~" } else { "" };
    let shown =
        |found: &Evidence| format!("[{}] {}{}\n", found.span.start.clock_tenths(), mark(found), line(&found.text));
    evidence.iter().map(shown).collect()
}

fn open(path: &Path) -> anyhow::Result<(String, Subtitles)> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let reading = || format!("cannot read the subtitles in {}", path.display());
    // Before all of it is in memory: it may be the video itself.
    let length = std::fs::metadata(path).with_context(reading)?.len();
    if length > MAX_FILE_BYTES as u64 {
        let error = cues::CueError::TooLarge { bytes: length, limit: MAX_FILE_BYTES as u64 };
        return Err(error).with_context(reading);
    }
    let bytes = std::fs::read(path).with_context(reading)?;
    tell(&name, &cues::read(&bytes, &name).with_context(reading)?);
    Ok((name.clone(), Subtitles::File { name, bytes }))
}

fn tell(name: &str, reading: &Reading) {
    for warning in reading.warnings.iter().take(TOLD) {
        print_aside(&format!("{name}, {warning}\n"));
    }
    let further = reading.warnings.len().saturating_sub(TOLD) + reading.further_warnings as usize;
    if further > 0 {
        print_aside(&format!("{name}: {further} further lines were repaired\n"));
    }
}

/// Subtitle files in the video's folder that have its name, with or without a language: `lecture.srt`, `lecture.zh.srt`.
fn beside(video: &Path) -> Vec<PathBuf> {
    let Some(stem) = video.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else { return Vec::new() };
    let folder = video.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let rest = name.strip_prefix(&stem).and_then(|rest| rest.strip_prefix('.'));
        let ending = rest.map(|rest| rest.rsplit('.').next().unwrap_or(rest).to_ascii_lowercase());
        ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) && path.is_file()
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(is_ours).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_videos_name_are_found_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a.mp4", "a.srt", "a.zh.vtt", "a.json", "ab.srt", "b.srt", "a.txt", "a.SRT.bak"];
        for name in names {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let found = beside(&folder.path().join("a.mp4"));
        let found: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(found, ["a.srt", "a.zh.vtt"]);
        assert!(beside(&folder.path().join("gone/a.mp4")).is_empty());
    }
}
