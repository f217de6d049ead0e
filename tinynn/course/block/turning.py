"""The widget of chapter 12: a query and a key are turned by their positions, and their score follows."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ...ops.rotary import angles, turn
from ..plots import BLUE, GREY, RED, Picture, style

WIDTH, BASE, FARTHEST = 4, 100.0, 24
QUERY, KEY = np.array([1.0, 0.9, 0.3, -0.2]), np.array([0.9, 0.4, -0.5, 0.9])


def turned(x: np.ndarray, position: int) -> np.ndarray:
    """x (4,), its pairs (x0, x2) and (x1, x3) turned by `position` times 1 and times 1/10."""
    cos, sin = angles(1, WIDTH, position, BASE, np.dtype(float))
    return turn(x[None], cos, sin)[0]


def score(query_at: int, key_at: int) -> float:
    """The product of the turned query and the turned key."""
    return float(turned(QUERY, query_at) @ turned(KEY, key_at))


def rotary_picture(query_at: int, key_at: int) -> Picture:
    """Both pairs of a query and a key at their positions, and the score beside those of all distances."""
    picture = Picture(9, 3.4)
    first, second, right = picture.subplots(1, 3, width_ratios=(1, 1, 1.5))
    q, k = turned(QUERY, query_at), turned(KEY, key_at)
    for ax, pair, w in ((first, 0, "1"), (second, 1, "1/10")):
        _plane(ax, f"Pair {pair}: angle {w} a place")
        for raw, now, name, pattern in ((QUERY, q, "query", "-"), (KEY, k, "key", "--")):
            _arrow(ax, (raw[pair], raw[pair + 2]), GREY, pattern, "")
            _arrow(ax, (now[pair], now[pair + 2]), BLUE if name == "query" else RED, pattern, name)
    apart, found = query_at - key_at, score(query_at, key_at)
    _by_distance(right, apart, found)
    same = f"Both three places on: {score(query_at + 3, key_at + 3):.3f}."
    picture.alt = (
        f"A query at position {query_at} and a key at position {key_at}, two pairs of numbers each, drawn "
        "as arrows in two planes, before and after their turns. "
        f"Their score is {found:.3f} at a distance of {apart}. {same}"
    )
    return picture


def _by_distance(ax: Axes, apart: int, found: float) -> None:
    style(ax, f"Score {found:.3f} at distance {apart}", "position of the query less that of the key", "")
    distances = range(-FARTHEST, FARTHEST + 1)
    scores = [score(max(d, 0), max(-d, 0)) for d in distances]
    ax.plot(distances, scores, "-", color=GREY, linewidth=1.5)
    ax.plot(distances, scores, ".", color=GREY, markersize=4)
    ax.plot(apart, found, "o", color=BLUE, markersize=8)


def _plane(ax: Axes, title: str) -> None:
    style(ax, title)
    ax.set_title(title, loc="left", fontsize=10, fontweight="bold", color=GREY)
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))


def _arrow(ax: Axes, to: tuple[float, float], colour: str, pattern: str, name: str) -> None:
    look = {"arrowstyle": "->", "color": colour, "linestyle": pattern, "linewidth": 2 if name else 1,
            "alpha": 1 if name else 0.6, "shrinkA": 0, "shrinkB": 0}  # fmt: skip
    ax.annotate("", to, (0, 0), arrowprops=look)
    if name:
        x, y = np.asarray(to) * (1 + 0.22 / np.hypot(*to))
        ax.text(x, y, name, color=colour, fontsize=10, fontweight="bold", ha="center", va="center")
