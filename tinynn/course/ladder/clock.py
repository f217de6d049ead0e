"""Seconds of a function on this machine, as a share of what the machine's measured roof allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ..engine.verdict import Verdict
from ..fast import Times
from ..race import words
from ..race.clock import Timing
from ..race.roof import Roof, measure
from .counted import open_yet
from .tasks import TASKS, Task, task_of

SIZE = (4096, 2048)
"""Rows and columns: 32 megabytes, more than most caches hold."""
ROUNDS = 3
SLOW = 1.2  # seconds that all rounds of a rung may take; who is slower is timed on a part of the rows
MEGA = 1 << 20


class Share(NamedTuple):
    """One rung: seconds for the whole matrix, the share of the roof, the part of the rows it was timed on."""

    timing: Timing
    share: float
    part: float


class Shares(dict[str, Share]):
    """Rungs and their share of the ceiling: a table, and a picture."""

    def __init__(
        self, found: Mapping[str, Share], left: Mapping[str, str], ceiling: float = 0.0, roof: str = ""
    ) -> None:
        super().__init__(found)
        self._left, self.ceiling, self.roof = dict(left), ceiling, roof

    @property
    def best(self) -> float:
        """The largest share; 0 where nothing was timed."""
        return max((one.share for one in self.values()), default=0.0)

    @property
    def figures(self) -> dict[str, dict[str, Any]]:
        """Percent of the ceiling, by rung, for the report."""
        return {name: {"percent": 100 * one.share, "by": "clock"} for name, one in self.items()}

    def __repr__(self) -> str:
        lines = [self.roof] if self else []
        for name, one in self.items():
            on = f"  (timed on {one.part:.2%} of the rows)" if one.part < 1 else ""
            lines.append(
                f"{name:12} {words.seconds(one.timing.median):>9} {one.share:>8.1%} of the ceiling{on}"
            )
        return "\n".join([*lines, *(f"{name}: {why}" for name, why in self._left.items())])

    def picture(self) -> Any:
        """Times as fast as the first rung, with the ceiling."""
        from ..fast_pictures import bars

        if not self:
            return Verdict("open", "Write one, then run the cell above.", "No rung is timed yet")
        times = Times({name: one.timing for name, one in self.items()})
        return bars(times, "The ladder on this machine", self.ceiling)


def score(rungs: Mapping[str, Callable], size: tuple[int, int] = SIZE) -> Shares:
    """Time several functions of one operation in turns, the fastest of a few rounds, beside the roof.

    The fastest, since whatever else the machine does makes a call slower, never faster. Who gives a wrong
    result is left out, and told.
    """
    task, left = None, {}
    calls: dict[str, tuple[Callable, np.ndarray, float]] = {}
    x = np.random.default_rng(1).standard_normal(size, dtype=np.float32)
    for name, function in rungs.items():
        task = task_of(function) or task_of(getattr(function, "py_func", None))
        why = "not written yet" if open_yet(function) else _admitted(name, function, task, x, calls)
        if why:
            left[name] = why
    if not calls:
        return Shares({}, left)
    assert task is not None
    return _timed(calls, left, task, size)


def _admitted(name: str, function: Callable, task: Task | None, x: np.ndarray, calls: dict) -> str:
    """Why it is not timed, in words; "" where it is: then `calls` holds it, and the rows it is timed on."""
    if task is None:
        return f"the name of the function begins with none of {', '.join(TASKS)}"
    few = x[:2]
    try:
        if not task.right(function(few.copy()), few):  # compiles, too
            return "gives another result: let its check say which"
        rows = _rows_in(SLOW / ROUNDS, function, x)
    except Exception as problem:  # a student's function may raise anything
        return f"stops with {type(problem).__name__}: {problem}"
    calls[name] = function, x[:rows], rows / len(x)
    return ""


def _rows_in(seconds: float, function: Callable, x: np.ndarray) -> int:
    """As many rows as a call does in about that time; all of them where a part tells that they fit."""
    rows = 2
    while rows < len(x):
        start = perf_counter()
        function(x[:rows])
        taken = perf_counter() - start
        if taken > seconds / 4:
            break
        rows = min(len(x), 8 * rows)
    return rows


def _timed(calls: dict, left: dict, task: Task, size: tuple[int, int]) -> Shares:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, (function, x, part) in calls.items():
            start = perf_counter()
            function(x)
            taken[name].append((perf_counter() - start) / part)
    ceiling, roof = ceiling_of(task, size)
    found = {}
    for name, seconds in taken.items():
        t = Timing.of(size[0], seconds)._replace(median=min(seconds))
        found[name] = Share(t, ceiling / t.median, calls[name][2])
    return Shares(found, left, ceiling, roof)


def ceiling_of(task: Task, size: tuple[int, int]) -> tuple[float, str]:
    """Seconds that no function needs less than on this machine, and the sentence about it."""
    roof: Roof = max(measure().roofs, key=lambda r: r.bytes)
    least = task.least(*size)
    for_bytes, for_work = least / roof.bytes, task.operations * size[0] * size[1] / roof.flops
    by = "memory" if for_bytes >= for_work else "arithmetic"
    ceiling = max(for_bytes, for_work)
    text = (
        f"{size[0]:,} x {size[1]:,}: at least {least / MEGA:.0f} MB to move; measured here"
        f" {roof.bytes / 1e9:.1f} GB/s and {roof.flops / 1e9:.0f} GFLOP/s."
        f" The ceiling, that of {by}: {words.seconds(ceiling)}."
    )
    return ceiling, text
