"""15.1: a kernel with a guard, one thread for each element."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ....gpu import blocks, cuda, empty, float32, launch
from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kernels import KernelFill

guarded = KernelFill("15.1", "relu(x, y)", returns="y", level=1, minutes=5)


def numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Of both signs, some of them 0."""
    return (rng.normal(size=shape) * (rng.random(shape) < 0.85)).astype(np.float32)


def small(count: int) -> np.ndarray:
    """A few numbers to look at."""
    return np.array([-1.5, 2.0, 0.5, -0.25, 3.0, -2.0, 1.0, 0.0, -0.5, 4.0][:count], np.float32)


@guarded.launched
def _(kernel, x, grid, block):
    y = empty(x.shape, like=x)
    launch(kernel, grid, block, x, y)
    return y


@guarded.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(small(5), grid=2, block=4, note="8 threads for 5 elements")
    yield case(small(8), grid=2, block=4, note="8 threads for 8 elements")
    yield case(small(7), grid=1, block=8, note="one block, a thread more than elements")
    yield case(small(1), grid=1, block=1, tags="one", note="one thread, one element")
    yield case(small(1), grid=1, block=32, tags="one", note="32 threads for one element")
    yield case(numbers(rng, 45), grid=3, block=16, note="48 threads for 45 elements")
    yield case(numbers(rng, 33), grid=2, block=32, note="64 threads for 33 elements")
    yield case(numbers(rng, 20), grid=5, block=8, note="two blocks more than are needed")


@guarded.drawn
def _(rng: np.random.Generator) -> Case:
    n, block = draw.size(rng, most=60), draw.one_of(rng, 1, 3, 4, 8, 16, 32)
    return case(draw.laid(rng, numbers(rng, n)), grid=blocks(n, block) + int(rng.integers(0, 2)), block=block)


@guarded.reference
def _(x, **launch):
    return np.maximum(x, 0)


@guarded.worked
def relu(x, y):
    i = cuda.grid(1)
    if i < x.size:  # the last block may reach beyond the end
        y[i] = max(x[i], float32(0))


@guarded.right
def place_by_hand(x, y):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if i >= y.shape[0]:
        return
    y[i] = x[i] if x[i] > float32(0) else float32(0)


@guarded.right
def with_a_stride(x, y):
    for i in range(cuda.grid(1), len(x), cuda.gridsize(1)):
        y[i] = x[i] * (x[i] > 0)


@guarded.mistake
def no_guard(x, y):
    i = cuda.grid(1)
    y[i] = max(x[i], float32(0))


@guarded.mistake
def one_too_many(x, y):
    i = cuda.grid(1)
    if i <= x.size:
        y[i] = max(x[i], float32(0))


@guarded.mistake
def last_one_left_out(x, y):
    i = cuda.grid(1)
    if i < x.size - 1:
        y[i] = max(x[i], float32(0))


@guarded.mistake
def thread_for_element(x, y):
    i = cuda.threadIdx.x
    if i < x.size:
        y[i] = max(x[i], float32(0))


@guarded.mistake
def block_for_element(x, y):
    i = cuda.blockIdx.x
    if i < x.size:
        y[i] = max(x[i], float32(0))


@guarded.mistake
def blocks_not_counted_in_threads(x, y):
    i = cuda.blockIdx.x + cuda.threadIdx.x
    if i < x.size:
        y[i] = max(x[i], float32(0))


@guarded.mistake
def wrong_factor(x, y):
    i = cuda.threadIdx.x * cuda.blockDim.x + cuda.blockIdx.x
    if i < x.size:
        y[i] = max(x[i], float32(0))


@guarded.mistake
def only_where_positive(x, y):
    i = cuda.grid(1)
    if i < x.size and x[i] > 0:
        y[i] = x[i]


@guarded.mistake
def returned(x, y):
    i = cuda.grid(1)
    if i < x.size:
        return max(x[i], float32(0))


@guarded.mistake
def into_the_input(x, y):
    i = cuda.grid(1)
    if i < x.size:
        x[i] = max(x[i], float32(0))
        y[i] = x[i]


@guarded.mistake
def counted_from_one(x, y):
    i = cuda.grid(1) + 1
    if i < x.size:
        y[i] = max(x[i], float32(0))


@guarded.mistake
def loop_in_every_thread(x, y):
    for i in range(x.size + 1):
        y[i] = max(x[i], float32(0))


@guarded.two("no_guard", "thread_for_element")
def _(x, y):
    i = cuda.threadIdx.x
    y[i] = max(x[i], float32(0))


@guarded.swaps
def _(launcher):
    def forward(x):
        flat = x.reshape(-1)
        y = launcher(flat, grid=blocks(flat.size, 64), block=64)
        return y.reshape(x.shape), x

    return ops.relu.using(forward, lambda dy, x: (dy * (x > 0),))
