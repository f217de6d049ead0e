"""Digits that nobody wrote: printed ones, out of the fonts that come with Matplotlib."""

from __future__ import annotations

from functools import cache

import numpy as np

from ...data import Dataset, rotate, shift

FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono")
WEIGHTS = ("normal", "bold")
SIDE, SMALL = 32, 8


@cache
def _glyphs() -> np.ndarray:
    """Every digit in every font: (10, 6, 32, 32), ink from 0 to 1."""
    return np.array([[_glyph(str(d), f, w) for f in FONTS for w in WEIGHTS] for d in range(10)])


def _glyph(text: str, font: str, weight: str) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 2), dpi=100)
    canvas = FigureCanvasAgg(figure)
    figure.text(0.5, 0.5, text, family=font, weight=weight, size=120, ha="center", va="center")
    canvas.draw()
    return _fitted(1 - np.asarray(canvas.buffer_rgba())[..., 0] / 255)


def _fitted(ink: np.ndarray) -> np.ndarray:
    """The part of an image that has ink, as high as the square: the real digits were prepared so, too."""
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 0.5) for axis in (1, 0))
    part = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = part.shape
    down = (np.arange(SIDE) + 0.5) * height / SIDE
    along = (np.arange(SIDE) + 0.5 - SIDE / 2) * height / SIDE + width / 2  # the same scale, in the middle
    there = (along >= 0) & (along < width)
    return np.where(there, part[down.astype(int)][:, np.clip(along, 0, width - 1).astype(int)], 0)


def printed(n: int, seed: int = 0) -> Dataset:
    """n printed digits, turned and moved a little, in the size of the handwritten ones: (n, 64)."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 10
    x = _glyphs()[y, rng.integers(len(FONTS) * len(WEIGHTS), size=n)][:, None]  # (n, 1, 32, 32)
    x = shift(rotate(x, rng.uniform(-15, 15, n)), rng.integers(-1, 2, n), rng.integers(-3, 4, n))
    x = x.reshape(n, SMALL, SIDE // SMALL, SMALL, SIDE // SMALL).mean(axis=(2, 4))  # (n, 8, 8)
    return Dataset(x.reshape(n, -1).astype(np.float32), y)
