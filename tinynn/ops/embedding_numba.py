"""embedding: rows are copied and added in as many threads as pay.

NumPy's ``np.add.at`` goes through the rows one index at a time. Here each thread takes some columns of the
table, so that no two add to the same number and the order of the additions does not depend on how many
there are. Measured on two cores, 4096 of 5000 rows of 128, there and back: 130 microseconds in one thread,
100 in two, 3470 by the NumPy pair. Left on the table: the gradient is as large as the table, also when a
batch looks up few rows.
"""

from __future__ import annotations

import numpy as np

from ..memory import empty
from .embedding import embedding_backward as numpy_embedding_backward
from .embedding import embedding_forward as numpy_embedding_forward
from .kernel import FLOAT32, integers, kernel, plain, ready, share, split, unsigned


@share
def _copy_rows(lo, hi, weight, rows, y):
    rows, y = rows[lo:hi], y[lo:hi]
    for n in range(rows.size):
        row = rows[n]
        for j in range(y.shape[1]):
            y[n, j] = weight[row, j]


@kernel("f4[:, ::1], i8[::1], f4[:, ::1]")
def _embedding(team, weight, rows, y):
    split(_copy_rows, team, rows.size, 0.15 * weight.shape[1] + 5, (weight, rows, y))


@share
def _add_columns(lo, hi, dy, rows, dw):
    columns = range(unsigned(lo), unsigned(hi))
    for v in range(dw.shape[0]):
        for j in columns:
            dw[v, j] = 0
    for n in range(dy.shape[0]):
        row = rows[n]
        for j in columns:
            dw[row, j] += dy[n, j]


@kernel("f4[:, ::1], i8[::1], f4[:, ::1]")
def _embedding_backward(team, dy, rows, dw):
    split(_add_columns, team, dw.shape[1], 0.06 * dw.shape[0] + 0.2 * dy.shape[0], (dy, rows, dw))


def embedding_forward(indices: np.ndarray, weight: np.ndarray, padding_idx: int | None = None) -> tuple:
    if not (plain(weight) and indices.size):
        return numpy_embedding_forward(indices, weight, padding_idx)
    y = empty((*indices.shape, weight.shape[1]))
    _embedding(weight, integers(indices).ravel(), y.reshape(-1, weight.shape[1]))
    return y, (indices, weight.shape, padding_idx)


def embedding_backward(dy: np.ndarray, cache: tuple) -> tuple:
    indices, shape, padding_idx = cache
    if dy.dtype != FLOAT32 or 0 in (dy.size, *shape):
        return numpy_embedding_backward(dy, cache)
    dw = empty(shape)
    _embedding_backward(ready(dy).reshape(-1, shape[1]), integers(indices).ravel(), dw)
    if padding_idx is not None:
        dw[padding_idx] = 0
    return None, dw
