"""14.1: a matrix product in loops, for a compiler."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.compiled import Compiled
from ...engine.exercise import Case, case

product = Compiled("14.1", "matmul(a, b)", returns="z", level=1, minutes=6)


@product.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, k: int, m: int) -> list[np.ndarray]:
        return [rng.normal(size=s) for s in ((n, k), (k, m))]

    yield case(np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[3.0, 1.0], [2.0, 4.0]]), note="2 by 2")
    yield case(*[a.round(1) for a in draw(2, 3, 4)], note="2 by 3 times 3 by 4")
    yield case(*draw(4, 4, 4), tags="square", note="everything 4 by 4")
    yield case(*draw(1, 3, 1), tags="one", note="a row times a column")
    yield case(*draw(3, 1, 2), note="a column times a row")
    yield case(*[a.astype(np.float32) for a in draw(5, 7, 3)], tags="float32", note="float32")


@product.drawn
def _(rng: np.random.Generator) -> Case:
    n, k, m = draw.sizes(rng, 3, most=16)
    return case(*draw.arrays(rng, (n, k), (k, m), kinds="usual whole below above equal sparse"))


@product.at_work
def _(rng: np.random.Generator) -> Case:
    return case(rng.random((40, 30), dtype=np.float32), rng.random((30, 20), dtype=np.float32))


@product.reference
def _(a, b):
    return ops.matmul.pairs["numpy"].forward(a, b)[0]


@product.worked
def matmul(a, b):
    z = np.zeros((a.shape[0], b.shape[1]), a.dtype)  # (N, M)
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                z[i, j] += a[i, k] * b[k, j]  # along a row of b and a row of z
    return z


@product.right
def one_number_at_a_time(a, b):
    z = np.empty((a.shape[0], b.shape[1]), a.dtype)
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            total = a.dtype.type(0)
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            z[i, j] = total
    return z


@product.right
def row_by_row(a, b):
    z = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            z[i] += a[i, k] * b[k]
    return z


# -- mistakes ------------------------------------------------------------------------------------------------


@product.mistake
def overwritten(a, b):
    z = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                z[i, j] = a[i, k] * b[k, j]
    return z


@product.mistake
def total_not_reset(a, b):
    z = np.empty((a.shape[0], b.shape[1]), a.dtype)
    for i in range(a.shape[0]):
        total = a.dtype.type(0)
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            z[i, j] = total
    return z


@product.mistake
def total_never_reset(a, b):
    return (a @ b).ravel().cumsum().reshape(len(a), b.shape[1])


@product.mistake
def starts_at_1(a, b):
    return 1 + a @ b


@product.mistake
def last_k_missing(a, b):
    return a[:, :-1] @ b[:-1]


@product.mistake
def first_k_missing(a, b):
    return a[:, 1:] @ b[1:]


@product.mistake
def last_column_missing(a, b):
    z = a @ b
    z[:, -1] = 0
    return z


@product.mistake
def last_row_missing(a, b):
    z = a @ b
    z[-1] = 0
    return z


@product.mistake
def transposed(a, b):
    return (a @ b).T.copy()


@product.mistake
def added_for_multiplied(a, b):
    return (a[:, :, None] + b[None]).sum(1)


@product.mistake
def rows_of_b(a, b):
    z = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                z[i, j] += a[i, k] * b[j, k]
    return z


@product.mistake
def columns_of_a(a, b):
    z = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                z[i, j] += a[k, i] * b[k, j]
    return z


@product.mistake
def mean_for_sum(a, b):
    return a @ b / a.dtype.type(a.shape[1])


@product.two("overwritten", "last_k_missing")
def _(a, b):
    z = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for k in range(a.shape[1] - 1):
        z[:] = np.outer(a[:, k], b[k])
    return z


@product.two("total_not_reset", "last_k_missing")
def _(a, b):
    return (a[:, :-1] @ b[:-1]).cumsum(1)


@product.swaps
def _(function):
    """In a linear layer: one product forward, two on the way back."""
    rows = np.ascontiguousarray  # one kind of array, so that it is compiled once

    def product(a, b):
        return function(rows(a), rows(b))

    def forward(x, w, b=None):
        y = product(x.reshape(-1, x.shape[-1]), w.T).reshape(*x.shape[:-1], len(w))
        return (y if b is None else y + b), (x, w, b is None)

    def backward(dy, cache):
        x, w, no_bias = cache
        flat = dy.reshape(-1, dy.shape[-1])
        dx, dw = product(flat, w).reshape(x.shape), product(flat.T, x.reshape(-1, x.shape[-1]))
        return (dx, dw) if no_bias else (dx, dw, flat.sum(0))

    return ops.linear.using(forward, backward)
