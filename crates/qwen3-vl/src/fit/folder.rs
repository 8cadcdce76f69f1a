//! Whether the model of a folder fits a machine, from the headers of its files alone: what lists of models say, and what the
//! loader checks before it reads a weight.

use std::path::Path;

use timeline::DeviceFit;

use super::{Advice, Demand, Dimensions, Limits, Place, Precision, available_on};
use crate::cache_precision::CachePrecision;
use crate::checkpoint;
use crate::config::Config;
use crate::error::Result;
use crate::gguf::Gguf;
use crate::load_options::DeviceKind;
use crate::profile::Profile;
use crate::weights;

/// Where models are loaded, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Its memory.
    pub limits: Limits,
    /// What weights are kept in.
    pub precision: weights::Precision,
    /// What keys and values are kept in.
    pub cache: CachePrecision,
}

/// Threads where nobody says how many: one per core.
fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX))
}

/// What a folder's weights take.
pub(crate) struct Outline {
    sizes: Dimensions,
    /// What the decoder's matrices are kept in.
    held: Precision,
    /// Bytes of files whose formats are kept, whatever they are: GGUF.
    stored: Option<u64>,
}

impl Outline {
    /// Reads headers.
    fn of(dir: &Path, precision: weights::Precision, place: Place) -> Result<Self> {
        let on_cpu = matches!(place, Place::Cpu { .. });
        if !checkpoint::is_gguf(dir) {
            return Self::published(dir, weights::held_of(dir, precision, on_cpu)?);
        }
        let gguf = Gguf::open(dir)?;
        let (config, length) = (gguf.config()?.finish(dir)?, weights::length_of(&gguf.paths())?);
        Ok(Self::gguf(&config, length, weights::held_of_gguf(gguf, precision, on_cpu)?))
    }

    pub(crate) fn published(dir: &Path, held: Precision) -> Result<Self> {
        Ok(Self { sizes: Dimensions::read(dir)?, held, stored: None })
    }

    /// Blocks take in memory what they take in the files, unless floats were asked for.
    pub(crate) fn gguf(config: &Config, length: u64, held: Precision) -> Self {
        let stored = (held != Precision::F32).then_some(length);
        Self { sizes: Dimensions::of(config), held, stored }
    }

    fn bytes(&self) -> u64 {
        self.stored.unwrap_or_else(|| self.sizes.weight_bytes(self.held))
    }

    /// Refuses weights that `available` bytes cannot hold.
    ///
    /// # Errors
    /// [`Error::TooLarge`](crate::Error::TooLarge), which says what needs how much.
    pub(crate) fn check(&self, available: Option<u64>) -> Result<()> {
        let format = if self.stored.is_some() { "the files' own formats" } else { self.held.name() };
        self.sizes.check_bytes(format, self.bytes(), available)
    }
}

impl Machine {
    /// A device with the memory that is free on it now; none where it is not there or does not say. threads: those of the
    /// model on the processor, none for one per core.
    pub fn now(
        device: DeviceKind,
        threads: Option<u32>,
        precision: weights::Precision,
        cache: CachePrecision,
    ) -> Option<Self> {
        let memory = available_on(&device.open().ok()?)?;
        let place = match device {
            DeviceKind::Cpu => Place::Cpu { threads: threads.unwrap_or_else(cores) },
            DeviceKind::Cuda(_) => Place::Accelerator,
        };
        Some(Self { limits: Limits { memory, place }, precision, cache })
    }

    /// Whether the model of a folder and a usual film of some minutes fit.
    ///
    /// # Errors
    /// When the files are not those of a whole model.
    pub fn judge(&self, dir: &Path, minutes: f64) -> Result<DeviceFit> {
        let outline = Outline::of(dir, self.precision, self.limits.place)?;
        let demand = Demand::usual(minutes, &Profile::read(dir)?);
        Ok(self.verdict(&outline, &demand))
    }

    fn verdict(&self, outline: &Outline, demand: &Demand) -> DeviceFit {
        let Outline { sizes, held, stored } = outline;
        let (limits, kv, weights) = (self.limits, self.cache.beside(*held), outline.bytes());
        let (mut fits, mut missing) = (false, 0);
        if let Ok(video) = demand.video() {
            missing = sizes.need_beside(weights, &video, kv, limits.place).total().saturating_sub(limits.memory);
            fits = missing == 0 && sizes.within_window(&video);
        }
        // Blocks that lie in the files cannot be made smaller.
        let advice = if fits || stored.is_some() { Vec::new() } else { sizes.advice(demand, *held, kv, limits) };
        let smaller = advice.into_iter().find_map(|advice| match advice {
            Advice::Precision(precision) => Some(precision.setting().to_owned()),
            _ => None,
        });
        let longest_minutes = sizes.longest_beside(weights, demand, kv, limits);
        DeviceFit { fits, missing, longest_minutes, precision: smaller }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::KvFormat;

    fn bundled() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/timepin-tiny")
    }

    fn golden(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
    }

    fn machine(memory: u64) -> Machine {
        let limits = Limits { memory, place: Place::Cpu { threads: 2 } };
        Machine { limits, precision: weights::Precision::Auto, cache: CachePrecision::Auto }
    }

    /// The model of a published size on a card.
    fn on_a_card(size: &str, gib: u64, minutes: f64) -> DeviceFit {
        let limits = Limits { memory: gib << 30, place: Place::Accelerator };
        let sizes = Dimensions::published(size).unwrap();
        let outline = Outline { sizes, held: Precision::Half, stored: None };
        Machine { limits, ..machine(0) }.verdict(&outline, &Demand::usual(minutes, &Profile::default()))
    }

    #[test]
    fn a_model_that_fits_says_for_how_long_and_one_that_does_not_says_what_would() {
        let fit = on_a_card("2B", 24, 10.0);
        assert!(fit.fits && fit.missing == 0 && fit.precision.is_none() && fit.longest_minutes >= Some(10), "{fit:?}");
        let fit = on_a_card("8B", 24, 10.0);
        assert!(!fit.fits && fit.missing > 0 && fit.precision.as_deref() == Some("q5k"), "{fit:?}");
        // One minute is 120 frames at full size, and their keys and values are too much beside the weights.
        assert!(fit.longest_minutes.is_none(), "{fit:?}");
        let fit = on_a_card("235B-A22B", 24, 10.0);
        assert!(!fit.fits && fit.precision.is_none() && fit.longest_minutes.is_none(), "{fit:?}");
        assert!(fit.missing > 400 << 30);
    }

    #[test]
    fn folders_are_judged_by_what_would_be_loaded_whatever_their_form() {
        for folder in [bundled(), golden("tied"), golden("untied"), golden("moe"), golden("gguf")] {
            let fit = machine(64 << 30).judge(&folder, 0.05).unwrap();
            assert!(fit.fits && fit.missing == 0, "{folder:?}: {fit:?}");
            let fit = machine(1 << 20).judge(&folder, 0.05).unwrap();
            assert!(!fit.fits && fit.missing > 0 && fit.longest_minutes.is_none(), "{folder:?}: {fit:?}");
        }
        assert!(machine(1 << 30).judge(Path::new("nowhere"), 1.0).is_err());
        // Memory without end, but 4,096 positions.
        let fit = machine(u64::MAX).judge(&golden("tied"), 60.0).unwrap();
        assert!(!fit.fits && fit.missing == 0, "{fit:?}");
    }

    #[test]
    fn blocks_of_a_gguf_take_what_the_files_take_and_floats_more() {
        let bytes = |precision| Outline::of(&golden("gguf"), precision, Place::Cpu { threads: 1 }).unwrap().bytes();
        let files = ["tiny-Q4_K_M.gguf", "mmproj-tiny-F16.gguf"].map(|name| golden("gguf").join(name));
        assert_eq!(bytes(weights::Precision::Auto), weights::length_of(&files).unwrap());
        assert!(bytes(weights::Precision::F32) > 3 * bytes(weights::Precision::Auto));
        let outline = Outline::of(&golden("gguf"), weights::Precision::Auto, Place::Cpu { threads: 1 }).unwrap();
        let error = outline.check(Some(1000)).unwrap_err();
        assert!(matches!(error, crate::Error::TooLarge { available: 1000, .. }), "{error}");
    }

    #[test]
    fn what_is_kept_in_eight_bits_leaves_room_for_more() {
        let longest = |cache| Machine { cache, ..machine(1 << 30) }.judge(&bundled(), 1440.0).unwrap();
        let plain = longest(CachePrecision::Full);
        assert!(longest(CachePrecision::Eight).longest_minutes >= plain.longest_minutes);
        let outline = Outline::of(&bundled(), weights::Precision::Auto, Place::Cpu { threads: 1 }).unwrap();
        // 7 MB of 16 bits: computed with in 32 on the processor, and so are its keys.
        assert_eq!((outline.held, CachePrecision::Auto.beside(outline.held)), (Precision::F32, KvFormat::F32));
    }
}
