"""Does the model read the frames, or the stamps? Questions about one-minute films with a prompt that lies.

    PYTHONPATH=training:benches python -m moments.controls --model models/timepin-tiny --seeds 1..3 --out controls.json

Runs in transformers, where the prompt can be changed: as it is; `blind` (every picture is the first background, grey);
`removed` (no stamps before the pictures); `shifted` (every stamp 200 s later: an answer that follows them is right 200 s
later, and is counted both ways); `permuted` (stamps in a random order: an answer that follows the pictures names the
stamp that stands before them). Each is scored against the true times and against what the prompt says.
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch

from evaluate import Answerer
from scoring import spans as spans_in
from train import text
from train.files import read_clip

from .__main__ import film_of, numbers
from .score import grounding

SHIFT_S = 200.0
TASKS = ("when", "flash")


def changed(control: str, stamps: list[float], pixels: np.ndarray, seed: int) -> tuple[list[float], np.ndarray]:
    """Stamps and pictures of a prompt under one control."""
    if control == "shifted":
        return [t + SHIFT_S for t in stamps], pixels
    if control == "permuted":
        return random.Random(seed).sample(stamps, len(stamps)), pixels
    return stamps, np.full_like(pixels, 128) if control == "blind" else pixels


class Unstamped(text.Vocabulary):
    """A vocabulary whose stamps are empty."""

    def stamp(self, value: float) -> list[int]:
        """Nothing."""
        return []


def told(spans: list, stamps: list[float], shown: list[float]) -> list:
    """True spans as the prompt has them: each end replaced by what stands before the segment nearest to it."""
    at = lambda t: shown[min(range(len(stamps)), key=lambda j: abs(stamps[j] - t))]
    return [tuple(sorted((at(a), at(b)))) for a, b in spans]


def run(args) -> dict:
    """Every control on every film."""
    answerer, out = Answerer(args.model), {}
    stamped = answerer.vocab
    for control in args.controls:
        true, prompt = [], []
        for seed in args.seeds:
            path, film = film_of(args.films, seed, 1.0, False)
            stamps, pixels = read_clip(path)
            shown, seen = changed(control, stamps, pixels, seed)
            answerer.vocab = stamped
            if control == "removed":
                answerer.vocab = Unstamped(stamped.tok)
            answerer.watch(shown, seen)
            for question in (q for q in film.questions if q.task in TASKS):
                said = answerer.ask(question.text, 160)
                row = {"said": said, "found": spans_in(said), "spans": question.spans, "task": question.task}
                true.append(row)
                prompt.append({**row, "spans": told(question.spans, stamps, shown)})
        out[control] = {"true times": grounding(true), "the prompt's times": grounding(prompt)}
        print(control, *(f"{name}: ±1 s {g['hit@1s']:.2f} mIoU {g['mIoU']:.2f} denied {g['denied']:.2f};"
                         for name, g in out[control].items()), flush=True)
    return out


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/timepin-tiny"))
    parser.add_argument("--seeds", type=numbers, default=[1])
    parser.add_argument("--films", type=Path, default=Path("/tmp/timepin-moments"))
    parser.add_argument("--controls", nargs="*", default=["none", "blind", "removed", "shifted", "permuted"])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    report = run(args)
    if args.out:
        args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
