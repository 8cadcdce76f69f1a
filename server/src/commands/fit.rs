//! `timepin fit`: which card takes which precision, how many questions at once and how much video, before anything is
//! downloaded. The arithmetic is `engine::fit`; here it becomes a table.

use anyhow::{Context, bail};
use engine::Profile;
use engine::fit::{
    Advice, Demand, Dimensions, GPUS, KvFormat, Limits, Need, PUBLISHED, Place, Precision, Video, available_memory,
};
use serde::Serialize;
use timeline::resize::Size;

use crate::cli::Fit;
use crate::config::Config;
use crate::{commands, model};

/// What weights are held in on a card.
const ON_CARDS: &[Precision] = &[Precision::Half, Precision::Q8_0, Precision::Q6K, Precision::Q5K, Precision::Q4K];

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    model: String,
    parameters: u64,
    minutes: f64,
    frames: u32,
    segments: u32,
    width: u32,
    height: u32,
    seconds_per_segment: f64,
    tokens: u64,
    positions: u64,
    within_window: bool,
    kv_bytes_per_token: u64,
    kv_bytes_per_token_8_bit: u64,
    devices: Vec<Row>,
}

/// One card, or this machine.
#[derive(Serialize)]
struct Row {
    device: String,
    memory_bytes: u64,
    precision: &'static str,
    fits: bool,
    /// Questions at once about this video.
    batch: u64,
    /// Longest video in this precision, minutes up to a day.
    longest_minutes: Option<u32>,
    weights_bytes: u64,
    kv_bytes: u64,
    activation_bytes: u64,
    total_bytes: u64,
    /// How many bytes are wanting; 0 when it fits.
    missing_bytes: u64,
    advice: Vec<String>,
}

/// A device to be judged.
struct Device {
    name: String,
    limits: Limits,
    /// The most exact first.
    precisions: &'static [Precision],
    kv: KvFormat,
}

/// Prints the table.
///
/// # Errors
/// An unknown model or card, or frames of an impossible shape.
pub(crate) fn run(config: &Config, request: &Fit) -> anyhow::Result<()> {
    let (name, dimensions, profile) = known(config)?;
    let mut plan =
        timeline::PlanRequest { fps: profile.fps, min_frames: profile.min_frames, max_frames: profile.max_frames };
    if let Some(fps) = request.fps {
        // Whoever names a rate wants that rate, not the plan's ceiling.
        (plan.fps, plan.max_frames) = (fps, 1 << 24);
    }
    let (width, height) = request.frame;
    let demand = Demand { minutes: request.minutes, source: Size { height, width }, plan, resize: profile.resize };
    let video = demand.video()?;
    let devices = devices(&request.gpus)?;
    let rows = devices.iter().map(|device| row(&dimensions, &demand, &video, device)).collect();
    let budget = video.budget;
    let report = Report {
        model: name,
        parameters: dimensions.parameters(),
        minutes: request.minutes,
        frames: budget.frames,
        segments: budget.segments,
        width: budget.size.width,
        height: budget.size.height,
        seconds_per_segment: budget.seconds_per_segment,
        tokens: video.tokens,
        positions: video.positions,
        within_window: dimensions.within_window(&video),
        kv_bytes_per_token: dimensions.kv_bytes_per_token(KvFormat::Half),
        kv_bytes_per_token_8_bit: dimensions.kv_bytes_per_token(KvFormat::Eight),
        devices: rows,
    };
    let text = if request.json { serde_json::to_string(&report)? + "\n" } else { table(&report, &dimensions) };
    commands::print(&text)
}

/// The model's name, its sizes, and how it wants to be shown a video.
fn known(config: &Config) -> anyhow::Result<(String, Dimensions, Profile)> {
    let named = config.model.as_ref().filter(|folder| !folder.join("config.json").is_file());
    if let Some(name) = named {
        let name = name.to_string_lossy();
        let Some(dimensions) = Dimensions::published(&name) else {
            bail!(
                "there is no config.json in {name}, nor is it a published size; give a folder or one of {}",
                PUBLISHED.join(", ")
            );
        };
        return Ok((name.into_owned(), dimensions, Profile::default()));
    }
    let (folder, _) = model::folder(config)?;
    Ok((folder.display().to_string(), Dimensions::read(&folder)?, Profile::read(&folder)?))
}

fn devices(wanted: &[String]) -> anyhow::Result<Vec<Device>> {
    let card = |gpu: &engine::fit::Gpu| Device {
        name: gpu.name.to_owned(),
        limits: Limits { memory: gpu.bytes(), place: Place::Accelerator },
        precisions: ON_CARDS,
        kv: KvFormat::Half,
    };
    if !wanted.is_empty() {
        let find = |name: &String| {
            let names = || GPUS.iter().map(|gpu| gpu.name).collect::<Vec<_>>().join(", ");
            GPUS.iter()
                .find(|gpu| gpu.is(name))
                .map(card)
                .with_context(|| format!("no card `{name}`; known are {}", names()))
        };
        return wanted.iter().map(find).collect();
    }
    let mut devices: Vec<_> = GPUS.iter().map(card).collect();
    if let Some(memory) = available_memory() {
        let threads = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        devices.push(Device {
            name: "this machine".to_owned(),
            limits: Limits { memory, place: Place::Cpu { threads } },
            precisions: &Precision::ALL,
            kv: KvFormat::F32,
        });
    }
    Ok(devices)
}

fn row(model: &Dimensions, demand: &Demand, video: &Video, device: &Device) -> Row {
    let Device { limits, precisions, kv, .. } = *device;
    let best = model.precision(demand, precisions, kv, limits);
    // What does not fit at all is told for the smallest precision: that is nearest.
    let precision = best.or(precisions.last().copied()).unwrap_or(Precision::Q4K);
    let need: Need = model.need(video, precision, kv, limits.place);
    let advice = if best.is_some() { Vec::new() } else { model.advice(demand, precision, kv, limits) };
    Row {
        device: device.name.clone(),
        memory_bytes: limits.memory,
        precision: precision.name(),
        fits: best.is_some(),
        batch: model.batch(&need, kv, limits),
        longest_minutes: model.longest(demand, precision, kv, limits),
        weights_bytes: need.weights,
        kv_bytes: need.kv,
        activation_bytes: need.activations.saturating_add(need.reserve),
        total_bytes: need.total(),
        missing_bytes: need.total().saturating_sub(limits.memory),
        advice: advice.into_iter().map(words).collect(),
    }
}

fn words(advice: Advice) -> String {
    match advice {
        Advice::Precision(precision) => format!("weights in {}", precision.name()),
        Advice::EightBitKv => "keys and values in 8 bits".to_owned(),
        Advice::PrecisionAndEightBitKv(precision) => {
            format!("weights in {} and keys and values in 8 bits", precision.name())
        }
        Advice::Fps(fps) => format!("--fps {fps}"),
        Advice::Minutes(minutes) => format!("at most {minutes} min"),
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 30))
}

fn table(report: &Report, model: &Dimensions) -> String {
    let weights: Vec<_> =
        Precision::ALL.iter().map(|&p| format!("{} {}", p.name(), gib(model.weight_bytes(p)))).collect();
    let kib = |bytes: u64| format!("{:.1} KiB", bytes as f64 / 1024.0);
    let mut text = format!(
        "{}: {:.2} billion parameters; weights in GiB: {}\n\
         {} min: {} frames of {}×{}, a segment every {:.2} s, {} tokens, {} positions{}\n\
         keys and values of a token: {} at 16 bits, {} at 8\n\n\
         {:<18} {:>7}  {:<9} {:>5} {:>8}  {:>7} {:>6} {:>6} {:>6}  verdict\n",
        report.model,
        report.parameters as f64 / 1e9,
        weights.join(", "),
        report.minutes,
        report.frames,
        report.width,
        report.height,
        report.seconds_per_segment,
        report.tokens,
        report.positions,
        if report.within_window { "" } else { " — more than the model has" },
        kib(report.kv_bytes_per_token),
        kib(report.kv_bytes_per_token_8_bit),
        "device (GiB)",
        "memory",
        "precision",
        "batch",
        "longest",
        "weights",
        "KV",
        "work",
        "total",
    );
    for row in &report.devices {
        let longest = match row.longest_minutes {
            Some(1440..) => "a day".to_owned(),
            Some(minutes) => format!("{minutes} min"),
            None => "none".to_owned(),
        };
        let verdict = match (row.fits, row.missing_bytes, row.advice.join(" or ")) {
            (true, ..) => "fits".to_owned(),
            (_, 0, advice) if advice.is_empty() => "too many positions".to_owned(),
            (_, 0, advice) => format!("too many positions; {advice}"),
            (_, missing, advice) if advice.is_empty() => format!("{} too much", gib(missing)),
            (_, missing, advice) => format!("{} too much; {advice}", gib(missing)),
        };
        text += &format!(
            "{:<18} {:>7}  {:<9} {:>5} {:>8}  {:>7} {:>6} {:>6} {:>6}  {verdict}\n",
            row.device,
            gib(row.memory_bytes),
            row.precision,
            row.batch,
            longest,
            gib(row.weights_bytes),
            gib(row.kv_bytes),
            gib(row.activation_bytes),
            gib(row.total_bytes),
        );
    }
    text + "\nwork: the largest pass and what a process takes anyway (estimates, flash attention on cards); batch: questions at once about this \
            video; longest: in this precision, at this rate\n"
}
