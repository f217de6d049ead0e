"""The project of Part III as one may solve it: rows of log-sum-exp, on the CPU and in CUDA."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange

from ....gpu import blocks, cuda, float32

measured: dict[str, Any] = {}


def logsumexp_least(rows, columns):
    return 4 * rows * columns + 4 * rows  # every number of x once, and one for each row


def logsumexp_numpy(x):
    largest = x.max(axis=1, keepdims=True)
    return largest[:, 0] + np.log(np.exp(x - largest).sum(axis=1))


@njit
def logsumexp_loops(x):
    y = np.empty(x.shape[0], x.dtype)
    for i in range(x.shape[0]):
        largest = x[i, 0]
        for j in range(x.shape[1]):
            largest = max(largest, x[i, j])
        total = np.float32(0)
        for j in range(x.shape[1]):
            total += math.exp(x[i, j] - largest)  # the row is in the cache by now
        y[i] = largest + math.log(total)
    return y


@njit(parallel=True)
def logsumexp_threads(x):
    y = np.empty(x.shape[0], x.dtype)
    for i in prange(x.shape[0]):  # a round writes its own y[i]
        largest = x[i, 0]
        for j in range(x.shape[1]):
            largest = max(largest, x[i, j])
        total = np.float32(0)
        for j in range(x.shape[1]):
            total += math.exp(x[i, j] - largest)
        y[i] = largest + math.log(total)
    return y


@cuda.jit
def thread_for_row(x, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        largest = x[i, 0]
        for j in range(x.shape[1]):
            largest = max(largest, x[i, j])
        total = float32(0)
        for j in range(x.shape[1]):
            total += math.exp(x[i, j] - largest)
        y[i] = largest + math.log(total)


def logsumexp_naive(rows, columns):
    return thread_for_row, blocks(rows, 64), 64


@cuda.jit
def warp_for_row(x, y):
    i, t = cuda.blockIdx.x, cuda.threadIdx.x
    largest = x[i, 0]
    for j in range(t, x.shape[1], 32):  # 32 neighbours at a time
        largest = max(largest, x[i, j])
    for step in (16, 8, 4, 2, 1):
        largest = max(largest, cuda.shfl_xor_sync(0xFFFFFFFF, largest, step))
    total = float32(0)
    for j in range(t, x.shape[1], 32):
        total += math.exp(x[i, j] - largest)
    for step in (16, 8, 4, 2, 1):
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
    if t == 0:
        y[i] = largest + math.log(total)


def logsumexp_coalesced(rows, columns):
    return warp_for_row, rows, 32


@cuda.jit
def row_read_once(x, y):
    tops = cuda.shared.array(64, float32)
    sums = cuda.shared.array(64, float32)
    i, t = cuda.blockIdx.x, cuda.threadIdx.x
    largest, total = float32(-3e38), float32(0)
    for j in range(t, x.shape[1], 64):
        value = x[i, j]
        if value > largest:  # the sum so far was about another largest
            total *= math.exp(largest - value)
            largest = value
        total += math.exp(value - largest)
    tops[t], sums[t] = largest, total
    cuda.syncthreads()
    half = 32
    while half > 0:
        if t < half:
            top = max(tops[t], tops[t + half])
            sums[t] = sums[t] * math.exp(tops[t] - top) + sums[t + half] * math.exp(tops[t + half] - top)
            tops[t] = top
        cuda.syncthreads()
        half //= 2
    if t == 0:
        y[i] = tops[0] + math.log(sums[0])


def logsumexp_once(rows, columns):
    return row_read_once, rows, 64


def written():
    figures = [f"[{name}: {one['percent']:.1f}%]" for name, one in measured.items()]
    return f"""
Log-sum-exp reads a matrix and writes one number for each row, so memory should be its roof: it does four
operations with each four bytes. On the CPU and in CUDA the rungs came out as follows, each in percent of its
ceiling. {", ".join(figures)}. In loops the compiler cannot put the calls of exp into vectors, so that
arithmetic holds the loops up and not memory: that is where a second thread should help. On the way
to the third CUDA rung two things were in the way. With a thread for each row a warp asks for 32 numbers that
lie a whole row apart, and of each sector of 32 bytes it uses four. A warp for each row uses all of them, and
reads the row twice, once for the largest and once for the sum, which is half of the ideal. Keeping the sum
beside the largest, and scaling it whenever a larger number comes, reads it once. What is left is the single
number that each block writes into a sector of its own. I had expected the threads to matter most.
"""
