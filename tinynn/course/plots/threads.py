"""A launch over an array: blocks of threads, which element each thread has, and which have none."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .given import counted
from .style import AMBER, BLUE, GREEN, GREY, PURPLE, Picture

BLOCKS = (BLUE, GREEN, PURPLE, AMBER)  # one each, in turn; their number says the same
HATCHED: dict[str, Any] = {"fill": False, "edgecolor": GREY, "hatch": "/////", "alpha": 0.55}
PITCH, HIGH = 0.42, 0.36  # inches: a thread's place, a cell's height


def launch_over(n: int, grid: int, block: int) -> Picture:
    """`grid` blocks of `block` threads over an array of `n` elements, element i below thread i.

    Threads beyond the end are hatched; elements without a thread are dashed.
    """
    length = max(n, grid * block)
    hangs = n != grid * block
    picture = Picture(max(0.95 + PITCH * length + 0.3, 6.2), 2.1 if hangs else 1.85, arrange=False)
    ax = _sheet(picture)
    for b in range(grid):
        _block_of(ax, b, block, n)
    for i in range(length):
        _element(ax, 0.85 + i * PITCH, i, i < n, i < grid * block)
    for y, name in ((0.57, "threadIdx.x"), (0.97, "cuda.grid(1)"), (1.57, "element")):
        ax.text(0.78, y, name, fontsize=8, color=GREY, ha="right", va="center_baseline")
    if hangs:
        idle = n < grid * block
        said = "hatched: threads without an element" if idle else "dashed: elements without a thread"
        ax.text(0.85, 1.95, said, fontsize=8.5, color=GREY, va="center_baseline")
    picture.alt = launch_in_words(n, grid, block)
    return picture


def _sheet(picture: Picture) -> Axes:
    ax = picture.add_axes((0, 0, 1, 1))
    width, height = picture.get_size_inches()
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.set_axis_off()
    return ax


def _block_of(ax: Axes, b: int, block: int, n: int) -> None:
    """The threads of one block, numbered in it and through all."""
    colour, left = BLOCKS[b % len(BLOCKS)], 0.85 + b * block * PITCH
    ax.text(left + 0.03, 0.22, f"block {b}", fontsize=9, color=colour, weight="bold", va="center_baseline")
    size = (block * PITCH - 0.05, 0.8)
    ax.add_patch(Rectangle((left + 0.01, 0.36), *size, fill=False, edgecolor=colour, linewidth=1.6))
    for t in range(block):
        i, x = b * block + t, left + (t + 0.5) * PITCH - 0.01
        if i >= n:
            corner = (left + t * PITCH + 0.03, 0.39)
            ax.add_patch(Rectangle(corner, PITCH - 0.09, 0.74, linewidth=0, **HATCHED))
        ax.text(x, 0.57, str(t), fontsize=9, color=colour, ha="center", va="center_baseline")
        ax.text(x, 0.97, str(i), fontsize=10, color=colour, weight="bold", ha="center", va="center_baseline")


def _element(ax: Axes, x: float, i: int, there: bool, served: bool) -> None:
    if not there:
        return
    style = "-" if served else (0, (2, 2))
    ax.add_patch(Rectangle((x, 1.36), PITCH - 0.03, HIGH, fill=False, edgecolor=GREY, linestyle=style))
    ax.text(x + PITCH / 2 - 0.015, 1.57, str(i), fontsize=9, color=GREY, ha="center", va="center_baseline")


def launch_in_words(n: int, grid: int, block: int) -> str:
    threads = grid * block
    told = f"{counted(grid, 'block')} of {counted(block, 'thread')} over {counted(n, 'element')}: "
    if threads == n + 1:
        return told + f"thread {n} has no element."
    if threads > n:
        return told + f"threads {n} to {threads - 1} have no element."
    if threads < n:
        return told + f"elements {threads} to {n - 1} have no thread."
    return told + "each thread has an element."


def launch_over_matrix(rows: int, columns: int, grid: tuple[int, int], block: tuple[int, int]) -> Picture:
    """Blocks ``(wide, high)`` of threads over a matrix: x to the right, y down; what hangs over, hatched."""
    wide, high = grid[0] * block[0], grid[1] * block[1]
    picture = Picture(max(1.0 + 0.5 * wide + 2.1, 6.2), 0.85 + 0.36 * high, arrange=False)
    ax = _sheet(picture)
    for y in range(high):
        for x in range(wide):
            _thread_of(ax, x, y, block, inside=x < columns and y < rows)
    for b in range(grid[0] * grid[1]):
        x, y = b % grid[0], b // grid[0]
        corner = (0.9 + x * block[0] * 0.5, 0.6 + y * block[1] * 0.36)
        ax.add_patch(
            Rectangle(corner, block[0] * 0.5 - 0.04, block[1] * 0.36 - 0.04, fill=False,
                      edgecolor=BLOCKS[(x + 2 * y) % len(BLOCKS)], linewidth=1.8)
        )  # fmt: skip
    _axes_of(ax, wide, high)
    picture.alt = matrix_in_words(rows, columns, grid, block)
    return picture


def _thread_of(ax: Axes, x: int, y: int, block: tuple[int, int], inside: bool) -> None:
    """A thread with its two numbers, in the colour of its block."""
    bx, by = x // block[0], y // block[1]
    colour, corner = BLOCKS[(bx + 2 * by) % len(BLOCKS)], (0.92 + 0.5 * x, 0.62 + 0.36 * y)
    how: dict[str, Any] = {"facecolor": colour, "alpha": 0.2} if inside else HATCHED
    ax.add_patch(Rectangle(corner, 0.42, 0.28, linewidth=0, **how))
    if inside:
        middle = (corner[0] + 0.21, corner[1] + 0.15)
        ax.text(*middle, f"{x}, {y}", fontsize=8, color=colour, weight="bold", ha="center", va="center")


def _axes_of(ax: Axes, wide: int, high: int) -> None:
    how: dict[str, Any] = {"fontsize": 9, "color": GREY, "va": "center_baseline"}
    ax.text(0.9, 0.2, "x, the first number of cuda.grid(2): along a row", **how)
    ax.annotate("", (0.9 + 0.5 * wide, 0.42), (0.9, 0.42), arrowprops={"arrowstyle": "->", "color": GREY})
    ax.annotate("", (0.74, 0.6 + 0.36 * high), (0.74, 0.6), arrowprops={"arrowstyle": "->", "color": GREY})
    ax.text(0.66, 0.75, "y,", ha="right", **how)
    ax.text(0.66, 0.95, "down", ha="right", **how)


def matrix_in_words(rows: int, columns: int, grid: tuple[int, int], block: tuple[int, int]) -> str:
    threads, inside = grid[0] * block[0] * grid[1] * block[1], rows * columns
    return (
        f"{grid[0]} x {grid[1]} blocks, each {block[0]} threads wide and {block[1]} high, over a matrix of "
        f"{counted(rows, 'row')} and {counted(columns, 'column')}. Of {threads} threads, {threads - inside} "
        "hang over the right or the lower edge and have no element."
    )
