//! Movie fragments (`mvex`, `moof`, `traf`, `trun`; ISO/IEC 14496-12 §8.8) to samples.

use super::boxes::Body;
use super::track::Draft;
use super::{Allowance, RawSample};
use crate::Error;
use crate::movie::TrackKind;

/// `sample_is_non_sync_sample`, or `sample_depends_on` = 1: not a place to start.
const NOT_KEY: u32 = 0x0001_0000 | 0x0100_0000;

/// What a sample has unless its run says otherwise.
#[derive(Debug, Clone, Copy, Default)]
struct Defaults {
    track: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

/// What `mvex` says for all fragments.
#[derive(Default)]
pub(super) struct Fragments {
    defaults: Vec<Defaults>,
}

impl Fragments {
    /// Reads `mvex` of `moov`; a file without it has no fragments.
    pub(super) fn defaults(&mut self, moov: Body<'_>) -> Result<(), Error> {
        let Some(mvex) = moov.child(b"mvex") else { return Ok(()) };
        for child in mvex.children() {
            let (kind, mut body) = child?;
            if &kind == b"trex" {
                body.version()?;
                let track = body.u32()?;
                body.skip(4)?;
                self.defaults.push(Defaults { track, duration: body.u32()?, size: body.u32()?, flags: body.u32()? });
            }
        }
        Ok(())
    }

    /// Adds the samples of one `moof` that begins at byte `at` of the file.
    ///
    /// Where composition offsets are negative (CMAF), FFmpeg, and with it Chromium's player, delays the pictures of
    /// fragments by the largest one so far. The standard knows no such delay; times here are those of `ffprobe`.
    pub(super) fn read(
        &self,
        moof: Body<'_>,
        at: u64,
        drafts: &mut [Draft],
        allowance: &mut Allowance,
    ) -> Result<(), Error> {
        // Without any other word the data of a track follows that of the one before.
        let mut follows = at;
        let before: Vec<_> = drafts.iter().map(|d| d.samples.len()).collect();
        for child in moof.children() {
            let (kind, traf) = child?;
            if &kind == b"traf" {
                follows = self.track(traf, at, follows, drafts, allowance)?;
            }
        }
        for (draft, before) in drafts.iter_mut().zip(before) {
            let added = draft.samples.get_mut(before..).unwrap_or_default();
            let lead = added.iter().map(|s| s.dts.saturating_sub(s.cts)).max().unwrap_or(0);
            draft.lead = draft.lead.max(lead);
            added.iter_mut().for_each(|s| s.cts = s.cts.saturating_add(draft.lead));
        }
        Ok(())
    }

    fn track(
        &self,
        traf: Body<'_>,
        at: u64,
        follows: u64,
        drafts: &mut [Draft],
        allowance: &mut Allowance,
    ) -> Result<u64, Error> {
        let mut tfhd = traf.child(b"tfhd").ok_or_else(|| traf.malformed("no fragment header (tfhd)"))?;
        let (_, flags) = tfhd.version()?;
        let track = tfhd.u32()?;
        let mut base = if flags & 0x02_0000 != 0 { at } else { follows };
        let mut defaults = self.defaults.iter().find(|d| d.track == track).copied().unwrap_or_default();
        if flags & 0x01 != 0 {
            base = tfhd.u64()?;
        }
        if flags & 0x02 != 0 {
            tfhd.skip(4)?;
        }
        for (flag, field) in [(0x08, &mut defaults.duration), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)] {
            if flags & flag != 0 {
                *field = tfhd.u32()?;
            }
        }
        // What is not read is skipped like in `trak`, but its bytes count for what follows.
        let mut scratch = Vec::new();
        let draft = drafts.iter_mut().find(|d| d.id == track && allowance.wanted.has(d.kind));
        let start = decode_time(traf)?;
        let mut run = match draft {
            Some(draft) => {
                draft.fragmented = true;
                let dts = start.unwrap_or(draft.next_dts);
                Run {
                    defaults,
                    base,
                    next: base,
                    dts,
                    samples: &mut draft.samples,
                    keep: Some(draft.kind),
                    next_dts: Some(&mut draft.next_dts),
                }
            }
            None => Run { defaults, base, next: base, dts: 0, samples: &mut scratch, keep: None, next_dts: None },
        };
        for child in traf.children() {
            let (kind, trun) = child?;
            if &kind == b"trun" {
                run.read(trun, allowance)?;
            }
        }
        if let Some(next_dts) = run.next_dts {
            *next_dts = run.dts;
        }
        Ok(run.next)
    }
}

fn decode_time(traf: Body<'_>) -> Result<Option<i64>, Error> {
    let Some(mut tfdt) = traf.child(b"tfdt") else { return Ok(None) };
    let (version, _) = tfdt.version()?;
    let ticks = if version == 1 { tfdt.u64()? } else { tfdt.u32()?.into() };
    Ok(i64::try_from(ticks).ok())
}

/// The runs of one track in one fragment.
struct Run<'a> {
    defaults: Defaults,
    base: u64,
    next: u64,
    dts: i64,
    samples: &'a mut Vec<RawSample>,
    /// What the samples are of; nothing when they are only counted.
    keep: Option<TrackKind>,
    next_dts: Option<&'a mut i64>,
}

impl Run<'_> {
    fn read(&mut self, mut trun: Body<'_>, allowance: &mut Allowance) -> Result<(), Error> {
        let (_, flags) = trun.version()?;
        let count = trun.u32()?;
        if flags & 0x01 != 0 {
            self.next = self.base.saturating_add_signed(trun.i32()?.into());
        }
        let first_flags = if flags & 0x04 != 0 { Some(trun.u32()?) } else { None };
        let fields = [0x100, 0x200, 0x400, 0x800].into_iter().filter(|f| flags & f != 0).count();
        if u64::from(count) * 4 * fields as u64 > trun.len() as u64 {
            return Err(trun.too_many(count.into()));
        }
        match self.keep.map(|kind| (kind, allowance.spend(kind, count.into(), &trun))) {
            // Too many texts must not hide the pictures.
            Some((TrackKind::Subtitle, Err(_))) => self.keep = None,
            Some((_, spent)) => spent?,
            _ => {}
        }
        // Four thousand million samples of one size take no more bytes than one: they are not counted one by one.
        if self.keep.is_none() && flags & 0x200 == 0 {
            self.next = self.next.saturating_add(u64::from(count) * u64::from(self.defaults.size));
            return Ok(());
        }
        for index in 0..count {
            let mut field = |flag: u32, default: u32| if flags & flag != 0 { trun.u32() } else { Ok(default) };
            let delta = field(0x100, self.defaults.duration)?;
            let size = field(0x200, self.defaults.size)?;
            let default_flags = first_flags.filter(|_| index == 0).unwrap_or(self.defaults.flags);
            let sample_flags = field(0x400, default_flags)?;
            let shift = field(0x800, 0)?.cast_signed();
            if self.keep.is_some() {
                let key = sample_flags & NOT_KEY == 0;
                let cts = self.dts.saturating_add(shift.into());
                self.samples.push(RawSample { offset: self.next, size, dts: self.dts, cts, delta, key });
            }
            self.dts = self.dts.saturating_add(delta.into());
            self.next = self.next.saturating_add(size.into());
        }
        Ok(())
    }
}
