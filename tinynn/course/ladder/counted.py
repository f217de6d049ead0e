"""A CUDA kernel in the interpreter: its result in every order of the threads, and what its warps move.

A kernel comes as a *plan*: a function of the number of rows and of columns that gives the kernel, the blocks
in the grid and the threads in a block. The kernel is launched as ``kernel(x, y)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...errors import TinynnError
from ...gpu import Kernel, empty, launch, simt
from ...gpu.lens import Report, look
from ..engine.kernels import PATIENCE, STEPS, Launched, as_kernel
from ..engine.untouched import gap, untouched
from .tasks import TASKS, Task, task_of, to_count

NO_PLAN = "no plan"


class Traffic(NamedTuple):
    """What one launch moves, as the lens counts it.

    Attributes
    ----------
    moved, used, least : int
        Bytes of the sectors fetched and written; of those, asked for by some thread; that nobody can avoid.
    conflicts, trips : int
        Turns of the banks of shared memory beyond the first of each step, and all turns.
    barriers : int
        That each block waits at.
    line, judgement : str
        The line whose access costs the most beyond the least, and what the lens calls it; "" for none.
    """

    moved: int
    used: int
    least: int
    conflicts: int
    trips: int
    barriers: int
    line: str
    judgement: str

    @property
    def used_share(self) -> float:
        return self.used / self.moved if self.moved else 0.0

    @property
    def share(self) -> float:
        """Of the ideal: what had to be moved, of what was."""
        return self.least / self.moved if self.moved else 0.0


def parts(plan: Callable, x: np.ndarray) -> tuple[Kernel, Any, Any] | None:
    """The kernel and its launch for an array; None where the plan gives something else."""
    given = plan(*x.shape)
    if not isinstance(given, tuple) or len(given) != 3:
        return None
    kernel, grid, block = given
    if not (isinstance(kernel, Kernel) or callable(kernel)) or not (_is_size(grid) and _is_size(block)):
        return None
    return as_kernel(kernel, "kernel(x, y)"), grid, block


def _is_size(value: Any) -> bool:
    values = value if isinstance(value, tuple) else (value,)
    return 1 <= len(values) <= 3 and all(isinstance(v, (int, np.integer)) and v > 0 for v in values)


def _host(kernel: Kernel, x: Any, shape: tuple, grid: Any, block: Any) -> Any:
    y = empty(shape, like=x)
    launch(kernel, grid, block, x, y)
    return y


class Ran:
    """Stands between a plan and its input: what the kernel computes, or its traffic."""

    def __init__(self, name: str, counts: bool = False) -> None:
        self.name, self.counts = name, counts

    def __call__(self, plan: Callable, x: np.ndarray) -> Any:
        found = parts(plan, x)
        if found is None:
            return NO_PLAN
        if self.counts:
            return tuple(traffic(TASKS[self.name], *found, x))
        kernel, grid, block = found
        shape = TASKS[self.name].shape(*x.shape)
        return Launched(_host, "kernel(x, y)", gpu=True)(kernel, x, shape=shape, grid=grid, block=block)


def traffic(task: Task, kernel: Kernel, grid: Any, block: Any, x: np.ndarray) -> Traffic:
    y = np.zeros(task.shape(*x.shape), np.float32)
    with simt.settings(steps=STEPS, patience=PATIENCE):
        report = look(kernel, grid, block, x, y)
    shared = [s for s in report.steps if s.space == "shared"]
    worst = max((r for r in report.rows if r.space == "global"), key=lambda r: r.extra, default=None)
    bad = worst is not None and worst.extra > 0
    return Traffic(
        report.moved, report.used, task.least(*x.shape), report.conflicts,
        sum(s.trips for s in shared), _barriers(report),
        report.lines[worst.line].text if bad and worst else "", worst.judgement if bad and worst else "",
    )  # fmt: skip


def _barriers(report: Report) -> int:
    """Of the block that has the most on average: visits of warps at a barrier, for each warp."""
    visits = sum(line.runs for line in report.lines.values() if "syncthreads" in line.text)
    return round(visits / (report.warps * int(np.prod(report.grid))))


class Counts(dict[str, Traffic]):
    """Rungs and their traffic on a matrix of 16 rows and 128 columns: a table."""

    def __init__(self, found: Mapping[str, Traffic], left: Mapping[str, str]) -> None:
        super().__init__(found)
        self._left = dict(left)

    @property
    def figures(self) -> dict[str, dict[str, Any]]:
        """Percent of the ideal traffic, by rung, for the report."""
        return {name: {"percent": 100 * t.share, "by": "count"} for name, t in self.items()}

    def __repr__(self) -> str:
        rows = [HEAD, *(_row(name, t) for name, t in self.items())] if self else []
        lines = [f"{row[0]:12}" + "".join(f"{cell:>14}" for cell in row[1:]) for row in rows]
        return "\n".join([*lines, *(f"{name}: {why}" for name, why in self._left.items())])


HEAD = ("rung", "bytes moved", "used", "of the ideal", "conflicts", "barriers")


def _row(name: str, t: Traffic) -> tuple[str, ...]:
    return name, f"{t.moved:,}", f"{t.used_share:.0%}", f"{t.share:.1%}", str(t.conflicts), str(t.barriers)


def count(rungs: Mapping[str, Callable]) -> Counts:
    """Count the traffic of several plans, on one matrix. What is not finished is told and left out."""
    found: dict[str, Traffic] = {}
    left: dict[str, str] = {}
    for name, plan in rungs.items():
        task = task_of(plan)
        if task is None:
            left[name] = f"the name of its function begins with none of {', '.join(TASKS)}"
        elif open_yet(plan):
            left[name] = "not written yet"
        else:
            _count(name, plan, task, found, left)
    return Counts(found, left)


def _count(name: str, plan: Callable, task: Task, found: dict, left: dict) -> None:
    try:
        given = parts(plan, to_count())
        if given is None:
            left[name] = "gives no kernel, grid and block"
        else:
            found[name] = traffic(task, *given, to_count())
    except (TinynnError, TypeError) as problem:
        left[name] = f"stopped: {problem}"


def open_yet(function: Callable) -> bool:
    """Whether nothing is written in it yet."""
    bare = getattr(function, "py_func", function)
    return untouched(bare) or bool(gap(bare))
