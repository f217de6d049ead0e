"""A block's threads adding up in a tree: shared memory after each halving, a barrier between two."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .given import number
from .style import BLUE, GREY, RED, Picture

PITCH, HIGH, ROW = 0.82, 0.36, 0.92  # inches: a cell's place, its height, from one row to the next
LEFT, TOP = 1.3, 0.42


def tree(values: Sequence[float]) -> Picture:
    """A sum of a power of two of values: row by row what shared memory holds, and who added what."""
    rows = halvings(list(values))
    n = len(values)
    picture = Picture(LEFT + PITCH * n + 0.2, TOP + ROW * (len(rows) - 1) + HIGH + 0.2, arrange=False)
    ax = picture.add_axes((0, 0, 1, 1))
    width, height = picture.get_size_inches()
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.set_axis_off()
    for t in range(n):
        ax.text(middle(t), 0.22, f"s[{t}]", fontsize=9, color=GREY, ha="center", va="center_baseline")
    for depth, row in enumerate(rows):
        _row(ax, depth, row, n >> depth)
        if depth:
            _steps(ax, depth, n >> depth, width)
    picture.alt = tree_in_words(values)
    return picture


def halvings(row: list[float]) -> list[list[float]]:
    """Shared memory at first and after each step."""
    rows, half = [row], len(row) // 2
    while half > 0:
        row = [row[t] + row[t + half] if t < half else row[t] for t in range(len(row))]
        rows.append(row)
        half //= 2
    return rows


def middle(t: int) -> float:
    return LEFT + (t + 0.5) * PITCH


def _row(ax: Axes, depth: int, row: list[float], live: int) -> None:
    """The cells; those that still count are filled, the others are grey and dashed."""
    y = TOP + depth * ROW
    said = "loaded" if depth == 0 else f"half = {live}"
    ax.text(LEFT - 0.12, y + HIGH / 2, said, fontsize=9.5, color=GREY, ha="right", va="center_baseline")
    for t, value in enumerate(row):
        corner, counts = (LEFT + t * PITCH + 0.05, y), t < live
        colour, line = (BLUE, "-") if counts else (GREY, (0, (2, 2)))
        if counts:
            ax.add_patch(Rectangle(corner, PITCH - 0.1, HIGH, facecolor=colour, alpha=0.16, linewidth=0))
        ax.add_patch(Rectangle(corner, PITCH - 0.1, HIGH, fill=False, edgecolor=colour, linestyle=line))
        weight = "bold" if counts else "normal"
        ax.text(
            middle(t), y + HIGH / 2, number(value), fontsize=10, color=colour, weight=weight, ha="center",
            va="center_baseline",
        )  # fmt: skip


def _steps(ax: Axes, depth: int, half: int, width: float) -> None:
    """Who reads what for this row, and the barrier above it that lets them."""
    top, bottom = TOP + (depth - 1) * ROW + HIGH, TOP + depth * ROW
    barrier = top + 0.12
    ax.plot((LEFT, width - 0.15), (barrier, barrier), color=RED, linestyle="--", linewidth=1.3)
    ax.text(LEFT - 0.12, barrier, "barrier", fontsize=9, color=RED, ha="right", va="center_baseline")
    for t in range(half):
        for source in (t, t + half):
            ax.annotate(
                "", (middle(t), bottom), (middle(source), barrier + 0.03),
                arrowprops={"arrowstyle": "->", "color": BLUE, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 1},
            )  # fmt: skip


def tree_in_words(values: Sequence[float]) -> str:
    rows, n = halvings(list(values)), len(values)
    told = [f"Shared memory of {n} cells, loaded with {', '.join(map(number, rows[0]))}."]
    for depth, row in enumerate(rows[1:], 1):
        half = n >> depth
        kept = ", ".join(map(number, row[:half]))
        who = "thread 0 adds" if half == 1 else f"threads 0 to {half - 1} add"
        told.append(f"A barrier; then {who} the number {half} further on, and {kept} stand in front.")
    return " ".join(told)
