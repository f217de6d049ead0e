"""A batch as a cube of numbers: which of them share one mean and one variance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from ..plots import BLUE, GREY, Picture

SIDE = 4
RIGHT, LEFT, UP = np.array([0.87, 0.5]), np.array([-0.87, 0.5]), np.array([0.0, 1.0])
Shaded = Callable[[int, int, int], bool]

SLICES: dict[str, tuple[Shaded, str]] = {
    "batch norm": (lambda n, t, d: d == SIDE - 1, "one feature:\nall examples, all tokens"),
    "layer norm, RMS norm": (lambda n, t, d: n == t == 0, "one token:\nall its features"),
    "group norm": (
        lambda n, t, d: n == 0 and d >= SIDE // 2,
        "one example, all tokens:\na group of features",
    ),
}


def three_slices() -> Picture:
    """The same cube, examples by tokens by features, three times: shaded is what is normalised together."""
    picture = Picture(9, 3.9)
    for ax, (name, (shaded, words)) in zip(picture.subplots(1, len(SLICES)), SLICES.items()):
        draw_cube(ax, shaded)
        ax.set_title(name, fontsize=11, fontweight="bold", color=GREY)
        ax.text(0, -0.75, words, ha="center", va="top", color=GREY, fontsize=10)
    told = "; ".join(f"{name}: {words}" for name, (_, words) in SLICES.items()).replace("\n", " ")
    picture.alt = (
        "A cube of numbers, three times. Its sides are the examples n, the tokens t and the features d. "
        f"Shaded are the numbers that share one mean and one variance. {told}."
    )
    return picture


def draw_cube(ax: Axes, shaded: Shaded) -> None:
    """The three faces that are seen: n = 0 at the left, t = 0 at the right, the last d on top."""
    for a in range(SIDE):
        for b in range(SIDE):
            _cell(ax, a * LEFT + b * UP, LEFT, UP, shaded(0, a, b))
            _cell(ax, a * RIGHT + b * UP, RIGHT, UP, shaded(a, 0, b))
            _cell(ax, SIDE * UP + a * RIGHT + b * LEFT, RIGHT, LEFT, shaded(a, b, SIDE - 1))
    _name(ax, SIDE / 2 * RIGHT, (8, -10), "examples n")
    _name(ax, SIDE / 2 * LEFT, (-8, -10), "tokens t", ha="right")
    left, middle = SIDE * LEFT + SIDE / 2 * UP
    ax.text(left - 0.35, middle, "features d", rotation=90, ha="right", va="center",
            color=GREY, fontsize=9)  # fmt: skip
    ax.set(xlim=(-4.6, 4.6), ylim=(-2.2, 8.3), aspect="equal")
    ax.set_axis_off()


def _cell(ax: Axes, corner: np.ndarray, one: np.ndarray, other: np.ndarray, shaded: bool) -> None:
    points = [corner, corner + one, corner + one + other, corner + other]
    look: dict[str, Any] = (
        {"facecolor": BLUE, "alpha": 0.55, "hatch": "///"} if shaded else {"facecolor": "none", "alpha": 0.8}
    )
    ax.add_patch(Polygon(points, edgecolor=GREY, linewidth=0.8, **look))


def _name(ax: Axes, at: Any, offset: tuple[int, int], text: str, ha: str = "left") -> None:
    ax.annotate(text, at, xytext=offset, textcoords="offset points", color=GREY, fontsize=9, ha=ha, va="top")
