"""Rungs on a GPU, where there is one: the share of the bandwidth that a plain copy reaches there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...gpu import available, elapsed, empty, launch, to_device, to_host
from .counted import open_yet, parts
from .tasks import task_of

SIZE = (8192, 8192)  # 256 megabytes: no cache of a GPU holds it


class OnGpu(dict):
    """Rungs and their share of copy bandwidth in percent; without a GPU empty."""

    said = ""

    @property
    def figures(self) -> dict[str, dict[str, Any]]:
        return {f"{name} on the GPU": {"percent": p, "by": "clock"} for name, p in self.items()}

    def __repr__(self) -> str:
        rows = [f"{name:12} {percent:6.1f}% of copy bandwidth" for name, percent in self.items()]
        return "\n".join(filter(None, [self.said, *rows]))


def on_gpu(rungs: Mapping[str, Callable], size: tuple[int, int] = SIZE) -> OnGpu:
    """Time plans on the GPU; each must be right there first."""
    found = OnGpu()
    if not available():
        found.said = "There is no GPU here: the rungs are scored by what they move alone."
        return found
    x = np.random.default_rng(1).standard_normal(size, dtype=np.float32)
    there = to_device(x)
    copied = elapsed(lambda: there.copy())
    bandwidth = 2 * x.nbytes / copied
    found.said = f"A copy moves {bandwidth / 1e9:.0f} GB/s here."
    for name, plan in rungs.items():
        task = task_of(plan)
        if task is None or open_yet(plan) or (given := parts(plan, x)) is None:
            continue
        kernel, grid, block = given
        y = empty(task.shape(*size), like=there)
        seconds = elapsed(lambda: launch(kernel, grid, block, there, y), repeats=5)  # noqa: B023
        if task.right(to_host(y), x):
            found[name] = 100 * task.least(*size) / seconds / bandwidth
    return found
