"""embedding's backward: NumPy's ``np.add.at`` goes through the rows one index at a time, in its slow loop.

Each thread takes some columns of the table, so that no two add to the same number and the order of the
additions does not depend on how many there are. Forward is NumPy's own: it copies rows, and so would we.
Left on the table: with many threads a strip of columns is narrower than a cache line's worth of work.
"""

from __future__ import annotations

import numpy as np

from ..memory import empty
from .embedding import embedding_backward as numpy_embedding_backward
from .embedding import embedding_forward
from .kernel import FLOAT32, indices, kernel, ready, share, split

__all__ = ["embedding_backward", "embedding_forward"]


@share
def _add_columns(lo, hi, dy, indices, dw):
    for v in range(dw.shape[0]):
        for j in range(lo, hi):
            dw[v, j] = 0
    for n in range(dy.shape[0]):
        row = indices[n]
        for j in range(lo, hi):
            dw[row, j] += dy[n, j]


@kernel("f4[:, ::1], i8[::1], f4[:, ::1]")
def _embedding_backward(team, dy, indices, dw):
    split(_add_columns, team, dw.shape[1], 0.1 * dw.shape[0] + 0.3 * dy.shape[0], (dy, indices, dw))


def embedding_backward(dy: np.ndarray, cache: tuple) -> tuple:
    rows, shape = cache
    if dy.dtype != FLOAT32 or 0 in (dy.size, *shape):
        return numpy_embedding_backward(dy, cache)
    dw = empty(shape)
    _embedding_backward(ready(dy).reshape(-1, shape[1]), indices(rows).ravel(), dw)
    return None, dw
