"""The model against Hugging Face transformers: same checkpoint, same threads, same prompts, same run.

    cargo build --release -p qwen3-vl --example speed
    python benches/model.py --binary target/release/examples/speed --model models/timepin-tiny
    python benches/random_checkpoint.py FOLDER && python benches/model.py --model FOLDER --segments 16 --height 192 \
        --width 320 --prefill 1100 --decode 16 --ours 16bit,q8_0,q4k --theirs bfloat16,float32

    python benches/model.py … --llama BENCH --gguf bf16.gguf,q8_0.gguf      # and llama.cpp: see llama_cpp/

Prints segments encoded, prompt tokens read and answer tokens written per second for every precision of ours and every type of
theirs, each in a process of its own (so that the peak of its memory is its own), ratios to the first of theirs, and what the
machine can do at most: torch's f32 matrix product and memory bandwidth. Medians of the repeats.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

WHAT = ("encode segments", "prefill tokens", "decode tokens")
NUMBERS = (("segments", 64), ("height", 64), ("width", 96), ("prefill", 1024), ("decode", 64), ("repeats", 5))


def median(repeats, work):
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        seconds.append(work() or time.perf_counter() - start)
    return statistics.median(seconds)


def measured(command, environment=None):
    """JSON lines of a program, and the peak of its memory in GiB."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    lines = process.stdout.read().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    rates = {row["what"]: row.get("per_second") for row in map(json.loads, lines)}
    return rates | {"memory": usage.ru_maxrss / 2**20}


def run_ours(args, precision):
    command = [args.binary, args.model, "--precision", precision]
    for name, _ in NUMBERS:
        command += [f"--{name}", str(getattr(args, name))]
    return measured(command, os.environ | {"RAYON_NUM_THREADS": str(args.threads)})


def run_theirs(args, dtype):
    command = [sys.executable, __file__, "--peer", dtype, "--model", args.model, "--threads", str(args.threads)]
    for name, _ in NUMBERS:
        command += [f"--{name}", str(getattr(args, name))]
    return measured(command)


def run_llama(args, file):
    """llama.cpp has no part in pictures here: reading and writing only."""
    command = [args.llama, "measure", file]
    for name in ("threads", "prefill", "decode", "repeats"):
        command += [f"--{name}", str(getattr(args, name))]
    return {WHAT[0]: float("nan")} | measured(command)


def peer(args):
    """One type of transformers, as JSON lines."""
    import torch
    from transformers import Qwen3VLForConditionalGeneration

    torch.set_num_threads(args.threads)
    dtype = getattr(torch, args.peer)
    model = Qwen3VLForConditionalGeneration.from_pretrained(args.model, dtype=dtype, attn_implementation="sdpa").eval()
    rows, columns = args.height // 16, args.width // 16
    grid = torch.tensor([[args.segments, rows, columns]])
    pixels = (torch.rand(args.segments * rows * columns, 1536) * 2 - 1).to(dtype)
    vocabulary = model.config.text_config.vocab_size
    media = {model.config.video_token_id, model.config.image_token_id, model.config.vision_start_token_id}
    ids = torch.tensor([[1 if t in media else t for t in (i * 31 % vocabulary for i in range(args.prefill))]])
    token = torch.tensor([[1]])

    def read():
        return model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values

    def decode():
        cache = read()
        start = time.perf_counter()
        for i in range(args.decode):
            model(input_ids=token, past_key_values=cache, use_cache=True, cache_position=torch.tensor([args.prefill + i]))
        return time.perf_counter() - start

    with torch.inference_mode():
        work = (
            (args.segments, lambda: model.model.visual(pixels, grid_thw=grid) and None),
            (args.prefill, lambda: read() and None),
            (args.decode, decode),
        )
        for what, (count, run) in zip(WHAT, work):
            print(json.dumps({"what": what, "per_second": count / median(args.repeats, run)}), flush=True)


def machine(args):
    import torch

    torch.set_num_threads(args.threads)
    n = 1536
    a, b = torch.rand(n, n), torch.rand(n, n)
    peak = 2 * n**3 / median(5, lambda: (a @ b) is None)
    big = torch.rand(64 << 20)  # 256 MiB, read once
    return peak, big.numel() * 4 / median(5, lambda: big.sum() is None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/examples/speed")
    parser.add_argument("--model", default="models/timepin-tiny")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--ours", default="f32", help="precisions, comma-separated")
    parser.add_argument("--theirs", default="float32", help="torch types, comma-separated; ratios are to the first")
    parser.add_argument("--llama", help="the program of llama_cpp/bench.cpp")
    parser.add_argument("--gguf", default="", help="files for it, comma-separated")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    for name, default in NUMBERS:
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    if args.peer:
        return peer(args)
    theirs = {dtype: run_theirs(args, dtype) for dtype in args.theirs.split(",")}
    ours = {precision: run_ours(args, precision) for precision in args.ours.split(",")}
    llama = {os.path.basename(file): run_llama(args, file) for file in args.gguf.split(",") if file}
    base = next(iter(theirs.values()))
    print(f"{args.model}, {args.threads} threads, segments of {args.height}x{args.width}, prompt of {args.prefill} tokens")
    print(f"{'':<24}" + "".join(f"{what + '/s':>26}" for what in WHAT) + f"{'memory':>14}")
    tables = (("transformers", theirs), ("llama.cpp", llama), ("timepin", ours))
    for name, rates in ((f"{who} {kind}", rates) for who, table in tables for kind, rates in table.items()):
        cells = "".join(f"{rates[what]:>15.2f} ({rates[what] / base[what]:>6.2f} x)" for what in WHAT)
        print(f"{name:<24}{cells}{rates['memory']:>10.2f} GiB")
    peak, bandwidth = machine(args)
    print(f"machine: {peak / 1e9:.0f} GFLOPS f32 matrix product (torch), {bandwidth / 1e9:.1f} GB/s read")


if __name__ == "__main__":
    main()
