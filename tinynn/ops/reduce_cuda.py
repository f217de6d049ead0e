"""Reductions over any axes on the GPU, by the kernels of `kernel_reduce_cuda`.

Backward spreads one gradient over everything that was reduced: for sum and mean a view, without a kernel.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..gpu import cuda, empty, float32, launch
from .kernel_cuda import THREADS, make_block, number, plus, threads_for
from .kernel_reduce_cuda import MAX, SUM, kept, total
from .map_cuda import exact, mapped
from .reduce import Axis
from .specs import normalise_axes
from .team_cuda import WARP


def _of(x: Any, axis: Axis, keepdims: bool) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """The axes, the shape of the result, and how many elements each result is made of."""
    axes = normalise_axes("reduce", axis, x.ndim)
    shape = tuple([1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a not in axes])
    return axes, shape, prod([x.shape[a] for a in axes])


def sum_forward(x: Any, axis: Axis = None, keepdims: bool = False) -> tuple:
    axes, shape, _ = _of(x, axis, keepdims)
    return SUM.over(x, axes).reshape(shape), (x.shape, axes)


def sum_backward(dy: Any, cache: tuple) -> tuple:
    """A view of dy: no kernel, no memory."""
    shape, axes = cache
    return (np.broadcast_to(dy.reshape(kept(shape, axes)), shape),)


def mean_forward(x: Any, axis: Axis = None, keepdims: bool = False) -> tuple:
    axes, shape, n = _of(x, axis, keepdims)
    return SUM.over(x, axes, 1 / n).reshape(shape), (x.shape, axes)


def mean_backward(dy: Any, cache: tuple) -> tuple:
    """A view of dy / n."""
    shape, axes = cache
    share = share_of(dy, number(prod([shape[a] for a in axes]), dy))
    return (np.broadcast_to(share.reshape(kept(shape, axes)), shape),)


@mapped
def times(x, y):
    return x * y


@mapped
def share_of(dy, k):
    return dy / k


@mapped
def tie(x, y):
    return float32(1) if x == y else float32(0)


@mapped
def tie_share(x, y, share):
    """A product, not a choice: where y is NaN nobody ties, the share is not finite, and NaN goes on."""
    return (float32(1) if x == y else float32(0)) * share


def max_forward(x: Any, axis: Axis = None, keepdims: bool = False) -> tuple:
    axes, shape, _ = _of(x, axis, keepdims)
    y = MAX.over(x, axes)
    return y.reshape(shape), (x, y, axes)


def max_backward(dy: Any, cache: tuple) -> tuple:
    x, y, axes = cache
    share = share_of(dy.reshape(y.shape), total(tie(x, y), axes))
    return (tie_share(x, y, share),)


block_sum = make_block(plus, float32(0))


@exact
def var_rows(x, scale, mean, out):
    """mean[r] = sum x[r, :] / n, out[r] = scale sum (x[r, :] - mean[r])^2: a block for each row.

    The second pass reads the row again, from the cache as long as it fits. Moves 4 bytes an element.
    """
    row, n, first, step = cuda.blockIdx.x, x.shape[1], cuda.threadIdx.x, cuda.blockDim.x
    total, i = float32(0), first
    while i < n:
        total += x[row, i]
        i += step
    centre = block_sum(total) / float32(n)
    total, i = float32(0), first
    while i < n:
        total += (x[row, i] - centre) * (x[row, i] - centre)
        i += step
    total = block_sum(total)
    if first == 0:
        mean[row], out[row] = centre, total * scale


@mapped
def squared_difference(x, mean):
    return (x - mean) * (x - mean)


@mapped
def times_difference(g, x, mean):
    return g * (x - mean)


def var_forward(x: Any, axis: Axis = None, correction: int = 1, keepdims: bool = False) -> tuple:
    """Cache: x, and the mean.

    Whole rows take `var_rows`, which reads x once from memory. Other axes are reduced twice with the
    squares written in between: four times the bytes, in return for any axes with no kernel more.
    """
    axes, shape, n = _of(x, axis, keepdims)
    scale, rows = 1 / (n - correction), x.size // n
    if axes == tuple(range(x.ndim - len(axes), x.ndim)) and (rows >= WARP or n <= THREADS * WARP):
        mean, y = empty(kept(x.shape, axes), x), empty(shape, x)
        launch(var_rows, rows, threads_for(n), x.reshape(rows, n), scale, mean.reshape(rows), y.reshape(rows))
    else:
        mean = SUM.over(x, axes, 1 / n)
        y = SUM.over(squared_difference(x, mean), axes, scale).reshape(shape)
    return y, (x, mean, axes, scale)


def var_backward(dy: Any, cache: tuple) -> tuple:
    x, mean, axes, scale = cache
    return (times_difference(times(dy.reshape(mean.shape), number(2 * scale, dy)), x, mean),)
