"""The lens: what each warp's loads and stores touch, from a run in the interpreter.

    report = look(kernel, 4, 128, x, y)
    report                          # a table: line by line, how well memory is used
    report.find("y[i] =").efficiency
    report.worst

The numbers follow a plain model of a GPU's memory, stated in `tinynn.gpu.lens.steps`; how arithmetic is
counted stands in `tinynn.gpu.lens.rewrite`. No GPU is needed, and none is asked: a lens shows the pattern,
not the time.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ...errors import ArgumentError
from .. import simt
from ..kernel import Kernel, Size, plain_argument, three
from .report import Line, Report, Row, Told, Traffic, summed
from .rewrite import rewritten
from .steps import WARP, Step
from .trace import Key, Recording, name

__all__ = ["Line", "Report", "Row", "Step", "Traffic", "look"]

MOST = 1 << 18  # threads; a copy takes about 30 microseconds a thread


def look(
    kernel: Kernel, grid: Size, block: Size, *args: Any, shared: int = 0, change: bool = False
) -> Report:
    """Run a kernel in the interpreter and tell what its warps touched.

    Parameters
    ----------
    kernel : Kernel
    grid, block : int or tuple of up to three ints
        Blocks in the grid, threads in a block.
    *args
        NumPy arrays and numbers, as for a launch.
    shared : int
        Bytes of dynamic shared memory.
    change : bool
        Whether the arrays keep what the kernel writes. Otherwise it works on copies.

    Raises
    ------
    ArgumentError
        For something that is no kernel, for more than 262,144 threads, and for arrays that are not NumPy's
        or not in C order.
    """
    if not isinstance(kernel, Kernel) or kernel.device:
        hint = "@cuda.jit above its def"
        raise ArgumentError("lens", f"{kernel!r}", "a kernel, and what to launch it with", hint)
    size = three(f"{kernel!r}, grid", grid), three(f"{kernel!r}, block", block)
    if (threads := int(np.prod(size))) > MOST:
        hint = "a smaller array and grid: the pattern is the same"
        raise ArgumentError("lens", f"{threads:,} threads", f"at most {MOST:,}", hint)
    taken = tuple([_taken(kernel, a, change) for a in args])
    recording = Recording()
    simt.run(rewritten(kernel, recording), *size, taken, shared=shared, watch=recording.watch)
    names = zip(inspect.signature(kernel.function).parameters, taken)
    shapes = {key: a.shape for key, a in names if isinstance(a, np.ndarray)}
    told = _told(recording, int(np.prod(size[1])))
    return summed(kernel.function.__name__, *size, recording.steps(), told, shapes)


def _taken(kernel: Kernel, value: Any, change: bool) -> Any:
    """An argument as the interpreter takes it."""
    if isinstance(value, np.ndarray) and value.ndim:
        if not value.flags.c_contiguous:
            got = f"an array {value.shape} that is not in C order"
            raise ArgumentError("lens", got, "one that is", "np.ascontiguousarray(x)")
        return value if change else value.copy()
    if hasattr(value, "shape") and not isinstance(value, np.generic):
        raise ArgumentError("lens", f"{type(value).__name__}", "NumPy arrays and numbers", "np.asarray(x)")
    return plain_argument(value)


def _told(recording: Recording, threads: int) -> Told:
    flops = {name(key): count for key, count in recording.flops.items()}
    visits, tests = _visits(recording, threads), _tests(recording)
    return Told(flops, visits, tests, recording.opaque, recording.files)


def _visits(recording: Recording, threads: int) -> list[tuple[int | str, int, int, float]]:
    """For each line: how often a warp came, how often not with all its threads, and their share."""
    counts: dict[Key, list[int]] = {}
    for warp, stretch in recording.stretches():
        whole = min(WARP, threads - warp * WARP)
        for key, lanes in stretch.visits.items():
            there, sums = lanes.bit_count(), counts.setdefault(key, [0, 0, 0, 0])
            for k, value in enumerate((1, there < whole, there, whole)):
                sums[k] += value
    return [(name(key), runs, split, there / most) for key, (runs, split, there, most) in counts.items()]


def _tests(recording: Recording) -> list[tuple[int | str, int, int]]:
    """For each line with a test: how often a warp answered it, and how often both ways."""
    answers: dict[Key, list[bool]] = {}
    for _, stretch in recording.stretches():
        for key, (yes, no) in stretch.tests.items():
            answers.setdefault(key, []).append(bool(yes and no))
    return [(name(key), len(both), sum(both)) for key, both in answers.items()]
