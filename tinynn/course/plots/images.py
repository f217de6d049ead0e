"""Images in a grid, with what they are and what a network takes them for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ...errors import ShapeError
from .given import floats, labels_of, listed, shaped
from .style import BLUE, GREY, INK, RED, Picture


def image_grid(
    images: Any, labels: Any = None, predicted: Any = None, columns: int = 12, title: str = ""
) -> Picture:
    """Images (N, H, W) in rows, the label under each; with `predicted`, ✓ and that, or ✗ that (label)."""
    images = np.asarray(images)
    rows = max(1, -(-len(images) // columns))
    picture = Picture(9, 0.35 * bool(title) + rows * 9 / columns * (1.0 if labels is None else 1.28))
    draw_images(picture.add_subplot(), images, labels, predicted, columns, title)
    picture.alt = grid_in_words(images, labels, predicted, title)
    return picture


def draw_images(
    ax: Axes, images: Any, labels: Any = None, predicted: Any = None, columns: int = 12, title: str = "",
    notes: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Draw the grid of `image_grid` on `ax`: one mosaic, since one image draws faster than thirty.

    `notes` are second lines under the images.
    """
    images = np.asarray(images)
    n, height, width = images.shape
    rows, gap = max(1, -(-n // columns)), max(1, height // 8)
    below = 0 if labels is None else round((0.32 if notes is None else 0.5) * height)
    tall, wide = height + gap + below, width + gap
    mosaic = np.full((rows * tall, columns * wide), np.nan)  # NaN is not drawn: the page shows through
    for i, image in enumerate(images):
        top, left = i // columns * tall, i % columns * wide
        mosaic[top : top + height, left : left + width] = image
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, color=GREY, linewidth=0.5))
        if labels is not None:
            _caption(ax, left, top, width, height, labels[i], None if predicted is None else predicted[i])
        if notes is not None:
            middle, under = left + width / 2 - 0.5, top + height * 1.3
            ax.text(middle, under, notes[i], ha="center", va="top", fontsize=8, color=GREY)
    ax.imshow(mosaic, cmap=INK, vmin=0, vmax=1, interpolation="nearest")
    ax.set_anchor("NW")
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_axis_off()


def _caption(ax: Axes, left: int, top: int, width: int, height: int, label: Any, said: Any) -> None:
    right = said is None or said == label
    text = str(label) if said is None else f"✓ {said}" if right else f"✗ {said} ({label})"
    colour = GREY if said is None else BLUE if right else RED
    size, weight = (10, "normal") if right else (8.5, "bold")
    x, y = left + width / 2 - 0.5, top + height * 1.05
    ax.text(x, y, text, ha="center", va="top", fontsize=size, color=colour, fontweight=weight)
    if not right:
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, color=RED, linewidth=2.2))


def grid_in_words(images: np.ndarray, labels: Any, predicted: Any, title: str) -> str:
    start = f"{title}. " if title else ""
    start += f"{len(images)} image{'s' * (len(images) != 1)} of {images.shape[1]} x {images.shape[2]} pixels"
    if labels is None:
        return start + "."
    if predicted is None:
        counts = [(label, len(list(same))) for label, same in groupby(labels)]
        return f"{start}, labelled {', '.join(f'{y} ({n} times)' if n > 1 else f'{y}' for y, n in counts)}."
    wrong = Counter((int(y), int(p)) for y, p in zip(labels, predicted) if y != p)
    which = "; ".join(f"{p} instead of {y}{f', {n} times' * (n > 1)}" for (y, p), n in sorted(wrong.items()))
    return (
        f"{start}: {len(images) - wrong.total()} right, {wrong.total()} wrong{f' ({which})' * bool(wrong)}."
    )


# -- the worst mistakes ----------------------------------------------------------------------------


def worst_mistakes(
    images: Any, labels: Any, predicted: Any, confidence: Any, most: int = 12, columns: int = 6,
    title: str = "Worst mistakes",
) -> Picture:  # fmt: skip
    """The images that a network is surest about, and wrong: ✗ what it says (what it is), and how sure.

    Parameters
    ----------
    images : (N, H, W) or (N, 1, H, W)
    labels, predicted : (N,) int
    confidence : (N,)
        How sure the network is of `predicted`, 0 to 1.
    most : int
        How many are shown, at most.
    """
    worst = _worst(images, labels, predicted, confidence, most)
    rows = max(1, -(-len(worst[0]) // columns))
    picture = Picture(6.5, 0.35 + rows * 6.5 / columns * 1.45)
    _draw_worst(picture.add_subplot(), worst, columns, title)
    picture.alt = worst_in_words(images, labels, predicted, confidence, most, title)
    return picture


def draw_worst(
    ax: Axes, images: Any, labels: Any, predicted: Any, confidence: Any, most: int = 12, columns: int = 6,
    title: str = "",
) -> None:  # fmt: skip
    """Draw `worst_mistakes` on `ax`."""
    _draw_worst(ax, _worst(images, labels, predicted, confidence, most), columns, title)


def _draw_worst(ax: Axes, worst: tuple, columns: int, title: str) -> None:
    images, labels, predicted, sure = worst
    if len(images):
        return draw_images(ax, images, labels, predicted, columns, title, [f"{s:.0%} sure" for s in sure])
    ax.set_axis_off()
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.text(0.5, 0.5, "✓ none is wrong", ha="center", color=BLUE, fontsize=11, transform=ax.transAxes)


def worst_in_words(
    images: Any, labels: Any, predicted: Any, confidence: Any, most: int = 12, title: str = ""
) -> str:
    """How many are wrong, and the worst of them one by one."""
    wrong = int(np.sum(np.asarray(labels) != np.asarray(predicted)))
    _, labels, predicted, sure = _worst(images, labels, predicted, confidence, most)
    start = f"{title}. " if title else ""
    if not wrong:
        return f"{start}None of the images is taken for something else."
    which = listed([f"{p} instead of {y}, {s:.0%} sure" for y, p, s in zip(labels, predicted, sure)])
    return f"{start}{wrong} wrong; the {len(labels)} that the network is surest about: {which}."


def _worst(images: Any, labels: Any, predicted: Any, confidence: Any, most: int) -> tuple:
    """Images, labels, predictions and confidence of the wrong ones, surest first."""
    pixels = floats("worst_mistakes", "images", images)
    if pixels.ndim == 4 and pixels.shape[1] == 1:
        pixels = pixels[:, 0]
    if pixels.ndim != 3:
        raise ShapeError("worst_mistakes", f"images {np.shape(images)}", "(N, H, W) or (N, 1, H, W)")
    y, said = (labels_of("worst_mistakes", v, len(pixels)) for v in (labels, predicted))
    sure = shaped("worst_mistakes", "confidence", confidence, f"({len(pixels)},)", len(pixels))
    wrong = np.flatnonzero(y != said)
    chosen = wrong[np.argsort(-np.nan_to_num(sure[wrong], nan=-1), kind="stable")][:most]
    return _ink(pixels[chosen]), y[chosen], said[chosen], sure[chosen]


def _ink(pixels: np.ndarray) -> np.ndarray:
    """Pixels from 0 to 1 as they are; others, normalised ones for instance, stretched to that."""
    low, high = (np.nanmin(pixels), np.nanmax(pixels)) if pixels.size else (0, 1)
    return pixels if low >= 0 and high <= 1 else (pixels - low) / max(high - low, 1e-12)
