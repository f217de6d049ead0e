"""16.2: a product of matrices of any size, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import ops
from ....errors import ArgumentError
from ....gpu import blocks, contiguous, cuda, empty, float32, launch
from ...engine import draw
from ...engine.exercise import Case, case
from ...engine.kernels import KernelFill

TILE = 4

tiled = KernelFill("16.2", "matmul(a, b, c)", returns="c", level=3, minutes=12)
tiled.draws_asked = 12


def pair(rng: np.random.Generator, m: int, k: int, n: int) -> tuple[Any, ...]:
    """a (M, K) and b (K, N)."""
    return tuple(rng.integers(-4, 5, s).astype(np.float32) for s in ((m, k), (k, n)))


@tiled.launched
def _(kernel, a, b, grid, block):
    c = empty((a.shape[0], b.shape[1]), like=a)  # (M, N)
    launch(kernel, grid, block, a, b, c)
    return c


def covering(m: int, n: int) -> dict[str, Any]:
    return {"grid": (blocks(n, TILE), blocks(m, TILE)), "block": (TILE, TILE)}


def sized(rng: np.random.Generator, m: int, k: int, n: int, **about: str) -> Case:
    return case(*pair(rng, m, k, n), **covering(m, n), **about)


@tiled.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield sized(rng, 4, 4, 4, tags="square", note="one tile of each")
    yield sized(rng, 4, 8, 4, note="two tiles along k")
    yield sized(rng, 4, 6, 4, note="a tail of 2 along k")
    yield sized(rng, 4, 3, 4, note="less than a tile along k")
    yield sized(rng, 6, 4, 4, note="a tail of 2 rows")
    yield sized(rng, 4, 4, 6, note="a tail of 2 columns")
    yield sized(rng, 1, 1, 1, tags="one", note="one number each")
    yield sized(rng, 5, 7, 6, note="tails along all three")


@tiled.drawn
def _(rng: np.random.Generator) -> Case:
    m, k, n = rng.permutation([draw.size(rng, most=6), *(draw.size(rng, most=4) for _ in range(2))]).tolist()
    return case(*(draw.laid(rng, a) for a in pair(rng, m, k, n)), **covering(m, n))


@tiled.reference
def _(a, b, **launch):
    return a @ b


@tiled.worked
def matmul(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()  # the tiles are full
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()  # all have read: the next tiles may come
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.right
def zeros_first(a, b, c):
    left, right = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    j, i = cuda.blockIdx.x * 4 + x, cuda.blockIdx.y * 4 + y
    total, k0 = float32(0), 0
    while k0 < b.shape[0]:
        left[y, x] = right[y, x] = float32(0)
        if i < a.shape[0] and k0 + x < a.shape[1]:
            left[y, x] = a[i, k0 + x]
        if j < b.shape[1] and k0 + y < b.shape[0]:
            right[y, x] = b[k0 + y, j]
        cuda.syncthreads()
        for k in range(4):
            total += right[k, x] * left[y, k]
        cuda.syncthreads()
        k0 += 4
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.right
def without_tiles(a, b, c):
    j, i = cuda.grid(2)
    if i < c.shape[0] and j < c.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[i, k] * b[k, j]
        c[i, j] = total


@tiled.mistake
def no_barrier_before_multiplying(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def no_barrier_before_the_next_tile(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def no_guard_on_loading(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x]
        tb[y, x] = b[k0 + y, j]
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def tail_left_as_it_was(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        if i < a.shape[0] and k0 + x < a.shape[1]:
            ta[y, x] = a[i, k0 + x]
        if k0 + y < b.shape[0] and j < b.shape[1]:
            tb[y, x] = b[k0 + y, j]
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def barrier_for_those_inside(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    if i < c.shape[0] and j < c.shape[1]:
        for k0 in range(0, a.shape[1], 4):
            ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
            tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
            cuda.syncthreads()
            for k in range(4):
                total += ta[y, k] * tb[k, x]
            cuda.syncthreads()
        c[i, j] = total


@tiled.mistake
def no_guard_on_writing(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    c[i, j] = total


@tiled.mistake
def tail_tile_left_out(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1] // 4 * 4, 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def first_tile_alone(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, 4, 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def same_tile_every_time(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def total_begins_anew(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        total = float32(0)
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def tile_turned(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[k, y] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def both_tiles_by_rows(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[x, k]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def axes_swapped(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    i, j = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.mistake
def k_along_the_wrong_axis(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + y] if i < a.shape[0] and k0 + y < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
        cuda.syncthreads()
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


@tiled.two("no_barrier_before_the_next_tile", "no_guard_on_writing")
def _(a, b, c):
    ta, tb = cuda.shared.array((4, 4), float32), cuda.shared.array((4, 4), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for k0 in range(0, a.shape[1], 4):
        ta[y, x] = a[i, k0 + x] if i < a.shape[0] and k0 + x < a.shape[1] else float32(0)
        tb[y, x] = b[k0 + y, j] if k0 + y < b.shape[0] and j < b.shape[1] else float32(0)
        cuda.syncthreads()
        for k in range(4):
            total += ta[y, k] * tb[k, x]
    c[i, j] = total


@tiled.swaps
def _(launcher):
    def forward(x, y):
        if x.ndim != 2 or y.ndim != 2:
            got = f"x {x.shape} and y {y.shape}"
            raise ArgumentError("matmul", got, "two matrices", "x @ w, with x (N, I) and w (I, O)")
        z = launcher(contiguous(x), contiguous(y), **covering(len(x), y.shape[1]))
        return z, (x, y)

    return ops.matmul.using(forward, ops.matmul.pairs["numpy"].backward)
