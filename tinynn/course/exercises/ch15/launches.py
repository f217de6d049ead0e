"""15.5: sizes and launches that find wrong kernels."""

from __future__ import annotations

import numpy as np

from ....gpu import cuda
from ...engine.exercise import Case, case
from ...engine.launches import LaunchChecker
from .sgd import pair, step


def right_below_64(p, g, lr):
    i = cuda.grid(1)
    while i < p.size and i < 64:
        p[i] -= lr * g[i]
        i += cuda.gridsize(1)


def stride_of_two_blocks(p, g, lr):
    i = cuda.grid(1)
    while i < p.size:
        p[i] -= lr * g[i]
        i += 2 * cuda.blockDim.x


def blocks_of_even_size(p, g, lr):
    i = cuda.blockIdx.x * (cuda.blockDim.x // 2 * 2) + cuda.threadIdx.x
    while i < p.size:
        p[i] -= lr * g[i]
        i += cuda.gridsize(1)


def make(n: int, grid: int, block: int) -> Case:
    return case(*pair(np.random.default_rng(n), n), 0.5, grid=grid, block=block)


found_out = LaunchChecker(
    "15.5",
    "launches",
    of=step,
    make=make,
    wrong=("one_element_each", "right_for_one_block_only", "no_guard", "one_too_many"),
    extra={f.__name__: f for f in (right_below_64, stride_of_two_blocks, blocks_of_even_size)},
    at_most=2,
    needed=0.99,
    level=2,
    minutes=6,
)


@found_out.worked
def launches():
    return [
        (5, 2, 4),  # more threads than elements, not a multiple of the block
        (100, 3, 5),  # several blocks, an odd block, fewer threads than elements, more than 64 elements
    ]
