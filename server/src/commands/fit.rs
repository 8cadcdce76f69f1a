//! `timepin fit`: which card takes which precision, how many questions at once and how much video, before anything is
//! downloaded. The arithmetic is `engine::fit`; here it becomes a table.

use anyhow::{Context, bail};
use engine::fit::{
    Advice, Demand, Dimensions, GPUS, KvFormat, Limits, Machine, Need, PUBLISHED, Place, Precision, Video,
};
use engine::{CachePrecision, Profile};
use serde::Serialize;
use timeline::models::show_parameters;
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
    precisions: Vec<Precision>,
}

/// Prints the table.
///
/// # Errors
/// An unknown model or card, or frames of an impossible shape.
pub(crate) fn run(config: &Config, request: &Fit) -> anyhow::Result<()> {
    let (name, dimensions, profile) = known(config)?;
    let (width, height) = request.frame;
    let mut demand = Demand { source: Size { height, width }, ..Demand::usual(request.minutes, &profile) };
    if let Some(fps) = request.fps {
        // Whoever names a rate wants that rate, not the plan's ceiling.
        (demand.plan.fps, demand.plan.max_frames) = (fps, 1 << 24);
    }
    let video = demand.video()?;
    let devices = devices(config, &request.gpus)?;
    let rows = devices.iter().map(|device| row(&dimensions, &demand, &video, config.kv_cache, device)).collect();
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

/// The model's name, its sizes, and how it wants to be shown a video: of a folder, of a pulled model, or of a published
/// size that need not be here.
fn known(config: &Config) -> anyhow::Result<(String, Dimensions, Profile)> {
    let found = model::folder(config).map(|(folder, _)| folder);
    let name = config.model.as_ref().map(|named| named.to_string_lossy().into_owned());
    match (found, name) {
        (Ok(folder), name) if folder.is_dir() => {
            let name = name.unwrap_or_else(|| "bundled".to_owned());
            Ok((name, Dimensions::read(&folder)?, Profile::read(&folder)?))
        }
        (_, Some(name)) => match Dimensions::published(&name) {
            Some(dimensions) => Ok((name, dimensions, Profile::default())),
            None => bail!(
                "{name} is no folder, no model that `timepin models` lists, and no published size ({})",
                PUBLISHED.join(", ")
            ),
        },
        (found, None) => bail!("there is no bundled model in {}", found?.display()),
    }
}

/// Cards, those that were named or all, and this machine.
fn devices(config: &Config, wanted: &[String]) -> anyhow::Result<Vec<Device>> {
    let card = |gpu: &engine::fit::Gpu| Device {
        name: gpu.name.to_owned(),
        limits: Limits { memory: gpu.bytes(), place: Place::Accelerator },
        precisions: precisions(config, ON_CARDS),
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
    if let Some(Machine { limits, .. }) = model::machine(config)? {
        let usual = if limits.place == Place::Accelerator { ON_CARDS } else { &Precision::ALL };
        devices.push(Device { name: "this machine".to_owned(), limits, precisions: precisions(config, usual) });
    }
    Ok(devices)
}

/// The precision that was asked for, or all there are.
fn precisions(config: &Config, usual: &[Precision]) -> Vec<Precision> {
    Precision::asked(config.precision).map_or_else(|| usual.to_vec(), |asked| vec![asked])
}

fn row(model: &Dimensions, demand: &Demand, video: &Video, cache: CachePrecision, device: &Device) -> Row {
    let Device { limits, precisions, .. } = device;
    let best = model.precision(demand, precisions, cache, *limits);
    // What does not fit at all is told for the smallest precision: that is nearest.
    let precision = best.or(precisions.last().copied()).unwrap_or(Precision::Q4K);
    let kv = cache.beside(precision);
    let need: Need = model.need(video, precision, kv, limits.place);
    let advice = if best.is_some() { Vec::new() } else { model.advice(demand, precision, kv, *limits) };
    Row {
        device: device.name.clone(),
        memory_bytes: limits.memory,
        precision: precision.setting(),
        fits: best.is_some(),
        batch: model.batch(&need, kv, *limits),
        longest_minutes: model.longest(demand, precision, kv, *limits),
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
        Advice::Precision(precision) => format!("--precision {}", precision.setting()),
        Advice::EightBitKv => "--kv-cache 8".to_owned(),
        Advice::PrecisionAndEightBitKv(precision) => format!("--precision {} --kv-cache 8", precision.setting()),
        Advice::Fps(fps) => format!("--fps {fps}"),
        Advice::Minutes(minutes) => format!("at most {minutes} min"),
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 30))
}

fn table(report: &Report, model: &Dimensions) -> String {
    let weights: Vec<_> =
        Precision::ALL.iter().map(|&p| format!("{} {}", p.setting(), gib(model.weight_bytes(p)))).collect();
    let kib = |bytes: u64| format!("{:.1} KiB", bytes as f64 / 1024.0);
    let mut text = format!(
        "{}: {} parameters; weights in GiB: {}\n\
         {} min: {} frames of {}×{}, a segment every {:.2} s, {} tokens, {} positions{}\n\
         keys and values of a token: {} at 16 bits, {} at 8\n\n\
         {:<18} {:>7}  {:<9} {:>5} {:>8}  {:>7} {:>6} {:>6} {:>6}  verdict\n",
        report.model,
        show_parameters(report.parameters),
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
    text + "\n\
        precision  the most exact that fits; --precision asks for one, --kv-cache for smaller keys and values\n\
        batch      questions at once about this video\n\
        longest    video in this precision; without --fps a longer one is looked at more coarsely and takes no more\n\
        work       the largest pass and what a process takes anyway: estimates\n"
}
