"""03.1: the gradients of a linear layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

linear = Fill(
    "03.1", "linear_backward(dy, x, w)", returns="dx dw db", level=2, minutes=8, dtype_matters=False
)


@linear.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, i: int, o: int, dtype: type = np.float64) -> list[np.ndarray]:
        return [rng.normal(size=s).astype(dtype) for s in ((n, o), (n, i), (o, i))]

    yield case(*[a.round(1) for a in draw(3, 2, 4)], note="3 rows, 2 inputs, 4 outputs")
    dy, x, w = draw(3, 3, 3)
    yield case(dy, x, w, tags="square", note="everything 3 by 3")
    dy, x, w = draw(4, 3, 2)
    yield case(np.ones_like(dy), x, w, tags="ones", note="an upstream gradient of ones")
    yield case(*draw(1, 2, 3), tags="one", note="a batch of one")
    yield case(*draw(3, 2, 1), note="a single output")
    yield case(*draw(5, 4, 2, np.float32), tags="float32", note="float32")


@linear.drawn
def _(rng: np.random.Generator) -> Case:
    n, i, o = draw.sizes(rng, 3)
    return case(*draw.arrays(rng, (n, o), (n, i), (o, i)))


@linear.reference
def _(dy, x, w):
    b = np.zeros(len(w), w.dtype)
    _, cache = ops.linear.pairs["numpy"].forward(x, w, b)
    return ops.linear.pairs["numpy"].pull(dy, cache, (True, True, True))


@linear.worked
def linear_backward(dy, x, w):
    dx = dy @ w  # (N, O) @ (O, I) -> (N, I)
    dw = dy.T @ x  # (O, N) @ (N, I) -> (O, I), summed over the batch
    db = dy.sum(axis=0)  # (O,): every row used the same b
    return dx, dw, db


@linear.right
def by_einsum(dy, x, w):
    return np.einsum("no,oi->ni", dy, w), np.einsum("no,ni->oi", dy, x), np.einsum("no->o", dy)


@linear.right
def row_by_row(dy, x, w):
    dx, dw, db = np.empty_like(x), np.zeros_like(w), np.zeros(len(w), w.dtype)
    for n in range(len(x)):
        dx[n] = w.T @ dy[n]
        dw += np.outer(dy[n], x[n])
        db += dy[n]
    return dx, dw, db


@linear.mistake
def dw_transposed(dy, x, w):
    return dy @ w, x.T @ dy, dy.sum(0)


@linear.mistake
def db_not_summed(dy, x, w):
    return dy @ w, dy.T @ x, dy


@linear.mistake
def mean_over_batch(dy, x, w):
    return dy @ w, dy.T @ x / len(x), dy.mean(0)


@linear.mistake
def db_over_outputs(dy, x, w):
    return dy @ w, dy.T @ x, dy.sum(1)


@linear.mistake
def db_of_ones(dy, x, w):
    return dy @ w, dy.T @ x, np.ones(len(w), dy.dtype)


@linear.mistake
def dw_first(dy, x, w):
    return dy.T @ x, dy @ w, dy.sum(0)


@linear.mistake
def w_transposed(dy, x, w):
    return dy @ w.T, dy.T @ x, dy.sum(0)


@linear.mistake
def db_keeps_a_row(dy, x, w):
    return dy @ w, dy.T @ x, dy.sum(0, keepdims=True)


@linear.mistake
def db_one_number(dy, x, w):
    return dy @ w, dy.T @ x, dy.sum()


@linear.two("dw_transposed", "db_not_summed")
def _(dy, x, w):
    return dy @ w, x.T @ dy, dy


@linear.two("dw_transposed", "db_keeps_a_row")
def _(dy, x, w):
    return dy @ w, x.T @ dy, dy.sum(0, keepdims=True)


@linear.two("dw_transposed", "db_over_outputs")
def _(dy, x, w):
    return dy @ w, x.T @ dy, dy.sum(1)


@linear.two("mean_over_batch", "dw_transposed")
def _(dy, x, w):
    return dy @ w, x.T @ dy / len(x), dy.mean(0)


@linear.two("db_not_summed", "w_transposed")
def _(dy, x, w):
    return dy @ w.T, dy.T @ x, dy


@linear.swaps
def _(function):
    def forward(x, w, b=None):
        y, cache = ops.linear.pairs["numpy"].forward(x, w, *([] if b is None else [b]))
        return y, (x, w, b is None)

    def backward(dy, cache):
        x, w, no_bias = cache
        dx, dw, db = function(dy.reshape(-1, dy.shape[-1]), x.reshape(-1, x.shape[-1]), w)
        return (dx.reshape(x.shape), dw) if no_bias else (dx.reshape(x.shape), dw, db)

    return ops.linear.using(forward, backward)
