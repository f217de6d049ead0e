"""The length of many arrays together, on the GPU: what clipping of gradients needs, without the host.

Every array's squares are added up by the kernel of `sum`'s rows, in parts that all lie in one small array,
which one more launch adds up. So there is one launch for each array and one for all; no atomics, the same
bits at every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..gpu import contiguous, empty, float32, launch
from .kernel_cuda import number, plus, threads_for
from .kernel_math_cuda import sqrt
from .kernel_reduce_cuda import SUM, make_rows, parts_of, square
from .map_cuda import mapped

squares = make_rows(plus, float32(0), square)


def sum_of_squares(arrays: Sequence[Any]) -> Any:
    """The sum of all elements' squares, as an array of one element where `arrays` lie.

    float32, so beyond a length of 1.8e19 it is infinite. Arrays without elements add nothing.
    """
    arrays = [contiguous(a) for a in arrays if a.size]
    parts = [parts_of(1, a.size, 1) for a in arrays]
    partial = empty((sum(parts),), arrays[0])
    start = 0
    for a, k in zip(arrays, parts):
        out = partial[start : start + k].reshape(1, k)
        launch(squares, k, threads_for(a.size), a.reshape(1, -1), 1.0, out)
        start += k
    return SUM.middle(partial.reshape(1, -1, 1), 1.0).reshape(1)


@mapped
def root(x):
    return sqrt(x)


@mapped
def factor(norm, most):
    """min(1, most / (norm + 1e-6)); NaN if the norm is."""
    scale = most / (norm + float32(1e-6))
    return float32(1) if scale >= float32(1) else scale


@mapped
def scaled(by, g):
    return g * by


def global_norm(arrays: Sequence[Any]) -> Any:
    """The length of all `arrays` as one vector, an array of one element. Copies nothing to the host."""
    return root(sum_of_squares(arrays))


def clipped(arrays: Sequence[Any], max_norm: float) -> tuple[list[Any], Any]:
    """`arrays` scaled together to a length of at most `max_norm`, and the length before.

    The host does not learn whether anything was too long, so the arrays are always new.
    """
    norm = global_norm(arrays)
    by = factor(norm, number(max_norm, norm))
    return [scaled(by, a) if a.size else a for a in arrays], norm
