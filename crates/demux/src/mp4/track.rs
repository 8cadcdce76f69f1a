//! `moov` and `trak`: from boxes to tracks.

use std::collections::BTreeSet;

use super::boxes::Body;
use super::header::{self, Edit, Matrix};
use super::{Allowance, RawSample, edits, entry, micros, sound, tables, text};
use crate::Error;
use crate::codec::sound::Heard;
use crate::error::Warnings;
use crate::layout::Layout;
use crate::movie::{Codec, Frame, Orientation, Sample, Track, TrackKind};
use crate::sniff::Container;
use crate::sound::{Frames, SoundTrack};
use crate::subtitles::{SubtitleTrack, Text};

/// Tracks beyond these are left out.
const MOST_TRACKS: usize = 1_000;

/// What holds for all tracks.
pub(super) struct Header {
    /// Ticks a second of edit durations.
    pub(super) timescale: u32,
}

/// A track while fragments may still add to it.
pub(super) struct Draft {
    pub(super) id: u32,
    pub(super) kind: TrackKind,
    pub(super) samples: Vec<RawSample>,
    /// Whether a fragment added samples.
    pub(super) fragmented: bool,
    /// Where the next fragment continues when it does not say.
    pub(super) next_dts: i64,
    /// The largest negative composition offset so far, in ticks.
    pub(super) lead: i64,
    text: Text,
    enabled: bool,
    entry: entry::Entry,
    orientation: Orientation,
    timescale: u32,
    edits: Vec<Edit>,
}

/// All tracks of `moov`. A broken track that is not a video is left out and told; it must not hide the pictures.
pub(super) fn drafts(
    moov: Body<'_>,
    allowance: &mut Allowance,
    warnings: &mut Warnings,
) -> Result<(Header, Vec<Draft>), Error> {
    if moov.child(b"cmov").is_some() {
        return Err(Error::Unsupported { feature: "a compressed index (cmov)" });
    }
    let (timescale, matrix) = match moov.child(b"mvhd") {
        Some(mvhd) => header::movie(mvhd)?,
        None => (0, Matrix::IDENTITY),
    };
    let chapters = chapters(moov);
    let mut drafts: Vec<Draft> = Vec::new();
    let mut crowded = None;
    for child in moov.children() {
        let (kind, trak) = child?;
        let Some(mdia) = trak.child(b"mdia").filter(|_| &kind == b"trak") else { continue };
        let kind = carries(trak, mdia, &chapters);
        // Others must not push the pictures out.
        let most = if kind == TrackKind::Video { 2 * MOST_TRACKS } else { MOST_TRACKS };
        if drafts.len() < most {
            drafts.extend(draft(trak, mdia, kind, matrix, allowance, warnings)?);
        } else {
            crowded.get_or_insert(trak.offset());
        }
    }
    if let Some(offset) = crowded {
        warnings.add("trak", offset, "more than a thousand tracks; the others are left out");
    }
    Ok((Header { timescale }, drafts))
}

/// Numbers of the tracks that hold the titles of chapters: text, but nothing that is said.
fn chapters(moov: Body<'_>) -> BTreeSet<u32> {
    let tracks = moov.children().filter_map(Result::ok).filter(|(kind, _)| kind == b"trak");
    let lists = tracks.filter_map(|(_, trak)| trak.child(b"tref")?.child(b"chap"));
    lists.flat_map(|mut list| std::iter::from_fn(move || list.u32().ok())).collect()
}

/// What a track carries, by its handler.
fn carries(trak: Body<'_>, mdia: Body<'_>, chapters: &BTreeSet<u32>) -> TrackKind {
    let id = || trak.child(b"tkhd").and_then(|tkhd| header::track(tkhd).ok()).map(|(id, ..)| id);
    match mdia.child(b"hdlr").and_then(|hdlr| header::handler(hdlr).ok()).as_ref() {
        Some(b"vide") => TrackKind::Video,
        Some(b"soun") => TrackKind::Audio,
        Some(b"text" | b"sbtl" | b"subt" | b"subp" | b"clcp") if id().is_none_or(|id| !chapters.contains(&id)) => {
            TrackKind::Subtitle
        }
        _ => TrackKind::Other,
    }
}

fn draft(
    trak: Body<'_>,
    mdia: Body<'_>,
    kind: TrackKind,
    movie_matrix: Matrix,
    allowance: &mut Allowance,
    warnings: &mut Warnings,
) -> Result<Option<Draft>, Error> {
    match read(trak, mdia, kind, movie_matrix, allowance) {
        Ok(draft) => Ok(Some(draft)),
        Err(error) if kind == TrackKind::Video => Err(error),
        Err(error) => {
            if let Error::Malformed { name, offset, .. } | Error::TooMany { name, offset, .. } = error {
                warnings.add(&name, offset, "a track that is no video contradicts itself here; it is left out");
            }
            Ok(None)
        }
    }
}

fn read(
    trak: Body<'_>,
    mdia: Body<'_>,
    kind: TrackKind,
    movie_matrix: Matrix,
    allowance: &mut Allowance,
) -> Result<Draft, Error> {
    let missing = |what| move || trak.malformed(what);
    let (id, enabled, matrix) = header::track(trak.child(b"tkhd").ok_or_else(missing("no track header (tkhd)"))?)?;
    let timescale = header::media(mdia.child(b"mdhd").ok_or_else(missing("no media header (mdhd)"))?)?;
    let stbl = mdia.child(b"minf").and_then(|minf| minf.child(b"stbl"));
    let stbl = stbl.ok_or_else(missing("no sample table (stbl)"))?;
    let edits = trak.child(b"edts").and_then(|edts| edts.child(b"elst")).map(header::edits).transpose()?;
    let entry = entry::entry(stbl.child(b"stsd").ok_or_else(missing("no sample description (stsd)"))?, kind)?;
    let samples = match entry.heard.as_ref().map(|heard| heard.frames) {
        _ if !allowance.wanted.has(kind) => Vec::new(),
        // Each sample of uncompressed sound is one of the table, by the hundred million.
        Some(Frames::Bytes(each, _)) => tables::chunks(stbl, kind, each, allowance)?,
        _ => tables::samples(stbl, kind, allowance)?,
    };
    let mut text = text::described(trak, mdia, entry.form);
    text.forced |= entry.forced;
    let next_dts = samples.last().map_or(0, |s| s.dts.saturating_add(s.delta.into()));
    let lead = samples.iter().map(|s| s.dts.saturating_sub(s.cts)).max().unwrap_or(0).max(0);
    Ok(Draft {
        id,
        kind,
        samples,
        fragmented: false,
        next_dts,
        lead,
        text,
        enabled,
        entry,
        orientation: matrix.then(movie_matrix).orientation(),
        timescale,
        edits: edits.unwrap_or_default(),
    })
}

impl Draft {
    /// The track as it is heard; nothing when its description cannot be read.
    pub(super) fn sound(self, movie_timescale: u32) -> Option<SoundTrack> {
        let Heard { string, description, rate, channels, frames } = self.entry.heard?;
        Some(SoundTrack {
            container: Container::Mp4,
            id: self.id,
            codec: Codec { string, description, ..self.entry.codec },
            rate,
            channels,
            packets: sound::packets(&self.samples, self.timescale),
            stretches: sound::stretches(&self.edits, self.timescale, movie_timescale, self.fragmented),
            frames,
            layout: Layout::Plain,
        })
    }

    /// Leaves out the pictures of a fragmented recording that lie behind the end of the file, where some lie before it;
    /// tells where the first of them should be.
    pub(super) fn cut(&mut self, file_len: u64) -> Option<u64> {
        let beyond = |s: &RawSample| s.offset.saturating_add(s.size.into()) > file_len;
        let whole = self.samples.iter().position(beyond).filter(|&whole| whole > 0 && self.fragmented)?;
        let lost = self.samples.get(whole).filter(|_| self.kind == TrackKind::Video)?.offset;
        self.samples.truncate(whole);
        Some(lost)
    }

    /// The track as it is shown. The samples of texts become packets.
    pub(super) fn finish(mut self, movie_timescale: u32) -> (Track, Option<SubtitleTrack>) {
        if self.kind != TrackKind::Subtitle {
            return (self.track(movie_timescale), None);
        }
        let (samples, text) = (std::mem::take(&mut self.samples), std::mem::take(&mut self.text));
        let packets = text::packets(&samples, &self.edits, self.timescale, movie_timescale, self.fragmented);
        let track = self.track(movie_timescale);
        let subtitles = SubtitleTrack::of(&track, text, packets);
        (track, Some(subtitles))
    }

    /// Applies the edit list and turns ticks into microseconds.
    fn track(self, movie_timescale: u32) -> Track {
        let scale = self.timescale;
        let plan = edits::present(&self.samples, &self.edits, scale, movie_timescale, self.fragmented);
        let last = plan.shown.iter().filter_map(|&(time, sample)| {
            let delta = self.samples.get(sample as usize)?.delta;
            Some(time.saturating_add(delta.into()))
        });
        let duration = micros(last.max().unwrap_or(0), scale);
        let sample = |raw: &RawSample| {
            let at = |ticks: i64| micros(ticks.saturating_add(plan.shift), scale);
            Sample {
                offset: raw.offset,
                size: raw.size,
                dts: at(raw.dts),
                pts: at(raw.cts),
                duration: at(raw.cts.saturating_add(raw.delta.into())) - at(raw.cts),
                key: raw.key,
            }
        };
        let samples = self.samples.iter().map(sample).collect();
        let presented = plan.shown.iter().map(|&(time, sample)| Frame { pts: micros(time, scale), sample }).collect();
        let entry::Entry { codec, width, height, pixel_aspect, color, .. } = self.entry;
        Track {
            id: self.id,
            kind: self.kind,
            enabled: self.enabled,
            codec,
            width,
            height,
            orientation: self.orientation,
            pixel_aspect,
            color,
            time_base: (1, scale),
            duration,
            samples,
            presented,
            layout: Layout::Plain,
        }
    }
}
