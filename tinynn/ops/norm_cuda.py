"""layer_norm and rms_norm on the GPU; batch_norm and group_norm, from `norm_planes_cuda`, beside them.

A row of up to 8192 numbers is read once and kept in registers, a longer one is read again (`norm_rows_cuda`).
dweight and dbias are sums over all rows: each block sums some rows, 32 columns side by side, and a second
launch adds the parts (`sums_cuda`).
"""

from __future__ import annotations

import math
from typing import Any

from ..gpu import blocks, empty, launch
from .norm_planes_cuda import (
    batch_norm_backward,
    batch_norm_forward,
    group_norm_backward,
    group_norm_forward,
)
from .norm_rows_cuda import make_backward_kept, make_backward_looped, make_kept, make_looped, parameter_parts
from .sums_cuda import LANES, TEAM, given, sum_columns, threads_of_rows

__all__ = ["batch_norm_backward", "batch_norm_forward", "group_norm_backward", "group_norm_forward"]

KEPT = 8  # numbers of a row that a thread keeps
PARTS = 256  # at most so many sums over parts of the rows


def _forward(x: Any, weight: Any, bias: Any, shape: Any, eps: float, centre: bool) -> tuple:
    d = math.prod(shape if shape is not None else x.shape[-1:] if weight is None else weight.shape)
    rows, block = x.size // d, threads_of_rows(d, KEPT)
    y, mean, rstd = empty(x.shape, x), empty((rows,), x), empty((rows,), x)
    (scale, weighted), (shift, biased) = given(weight, x), given(bias, x)
    kernel = make_kept(centre, KEPT) if d <= block[0] * KEPT else make_looped(centre)
    launch(
        kernel, blocks(rows, block[1]), block, x.reshape(rows, d), scale, shift, weighted, biased,
        float(eps), y.reshape(rows, d), mean, rstd,
    )  # fmt: skip
    return y, (x, mean, rstd, weight, bias is not None, d)


def _backward(dy: Any, cache: tuple, centre: bool) -> tuple:
    x, mean, rstd, weight, has_bias, d = cache
    rows, block, dx = x.size // d, threads_of_rows(d, KEPT), empty(x.shape, x)
    flat, (scale, weighted) = (rows, d), given(weight, x)
    kernel = make_backward_kept(centre, KEPT) if d <= block[0] * KEPT else make_backward_looped(centre)
    launch(
        kernel, blocks(rows, block[1]), block, dy.reshape(flat), x.reshape(flat), scale, weighted,
        mean, rstd, dx.reshape(flat),
    )  # fmt: skip
    if weight is None:
        return (dx,)
    both = parameter_gradients(dy.reshape(flat), x.reshape(flat), mean, rstd)
    dw, db = both[0].reshape(weight.shape), both[1].reshape(weight.shape)
    return (dx, dw, db) if has_bias else (dx, dw)


def parameter_gradients(dy: Any, x: Any, mean: Any, rstd: Any) -> Any:
    """dweight and dbias, (2, D): sums over all rows of dy x_hat and of dy."""
    rows, d = x.shape
    each = max(64, blocks(rows, PARTS))
    parts = empty((blocks(rows, each), 2, d), x)
    grid = (blocks(d, LANES), parts.shape[0])
    launch(parameter_parts, grid, (LANES, TEAM), dy, x, mean, rstd, each, parts)
    return sum_columns(parts.reshape(len(parts), -1)).reshape(2, d)


def layer_norm_forward(
    x: Any, weight: Any = None, bias: Any = None, shape: tuple[int, ...] | None = None, eps: float = 1e-5
) -> tuple:
    return _forward(x, weight, bias, shape, eps, centre=True)


def layer_norm_backward(dy: Any, cache: tuple) -> tuple:
    return _backward(dy, cache, centre=True)


def rms_norm_forward(
    x: Any, weight: Any = None, shape: tuple[int, ...] | None = None, eps: float = 1e-5
) -> tuple:
    return _forward(x, weight, None, shape, eps, centre=False)


def rms_norm_backward(dy: Any, cache: tuple) -> tuple:
    return _backward(dy, cache, centre=False)
