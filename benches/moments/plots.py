"""Four plots as plain SVG, no library needed: accuracy against length and depth, errors, calibration."""

from pathlib import Path

WIDTH, HEIGHT, LEFT, FOOT, HEAD = 460, 260, 52, 44, 34
COLOURS = ["#2f6fde", "#d9822b", "#2a9d6f"]


def frame(title: str, body: list[str], below: str, left: str) -> str:
    """An SVG with axes."""
    x0, x1, y0, y1 = LEFT, WIDTH - 14, HEAD, HEIGHT - FOOT
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="13" font-weight="bold">{title}</text>',
        f'<path d="M{x0} {y0}V{y1}H{x1}" fill="none" stroke="#444"/>',
        f'<text x="{(x0 + x1) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{below}</text>',
        f'<text x="14" y="{(y0 + y1) / 2}" text-anchor="middle" transform="rotate(-90 14 {(y0 + y1) / 2})">{left}</text>',
        *body, "</svg>"]) + "\n"


def across(k: float, count: int) -> float:
    """The x of the middle of column k."""
    return LEFT + (k + 0.5) * (WIDTH - 14 - LEFT) / max(1, count)


def up(share: float) -> float:
    """The y of a share between 0 and 1."""
    return HEIGHT - FOOT - share * (HEIGHT - FOOT - HEAD)


def scale() -> list[str]:
    """Marks at every quarter."""
    return [f'<text x="{LEFT - 6}" y="{up(v) + 4:.1f}" text-anchor="end">{v:.0%}</text>'
            f'<path d="M{LEFT} {up(v):.1f}H{WIDTH - 14}" stroke="#ddd"/>' for v in (0, 0.25, 0.5, 0.75, 1)]


def curves(title: str, below: str, groups: dict, figures: list[str]) -> str:
    """One line per figure over the groups of a report."""
    body, names = scale(), list(groups)
    for c, figure in enumerate(figures):
        dots = [(across(k, len(names)), up(groups[n][figure] or 0.0)) for k, n in enumerate(names)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        body.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[c]}" stroke-width="2"/>')
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[c]}"/>' for x, y in dots]
        body.append(f'<text x="{WIDTH - 16}" y="{HEAD - 18 + 12 * c}" text-anchor="end" fill="{COLOURS[c]}">{figure}</text>')
    body += [f'<text x="{across(k, len(names)):.1f}" y="{HEIGHT - FOOT + 16}" text-anchor="middle">{n} '
             f'({groups[n]["asked"]})</text>' for k, n in enumerate(names)]
    return frame(title, body, below, "right")


def histogram(errors: list, edges=(0.125, 0.25, 0.5, 1, 2, 5, 30, 600)) -> str:
    """How far starts and ends are off, in bins that grow."""
    names = [f"≤{e:g}" for e in edges] + [f">{edges[-1]:g}"]
    body, total = scale(), max(1, len(errors))
    for end in (0, 1):
        sizes = [abs(e[end]) for e in errors]
        for k in range(len(names)):
            low, high = (edges[k - 1] if k else -1), (edges[k] if k < len(edges) else float("inf"))
            share = sum(low < s <= high for s in sizes) / total
            x = across(k, len(names)) - 14 + 14 * end
            body.append(f'<rect x="{x:.1f}" y="{up(share):.1f}" width="13" height="{up(0) - up(share):.1f}" fill="{COLOURS[end]}"/>')
    body += [f'<text x="{across(k, len(names)):.1f}" y="{HEIGHT - FOOT + 16}" text-anchor="middle">{n}</text>'
             for k, n in enumerate(names)]
    body.append(f'<text x="{WIDTH - 16}" y="20" text-anchor="end"><tspan fill="{COLOURS[0]}">start</tspan> '
                f'<tspan fill="{COLOURS[1]}">end</tspan></text>')
    return frame(f"How far off ({len(errors)} spans)", body, "seconds", "share")


def calibrated(bins: list[dict]) -> str:
    """Confidence stated against share right; the diagonal is perfect."""
    at = lambda stated: LEFT + stated * (WIDTH - 14 - LEFT)
    body = scale() + [f'<path d="M{at(0)} {up(0)}L{at(1)} {up(1)}" stroke="#999" stroke-dasharray="4"/>']
    body += [f'<circle cx="{at(b["stated"]):.1f}" cy="{up(b["right"]):.1f}" r="5" fill="{COLOURS[0]}"/>'
             f'<text x="{at(b["stated"]) + 8:.1f}" y="{up(b["right"]) + 4:.1f}">{b["asked"]}</text>' for b in bins]
    return frame("Calibration (±1 s)", body, "confidence stated", "right")


def write(report: dict, folder: Path) -> list[Path]:
    """Every plot there is data for."""
    folder.mkdir(parents=True, exist_ok=True)
    figures, out = ["hit@1s", "hit@0.25s", "mIoU"], {}
    for key, below in (("by length", "length of the event, s"), ("by depth", "tenth of the film")):
        if report[key]:
            out[key.replace("by ", "")] = curves(f"Accuracy against {key[3:]}", below, report[key], figures)
    if report["errors"]:
        out["errors"] = histogram(report["errors"])
    if report["calibration"]:
        out["calibration"] = calibrated(report["calibration"])
    for name, text in out.items():
        (folder / f"{name}.svg").write_text(text, encoding="utf-8")
    return [folder / f"{name}.svg" for name in out]
