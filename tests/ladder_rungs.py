"""Rungs of the other two operations, and of the first in other styles: all of them right."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from tinynn.gpu import blocks, cuda, float32

# -- on the CPU ----------------------------------------------------------------------------------------------


def running_sums_loops(x):
    y = np.empty_like(x)
    for i in range(len(x)):
        total = x.dtype.type(0)
        for j in range(x.shape[1]):
            total += x[i, j]
            y[i, j] = total
    return y


@njit(parallel=True)
def running_sums_threads(x):
    y = x.copy()
    for i in prange(x.shape[0]):
        for j in range(1, x.shape[1]):
            y[i, j] += y[i, j - 1]
    return y


@njit
def blur_loops(x):
    y = np.empty_like(x)
    rows, columns = x.shape
    for i in range(rows):
        for j in range(columns):
            total, number = np.float32(0), 0
            for k in range(max(i - 1, 0), min(i + 2, rows)):
                for m in range(max(j - 1, 0), min(j + 2, columns)):
                    total += x[k, m]
                    number += 1
            y[i, j] = total / np.float32(number)
    return y


@njit(parallel=True)
def blur_threads(x):
    y = np.empty_like(x)
    for i in prange(x.shape[0]):
        for j in range(x.shape[1]):
            part = x[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
            y[i, j] = part.sum() / np.float32(part.size)
    return y


@njit
def logsumexp_online(x):
    y = np.empty(len(x), np.float32)
    for i in range(len(x)):
        largest, total = x[i, 0], np.float32(1)
        for j in range(1, x.shape[1]):
            if x[i, j] > largest:
                total = np.float32(total * math.exp(largest - x[i, j])) + np.float32(1)
                largest = x[i, j]
            else:
                total += np.float32(math.exp(x[i, j] - largest))
        y[i] = largest + np.float32(math.log(total))
    return y


# -- in CUDA: a thread for each row, neighbours, once --------------------------------------------------------


@cuda.jit
def sum_by_thread(x, y):
    i = cuda.grid(1)
    if i < x.shape[0]:
        total = float32(0)
        for j in range(x.shape[1]):
            total += x[i, j]
            y[i, j] = total


def running_sums_naive(rows, columns):
    return sum_by_thread, blocks(rows, 32), 32


@cuda.jit
def sum_by_warp(x, y):
    i, t = cuda.blockIdx.x, cuda.threadIdx.x
    before = float32(0)
    for first in range(0, x.shape[1], 32):  # a piece of 32 columns at a time
        j = first + t
        value = x[i, j] if j < x.shape[1] else float32(0)
        for step in (1, 2, 4, 8, 16):
            left = cuda.shfl_up_sync(0xFFFFFFFF, value, step)
            if t >= step:
                value += left
        if j < x.shape[1]:
            y[i, j] = before + value
        before += cuda.shfl_sync(0xFFFFFFFF, value, 31)


def running_sums_once(rows, columns):
    return sum_by_warp, (rows,), (32,)


@cuda.jit
def mean_of_neighbours(x, y):
    j, i = cuda.grid(2)
    if i < x.shape[0] and j < x.shape[1]:
        total, number = float32(0), 0
        for k in range(max(i - 1, 0), min(i + 2, x.shape[0])):
            for m in range(max(j - 1, 0), min(j + 2, x.shape[1])):
                total += x[k, m]
                number += 1
        y[i, j] = total / float32(number)


def blur_coalesced(rows, columns):
    return mean_of_neighbours, (blocks(columns, 32), blocks(rows, 4)), (32, 4)


@cuda.jit
def mean_down_columns(x, y):
    i, j = cuda.grid(2)
    if i < x.shape[0] and j < x.shape[1]:
        total, number = float32(0), 0
        for k in range(max(i - 1, 0), min(i + 2, x.shape[0])):
            for m in range(max(j - 1, 0), min(j + 2, x.shape[1])):
                total += x[k, m]
                number += 1
        y[i, j] = total / float32(number)


def blur_naive(rows, columns):
    return mean_down_columns, (blocks(rows, 32), blocks(columns, 4)), (32, 4)


@cuda.jit
def mean_in_tile(x, y):
    tile = cuda.shared.array((10, 34), float32)
    left, top = cuda.blockIdx.x * 32 - 1, cuda.blockIdx.y * 8 - 1
    k = cuda.threadIdx.y * 32 + cuda.threadIdx.x
    while k < 340:
        i, j = top + k // 34, left + k % 34
        inside = i >= 0 and j >= 0 and i < x.shape[0] and j < x.shape[1]
        if inside:
            tile[k // 34, k % 34] = x[i, j]
        else:
            tile[k // 34, k % 34] = float32(0)
        k += 256
    cuda.syncthreads()
    j, i = cuda.grid(2)
    if i < x.shape[0] and j < x.shape[1]:
        total = float32(0)
        for a in range(3):
            for b in range(3):
                total += tile[cuda.threadIdx.y + a, cuda.threadIdx.x + b]
        high = min(i + 2, x.shape[0]) - max(i - 1, 0)
        wide = min(j + 2, x.shape[1]) - max(j - 1, 0)
        y[i, j] = total / float32(high * wide)


def blur_once(rows, columns):
    return mean_in_tile, (blocks(columns, 32), blocks(rows, 8)), (32, 8)


@cuda.jit
def tree_in_shared(x, y):
    part = cuda.shared.array(32, float32)
    i, t = cuda.blockIdx.x, cuda.threadIdx.x
    largest = x[i, 0]
    for j in range(t, x.shape[1], 32):
        largest = max(largest, x[i, j])
    part[t] = largest
    cuda.syncthreads()
    for k in range(32):
        largest = max(largest, part[k])
    cuda.syncthreads()
    total = float32(0)
    for j in range(t, x.shape[1], 32):
        total += math.exp(x[i, j] - largest)
    part[t] = total
    cuda.syncthreads()
    if t == 0:
        total = float32(0)
        for k in range(32):
            total += part[k]
        y[i] = largest + math.log(total)


def logsumexp_tree(rows, columns):
    return tree_in_shared, rows, 32
