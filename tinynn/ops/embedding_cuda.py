"""embedding on the GPU: rows gathered, and gradients added where they came from.

Many places of the input may have looked up the same row, so its gradient is a sum, and the order of
additions decides its last bits. Threads that add to memory with atomics come in whatever order the hardware
has them: two runs differ. So the places are sorted by the row they looked up, which keeps equal ones in
order, and each row adds its own, always in the same order. `atomic_backward` is the other way, to be raced:
it needs no sorting, and threads that add to one number wait for each other.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..gpu import Kernel, blocks, cuda, empty, float32, int32, launch, zeros
from ..gpu import uint32 as u

ZERO, NAN = float32(0), float32(math.nan)
WIDE, TALL = 32, 8  # a block's threads: along the width of a row, and over rows or places
SEARCH = 128  # threads of a block that look for where rows begin


@cuda.jit
def gather(indices, weight, y):
    """A line of threads a place: y_i = weight[index_i], read and written along the row. 8 bytes a number.

    An index that is out of range gives NaN: nobody looks at indices on the GPU, and no kernel reads outside.
    """
    i, j = u(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y), u(cuda.threadIdx.x)
    if i < u(indices.size):
        row = indices[i]
        there = row >= 0 and row < int32(weight.shape[0])
        while j < u(weight.shape[1]):
            y[i, j] = weight[row, j] if there else NAN
            j += u(cuda.blockDim.x)


@cuda.jit
def find_rows(sorted_indices, starts):
    """One thread a row v of the table: starts[v] is the first place with an index of v or more.

    By halving: log2 N steps, for N places. starts has one number more than there are rows, N at its end.
    """
    v = u(cuda.grid(1))
    if v < u(starts.size):
        low, high = u(0), u(sorted_indices.size)
        while low < high:
            middle = (low + high) >> u(1)
            if sorted_indices[middle] < int32(v):
                low = middle + u(1)
            else:
                high = middle
        starts[v] = low


@functools.cache
def make_scatter_add(WIDE: int = WIDE, TALL: int = TALL) -> Kernel:
    """One block a row v of the table and WIDE columns: dweight_v = sum of dy over the places of v, in order.

    Line y of its TALL lines of threads adds every TALL-th place; then the lines' sums are added, first to
    last. A row that nobody looked up, and the row of the padding, become 0. Each dy is read once.
    """

    @cuda.jit
    def scatter_add(order, starts, padding, dy, dweight):
        lines = cuda.shared.array((TALL, WIDE), float32)
        x, line, v = u(cuda.threadIdx.x), u(cuda.threadIdx.y), u(cuda.blockIdx.x)
        column, total = u(cuda.blockIdx.y * WIDE) + x, ZERO
        i, end = u(starts[v]) + line, u(starts[v + u(1)])
        if column < u(dy.shape[1]) and int32(v) != padding:
            while i < end:
                total += dy[order[i], column]
                i += u(TALL)
        lines[line, x] = total
        cuda.syncthreads()
        if line == u(0) and column < u(dy.shape[1]):
            for k in range(u(1), u(TALL)):
                total += lines[k, x]
            dweight[v, column] = total

    return scatter_add


@cuda.jit
def scatter_add_atomic(indices, padding, dy, dweight):
    """A line of threads a place: dweight[index_i] += dy_i, one thread at a time where several add."""
    i, j = u(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y), u(cuda.threadIdx.x)
    there = i < u(indices.size) and indices[i] >= 0 and indices[i] < int32(dweight.shape[0])
    if there and indices[i] != padding:
        while j < u(dy.shape[1]):
            cuda.atomic.add(dweight, (indices[i], j), dy[i, j])
            j += u(cuda.blockDim.x)


def embedding_forward(indices: Any, weight: Any, padding_idx: int | None = None) -> tuple:
    """y = weight[indices]. Cache: the indices."""
    places = indices.reshape(-1)
    y = empty((places.size, weight.shape[1]), weight)
    launch(gather, blocks(places.size, TALL), (WIDE, TALL), places, weight, y)
    return y.reshape(*indices.shape, -1), (indices, weight.shape, padding_idx)


def _padding(padding_idx: int | None, rows: int) -> int:
    """The row of the padding, counted from 0; -1 for none."""
    return -1 if padding_idx is None else padding_idx % rows


def embedding_backward(dy: Any, cache: tuple) -> tuple:
    """dweight[indices] += dy, the same bits at every run; the indices have no gradient."""
    indices, (rows, width), padding_idx = cache
    places, dy = indices.reshape(-1), dy.reshape(-1, width)
    order = np.argsort(places, kind="stable")
    starts, dw = empty(rows + 1, dy, np.int32), empty((rows, width), dy)
    launch(find_rows, blocks(rows + 1, SEARCH), SEARCH, places[order], starts)
    grid = (rows, blocks(width, WIDE))
    launch(make_scatter_add(), grid, (WIDE, TALL), order, starts, _padding(padding_idx, rows), dy, dw)
    return None, dw


def atomic_backward(dy: Any, cache: tuple) -> tuple:
    """`embedding_backward` by atomic additions, whose order and last bits change from run to run."""
    indices, (rows, width), padding_idx = cache
    places, dw = indices.reshape(-1), zeros((rows, width), dy)
    grid, block = blocks(places.size, TALL), (WIDE, TALL)
    launch(scatter_add_atomic, grid, block, places, _padding(padding_idx, rows), dy.reshape(-1, width), dw)
    return None, dw
