"""Which moment each token of an answer describes: what the time pointer is taught.

Inside a written start the moment is when the thing appears, inside a written end when it is gone; other words describe
the whole appearance they are about, and words about something that is nowhere describe no moment.
"""

from dataclasses import dataclass

import numpy as np

from .text import STAMP
from .timeline import Run


@dataclass
class Told:
    """Characters [lo, hi) of an answer and the appearances they are about; `edge` is "start", "end" or None."""

    lo: int
    hi: int
    runs: list[Run]
    edge: str | None = None


def told(kind: str, answer: str, subject, runs: list[Run], said: list[tuple[str, str]]) -> list[Told]:
    """The answer in pieces. `said`: the printed start and end of every run; `subject`: what the question was about."""
    if kind == "absent":
        return [Told(0, len(answer), [])]
    stamps = list(STAMP.finditer(answer))
    about = in_order(kind, [m.group() for m in stamps], subject, runs, said)
    lines = line_starts(answer) if kind == "list" else []
    out, at = [], 0
    for k, run in enumerate(about):
        first, second = stamps[2 * k], stamps[2 * k + 1]
        before = runs_before(kind, k, about, run)
        out += [Told(at, first.start(), before), Told(first.start(), first.end(), [run], "start"),
                Told(first.end(), second.start(), [run]), Told(second.start(), second.end(), [run], "end")]
        at = second.end()
        if kind == "list":  # the name stands behind the times
            stop = next((s for s in lines if s > at), len(answer))
            out.append(Told(at, stop, [run]))
            at = stop
    out.append(Told(at, len(answer), tail(kind, about)))
    return [piece for piece in out if piece.hi > piece.lo]


def in_order(kind, stamps: list[str], subject, runs, said) -> list[Run]:
    """The appearance behind every pair of stamps; two things may be said to have the same times."""
    about = []
    for k in range(len(stamps) // 2):
        pair = (stamps[2 * k], stamps[2 * k + 1])
        thing = subject[k][0] if kind == "order" else subject if kind in ("when", "count") else None
        fits = [r for r, s in zip(runs, said) if s == pair and (thing is None or r.thing == thing) and r not in about]
        if not fits:
            raise ValueError(f"no appearance from {pair[0]} to {pair[1]}")
        about.append(fits[0])
    return about


def runs_before(kind: str, k: int, about: list[Run], run: Run) -> list[Run]:
    """What the words before the k-th span are about: the name in front is that of all appearances."""
    return list(about) if k == 0 and kind in ("when", "count") else [run]


def tail(kind: str, about: list[Run]) -> list[Run]:
    """What the words behind the last span are about."""
    if kind == "count":
        return list(about)
    return [min(about, key=lambda r: r.start)] if kind == "order" else about[-1:]


def line_starts(answer: str) -> list[int]:
    """Where lines begin."""
    return [0] + [i + 1 for i, c in enumerate(answer) if c == "\n"]


def spread_over(piece: Told, stamps_us: np.ndarray, bounds_us) -> tuple[np.ndarray, float]:
    """The distribution over segments for a piece, and its moment in us (nan where there is none).

    `bounds_us(run)`: when its thing truly appears and is gone. A moment between two stamps is shared by both, so that
    the mean of the distribution is the moment.
    """
    count = len(stamps_us)
    share = np.zeros(count, np.float32)
    if not piece.runs:
        return share + 1 / count, float("nan")
    if piece.edge:
        moment = float(bounds_us(piece.runs[0])[piece.edge == "end"])
        moment = min(max(moment, float(stamps_us[0])), float(stamps_us[-1]))
        right = min(max(int(np.searchsorted(stamps_us, moment)), 1), count - 1) if count > 1 else 0
        if right == 0:
            share[0] = 1
            return share, moment
        low, high = float(stamps_us[right - 1]), float(stamps_us[right])
        share[right] = (moment - low) / max(high - low, 1.0)
        share[right - 1] = 1 - share[right]
        return share, moment
    for run in piece.runs:
        share[run.start:run.end + 1] = 1
    share /= share.sum()
    # The middle of one appearance; several have no moment of their own.
    return share, float((share * stamps_us).sum()) if len(piece.runs) == 1 else float("nan")


def of_tokens(encoding, pieces: list[Told]) -> list[int]:
    """For every token of an answer the piece that its last letter belongs to."""
    out = []
    for lo, hi in encoding.offsets:
        at = max(lo, hi - 1)
        out.append(next((i for i, p in enumerate(pieces) if p.lo <= at < p.hi), len(pieces) - 1))
    return out
