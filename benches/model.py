"""The model against Hugging Face transformers: same checkpoint, same threads, same run.

    cargo build --release -p qwen3-vl --example speed
    python benches/model.py --binary target/release/examples/speed --model models/timepin-tiny

Prints a table of segments encoded, prompt tokens read and answer tokens decoded per second on both sides, their ratio, and
what the machine can do at most: torch's f32 matrix product and memory bandwidth. Both sides compute in f32; each figure is
the best of several repeats, because other work on the machine only ever slows a run down.
"""

import argparse
import json
import os
import subprocess
import time


def best(repeats, work):
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def run_ours(args):
    command = [args.binary, args.model]
    for name in ("segments", "height", "width", "prefill", "decode", "repeats"):
        command += [f"--{name}", str(getattr(args, name))]
    environment = os.environ | {"RAYON_NUM_THREADS": str(args.threads)}
    lines = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()
    return {row["what"]: row["per_second"] for row in map(json.loads, lines)}


def run_transformers(args):
    import torch
    from transformers import Qwen3VLForConditionalGeneration

    torch.set_num_threads(args.threads)
    model = Qwen3VLForConditionalGeneration.from_pretrained(args.model, dtype=torch.float32, attn_implementation="sdpa").eval()
    rows, columns = args.height // 16, args.width // 16
    grid = torch.tensor([[args.segments, rows, columns]])
    pixels = torch.rand(args.segments * rows * columns, 1536) * 2 - 1
    vocabulary = model.config.text_config.vocab_size
    media = {model.config.video_token_id, model.config.image_token_id, model.config.vision_start_token_id}
    ids = torch.tensor([[1 if t in media else t for t in (i * 31 % vocabulary for i in range(args.prefill))]])
    token = torch.tensor([[1]])
    rates = {}
    with torch.inference_mode():
        seconds = best(args.repeats, lambda: model.model.visual(pixels, grid_thw=grid))
        rates["encode segments"] = args.segments / seconds
        seconds = best(args.repeats, lambda: model(input_ids=ids, use_cache=True, logits_to_keep=1))
        rates["prefill tokens"] = args.prefill / seconds

        def decode():
            cache = model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
            start = time.perf_counter()
            for i in range(args.decode):
                model(input_ids=token, past_key_values=cache, use_cache=True, cache_position=torch.tensor([args.prefill + i]))
            return time.perf_counter() - start

        decode()
        rates["decode tokens"] = args.decode / min(decode() for _ in range(args.repeats))
        n = 1536
        a, b = torch.rand(n, n), torch.rand(n, n)
        peak = 2 * n**3 / best(5, lambda: a @ b)
        big = torch.rand(64 << 20)  # 256 MiB, read once
        bandwidth = big.numel() * 4 / best(5, big.sum)
    return rates, peak, bandwidth


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/examples/speed")
    parser.add_argument("--model", default="models/timepin-tiny")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    for name, default in (("segments", 64), ("height", 64), ("width", 96), ("prefill", 1024), ("decode", 64), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    ours = run_ours(args)
    theirs, peak, bandwidth = run_transformers(args)
    print(f"{args.model}, {args.threads} threads, segments of {args.height}x{args.width}, prompt of {args.prefill} tokens, f32")
    print(f"{'per second':<18}{'timepin':>12}{'transformers':>15}{'ratio':>9}")
    for what, rate in theirs.items():
        print(f"{what:<18}{ours[what]:>12.1f}{rate:>15.1f}{ours[what] / rate:>9.2f}")
    print(f"machine: {peak / 1e9:.0f} GFLOPS f32 matrix product (torch), {bandwidth / 1e9:.1f} GB/s read")


if __name__ == "__main__":
    main()
