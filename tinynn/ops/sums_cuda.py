"""Sums that several families of kernels need: over a warp, a block, the columns of a matrix, its rows.

Every sum has a fixed order, so that two runs agree bit for bit: no atomics. A block adds what its threads
hold by exchanging registers (shuffles), in five steps instead of 32. Sums over many rows are taken in parts,
one for each block, and the parts are added by a second launch.
"""

from __future__ import annotations

from typing import Any

from ..gpu import blocks, cuda, empty, float32, launch, uint32
from .team_cuda import warp_sum

LANES, TEAM = 32, 8  # a block that sums columns: 32 columns side by side, 8 threads to each


@cuda.jit(device=True)
def row_sum(value, room):
    """The sum over the threads along x, which all of them learn; `room` is shared, 32 float32.

    blockDim is (32, anything), a warp for each row, or (a multiple of 32, 1), a block for one row: then
    the sums of the warps meet in shared memory.
    """
    value = warp_sum(value)
    if cuda.blockDim.x > 32:
        lane, warp = cuda.threadIdx.x % 32, cuda.threadIdx.x // 32
        if lane == 0:
            room[warp] = value
        cuda.syncthreads()
        value = room[lane] if lane < cuda.blockDim.x // 32 else float32(0)
        value = warp_sum(value)
        cuda.syncthreads()  # before anyone writes to `room` again
    return value


@cuda.jit
def column_sums(x, y):
    """y[j] = sum over i of x[i, j]: x (R, C), y (C,). Block (32, 8).

    A thread adds every eighth row of its column; the 32 threads of a warp read 32 neighbours. Then the
    eight sums of a column meet in shared memory. 4 R C bytes read, R C additions.
    """
    parts = cuda.shared.array((TEAM, LANES), float32)
    j, team = uint32(cuda.blockIdx.x * LANES + cuda.threadIdx.x), uint32(cuda.threadIdx.y)
    total, i = float32(0), team
    while i < uint32(x.shape[0]):
        if j < uint32(x.shape[1]):
            total += x[i, j]
        i = uint32(i + uint32(TEAM))
    parts[cuda.threadIdx.y, cuda.threadIdx.x] = total
    cuda.syncthreads()
    if team == 0 and j < uint32(y.size):
        for k in range(1, TEAM):
            total += parts[k, cuda.threadIdx.x]
        y[j] = total


@cuda.jit
def row_sums(x, factor, y):
    """y[r] = factor times the sum over j of x[r, j]: x (R, L), y (R,). Block (X, Y): X threads to a row.

    4 R L bytes read, R L additions.
    """
    room = cuda.shared.array(32, float32)
    r, j = uint32(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y), uint32(cuda.threadIdx.x)
    total = float32(0)
    while r < uint32(x.shape[0]) and j < uint32(x.shape[1]):
        total += x[r, j]
        j = uint32(j + uint32(cuda.blockDim.x))
    total = row_sum(total, room)
    if cuda.threadIdx.x == 0 and r < uint32(x.shape[0]):
        y[r] = total * factor


def threads_of_rows(length: int, each: int = 4, most: int = 1024) -> tuple[int, int]:
    """Block for rows of `length` numbers, about `each` to a thread: four short rows in one, a warp each."""
    width = min(most, 32 * blocks(length, 32 * each))
    return (width, 1) if width > 32 else (32, 4)


def sum_columns(x: Any) -> Any:
    """x (R, C) to (C,)."""
    y = empty(x.shape[1:], x)
    launch(column_sums, blocks(x.shape[1], LANES), (LANES, TEAM), x, y)
    return y


def sum_rows(x: Any, factor: float = 1.0) -> Any:
    """x (R, L) to (R,), times `factor`."""
    y, block = empty(x.shape[:1], x), threads_of_rows(x.shape[1], most=256)
    launch(row_sums, blocks(x.shape[0], block[1]), block, x, float(factor), y)
    return y


def channel_sums(dy: Any) -> Any:
    """dy (N, C, ...) to (C,): over the pixels of each channel, then over the examples."""
    n, c = dy.shape[:2]
    if dy.size == n * c:
        return sum_columns(dy.reshape(n, c))
    return sum_columns(sum_rows(dy.reshape(n * c, -1)).reshape(n, c))


def given(p: Any, like: Any) -> tuple[Any, bool]:
    """A parameter as a vector, and whether there is one; else a number in its place, which nobody reads."""
    return (empty((1,), like), False) if p is None else (p.ravel(), True)
