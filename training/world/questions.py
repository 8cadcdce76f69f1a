"""Questions people would ask about a clip, and the sentences that answer them.

The same code writes the truth files (spans are the exact times of the frames) and the
training text (spans are the stamps of the sampled segments): an answer always *copies*
the times it is given. A run is one uninterrupted appearance: (thing, start, end).
"""

import random
from collections import Counter

from .scenes import THINGS, Thing

WHEN_EN = [
    "When does {a} appear", "When is {a} shown", "When is {a} visible", "When can I see {a}",
    "At what time does {a} appear", "At what time is {a} shown", "When do we see {a}",
    "When does {a} show up", "Where in the video is {a}", "Find {a}",
]
WHEN_ZH = [
    "{a}什么时候出现", "什么时候出现{a}", "{a}在什么时候出现", "{a}是什么时候出现的",
    "{a}何时出现", "{a}在哪个时间段出现", "什么时候能看到{a}", "找到{a}",
]
WHAT_EN = [
    "What is shown at {t}", "What appears at {t}", "What can be seen at {t}",
    "What do we see at {t}", "What is on screen at {t}", "What is visible at {t}", "What happens at {t}",
]
WHAT_ZH = ["{t}显示什么", "{t}显示的是什么", "{t}出现了什么", "{t}有什么", "在{t}能看到什么", "{t}画面上是什么"]
COUNT_EN = [
    "How many times does {a} appear", "How many times is {a} shown", "How often does {a} appear",
    "How many times do we see {a}", "Count how many times {a} appears",
]
COUNT_ZH = ["{a}出现了几次", "{a}出现了多少次", "{a}一共出现几次", "{a}总共出现了多少次"]
ORDER_EN = [
    "Which comes first, {a} or {b}", "What comes first, {a} or {b}", "Which appears first, {a} or {b}",
    "Which is shown first, {a} or {b}", "Which appears earlier, {a} or {b}",
]
ORDER_ZH = ["{a}和{b}哪个先出现", "先出现的是{a}还是{b}", "{a}和{b}，哪个先出现", "{a}还是{b}先出现"]
LIST_EN = [
    "List the events", "List all events", "List the events in the video", "What happens in the video",
    "List everything that appears", "Describe the video",
]
LIST_ZH = ["列出所有事件", "列出视频中的事件", "视频里发生了什么", "视频中出现了什么", "描述这个视频"]


def the(thing: Thing) -> str:
    """The thing with its article, as sentences use it."""
    return f"the {thing.label_en}"


def a_or_an(thing: Thing) -> str:
    """The thing introduced for the first time."""
    if thing.kind == "word":
        return the(thing)
    return ("an " if thing.label_en[0] in "aeiou" else "a ") + thing.label_en


def capital(text: str) -> str:
    """First letter upper, the rest untouched (words are written in capitals)."""
    return text[:1].upper() + text[1:]


def sec(value: float) -> str:
    """A time as the prompt's stamps print it."""
    return f"{value:.1f}"


def zh_after(thing: Thing) -> str:
    """Chinese label with the space that separates a Latin word from what follows."""
    return thing.label_zh + (" " if thing.kind == "word" else "")


def asked_name(rng: random.Random, thing: Thing, lang: str) -> str:
    """How a question names the thing; words are sometimes asked for by the word alone."""
    if lang == "zh":
        return thing.label_zh
    if thing.kind == "word":
        word = thing.word if rng.random() < 0.8 else thing.word.lower()
        return f"{rng.choice(['the word', 'the word', 'the word', 'the slide'])} {word}"
    return f"{'a' if rng.random() < 0.08 and thing.color != 'orange' else 'the'} {thing.label_en}"


def clock(rng: random.Random, second: int, lang: str) -> str:
    """A whole second, written one of the ways people write it."""
    m, s = divmod(second, 60)
    if second >= 600:  # far into a long video: mostly seconds, as the stamps are
        colons = f"{m // 60}:{m % 60:02d}:{s:02d}" if m >= 60 else f"{m}:{s:02d}"
        far = [f"{second} seconds", f"{second} seconds", f"{second}s"] if lang == "en" else [
            f"第 {second} 秒", f"第{second}秒", f"{second} 秒"]
        return rng.choice([*far, colons])
    if lang == "en":
        forms = [f"{m:02d}:{s:02d}", f"{m}:{s:02d}", f"{second} seconds", f"{second} seconds", f"{second}s"]
        return rng.choice(forms)
    forms = [f"第 {second} 秒", f"第{second}秒", f"{second} 秒", f"{m:02d}:{s:02d}"]
    forms += [f"{m}分{s}秒", f"{m} 分 {s} 秒"] if m else []
    return rng.choice(forms)


def finish(rng: random.Random, text: str, lang: str) -> str:
    """Punctuation and capitals as people type them."""
    ask = not text.startswith(("List", "Find", "Count", "Describe", "列", "找", "描"))
    if lang == "zh":
        return text + rng.choice((["？", "？", "？", "?", ""] if ask else ["。", "", ""]))
    text += rng.choice(["?", "?", "?", "?", ""] if ask else [".", "", ""])
    return text[0].lower() + text[1:] if rng.random() < 0.15 else text


def fill(rng: random.Random, template: str, lang: str, *things: Thing, t: str = "") -> str:
    """One finished question from a template."""
    names = [asked_name(rng, x, lang) for x in things] + ["", ""]
    text = template.format(a=names[0], b=names[1], t=t)
    return finish(rng, text, lang)


# ---- answers: each is a pure function of runs, so training and truth cannot drift apart ----

def span_text(run, lang: str) -> str:
    """One run's times inside a sentence."""
    _, s, e = run
    return f"from {sec(s)} to {sec(e)} seconds" if lang == "en" else f"{sec(s)} 秒到 {sec(e)} 秒"


def answer_when(thing: Thing, runs, lang: str) -> str:
    """When it appears; one span, or all of them when it repeats; or that it does not."""
    if not runs:
        return f"{capital(the(thing))} does not appear in the video." if lang == "en" else f"{zh_after(thing)}没有出现。"
    spans = [span_text(r, lang) for r in runs]
    if lang == "en":
        return f"{capital(the(thing))} appears {' and '.join(spans)}."
    return f"{zh_after(thing)}在 {'和 '.join(spans)}出现。"


def answer_what(run, lang: str) -> str:
    """What is on screen, with the whole span of that appearance."""
    if lang == "en":
        return f"{capital(a_or_an(run[0]))} is shown, {span_text(run, 'en')}."
    return f"显示的是{run[0].label_zh}，{span_text(run, 'zh')}。"


def answer_count(thing: Thing, runs, lang: str) -> str:
    """The evidence first, then the number: the number is counted from what is written."""
    said = answer_when(thing, runs, lang)
    if not runs:
        return said
    n = len(runs)
    if lang == "en":
        return f"{said[:-1]}: {n} time{'s' if n > 1 else ''}."
    return f"{said[:-1]}：{n} 次。"


def answer_order(first, second, lang: str) -> str:
    """Both spans in the order asked, then the conclusion."""
    (a, *_), (b, *_) = first, second
    winner = first[0] if first[1] <= second[1] else second[0]
    if lang == "en":
        return (f"{answer_when(a, [first], lang)[:-1]} and {the(b)} appears {span_text(second, lang)}, "
                f"so {the(winner)} comes first.")
    return f"{answer_when(a, [first], lang)[:-1]}，{answer_when(b, [second], lang)[:-1]}，所以{zh_after(winner)}先出现。"


def answer_list(runs, lang: str) -> str:
    """One short line per event."""
    if not runs:
        return "Nothing appears in the video." if lang == "en" else "视频中没有出现任何东西。"
    unit = " seconds: " if lang == "en" else " 秒："
    return "\n".join(f"{sec(s)} - {sec(e)}{unit}{t.label_en if lang == 'en' else t.label_zh}" for t, s, e in runs)


# ---- one question of each kind ----

def by_thing(runs) -> dict:
    """Runs grouped by thing, in order of appearance."""
    groups: dict = {}
    for run in runs:
        groups.setdefault(run[0], []).append(run)
    return groups


def ask_when(rng, runs, lang):
    """When one thing that occurs exactly once appears; None if there is none."""
    once = [t for t, r in by_thing(runs).items() if len(r) == 1]
    if not once:
        return None
    thing = rng.choice(once)
    run = by_thing(runs)[thing][0]
    text = fill(rng, rng.choice(WHEN_EN if lang == "en" else WHEN_ZH), lang, thing)
    return text, "when", answer_when(thing, [run], lang), (run[1], run[2]), thing


def ask_what(rng, runs, lang, margin: float = 1.0):
    """What is shown at a whole second at least `margin` inside an appearance."""
    spots = [(r, t) for r in runs for t in range(int(r[1]), int(r[2]) + 2) if r[1] + margin <= t <= r[2] - margin]
    if not spots:
        return None
    run, second = rng.choice(spots)
    when = clock(rng, second, lang)
    text = fill(rng, rng.choice(WHAT_EN if lang == "en" else WHAT_ZH), lang, t=when)
    return text, "what", answer_what(run, lang), (run[1], run[2]), second


def ask_count(rng, runs, lang):
    """How often a thing appears; repeated things are preferred."""
    groups = by_thing(runs)
    if not groups:
        return None
    many = [t for t in groups if len(groups[t]) > 1]
    thing = rng.choice(many if many and rng.random() < 0.75 else list(groups))
    text = fill(rng, rng.choice(COUNT_EN if lang == "en" else COUNT_ZH), lang, thing)
    return text, "count", answer_count(thing, groups[thing], lang), None, thing


def ask_order(rng, runs, lang):
    """Which of two things that each occur once comes first."""
    once = [r[0] for r in by_thing(runs).values() if len(r) == 1]
    if len(once) < 2:
        return None
    first, second = rng.sample(once, 2)
    text = fill(rng, rng.choice(ORDER_EN if lang == "en" else ORDER_ZH), lang, first[0], second[0])
    return text, "order", answer_order(first, second, lang), None, (first, second)


def ask_list(rng, runs, lang):
    """Everything, in order."""
    text = finish(rng, rng.choice(LIST_EN if lang == "en" else LIST_ZH), lang)
    return text, "list", answer_list(runs, lang), None, None


def ask_absent(rng, runs, lang):
    """When something appears that does not; half the time a near miss (same colour or shape)."""
    present = {r[0] for r in runs}
    absent = [t for t in THINGS if t not in present]
    near = [t for t in absent if t.kind == "shape"
            and any(p.kind == "shape" and (p.shape == t.shape or p.color == t.color) for p in present)]
    thing = rng.choice(near if near and rng.random() < 0.5 else absent)
    text = fill(rng, rng.choice(WHEN_EN if lang == "en" else WHEN_ZH), lang, thing)
    return text, "absent", answer_when(thing, [], lang), None, thing


ASKERS = {"when": ask_when, "what": ask_what, "count": ask_count,
          "order": ask_order, "list": ask_list, "absent": ask_absent}


def ask_clip(seed: int, runs, per_kind: dict | None = None) -> list[dict]:
    """The truth file's questions: distinct ones, both languages, every kind."""
    rng = random.Random(f"timepin-questions-{seed}")
    wanted = per_kind or {"when": 8, "what": 8, "count": 3, "order": 3, "list": 2, "absent": 4}
    out, seen, used = [], Counter(), set()
    for kind, count in wanted.items():
        for k in range(count):
            lang = "en" if k % 2 == 0 else "zh"
            for _ in range(20):
                asked = ASKERS[kind](rng, runs, lang)
                if asked is None:
                    break
                text, kind_, answer, span, subject = asked
                if seen[text] or (kind, lang, str(subject)) in used:
                    continue
                seen[text] += 1
                used.add((kind, lang, str(subject)))
                span = [round(span[0], 3), round(span[1], 3)] if span else None
                out.append({"question": text, "lang": lang, "kind": kind_, "answer": answer, "span": span})
                break
    return out
