"""Is an answer right? One rule per kind of question; works on the text alone."""

import re

NUMBER = r"(\d+(?:\.\d+)?)"
SPAN = re.compile(rf"{NUMBER}\s*(?:to|-|秒到|秒 到)\s*{NUMBER}")
TOLERANCE_S = 1.0


def spans(text: str) -> list[tuple[float, float]]:
    """Every span an answer mentions."""
    return [(float(a), float(b)) for a, b in SPAN.findall(text)]


def near(span, truth) -> bool:
    """Both ends within the tolerance."""
    return abs(span[0] - truth[0]) <= TOLERANCE_S and abs(span[1] - truth[1]) <= TOLERANCE_S


def all_near(said: list, truth: list) -> bool:
    """The same number of spans, each within the tolerance."""
    return len(said) == len(truth) and all(near(a, b) for a, b in zip(said, truth))


def denies(text: str) -> bool:
    """Does the answer say that the thing is not there?"""
    return "does not appear" in text or "没有出现" in text


def what_label(text: str) -> str:
    """The thing a `what` answer names."""
    if text.startswith("显示的是"):
        return text[4:].split("，")[0]
    return re.sub(r"^(An?|The|the) ", "", text.split(" is shown")[0])


def order_label(text: str) -> str:
    """The thing an `order` answer says comes first."""
    m = re.search(r"so the (.+) comes first|所以(.+?)\s*先出现", text)
    return (m.group(1) or m.group(2)) if m else ""


def count_number(text: str) -> int | None:
    """The number a `count` answer ends with."""
    m = re.search(r"(\d+)\s*(?:times?|次)\W*$", text)
    return int(m.group(1)) if m else None


def list_lines(text: str) -> list[tuple]:
    """(label, span) per line of a `list` answer."""
    out = []
    for line in text.split("\n"):
        found = spans(line.replace("秒：", ":"))
        out.append((re.split(r"[:：]\s*", line)[-1], found[0] if found else (-99.0, -99.0)))
    return out


def is_right(kind: str, answer: str, truth: str, span) -> bool:
    """The verdict for one question."""
    if kind == "absent":
        return denies(answer)
    if denies(answer) != denies(truth):
        return False
    if kind == "when":
        return len(spans(answer)) == 1 and near(spans(answer)[0], span)
    if kind == "what":
        return what_label(answer) == what_label(truth)
    if kind == "count":
        return count_number(answer) == count_number(truth)
    if kind == "order":
        return order_label(answer) == order_label(truth)
    said, wanted = list_lines(answer), list_lines(truth)
    return [l for l, _ in said] == [l for l, _ in wanted] and all_near([s for _, s in said], [s for _, s in wanted])


def table(rows: list[dict]) -> str:
    """Accuracy by kind and language."""
    lines = [f"{'kind':8} {'right':>7} {'asked':>6} {'share':>7}   en      zh      spans ±1 s"]
    share = lambda part: f"{100 * sum(r['ok'] for r in part) / len(part):6.1f}%" if part else "      -"
    for kind in ("when", "what", "absent", "count", "order", "list"):
        part = [r for r in rows if r["kind"] == kind]
        if not part:
            continue
        by = [share([r for r in part if r["lang"] == lang]) for lang in ("en", "zh")]
        timed = [r for r in part if spans(r["truth"])]
        near_all = [all_near(spans(r["answer"]), spans(r["truth"])) for r in timed]
        spanned = f"{100 * sum(near_all) / len(near_all):6.1f}%" if timed else "      -"
        lines.append(f"{kind:8} {sum(r['ok'] for r in part):7d} {len(part):6d} {share(part)} {by[0]} {by[1]} {spanned}")
    lines.append(f"{'all':8} {sum(r['ok'] for r in rows):7d} {len(rows):6d} {share(rows)}")
    return "\n".join(lines)
