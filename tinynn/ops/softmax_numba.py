"""softmax and log_softmax along the last axis, row by row; along another axis NumPy's pair runs.

A row is read from memory once and stays in the cache for its three passes: largest, exponentials and
their sum, division. Measured on two cores, softmax of 1024 x 1024, forward and backward: 385 microseconds
in one thread, 200 in two, 1590 by the NumPy pair. Left on the table: rows shorter than a vector register
(16 numbers) use part of it.
"""

from __future__ import annotations

import math

import numpy as np

from ..memory import empty
from .kernel import kernel, plain, ready, share, split
from .kernel_math import ONE, ZERO, exp, f, row_max
from .softmax import log_softmax_backward as numpy_log_softmax_backward
from .softmax import log_softmax_forward as numpy_log_softmax_forward
from .softmax import softmax_backward as numpy_softmax_backward
from .softmax import softmax_forward as numpy_softmax_forward

ROWS, THREE = "f4[:, ::1], f4[:, ::1]", "f4[:, ::1], f4[:, ::1], f4[:, ::1]"


def _rows(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, x.shape[-1])


def _takes(x: np.ndarray, axis: int) -> bool:
    return plain(x) and (axis == -1 or axis == x.ndim - 1) and x.ndim > 0


@share
def _softmax_rows(lo, hi, x, p):
    x, p = x[lo:hi], p[lo:hi]
    bits = x.view(np.int32)
    for i in range(x.shape[0]):
        m = row_max(bits, i)
        total = ZERO
        for j in range(x.shape[1]):
            p[i, j] = exp(x[i, j] - m)
            total += p[i, j]
        scale = ONE / total
        for j in range(x.shape[1]):
            p[i, j] *= scale


@kernel(ROWS)
def _softmax(team, x, p):
    split(_softmax_rows, team, x.shape[0], 0.5 * x.shape[1] + 5, (x, p))


@share
def _dsoftmax_rows(lo, hi, dp, p, dx):
    dp, p, dx = dp[lo:hi], p[lo:hi], dx[lo:hi]
    for i in range(p.shape[0]):
        mean = ZERO
        for j in range(p.shape[1]):
            mean += p[i, j] * dp[i, j]
        for j in range(p.shape[1]):
            dx[i, j] = p[i, j] * (dp[i, j] - mean)


@kernel(THREE)
def _dsoftmax(team, dp, p, dx):
    split(_dsoftmax_rows, team, p.shape[0], 0.15 * p.shape[1] + 5, (dp, p, dx))


def softmax_forward(x: np.ndarray, axis: int = -1) -> tuple:
    if not _takes(x, axis):
        return numpy_softmax_forward(x, axis)
    p = empty(x.shape)
    _softmax(_rows(x), _rows(p))
    return p, (p, axis)


def softmax_backward(dp: np.ndarray, cache: tuple) -> tuple:
    p, axis = cache
    if not _takes(p, axis):
        return numpy_softmax_backward(dp, cache)
    dx = empty(p.shape)
    _dsoftmax(_rows(ready(dp)), _rows(p), _rows(dx))
    return (dx,)


@share
def _log_softmax_rows(lo, hi, x, y):
    x, y = x[lo:hi], y[lo:hi]
    bits = x.view(np.int32)
    for i in range(x.shape[0]):
        m = row_max(bits, i)
        total = ZERO
        for j in range(x.shape[1]):
            total += exp(x[i, j] - m)
        lse = f(math.log(total))
        for j in range(x.shape[1]):
            y[i, j] = (x[i, j] - m) - lse


@kernel(ROWS)
def _log_softmax(team, x, y):
    split(_log_softmax_rows, team, x.shape[0], 0.45 * x.shape[1] + 10, (x, y))


@share
def _dlog_softmax_rows(lo, hi, dy, y, dx):
    dy, y, dx = dy[lo:hi], y[lo:hi], dx[lo:hi]
    for i in range(y.shape[0]):
        total = ZERO
        for j in range(y.shape[1]):
            total += dy[i, j]
        for j in range(y.shape[1]):
            dx[i, j] = dy[i, j] - exp(y[i, j]) * total


@kernel(THREE)
def _dlog_softmax(team, dy, y, dx):
    split(_dlog_softmax_rows, team, y.shape[0], 0.35 * y.shape[1] + 5, (dy, y, dx))


def log_softmax_forward(x: np.ndarray, axis: int = -1) -> tuple:
    if not _takes(x, axis):
        return numpy_log_softmax_forward(x, axis)
    y = empty(x.shape)
    _log_softmax(_rows(x), _rows(y))
    return y, (y, axis)


def log_softmax_backward(dy: np.ndarray, cache: tuple) -> tuple:
    y, axis = cache
    if not _takes(y, axis):
        return numpy_log_softmax_backward(dy, cache)
    dx = empty(y.shape)
    _dlog_softmax(_rows(ready(dy)), _rows(y), _rows(dx))
    return (dx,)
