//! `moov` and `trak`: from boxes to tracks.

use super::boxes::Body;
use super::header::{self, Edit, Matrix};
use super::{Allowance, RawSample, edits, entry, micros, tables};
use crate::Error;
use crate::layout::Layout;
use crate::movie::{Color, Frame, Orientation, Sample, Track, TrackKind};

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
    enabled: bool,
    entry: entry::Entry,
    orientation: Orientation,
    timescale: u32,
    edits: Vec<Edit>,
}

/// All tracks of `moov`. A broken track that is not a video is left out; it must not hide the pictures.
pub(super) fn drafts(moov: Body<'_>, allowance: &mut Allowance) -> Result<(Header, Vec<Draft>), Error> {
    if moov.child(b"cmov").is_some() {
        return Err(Error::Unsupported { feature: "a compressed index (cmov)" });
    }
    let (timescale, matrix) = match moov.child(b"mvhd") {
        Some(mvhd) => header::movie(mvhd)?,
        None => (0, Matrix::IDENTITY),
    };
    let mut drafts = Vec::new();
    for child in moov.children() {
        match child? {
            (kind, trak) if &kind == b"trak" => drafts.extend(draft(trak, matrix, allowance)?),
            _ => {}
        }
    }
    Ok((Header { timescale }, drafts))
}

fn draft(trak: Body<'_>, movie_matrix: Matrix, allowance: &mut Allowance) -> Result<Option<Draft>, Error> {
    let Some(mdia) = trak.child(b"mdia") else { return Ok(None) };
    let kind = match mdia.child(b"hdlr").map(header::handler) {
        Some(Ok(handler)) if &handler == b"vide" => TrackKind::Video,
        Some(Ok(handler)) if &handler == b"soun" => TrackKind::Audio,
        _ => TrackKind::Other,
    };
    match read(trak, mdia, kind, movie_matrix, allowance) {
        Ok(draft) => Ok(Some(draft)),
        Err(error) if kind == TrackKind::Video => Err(error),
        Err(_) => Ok(None),
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
    // Only pictures are looked at: uncompressed sound has hundreds of millions of samples.
    let samples = if kind == TrackKind::Video { tables::samples(stbl, allowance)? } else { Vec::new() };
    let next_dts = samples.last().map_or(0, |s| s.dts.saturating_add(s.delta.into()));
    let lead = samples.iter().map(|s| s.dts.saturating_sub(s.cts)).max().unwrap_or(0).max(0);
    Ok(Draft {
        id,
        kind,
        samples,
        fragmented: false,
        next_dts,
        lead,
        enabled,
        entry,
        orientation: matrix.then(movie_matrix).orientation(),
        timescale,
        edits: edits.unwrap_or_default(),
    })
}

impl Draft {
    /// Applies the edit list and turns ticks into microseconds.
    pub(super) fn finish(self, movie_timescale: u32) -> Track {
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
        let entry::Entry { codec, width, height, pixel_aspect, color } = self.entry;
        let color: Option<Color> = color;
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
