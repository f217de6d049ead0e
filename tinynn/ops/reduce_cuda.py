"""Reductions over any axes on the GPU: sum, mean, max and var, and the gradients of stretched inputs.

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
from .kernel_cuda import ALL, THREADS, WARP, larger, make_block, number, plus, threads_for
from .map_cuda import exact, mapped
from .reduce import Axis
from .specs import normalise_axes

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
            total = combine(total, cuda.shfl_xor_sync(ALL, total, half))
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


_total = make_block(plus, float32(0))


@exact
def var_rows(x, scale, mean, out):
    """mean[r] = sum x[r, :] / n, out[r] = scale sum (x[r, :] - mean[r])^2: a block for each row.

    The second pass reads the row again, from the cache as long as it fits. Moves 4 bytes an element.
    """
    row, n, first, step = cuda.blockIdx.x, x.shape[1], cuda.threadIdx.x, cuda.blockDim.x
    total, i = float32(0), first
    while i < n:
        total += x[row, i]
        i += step
    centre = _total(total) / float32(n)
    total, i = float32(0), first
    while i < n:
        total += (x[row, i] - centre) * (x[row, i] - centre)
        i += step
    total = _total(total)
    if first == 0:
        mean[row], out[row] = centre, total * scale


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


def power_of_two(n: int) -> int:
    """The smallest that is not below n."""
    return 1 << (n - 1).bit_length()


def block_of(n: int, inner: int) -> tuple[int, int]:
    """Width and height of a block of `columns`."""
    width = min(WARP, power_of_two(inner))
    return width, min(THREADS // width, power_of_two(n))


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


# -- the ops ---------------------------------------------------------------------------------------


def _of(x: Any, axis: Axis, keepdims: bool) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """The axes, the shape of the result, and how many elements each result is made of."""
    axes = normalise_axes("reduce", axis, x.ndim)
    shape = tuple([1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a not in axes])
    return axes, shape, prod([x.shape[a] for a in axes])


def sum_forward(x: Any, axis: Axis = None, keepdims: bool = False) -> tuple:
    axes, shape, _ = _of(x, axis, keepdims)
    return SUM.over(x, axes).reshape(shape), (x.shape, axes)


def sum_backward(dy: Any, cache: tuple) -> tuple:
    """A view of dy: no kernel, no memory."""
    shape, axes = cache
    return (np.broadcast_to(dy.reshape(kept(shape, axes)), shape),)


def mean_forward(x: Any, axis: Axis = None, keepdims: bool = False) -> tuple:
    axes, shape, n = _of(x, axis, keepdims)
    return SUM.over(x, axes, 1 / n).reshape(shape), (x.shape, axes)


def mean_backward(dy: Any, cache: tuple) -> tuple:
    """A view of dy / n."""
    shape, axes = cache
    share = share_of(dy, number(prod([shape[a] for a in axes]), dy))
    return (np.broadcast_to(share.reshape(kept(shape, axes)), shape),)


@mapped
def times(x, y):
    return x * y


@mapped
def share_of(dy, k):
    return dy / k


@mapped
def tie(x, y):
    return float32(1) if x == y else float32(0)


@mapped
def tie_share(x, y, share):
    """A product, not a choice: where y is NaN nobody ties, the share is not finite, and NaN goes on."""
    return (float32(1) if x == y else float32(0)) * share


def max_forward(x: Any, axis: Axis = None, keepdims: bool = False) -> tuple:
    axes, shape, _ = _of(x, axis, keepdims)
    y = MAX.over(x, axes)
    return y.reshape(shape), (x, y, axes)


def max_backward(dy: Any, cache: tuple) -> tuple:
    x, y, axes = cache
    share = share_of(dy.reshape(y.shape), total(tie(x, y), axes))
    return (tie_share(x, y, share),)


@mapped
def squared_difference(x, mean):
    return (x - mean) * (x - mean)


@mapped
def times_difference(g, x, mean):
    return g * (x - mean)


def var_forward(x: Any, axis: Axis = None, correction: int = 1, keepdims: bool = False) -> tuple:
    """Cache: x, and the mean.

    Whole rows take `var_rows`, which reads x once from memory. Other axes are reduced twice with the
    squares written in between: four times the bytes, in return for any axes with no kernel more.
    """
    axes, shape, n = _of(x, axis, keepdims)
    scale, rows = 1 / (n - correction), x.size // n
    if axes == tuple(range(x.ndim - len(axes), x.ndim)) and (rows >= WARP or n <= THREADS * WARP):
        mean, y = empty(kept(x.shape, axes), x), empty(shape, x)
        launch(var_rows, rows, threads_for(n), x.reshape(rows, n), scale, mean.reshape(rows), y.reshape(rows))
    else:
        mean = SUM.over(x, axes, 1 / n)
        y = SUM.over(squared_difference(x, mean), axes, scale).reshape(shape)
    return y, (x, mean, axes, scale)


def var_backward(dy: Any, cache: tuple) -> tuple:
    x, mean, axes, scale = cache
    return (times_difference(times(dy.reshape(mean.shape), number(2 * scale, dy)), x, mean),)
