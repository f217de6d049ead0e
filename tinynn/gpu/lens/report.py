"""What a run touched, added up: by line and array, by line, and for the whole kernel."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ...errors import ArgumentError
from . import words
from .steps import GOOD, SECTOR, WARP, Step

Key = int | str


class Traffic:
    """Steps added up. The base of `Row`, `Line` and `Report`, which all have these numbers.

    Attributes
    ----------
    steps : list of Step
    """

    steps: list[Step]

    @property
    def sectors(self) -> int:
        """Sectors of 32 bytes that global memory moved."""
        return sum(len(s.sectors) for s in self.steps)

    @property
    def moved(self) -> int:
        """Bytes of those sectors."""
        return self.sectors * SECTOR

    @property
    def used(self) -> int:
        """Bytes of them that some lane asked for, counted once for each instruction of a warp."""
        return sum(s.used for s in self.steps if s.space == "global")

    @property
    def efficiency(self) -> float:
        """Bytes used / bytes moved in global memory; 1 where nothing moved."""
        return self.used / self.moved if self.moved else 1.0

    @property
    def ways(self) -> int:
        """Of the slowest step: the words asked of one bank, or the atomics at one address. 1 is best."""
        return max([s.ways for s in self.steps], default=1)

    @property
    def conflicts(self) -> int:
        """Turns that banks of shared memory took beyond the first."""
        return sum(s.extra for s in self.steps if s.space == "shared")

    @property
    def serial(self) -> int:
        """Turns that atomics at one address in global memory took beyond the first."""
        return sum(s.ways - 1 for s in self.steps if s.space == "global" and s.kind == "atomic")

    @property
    def extra(self) -> int:
        """Trips to memory beyond the least: sectors, turns of banks, turns at one address."""
        return sum(s.extra for s in self.steps)


@dataclass(eq=False)
class Row(Traffic):
    """One array in one line, loads or stores or atomics: a row of the report."""

    line: Key
    space: str
    kind: str
    array: str
    steps: list[Step] = field(repr=False)

    @property
    def lanes(self) -> float:
        """Active lanes, on average."""
        return sum(len(s.lanes) for s in self.steps) / len(self.steps)

    @property
    def judgement(self) -> str:
        """That of the step with the most extra trips; of several, the most frequent."""
        most = max(s.extra for s in self.steps)
        told = [s.judgement for s in self.steps if s.extra == most]
        return max(dict.fromkeys(told), key=told.count)

    @property
    def good(self) -> bool:
        """Whether nothing is left to win."""
        return self.judgement in GOOD


@dataclass(eq=False)
class Line(Traffic):
    """One line of the source.

    Attributes
    ----------
    number : int or str
    text : str
    rows : list of Row
    flops : int
        Floating-point operations of all threads.
    runs : int
        How often a warp came here.
    split : int
        How often only a part of its threads did.
    share : float
        Threads that were here / threads of the warps that came. 1 is without divergence.
    tests : int
        How often a warp answered the test of an ``if`` or a loop in this line.
    forks : int
        How often its threads answered it both ways.
    """

    number: Key
    text: str
    rows: list[Row] = field(default_factory=list, repr=False)
    flops: int = 0
    runs: int = 0
    split: int = 0
    share: float = 1.0
    tests: int = 0
    forks: int = 0

    @property
    def steps(self) -> list[Step]:  # type: ignore[override]
        return [s for a in self.rows for s in a.steps]


@dataclass(eq=False, repr=False)
class Report(Traffic):
    """What the warps of one launch touched. `print` shows a table; a notebook shows it as one.

    All numbers of `Traffic` are those of the whole kernel. The lines' numbers are those of the file, or of
    the notebook's cell.

    Attributes
    ----------
    kernel : str
    grid, block : tuple of int
    steps : list of Step
        Every instruction of every warp: block by block, warp by warp, as the program goes.
    lines : dict of int to Line
        Those that ran.
    shapes : dict of str to tuple of int
        Of the arrays that the kernel was given.
    opaque : tuple of str
        Functions without a text: of what they compute and decide nothing is known.
    """

    kernel: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    steps: list[Step]
    lines: Mapping[Key, Line]
    shapes: Mapping[str, tuple[int, ...]]
    opaque: tuple[str, ...] = ()

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of the table, line by line."""
        return [a for line in self.lines.values() for a in line.rows]

    @property
    def flops(self) -> int:
        """Floating-point operations of all threads, counted as `tinynn.gpu.lens.rewrite` says."""
        return sum(line.flops for line in self.lines.values())

    @property
    def intensity(self) -> float:
        """Floating-point operations for each byte moved in global memory; 0 where nothing moved."""
        return self.flops / self.moved if self.moved else 0.0

    @property
    def divergent(self) -> list[Line]:
        """Lines that some warp ran with only a part of its threads."""
        return [line for line in self.lines.values() if line.split]

    @property
    def forks(self) -> int:
        """How often the threads of a warp went two ways at a test."""
        return sum(line.forks for line in self.lines.values())

    @property
    def worst(self) -> Row | None:
        """The access with the most trips beyond the least; None if there are none."""
        worst = max(self.rows, key=lambda a: a.extra, default=None)
        return worst if worst is not None and worst.extra else None

    @property
    def warps(self) -> int:
        """Warps in a block."""
        width, height, depth = self.block
        return -(-width * height * depth // WARP)

    def find(self, text: str) -> Line:
        """The first line whose source holds `text`.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        found = [line for line in self.lines.values() if text in line.text]
        if not found:
            known = "; ".join(line.text for line in self.lines.values())
            raise ArgumentError("lens", f"no line with {text!r}", f"a part of one of these: {known}")
        return found[0]

    def array(self, name: str) -> Row:
        """All that was done to one array: its accesses of every line, added up."""
        found = [s for s in self.steps if s.array == name]
        if not found:
            known = ", ".join(dict.fromkeys(s.array for s in self.steps))
            raise ArgumentError(
                "lens", f"array {name!r}", f"one that was touched: {known or 'there is none'}"
            )
        return Row("", found[0].space, "all", name, found)

    def __repr__(self) -> str:
        return words.table(self)

    def _repr_html_(self) -> str:
        return words.page(self)


def summed(
    kernel: str,
    grid: tuple,
    block: tuple,
    steps: list[Step],
    told: Told,
    shapes: Mapping[str, tuple[int, ...]],
) -> Report:
    """Add up the steps and what the threads told of their way."""
    lines: dict[Key, Line] = {}

    def line(key: Key) -> Line:
        return lines.setdefault(key, Line(key, told.text(key)))

    for group in _grouped(steps):
        line(group.line).rows.append(group)
    for key, count in told.flops.items():
        line(key).flops = count
    for key, runs, split, share in told.visits:
        found = line(key)
        found.runs, found.split, found.share = runs, split, share
    for key, tests, forks in told.tests:
        found = line(key)
        found.tests, found.forks = tests, forks
    ordered = {key: lines[key] for key in sorted(lines, key=lambda k: (isinstance(k, str), k))}
    return Report(kernel, grid, block, steps, ordered, shapes, tuple(told.opaque))


def _grouped(steps: Iterable[Step]) -> list[Row]:
    groups: dict[tuple, list[Step]] = {}
    for s in steps:
        groups.setdefault((s.line, s.space, s.kind, s.array), []).append(s)
    return [Row(line, space, kind, array, found) for (line, space, kind, array), found in groups.items()]


@dataclass
class Told:
    """What the threads told of their way, by line."""

    flops: Mapping[Key, int]
    visits: list[tuple[Key, int, int, float]]  # line, runs, of them split, share of the threads
    tests: list[tuple[Key, int, int]]  # line, tests, of them answered both ways
    opaque: list[str]
    files: Mapping[str, str]  # prefix of a line's key -> file

    def text(self, key: Key) -> str:
        prefix, _, number = key.rpartition(":") if isinstance(key, str) else ("", "", str(key))
        return linecache.getline(self.files.get(prefix, ""), int(number)).strip()
