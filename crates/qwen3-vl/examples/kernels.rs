//! Measures the products of every weight format on this machine, beside candle's own and the machine's limits.
//!
//! ```text
//! cargo run --release -p qwen3-vl --example kernels
//! RAYON_NUM_THREADS=1 cargo run --release -p qwen3-vl --example kernels -- --processor-time
//! ```
//! `--processor-time` counts the seconds the process ran instead of the wall's: for a machine that is busy.
//! A weight of the 2B's MLP (4 × 6144 × 2048, larger than the caches). One row is what a generated token costs and is bound by
//! memory; 256 rows are a chunk of the prompt and bound by arithmetic. Medians of seven.
#![allow(clippy::print_stdout)]

use std::sync::OnceLock;
use std::time::Instant;

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{DType, Device, Module, Tensor};
use qwen3_vl::Error;
use qwen3_vl::measure::Layer;
use rayon::prelude::*;

const N: usize = 4 * 6144;
const K: usize = 2048;

/// Seconds since some moment: the wall's, or those in which threads of this process ran.
fn now() -> f64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    if !std::env::args().any(|word| word == "--processor-time") {
        return BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64();
    }
    let ran = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0)
    };
    std::fs::read_dir("/proc/self/task").map_or(0.0, |tasks| tasks.flatten().map(ran).sum::<f64>() / 1e9)
}

fn median(mut work: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    work()?;
    let mut seconds = Vec::new();
    for _ in 0..7 {
        let start = now();
        work()?;
        seconds.push(now() - start);
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds.get(3).copied().unwrap_or(f64::NAN))
}

fn line(name: &str, rows: usize, bytes: usize, seconds: f64) {
    let flops = 2.0 * (rows * N * K) as f64;
    println!(
        "{name:<22} {rows:>4} rows  {:>8.2} ms  {:>6.1} GFLOP/s  {:>5.1} GB/s",
        seconds * 1e3,
        flops / seconds / 1e9,
        bytes as f64 / seconds / 1e9
    );
}

fn main() -> Result<(), Error> {
    qwen3_vl::keep_freed_memory();
    println!("{} threads", rayon::current_num_threads());
    let values = vec![1.0_f32; 64 << 20];
    let read = median(|| {
        let sum = |part: &[f32]| {
            let mut lanes = [0.0_f32; 32];
            for chunk in part.as_chunks::<32>().0 {
                for (lane, value) in lanes.iter_mut().zip(chunk) {
                    *lane += value;
                }
            }
            lanes.iter().sum::<f32>()
        };
        std::hint::black_box(values.par_chunks(1 << 20).map(sum).sum::<f32>());
        Ok(())
    })?;
    println!("memory read            {:>5.1} GB/s", (values.len() * 4) as f64 / read / 1e9);
    drop(values);
    let weight = Tensor::randn(0.0_f32, 1.0, (N, K), &Device::Cpu)?;
    let types =
        [DType::F32, DType::F16, DType::BF16].map(|dtype| (format!("{dtype:?}"), Layer::of_type(&weight, dtype)));
    let blocks = [GgmlDType::Q8_0, GgmlDType::Q6K, GgmlDType::Q5K, GgmlDType::Q4K];
    let quantised = blocks.map(|format| (format!("{format:?}"), Layer::quantised(&weight, format)));
    for (name, layer) in types.into_iter().chain(quantised) {
        let layer = layer?;
        for rows in [1, 4, 256] {
            let x = Tensor::randn(0.0_f32, 1.0, (rows, K), &Device::Cpu)?;
            line(&name, rows, layer.bytes(), median(|| layer.forward(&x).map(drop))?);
        }
    }
    for format in blocks {
        let theirs = QTensor::quantize(&weight, format)?;
        let bytes = theirs.storage_size_in_bytes();
        let theirs = QMatMul::QTensor(theirs.into());
        for rows in [1, 4, 256] {
            let x = Tensor::randn(0.0_f32, 1.0, (rows, K), &Device::Cpu)?;
            line(&format!("candle {format:?}"), rows, bytes, median(|| Ok(theirs.forward(&x).map(drop)?))?);
        }
    }
    Ok(())
}
