"""What chapter 16 runs besides the student's kernels: two runs in two orders, products with and without
tiles whose loads are counted, and a column of a tile in the banks of shared memory."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import KernelError
from ..gpu import Kernel, blocks, cuda, float32, launch
from ..gpu.kernel import Size
from ..gpu.lens import Report, look
from ..gpu.simt import settings
from ..gpu.simt.options import Access

if TYPE_CHECKING:
    from .plots.style import Picture

ORDERS = {"first to last": "forward", "last to first": "reversed", "at random": 3}


def in_three_orders(kernel: Kernel, grid: Size, block: Size, *args: Any) -> None:
    """Print what the last argument holds after a launch in each order of the threads, unchecked."""
    for name, order in ORDERS.items():
        copies = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        with settings(order=order, checks=False):
            launch(kernel, grid, block, *copies)
        print(f"threads {name:13}  {copies[-1]}")


def outcome(kernel: Kernel, grid: Size, block: Size, *args: Any) -> str:
    """What the interpreter finds: a kind of finding, or "nothing"."""
    try:
        launch(kernel, grid, block, *[a.copy() for a in args])
    except KernelError as problem:
        return problem.finding.kind if problem.finding is not None else "nothing"
    return "nothing"


def steps_of_a_tree(n: int) -> int:
    """How many steps it takes until n numbers, a power of two, are one."""
    steps = 0
    while n > 1:
        n, steps = n // 2, steps + 1
    return steps


# -- products of matrices --------------------------------------------------------------------------------


@cuda.jit
def without_tiles(a, b, c):
    """One thread, one element: a row of a times a column of b, all of it from global memory."""
    j, i = cuda.grid(2)
    if i < c.shape[0] and j < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[i, k] * b[k, j]
        c[i, j] = total


@cache
def tiled_with(TILE: int) -> Kernel:
    """A product of matrices whose sizes are multiples of TILE, by tiles of shared memory: no tails here."""

    @cuda.jit
    def tiled(a, b, c):
        ta, tb = cuda.shared.array((TILE, TILE), float32), cuda.shared.array((TILE, TILE), float32)
        j, i = cuda.grid(2)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        total = float32(0)
        for k0 in range(0, a.shape[1], TILE):
            ta[y, x], tb[y, x] = a[i, k0 + x], b[k0 + y, j]
            cuda.syncthreads()
            for k in range(TILE):
                total += ta[y, k] * tb[k, x]
            cuda.syncthreads()
        c[i, j] = total

    return tiled


def loads_of(name: str, kernel: Kernel, grid: Size, block: Size, *args: Any) -> int:
    """How often the threads of a launch load a number of the array `name` from global memory."""
    count = [0]

    def watch(access: Access) -> None:
        count[0] += access.array == name and access.kind == "load" and access.space == "global"

    with settings(watch=watch):
        launch(kernel, grid, block, *args)
    return count[0]


def loads_each(tile: int, n: int = 8) -> float:
    """How often each number of a is loaded when two (n, n) matrices are multiplied; tile 0: without tiles."""
    a, b, c = (np.ones((n, n), np.float32) for _ in range(3))
    kernel, size = (tiled_with(tile), tile) if tile else (without_tiles, n)
    return loads_of("a", kernel, (blocks(n, size),) * 2, (size, size), a, b, c) / a.size


def walked(step: int, tile: int = 4) -> Picture:
    """The tiles of one block of c at one of its steps along k, in a product (8, 10) by (10, 8)."""
    from .plots.tiles import tile_walk  # the exercises' declarations import this module, and need no pictures

    return tile_walk(8, 10, 8, tile, block=(1, 0), step=step)


# -- banks -----------------------------------------------------------------------------------------------


@cache
def column_of_a_tile(width: int) -> Report:
    """The lens on a warp that reads a column of a tile of 32 rows, each `width` numbers long."""

    @cuda.jit
    def column(x, y):
        tile = cuda.shared.array((32, width), float32)
        t = cuda.threadIdx.x
        for row in range(32):
            tile[row, t] = x[row, t]
        cuda.syncthreads()
        y[t] = tile[t, 3]

    return look(column, 1, 32, np.ones((32, 32), np.float32), np.zeros(32, np.float32))
