"""A product of matrices by tiles: one block's tile of c, and the tiles of a and b that it walks over."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .given import counted
from .style import AMBER, BLUE, GREEN, GREY, Picture

CELL, GAP, EDGE = 0.23, 0.5, 0.42  # inches: a number, between two matrices, at the left and above
HATCH = "/////"


def tile_walk(m: int, k: int, n: int, tile: int, block: tuple[int, int], step: int) -> Picture:
    """a (m, k) at the left, b (k, n) above, c (m, n) between; `block` (across, down) at a `step` along k."""
    wide, high, deep = (-(-size // tile) * tile for size in (n, m, k))  # with what hangs over
    right = low = EDGE + CELL * deep + GAP
    picture = Picture(right + CELL * wide + 0.25, low + CELL * high + 0.2, arrange=False)
    ax = picture.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, picture.get_size_inches()[0]), ylim=(picture.get_size_inches()[1], 0))
    ax.set_axis_off()
    across, down = block[0] * tile, block[1] * tile
    _matrix(ax, f"a ({m}, {k})", (EDGE, low), m, k)
    _matrix(ax, f"b ({k}, {n})", (right, EDGE), k, n)
    _matrix(ax, f"c ({m}, {n})", (right, low), m, n)
    for s in range(-(-k // tile)):
        _tile(ax, (EDGE, low), (down, s * tile), (m, k), tile, BLUE, s, step)
        _tile(ax, (right, EDGE), (s * tile, across), (k, n), tile, GREEN, s, step)
    _tile(ax, (right, low), (down, across), (m, n), tile, AMBER, step, step)
    _key(ax, step, (wide, high, deep) != (n, m, k))
    picture.alt = walk_in_words(m, k, n, tile, block, step)
    return picture


def _matrix(ax: Axes, name: str, corner: tuple[float, float], rows: int, columns: int) -> None:
    x, y = corner
    ax.text(x, y - 0.14, name, fontsize=10, color=GREY, weight="bold", va="center_baseline")
    for i in range(rows):
        for j in range(columns):
            place = (x + j * CELL, y + i * CELL)
            ax.add_patch(Rectangle(place, CELL, CELL, fill=False, edgecolor=GREY, alpha=0.2, linewidth=0.7))


def _tile(
    ax: Axes, corner: tuple[float, float], at: tuple[int, int], shape: tuple[int, int], tile: int,
    colour: str, s: int, now: int,
) -> None:  # fmt: skip
    """A tile, its first number at `at`: filled while it is in shared memory, its number in the walk in it.

    What lies outside of the matrix is hatched: there a zero stands.
    """
    x, y = corner[0] + at[1] * CELL, corner[1] + at[0] * CELL
    side = tile * CELL
    if s == now:
        ax.add_patch(Rectangle((x, y), side, side, facecolor=colour, alpha=0.25, linewidth=0))
    style: Any = "-" if s == now else (0, (3, 2))
    frame = (x + 0.02, y + 0.02), side - 0.04, side - 0.04  # beside its neighbour's, not on it
    ax.add_patch(Rectangle(*frame, fill=False, edgecolor=colour, linestyle=style, linewidth=2))
    wide, high = min(tile, shape[1] - at[1]) * CELL, min(tile, shape[0] - at[0]) * CELL
    how: dict[str, Any] = {"fill": False, "edgecolor": colour, "hatch": HATCH, "linewidth": 0, "alpha": 0.7}
    if wide < side:
        ax.add_patch(Rectangle((x + wide, y), side - wide, side, **how))
    if high < side:
        ax.add_patch(Rectangle((x, y + high), wide, side - high, **how))
    said = "c" if colour == AMBER else str(s)
    ax.text(
        x + wide / 2, y + high / 2, said, fontsize=12, color=colour, weight="bold", ha="center", va="center"
    )


def _key(ax: Axes, step: int, tails: bool) -> None:
    told = [f"step {step}", "filled: in shared memory now", "dashed: in another step"]
    told += ["hatched: outside, zeros"] if tails else []
    for line, text in enumerate(told):
        weight = "bold" if line == 0 else "normal"
        ax.text(EDGE, EDGE + 0.1 + 0.22 * line, text, fontsize=9, color=GREY, weight=weight, va="center")


def walk_in_words(m: int, k: int, n: int, tile: int, block: tuple[int, int], step: int) -> str:
    steps, first = -(-k // tile), step * tile
    last = min(first + tile, k) - 1
    told = (
        f"a ({m}, {k}) times b ({k}, {n}) gives c ({m}, {n}), in tiles of {tile} x {tile}. The block "
        f"{block[0]} across and {block[1]} down goes through {counted(steps, 'step')}. In step {step} it "
        f"holds columns {first} to {last} of its rows of a, and rows {first} to {last} of its columns of b."
    )
    tails = k % tile and step == steps - 1
    return told + (" The rest of these tiles lies outside: zeros stand there." if tails else "")
