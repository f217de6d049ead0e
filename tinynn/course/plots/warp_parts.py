"""What drawings of a warp's step share: the page with its words, threads, cells, lines, names of elements."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from ...gpu.lens import Step
from ...gpu.lens.steps import GOOD, WARP
from ...gpu.lens.words import judged, place, sentence
from .style import AMBER, BLUE, GREEN, GREY, PURPLE, RED, Picture

Point = tuple[float, float]
Ends = tuple[Point, Point]
WARPS = (BLUE, GREEN, PURPLE, AMBER)  # one each, in turn; orange is for what waits
WAITS, DASHES = RED, (0, (4, 2))
HEAD, EDGE = 1.15, 0.12  # inches: above the drawing, for the words; free at the left


class Names(NamedTuple):
    """What the elements of an array are called."""

    array: str
    shape: tuple[int, ...]

    def range(self, cells: Sequence[int]) -> str:
        """x[8…15]; a[2, 0…7]; a[2, 6]…[3, 5] across two rows."""
        first, last = self._indices(cells[0]), self._indices(cells[-1])
        if first == last:
            return f"{self.array}[{_listed(first)}]"
        if first[:-1] == last[:-1]:
            return f"{self.array}[{_listed([*first[:-1], f'{first[-1]}…{last[-1]}'])}]"
        return f"{self.array}[{_listed(first)}]…[{_listed(last)}]"

    def _indices(self, cell: int) -> list[int]:
        """An element's indices; beyond the end of the array the rows go on."""
        found: list[int] = []
        for n in self.shape[:0:-1]:
            cell, index = divmod(cell, max(n, 1))
            found.insert(0, index)
        return [cell, *found]


def _listed(places: Sequence[Any]) -> str:
    return ", ".join(map(str, places))


class Sheet:
    """A step's page, in inches from the top left of the drawing; the words stand above it."""

    def __init__(self, step: Step, source: str, names: Names, width: float, height: float) -> None:
        self.step, self.names = step, names
        self.colour = WARPS[step.warp % len(WARPS)]
        said = textwrap.wrap(sentence(step), int(width / 0.101))
        above = HEAD + 0.19 * (len(said) - 1)
        self.picture = Picture(width, height + above, arrange=False)
        self.ax: Axes = self.picture.add_axes((0, 0, 1, 1))
        self.ax.set(xlim=(0, width), ylim=(height, -above))
        self.ax.set_axis_off()
        for n, text in enumerate(said):
            self.text(EDGE, 0.2 - above + 0.19 * n, text, 10.5, ha="left", weight="bold")
        mark = "✓" if step.judgement in GOOD else "✗"
        self.text(EDGE, 0.44 - HEAD, f"{mark} {judged(step)}", 10, ha="left")
        self._source(source)

    def _source(self, source: str) -> None:
        rounds = f"   round {_listed(self.step.rounds)}" if self.step.rounds else ""
        code = f"line {self.step.line}{rounds}   {textwrap.shorten(source, 90)}".replace("$", r"\$")
        self.text(EDGE, 0.68 - HEAD, code, 9.5, ha="left", family="monospace")

    def text(self, x: float, y: float, text: str, size: float, colour: str = GREY, **how: Any) -> None:
        how = {"ha": "center", "va": "center_baseline", **how}
        self.ax.text(x, y, text, fontsize=size, color=colour, **how)

    def title(self, x: float, y: float, text: str) -> None:
        self.text(x, y, text, 9, ha="left", weight="bold")

    def who(self) -> str:
        """The warp, its block, and which of the block's threads its lanes 0 to 31 are."""
        step, first = self.step, self.step.warp * WARP
        few = f": {len(step.lanes)} at work" if len(step.lanes) < WARP else ""
        return f"warp {step.warp} of block {place(step.block)}, threads {first}–{first + WARP - 1}{few}"

    # -- shapes --------------------------------------------------------------------------------------------

    def box(self, corner: Point, size: Point, colour: str, **how: Any) -> None:
        how = {"fill": False, "linewidth": 0.8, **how}
        self.ax.add_patch(Rectangle(corner, *size, edgecolor=colour, **how))

    def cell(self, corner: Point, size: Point, colour: str, text: str, letters: float) -> None:
        """A tinted box with a text that fits into it."""
        self.ax.add_patch(Rectangle(corner, *size, facecolor=colour, alpha=0.22, linewidth=0))
        self.box(corner, size, colour, linewidth=1.1)
        too_long = max(1.0, 0.0088 * len(text) * letters / (size[0] - 0.02))
        middle = (corner[0] + size[0] / 2, corner[1] + size[1] / 2)
        self.text(*middle, text, letters / too_long, weight="bold")

    def thread(self, lane: int, corner: Point, size: Point) -> None:
        """A thread with its number; one that sits out is dashed and empty."""
        if lane in self.step.lanes:
            self.cell(corner, size, self.colour, str(lane), 7.5)
        else:
            self.box(corner, size, GREY, linestyle=(0, (2, 2)), linewidth=0.6)

    def lines(self, ends: Iterable[Ends], colour: str, pattern: Any = "-", **how: Any) -> None:
        how = {"linewidths": 0.9, "alpha": 0.75, **how}
        self.ax.add_collection(LineCollection(list(ends), colors=colour, linestyles=pattern, **how))


def lanes_at(step: Step, cell: int) -> list[int]:
    return [lane for lane, c in zip(step.lanes, step.cells) if c == cell]


def crowd(lanes: Sequence[int]) -> str:
    """Who is in a cell: 7, 0–31, or how many."""
    if len(lanes) == 1:
        return str(lanes[0])
    return f"{lanes[0]}–{lanes[-1]}" if in_a_row(lanes) else f"×{len(lanes)}"


def in_a_row(lanes: Sequence[int]) -> bool:
    return list(lanes) == list(range(lanes[0], lanes[-1] + 1))
