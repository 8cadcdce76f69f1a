"""Draws frames: soft backgrounds, shaded shapes, word slides and a flash.

Everything is drawn from integer seeds, so a scene looks the same whenever it is rendered.
Sprites are drawn once per scene at three times their size and only turned and moved per
frame: that keeps a frame at a few milliseconds.
"""

import colorsys
import functools
import math
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from .scenes import Thing

WIDTH, HEIGHT = 640, 360
FILL = {
    "red": (228, 36, 44), "green": (34, 166, 68), "blue": (38, 92, 232),
    "yellow": (252, 220, 40), "purple": (150, 52, 204), "orange": (250, 132, 16),
}
# How far things wander from the middle, as shares of the frame: clearly moving, never cut off.
SHAPE_DRIFT, WORD_DRIFT = (0.16, 0.11), (0.025, 0.09)
PATTERNS = ["linear", "radial", "stripes", "noise", "dots", "waves"]


def muted(rng: random.Random, low: float, high: float) -> np.ndarray:
    """A colour of low saturation, so that no shape can hide in it."""
    hue, sat, val = rng.random(), rng.uniform(0.05, 0.32), rng.uniform(low, high)
    return np.array(colorsys.hsv_to_rgb(hue, sat, val), dtype=np.float32) * 255


def pattern_map(rng: random.Random, kind: str) -> np.ndarray:
    """A 0..1 field over the frame that blends two background colours."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    angle = rng.uniform(0, 2 * math.pi)
    along = (x - WIDTH / 2) * math.cos(angle) + (y - HEIGHT / 2) * math.sin(angle)
    if kind == "linear":
        field = along / 700 + 0.5
    elif kind == "radial":
        cx, cy = rng.uniform(0.2, 0.8) * WIDTH, rng.uniform(0.2, 0.8) * HEIGHT
        field = np.hypot(x - cx, y - cy) / 480
    elif kind == "stripes":
        field = 0.5 + 0.5 * np.tanh(3 * np.sin(along * 2 * math.pi / rng.uniform(50, 140)))
    elif kind == "waves":
        sway = 30 * np.sin(x * 2 * math.pi / rng.uniform(200, 500) + angle)
        field = 0.5 + 0.5 * np.sin((y + sway) * 2 * math.pi / rng.uniform(70, 200))
    elif kind == "dots":
        step = rng.uniform(36, 70)
        field = (np.hypot((x % step) - step / 2, (y % step) - step / 2) < step / 5) * 0.8
    else:
        noise = np.random.default_rng(rng.getrandbits(32)).integers(0, 255, (5, 8), np.uint8)
        img = Image.fromarray(noise).resize((WIDTH, HEIGHT), Image.BICUBIC)
        field = np.asarray(img, dtype=np.float32) / 255
    return np.clip(field, 0, 1).astype(np.float32)


def backdrop(look: int) -> Image.Image:
    """The background with this seed."""
    rng = random.Random(look)
    kind = rng.choice(PATTERNS)
    low, high = (0.16, 0.45) if rng.random() < 0.6 else (0.45, 0.74)
    first, second = muted(rng, low, high), muted(rng, low, high)
    if kind in ("stripes", "dots", "waves"):  # fine patterns stay quiet
        second = first * 0.65 + second * 0.35
    blend = pattern_map(rng, kind)[..., None]
    pixels = first * (1 - blend) + second * blend
    y, x = np.mgrid[-1:1:HEIGHT * 1j, -1:1:WIDTH * 1j]
    pixels *= (1 - 0.16 * (x**2 + y**2)).astype(np.float32)[..., None]  # vignette
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def outline(shape: str) -> list[tuple[float, float]]:
    """Corner points of a shape inside the unit circle, y down."""
    if shape == "circle":
        return [(math.cos(a / 64 * math.tau), math.sin(a / 64 * math.tau)) for a in range(64)]
    if shape == "square":
        return [(-0.86, -0.86), (0.86, -0.86), (0.86, 0.86), (-0.86, 0.86)]
    if shape == "triangle":
        return [(0, -1.0), (1.0, 0.8), (-1.0, 0.8)]
    if shape == "cross":
        w, r = 0.34, 1.0
        return [(-w, -r), (w, -r), (w, -w), (r, -w), (r, w), (w, w),
                (w, r), (-w, r), (-w, w), (-r, w), (-r, -w), (-w, -w)]
    if shape == "star":
        radii = [1.08, 0.44]
        return [(radii[k % 2] * math.sin(k * math.pi / 5), -radii[k % 2] * math.cos(k * math.pi / 5))
                for k in range(10)]
    points = []
    for k in range(64):
        t = k / 64 * math.tau
        hx = 16 * math.sin(t) ** 3
        hy = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((hx / 16, -(hy + 2.5) / 15))
    return points


def shape_sprite(thing: Thing, radius: float, rng: random.Random) -> Image.Image:
    """A shaded, outlined shape with a soft shadow on a transparent square."""
    scale, half = 3, int(radius * 1.35)
    size = half * 2 * scale
    points = [(size / 2 + px * radius * scale, size / 2 + py * radius * scale)
              for px, py in outline(thing.shape)]
    mask = Image.new("L", (size, size), 0)
    ImageDraw.Draw(mask).polygon(points, fill=255)
    base = np.array(FILL[thing.color], dtype=np.float32) + [rng.uniform(-12, 12) for _ in range(3)]
    light = np.linspace(1.1, 0.86, size, dtype=np.float32)[:, None, None]
    body = np.broadcast_to(np.clip(base * light, 0, 255), (size, size, 3)).astype(np.uint8)
    sprite = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    shadow = Image.new("L", (size, size), 0)
    shadow.paste(mask.point(lambda v: v * 0.45), (0, int(0.07 * radius * scale)))
    shadow = shadow.resize((size // 6, size // 6)).filter(ImageFilter.GaussianBlur(2.5)).resize((size, size))
    sprite.putalpha(shadow)
    sprite.paste(Image.fromarray(body), (0, 0), mask)
    edge = (255, 255, 255, 255) if rng.random() < 0.75 else (24, 24, 28, 255)
    ImageDraw.Draw(sprite).line(points + points[:2], fill=edge, width=int(rng.uniform(3, 5) * scale), joint="curve")
    return sprite.resize((half * 2, half * 2), Image.LANCZOS)


@functools.lru_cache(maxsize=None)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font, so that clips do not depend on what is installed."""
    return ImageFont.load_default(size)


def word_card(word: str, rng: random.Random) -> Image.Image:
    """A slide: one big word on a rounded card with an accent bar."""
    wide, high = int(rng.uniform(0.86, 0.94) * WIDTH), int(rng.uniform(0.5, 0.72) * HEIGHT)
    dark = rng.random() < 0.5
    tint = muted(rng, 0.92, 1.0) * 0.25 + 190 if not dark else muted(rng, 0.08, 0.18)
    ink = (250, 250, 250) if dark else (22, 24, 32)
    card = Image.new("RGBA", (wide, high), (0, 0, 0, 0))
    pen = ImageDraw.Draw(card)
    pen.rounded_rectangle((0, 0, wide - 1, high - 1), rng.randint(8, 28), fill=tuple(int(v) for v in tint) + (255,))
    size = 40
    stroke = rng.choice([2, 3, 3, 4])
    fits = lambda s: pen.textbbox((0, 0), word, font(s), stroke_width=stroke)
    while True:  # grow to the card: the words must survive a 96x64 thumbnail
        box = fits(size + 4)
        if box[2] - box[0] > wide * 0.88 or box[3] - box[1] > high * 0.66:
            break
        size += 4
    pen.text((wide / 2, high * 0.47), word, ink, font(size), anchor="mm",
             stroke_width=stroke, stroke_fill=ink)
    accent = muted(rng, 0.5, 0.8).astype(int)
    pen.rectangle((wide * 0.3, high * 0.88, wide * 0.7, high * 0.88 + 5), fill=tuple(int(v) for v in accent))
    return card


class SceneArt:
    """One scene's sprite and motion; `draw` puts it on a background at a time in seconds."""

    def __init__(self, thing: Thing, look: int):
        rng = random.Random(look)
        self.thing, self.phase = thing, [rng.uniform(0, math.tau) for _ in range(4)]
        self.speed = [rng.uniform(0.5, 1.6) for _ in range(3)]
        self.tilt = rng.uniform(3, 9)
        if thing.kind == "shape":
            self.radius = rng.uniform(0.26, 0.35) * HEIGHT
            self.sprite = shape_sprite(thing, self.radius, rng)
        elif thing.kind == "word":
            self.sprite = word_card(thing.word, rng)
        else:
            self.warmth = rng.uniform(0, 22)

    def draw(self, back: Image.Image, t: float) -> Image.Image:
        """The frame `t` seconds into the scene."""
        if self.thing.kind == "flash":
            return self._flash(t)
        frame = back.copy()
        sprite, x, y = self.place(t)
        frame.paste(sprite, (round(x), round(y)), sprite)
        return frame

    def place(self, t: float) -> tuple[Image.Image, float, float]:
        """The turned sprite and its top left corner."""
        sprite, (reach_x, reach_y) = self.sprite, WORD_DRIFT
        if self.thing.kind == "shape":
            reach_x, reach_y = SHAPE_DRIFT
            sprite = sprite.rotate(self.tilt * math.sin(1.7 * t * self.speed[2] + self.phase[2]), Image.BICUBIC)
        x = WIDTH * (0.5 + reach_x * math.sin(t * self.speed[0] + self.phase[0])) - sprite.width / 2
        y = HEIGHT * (0.5 + reach_y * math.sin(t * self.speed[1] + self.phase[1])) - sprite.height / 2
        return sprite, x, y

    def _flash(self, t: float) -> Image.Image:
        """A bright full frame with a slowly breathing centre."""
        y, x = np.mgrid[-1:1:HEIGHT * 1j, -1:1:WIDTH * 1j]
        glow = 255 - (10 + 5 * math.sin(3 * t + self.phase[0])) * (x**2 + y**2)
        tint = np.array([0, self.warmth * 0.3, self.warmth])
        return Image.fromarray(np.clip(glow[..., None] - tint, 0, 255).astype(np.uint8))
