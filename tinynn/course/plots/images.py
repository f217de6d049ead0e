"""Images in a grid, with what they are and what a network takes them for."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

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
    ax: Axes, images: Any, labels: Any = None, predicted: Any = None, columns: int = 12, title: str = ""
) -> None:
    """Draw the grid of `image_grid` on `ax`: one mosaic, since one image draws faster than thirty."""
    images = np.asarray(images)
    n, height, width = images.shape
    rows, gap = max(1, -(-n // columns)), max(1, height // 8)
    below = 0 if labels is None else round(0.32 * height)
    tall, wide = height + gap + below, width + gap
    mosaic = np.full((rows * tall, columns * wide), np.nan)  # NaN is not drawn: the page shows through
    for i, image in enumerate(images):
        top, left = i // columns * tall, i % columns * wide
        mosaic[top : top + height, left : left + width] = image
        ax.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, color=GREY, linewidth=0.5))
        if labels is not None:
            _caption(ax, left, top, width, height, labels[i], None if predicted is None else predicted[i])
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
