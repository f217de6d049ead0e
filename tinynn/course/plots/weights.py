"""Weights, one mark or one pixel each."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .style import BLUE, GREY, RED, Picture


def weights(matrix: Any, title: str = "", up: str = "+", down: str = "-") -> Picture:
    """One weight a pixel as a square: its area the amount, + in blue for `up`, - in orange for `down`."""
    picture = Picture(4, 4)
    draw_weights(picture.add_subplot(), np.asarray(matrix), title)
    picture.alt = weights_in_words(np.asarray(matrix), up, down)
    return picture


def draw_weights(ax: Axes, w: np.ndarray, title: str = "") -> None:
    """Draw `w` (H, W) as squares in the manner of G. Hinton's diagrams."""
    largest = np.abs(w).max() or 1.0
    height, width = w.shape
    ax.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, color=GREY, linewidth=0.8))
    for (r, c), value in np.ndenumerate(w):
        side = 0.94 * np.sqrt(np.abs(value) / largest)
        colour = BLUE if value > 0 else RED
        ax.add_patch(Rectangle((c - side / 2, r - side / 2), side, side, color=colour, linewidth=0))
        if side > 0.45:
            sign = "+" if value > 0 else "−"
            ax.text(
                c, r, sign, ha="center", va="center_baseline", color="white", fontsize=9, fontweight="bold"
            )
    ax.set_xlim(-0.6, width - 0.4)
    ax.set_ylim(height - 0.4, -0.6)
    ax.set_aspect("equal")
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    ax.set_axis_off()


def weights_in_words(w: np.ndarray, up: str, down: str) -> str:
    """Where the largest positive and the largest negative weight are."""
    (r, c), (s, d) = (np.unravel_index(i, w.shape) for i in (w.argmax(), w.argmin()))
    most = f"Ink at row {r}, column {c} speaks most for {up}; at row {s}, column {d}, for {down}."
    return f"{w.size} weights as squares. {most}"
