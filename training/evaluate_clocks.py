"""Windows, dense grids and mixed stretches: what zoom and search ask of the model, on unseen seeds.

    python evaluate_clocks.py --model ../models/timepin-tiny --clips 12 --length 60 --out clocks.json
    python evaluate_clocks.py --clock index        # the same segments under the stamps of a short video

Frames are drawn by the world's renderer and pass through the losses a browser's pictures go through (no H.264 here:
`evaluate.py` starts from files). An end is right within one segment: 0.25 s in a dense window, 1 s in a window at one
stamp a second, whatever the spacing is there in a mixed stretch. `exact` asks for the very stamp.

`--clock index` prints 0.2, 1.2, 2.2 … instead of the true stamps and reads the answers back through the same table.
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch

from evaluate import Answerer
from scoring import count_number, denies, order_label, spans, what_label
from train import clocks
from train.pool import Lossy
from train.timeline import EMPTY_SCENE, Run, Segment, runs_of, segments_of
from world.questions import ASKERS
from world.render import SceneArt, backdrop
from world.scenes import TICKS_PER_SECOND, Plan, make_plan

FIRST_SEED = 9 * 10**9  # training counts up from 0
ASKED = {"when": 4, "what": 2, "absent": 2, "count": 1, "order": 1}
KINDS = ["short", "window", "dense", "mixed", "stretches"]


def clip_of(kind: str, seed: int, length: int) -> tuple[Plan, list[Segment], list[tuple[int, int]]]:
    """A plan, its segments, and the two frames of each, in ticks."""
    if kind != "short":
        plan, segments = clocks.clip(seed, length, kind)
        return plan, segments, list(zip(plan.frames[0::2], plan.frames[1::2]))
    plan = make_plan(seed, length / 60)
    segments = segments_of(plan)
    half = TICKS_PER_SECOND // 4
    return plan, segments, [tuple(round(s.stamp * TICKS_PER_SECOND) + d for d in (-half, half)) for s in segments]


def pictures(plan: Plan, segments: list[Segment], frames: list[tuple[int, int]], seed: int) -> np.ndarray:
    """(segments, 2, 64, 96, 3): each frame drawn at its time and degraded as a browser's pictures are."""
    lossy, arts, backs = Lossy(random.Random(seed)), {}, {}
    back_at = lambda tick: backs.setdefault(plan.backdrop_at(tick), backdrop(plan.backdrop_at(tick)))

    def draw(scene: int, tick: int) -> np.ndarray:
        if scene == EMPTY_SCENE:
            return lossy(back_at(max(0, tick)))
        shown = plan.scenes[scene]
        art = arts.setdefault(scene, SceneArt(shown.thing, shown.look))
        return lossy(art.draw(back_at(tick), (tick - shown.start) / TICKS_PER_SECOND))

    return np.stack([np.stack([draw(s.first, a), draw(s.second, b)]) for s, (a, b) in zip(segments, frames)])


def questions(seed: int, runs: list[Run], segments: list[Segment]) -> list[tuple]:
    """(text, kind, answer) about a clip; what it cannot be asked is left out."""
    rng, out = random.Random(f"asked-{seed}"), []
    said = [(r.thing, segments[r.start].stamp, segments[r.end].stamp) for r in runs]
    for kind, count in ASKED.items():
        for k in range(count):
            lang = ("en", "zh")[k % 2]
            asked = ASKERS[kind](rng, said, lang, 0.3) if kind == "what" else ASKERS[kind](rng, said, lang)
            if asked and asked[0] not in [o[0] for o in out]:
                out.append((*asked[:3],))
    return out


def nearest(value: float, stamps: list[float]) -> int:
    """The segment whose stamp is closest."""
    return min(range(len(stamps)), key=lambda j: abs(stamps[j] - value))


def judge(kind: str, answer: str, truth: str, shown: list[float], stamps: list[float]) -> dict:
    """Right or not, and for spans how many segments and seconds each end is off; `shown` are the stamps of the prompt."""
    row = {"kind": kind, "ok": denies(answer) == denies(truth)}
    if kind == "absent" or not row["ok"]:
        return row
    said, wanted = ([[nearest(t, table) for t in span] for span in spans(text)] for text, table in
                    ((answer, shown), (truth, stamps)))
    row["spans"] = [len(said), len(wanted)]
    if said and len(said) == len(wanted):
        row["off"] = [abs(a - b) for s, w in zip(said, wanted) for a, b in zip(s, w)]
        row["off_s"] = [round(abs(stamps[a] - stamps[b]), 3) for s, w in zip(said, wanted) for a, b in zip(s, w)]
    near = max(row.get("off", [99])) <= 1
    row["exact"] = max(row.get("off", [99])) == 0
    named = {"what": what_label, "order": order_label, "count": count_number}.get(kind)
    row["ok"] = named(answer) == named(truth) if named else near
    return row


def run(args) -> list[dict]:
    """Ask everything of every clip."""
    answerer, rows = Answerer(args.model), []
    for kind in args.kinds:
        for seed in range(FIRST_SEED + args.start, FIRST_SEED + args.start + args.clips):
            plan, segments, frames = clip_of(kind, seed, args.length)
            runs, stamps = runs_of(plan, segments), [s.stamp for s in segments]
            shown = [j + 0.25 for j in range(len(stamps))] if args.clock == "index" else stamps
            answerer.watch(shown, pictures(plan, segments, frames, seed))
            for text, asked, truth in questions(seed, runs, segments):
                if args.clock == "index" and asked == "what":
                    continue  # the question itself names a time of the other clock
                answer = answerer.ask(text, 160)
                rows.append({"clip": seed - FIRST_SEED, "grid": kind, "question": text, "answer": answer, "truth": truth,
                             **judge(asked, answer, truth, shown, stamps)})
        print(table([r for r in rows if r["grid"] == kind], kind), flush=True)
    return rows


def table(rows: list[dict], name: str) -> str:
    """One line per kind of question."""
    lines = []
    for kind in ASKED:
        part = [r for r in rows if r["kind"] == kind]
        if part:
            exact = f", every stamp exact {sum(r.get('exact', False) for r in part)}" if kind != "absent" else ""
            lines.append(f"{name:10} {kind:7} {sum(r['ok'] for r in part):3d} of {len(part):3d}{exact}")
    return "\n".join(lines)


def main() -> None:
    """Ask, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path(__file__).parent.parent / "models/timepin-tiny")
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--start", type=int, default=0, help="first unseen seed")
    parser.add_argument("--length", type=int, default=60, help="segments of a clip")
    parser.add_argument("--clock", choices=["true", "index"], default="true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = run(args)
    if args.out:
        args.out.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
