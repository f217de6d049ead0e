"""10.4: the gradient of a table whose rows were looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .... import ops
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from .training import by_letters

lookup = Fill("10.4", "embedding_backward(dy, indices, rows)", returns="dw", level=2, minutes=7)


@lookup.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(indices: list, d: int, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
        x = np.array(indices)
        return rng.normal(size=(*x.shape, d)).round(1).astype(dtype), x

    yield case(*draw([[3, 1]], 2), 4, note="2 tokens, a table of 4 rows")
    yield case(*draw([[2, 0, 2]], 2), 4, note="row 2 was looked up twice")
    yield case(*draw([[1, 1, 1], [1, 2, 0]], 3), 5, note="2 sentences, row 1 four times")
    dy, x = draw([[0, 4], [4, 3]], 2)
    yield case(np.ones_like(dy), x, 6, tags="ones", note="an upstream gradient of ones")
    yield case(*draw([[2]], 3), 3, tags="one", note="one token")
    yield case(*draw([[0, 0], [0, 0]], 2), 2, tags="square", note="row 0 alone")
    yield case(*draw([[5, 2, 5], [5, 1, 0]], 4, np.float32), 7, tags="float32", note="float32")


@lookup.drawn
def _(rng: np.random.Generator) -> Case:
    n, t, d = draw.sizes(rng, 3, most=9)
    rows = draw.size(rng, most=30)
    (dy,) = draw.arrays(rng, (n, t, d), kinds="usual whole below above equal sparse")
    return case(dy, rng.integers(0, rows, (n, t)), rows)


@lookup.reference
def _(dy, indices, rows):
    weight = np.zeros((rows, dy.shape[-1]), dy.dtype)
    _, cache = ops.embedding.pairs["numpy"].forward(indices, weight)
    return ops.embedding.pairs["numpy"].backward(dy, cache)[1]  # type: ignore[misc]


@lookup.worked
def embedding_backward(dy, indices, rows):
    dw = np.zeros((rows, dy.shape[-1]), dy.dtype)  # a row that nobody looked up keeps 0
    for n in range(indices.shape[0]):
        for t in range(indices.shape[1]):
            dw[indices[n, t]] += dy[n, t]  # a row that was looked up twice gets both
    return dw


@lookup.right
def with_add_at(dy, indices, rows):
    dw = np.zeros((rows, dy.shape[-1]), dy.dtype)
    np.add.at(dw, indices, dy)
    return dw


@lookup.right
def as_a_product(dy, indices, rows):
    """Looking up is a product with rows that hold a single 1; backward multiplies by their transpose."""
    one_hot = (indices.reshape(-1, 1) == np.arange(rows)).astype(dy.dtype)  # (N T, V)
    return one_hot.T @ dy.reshape(len(one_hot), -1)


# -- mistakes --------------------------------------------------------------------------------------------


def _right(dy: np.ndarray, indices: np.ndarray, rows: int) -> np.ndarray:
    dw = np.zeros((rows, dy.shape[-1]), dy.dtype)
    np.add.at(dw, indices, dy)
    return dw


@lookup.mistake
def last_one_wins(dy, indices, rows):
    dw = np.zeros((rows, dy.shape[-1]), dy.dtype)
    for i in np.ndindex(indices.shape):
        dw[indices[i]] = dy[i]
    return dw


@lookup.mistake
def first_one_wins(dy, indices, rows):
    dw = np.zeros((rows, dy.shape[-1]), dy.dtype)
    for i in reversed(list(np.ndindex(indices.shape))):
        dw[indices[i]] = dy[i]
    return dw


@lookup.mistake
def averaged(dy, indices, rows):
    counts = np.bincount(indices.ravel(), minlength=rows)[:, None]
    return (_right(dy, indices, rows) / np.maximum(counts, 1)).astype(dy.dtype)


@lookup.mistake
def counted(dy, indices, rows):
    return _right(np.ones_like(dy), indices, rows)


@lookup.mistake
def used_rows_alone(dy, indices, rows):
    return _right(dy, indices, rows)[np.unique(indices)]


@lookup.mistake
def a_row_for_each_token(dy, indices, rows):
    return dy.reshape(-1, dy.shape[-1]).copy()


@lookup.mistake
def added_to_all_rows(dy, indices, rows):
    return np.broadcast_to(dy.sum(axis=(0, 1)), (rows, dy.shape[-1])).copy()


@lookup.mistake
def row_0_left_out(dy, indices, rows):
    dw = _right(dy, indices, rows)
    dw[0] = 0
    return dw


@lookup.mistake
def mean_over_the_tokens(dy, indices, rows):
    return (_right(dy, indices, rows) / indices.size).astype(dy.dtype)


@lookup.mistake
def first_sentence_only(dy, indices, rows):
    return _right(dy[:1], indices[:1], rows)


@lookup.mistake
def one_row_too_far(dy, indices, rows):
    return np.roll(_right(dy, indices, rows), 1, axis=0)


@lookup.mistake
def table_turned(dy, indices, rows):
    return _right(dy, indices, rows).T


@lookup.two("last_one_wins", "row_0_left_out")
def _(dy, indices, rows):
    dw = last_one_wins(dy, indices, rows)
    dw[0] = 0
    return dw


@lookup.two("last_one_wins", "mean_over_the_tokens")
def _(dy, indices, rows):
    return (last_one_wins(dy, indices, rows) / indices.size).astype(dy.dtype)


@lookup.swaps
def _(function: Callable) -> Any:
    def forward(indices, weight, padding_idx=None):
        return weight[indices], (indices, len(weight), padding_idx)

    def backward(dy, cache):
        indices, rows, padding_idx = cache
        flat = indices.reshape(len(indices), -1) if indices.ndim else indices.reshape(1, 1)  # (N, T)
        dw = np.asarray(function(dy.reshape(*flat.shape, dy.shape[-1]), flat, rows))
        if padding_idx is not None and len(dw) == rows:
            dw[padding_idx] = 0
        return None, dw

    return ops.embedding.using(forward, backward)


@lookup.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    assert lookup.swap is not None
    with lookup.swap(function):
        yield from by_letters(optimizer, seed)
