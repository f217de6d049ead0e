"""The kernels that combine elements, by + or by the larger, over any axes.

An array is seen as (outer, n, inner), and its middle axis is combined; axes that do not lie side by side
go one group after the other. Where outer x inner results are too few to keep a GPU busy, n is cut into
parts, each combined by a block of its own, and a second launch combines the parts. The order of every sum
depends on shapes alone: no atomics, so that the same numbers come out bit for bit at every run.

`make_naive` is what one would write first: one thread for each result. The other kernels differ from it
in who reads what: `columns` and `rows` let neighbouring threads read neighbouring memory.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..gpu import Kernel, blocks, cuda, empty, float32, launch
from .kernel_cuda import THREADS, block_of, larger, make_block, plus, power_of_two, threads_for
from .map_cuda import exact
from .team_cuda import FULL, WARP

ENOUGH = 1024  # blocks that keep any GPU busy
ROUNDS = 8  # how often each thread of a part goes on, at the least
SHORT = 512  # elements of a row that one warp combines alone


@exact(device=True)
def itself(a):
    return a


@exact(device=True)
def square(a):
    return a * a


# -- kernels ---------------------------------------------------------------------------------------


def make_naive(combine: Kernel, start: Any) -> Kernel:
    @exact
    def naive(x, scale, out):
        """out[o, 0, j] = scale combination of x[o, :, j]: one thread for each result, 4 bytes an element.

        Fast where `inner` is large: neighbouring threads read neighbouring columns. Where it is 1, they
        read n elements apart, and each load of a warp fetches 32 pieces of memory to use 4 bytes of each.
        """
        k, inner = cuda.grid(1), x.shape[2]
        o = k // inner
        j = k - o * inner
        if o < x.shape[0]:
            total, i = start, 0
            while i < x.shape[1]:
                total = combine(total, x[o, i, j])
                i += 1
            out[o, 0, j] = total * scale

    return naive


def make_gather(combine: Kernel, start: Any, load: Kernel) -> Kernel:
    @exact(device=True)
    def gather(x, row, i, step):
        """One thread's share: load(x[row, i]), load(x[row, i + step]), ... with four loads under way."""
        total, n = start, x.shape[1]
        while i + 3 * step < n:
            a, b, c, d = x[row, i], x[row, i + step], x[row, i + 2 * step], x[row, i + 3 * step]
            total = combine(total, combine(combine(load(a), load(b)), combine(load(c), load(d))))
            i += 4 * step
        while i < n:
            total = combine(total, load(x[row, i]))
            i += step
        return total

    return gather


def make_short_rows(combine: Kernel, start: Any) -> Kernel:
    gather = make_gather(combine, start, itself)

    @exact
    def short_rows(x, scale, out):
        """out[r, 0] = scale combination of x[r, :]: `width` lanes of a warp for each row, a power of two.

        Lanes trade with the one half a row away, then a quarter ... Moves 4 bytes an element.
        """
        width = cuda.blockDim.x
        row = cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y
        total = start
        if row < x.shape[0]:
            total = gather(x, row, cuda.threadIdx.x, width)
        half = width >> 1
        while half > 0:  # all 32 lanes of the warp, also those without a row
            total = combine(total, cuda.shfl_xor_sync(FULL, total, half))
            half >>= 1
        if cuda.threadIdx.x == 0 and row < x.shape[0]:
            out[row, 0] = total * scale

    return short_rows


def make_rows(combine: Kernel, start: Any, load: Kernel = itself) -> Kernel:
    gather, block = make_gather(combine, start, load), make_block(combine, start)

    @exact
    def rows(x, scale, out):
        """out[r, p] = scale combination of load(x[r, i]) over part p: a block for each part of a row.

        A thread takes every (parts x threads)-th element, and the block combines what its threads have.
        Moves 4 bytes an element.
        """
        parts = out.shape[1]
        row = cuda.blockIdx.x // parts
        part = cuda.blockIdx.x - row * parts
        first = part * cuda.blockDim.x + cuda.threadIdx.x
        total = block(gather(x, row, first, parts * cuda.blockDim.x))
        if cuda.threadIdx.x == 0:
            out[row, part] = total * scale

    return rows


def make_columns(combine: Kernel, start: Any) -> Kernel:
    @exact
    def columns(x, scale, out):
        """out[o, p, j] = scale combination of x[o, i, j] over part p of the rows i.

        A block is as wide as the columns (at most 32) and goes down several rows at once; so a warp reads
        whole pieces of memory. Then it halves its own height until one row is left, in shared memory.
        Width and height are powers of two. Moves 4 bytes an element.
        """
        tile = cuda.shared.array(THREADS, float32)
        width, height = cuda.blockDim.x, cuda.blockDim.y
        n, inner = x.shape[1], x.shape[2]
        tiles = (inner + width - 1) // width
        o = cuda.blockIdx.x // tiles
        j = (cuda.blockIdx.x - o * tiles) * width + cuda.threadIdx.x
        step = cuda.gridDim.y * height
        total, i = start, cuda.blockIdx.y * height + cuda.threadIdx.y
        if j < inner:
            while i + step < n:
                total = combine(total, combine(x[o, i, j], x[o, i + step, j]))
                i += 2 * step
            if i < n:
                total = combine(total, x[o, i, j])
        here = cuda.threadIdx.y * width + cuda.threadIdx.x
        tile[here] = total
        half = height >> 1
        while half > 0:
            cuda.syncthreads()
            if cuda.threadIdx.y < half:
                tile[here] = combine(tile[here], tile[here + half * width])
            half >>= 1
        if cuda.threadIdx.y == 0 and j < inner:
            out[o, cuda.blockIdx.y, j] = tile[here] * scale

    return columns


# -- any axes --------------------------------------------------------------------------------------


class Reduction(NamedTuple):
    """The kernels of one way to combine, and how they go over any axes."""

    short_rows: Kernel
    rows: Kernel
    columns: Kernel

    def over(self, x: Any, axes: tuple[int, ...], scale: float = 1.0) -> Any:
        """`scale` times the combination of x over `axes`, which stay, with size 1."""
        shape = kept(x.shape, axes)
        runs = runs_of(x.shape, axes)
        while runs:
            last = max(k for k, run in enumerate(runs) if run.reduced)
            outer, inner = prod([r.n for r in runs[:last]]), prod([r.n for r in runs[last + 1 :]])
            more = any(run.reduced for run in runs[:last])
            x = self.middle(x.reshape(outer, runs[last].n, inner), 1.0 if more else scale)
            runs = runs[:last] + runs[last + 1 :] if more else []
        return x.reshape(shape)

    def middle(self, x: Any, scale: float) -> Any:
        """The same for an array (outer, n, inner) over its middle axis, in one launch or two."""
        parts = parts_of(*x.shape)
        if parts > 1:
            x = self.launch(x, 1.0, parts)
        return self.launch(x, scale, 1)

    def launch(self, x: Any, scale: float, parts: int) -> Any:
        outer, n, inner = x.shape
        out = empty((outer, parts, inner), x)
        if inner > 1:
            width, height = block_of(n, inner)
            grid = (outer * blocks(inner, width), parts)
            launch(self.columns, grid, (width, height), x, scale, out)
        elif n > SHORT:
            rows = x.reshape(outer, n), scale, out.reshape(outer, parts)
            launch(self.rows, outer * parts, threads_for(n), *rows)
        else:
            width = min(WARP, power_of_two(n))
            height = max(WARP, min(THREADS, power_of_two(outer * width))) // width
            short = x.reshape(outer, n), scale, out.reshape(outer, parts)
            launch(self.short_rows, blocks(outer, height), (width, height), *short)
        return out


class Run(NamedTuple):
    """Neighbouring axes that are all reduced or all kept, as one."""

    reduced: bool
    n: int


def runs_of(shape: tuple[int, ...], axes: tuple[int, ...]) -> list[Run]:
    runs: list[Run] = []
    for axis, n in enumerate(shape):
        reduced = axis in axes
        if runs and runs[-1].reduced == reduced:
            runs[-1] = Run(reduced, runs[-1].n * n)
        elif n > 1:
            runs.append(Run(reduced, n))
    return runs if any(run.reduced for run in runs) else [*runs, Run(True, 1)]


def kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape after a reduction with keepdims."""
    return tuple([1 if axis in axes else n for axis, n in enumerate(shape)])


def parts_of(outer: int, n: int, inner: int) -> int:
    """In how many parts to cut n, so that there are blocks enough and each has enough to do."""
    width, height = block_of(n, inner) if inner > 1 else (1, THREADS)
    return max(1, min(n // (ROUNDS * height), ENOUGH // (outer * blocks(inner, width))))


def reduction(combine: Kernel, start: Any) -> Reduction:
    return Reduction(make_short_rows(combine, start), make_rows(combine, start), make_columns(combine, start))


SUM, MAX = reduction(plus, float32(0)), reduction(larger, float32(-np.inf))
naive_sum = make_naive(plus, float32(0))


def total(x: Any, axes: tuple[int, ...]) -> Any:
    """Sum over `axes`, which stay with size 1."""
    return SUM.over(x, axes)
