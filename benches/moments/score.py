"""Scores answers of the benchmark; works on spans and text alone.

A prediction is a row of the truth (`task`, `answer`, `spans`, `length`, `depth`) with what was said: `said` (text),
`found` (spans in seconds, as the product links them or as they stand in the text) and, where the asker gives one, a
`confidence` between 0 and 1.
"""

from statistics import median

from scoring import count_number, denies, order_label, what_label

GROUNDED = ("when", "flash", "what", "mention")  # one span asked for
TOLERANCES_S = (0.25, 0.5, 1.0, 5.0)
OVERLAPS = (0.3, 0.5, 0.7)


def overlap(a, b) -> float:
    """Intersection over union of two spans."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return max(0.0, shared) / max(1e-9, max(a[1], b[1]) - min(a[0], b[0])) if shared > 0 else 0.0


def matched(found: list, wanted: list, least: float) -> int:
    """How many spans pair off one to one with at least this overlap, the best pairs first."""
    pairs = sorted(((overlap(f, w), i, j) for i, f in enumerate(found) for j, w in enumerate(wanted)), reverse=True)
    used_found, used_wanted = set(), set()
    for value, i, j in pairs:
        if value >= least and i not in used_found and j not in used_wanted:
            used_found.add(i), used_wanted.add(j)
    return len(used_found)


def f1(found: list, wanted: list, least: float = 0.5) -> float:
    """Harmonic mean of precision and recall of spans."""
    return 2 * matched(found, wanted, least) / (len(found) + len(wanted)) if found or wanted else 1.0


def hit(found: list, wanted: list, tolerance: float) -> bool:
    """Both ends of the first span within the tolerance."""
    slack = tolerance + 1e-6
    return bool(found) and abs(found[0][0] - wanted[0][0]) <= slack and abs(found[0][1] - wanted[0][1]) <= slack


def mean(values: list) -> float | None:
    """The mean, or nothing of nothing."""
    return round(sum(values) / len(values), 4) if values else None


def grounding(rows: list[dict]) -> dict:
    """Everything about rows that ask for one span; no span counts as a miss."""
    found = [r for r in rows if r["found"]]
    out = {"asked": len(rows), "mIoU": mean([overlap(r["found"][0], r["spans"][0]) if r["found"] else 0.0 for r in rows])}
    for least in OVERLAPS:
        out[f"R1@{least}"] = mean([bool(r["found"]) and overlap(r["found"][0], r["spans"][0]) >= least for r in rows])
    for tolerance in TOLERANCES_S:
        out[f"hit@{tolerance:g}s"] = mean([hit(r["found"], r["spans"], tolerance) for r in rows])
    for end, name in enumerate(("start", "end")):
        off = [abs(r["found"][0][end] - r["spans"][0][end]) for r in found]
        out[f"median|d{name}|"] = round(median(off), 3) if off else None
    out["denied"] = mean([denies(r["said"]) for r in rows])
    return out


def by(rows: list[dict], key: str) -> dict:
    """Hits and overlap of single events by depth or length."""
    values = sorted({r[key] for r in rows if r.get(key) is not None})
    return {f"{v:g}": grounding([r for r in rows if r.get(key) == v]) for v in values}


def calibration(rows: list[dict], bins: int = 5) -> list[dict]:
    """Stated confidence against the share right within a second, in bins of equal width; empty without confidences."""
    out = []
    for b in range(bins):
        part = [r for r in rows if r.get("confidence") is not None and min(bins - 1, int(r["confidence"] * bins)) == b]
        if part:
            out.append({"stated": mean([r["confidence"] for r in part]), "asked": len(part),
                        "right": mean([hit(r["found"], r["spans"], 1.0) for r in part])})
    return out


def unreadable(row: dict) -> bool:
    """Neither a span nor a denial where one of the two was asked for."""
    return row["task"] in (*GROUNDED, "multi", "absent") and not row["found"] and not denies(row["said"])


def score(rows: list[dict]) -> dict:
    """The whole report."""
    of = lambda *tasks: [r for r in rows if r["task"] in tasks]
    single = of("when", "flash")
    tasks = {task: grounding(of(task)) for task in GROUNDED if of(task)}
    if of("what"):
        tasks["what"]["named"] = mean([what_label(r["said"]) == what_label(r["answer"]) for r in of("what")])
    return {
        "questions": len(rows), "tasks": tasks,
        "multi": {"asked": len(of("multi")), "F1@0.5": mean([f1(r["found"], r["spans"]) for r in of("multi")]),
                  "F1@0.3": mean([f1(r["found"], r["spans"], 0.3) for r in of("multi")])},
        "count": {"asked": len(of("count")), "right": mean([count_number(r["said"]) == len(r["spans"]) for r in of("count")])},
        "order": {"asked": len(of("order")),
                  "right": mean([order_label(r["said"]) == order_label(r["answer"]) for r in of("order")])},
        "absent": {"asked": len(of("absent")), "false alarms": mean([not denies(r["said"]) for r in of("absent")])},
        "parse failures": mean([unreadable(r) for r in rows]),
        "by depth": by(single, "depth"), "by length": by(single, "length"), "calibration": calibration(single),
        "errors": [[round(r["found"][0][e] - r["spans"][0][e], 3) for e in (0, 1)] for r in single if r["found"]],
    }


def table(report: dict) -> str:
    """The report as text."""
    share = lambda v: "    –" if v is None else f"{100 * v:5.1f}"
    lines = [f"{'task':9} {'asked':>5}  mIoU  " + " ".join(f"±{t:<4g}" for t in TOLERANCES_S) + "  |Δs|   |Δe|  denied"]

    def line(name, g):
        off = " ".join("     –" if g[k] is None else f"{g[k]:6.2f}" for k in ("median|dstart|", "median|dend|"))
        hits = " ".join(share(g[f"hit@{t:g}s"]) for t in TOLERANCES_S)
        lines.append(f"{name:9} {g['asked']:5d} {share(g['mIoU'])} {hits} {off}  {share(g['denied'])}")

    for task, g in report["tasks"].items():
        line(task, g)
    for key in ("by length", "by depth"):
        for value, g in report[key].items():
            line(f"{key[3:]} {value}", g)
    for name, figure in (("multi", "F1@0.5"), ("count", "right"), ("order", "right"), ("absent", "false alarms")):
        lines.append(f"{name:9} {report[name]['asked']:5d} {share(report[name][figure])} {figure}")
    if "named" in report["tasks"].get("what", {}):
        lines.append(f"what: the thing named rightly {share(report['tasks']['what']['named'])}")
    lines.append(f"no readable answer {share(report['parse failures'])}")
    return "\n".join(lines)
