"""Judges both time pointers of a checkpoint: do they tell right answers from wrong ones, and do they follow the frames?

    python judge_pointer.py --model ../models/timepin-tiny --seeds 61000..61011 --date 2026-11-26 --out pointer-judged.json

Unseen clips of the world (frames drawn where the product samples them, a segment a second), greedy answers with the stamps
as they are, left out, shifted by 200 s, and permuted. An answer is right when all its times are within a second of the
truth. AUROC: the chance that a wrong answer has a larger spread than a right one (or a larger distance between its
written times and their pins); 0.5 is chance. Pins are those of the first digit of every written number.
"""

import argparse
import json
import random
from pathlib import Path

import torch
from safetensors.torch import load_file

from scoring import spans
from train import pointer_data as data
from train.asking import Asker
from train.text import STAMP
from train.time_pointer import TimePointer, moment
from world.__main__ import truth_of

CONDITIONS = ["true", "removed", "shifted", "permuted"]
PROVIDERS = ["attention head", "trained head: proposed", "trained head: refined"]


def stamps_of(condition: str, clip: data.Clip, seed: int) -> list[float]:
    """What the text shows."""
    stamps = [float(t) / data.US for t in clip.times_us]
    if condition == "shifted":
        return [t + 200 for t in stamps]
    return random.Random(seed).sample(stamps, len(stamps)) if condition == "permuted" else stamps


def auroc(wrong: list[float], right: list[float]) -> float | None:
    """The chance that one of the first is larger than one of the second."""
    if not wrong or not right:
        return None
    wins = sum((w > r) + 0.5 * (w == r) for w in wrong for r in right)
    return round(wins / (len(wrong) * len(right)), 3)


def judged(asker: Asker, watcher: data.Watcher, head: TimePointer, layer: int, pointer: tuple, seed: int,
           every: int) -> list[dict]:
    """One row per answer with times in it."""
    clip, rows = data.clip_of(seed, [i / 2 for i in range(2 * random.Random(seed).randint(30, 75))]), []
    features = watcher.see(clip.pixels)
    pooled = features[:, 0].mean(1)
    asked = [q for q in truth_of(clip.plan)["questions"] if q["kind"] in ("when", "what", "count")][::every]
    for condition in CONDITIONS:
        asker.watch(data.prefix_of(asker.vocab, stamps_of(condition, clip, seed), condition), features)
        for question in asked:
            text, parts, states, looks = asker.answer(question["question"], layer, pointer)
            wanted = [t for span in spans(question["answer"]) for t in span]
            numbers = list(STAMP.finditer(text))
            if not numbers or not wanted:
                continue
            at = [next(i for i, (a, b) in enumerate(parts) if a <= m.start() < b) for m in numbers]
            with torch.inference_mode():
                proposed, refined = head(torch.stack([states[i] for i in at]), pooled, torch.from_numpy(clip.times_us))
            said = torch.tensor([float(m.group()) for m in numbers], dtype=torch.float64)
            right = len(said) == len(wanted) and all(abs(s - w) <= 1 for s, w in zip(said.tolist(), wanted))
            row = {"seed": seed, "condition": condition, "kind": question["kind"], "right": right}
            for name, weights in zip(PROVIDERS, (torch.stack([looks[i] for i in at]), proposed, refined)):
                mean, spread = moment(weights, torch.from_numpy(clip.times_us))
                away = (mean - torch.tensor(wanted, dtype=torch.float64)).abs() if len(said) == len(wanted) else None
                row[name] = {"spread": spread.max().item(), "disagrees": (said - mean).abs().max().item(),
                             "away": away.tolist() if away is not None else []}
            rows.append(row)
    return rows


def summary(rows: list[dict]) -> dict:
    """AUROC over all answers and those with true stamps, and how far pins are from the truth under every condition."""
    out = {"answers": {c: [sum(r["right"] for r in rows if r["condition"] == c),
                           sum(r["condition"] == c for r in rows)] for c in CONDITIONS}}
    for name in PROVIDERS:
        of = {}
        for key in ("spread", "disagrees"):
            for label, part in (("all", rows), ("true", [r for r in rows if r["condition"] == "true"])):
                pick = lambda right: [r[name][key] for r in part if r["right"] == right]
                of[f"auroc {key} ({label})"] = auroc(pick(False), pick(True))
        for condition in CONDITIONS:
            away = sorted(a for r in rows if r["condition"] == condition for a in r[name]["away"])
            if away:
                of[f"{condition}: mean |pin - truth| s"] = round(sum(away) / len(away), 2)
                of[f"{condition}: median"] = round(away[len(away) // 2], 2)
                of[f"{condition}: within 1 s"] = round(sum(a <= 1 for a in away) / len(away), 3)
        out[name] = of
    return out


def main() -> None:
    """Ask, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seeds", default="61000..61011")
    parser.add_argument("--every", type=int, default=1, help="asks every so many-th question of a clip")
    parser.add_argument("--date", required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    profile = json.loads((args.model / "timepin.json").read_text(encoding="utf-8"))
    tensors = load_file(str(args.model / profile["time_pointer"]["file"]))
    inner, width = tensors["hidden.weight"].shape
    head = TimePointer(width, inner)
    head.load_state_dict({name: value.float() for name, value in tensors.items()})
    asker, watcher, rows = Asker(args.model), data.Watcher(args.model), []
    first, last = map(int, args.seeds.split(".."))
    pointer = (profile["pointer"]["layer"], profile["pointer"]["head"])
    for seed in range(first, last + 1):
        rows += judged(asker, watcher, head, profile["time_pointer"]["layer"], pointer, seed, args.every)
        print(seed, len(rows), flush=True)
    command = f"python judge_pointer.py --model ../models/timepin-tiny --seeds {args.seeds} --every {args.every}"
    result = {"command": command, "date": args.date, "seeds": args.seeds, "model": watcher.whole, **summary(rows)}
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
