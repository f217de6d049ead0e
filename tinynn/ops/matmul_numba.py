"""Matrix products by SciPy's BLAS: one call in each thread, on a strip of the result.

A thread gets a strip of rows where there are enough of them, else of columns: BLAS packs the matrix it
does not cut, in every thread anew, so the cut goes through the longer side. Measured on two cores, 64 x
784 by 784 x 256: 150 microseconds in one thread, 112 by rows, 92 by columns. Left on the table: the
second core adds 60-70% only, and products below a million operations run in one thread.
"""

from __future__ import annotations

import numpy as np

from ..memory import empty
from .elementwise import Needs, unbroadcast
from .kernel import FLOAT32, kernel, plain, ready, share, split, unsigned
from .kernel_blas import product
from .matmul import linear_backward as numpy_linear_backward
from .matmul import linear_forward as numpy_linear_forward
from .matmul import matmul_backward as numpy_matmul_backward
from .matmul import matmul_forward as numpy_matmul_forward

FLOPS = 150.0  # that one thread does in a nanosecond, about
ZERO, ONE = np.float32(0), np.float32(1)
NONE = np.empty((0, 0), FLOAT32)  # stands for an array that is not there: no bias, a gradient nobody needs
NO_BIAS = np.empty(0, FLOAT32)


@share
def by_rows(rows, columns):
    """Whether to cut a result of this shape into strips of rows."""
    return rows >= min(columns, 128)


# -- linear: y = x W^T + b -----------------------------------------------------------------------------


@share
def _lay(bias, y, top, bottom, left, right):
    """Lay the bias out in a part of y, for BLAS to add to; returns its factor for what lies there."""
    if bias.size == 0:
        return ZERO
    for i in range(top, bottom):
        for j in range(unsigned(left), unsigned(right)):
            y[i, j] = bias[j]
    return ONE


@share
def _linear_rows(lo, hi, x, weight, bias, y):
    product(x[lo:hi], weight.T, _lay(bias, y, lo, hi, 0, y.shape[1]), y[lo:hi])


@share
def _linear_columns(lo, hi, x, weight, bias, y):
    product(x, weight[lo:hi].T, _lay(bias, y, 0, y.shape[0], lo, hi), y[:, lo:hi])


@kernel("f4[:, ::1], f4[:, ::1], f4[::1], f4[:, ::1]")
def _linear(team, x, weight, bias, y):
    rows, columns = y.shape
    if by_rows(rows, columns):
        split(_linear_rows, team, rows, 2 * weight.size / FLOPS, (x, weight, bias, y))
    else:
        split(_linear_columns, team, columns, 2 * x.size / FLOPS, (x, weight, bias, y))


def linear_forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None) -> tuple:
    if not (plain(x) and plain(weight) and (bias is None or plain(bias))):
        return numpy_linear_forward(x, weight, bias)
    out_features, in_features = weight.shape
    y = empty((*x.shape[:-1], out_features))
    _linear(
        x.reshape(-1, in_features), weight, NO_BIAS if bias is None else bias, y.reshape(-1, out_features)
    )
    return y, (x, weight, bias is not None)


# dx = dy W, dW = dy^T x, db = sum of dy's rows: all three in one launch. Thread by thread, each takes its
# share of every one of them, counted in hundredths.

HUNDRED = 100


@share
def _linear_gradients(lo, hi, dy, x, weight, dx, dw, db):
    if dx.size:
        n = dx.shape[0 if by_rows(*dx.shape) else 1]
        a, b = n * lo // HUNDRED, n * hi // HUNDRED
        if by_rows(*dx.shape):
            product(dy[a:b], weight, ZERO, dx[a:b])
        else:
            product(dy, weight[:, a:b], ZERO, dx[:, a:b])
    n = dy.shape[1]
    a, b = n * lo // HUNDRED, n * hi // HUNDRED
    if dw.size:
        product(dy[:, a:b].T, x, ZERO, dw[a:b])
    if db.size:
        db[a:b] = 0
        for i in range(dy.shape[0]):
            for j in range(unsigned(a), unsigned(b)):
                db[j] += dy[i, j]


@kernel("f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[::1]")
def _linear_backward(team, dy, x, weight, dx, dw, db):
    work = 2.0 * weight.size * dy.shape[0] * ((dx.size > 0) + (dw.size > 0)) / FLOPS
    split(_linear_gradients, team, HUNDRED, work / HUNDRED, (dy, x, weight, dx, dw, db))


def linear_backward(dy: np.ndarray, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    x, weight, has_bias = cache
    if not (plain(x) and plain(weight)):
        return numpy_linear_backward(dy, cache, needs)
    out_features, in_features = weight.shape
    dx = empty(x.shape) if needs[0] else None
    dw = empty(weight.shape) if needs[1] else None
    db = empty((out_features,)) if has_bias and needs[2] else None
    _linear_backward(
        ready(dy).reshape(-1, out_features), x.reshape(-1, in_features), weight,
        NONE if dx is None else dx.reshape(-1, in_features),
        NONE if dw is None else dw,
        NO_BIAS if db is None else db,
    )  # fmt: skip
    return (dx, dw, db) if has_bias else (dx, dw)


# -- matmul: matrices in the last two axes, up to two axes of batches ----------------------------------


@share
def _rows(lo, hi, x, y, z):
    product(x[lo:hi], y, ZERO, z[lo:hi])


@share
def _columns(lo, hi, x, y, z):
    product(x, y[:, lo:hi], ZERO, z[:, lo:hi])


@share
def _batches(lo, hi, x, y, z):
    """A batch axis of size 1 serves every index."""
    for n in range(lo, hi):
        i, j = n // z.shape[1], n % z.shape[1]
        a = x[i % x.shape[0], j % x.shape[1]]
        product(a, y[i % y.shape[0], j % y.shape[1]], ZERO, z[i, j])


@kernel("f4[:, :, :, :], f4[:, :, :, :], f4[:, :, :, ::1]")
def _matmul(team, x, y, z):
    batches = z.shape[0] * z.shape[1]
    rows, columns = z.shape[2], z.shape[3]
    work = 2.0 * z.size * x.shape[3] / FLOPS
    if batches > 1:
        split(_batches, team, batches, work / batches, (x, y, z))
    elif by_rows(rows, columns):
        split(_rows, team, rows, work / rows, (x[0, 0], y[0, 0], z[0, 0]))
    else:
        split(_columns, team, columns, work / columns, (x[0, 0], y[0, 0], z[0, 0]))


def multiply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x @ y for arrays that `fits` accepts."""
    z = empty((*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1]))
    _matmul(_four(x), _four(y), _four(z))
    return z


def _four(x: np.ndarray) -> np.ndarray:
    return x[(None,) * (4 - x.ndim)]


def fits(x: np.ndarray) -> bool:
    """Whether BLAS can read the matrices in `x`: one axis without gaps, the other without overlap."""
    if not (2 <= x.ndim <= 4 and x.dtype == FLOAT32 and x.flags.behaved and x.size):
        return False
    (rows, columns), (down, across) = x.shape[-2:], x.strides[-2:]
    if across == 4:
        return down >= 4 * columns or rows == 1
    return down == 4 and (across >= 4 * rows or columns == 1)


def matmul_forward(x: np.ndarray, y: np.ndarray) -> tuple:
    if not (fits(x) and fits(y)):
        return numpy_matmul_forward(x, y)
    if y.ndim == 2 and x.flags.c_contiguous:  # one matrix for all batches: one tall product
        return multiply(x.reshape(-1, x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[1]), (x, y)
    return multiply(x, y), (x, y)


def matmul_backward(dz: np.ndarray, cache: tuple, needs: Needs = (True, True)) -> tuple:
    x, y = cache
    if not (fits(x) and fits(y)):
        return numpy_matmul_backward(dz, cache, needs)
    dz = dz if fits(dz) else ready(dz)
    dx = dy = None
    if y.ndim == 2 and x.ndim > 2 and x.flags.c_contiguous:
        dz = ready(dz)
        rows, drows = x.reshape(-1, x.shape[-1]), dz.reshape(-1, dz.shape[-1])
        dx = multiply(drows, y.T).reshape(x.shape) if needs[0] else None
        dy = multiply(rows.T, drows) if needs[1] else None
        return dx, dy
    if needs[0]:
        dx = unbroadcast(multiply(dz, y.swapaxes(-1, -2)), x.shape)
    if needs[1]:
        dy = unbroadcast(multiply(x.swapaxes(-1, -2), dz), y.shape)
    return dx, dy
