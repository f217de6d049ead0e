"""16.3: softmax of each row, a warp a row, by shuffles."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .... import ops
from ....errors import ArgumentError
from ....gpu import contiguous, cuda, empty, float32, launch
from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kernels import KernelFill

WARP = 32

rows = KernelFill("16.3", "softmax(x, y)", returns="y", level=3, minutes=10)
rows.draws_asked = 8  # 32 lanes that wait for each other ten times


@rows.launched
def _(kernel, x, grid, block):
    y = empty(x.shape, like=x)
    launch(kernel, grid, block, x, y)
    return y


def of(x: np.ndarray, **about: str) -> Case:
    return case(x.astype(np.float32), grid=len(x), block=WARP, **about)


@rows.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield of(rng.normal(size=(1, 32)), note="one row of 32, a number for each lane")
    yield of(rng.normal(size=(2, 5)), note="rows of 5: lanes without a number")
    yield of(rng.normal(size=(1, 40)), note="a row of 40: some lanes have two numbers")
    yield of(rng.normal(size=(2, 3)) + 200, tags="large", note="numbers around 200")
    yield of(rng.normal(size=(2, 3)) - 200, tags="large", note="numbers around -200")
    yield of(np.zeros((1, 1)), tags="one", note="a row of one number")
    yield of(3 * rng.normal(size=(1, 66)), note="a row of 66")


@rows.drawn
def _(rng: np.random.Generator) -> Case:
    n, columns = 1 + int(rng.random() < 0.2), draw.size(rng, most=12)
    return case(draw.laid(rng, rng.normal(size=(n, columns)).astype(np.float32)), grid=n, block=WARP)


@rows.reference
def _(x, **launch):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@rows.worked
def softmax(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.right
def through_shared_memory(x, y):
    s = cuda.shared.array(32, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    s[t] = float32(-3e38)
    for j in range(t, x.shape[1], 32):
        s[t] = max(s[t], x[row, j])
    cuda.syncthreads()
    m = s[0]
    for k in range(1, 32):
        m = max(m, s[k])
    cuda.syncthreads()
    s[t] = float32(0)
    for j in range(t, x.shape[1], 32):
        s[t] += math.exp(x[row, j] - m)
    cuda.syncthreads()
    total = float32(0)
    for k in range(32):
        total += s[k]
    for j in range(t, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.right
def one_lane_spreads(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m, total = x[row, 0], float32(0)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    for step in (16, 8, 4, 2, 1):
        m = max(m, cuda.shfl_down_sync(0xFFFFFFFF, m, step))
    m = cuda.shfl_sync(0xFFFFFFFF, m, 0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    for step in (16, 8, 4, 2, 1):
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, step)
    total = cuda.shfl_sync(0xFFFFFFFF, total, 0)
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def no_maximum(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j])
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j]) / total


@rows.mistake
def maximum_of_each_lane(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def sum_of_each_lane(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def exchanges_from_eight(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 8
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    step = 8
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def exchanges_down_to_two(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 1:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    step = 16
    while step > 1:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def sum_only_in_lane_0(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    step = 16
    while step > 0:
        total += cuda.shfl_down_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def maximum_begins_at_0(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(0)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def not_divided(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m)


@rows.mistake
def sums_the_numbers(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += x[row, j] - m
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def one_number_a_lane(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    if lane < x.shape[1]:
        m = max(m, x[row, lane])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    if lane < x.shape[1]:
        total += math.exp(x[row, lane] - m)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    if lane < x.shape[1]:
        y[row, lane] = math.exp(x[row, lane] - m) / total


@rows.mistake
def every_lane_the_whole_row(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(x.shape[1]):
        total += math.exp(x[row, j] - m)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def first_row_for_all(x, y):
    row, lane = 0, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.mistake
def leaves_early(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    if lane >= x.shape[1]:
        return
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    step = 16
    while step > 0:
        m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.two("maximum_of_each_lane", "sum_of_each_lane")
def _(x, y):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-3e38)
    for j in range(lane, x.shape[1], 32):
        m = max(m, x[row, j])
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - m)
    for j in range(lane, x.shape[1], 32):
        y[row, j] = math.exp(x[row, j] - m) / total


@rows.swaps
def _(launcher):
    def forward(x, axis=-1):
        if axis not in (-1, x.ndim - 1):
            raise ArgumentError("softmax", f"axis={axis}", "the last axis", "F.softmax(scores)")
        flat = contiguous(x.reshape(-1, x.shape[-1]))  # (rows, n)
        p = launcher(flat, grid=len(flat), block=WARP).reshape(x.shape)
        return p, (p, axis)

    return ops.softmax.using(forward, ops.softmax.pairs["numpy"].backward)
