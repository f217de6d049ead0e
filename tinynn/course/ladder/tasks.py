"""The operations among which one chooses. Each takes a matrix (R, C) of float32; the library has no kernel
for any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

FLOAT = 4  # bytes
COUNTED = (16, 128)
"""Rows and columns of the matrix on which traffic is counted: whole warps, and lines of whole sectors."""
SHAPES = [(1, 1), (2, 3), (3, 5), (1, 40), (5, 33), (33, 4), (7, 70)]
"""Rows and columns of the matrices on which an answer must be right."""


class Task(NamedTuple):
    """An operation.

    Attributes
    ----------
    name : str
        The names of all functions of a student about it begin so.
    exact : callable
        The operation in float64.
    once : float
        Share of the ideal traffic that a kernel reaches which fetches its input about once.
    operations : int
        Floating-point operations for each element, a function such as exp counted as one.
    """

    name: str
    exact: Callable[[np.ndarray], np.ndarray]
    once: float
    operations: int

    def shape(self, rows: int, columns: int) -> tuple[int, ...]:
        """That of the result."""
        return (rows,) if self.name == "logsumexp" else (rows, columns)

    def least(self, rows: int, columns: int) -> int:
        """Bytes that nobody can avoid to move: every input read once, every result written once."""
        return FLOAT * (rows * columns + int(np.prod(self.shape(rows, columns))))

    def right(self, got: Any, x: np.ndarray) -> bool:
        """Whether `got` is the result, as closely as sums in float32 are."""
        wanted = self.exact(x)
        if not isinstance(got, np.ndarray) or got.shape != wanted.shape:
            return False
        return bool(np.allclose(got, wanted, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(wanted).max())))


def logsumexp(x: np.ndarray) -> np.ndarray:
    """log(sum(exp(x))) of each row: (R, C) -> (R,). In floats of its own size it never overflows."""
    x = x.astype(float)
    largest = x.max(1)
    return largest + np.log(np.exp(x - largest[:, None]).sum(1))


def running_sums(x: np.ndarray) -> np.ndarray:
    """y[i, j] = x[i, 0] + ... + x[i, j]."""
    return x.astype(float).cumsum(1)


def blur(x: np.ndarray) -> np.ndarray:
    """The mean of each element and of its neighbours, as many of the eight as there are."""
    wide, there = (np.pad(a, 1) for a in (x.astype(float), np.ones(x.shape)))
    total, number = (
        sum(a[i : i + x.shape[0], j : j + x.shape[1]] for i in range(3) for j in range(3))
        for a in (wide, there)
    )
    return np.asarray(total / number)


TASKS: dict[str, Task] = {
    one.name: one
    for one in (
        Task("logsumexp", logsumexp, once=0.8, operations=4),  # compare, subtract, exp, add
        Task("running_sums", running_sums, once=0.8, operations=1),
        Task("blur", blur, once=0.5, operations=9),
    )
}


def task_of(function: Any) -> Task | None:
    """The operation that a function's name begins with; None where it names none."""
    name = getattr(function, "__name__", "")
    return next((task for task in TASKS.values() if name.startswith(task.name)), None)


def inputs() -> list[np.ndarray]:
    """Matrices on which an answer must be right: of all sorts of shapes, then with large numbers, then with
    a row far above another."""
    rng = np.random.default_rng(17)
    found = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    found += [(100 + 3 * rng.normal(size=(3, 6))).astype(np.float32)]  # exp(100) is no float32
    found += [(-110 + 3 * rng.normal(size=(4, 5))).astype(np.float32)]  # and exp(-110) is 0
    return [*found, np.array([[150, 151, 149.5], [0, 1, -0.5]], np.float32)]


def at_work() -> np.ndarray:
    """The matrix that a compiled function is asked about."""
    return np.random.default_rng(3).normal(size=(60, 45)).astype(np.float32)


def to_count() -> np.ndarray:
    """The matrix (16, 128) on which traffic is counted."""
    return np.random.default_rng(5).normal(size=COUNTED).astype(np.float32)
