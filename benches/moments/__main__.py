"""Finding moments in synthetic films: writes them, asks the product, scores.

    PYTHONPATH=training:benches python -m moments --binary target/release/timepin --minutes 1,10 --seeds 1..5 --out results
    … --control blind                       # the same questions about films in which nothing happens
    … --predictions results/rows.jsonl      # score answers made elsewhere
    … --write-only --films FOLDER           # only the films

Films are kept in `--films` and written once. A run that is cut goes on where it was. `results` receives `rows.jsonl` (every
answer), `report.json` (figures, model, seeds, date), `table.txt` and plots. `moments.controls` has the controls that need
another prompt than the product's.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from scoring import spans as spans_in

from . import plots
from .film import write_film
from .score import score, table
from .script import Film, make_film


def numbers(text: str) -> list[int]:
    """`3..5` or `1,4`."""
    if ".." in text:
        first, last = map(int, text.split(".."))
        return list(range(first, last + 1))
    return [int(t) for t in text.split(",")]


def film_of(folder: Path, seed: int, minutes: float, blind: bool) -> tuple[Path, Film]:
    """The file and the film; a blind one keeps its questions and loses what happens."""
    film, name = make_film(seed, minutes), f"film-{minutes:g}min-{seed}{'-blind' if blind else ''}"
    path = folder / f"{name}.mp4"
    if not path.exists():
        write_film(Film(seed, minutes, [], [], film.questions) if blind else film, folder, name)
    return path, film


def found_in(answer: dict, task: str) -> list[tuple[float, float]]:
    """Spans the product links, else those in the text; what the subtitles or the search found first for what is asked of them."""
    if task == "mention" and answer.get("evidence"):
        first = answer["evidence"][0]
        if "start_us" in first:
            return [(first["start_us"] / 1e6, first["end_us"] / 1e6)]
    if task == "multi" and answer.get("course", {}).get("places"):
        return [(place["start"] / 1e6, place["end"] / 1e6) for place in answer["course"]["places"]]
    linked = [(s["start_us"] / 1e6, s["end_us"] / 1e6) for s in answer.get("spans", [])]
    return linked or spans_in(answer["answer"])


def confidence_of(answer: dict) -> float | None:
    """How sure the product says it is of its first span, where it says so."""
    first = (answer.get("spans") or [{}])[0]
    return first.get("confidence", answer.get("confidence"))


def ask(args, path: Path, questions: list[str]) -> list[dict]:
    """One JSON object per question from `timepin ask`."""
    with tempfile.TemporaryDirectory() as data:
        command = [args.binary, "ask", path, "--json", "--questions", "-", "--data", data, *args.extra]
        if args.model:
            command += ["--model", args.model]
        done = subprocess.run([str(c) for c in command], input="\n".join(questions), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"timepin ask failed on {path.name}: {done.stderr.strip()[-400:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def predict(args, rows_path: Path) -> list[dict]:
    """Ask about every film that has no rows yet, and keep every row at once."""
    rows = read_rows(rows_path) if rows_path.exists() else []
    known = {r["film"] for r in rows}
    for minutes in args.minutes:
        for seed in args.seeds:
            path, film = film_of(args.films, seed, minutes, args.control == "blind")
            if path.stem in known or args.write_only:
                continue
            began, asked = time.time(), [q for q in film.questions if not args.tasks or q.task in args.tasks]
            answers = ask(args, path, [q.text for q in asked])
            new = [{"film": path.stem, "minutes": minutes, "task": q.task, "lang": q.lang, "question": q.text,
                    "answer": q.answer, "spans": q.spans, "length": q.length, "depth": q.depth, "said": a["answer"],
                    "found": found_in(a, q.task), "confidence": confidence_of(a), "usage": a.get("usage")}
                   for q, a in zip(asked, answers, strict=True)]
            with rows_path.open("a", encoding="utf-8") as f:
                f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in new)
            rows += new
            print(f"{path.stem}: {len(new)} questions in {time.time() - began:.0f} s", flush=True)
    return rows


def read_rows(path: Path) -> list[dict]:
    """Rows of an earlier run."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def main() -> None:
    """Write, ask, score, report."""
    parser = argparse.ArgumentParser(prog="moments", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=Path("target/release/timepin"))
    parser.add_argument("--model", help="folder or name of the model [default: the bundled one]")
    parser.add_argument("--minutes", type=lambda t: [float(m) for m in t.split(",")], default=[1.0])
    parser.add_argument("--seeds", type=numbers, default=[1], help="3..5 or 1,4")
    parser.add_argument("--tasks", nargs="*", help="only these")
    parser.add_argument("--films", type=Path, default=Path("/tmp/timepin-moments"), help="where films are kept")
    parser.add_argument("--control", choices=["none", "blind"], default="none")
    parser.add_argument("--write-only", action="store_true", help="write the films and ask nothing")
    parser.add_argument("--predictions", type=Path, help="rows.jsonl to score instead of asking")
    parser.add_argument("--out", type=Path, default=Path("moments-results"))
    parser.add_argument("extra", nargs="*", help="after --: more options for `timepin ask`")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = read_rows(args.predictions) if args.predictions else predict(args, args.out / "rows.jsonl")
    if not rows:
        return
    report = {"model": Path(args.model).name if args.model else "timepin-tiny", "seeds": args.seeds, "control": args.control,
              "date": date.today().isoformat()}
    sections = {"all": rows} | {f"{m:g} minutes": [r for r in rows if r["minutes"] == m] for m in sorted({r["minutes"] for r in rows})}
    report |= {name: score(part) for name, part in sections.items()}
    text = "\n\n".join(f"{name}\n{table(report[name])}" for name in (sections if len(sections) > 2 else list(sections)[1:]))
    (args.out / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (args.out / "table.txt").write_text(text + "\n", encoding="utf-8")
    plots.write(report["all"], args.out)
    print(text)


if __name__ == "__main__":
    main()
