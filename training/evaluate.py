"""Ask a checkpoint unseen questions about unseen clips and score every answer.

    python evaluate.py --model ../models/timepin-tiny --seeds 50000..50019 --questions 300 --out predictions.jsonl
    python evaluate.py --model DIR --clips FOLDER          # *.mp4 beside *.json
    python evaluate.py --binary ../target/release/timepin --against predictions.jsonl  # the product's own path
    python evaluate.py --predictions FILE                  # score answers made elsewhere

Clips are decoded with the product's sampling rule; the video prefix is computed once per clip
and reused for every question, as the server does. Decoding is greedy.
"""

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import Qwen3VLForConditionalGeneration

from scoring import is_right, table
from train.files import read_clip
from train.model import encode, patchify, read_video
from train.text import Vocabulary, build_prefix
from world.__main__ import truth_of
from world.encode import write_clip
from world.scenes import make_plan


class Answerer:
    """One clip at a time: prefill the video, then answer any number of questions."""

    def __init__(self, folder: Path):
        self.model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.text = self.model.model.language_model
        self.vocab = Vocabulary(Tokenizer.from_file(str(folder / "tokenizer.json")))

    @torch.inference_mode()
    def watch(self, stamps: list[float], pixels: np.ndarray) -> None:
        """Encode the video part of the prompt into the cache."""
        prefix = build_prefix(self.vocab, stamps)
        feats = encode(self.model.model.visual, patchify(torch.from_numpy(pixels)))
        self.cache = read_video(self.model, prefix, feats)
        self.length, self.next = len(prefix.ids), prefix.next_position

    def answers(self, path: Path, questions: list[str]) -> list[str]:
        """One answer per question about a file."""
        self.watch(*read_clip(path))
        return [self.ask(q) for q in questions]

    @torch.inference_mode()
    def ask(self, question: str, limit: int = 700) -> str:
        """Greedy answer; the cache is cut back to the video afterwards."""
        ids, out = self.vocab.encode(question).ids + self.vocab.mid, []
        position = self.next
        while len(out) < limit:
            at = torch.arange(position, position + len(ids)).expand(3, 1, -1)
            hidden = self.text(input_ids=torch.tensor([ids]), position_ids=at, past_key_values=self.cache,
                               use_cache=True).last_hidden_state[:, -1]
            position += len(ids)
            ids = [int(self.model.lm_head(hidden).argmax())]
            if ids[0] == self.vocab.end:
                break
            out += ids
        self.cache.crop(self.length)
        return self.vocab.tok.decode(out)


class Binary:
    """The same questions to `timepin ask`: FFmpeg, Rust preprocessing, candle."""

    def __init__(self, path: Path, model: Path):
        self.path, self.model = path.resolve(), model.resolve()

    def answers(self, path: Path, questions: list[str]) -> list[str]:
        """One answer per question about a file."""
        with tempfile.TemporaryDirectory() as data:
            command = [self.path, "ask", path, "--json", "--questions", "-", "--model", self.model, "--data", data]
            done = subprocess.run(command, input="\n".join(questions), capture_output=True, text=True, check=True)
        return [json.loads(line)["answer"] for line in done.stdout.splitlines()]


def clips_of(args, folder: Path):
    """Yield (name, mp4, truth), rendering unseen seeds when asked to."""
    if args.clips:
        for path in sorted(args.clips.glob("*.mp4")):
            yield path.stem, path, json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return
    first, last = map(int, args.seeds.split(".."))
    for seed in range(first, last + 1):
        path = (args.cache or folder) / f"seed-{seed}.mp4"
        plan = make_plan(seed, random.Random(seed).uniform(1.0, 2.0))
        if not path.exists():
            write_clip(plan, str(path))
        yield path.stem, path, truth_of(plan)


def predict(args) -> list[dict]:
    """Ask every question of every clip until there are enough."""
    answerer, rows = Binary(args.binary, args.model) if args.binary else Answerer(args.model), []
    with tempfile.TemporaryDirectory() as scratch:
        for name, path, truth in clips_of(args, Path(scratch)):
            asked = [q for q in truth["questions"] if not args.kinds or q["kind"] in args.kinds]
            asked = asked[: args.questions - len(rows)]
            for q, answer in zip(asked, answerer.answers(path, [q["question"] for q in asked]), strict=True):
                rows.append({"clip": name, "question": q["question"], "lang": q["lang"], "kind": q["kind"],
                             "answer": answer, "truth": q["answer"], "span": q["span"]})
            print(f"{name}: {len(rows)} questions", flush=True)
            if len(rows) >= args.questions:
                break
    return rows


def read_rows(path: Path) -> list[dict]:
    """Rows written by an earlier run."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def compare(rows: list[dict], others: list[dict]) -> None:
    """How many answers are the same, letter by letter, and which are not."""
    known = {(r["clip"], r["question"]): r["answer"] for r in others}
    both = [r for r in rows if (r["clip"], r["question"]) in known]
    differ = [r for r in both if known[r["clip"], r["question"]] != r["answer"]]
    print(f"the same answer to {len(both) - len(differ)} of {len(both)} questions")
    for r in differ:
        print(f"  {r['clip']} {r['question']}", *(f"    {a[:100]!r}" for a in (r["answer"], known[r["clip"], r["question"]])), sep="\n")


def main() -> None:
    """Predict or read predictions, score, print the table, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path(__file__).parent.parent / "models/timepin-tiny")
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--seeds", default="50000..50019")
    parser.add_argument("--cache", type=Path, help="keep rendered clips here")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--kinds", nargs="*")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--binary", type=Path, help="ask this timepin instead of transformers")
    parser.add_argument("--against", type=Path, help="rows of another run to compare answers with")
    parser.add_argument("--predictions", type=Path, help="JSONL rows with kind, answer, truth and span")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = read_rows(args.predictions) if args.predictions else predict(args)
    for row in rows:
        row["ok"] = is_right(row["kind"], row["answer"], row["truth"], row["span"])
    print(table(rows))
    if args.against:
        compare(rows, read_rows(args.against))
    if args.out:
        args.out.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
