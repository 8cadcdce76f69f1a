//! Measures one checkpoint: segments encoded, prompt tokens read and answer tokens decoded per second, as JSON lines.
//!
//! ```text
//! cargo run --release -p qwen3-vl --example speed -- models/timepin-tiny --segments 64 --height 64 --width 96 \
//!     --prefill 1024 --decode 64 --together 8 --repeats 3 --precision q8_0 --tables
//! ```
//! `--tables` computes attention through tables of scores, as `use_flash_attention: false` does.
//! `benches/model.py` runs this and the same work in transformers, side by side.
#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::time::Instant;

use qwen3_vl::{Error, LoadOptions, Precision, PromptPart, Qwen3Vl, RgbFrame};

struct Args {
    model: PathBuf,
    segments: usize,
    height: u32,
    width: u32,
    prefill: usize,
    decode: usize,
    together: usize,
    repeats: usize,
    precision: Precision,
    tables: bool,
}

fn parse() -> Result<Args, String> {
    let mut args = Args {
        model: PathBuf::new(),
        segments: 32,
        height: 64,
        width: 96,
        prefill: 512,
        decode: 32,
        together: 1,
        repeats: 3,
        precision: Precision::Auto,
        tables: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            args.model = word.into();
            continue;
        }
        if word == "--tables" {
            args.tables = true;
            continue;
        }
        if word == "--precision" {
            args.precision = words.next().unwrap_or_default().parse().map_err(|e| format!("{e}"))?;
            continue;
        }
        let value =
            words.next().and_then(|v| v.parse::<usize>().ok()).ok_or_else(|| format!("{word} needs a number"))?;
        match word.as_str() {
            "--segments" => args.segments = value,
            "--height" => args.height = value as u32,
            "--width" => args.width = value as u32,
            "--prefill" => args.prefill = value.max(1),
            "--decode" => args.decode = value,
            "--together" => args.together = value.max(1),
            "--repeats" => args.repeats = value.max(1),
            _ => return Err(format!("unknown option {word}")),
        }
    }
    if args.model.as_os_str().is_empty() { Err("give a model folder".into()) } else { Ok(args) }
}

/// The median of the repeats, in seconds.
fn median(repeats: usize, mut work: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    work()?;
    let mut seconds = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        let start = Instant::now();
        work()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds.get(repeats / 2).copied().unwrap_or(f64::NAN))
}

fn report(what: &str, count: usize, seconds: f64) {
    println!(
        r#"{{"what":"{what}","count":{count},"seconds":{seconds:.6},"per_second":{:.3}}}"#,
        count as f64 / seconds
    );
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    qwen3_vl::keep_freed_memory();
    let args = parse()?;
    let start = Instant::now();
    let options = LoadOptions { precision: args.precision, flash_attention: !args.tables, ..LoadOptions::default() };
    let model = Qwen3Vl::load(&args.model, options)?;
    report("load", 1, start.elapsed().as_secs_f64());
    println!(r#"{{"what":"weights","format":"{}"}}"#, model.footprint());

    let bytes = args.height as usize * args.width as usize * 3;
    let frame =
        |seed: usize| RgbFrame::new(args.width, args.height, (0..bytes).map(|i| (i * (seed + 7)) as u8).collect());
    let frames: Result<Vec<_>, Error> = (0..args.segments).map(|i| Ok([frame(2 * i)?, frame(2 * i + 1)?])).collect();
    let frames = frames?;
    let seconds = median(args.repeats, || model.encode_segments(&frames).map(|_| ()))?;
    report("encode segments", args.segments, seconds);

    let vocabulary = model.config().text_config.vocab_size;
    let banned = [model.config().video_token_id, model.config().image_token_id];
    let ids: Vec<u32> = (0..args.prefill)
        .map(|i| (i * 31 % vocabulary) as u32)
        .map(|t| if banned.contains(&t) { 1 } else { t })
        .collect();
    let parts = [PromptPart::Tokens(ids)];
    let seconds = median(args.repeats, || model.prefill(&mut model.new_session(), &parts, &|| false))?;
    report("prefill tokens", args.prefill, seconds);

    let mut prefix = model.new_session();
    model.prefill(&mut prefix, &parts, &|| false)?;
    // One answer, then twice as many in every round, in one batch.
    for answers in (0..).map(|n| 1 << n).take_while(|answers| *answers <= args.together) {
        let seconds = median(args.repeats, || {
            let mut sessions = (0..answers).map(|_| prefix.fork()).collect::<Result<Vec<_>, _>>()?;
            for _ in 0..args.decode {
                let mut steps: Vec<_> = sessions.iter_mut().map(|session| (session, 1)).collect();
                model.decode_batch(&mut steps)?.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
            Ok(())
        })?;
        let what =
            if answers == 1 { "decode tokens".to_owned() } else { format!("decode tokens of {answers} answers") };
        report(&what, args.decode * answers, seconds);
    }
    Ok(())
}
