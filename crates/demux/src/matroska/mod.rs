//! Matroska and WebM (RFC 9559): one walk over the headers of all elements, clusters of unknown size included.
//!
//! Every block is visited, none of its content is read (VP8 and VP9: the first bytes, which come with the header).
//! `Cues` are not needed for that: they name key frames only, and not all of them.

mod block;
mod codec;
mod ebml;
mod ids;
mod pictures;
mod sound;
mod text;
mod track;

use std::io::{Read, Seek};

use ebml::{Content, Element};
use pictures::{Group, Pictures};
pub(crate) use text::webm_payload;
use timeline::Timestamp;
use track::Entry;

use crate::error::Warnings;
use crate::movie::{Movie, Track, TrackKind, Wanted};
use crate::order::{Picture, ordered};
use crate::sniff::Container;
use crate::sound::SoundTrack;
use crate::source::Source;
use crate::subtitles::{Packet, SubtitleTrack};
use crate::{Error, time};

/// An element in memory larger than this belongs to no video.
const LARGEST: u64 = 64 << 20;
/// Tracks beyond these are left out.
const MOST_TRACKS: usize = 1_000;
/// Elements of a file; two hours of video and sound have a million.
const MOST_ELEMENTS: usize = 64_000_000;
const NANOSECONDS: u64 = 1_000_000_000;

/// Reads the index of a Matroska or WebM file.
pub(crate) fn open<R: Read + Seek>(reader: &mut R) -> Result<Movie, Error> {
    walk(reader, Wanted::Pictures)?.finish()
}

/// Reads the index of the first sound track of a Matroska or WebM file.
pub(crate) fn sound<R: Read + Seek>(reader: &mut R) -> Result<Option<SoundTrack>, Error> {
    let Walk { scale, tracks, pictures, .. } = walk(reader, Wanted::Sound)?;
    let mut found = tracks.into_iter().zip(pictures.into_lists());
    let first = found.find(|(entry, _)| entry.kind == TrackKind::Audio);
    Ok(first.map(|(entry, list)| sound::track(entry, &list, time::reduced(scale, NANOSECONDS))))
}

fn walk<R: Read + Seek>(reader: &mut R, wanted: Wanted) -> Result<Walk, Error> {
    let mut source = Source::new(reader)?;
    let mut walk = Walk::new(source.len(), wanted);
    walk.run(&mut source)?;
    Ok(walk)
}

/// What has been seen so far.
struct Walk {
    segment: Option<u64>,
    /// Where `SeekHead` says the tracks are described.
    tracks_at: Option<u64>,
    /// Nanoseconds of a tick.
    scale: u64,
    /// Ticks, as the header says.
    duration: Option<f64>,
    tracks: Vec<Entry>,
    pictures: Pictures,
    cluster: Cluster,
    warnings: Warnings,
}

/// The cluster that is walked.
#[derive(Debug, Clone, Copy, Default)]
struct Cluster {
    /// Its own time; none where none is given.
    time: Option<i64>,
    /// Behind it, where that is known.
    end: Option<u64>,
}

/// Where the walk goes on.
enum Next {
    At(u64),
    /// What stands here makes no sense.
    Noise(&'static str),
    Stop,
}

impl Walk {
    fn new(file_len: u64, wanted: Wanted) -> Self {
        Self {
            segment: None,
            tracks_at: None,
            scale: 1_000_000,
            duration: None,
            tracks: Vec::new(),
            pictures: Pictures::new(file_len, wanted),
            cluster: Cluster::default(),
            warnings: Warnings::default(),
        }
    }

    fn run<R: Read + Seek>(&mut self, source: &mut Source<'_, R>) -> Result<(), Error> {
        let mut at = 0;
        for _ in 0..MOST_ELEMENTS {
            if at >= source.len() {
                break;
            }
            let next = match ebml::header(source, at)? {
                Some(element) => self.element(source, element)?,
                None => Next::Noise("no element"),
            };
            at = match next {
                Next::At(next) => next.max(at + 1),
                Next::Stop => break,
                Next::Noise(what) => {
                    // Zeros behind the last element are no damage.
                    let Some(cluster) = source.find(ids::CLUSTER.to_be_bytes(), at + 1)? else {
                        if source.peek(at, 16)?.iter().any(|&b| b != 0) {
                            self.warnings.add("Segment", at, what);
                        }
                        break;
                    };
                    self.warnings.add("Cluster", at, what);
                    cluster
                }
            };
        }
        Ok(())
    }

    fn element<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, element: Element) -> Result<Next, Error> {
        match element.id {
            ids::SEGMENT if self.segment.is_some() => {
                self.warnings.add("Segment", element.at, "a second film begins here; only the first is read");
                return Ok(Next::Stop);
            }
            ids::SEGMENT => {
                self.segment = Some(element.body);
                return Ok(Next::At(element.body));
            }
            ids::CLUSTER => {
                if self.tracks.is_empty() {
                    self.find_tracks(source, element)?;
                }
                self.cluster = Cluster { time: None, end: element.end };
                return Ok(Next::At(element.body));
            }
            _ => {}
        }
        let Some(end) = element.end else { return Ok(Next::Noise("an element without a size")) };
        if ids::is_top(element.id) {
            self.cluster = Cluster::default();
        }
        if self.cluster.end.is_some_and(|cluster| element.at < cluster && end > cluster) {
            return Ok(Next::Noise("an element that is larger than its cluster"));
        }
        if end > source.len() {
            // A size that is wrong, or a file that is cut: what comes next tells.
            if source.find(ids::CLUSTER.to_be_bytes(), element.body)?.is_some() {
                return Ok(Next::Noise("an element that is larger than the file"));
            }
            let what = "the file ends in the middle of it; what came before is read";
            self.warnings.add(ids::name(element.id), element.at, what);
            return Ok(Next::Stop);
        }
        match element.id {
            ids::EBML if self.segment.is_some() => return Ok(Next::At(end)),
            ids::EBML => {}
            ids::SEEK_HEAD | ids::INFO | ids::TRACKS => self.header(source, element, end)?,
            ids::TIMESTAMP => {
                let length = usize::try_from(end - element.body).unwrap_or(8).min(8);
                let bytes = source.peek(element.body, length)?;
                self.cluster.time = i64::try_from(Content { bytes, at: element.body }.uint()).ok();
            }
            ids::SIMPLE_BLOCK => {
                let group = Group { block: (element.body, end), key: None, duration: None };
                self.block(source, &group, element.at)?;
            }
            ids::BLOCK_GROUP => match pictures::group(source, element.body, end)? {
                Some(group) => self.block(source, &group, element.at)?,
                None => self.warnings.add("BlockGroup", element.at, "no block that can be read; it is left out"),
            },
            id if ids::is_top(id) || ids::is_passed_over(id) => {}
            _ if self.segment.is_none() => return Ok(Next::Noise("an element outside of a segment")),
            // In a cluster of known size nothing is lost by stepping over what is not known; elsewhere it is rather noise.
            id if self.cluster.end.is_none() && id < 0x1000_0000 => return Ok(Next::Noise("an unknown element")),
            _ => {}
        }
        Ok(Next::At(end))
    }

    fn block<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, group: &Group, at: u64) -> Result<(), Error> {
        let time = self.cluster.time.unwrap_or_default();
        if !self.pictures.add(source, group, time, self.scale, &mut self.tracks)? {
            self.warnings.add("Block", at, "a header or lacing that contradicts itself; the block is left out");
        }
        Ok(())
    }

    /// `SeekHead`, `Info`, `Tracks`.
    fn header<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, element: Element, end: u64) -> Result<(), Error> {
        let length = end - element.body;
        let name = ids::name(element.id);
        let length = usize::try_from(length).ok().filter(|&n| n as u64 <= LARGEST).ok_or_else(|| Error::Malformed {
            name: name.to_owned(),
            offset: element.at,
            what: "more bytes than any video needs",
        })?;
        let bytes = source.bytes(element.body, length)?;
        let content = Content { bytes: &bytes, at: element.body };
        match element.id {
            ids::INFO => {
                let scale = content.child(ids::TIMESTAMP_SCALE).map(Content::uint);
                self.duration = content.child(ids::DURATION).and_then(Content::float);
                match scale {
                    Some(0) => self.warnings.add(name, element.at, "a clock with no length; milliseconds are taken"),
                    Some(scale) => self.scale = scale.min(NANOSECONDS * 3600),
                    None => {}
                }
            }
            ids::TRACKS if self.tracks.is_empty() => {
                let entries = || content.children().filter(|(id, _)| *id == ids::TRACK_ENTRY);
                self.tracks = entries().take(MOST_TRACKS).map(|(_, entry)| track::entry(entry)).collect();
                if entries().nth(MOST_TRACKS).is_some() {
                    self.warnings.add(name, element.at, "more than a thousand tracks; the others are left out");
                }
                self.pictures.tracks(self.tracks.len());
            }
            ids::SEEK_HEAD => {
                let seeks = content.children().filter(|(id, _)| *id == ids::SEEK).map(|(_, seek)| seek);
                let to_tracks = |seek: Content<'_>| {
                    let id = seek.child(ids::SEEK_ID).map(Content::uint)?;
                    (id == u64::from(ids::TRACKS)).then_some(())?;
                    seek.child(ids::SEEK_POSITION).map(Content::uint)
                };
                self.tracks_at = self.tracks_at.or_else(|| seeks.filter_map(to_tracks).next());
            }
            _ => {}
        }
        Ok(())
    }

    /// Tracks that are described behind the pictures: where the index of the segment says, or by stepping over clusters.
    fn find_tracks<R: Read + Seek>(&mut self, source: &mut Source<'_, R>, cluster: Element) -> Result<(), Error> {
        let told = self.tracks_at.zip(self.segment).map(|(position, start)| start.saturating_add(position));
        let mut at = told.unwrap_or(cluster.at);
        for _ in 0..MOST_ELEMENTS {
            let Some(element) = ebml::header(source, at)? else { break };
            let Some(end) = element.end.filter(|&end| end <= source.len()) else { break };
            if element.id == ids::TRACKS {
                return self.header(source, element, end);
            }
            if told.is_some() || !ids::is_top(element.id) {
                break;
            }
            at = end;
        }
        Ok(())
    }

    fn finish(self) -> Result<Movie, Error> {
        if self.tracks.is_empty() {
            return Err(Error::HeaderMissing { missing: "the list of tracks (Tracks)" });
        }
        let base = time::reduced(self.scale, NANOSECONDS);
        let whole = self.duration.map_or(0, |ticks| ticks.round() as i64);
        let lists = self.pictures.into_lists();
        let finished = self.tracks.into_iter().zip(lists).map(|(entry, list)| match entry.kind {
            TrackKind::Subtitle => texts(entry, &list, base),
            _ => (finished(entry, &list, base, whole), None),
        });
        let (tracks, subtitles): (Vec<_>, Vec<_>) = finished.unzip();
        Ok(Movie {
            container: Container::Matroska,
            duration: tracks.iter().map(|t| t.duration).max().unwrap_or(Timestamp::ZERO),
            tracks,
            subtitles: subtitles.into_iter().flatten().collect(),
            origin: Timestamp::ZERO,
            warnings: self.warnings.into_list(),
        })
    }
}

/// A subtitle track, and where its packets are.
fn texts(mut entry: Entry, list: &[Picture], base: (u32, u32)) -> (Track, Option<SubtitleTrack>) {
    let packet = |text: &Picture| Packet {
        offset: text.offset,
        size: text.size,
        start: time::micros_of(text.pts, base),
        end: (text.length > 0).then(|| time::micros_of(text.pts.saturating_add(text.length.into()), base)),
    };
    let packets = list.iter().filter(|text| text.size > 0).map(packet).collect();
    let text = std::mem::take(&mut entry.text);
    let track = finished(entry, &[], base, 0);
    let subtitles = SubtitleTrack::of(&track, text, packets);
    (track, Some(subtitles))
}

/// A track with its pictures in order. `whole` is the length of the file in ticks, zero where it is not said.
fn finished(entry: Entry, list: &[Picture], base: (u32, u32), whole: i64) -> Track {
    let scale = u64::from(base.0) * NANOSECONDS / u64::from(base.1);
    let usual = entry.default_duration.saturating_add(scale / 2).checked_div(scale).unwrap_or(0);
    let usual = match list {
        [only] if usual == 0 => u64::try_from(whole.saturating_sub(only.pts)).unwrap_or(0),
        _ => usual,
    };
    let mut list = list.to_vec();
    // The usual length is an average where the rate varies: nothing is shown beyond the end of the file.
    if let Some(last) = list.iter_mut().filter(|p| p.shown).max_by_key(|p| p.pts)
        && last.length == 0
        && (1..i64::try_from(usual).unwrap_or(i64::MAX)).contains(&whole.saturating_sub(last.pts))
    {
        last.length = u32::try_from(whole.saturating_sub(last.pts)).unwrap_or(u32::MAX);
    }
    let ordered = ordered(&list, base, u32::try_from(usual).unwrap_or(u32::MAX));
    Track {
        id: u32::try_from(entry.number).unwrap_or(u32::MAX),
        kind: entry.kind,
        enabled: entry.enabled,
        codec: entry.codec,
        width: entry.shape.width,
        height: entry.shape.height,
        orientation: entry.orientation,
        pixel_aspect: entry.shape.pixel_aspect,
        color: entry.shape.color,
        time_base: base,
        duration: ordered.duration,
        samples: ordered.samples,
        presented: ordered.presented,
        layout: entry.layout,
    }
}
