"""16.4: one of five barriers is missing. Which, by what the interpreter finds and by two runs that differ?"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from ....gpu import Kernel, cuda, float32, launch
from ....gpu.simt import collected, settings
from ...engine.kinds import NameTheBug


@cuda.jit
def suspect(x, y):
    s = cuda.shared.array(8, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    for half in (4, 2, 1):
        if t < half:
            s[t] = max(s[t], s[t + half])
        cuda.syncthreads()
    m = s[0]
    s[t] = math.exp(x[t] - m)
    cuda.syncthreads()
    for half in (4, 2, 1):
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
    y[t] = math.exp(x[t] - m) / s[0]


SKETCH = """\
    s[t] = x[t]                                # then a)
    for half in (4, 2, 1):
        if t < half:
            s[t] = max(s[t], s[t + half])
        # b)
    m = s[0]                                   # then c)
    s[t] = math.exp(x[t] - m)                  # then d)
    for half in (4, 2, 1):
        if t < half:
            s[t] += s[t + half]
        # e)
    y[t] = math.exp(x[t] - m) / s[0]
"""
X = np.array([3, 0, 1, 2, 3, 0, 1, 2], np.float32)


def ran(kernel: Kernel, order: str) -> np.ndarray:
    """What comes out in one order of the threads, with nobody looking."""
    y = np.zeros_like(X)
    with settings(order=order, checks=False):
        launch(kernel, 1, 8, X, y)
    return y


@cache
def evidence() -> tuple[str, np.ndarray, np.ndarray]:
    """What the interpreter says first, and the shares in two orders of the threads."""
    with collected() as found:
        launch(suspect, 1, 8, X, np.zeros_like(X))
    said = found[0]
    other = said.other
    assert other is not None and "s[0]" in said.got and " reads " in said.got
    told = (
        f"    thread {said.thread} reads it in   {said.source}\n"
        f"    thread {other.thread} writes it in  {other.source}"
    )
    return told, ran(suspect, "forward"), ran(suspect, "reversed")


def symptom() -> str:
    """The kernel without its barriers, the places where five belong, and what was seen with four."""
    told, forward, backward = evidence()
    numbers = [" ".join(f"{v:5.2f}" for v in y) for y in (forward, backward)]
    return (
        f"{SKETCH}\nWith four of the five barriers the interpreter finds a race in shared memory, at s[0]:\n"
        f"{told}\n\n"
        f"y, threads in the order 0, 1, 2, ...  {numbers[0]}\n"
        f"y, threads in the order 7, 6, 5, ...  {numbers[1]}"
    )


missing = NameTheBug(
    "16.4",
    options=("after_loading", "between_halvings", "before_the_second_use", "after_exp", "in_the_sum"),
    truth="before_the_second_use",
    symptom=symptom,
    level=2,
    minutes=5,
)
