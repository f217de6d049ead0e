"""15.2: a layer, one thread for each output of each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import ops
from ....gpu import blocks, contiguous, cuda, empty, float32, launch, zeros
from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kernels import KernelFill

layer = KernelFill("15.2", "linear(x, w, b, y)", returns="y", level=2, minutes=8)


def floats(rng: np.random.Generator, n: int, i: int, o: int) -> tuple[Any, ...]:
    """x (N, I), w (O, I), b (O,)."""
    return tuple(rng.normal(size=s).round(1).astype(np.float32) for s in ((n, i), (o, i), (o,)))


@layer.launched
def _(kernel, x, w, b, grid, block):
    y = empty((len(x), len(w)), like=x)  # (N, O)
    launch(kernel, grid, block, x, w, b, y)
    return y


@layer.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(*floats(rng, 2, 2, 3), grid=(2, 1), block=(2, 2), note="2 rows, 3 outputs, 4 x 2 threads")
    yield case(*floats(rng, 3, 4, 2), grid=(1, 2), block=(2, 2), note="more rows than outputs")
    yield case(*floats(rng, 2, 3, 4), grid=(1, 1), block=(4, 2), note="as many threads as outputs")
    yield case(*floats(rng, 1, 1, 1), grid=(1, 1), block=(4, 4), tags="one", note="one output, 16 threads")
    yield case(*floats(rng, 5, 2, 9), grid=(3, 2), block=(4, 4), note="5 rows, 9 outputs, blocks of 4 x 4")
    yield case(*floats(rng, 9, 3, 5), grid=(1, 3), block=(8, 4), note="9 rows, 5 outputs, blocks of 8 x 4")
    yield case(*floats(rng, 3, 3, 3), grid=(2, 2), block=(2, 2), tags="square", note="all sizes are 3")


@layer.drawn
def _(rng: np.random.Generator) -> Case:
    n, i, o = (draw.size(rng, most=8) for _ in range(3))
    block = draw.one_of(rng, (4, 4), (8, 2), (2, 3), (5, 1), (1, 5), (8, 8))
    grid = blocks(o, block[0]) + int(rng.integers(0, 2)), blocks(n, block[1]) + int(rng.integers(0, 2))
    return case(*(draw.laid(rng, a) for a in floats(rng, n, i, o)), grid=grid, block=block)


@layer.reference
def _(x, w, b, **launch):
    return x @ w.T + b


@layer.worked
def linear(x, w, b, y):
    o, n = cuda.grid(2)  # x of the grid runs along a row of y
    if n < y.shape[0] and o < y.shape[1]:
        total = b[o]
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i]
        y[n, o] = total


@layer.right
def leaves_early(x, w, b, y):
    o = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    n = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
    if n >= x.shape[0] or o >= b.size:
        return
    total = float32(0)
    for i in range(w.shape[1]):
        total += w[o, i] * x[n, i]
    y[n, o] = total + b[o]


@layer.right
def sums_in_the_output(x, w, b, y):
    o, n = cuda.grid(2)
    if n < y.shape[0] and o < y.shape[1]:
        y[n, o] = b[o]
        for i in range(x.shape[1]):
            y[n, o] += x[n, i] * w[o, i]


@layer.mistake
def axes_swapped(x, w, b, y):
    n, o = cuda.grid(2)
    if n < y.shape[0] and o < y.shape[1]:
        total = b[o]
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i]
        y[n, o] = total


@layer.mistake
def no_guard(x, w, b, y):
    o, n = cuda.grid(2)
    total = b[o]
    for i in range(x.shape[1]):
        total += x[n, i] * w[o, i]
    y[n, o] = total


@layer.mistake
def guard_on_rows_alone(x, w, b, y):
    o, n = cuda.grid(2)
    if n < y.shape[0]:
        total = b[o]
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i]
        y[n, o] = total


@layer.mistake
def guard_on_outputs_alone(x, w, b, y):
    o, n = cuda.grid(2)
    if o < y.shape[1]:
        total = b[o]
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i]
        y[n, o] = total


@layer.mistake
def one_too_many(x, w, b, y):
    o, n = cuda.grid(2)
    if n <= y.shape[0] and o <= y.shape[1]:
        total = b[o]
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i]
        y[n, o] = total


@layer.mistake
def sizes_swapped_in_the_guard(x, w, b, y):
    o, n = cuda.grid(2)
    if n < y.shape[1] and o < y.shape[0]:
        total = b[o]
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i]
        y[n, o] = total


@layer.mistake
def or_for_and(x, w, b, y):
    o, n = cuda.grid(2)
    if n < y.shape[0] or o < y.shape[1]:
        total = b[o]
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i]
        y[n, o] = total


@layer.mistake
def no_bias(x, w, b, y):
    o, n = cuda.grid(2)
    if n < y.shape[0] and o < y.shape[1]:
        total = float32(0)
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i]
        y[n, o] = total


@layer.mistake
def bias_in_the_sum(x, w, b, y):
    o, n = cuda.grid(2)
    if n < y.shape[0] and o < y.shape[1]:
        total = float32(0)
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i] + b[o]
        y[n, o] = total


@layer.mistake
def adds_to_what_nobody_wrote(x, w, b, y):
    o, n = cuda.grid(2)
    if n < y.shape[0] and o < y.shape[1]:
        for i in range(x.shape[1]):
            y[n, o] += x[n, i] * w[o, i]
        y[n, o] += b[o]


@layer.mistake
def w_turned(x, w, b, y):
    o, n = cuda.grid(2)
    if n < y.shape[0] and o < y.shape[1]:
        total = b[o]
        for i in range(x.shape[1]):
            total += x[n, i] * w[i, o]
        y[n, o] = total


@layer.mistake
def last_product_alone(x, w, b, y):
    o, n = cuda.grid(2)
    if n < y.shape[0] and o < y.shape[1]:
        for i in range(x.shape[1]):
            y[n, o] = x[n, i] * w[o, i] + b[o]


@layer.mistake
def one_block_in_each_direction(x, w, b, y):
    o, n = cuda.threadIdx.x, cuda.threadIdx.y
    if n < y.shape[0] and o < y.shape[1]:
        total = b[o]
        for i in range(x.shape[1]):
            total += x[n, i] * w[o, i]
        y[n, o] = total


@layer.two("no_guard", "no_bias")
def _(x, w, b, y):
    o, n = cuda.grid(2)
    total = float32(0)
    for i in range(x.shape[1]):
        total += x[n, i] * w[o, i]
    y[n, o] = total


@layer.swaps
def _(launcher):
    def forward(x, w, b=None):
        bias = zeros((len(w),), like=w) if b is None else b
        rows = contiguous(x.reshape(-1, x.shape[-1]))  # (N, I)
        grid = blocks(len(w), 8), blocks(len(rows), 8)
        y = launcher(rows, w, bias, grid=grid, block=(8, 8))
        return y.reshape(*x.shape[:-1], len(w)), (x, w, b is not None)

    return ops.linear.using(forward, ops.linear.pairs["numpy"].backward)
