"""15.3: a loop over the grid, right for any number of blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ....errors import ArgumentError
from ....gpu import cuda, launch
from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kernels import KernelFill

step = KernelFill("15.3", "descend(p, g, lr)", returns="p", level=2, minutes=7)


def pair(rng: np.random.Generator, n: int) -> list[np.ndarray]:
    """p and g, with no zeros: a step that is made twice must show."""
    return [rng.uniform(0.5, 2, n).round(2).astype(np.float32) for _ in range(2)]


@step.launched
def _(kernel, p, g, lr, grid, block):
    p = p.copy()
    launch(kernel, grid, block, p, g, float(lr))
    return p


@step.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(*pair(rng, 5), 0.5, grid=1, block=2, note="2 threads for 5 elements")
    yield case(*pair(rng, 5), 0.5, grid=2, block=2, note="4 threads for 5 elements")
    yield case(*pair(rng, 8), 0.1, grid=2, block=4, note="8 threads for 8 elements")
    yield case(*pair(rng, 5), 0.1, grid=3, block=4, note="12 threads for 5 elements")
    yield case(*pair(rng, 1), 0.5, grid=1, block=1, tags="one", note="one thread, one element")
    yield case(*pair(rng, 50), 0.25, grid=2, block=8, note="16 threads for 50 elements")
    yield case(*pair(rng, 64), 0.25, grid=1, block=32, note="32 threads for 64 elements")
    yield case(*pair(rng, 7), 0.0, grid=2, block=2, note="a rate of 0")


@step.drawn
def _(rng: np.random.Generator) -> Case:
    n, block, grid = draw.size(rng, most=60), draw.one_of(rng, 1, 2, 3, 8, 16), int(rng.integers(1, 5))
    return case(*(draw.laid(rng, a) for a in pair(rng, n)), float(rng.choice([0.1, 0.5, 1.0, -0.25])),
                grid=grid, block=block)  # fmt: skip


@step.reference
def _(p, g, lr, **launch):
    return p - np.float32(lr) * g


@step.worked
def descend(p, g, lr):
    i = cuda.grid(1)
    while i < p.size:
        p[i] -= lr * g[i]
        i += cuda.gridsize(1)  # as many elements further as there are threads in the grid


@step.right
def by_range(p, g, lr):
    for i in range(cuda.grid(1), p.size, cuda.gridsize(1)):
        p[i] = p[i] - lr * g[i]


@step.right
def a_piece_for_each_thread(p, g, lr):
    threads = cuda.gridDim.x * cuda.blockDim.x
    piece = (p.size + threads - 1) // threads
    first = (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x) * piece
    for i in range(first, min(first + piece, p.size)):
        p[i] -= g[i] * lr


@step.mistake
def one_element_each(p, g, lr):
    i = cuda.grid(1)
    if i < p.size:
        p[i] -= lr * g[i]


@step.mistake
def right_for_one_block_only(p, g, lr):
    i = cuda.threadIdx.x
    while i < p.size:
        p[i] -= lr * g[i]
        i += cuda.blockDim.x


@step.mistake
def steps_by_a_block(p, g, lr):
    i = cuda.grid(1)
    while i < p.size:
        p[i] -= lr * g[i]
        i += cuda.blockDim.x


@step.mistake
def steps_by_the_blocks(p, g, lr):
    i = cuda.grid(1)
    while i < p.size:
        p[i] -= lr * g[i]
        i += cuda.gridDim.x


@step.mistake
def steps_by_one(p, g, lr):
    i = cuda.grid(1)
    while i < p.size:
        p[i] -= lr * g[i]
        i += 1


@step.mistake
def never_ends(p, g, lr):
    i = cuda.grid(1)
    while i < p.size:
        p[i] -= lr * g[i]


@step.mistake
def one_too_many(p, g, lr):
    i = cuda.grid(1)
    while i <= p.size:
        p[i] -= lr * g[i]
        i += cuda.gridsize(1)


@step.mistake
def uphill(p, g, lr):
    i = cuda.grid(1)
    while i < p.size:
        p[i] += lr * g[i]
        i += cuda.gridsize(1)


@step.mistake
def no_rate(p, g, lr):
    i = cuda.grid(1)
    while i < p.size:
        p[i] -= g[i]
        i += cuda.gridsize(1)


@step.mistake
def gradient_for_parameter(p, g, lr):
    i = cuda.grid(1)
    while i < p.size:
        p[i] = lr * g[i]
        i += cuda.gridsize(1)


@step.mistake
def no_guard(p, g, lr):
    i = cuda.grid(1)
    p[i] -= lr * g[i]


@step.two("uphill", "one_element_each")
def _(p, g, lr):
    i = cuda.grid(1)
    if i < p.size:
        p[i] += lr * g[i]


@step.swaps
def _(launcher):
    def forward(p, g, m=None, *, lr, **more):
        if m is not None or any(more.values()):
            got = "a step with momentum or decay"
            raise ArgumentError("descend", got, "plain gradient descent", "optim.SGD(params, lr=0.1)")
        p[...] = launcher(p.reshape(-1), g.reshape(-1), float(lr), grid=2, block=32).reshape(p.shape)
        return p, None

    return ops.sgd_update.using(forward)
