"""The first, second and tenth question about a long video: Timepin against transformers, same weights, frames and threads.

    python benches/random_checkpoint.py FOLDER --layers 3 --blocks 2
    python benches/questions.py --timepin target/release/timepin --model FOLDER --minutes 10,60 --ours 16bit,q4k

The video is FFmpeg's test picture. Timepin decodes and indexes it, then is asked ten times (`timepin bench`). transformers is given
as many segments as Timepin shows its model, as patches, so it neither decodes nor resizes, and answers each question from the beginning, as its
`generate` does; its time to the first token is the same for every question: two are measured and the smaller counts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# What Qwen's rules make of it is itself: 18 x 32 patches, 144 tokens.
SIZE = (512, 288)
QUESTION = "When does the red circle appear?"


def clip(folder, minutes):
    path = Path(folder) / f"{minutes}min.mp4"
    source = f"testsrc2=size={SIZE[0]}x{SIZE[1]}:rate=4:duration={minutes * 60}"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-g", "40",
                    "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


def ours(args, video, precision, flash):
    with tempfile.TemporaryDirectory() as data:
        command = [args.timepin, "bench", str(video), "--json", "--times", "10", "--tokens", "16", "--question", QUESTION,
                   "--model", str(args.model), "--precision", precision, "--data", data, "--threads", str(args.threads)]
        environment = os.environ | {"TIMEPIN_USE_FLASH_ATTENTION": str(flash).lower(),
                                    "TIMEPIN_MAX_CONTEXT_LENGTH": str(args.context)}
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def theirs(args, tokens):
    command = [sys.executable, __file__, "--peer", "--model", str(args.model), "--threads", str(args.threads), "--tokens", str(tokens)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("transformers failed")
    return json.loads(line) | {"peak_memory_mib": usage.ru_maxrss // 1024}


def peer(args):
    import torch
    from transformers import Qwen3VLForConditionalGeneration

    torch.set_num_threads(args.threads)
    model = Qwen3VLForConditionalGeneration.from_pretrained(args.model, dtype=torch.bfloat16, attn_implementation="sdpa").eval()
    rows, columns = SIZE[1] // 16, SIZE[0] // 16
    segments = args.tokens // (rows * columns // 4 + 10)
    pixels = (torch.rand(segments * rows * columns, 1536) * 2 - 1).to(torch.bfloat16)
    grid = torch.tensor([[segments, rows, columns]])
    config, text = model.config, 7
    # As its processor writes them: a stamp of about eight tokens before every segment, then the question.
    segment = [text] * 8 + [config.vision_start_token_id, *[config.video_token_id] * (rows * columns // 4), config.vision_end_token_id]
    ids = torch.tensor([[text] * 4 + segment * segments + [text] * 16])
    seconds = []
    for _ in range(2):
        begun = time.perf_counter()
        with torch.inference_mode():
            model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values_videos=pixels, video_grid_thw=grid,
                           max_new_tokens=1, do_sample=False)
        seconds.append(time.perf_counter() - begun)
    print(json.dumps({"first_token_s": min(seconds), "prompt_tokens": ids.shape[1]}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timepin", default="target/release/timepin")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--minutes", default="10,60")
    parser.add_argument("--ours", default="16bit", help="precisions, comma-separated; +tables for tables of scores")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--context", type=int, default=16_384, help="tokens of a prompt, for which the video is thinned")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--tokens", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        return peer(args)
    with tempfile.TemporaryDirectory() as folder:
        for minutes in map(int, args.minutes.split(",")):
            video, base = clip(folder, minutes), None
            for name in args.ours.split(","):
                report = ours(args, video, name.removesuffix("+tables"), not name.endswith("+tables"))
                if base is None:
                    base = theirs(args, report["prompt_tokens"])
                    print(f"{minutes} minutes, {report['frames']} frames, {base['prompt_tokens']} tokens: transformers bf16"
                          f" {base['first_token_s']:.1f} s to the first word of every question, {base['peak_memory_mib']} MiB")
                cells = []
                for which in ("first", "second", "last"):
                    milliseconds = report[f"{which}_question_first_token_ms"]
                    cells.append(f"{which} {milliseconds / 1000:.3f} s ({base['first_token_s'] * 1000 / milliseconds:.1f} x)")
                print(f"  timepin {name}: index {report['index_s']:.1f} s; {', '.join(cells)}; {report['prompt_tokens']} tokens,"
                      f" {report['decode_tokens_per_s']:.1f}/s written; {report['peak_memory_mib']} MiB", flush=True)


if __name__ == "__main__":
    main()
