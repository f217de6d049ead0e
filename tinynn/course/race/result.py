"""What a race found: numbers for a script, a table, and three pictures for a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...errors import ArgumentError
from ...ops import Table
from . import words
from .clock import Contender
from .gpu import Measured
from .roof import Roofline

VIEWS = ("time", "times as fast", "roofline")


class Work(NamedTuple):
    """What the op does at one size: operations, and the bytes of its arrays, in and out."""

    n: int
    flops: int
    bytes: int

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.flops / self.bytes


@dataclass(repr=False)
class Race:
    """The times of one op, contender by contender and size by size.

    In a notebook the last line of a cell shows it, with a slider that turns from the times to the factors
    and to the roofline.

    Attributes
    ----------
    op, shapes : str
    sizes : tuple of int
    work : tuple of Work
        FLOPs and bytes at each size.
    contenders : list of Contender
    threads : int
        Threads that the compiled kernels could use.
    roofline : Roofline
    gpu : list of Measured
        Results measured earlier, elsewhere.
    notes : list of str
    """

    op: str
    shapes: str
    sizes: tuple[int, ...]
    work: tuple[Work, ...]
    contenders: list[Contender]
    threads: int
    roofline: Roofline
    gpu: list[Measured] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def rows(self) -> list[dict[str, Any]]:
        """One row for each time: op, contender, n, flops, bytes, seconds (median, low, high), rounds."""
        work = {w.n: w for w in self.work}
        return [
            {"op": self.op, "contender": c.name, "flops": work[t.n].flops, "bytes": work[t.n].bytes}
            | t._asdict()
            for c in self.contenders
            for t in c.timings
        ]

    def seconds(self, name: str, n: int) -> float:
        """The middle time of a contender at size `n`.

        Raises
        ------
        ArgumentError
            If it was not timed there.
        """
        timed = {c.name: {t.n: t.median for t in c.timings} for c in self.contenders}
        if n not in timed.get(name, {}):
            known = "; ".join(f"{c!r} at {', '.join(map(str, times))}" for c, times in timed.items() if times)
            raise ArgumentError("Race.seconds", f"{name!r} at {n}", known)
        return timed[name][n]

    def table(self) -> Table:
        """Sizes and times, and what there is to say about them."""
        head = (
            f"{self.op}, forward, {self.shapes}, float32; seconds a call, middle of all rounds (middle half)"
        )
        return Table("\n".join([head, words.table(self), words.standing(self), *words.remarks(self)]))

    def __repr__(self) -> str:
        return str(self.table())

    def picture(self, view: str = "time") -> Any:
        """A picture of the race.

        Parameters
        ----------
        view : {"time", "times as fast", "roofline"}
            Seconds by size; how many times as fast as the slowest contender that is left; or operations a
            second by operations for each byte, under what this machine can reach.
        """
        from . import picture

        if view not in VIEWS:
            raise ArgumentError(
                "Race.picture", f"view={view!r}", ", ".join(map(repr, VIEWS)), f"view={VIEWS[0]!r}"
            )
        draw = {
            "time": picture.times, "times as fast": picture.factors, "roofline": picture.roofline
        }  # fmt: skip
        return draw[view](self)

    def _ipython_display_(self) -> None:
        from ..live import slider

        slider("view", VIEWS, self.picture)
        print("\n".join([words.standing(self), *words.remarks(self)]))
