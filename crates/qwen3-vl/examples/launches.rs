//! Does a piece of work on a CUDA device a number of times, for `scripts/cuda-launches` to count what the device is asked for.
//!
//! ```text
//! launches MODEL [write | read | encode] TIMES [--precision q8_0] [--cache 8] [--eager] [--answers 4] [--blocks 3]
//! ```
//! `write`: a token of every answer. `read`: 2,048 tokens of a prompt. `encode`: four segments of 64 × 64 pixels.

use std::path::PathBuf;

use qwen3_vl::{CachePrecision, DeviceKind, Error, LoadOptions, PromptPart, Qwen3Vl, RgbFrame, Session};

/// Tokens of the prompt that answers go on from, in each of its blocks.
const BLOCK: usize = 96;
/// Tokens of a piece of reading: as many as an accelerator reads in one pass.
const READ: usize = 2048;

struct Args {
    model: PathBuf,
    work: String,
    times: usize,
    options: LoadOptions,
    answers: usize,
    blocks: usize,
}

fn parse() -> Result<Args, String> {
    let mut words = std::env::args().skip(1);
    let mut next = |what: &str| words.next().ok_or_else(|| format!("give {what}"));
    let number = |word: String| word.parse::<usize>().map_err(|_| format!("`{word}` is no number"));
    let model = next("a model folder")?.into();
    let work = next("the work: write, read or encode")?;
    let times = number(next("how often")?)?;
    let options = LoadOptions { device: DeviceKind::Cuda(0), ..LoadOptions::default() };
    let mut args = Args { model, work, times, options, answers: 1, blocks: 1 };
    while let Ok(word) = next("") {
        match word.as_str() {
            "--precision" => args.options.precision = next("a precision")?.parse().map_err(|e| format!("{e}"))?,
            "--cache" => {
                let bits = next("the bits of the cache")?;
                args.options.cache =
                    bits.parse::<CachePrecision>().map_err(|()| format!("no cache has `{bits}` bits"))?;
            }
            "--eager" => args.options.flash_attention = false,
            "--answers" => args.answers = number(next("how many answers")?)?,
            "--blocks" => args.blocks = number(next("how many blocks")?)?,
            _ => return Err(format!("unknown option {word}")),
        }
    }
    Ok(args)
}

fn text(tokens: usize) -> [PromptPart; 1] {
    [PromptPart::Tokens(vec![1; tokens])]
}

/// A prompt whose keys and values lie in as many blocks as asked for, the last one the session's own.
fn prompt(model: &Qwen3Vl, blocks: usize) -> Result<Session, Error> {
    let mut session = model.new_session();
    for block in 0..blocks {
        if block > 0 {
            session = session.fork()?;
        }
        model.prefill(&mut session, &text(BLOCK), &|| false)?;
        // Room for the answer is made now, so that every step of it is the same.
        session.reserve(BLOCK)?;
    }
    Ok(session)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = parse()?;
    let model = Qwen3Vl::load(&args.model, args.options)?;
    match args.work.as_str() {
        "write" => {
            let mut sessions = (0..args.answers).map(|_| prompt(&model, args.blocks)).collect::<Result<Vec<_>, _>>()?;
            for _ in 0..args.times {
                let mut steps: Vec<_> = sessions.iter_mut().map(|session| (session, 1)).collect();
                model.decode_batch(&mut steps)?.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
        }
        "read" => {
            let mut session = model.new_session();
            session.reserve(READ * args.times)?;
            model.prefill(&mut session, &text(READ * args.times), &|| false)?;
        }
        "encode" => {
            let frame = || RgbFrame::new(64, 64, vec![100; 64 * 64 * 3]);
            let pairs = (0..4).map(|_| Ok([frame()?, frame()?])).collect::<Result<Vec<_>, Error>>()?;
            for _ in 0..args.times {
                model.encode_segments(&pairs)?;
            }
        }
        other => return Err(format!("there is no work called {other}").into()),
    }
    Ok(())
}
