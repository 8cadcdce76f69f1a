"""Golden files for `crates/eval`: seeded annotations and predictions, and what the official evaluators make of them.

    python training/golden_eval.py --moment-detr DIR --vidi DIR --timelens DIR

The folders are checkouts of jayleicn/moment_detr, bytedance/vidi and TencentARC/TimeLens. Wants numpy < 2, scikit-learn, pandas
and matplotlib. Data is ours; of theirs only the scores are kept.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "crates" / "eval" / "tests" / "golden"


def dump(name: str, data, lines: bool = False) -> None:
    text = "".join(json.dumps(entry) + "\n" for entry in data) if lines else json.dumps(data, indent=1) + "\n"
    (GOLDEN / name).write_text(text)


def window(rng: random.Random, duration: float, grid: float) -> list[float]:
    start = rng.randrange(int(duration / grid))
    end = rng.randrange(start + 1, int(duration / grid) + 1)
    return [start * grid, end * grid]


def near(rng: random.Random, wanted: list[float], duration: float, by: float) -> list[float]:
    start, end = (min(max(edge + rng.uniform(-by, by), 0.0), duration) for edge in wanted)
    return [round(min(start, end), 2), round(max(start, end) + 0.5, 2)]


def apart(windows: list[list[float]]) -> list[list[float]]:
    kept: list[list[float]] = []
    for start, end in sorted(windows):
        if not kept or start > kept[-1][1]:
            kept.append([start, end])
    return kept


def qvhighlights(rng: random.Random, folder: Path) -> None:
    """Ties in scores, empty predictions, more than ten windows, clips past the end, all lengths."""
    queries, predictions = [], []
    for qid in range(60):
        duration = rng.choice([126, 150, 150, 75])
        windows = apart([window(rng, duration, 2.0) for _ in range(rng.randint(1, 4))])
        clips = sorted({clip for start, end in windows for clip in range(int(start / 2), int(end / 2))})
        queries.append({
            "qid": qid, "query": f"query {qid}", "duration": duration, "vid": f"v{qid % 7}", "relevant_windows": windows,
            "relevant_clip_ids": clips, "saliency_scores": [[rng.randint(0, 4) for _ in range(3)] for _ in clips],
        })
        found = [near(rng, rng.choice(windows), duration, 12.0) + [round(rng.random(), 1)] for _ in range(rng.randint(1, 13))]
        scores = [round(rng.random(), 1) for _ in range(int(duration / 2) + rng.choice([-3, 0, 2]))]
        predictions.append({"qid": qid, "pred_relevant_windows": found, "pred_saliency_scores": scores})
    dump("qvhighlights.jsonl", queries, lines=True)
    dump("qvhighlights.predictions.jsonl", predictions, lines=True)
    sys.path.insert(0, str(folder))
    from standalone_eval.eval import eval_submission

    found = eval_submission(predictions, queries, verbose=False)
    scores = {}
    for name in ["full", "short", "middle", "long"]:
        for level, value in found[name]["MR-mAP"].items():
            scores[f"MR-{name}-mAP" + ("" if level == "average" else f"@{level}")] = f"{value:.2f}"
        scores |= {f"MR-{name}-R1@{level}": f"{value:.2f}" for level, value in found[name]["MR-R1"].items()}
    for name in ["Fair", "Good", "VeryGood"]:
        scores |= {f"HL-min-{name}-{key[3:]}": f"{value:.2f}" for key, value in found[f"HL-min-{name}"].items()}
    dump("qvhighlights.scores.json", scores)


def vue_tr(rng: random.Random, folder: Path) -> None:
    """Overlapping, swapped, unsorted and missing predictions."""
    formats, senses = ["keyword", "phrase", "sentence"], ["audio", "vision", "vision+audio"]
    lengths = {"ultra-short": 50, "short": 400, "medium": 1500, "long": 3000, "ultra-long": 7000}
    queries, predictions = [], []
    for query_id in range(80):
        category = rng.choice(list(lengths))
        duration = lengths[category]
        wanted = [[int(edge) for edge in window] for window in apart([window(rng, duration, 1.0) for _ in range(rng.randint(1, 4))])]
        queries.append({
            "query_id": query_id, "video_id": f"v{query_id % 9}", "duration": duration, "query": f"query {query_id}", "gt": wanted,
            "duration_category": category, "query_format": rng.choice(formats), "query_modality": rng.choice(senses),
        })
        found = [near(rng, rng.choice(wanted), duration, duration / 9) for _ in range(rng.randint(0, 4))]
        if found and rng.random() < 0.1:
            found[0].reverse()
        predictions.append({"query_id": query_id, "answer": found})
    dump("vue-tr.json", queries)
    dump("vue-tr.predictions.json", predictions)
    sys.path.insert(0, str(folder / "VUE_TR"))
    import qa_eval

    results = qa_eval.load_result(str(GOLDEN / "vue-tr.json"), str(GOLDEN / "vue-tr.predictions.json"))
    keys = {**dict.fromkeys(lengths, "duration_category"), **dict.fromkeys(formats, "query_format"), **dict.fromkeys(senses, "query_modality")}
    scores = {}
    for group in ["overall", *keys]:
        members = [entry for entry in results if group == "overall" or entry[keys[group]] == group]
        precision, recall = qa_eval.compute_precision_recall(members)
        _, iou = qa_eval.success_overlap(members)
        scores |= {f"{group} precision": precision * 100, f"{group} recall": recall * 100, f"{group} IoU": iou * 100}
    dump("vue-tr.scores.json", {name: f"{value:.2f}" for name, value in scores.items()})


ANSWERS = [
    "The event happens in {s} - {e} seconds.", "From {s} to {e} seconds.", "{s}-{e}", "Between 0:{i:02}.5 and 0:{j:02}.",
    "The 2 men enter at {s} and leave at {e}.", "Starting time: {s} seconds. Ending time: {e} seconds", "01:00:{i:02} - 01:00:{j:02}",
    "I do not know.", "It begins at {s}.", "{s} to {e}, then {e} - 40.25", "The event happens in {e} - {s} seconds.",
]


def timelens(rng: random.Random, folder: Path) -> None:
    """Answers in words, read by their parser and scored by their script."""
    videos, results = {}, {}
    for number in range(12):
        duration = rng.randint(40, 59)
        spans = [window(rng, duration, 0.5) for _ in range(5)]
        videos[f"v{number}"] = {"duration": duration, "spans": spans, "queries": [f"query {number} {i}" for i in range(5)]}
        for i, span in enumerate(spans):
            start, end = near(rng, span, duration, 6.0)
            words = {"s": start, "e": end, "i": int(start), "j": min(int(end), 59)}
            answer = rng.choice(ANSWERS).format(**words)
            results[f"v{number}.mp4>>>query {number} {i}>>>{span}"] = {"answers": answer}
    dump("timelens.json", videos)
    dump("timelens.predictions.json", results)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "results.json"
        copy.write_text(json.dumps(results))
        command = [sys.executable, str(folder / "evaluation" / "compute_metrics.py"), "-f", str(copy)]
        out = subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONPATH": str(folder)}).stdout
    names = {"IOU 0.3": "R1@0.3", "IOU 0.5": "R1@0.5", "IOU 0.7": "R1@0.7", "mIOU": "mIoU"}
    found = (line.split(": ") for line in out.splitlines() if line.split(": ")[0] in names)
    dump("timelens.scores.json", {names[name]: f"{float(value):.2f}" for name, value in found})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["moment-detr", "vidi", "timelens"]:
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    qvhighlights(random.Random(1), given.moment_detr)
    vue_tr(random.Random(2), given.vidi)
    timelens(random.Random(3), given.timelens)
