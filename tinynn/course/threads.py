"""What chapter 15 runs besides the student's kernels: a launch that may be unfinished, memory without an end,
a step of many threads at once, and what the repository has from a real GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import KernelError
from ..gpu import available, blocks
from ..gpu.kernel import Kernel, Size, launch
from .engine.untouched import gap
from .plots.style import Picture
from .plots.threads import launch_over
from .race import gpu

SHOWN = 6  # times of a GPU


def attempt(kernel: Kernel, grid: Size, block: Size, *args: Any) -> None:
    """Launch, and print what the interpreter finds, or which line still has a hole."""
    line = gap(kernel)
    if line:
        return print(f"Not filled in yet: {line}")
    try:
        launch(kernel, grid, block, *args)
    except KernelError as problem:
        return print(problem)
    print("The interpreter finds nothing wrong.")


def covered(n: int, block: int) -> Picture:
    """An array of n elements under as many blocks as it takes."""
    return launch_over(n, blocks(n, block), block)


def without_end(array: np.ndarray, n: int) -> np.ndarray:
    """`n` elements from the array's first on, whatever lies behind it: an address knows no size.

    The memory behind must be there: `array` is the beginning of a larger one.
    """
    behind = array.base
    assert behind is not None and behind.size >= n, "the beginning of a larger array"
    return np.lib.stride_tricks.as_strided(array, (n,), array.strides)


def all_at_once(labels: np.ndarray, classes: int) -> np.ndarray:
    """``counts[labels[i]] += 1`` by threads in step: first all read, then all add, then all write."""
    counts = np.zeros(classes, int)
    seen = counts[labels]  # (N,): what each thread read
    seen += 1
    counts[labels] = seen  # of those that write one cell, the last stays
    return counts


def kept_results(folder: Path | None = None) -> str:
    """The times of a real GPU that the repository keeps, with device and date; a sentence without any."""
    here = "There is a GPU here." if available() else "There is no GPU here."
    found = gpu.everything(folder)
    if not found:
        return f"{here} No times of a GPU are kept in benchmarks/gpu so far, so none are shown."
    lines = [here, "Kept in benchmarks/gpu, the largest size of each:"]
    for op, inputs, times in found[:SHOWN]:
        last = times.timings[-1]
        lines.append(
            f"  {op}, {inputs}, n = {last.n:,}: {1e6 * last.median:.0f} microseconds on {times.name}"
        )
    return "\n".join(lines)
