"""A team: the threads that share one row, a warp or a whole block, and how they agree on one number."""

from __future__ import annotations

import functools

from ..gpu import Kernel, cuda, float32

FULL = 0xFFFFFFFF  # all 32 threads of a warp
WARP = 32
ZERO, LOWEST = float32(0), float32(-3.4028235e38)  # LOWEST: -inf would make NaN of -inf - LOWEST


@cuda.jit(device=True)
def warp_sum(x):
    """The sum of x over a warp, for each of its threads: 5 exchanges, with partners 16, 8, 4, 2, 1 away."""
    step = 16
    while step > 0:
        x += cuda.shfl_xor_sync(FULL, x, step)
        step >>= 1
    return x


@cuda.jit(device=True)
def warp_max(x):
    """The largest x of a warp, for each of its threads. NaN does not count."""
    step = 16
    while step > 0:
        x = max(x, cuda.shfl_xor_sync(FULL, x, step))
        step >>= 1
    return x


@functools.cache
def team(T: int) -> tuple[Kernel, Kernel]:
    """(sum, largest) over T threads along x, T a multiple of 32 up to 1024, for each of them.

    Up to a warp by exchange of registers; beyond it each warp leaves its result in `parts`, 32 numbers of
    shared memory that the kernel lends, and every warp combines them all. A team of more than one warp is
    a whole block. The order is fixed: the same numbers give the same sum, bit for bit.
    """
    return make_across(T, warp_sum, ZERO), make_across(T, warp_max, LOWEST)


def make_across(T: int, in_warp: Kernel, nothing: float32) -> Kernel:
    """A device function (x, parts): `in_warp`, carried over the warps of a team."""
    WARPS = T // WARP

    @cuda.jit(device=True)
    def across(x, parts):
        x = in_warp(x)
        if WARPS > 1:
            lane = cuda.threadIdx.x % WARP
            if lane == 0:
                parts[cuda.threadIdx.x // WARP] = x
            cuda.syncthreads()
            x = in_warp(parts[lane] if lane < WARPS else nothing)
            cuda.syncthreads()  # all have read: parts may be written again
        return x

    return across
