"""softmax and log_softmax on the GPU: three ways to share out the rows.

    naive     a thread walks along its row, three times
    warp      a warp holds its row in registers: x is read once, for rows up to 1024
    online    a block walks along its row twice: largest and sum in one pass, for rows of any length

Along the last axis the warp or, for longer rows, the block runs. Along another axis, x is (outer, n, inner)
and rows lie across memory: there neighbouring threads of the naive kernel read neighbouring numbers, and it
is the right one. Along the last axis they would read numbers a row apart, 32 bytes fetched for 4 used.

The largest starts at LOWEST, the lowest number, instead of -inf: a row that begins with -inf then needs no
case of its own, since exp(-inf - LOWEST) is 0. Infinite, masked and NaN rows give what the reference gives.
At least 8 bytes of memory traffic an element forward (read x, write y), 12 backward.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from ..gpu import Kernel, blocks, cuda, empty, float32, launch
from ..gpu import uint32 as u
from .specs import size
from .team_cuda import LOWEST, WARP, ZERO, team, warp_max, warp_sum

ONE, LEAST = float32(1), float32(-math.inf)
IN_REGISTERS = 1024  # longest row of which a warp keeps each number in a register
ROWS = 4  # warps of a block, each with a row of its own
BLOCK = 256  # threads that share a longer row
CHUNK = 4  # numbers that a thread asks for before it looks at the first: memory answers them together


@cuda.jit(device=True)
def log(x):
    """The logarithm, -inf at 0."""
    return LEAST if x == ZERO else math.log(x)


# -- forward ---------------------------------------------------------------------------------------


@functools.cache
def make_naive(LOG: bool) -> Kernel:
    """One thread a row of x (outer, n, inner): largest, then sum of exponentials, then division."""

    @cuda.jit
    def softmax_naive(x, y):
        row = u(cuda.grid(1))
        o, n, i = row // u(x.shape[2]), u(x.shape[1]), row % u(x.shape[2])
        if o >= u(x.shape[0]):
            return
        m, total, j = LOWEST, ZERO, u(0)
        while j < n:
            m = max(m, x[o, j, i])
            j += u(1)
        j = u(0)
        while j < n:
            total += math.exp(x[o, j, i] - m)
            j += u(1)
        scale, shift, j = ONE / total, log(total), u(0)
        while j < n:
            y[o, j, i] = (x[o, j, i] - m) - shift if LOG else math.exp(x[o, j, i] - m) * scale
            j += u(1)

    return softmax_naive


@functools.cache
def make_warp(PER: int, LOG: bool) -> Kernel:
    """One warp a row of x (rows, n), n at most 32 PER: each thread keeps PER numbers in registers."""

    @cuda.jit
    def softmax_warp(x, y):
        mine = cuda.local.array(PER, float32)
        lane, n = u(cuda.threadIdx.x), u(x.shape[1])
        row = u(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y)
        if row >= u(x.shape[0]):
            return
        m, total = LOWEST, ZERO
        for k in range(u(PER)):
            j = lane + u(k) * u(WARP)
            mine[k] = x[row, j] if j < n else LEAST
            m = max(m, mine[k])
        m = warp_max(m)
        for k in range(u(PER)):
            mine[k] -= m
            total += math.exp(mine[k])
        total = warp_sum(total)
        scale, shift = ONE / total, log(total)
        for k in range(u(PER)):
            j = lane + u(k) * u(WARP)
            if j < n:
                y[row, j] = mine[k] - shift if LOG else math.exp(mine[k]) * scale

    return softmax_warp


@functools.cache
def make_statistics(T: int) -> Kernel:
    """A device function with which a team of T threads finds a row's largest m and sum of exp(x - m).

    One pass: when a larger m turns up, the sum so far is multiplied by exp(old m - new m).
    Source: Milakov and Gimelshein, Online normalizer calculation for softmax, 2018.
    """
    team_sum, team_max = team(T)

    @cuda.jit(device=True)
    def statistics(x, row, parts):
        mine = cuda.local.array(CHUNK, float32)
        n, j, m, total = u(x.shape[1]), u(cuda.threadIdx.x), LOWEST, ZERO
        while j < n:
            larger = m
            for k in range(u(CHUNK)):
                mine[k] = x[row, j + u(k) * u(T)] if j + u(k) * u(T) < n else LEAST
                larger = max(larger, mine[k])
            total *= math.exp(m - larger)
            m = larger
            for k in range(u(CHUNK)):
                total += math.exp(mine[k] - m)
            j += u(T * CHUNK)
        largest = team_max(m, parts)
        return largest, team_sum(total * math.exp(m - largest), parts)

    return statistics


@functools.cache
def make_online(T: int, LOG: bool) -> Kernel:
    """One block of T threads a row of x (rows, n): statistics in one pass, the result in a second.

    The second reading of a row is near enough to the first that a cache answers it.
    """
    statistics = make_statistics(T)

    @cuda.jit
    def softmax_online(x, y):
        mine, parts = cuda.local.array(CHUNK, float32), cuda.shared.array(WARP, float32)
        row, j, n = u(cuda.blockIdx.x), u(cuda.threadIdx.x), u(x.shape[1])
        m, total = statistics(x, row, parts)
        scale, shift = ONE / total, log(total)
        while j < n:
            for k in range(u(CHUNK)):  # all loads first: none may pass a store, which could change x
                mine[k] = x[row, j + u(k) * u(T)] - m if j + u(k) * u(T) < n else ZERO
            for k in range(u(CHUNK)):
                if j + u(k) * u(T) < n:
                    y[row, j + u(k) * u(T)] = mine[k] - shift if LOG else math.exp(mine[k]) * scale
            j += u(T * CHUNK)

    return softmax_online


# -- backward --------------------------------------------------------------------------------------


def make_rule(LOG: bool) -> tuple[Kernel, Kernel]:
    """Of y and dy: what is summed along a row, and dx, given that sum.

    softmax: dx = y (dy - sum y dy). log_softmax: dx = dy - exp(y) sum dy.
    """

    @cuda.jit(device=True)
    def term(y, dy):
        return dy if LOG else y * dy

    @cuda.jit(device=True)
    def slope(y, dy, total):
        return dy - math.exp(y) * total if LOG else y * (dy - total)

    return term, slope


@functools.cache
def make_naive_backward(LOG: bool) -> Kernel:
    """One thread a row of (outer, n, inner): the sum, then each dx."""
    term, slope = make_rule(LOG)

    @cuda.jit
    def softmax_naive_backward(y, dy, dx):
        row = u(cuda.grid(1))
        o, n, i = row // u(y.shape[2]), u(y.shape[1]), row % u(y.shape[2])
        if o >= u(y.shape[0]):
            return
        total, j = ZERO, u(0)
        while j < n:
            total += term(y[o, j, i], dy[o, j, i])
            j += u(1)
        j = u(0)
        while j < n:
            dx[o, j, i] = slope(y[o, j, i], dy[o, j, i], total)
            j += u(1)

    return softmax_naive_backward


@functools.cache
def make_warp_backward(PER: int, LOG: bool) -> Kernel:
    """One warp a row, y and dy of which it keeps in registers."""
    term, slope = make_rule(LOG)

    @cuda.jit
    def softmax_warp_backward(y, dy, dx):
        mine, mine_dy = cuda.local.array(PER, float32), cuda.local.array(PER, float32)
        lane, n, total = u(cuda.threadIdx.x), u(y.shape[1]), ZERO
        row = u(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y)
        if row >= u(y.shape[0]):
            return
        for k in range(u(PER)):
            j = lane + u(k) * u(WARP)
            mine[k] = y[row, j] if j < n else ZERO
            mine_dy[k] = dy[row, j] if j < n else ZERO
            total += term(mine[k], mine_dy[k])
        total = warp_sum(total)
        for k in range(u(PER)):
            j = lane + u(k) * u(WARP)
            if j < n:
                dx[row, j] = slope(mine[k], mine_dy[k], total)

    return softmax_warp_backward


@functools.cache
def make_block_backward(T: int, LOG: bool) -> Kernel:
    """One block of T threads a row: the sum in one pass, dx in a second."""
    term, slope = make_rule(LOG)
    team_sum, _ = team(T)

    @cuda.jit
    def softmax_block_backward(y, dy, dx):
        mine, parts = cuda.local.array(CHUNK, float32), cuda.shared.array(WARP, float32)
        row, n, j, total = u(cuda.blockIdx.x), u(y.shape[1]), u(cuda.threadIdx.x), ZERO
        while j < n:
            for k in range(u(CHUNK)):
                i = j + u(k) * u(T)
                if i < n:
                    total += term(y[row, i], dy[row, i])
            j += u(T * CHUNK)
        total, j = team_sum(total, parts), u(cuda.threadIdx.x)
        while j < n:
            for k in range(u(CHUNK)):
                i = j + u(k) * u(T)
                mine[k] = slope(y[row, i], dy[row, i], total) if i < n else ZERO
            for k in range(u(CHUNK)):
                i = j + u(k) * u(T)
                if i < n:
                    dx[row, i] = mine[k]
            j += u(T * CHUNK)

    return softmax_block_backward


# -- the pairs -------------------------------------------------------------------------------------


def per_thread(n: int) -> int:
    """Numbers of a row of n that each thread of a warp keeps: a power of two, for few kernels to compile."""
    return 1 << max(0, -(-n // WARP) - 1).bit_length()


def run(axis: int, log: bool, naive: Any, warp: Any, block: Any, *arrays: Any) -> None:
    """Launch the kernel that suits rows along `axis`."""
    shape = arrays[0].shape
    axis %= len(shape)
    outer, n, inner = size(shape[:axis]), shape[axis], size(shape[axis + 1 :])
    if inner > 1:
        launch(naive(log), blocks(outer * inner, 128), 128, *[a.reshape(outer, n, inner) for a in arrays])
        return
    rows = [a.reshape(outer, n) for a in arrays]
    if n <= IN_REGISTERS:
        launch(warp(per_thread(n), log), blocks(outer, ROWS), (WARP, ROWS), *rows)
    else:
        launch(block(BLOCK, log), outer, BLOCK, *rows)


def softmax_forward(x: Any, axis: int = -1) -> tuple:
    """Cache: p."""
    p = empty(x.shape, x)
    run(axis, False, make_naive, make_warp, make_online, x, p)
    return p, (p, axis)


def softmax_backward(dp: Any, cache: tuple) -> tuple:
    p, axis = cache
    dx = empty(p.shape, p)
    run(axis, False, make_naive_backward, make_warp_backward, make_block_backward, p, dp, dx)
    return (dx,)


def log_softmax_forward(x: Any, axis: int = -1) -> tuple:
    """Cache: y."""
    y = empty(x.shape, x)
    run(axis, True, make_naive, make_warp, make_online, x, y)
    return y, (y, axis)


def log_softmax_backward(dy: Any, cache: tuple) -> tuple:
    y, axis = cache
    dx = empty(y.shape, y)
    run(axis, True, make_naive_backward, make_warp_backward, make_block_backward, y, dy, dx)
    return (dx,)
