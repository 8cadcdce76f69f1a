"""Judges the three variants of the ablation: 200 questions about unseen whole lectures, answers greedy.

    python -m train.ablation_judge --variant rope --out results/ablation-rope.jsonl
    python -m train.ablation_judge --summary results --date 2026-11-26

A row has the written time, the mean of the head that was taught where to look (`looked`), and for `pointer` the means of the
refined (`pin`) and of the `proposed` distribution. Times are held against the true moment, not against what the frames let one know.
"""

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from . import lecture as lectures
from . import lecture_text as text
from .ablation import BATCH, QUESTIONS, SHAPE, US, Decoder, checkpoint_of, padded
from .packed import LAYOUT, POINTER_HEAD, own_mask, packed_attention, pointer_mass
from .time_pointer import moment

LECTURES, EACH, FIRST_SEED = 20, 10, 7 * 10**9
WITHIN = (5.0, 1.0, 0.5)
FURTHEST = lectures.SEGMENT  # a written time is believed as long as the pin is within a segment of it
EPSILON = 1e-9


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if not count:
        return 0.0, 1.0
    share, denominator = hits / count, 1 + z * z / count
    middle = (share + z * z / (2 * count)) / denominator
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / denominator
    return max(0.0, middle - half), min(1.0, middle + half)


def score(times: list[float | None], truth: list[float]) -> dict:
    """Hits within every distance with their intervals, how many times do not parse, and the median distance of the others."""
    off = sorted(abs(a - b) for a, b in zip(times, truth) if a is not None)
    out = {"of": len(truth), "unparsed": len(truth) - len(off)}
    for limit in WITHIN:
        hits = sum(d <= limit + EPSILON for d in off)
        out[f"within_{limit:g}s"] = {"hits": hits, "share": round(hits / max(1, len(truth)), 4),
                                     "wilson95": [round(x, 4) for x in wilson(hits, len(truth))]}
    out["median_off_s"] = round(off[len(off) // 2], 3) if off else None
    return out


def combined(written: float | None, pin: float) -> float:
    """The written time, unless there is none or the pin is more than a segment away: then the pin."""
    return pin if written is None or abs(written - pin) > FURTHEST else written


KEPT: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}  # keys and values of the lecture, by layer


def keeping(module, query, key, value, attention_mask, scaling=None, **kwargs):
    """Packed attention that keeps the lecture; blocks that come without it attend to what was kept."""
    s, (n, length) = LAYOUT.prefix, LAYOUT.groups[0]
    if query.shape[2] > n * length:
        KEPT[module.layer_idx] = key[:, :, :s], value[:, :, :s]
        return packed_attention(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    block = lambda t: t[0].unflatten(1, (n, length)).transpose(0, 1)
    seen = [torch.cat((old.expand(n, -1, -1, -1), block(new)), 2).repeat_interleave(query.shape[1] // key.shape[1], 1)
            for old, new in zip(KEPT[module.layer_idx], (key, value))]
    out = F.scaled_dot_product_attention(block(query), *seen, attn_mask=own_mask(s, length, query.device), scale=scaling)
    return out.transpose(1, 2).reshape(1, n * length, *out.shape[1::2]), None


ALL_ATTENTION_FUNCTIONS.register("keeping", keeping)


def go_on(net: Decoder, prefix: dict, blocks: torch.Tensor) -> torch.Tensor:
    """The last states of blocks alone, after a forward pass that kept the lecture."""
    LAYOUT.groups = [tuple(blocks.shape)]
    h = net.text.embed_tokens(blocks.flatten())[None]
    own = (prefix["next"] + torch.arange(blocks.shape[1])).repeat(len(blocks)).expand(3, -1)
    rope = net.text.rotary_emb(h, own[:, None])
    for layer in net.text.layers:
        h = layer(h, position_embeddings=rope, attention_mask=None)
    return h[0]


def note(rows: list[dict], name: str, weights: torch.Tensor, times: torch.Tensor) -> None:
    """A distribution's mean and spread, and its mean over the likeliest segment and the two beside it (`_peak`)."""
    mean, spread = moment(weights, times)
    top, at = weights.argmax(-1, keepdim=True), torch.arange(len(times))
    near = weights * ((at - top).abs() <= 1)
    peak, _ = moment(near / near.sum(-1, keepdim=True), times)
    for row, *found in zip(rows, mean, spread, peak):
        row[name], row[name + "_spread"], row[name + "_peak"] = (round(value.item(), 3) for value in found)


@torch.inference_mode()
def answers(net: Decoder, variant: str, found: lectures.Lecture, asked: list[lectures.Event]) -> list[dict]:
    """Greedy answers of all questions at once."""
    prefix = text.prefix_of(found, variant)
    start, said = len(prefix["ids"]), [text.question_of(event) for event in asked]
    begun = [len(ids) for ids in said]
    net.text.config._attn_implementation = "keeping"
    times, rows = torch.from_numpy(found.stamps * US).round().long(), [{} for _ in asked]
    for turn in range(text.LONGEST):
        blocks = padded(said)
        if turn == 0:
            read, final = net(prefix, found, blocks)
        else:
            final, start = go_on(net, prefix, blocks), 0
        at = torch.tensor([start + b * blocks.shape[1] + len(ids) - 1 for b, ids in enumerate(said)])
        if turn == 0:
            mass = pointer_mass([(0, b, len(ids) - 1, POINTER_HEAD) for b, ids in enumerate(said)],
                                torch.from_numpy(prefix["owner"]), len(times) + 1)[:, :len(times)]
            note(rows, "looked", mass / mass.sum(1, keepdim=True), times)
            if net.pointer is not None:
                closing = read[torch.from_numpy(prefix["stops"])]
                for name, weights in zip(("proposed", "pin"), net.pointer(read[at], net.segments(found, closing), times)):
                    note(rows, name, weights, times)
        for ids, token in zip(said, net.logits(final[at]).argmax(-1)):
            ids.append(int(token))
    for row, ids, at in zip(rows, said, begun):
        row["written"] = text.read(ids[at:])
        row["text"] = " ".join(text.TOKENS[t] for t in ids[at:]).split(" <|im_end|>")[0]
    return rows


def questions_of(found: lectures.Lecture, seed: int) -> list[lectures.Event]:
    """Ten of a lecture; two lectures together have as many of every kind."""
    asked = lectures.asked_of(found, seed, EACH + 2)
    return asked[:8] + (asked[8:10] if seed % 2 else asked[10:])


def judged(net: Decoder, variant: str, lecture_count: int = LECTURES) -> list[dict]:
    """All rows of a variant."""
    out = []
    for seed in range(FIRST_SEED, FIRST_SEED + lecture_count):
        found = lectures.lecture(seed)
        asked = questions_of(found, seed)
        for event, row in zip(asked, answers(net, variant, found, asked)):
            stamp = float(min(found.stamps, key=lambda s: abs(s - event.moment)))
            out.append({"lecture": seed - FIRST_SEED, "kind": event.kind, "topic": lectures.TOPICS[event.topic],
                        "moment": round(event.moment, 3), "known": round(event.known, 3), "stamp": stamp, **row})
    return out


def ways(rows: list[dict]) -> dict[str, list]:
    """The answers that a variant's rows give, by the way they are taken."""
    out = {way: [r[way] for r in rows] for way in ("written", "looked", "looked_peak", "pin", "pin_peak", "proposed", "proposed_peak")
           if way in rows[0]}
    for way in ("pin", "pin_peak"):
        if way in rows[0]:
            out[f"written_or_{way}"] = [combined(r["written"], r[way]) for r in rows]
    return out


def summary(folder: Path, date: str) -> dict:
    """Scores of what has been judged, by way and by kind, and how each variant was trained."""
    out = {"date": date, "lectures": LECTURES, "questions": LECTURES * EACH, "first_seed": FIRST_SEED,
           "segments": lectures.SEGMENTS, "segment_s": lectures.SEGMENT, "torch_seed": 0, "batch": BATCH,
           "questions_a_lecture": QUESTIONS, "layers": SHAPE["num_hidden_layers"], "hidden": SHAPE["hidden_size"], "variants": {}}
    for variant in text.VARIANTS:
        path = folder / f"ablation-{variant}.jsonl"
        if not path.exists():
            continue
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        truth, saved = [r["moment"] for r in rows], torch.load(checkpoint_of(variant), weights_only=False)
        entry = {"steps": saved["state"]["step"], "planned_steps": saved["state"]["steps"],
                 "seconds": round(saved["state"]["seconds"]), "weights": sum(v.numel() for v in saved["net"].values())}
        entry.update({way: score(times, truth) for way, times in ways(rows).items()})
        entry["by_kind"] = {kind: {way: score([t for t, r in zip(times, rows) if r["kind"] == kind],
                                              [r["moment"] for r in rows if r["kind"] == kind])
                                   for way, times in ways(rows).items()} for kind in text.KINDS}
        out["variants"][variant] = entry
        out["ceilings"] = {"nearest_stamp": score([r["stamp"] for r in rows], truth),
                           "known_from_frames": score([r["known"] for r in rows], truth)}
    return out


def main() -> None:
    """Rows of a variant, or the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=text.VARIANTS)
    parser.add_argument("--lectures", type=int, default=LECTURES)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--summary", type=Path, help="a folder with rows; writes ablation.json there")
    parser.add_argument("--date", default="")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.variant:
        net = Decoder(args.variant).eval()
        net.load_state_dict(torch.load(checkpoint_of(args.variant), weights_only=False)["net"])
        rows = judged(net, args.variant, args.lectures)
        print(json.dumps({way: score(times, [r["moment"] for r in rows]) for way, times in ways(rows).items()}, indent=1))
        if args.out:
            args.out.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    if args.summary:
        found = summary(args.summary, args.date)
        (args.summary / "ablation.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
