"""16.1: a block of eight threads adds up eight numbers, in a tree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ....errors import ArgumentError
from ....gpu import blocks, cuda, empty, float32, launch
from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kernels import KernelFill

BLOCK = 8

added = KernelFill("16.1", "block_sum(x, sums)", returns="sums", level=2, minutes=8)


@added.launched
def _(kernel, x, grid, block):
    sums = empty((grid,), like=x)  # one for each block
    launch(kernel, grid, block, x, sums)
    return sums


def whole(rng: np.random.Generator, n: int) -> np.ndarray:
    """Whole numbers: their sums are exact in any order."""
    return rng.integers(-9, 10, n).astype(np.float32)


@added.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    one_to = np.arange(1, 14, dtype=np.float32)
    yield case(one_to[:8], grid=1, block=8, note="8 numbers, one block")
    yield case(one_to[:5], grid=1, block=8, note="5 numbers, one block: three threads have none")
    yield case(one_to, grid=2, block=8, note="13 numbers, two blocks")
    yield case(-one_to[:3], grid=1, block=8, note="three negative numbers")
    yield case(one_to[:1], grid=1, block=8, tags="one", note="one number")
    yield case(whole(rng, 24), grid=3, block=8, note="24 numbers, three blocks")
    yield case(whole(rng, 17), grid=3, block=8, note="17 numbers, three blocks")


@added.drawn
def _(rng: np.random.Generator) -> Case:
    n = draw.size(rng, most=40)
    return case(draw.laid(rng, whole(rng, n)), grid=blocks(n, BLOCK), block=BLOCK)


@added.reference
def _(x, grid, block, **launch):
    filled = np.concatenate([x, np.zeros(grid * block - x.size, x.dtype)])
    return filled.reshape(grid, block).sum(axis=1)


@added.worked
def block_sum(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()  # outside of the if: all threads come here
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.right
def neighbours_first(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = float32(0)
    if i < x.size:
        s[t] = x[i]
    apart = 1
    while apart < 8:
        cuda.syncthreads()
        if t % (2 * apart) == 0:
            s[t] += s[t + apart]
        apart *= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.right
def one_thread_adds_all(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    if t == 0:
        total = float32(0)
        for k in range(8):
            total += s[k]
        sums[cuda.blockIdx.x] = total


@added.mistake
def no_barrier_after_loading(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0)
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def no_barrier_between_halvings(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def no_barrier_at_all(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0)
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def barrier_in_the_branch(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
            cuda.syncthreads()
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def tail_left_as_it_was(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    if i < x.size:
        s[t] = x[i]
    cuda.syncthreads()
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def barrier_for_those_inside(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    if i < x.size:
        s[t] = x[i]
        cuda.syncthreads()
        half = 4
        while half > 0:
            if t < half:
                s[t] += s[t + half]
            cuda.syncthreads()
            half //= 2
        if t == 0:
            sums[cuda.blockIdx.x] = s[0]


@added.mistake
def no_guard(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i]
    cuda.syncthreads()
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def grid_number_in_the_block(x, sums):
    s = cuda.shared.array(8, float32)
    i = cuda.grid(1)
    s[i] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    half = 4
    while half > 0:
        if i < half:
            s[i] += s[i + half]
        cuda.syncthreads()
        half //= 2
    if i == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def every_block_the_first_numbers(x, sums):
    s = cuda.shared.array(8, float32)
    t = cuda.threadIdx.x
    s[t] = x[t] if t < x.size else float32(0)
    cuda.syncthreads()
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def stops_at_two(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    half = 4
    while half > 1:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def all_threads_add(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    half = 4
    while half > 0:
        s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.mistake
def one_sum_for_all_blocks(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        sums[0] = s[0]


@added.mistake
def adds_to_what_nobody_wrote(x, sums):
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(sums, cuda.blockIdx.x, x[i])


@added.two("no_guard", "no_barrier_between_halvings")
def _(x, sums):
    s = cuda.shared.array(8, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i]
    cuda.syncthreads()
    half = 4
    while half > 0:
        if t < half:
            s[t] += s[t + half]
        half //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]


@added.swaps
def _(launcher):
    def forward(x, axis=None, keepdims=False):
        if axis is not None or keepdims:
            got = f"a sum over axis={axis}"
            raise ArgumentError("block_sum", got, "a sum over everything", "x.sum()")
        left = x.reshape(-1)
        while left.size > 1:  # a launch turns eight numbers into one
            left = launcher(left, grid=blocks(left.size, BLOCK), block=BLOCK)
        return left.reshape(()), (x.shape, axis, keepdims)

    return ops.sum.using(forward, ops.sum.pairs["numpy"].backward)
