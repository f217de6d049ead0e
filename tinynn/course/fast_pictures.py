"""Pictures of chapter 14: a walk through memory, two threads taking turns, times as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.patches import Rectangle

from ..errors import ArgumentError
from .plots import BLUE, GREY, RED, Picture, style
from .race import words

if TYPE_CHECKING:
    from .fast import Times

PER_LINE = 16  # numbers of four bytes on a line of 64
COUNT = 16  # numbers that are read
STRIDES = (1, 2, 4, 8, 16)


# -- lines -------------------------------------------------------------------------------------------------


def lines_fetched(stride: int) -> int:
    """Lines that hold `COUNT` numbers, each `stride` numbers after the one before."""
    return len({i * stride // PER_LINE for i in range(COUNT)})


def walk(stride: int) -> Picture:
    """Memory, a cache line a row, and 16 numbers read from it, each `stride` numbers after the one before."""
    if stride not in STRIDES:
        raise ArgumentError("walk", f"stride={stride!r}", f"one of {', '.join(map(str, STRIDES))}")
    picture = Picture(9, 4.6)
    ax = picture.add_subplot()
    ax.set(xlim=(-3.2, PER_LINE + 0.3), ylim=(PER_LINE + 0.2, -1.4))
    ax.set_axis_off()
    title = f"16 numbers of 4 bytes, {_which(stride)}: {_fetched(stride)}"
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    read = {i * stride: i for i in range(COUNT)}
    for row in range(COUNT):
        _line(ax, row, {n % PER_LINE: i for n, i in read.items() if n // PER_LINE == row})
    for column in range(0, PER_LINE, 4):
        ax.text(column + 0.5, -0.5, f"+{4 * column}", ha="center", va="center", color=GREY, fontsize=8)
    ax.text(-0.2, -0.5, "byte", ha="right", va="center", color=GREY, fontsize=8)
    picture.alt = (
        f"Memory as 16 cache lines of 16 numbers each, a line a row. {title}. "
        f"Of the {64 * lines_fetched(stride)} bytes that come, 64 are used."
    )
    return picture


def _which(stride: int) -> str:
    return {1: "one after the other", 2: "every second"}.get(stride, f"every {stride}th")


def _fetched(stride: int) -> str:
    n = lines_fetched(stride)
    return f"{n} line{'s' * (n > 1)} of 64 bytes fetched"


def _line(ax: Any, row: int, read: dict[int, int]) -> None:
    """One cache line: framed where it is fetched, with the numbers read in it by their turn."""
    for column in range(PER_LINE):
        turn = read.get(column)
        box = Rectangle((column + 0.06, row + 0.1), 0.88, 0.8, facecolor=BLUE if turn is not None else GREY)
        box.set(alpha=0.85 if turn is not None else 0.25 if read else 0.08, linewidth=0)
        ax.add_patch(box)
        if turn is not None:
            ax.text(column + 0.5, row + 0.52, str(turn), ha="center", va="center", color="white", fontsize=8)
    if read:
        ax.add_patch(Rectangle((0, row), PER_LINE, 1, fill=False, edgecolor=BLUE, linewidth=1.5))
    said = "fetched" if read else "stays"
    ax.text(-0.2, row + 0.5, f"{64 * row}  {said}", ha="right", va="center", color=GREY, fontsize=8)


# -- turns -------------------------------------------------------------------------------------------------

COLUMNS = {"A": 0.0, "memory": 2.4, "B": 4.0}


def taking_turns(order: str) -> Picture:
    """Two threads add 5 and 7 to a number in memory, in the given order of their steps, time going down."""
    from .fast import turns

    steps = turns(order)
    picture = Picture(8, 3.6)
    ax = picture.add_subplot()
    ax.set(xlim=(-0.3, 6.1), ylim=(7.3, -0.5))
    ax.set_axis_off()
    right = steps[-1].memory == 12
    outcome = "right" if right else f"{12 - steps[-1].memory} is lost"
    title = f"{order}: 0 + 5 + 7 = {steps[-1].memory}, {outcome}"
    ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=GREY)
    for name, x in COLUMNS.items():
        head = name if name == "memory" else f"thread {name}"
        ax.text(x + (0.5 if name == "memory" else 1.0), 0.1, head, ha="center", color=GREY, fontsize=10)
    _cell(ax, COLUMNS["memory"], 0.4, 1.0, "0", GREY)
    for row, step in enumerate(steps, 1):
        colour = BLUE if step.thread == "A" else RED
        _cell(ax, COLUMNS[step.thread], row + 0.4, 2.0, step.does, colour)
        wrote = step.does.startswith("writes")
        _cell(ax, COLUMNS["memory"], row + 0.4, 1.0, str(step.memory), colour if wrote else GREY, bold=wrote)
    told = "; ".join(f"{s.thread} {s.does}" for s in steps)
    end = f"In memory at the end: {steps[-1].memory}, {outcome}"
    picture.alt = f"Two threads add 5 and 7 to a number that is 0. {told}. {end}."
    return picture


def _cell(ax: Any, x: float, y: float, width: float, text: str, colour: str, bold: bool = False) -> None:
    ax.add_patch(
        Rectangle((x, y - 0.1), width, 0.86, facecolor=colour, alpha=0.3 if bold else 0.14, linewidth=0)
    )
    ax.add_patch(Rectangle((x, y - 0.1), width, 0.86, fill=False, edgecolor=colour, linewidth=1))
    weight = "bold" if bold else "normal"
    ax.text(
        x + width / 2, y + 0.33, text, ha="center", va="center", color=GREY, fontsize=10, fontweight=weight
    )


# -- bars --------------------------------------------------------------------------------------------------


def bars(times: Times, title: str = "", roof: float | None = None) -> Picture:
    """Times as fast as the first, a bar each, in powers of ten.

    Parameters
    ----------
    roof : float, optional
        Seconds that no way can be quicker than; drawn as a dashed line.
    """
    factors = times.factors()
    picture = Picture(9, 0.45 * len(factors) + 1.2 + 0.3 * (roof is not None))
    first = next(iter(factors))
    ax = style(picture.add_subplot(), title, f"times as fast as {first}")
    ax.set_xscale("log")
    least = min(1.0, *factors.values()) / 1.3
    for row, (name, factor) in enumerate(factors.items()):
        ax.barh(row, factor - least, left=least, height=0.6, color=BLUE, alpha=0.75, linewidth=0)
        said = f" {words.short(factor)}x, {words.seconds(times[name].median)}"
        ax.text(factor, row, said, va="center", color=GREY, fontsize=9)
    ax.set_yticks(range(len(factors)), list(factors))
    ax.set_ylim(len(factors) - 0.5, -0.6 if roof is None else -1.1)
    ax.grid(visible=False, axis="y")
    most = max(factors.values())
    if roof is not None:
        most = max(most, top := times[first].median / roof)
        ax.axvline(top, color=GREY, linestyle="--", linewidth=2)
        ax.text(top, -0.75, "roof of memory ", ha="right", va="center", color=GREY, fontsize=9)
    ax.set_xlim(least, most * (most / least) ** 0.25)
    told = "; ".join(f"{name} {words.short(f)}" for name, f in factors.items())
    over = f" The roof of memory is at {words.short(times[first].median / roof)}." if roof else ""
    picture.alt = f"{title}. Times as fast as {first}: {told}.{over}"
    return picture
