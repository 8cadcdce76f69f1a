//! One extraction: plan, feed, decode, encode, hand over; the overview first where there is one. All callbacks ring one bell; one loop decides what is next.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use app::extraction::{ExtractError, There};
use demux::feed::{Slices, feed};
use demux::{Container, Movie, Track};
use js_sys::{Array, ArrayBuffer};
use timeline::{PlanRequest, Timestamp};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::bell::Bell;
use super::copied::{Buffers, Copied, Part};
use super::decoder::{Decoder, Picture};
use super::outbox::{Outbox, Turn};
use super::picture::Studio;
use super::plan::Plan;
use super::reader::{Bytes, SampleReader};
use super::shots::{Look, Shots};
use super::{config, post, refuse, scope, shape};
use crate::protocol::{Cost, Reply};

/// Samples a decoder is given ahead: enough to keep it busy while this thread draws and encodes.
const AHEAD: u32 = 24;
/// Pictures being encoded at once.
const ENCODING: u32 = 4;
/// How often progress is told.
const PROGRESS_MS: i32 = 200;
/// A decoder that dies is replaced.
const MOST_DECODERS: u32 = 8;

/// A run and what its callbacks share.
pub(super) struct Run {
    container: Container,
    track: Rc<Track>,
    file: Bytes,
    shared: Rc<Shared>,
    decoder: RefCell<Option<Rc<Decoder>>>,
}

struct Shared {
    bell: Rc<Bell>,
    outbox: RefCell<Outbox>,
    buffers: RefCell<Buffers>,
    studio: RefCell<Option<Studio>>,
    /// Pictures that are being read, and those of them that are being encoded.
    under_way: Cell<u32>,
    encoding: Cell<u32>,
    shots: RefCell<Shots>,
    /// Of all frames of the plan.
    looks: HashSet<Timestamp>,
    failure: RefCell<Option<ExtractError>>,
    cost: Cell<Cost>,
}

impl Run {
    /// Makes the plan: the frames that its instants show and the server has not.
    pub(super) fn new(movie: Movie, file: Bytes, request: PlanRequest, there: &There) -> Result<Self, ExtractError> {
        Self::of(movie, file, |track, file| {
            let slices = Slices::of(&track.codec);
            Plan::new(track, request, there, |key| file.enterable(track, slices, key))
        })
    }

    /// For the frames that a player shows at some instants.
    pub(super) fn at(movie: Movie, file: Bytes, instants: &[Timestamp]) -> Result<Self, ExtractError> {
        Self::of(movie, file, |track, _| Plan::at(track, instants))
    }

    fn of(movie: Movie, file: Bytes, plan: impl FnOnce(&Track, &Bytes) -> Plan) -> Result<Self, ExtractError> {
        let track = movie.video().map_err(refuse)?.clone();
        shape(&track)?;
        let plan = plan(&track, &file);
        let outbox = Outbox::new(&plan, track.duration);
        let shared = Shared {
            bell: Rc::default(),
            outbox: RefCell::new(outbox),
            buffers: RefCell::default(),
            studio: RefCell::new(None),
            under_way: Cell::new(0),
            encoding: Cell::new(0),
            shots: RefCell::default(),
            looks: plan.looks,
            failure: RefCell::new(None),
            cost: Cell::new(Cost::default()),
        };
        let container = movie.container;
        Ok(Self { container, track: Rc::new(track), file, shared: Rc::new(shared), decoder: RefCell::new(None) })
    }

    /// The page wants no more.
    pub(super) fn cancel(&self) {
        self.shared.fail(ExtractError::Cancelled);
        if let Some(decoder) = self.decoder.take() {
            decoder.close();
        }
    }

    /// A batch is durable.
    pub(super) fn acknowledged(&self, seq: u32) {
        self.shared.outbox.borrow_mut().acknowledge(seq);
        self.shared.bell.ring();
    }

    /// Works to the end; returns the last word to the page.
    pub(super) async fn drive(&self) -> Reply {
        let total = self.shared.outbox.borrow().total();
        post(&Reply::Planned { frames: total }, &Array::new());
        let ticking = Ticking::start(Rc::clone(&self.shared));
        let result = self.extract().await;
        drop(ticking);
        self.decoder.take();
        match result {
            Ok(frames) => {
                post(&self.shared.outbox.borrow().progress(), &Array::new());
                let cost = Cost { bytes_read: self.file.read_so_far(), ..self.shared.cost.get() };
                Reply::Finished { frames, cost }
            }
            Err(error) => Reply::Failed(error),
        }
    }

    async fn extract(&self) -> Result<u32, ExtractError> {
        config::supported(&self.track, self.container).await?;
        for turn in [Turn::First, Turn::Overview] {
            let glimpses = self.shared.outbox.borrow().of(turn);
            // A decoder that fails over the overview may do better with the whole: nothing is lost but a look ahead.
            let _overview = self.decode(&glimpses, None, false).await?;
            self.decoder.take();
        }
        self.encoded().await?;
        self.shared.outbox.borrow_mut().end_overview();
        let mut died_of = None;
        let (mut before, mut entry) = (usize::MAX, None);
        for _ in 0..MOST_DECODERS {
            let wanted = self.shared.outbox.borrow().wanted();
            let Err(message) = self.decode(&wanted, entry, true).await? else {
                died_of = None;
                break;
            };
            died_of = Some(message);
            // Some decoders are taken away (a tab in the background) or trip once: start again from the last key. What
            // kills a second one in the same place is left out, up to the next key, whatever kind of key that is.
            let left = self.shared.outbox.borrow().wanted();
            if left.len() >= before {
                let start = |sample: u32| self.track.decode_from(sample as usize);
                let group = left.iter().map(|&sample| start(sample)).min().unwrap_or(0);
                self.shared.outbox.borrow_mut().give_up(|sample| start(sample) <= group);
                entry = Some(self.track.key_after(group));
            }
            before = left.len();
        }
        self.encoded().await?;
        let last = self.shared.shots.borrow_mut().finish();
        self.shared.outbox.borrow_mut().cuts(last, Vec::new());
        self.shared.outbox.borrow_mut().give_up(|_| true);
        while !self.shared.outbox.borrow_mut().post_rest() {
            self.shared.check()?;
            self.shared.bell.wait().await;
        }
        self.shared.check()?;
        let delivered = self.shared.outbox.borrow().delivered();
        delivered
            .ok_or_else(|| ExtractError::Decode { message: died_of.unwrap_or_else(|| "no picture came".to_owned()) })
    }

    /// Waits until every picture that came is looked at and encoded.
    async fn encoded(&self) -> Result<(), ExtractError> {
        while self.shared.under_way.get() > 0 {
            self.shared.check()?;
            self.shared.bell.wait().await;
        }
        Ok(())
    }

    /// Feeds one decoder with what the wanted samples need. The inner error is the decoder's, and worth a second attempt.
    /// `entry` is a key sample to begin with whatever its kind; `whole` says that shots can be told from what is decoded.
    async fn decode(
        &self,
        wanted: &[u32],
        entry: Option<usize>,
        whole: bool,
    ) -> Result<Result<(), String>, ExtractError> {
        if wanted.is_empty() {
            return Ok(Ok(()));
        }
        let shared = &self.shared;
        shared.count(|cost| cost.decoders += 1);
        let decoder = match Decoder::open(&config::of(&self.track), &shared.bell, self.on_picture(whole)) {
            Ok(decoder) => Rc::new(decoder),
            Err(message) => return Ok(Err(message)),
        };
        *self.decoder.borrow_mut() = Some(Rc::clone(&decoder));

        let slices = Slices::of(&self.track.codec);
        let feed = feed(&self.track, wanted, |key| entry == Some(key) || self.file.enterable(&self.track, slices, key));
        let wanted: HashSet<_> = wanted.iter().copied().collect();
        let mut reader = SampleReader::new(&self.file, &self.track, &feed);
        let mut scratch = Vec::new();
        for (position, &index) in feed.iter().enumerate() {
            while decoder.queued() >= AHEAD || shared.busy() {
                shared.check()?;
                if let Some(message) = decoder.failure() {
                    return Ok(Err(message));
                }
                shared.bell.wait().await;
            }
            shared.check()?;
            let Some(sample) = self.track.samples.get(index as usize) else { continue };
            let bytes = reader.sample(position).map_err(|e| ExtractError::Read { message: e.to_string() })?;
            if slices.known() && !sample.key && !wanted.contains(&index) {
                scratch.resize(bytes.length() as usize, 0);
                bytes.copy_to(&mut scratch);
                if slices.disposable(&scratch) {
                    shared.count(|cost| cost.samples_left_out += 1);
                    continue;
                }
            }
            if let Err(message) = decoder.decode(sample, &bytes) {
                shared.check()?;
                return Ok(Err(decoder.failure().unwrap_or(message)));
            }
            shared.count(|cost| cost.samples_fed += 1);
        }
        let flushed = decoder.flush().await;
        shared.check()?;
        Ok(flushed.map_err(|message| decoder.failure().unwrap_or(message)))
    }

    /// What happens to a picture: closed at once if nobody wants it, otherwise made small, closed, encoded.
    fn on_picture(&self, whole: bool) -> impl Fn(Picture) + 'static {
        let (shared, track) = (Rc::clone(&self.shared), Rc::clone(&self.track));
        let stamp =
            |(sample, place): (u32, usize)| Some((self.track.samples.get(sample as usize)?.pts.micros(), place));
        let places: HashMap<i64, usize> = shared.outbox.borrow().places().filter_map(stamp).collect();
        move |picture| {
            shared.count(|cost| cost.pictures += 1);
            let pts = Timestamp::from_micros(picture.timestamp());
            let look = whole.then(|| shared.shots.borrow_mut().wants(pts, shared.looks.contains(&pts)));
            let place = places.get(&pts.micros()).copied();
            let place = place.filter(|&place| shared.outbox.borrow_mut().claim(place));
            shared.take(picture, look, place, &track);
            shared.bell.ring();
        }
    }
}

impl Shared {
    /// Reads a picture for all that it is wanted for: it is looked at, and encoded if it has a place.
    fn take(self: &Rc<Self>, picture: Picture, look: Option<Look>, place: Option<usize>, track: &Rc<Track>) {
        let part = if place.is_some() { Some(Part::Whole) } else { look.map(Look::part) };
        let copying = part.and_then(|part| self.buffers.borrow_mut().copy(&picture, part));
        if copying.is_none() && place.is_none() {
            return;
        }
        let encodes = u32::from(place.is_some());
        self.under_way.set(self.under_way.get() + 1);
        self.encoding.set(self.encoding.get() + encodes);
        let (shared, track) = (Rc::clone(self), Rc::clone(track));
        spawn_local(async move {
            let copied = match copying {
                // A picture that cannot be read hides a cut; it is no reason to stop.
                Some(copying) => copying.await.ok(),
                None => None,
            };
            let encoding = shared.read(&picture, copied, look, place.map(|_| &*track));
            drop(picture);
            if let (Some(place), Some(encoding)) = (place, encoding) {
                let encoded = match encoding {
                    Ok(encoding) => encoding.await,
                    Err(message) => Err(message),
                };
                match encoded {
                    Ok(bytes) => shared.outbox.borrow_mut().put(place, bytes),
                    Err(message) => shared.fail(ExtractError::Decode { message }),
                }
            }
            shared.under_way.set(shared.under_way.get() - 1);
            shared.encoding.set(shared.encoding.get() - encodes);
            shared.bell.ring();
        });
    }

    /// Looks at a picture and begins to encode it, small, if there is a track to fit it to.
    fn read(
        &self,
        picture: &Picture,
        copied: Option<Copied>,
        look: Option<Look>,
        track: Option<&Track>,
    ) -> Option<Result<impl Future<Output = Result<ArrayBuffer, String>> + use<>, String>> {
        let mut buffers = self.buffers.borrow_mut();
        let samples = copied.as_ref().map(|copied| buffers.samples(copied));
        if let (Some(samples), Some(look)) = (&samples, look)
            && let Ok((cut, gone)) = self.shots.borrow_mut().see(look, samples)
        {
            self.outbox.borrow_mut().cuts(cut, gone);
        }
        let encoding = track.map(|track| {
            self.in_studio(picture, track, |studio| {
                match &samples {
                    Some(samples) => studio.put(samples)?,
                    // What cannot be copied (a frame that lives on the GPU, a layout not known) can still be drawn.
                    None => studio.draw(picture)?,
                }
                Ok(studio.encode())
            })
        });
        if let Some(copied) = copied {
            buffers.give_back(copied);
        }
        encoding
    }

    /// Lends the studio, made for the first picture.
    fn in_studio<T>(
        &self,
        picture: &Picture,
        track: &Track,
        work: impl FnOnce(&mut Studio) -> Result<T, String>,
    ) -> Result<T, String> {
        let mut studio = self.studio.borrow_mut();
        match &mut *studio {
            Some(studio) => work(studio),
            none => work(none.insert(Studio::fitting(picture, track)?)),
        }
    }

    /// Whether the decoder should wait for encoding or for the page.
    fn busy(&self) -> bool {
        self.encoding.get() >= ENCODING || self.outbox.borrow().crowded()
    }

    fn fail(&self, error: ExtractError) {
        self.failure.borrow_mut().get_or_insert(error);
        self.bell.ring();
    }

    fn check(&self) -> Result<(), ExtractError> {
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }

    fn count(&self, change: impl FnOnce(&mut Cost)) {
        let mut cost = self.cost.get();
        change(&mut cost);
        self.cost.set(cost);
    }
}

/// Tells progress at regular times while it lives.
struct Ticking {
    id: i32,
    _tick: Closure<dyn FnMut()>,
}

impl Ticking {
    fn start(shared: Rc<Shared>) -> Self {
        let tick = Closure::new(move || post(&shared.outbox.borrow().progress(), &Array::new()));
        let function = tick.as_ref().unchecked_ref();
        let id =
            scope().and_then(|s| s.set_interval_with_callback_and_timeout_and_arguments_0(function, PROGRESS_MS).ok());
        Self { id: id.unwrap_or_default(), _tick: tick }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        if let Some(scope) = scope() {
            scope.clear_interval_with_handle(self.id);
        }
    }
}
