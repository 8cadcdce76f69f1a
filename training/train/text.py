"""Prompt and question blocks as token ids, with what each answer token should look at.

A block is one question with its answer. `look` holds, for some positions, the segments the
pointer head should attend to when the *next* token is predicted there:
  start stamp -> the run's first segment; label -> any segment of the run;
  end stamp -> the segment after the run (only there can a causal model know it ended);
  "does not appear" -> the prompt's very first tokens.
"""

import random
import re
from dataclasses import dataclass

from tokenizers import Tokenizer

from world import questions as q

from .model import VISUAL_TOKENS
from .timeline import Run, Segment

NULL, OWN = -1, -2  # look targets that are not segments: the prompt's start, the block itself
STAMP = re.compile(r"\d+\.\d")


class Vocabulary:
    """Token ids of the pieces every prompt is built from."""

    def __init__(self, tok: Tokenizer):
        self.tok = tok
        one = lambda s: tok.encode(s, add_special_tokens=False).ids
        self.head = one("<|im_start|>user\n")
        self.mid = one("<|im_end|>\n<|im_start|>assistant\n")
        (self.start,), (self.pad,), (self.stop,) = one("<|vision_start|>"), one("<|video_pad|>"), one("<|vision_end|>")
        (self.end,) = one("<|im_end|>")
        self.digits = {one(str(d))[0] for d in range(10)}
        self.cache: dict[str, list[int]] = {}

    def encode(self, text: str):
        """The tokenizer's encoding without any added token."""
        return self.tok.encode(text, add_special_tokens=False)

    def stamp(self, value: float) -> list[int]:
        """Ids of `<12.2 seconds>`."""
        text = f"<{value:.1f} seconds>"
        if text not in self.cache:
            self.cache[text] = self.encode(text).ids
        return self.cache[text]


@dataclass
class Prefix:
    """The shared start of all questions about one clip."""

    ids: list[int]
    positions: list[tuple[int, int, int]]  # temporal, height, width
    segment: list[int]  # which segment a token belongs to, or NULL
    visual: list[int]  # indices of the visual tokens, in segment order
    stops: list[int]  # index of each segment's <|vision_end|>
    next_position: int


def build_prefix(vocab: Vocabulary, stamps: list[float], merged=(2, 3)) -> Prefix:
    """Tokens and interleaved-MRoPE positions of the video part, as get_rope_index gives them."""
    ids, pos, seg, visual, stops, p = [], [], [], [], [], 0

    def text(tokens, owner):
        nonlocal p
        for t in tokens:
            ids.append(t), pos.append((p, p, p)), seg.append(owner)
            p += 1

    text(vocab.head, NULL)
    for j, value in enumerate(stamps):
        text(vocab.stamp(value) + [vocab.start], j)
        visual.extend(range(len(ids), len(ids) + VISUAL_TOKENS))
        for k in range(VISUAL_TOKENS):
            ids.append(vocab.pad), pos.append((p, p + k // merged[1], p + k % merged[1])), seg.append(j)
        p += max(merged)
        stops.append(len(ids))
        text([vocab.stop], j)
    return Prefix(ids, pos, seg, visual, stops, p)


@dataclass
class Block:
    """One question and its answer."""

    kind: str
    ids: list[int]
    answer_from: int  # index of the first answer token
    look: dict[int, tuple]  # position -> allowed targets when predicting the next token
    classes: dict[int, str]  # position -> what the next token is: stamp, label or absent
    hints: dict[int, tuple]  # position -> (thing, is end): what the model must have in mind there
    just_said: dict[int, float]  # position -> the stamp that the next name belongs to, in a list
    second: int | None  # the time asked for, in a `what` question


def spans_in(answer: str, enc, offset: int):
    """(first position, last position, text) of every stamp; positions predict, so one early."""
    for m in STAMP.finditer(answer):
        hit = [i for i, (a, b) in enumerate(enc.offsets) if a < m.end() and b > m.start() and b > a]
        yield offset + hit[0] - 1, offset + hit[-1] - 1, m.group()


def cover(enc, lo: int, hi: int, offset: int) -> range:
    """Positions predicting the tokens of characters lo..hi."""
    hit = [i for i, (a, b) in enumerate(enc.offsets) if a < hi and b > lo and b > a]
    return range(offset + hit[0] - 1, offset + hit[-1])


def span_targets(runs: list[Run], segments: list[Segment], said: str, is_end: bool, count: int):
    """Where to look for a stamp: the run that starts (or ends) with exactly that text."""
    for r in runs:
        if f"{segments[r.end if is_end else r.start].stamp:.1f}" == said:
            if not is_end:
                return (r.start,)
            return (r.end + 1,) if r.end + 1 < count else (r.end, OWN)
    return None


def build_block(vocab: Vocabulary, asked, runs: list[Run], segments: list[Segment], lang: str) -> Block:
    """Token ids and look targets of one question."""
    text, kind, answer, _, subject = asked
    question = vocab.encode(text).ids
    enc = vocab.encode(answer)
    at = len(question) + len(vocab.mid)
    ids = question + vocab.mid + enc.ids + [vocab.end]
    look, classes, hints = {}, {}, {}
    about = named_things(kind, answer, subject, runs, segments)
    for k, (lo, hi, said) in enumerate(spans_in(answer, enc, at)):
        target = span_targets(runs, segments, said, k % 2 == 1, len(segments))
        for i in range(lo, hi + 1):
            classes[i] = "stamp"
            if about:
                hints[i] = (about[min(k // 2, len(about) - 1)], k % 2 == 1)
            if target:
                look[i] = target
    mark_labels(kind, answer, enc, at, runs, segments, lang, look, classes)
    mark_presence(vocab, kind, answer, enc, at, subject, runs, look, classes)
    for i in (i for i, c in classes.items() if c == "absent"):
        hints[i] = (subject, False)
    just_said = {i: segments[look[i][0]].stamp for i, c in classes.items() if kind == "list" and c == "label"}
    return Block(kind, ids, at, look, classes, hints, just_said, subject if kind == "what" else None)


def named_things(kind, answer, subject, runs, segments) -> list:
    """Which thing each span of the answer is about, in order; empty for a list."""
    if kind == "order":
        return [run[0] for run in subject]
    if kind == "what":
        said = STAMP.findall(answer)[0]
        return [next(r.thing for r in runs if f"{segments[r.start].stamp:.1f}" == said)]
    return [subject] if kind in ("when", "count", "absent") else []


def mark_labels(kind, answer, enc, at, runs, segments, lang, look, classes) -> None:
    """Names the model must read off the video: in `what`, `list` and the conclusion of `order`."""
    label = (lambda r: r.thing.label_en) if lang == "en" else (lambda r: r.thing.label_zh)
    where = lambda r: tuple(range(r.start, r.end + 1))
    stamp = lambda j: f"{segments[j].stamp:.1f}"
    if kind == "what":
        said = STAMP.findall(answer)[0]
        run = next(r for r in runs if stamp(r.start) == said)
        lo = answer.index(label(run))
        for i in [at - 1, *range(at, at + 1), *cover(enc, lo, lo + len(label(run)), at)]:
            look[i], classes[i] = where(run), "label"
    elif kind == "list":
        pos = 0
        for r in runs:
            lo = answer.index(label(r), pos)
            pos = lo + len(label(r))
            for i in cover(enc, lo, pos, at):
                look[i], classes[i] = where(r), "label"
    elif kind == "order":
        lo = answer.index("so the " if lang == "en" else "所以") + (7 if lang == "en" else 2)
        rest = answer[lo:]
        run = next(r for r in runs if rest.startswith(label(r)))
        for i in cover(enc, lo, lo + len(label(run)), at):
            look[i], classes[i] = where(run), "label"


def mark_presence(vocab, kind, answer, enc, at, subject, runs, look, classes) -> None:
    """The decision between "appears" and "does not appear"."""
    if kind not in ("when", "absent", "count"):
        return
    name = subject.label_en if "The " in answer[:4] else subject.label_zh
    after = answer.index(name) + len(name)
    i = next(k for k, (a, b) in enumerate(enc.offsets) if a >= after and answer[a:b].strip()) + at - 1
    if kind == "absent":
        look[i] = (NULL,)
    else:
        look[i] = tuple(j for r in runs if r.thing == subject for j in range(r.start, r.end + 1))
    classes[i] = "absent"


def ask_blocks(rng: random.Random, vocab, runs: list[Run], segments: list[Segment], counts: dict) -> list[Block]:
    """Several questions about one clip; kinds that the clip cannot answer are skipped."""
    said = [(r.thing, segments[r.start].stamp, segments[r.end].stamp) for r in runs]
    blocks = []
    for kind, count in counts.items():
        for _ in range(count):
            lang = rng.choice(["en", "zh"])
            ask = q.ASKERS[kind]
            asked = ask(rng, said, lang, 0.3) if kind == "what" else ask(rng, said, lang)
            if asked:
                blocks.append(build_block(vocab, asked, runs, segments, lang))
    return blocks
