"""Kernels with planted mistakes: each must be caught, as this kind, at the marked line, with this thread.

The comment ``# <-`` marks the line; a race has two. `threads` are those of block `at` in the forward order:
the one at fault, in a race both.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from simt_kernels import FULL, floats, fresh, ints, zeros

from tinynn.gpu import cuda, float32, int32, launch
from tinynn.gpu.kernel import Kernel


class Bug(NamedTuple):
    kernel: Kernel
    kind: str
    threads: set[int]
    at: tuple[int, int, int]
    grid: Any
    block: Any
    args: Callable[[], tuple]
    shared: int
    settings: dict[str, Any]
    other: Kernel | None  # the device function with the mark

    def run(self) -> None:
        launch(self.kernel, self.grid, self.block, *self.args(), shared=self.shared)

    def lines(self) -> set[int]:
        """Where the marks are."""
        found = set()
        for kernel in filter(None, (self.kernel, self.other)):
            source, first = inspect.getsourcelines(kernel.function)
            found |= {first + n for n, line in enumerate(source) if "# <-" in line}
        return found


BUGS: list[Bug] = []


def bug(
    kind: str, threads: int | set[int], args: Callable[[], tuple], *, at: tuple = (0, 0, 0), grid: Any = 1,
    block: Any = 32, shared: int = 0, inside: Kernel | None = None, **settings: Any,
) -> Callable[[Callable], Kernel]:  # fmt: skip
    def register(function: Callable) -> Kernel:
        kernel = cuda.jit(function)
        who = threads if isinstance(threads, set) else {threads}
        BUGS.append(Bug(kernel, kind, who, at, grid, block, args, shared, settings, inside))
        return kernel

    return register


# -- indices -------------------------------------------------------------------------------------------------


@bug("index", 4, lambda: (floats(100), fresh(100)), at=(3, 0, 0), grid=4)
def no_guard(x, y):
    i = cuda.grid(1)
    y[i] = x[i]  # <-


@bug("index", 3, lambda: (floats(35), fresh(35)), at=(1, 0, 0), grid=2)
def guard_off_by_one(x, y):
    i = cuda.grid(1)
    if i <= x.size:
        y[i] = x[i]  # <-


@bug("index", 31, lambda: (floats(32), fresh(32)))
def neighbour_above_the_end(x, y):
    i = cuda.grid(1)
    y[i] = x[i] + x[i + 1]  # <-


@bug("index", 0, lambda: (floats(32), fresh(32)))
def neighbour_below_zero(x, y):
    i = cuda.grid(1)
    y[i] = x[i] - x[i - 1]  # <-


@bug("index", 4, lambda: (floats(4, 8), fresh(4, 8)), block=(8, 8))
def axes_swapped(x, y):
    i, j = cuda.grid(2)
    if i < 8 and j < 4:
        y[j, i] = x[i, j]  # <-


@bug("index", 0, lambda: (floats(4, 8), fresh(4, 8)), block=(8, 4))
def left_of_the_first_column(x, y):
    j, i = cuda.grid(2)
    y[i, j] = x[i, j - 1]  # <-


@bug("index", 8, lambda: (fresh(2, 2, 2),), block=(2, 2, 3))
def too_deep(x):
    i, j, k = cuda.grid(3)
    x[i, j, k] = 1.0  # <-


@bug("index", 31, lambda: (floats(32), fresh(32)))
def past_shared_memory(x, y):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    y[t] = s[t + 1]  # <-


@bug("index", 32, lambda: (floats(64), fresh(64)), block=64)
def shared_memory_of_a_smaller_block(x, y):
    s = cuda.shared.array(32, float32)
    s[cuda.threadIdx.x] = x[cuda.grid(1)]  # <-
    cuda.syncthreads()
    y[cuda.grid(1)] = s[cuda.threadIdx.x]


@bug("index", 0, lambda: (fresh(32),))
def past_a_local_array(y):
    acc = cuda.local.array(4, float32)
    for k in range(5):
        acc[k] = float32(k)  # <-
    y[cuda.grid(1)] = acc[0]


@bug("index", 0, lambda: (floats(4, 3), fresh(4)), block=4)
def row_too_long(x, y):
    row = x[cuda.threadIdx.x]
    total = float32(0.0)
    for j in range(4):
        total += row[j]  # <-
    y[cuda.threadIdx.x] = total


@bug("index", 0, lambda: (floats(4, 3), fresh(4)), block=4)
def one_index_too_many(x, y):
    i = cuda.threadIdx.x
    y[i, 0] = x[i, 0]  # <-


@bug("index", 0, lambda: (floats(8), fresh(8)), block=4)
def half_an_index(x, y):
    i = cuda.threadIdx.x
    y[i] = x[i / 2]  # <-


@cuda.jit(device=True)
def next_to(x, i):
    return x[i + 1]  # <-


@bug("index", 31, lambda: (floats(32), fresh(32)), inside=next_to)
def in_a_device_function(x, y):
    i = cuda.grid(1)
    y[i] = next_to(x, i)


@bug("index", 5, lambda: (np.arange(32, dtype=np.int32), zeros(5, dtype=np.int32)))
def bin_that_is_none(x, counts):
    cuda.atomic.add(counts, x[cuda.grid(1)], 1)  # <-


TABLE = floats(3)


@bug("index", 3, lambda: (fresh(8),), block=8)
def past_constant_memory(y):
    table = cuda.const.array_like(TABLE)
    i = cuda.threadIdx.x
    y[i] = table[i]  # <-


@bug("index", 16, lambda: (floats(32), fresh(32)), shared=64)
def too_few_bytes_of_dynamic_memory(x, y):
    s = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]  # <-
    y[t] = s[t]


@bug("index", 0, lambda: (floats(32), fresh(32)))
def dynamic_memory_forgotten(x, y):
    s = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]  # <-
    y[t] = s[t]


@bug("index", 6, lambda: (floats(16), fresh(16)), block=16)
def past_a_slice(x, y):
    i = cuda.threadIdx.x
    part = x[10:]
    y[i] = part[i]  # <-


@bug("index", 2, lambda: (floats(5, 4), ints(3, 8) * 0 + [0, 4, 5, 1, 2, 3, 0, 0], fresh(8, 4)), block=8)
def label_out_of_range(w, index, y):
    n = cuda.threadIdx.x
    for j in range(4):
        y[n, j] = w[index[n], j]  # <-


# -- memory that nobody wrote --------------------------------------------------------------------------------


@bug("unwritten", 0, lambda: (floats(32), fresh(32)))
def shared_sum_from_nothing(x, y):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    s[t] += x[t]  # <-
    y[t] = s[t]


@bug("unwritten", 20, lambda: (floats(32), fresh(32)))
def half_of_the_tile_filled(x, y):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    if t < 20:
        s[t] = x[t]
    cuda.syncthreads()
    y[t] = s[t]  # <-


@bug("unwritten", 0, lambda: (floats(32), fresh(32)))
def local_sums_from_nothing(x, y):
    acc = cuda.local.array(2, float32)
    for k in range(2):
        acc[k] += x[cuda.grid(1)]  # <-
    y[cuda.grid(1)] = acc[0] + acc[1]


@bug("unwritten", 0, lambda: (fresh(32),))
def first_of_a_local_array(y):
    acc = cuda.local.array(4, float32)
    for k in range(1, 4):
        acc[k] = float32(k)
    total = float32(0.0)
    for k in range(4):
        total += acc[k]  # <-
    y[cuda.grid(1)] = total


@bug("unwritten", 0, lambda: (floats(32), fresh(32)))
def output_added_to(x, y):
    y[cuda.grid(1)] += x[cuda.grid(1)]  # <-


@bug("unwritten", 0, lambda: (floats(32), fresh(1)))
def output_not_zeroed_before_atomics(x, y):
    cuda.atomic.add(y, 0, x[cuda.grid(1)])  # <-


@bug("unwritten", 0, lambda: (ints(4, 32), zeros(4, dtype=np.int32)))
def shared_counters_not_zeroed(x, counts):
    s = cuda.shared.array(4, int32)
    cuda.atomic.add(s, x[cuda.grid(1)] * 0, 1)  # <-
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        counts[0] = s[0]


@bug("unwritten", 0, lambda: (floats(32), fresh(32)))
def halo_forgotten(x, y):
    tile = cuda.shared.array(34, float32)
    t = cuda.threadIdx.x
    tile[t + 1] = x[t]
    cuda.syncthreads()
    y[t] = tile[t] + tile[t + 1] + tile[t + 2]  # <-


@bug(
    "unwritten", 8, lambda: (floats(6, 6), fresh(6, 6)), at=(0, 1, 0), grid=(2, 2), block=(4, 4)
)  # rows 6 and 7 do not exist
def tile_beyond_the_matrix(a, c):
    A = cuda.shared.array((4, 4), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, i = cuda.grid(2)
    acc = float32(0.0)
    k0 = 0
    while k0 < 6:
        if i < 6 and k0 + tx < 6 and k0 < 4:
            A[ty, tx] = a[i, k0 + tx]
        cuda.syncthreads()
        for k in range(4):
            acc += A[ty, k] * float32(k0)  # <-
        cuda.syncthreads()
        k0 += 4
    if i < 6 and j < 6:
        c[i, j] = acc


@bug("unwritten", 0, lambda: (floats(32), fresh(32)), shared=256)
def upper_half_of_dynamic_memory(x, y):
    s = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    y[t] = s[t + 32]  # <-


@bug("unwritten", 2, lambda: (floats(64), fresh(1)), block=64)
def sums_of_warps_that_are_not(x, y):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    if t % 32 == 0:
        s[t // 32] = x[t]
    cuda.syncthreads()
    if t < 32:
        v = s[t]  # <-
        if t == 0:
            y[0] = v


@bug("unwritten", 0, lambda: (fresh(8, dtype=np.int64), zeros(8)), block=8)
def indices_that_nobody_made(index, y):
    y[index[cuda.threadIdx.x]] = float32(1.0)  # <-


# -- races in shared memory ----------------------------------------------------------------------------------


@bug("race", {31, 32}, lambda: (floats(64), fresh(64)), block=64)
def no_barrier_after_loading(x, y):
    s = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]  # <-
    y[t] = s[63 - t]  # <-


@bug("race", {0, 1}, lambda: (floats(64), fresh(1)), block=64)
def no_barrier_in_the_reduction(x, y):
    s = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    n = 32
    while n > 0:
        if t < n:
            s[t] += s[t + n]  # <-
        n //= 2
    if t == 0:
        y[0] = s[0]


@bug("race", {0, 1}, lambda: (floats(4, 8), floats(8, 4), fresh(4, 4)), block=(4, 4))
def no_barrier_before_the_next_tile(a, b, c):
    A = cuda.shared.array((4, 4), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    acc = float32(0.0)
    for k0 in range(0, 8, 4):
        A[ty, tx] = a[ty, k0 + tx]  # <-
        cuda.syncthreads()
        for k in range(4):
            acc += A[ty, k] * b[k0 + k, tx]  # <-
    c[ty, tx] = acc


@bug("race", {1, 2}, lambda: (floats(32), fresh(32)))
def scan_in_one_buffer(x, y):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    step = 1
    while step < 32:
        cuda.syncthreads()
        if t >= step:
            s[t] += s[t - step]  # <-
        step *= 2
    y[t] = s[t]


@bug("race", {0, 63}, lambda: (floats(64), fresh(64)), block=64)
def a_syncwarp_for_two_warps(x, y):
    s = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]  # <-
    cuda.syncwarp()
    y[t] = s[63 - t]  # <-


@bug("race", {0, 1}, lambda: (floats(32), fresh(32)))
def all_write_one_cell(x, y):
    s = cuda.shared.array(1, float32)
    s[0] = x[cuda.threadIdx.x]  # <-
    cuda.syncthreads()
    y[cuda.threadIdx.x] = s[0]


@bug("race", {0, 1}, lambda: (ints(1, 32), zeros(4, dtype=np.int32)))
def histogram_without_atomics(x, counts):
    s = cuda.shared.array(4, int32)
    t = cuda.threadIdx.x
    if t < 4:
        s[t] = 0
    cuda.syncthreads()
    s[x[t]] += 1  # <-
    cuda.syncthreads()
    if t < 4:
        counts[t] = s[t]


@bug("race", {0, 1}, lambda: (ints(4, 32), zeros(1, dtype=np.int32)))
def counter_zeroed_without_a_barrier(x, count):
    s = cuda.shared.array(1, int32)
    t = cuda.threadIdx.x
    if t == 0:
        s[0] = 0  # <-
    cuda.atomic.add(s, 0, x[t])  # <-
    cuda.syncthreads()
    if t == 0:
        count[0] = s[0]


@bug("race", {0, 31}, lambda: (ints(4, 32), zeros(1, dtype=np.int32)))
def counter_read_without_a_barrier(x, count):
    s = cuda.shared.array(1, int32)
    t = cuda.threadIdx.x
    if t == 0:
        s[0] = 0
    cuda.syncthreads()
    cuda.atomic.add(s, 0, x[t])  # <-
    if t == 31:
        count[0] = s[0]  # <-


@bug("race", {0, 8}, lambda: (floats(32), fresh(1)))
def warps_are_not_in_step(x, y):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    if t < 16:
        s[t] += s[t + 16]  # <-
        s[t] += s[t + 8] if t < 8 else float32(0.0)  # <-
    if t == 0:
        y[0] = s[0]


@bug("race", {0, 31}, lambda: (floats(32), fresh(32)))
def a_shuffle_is_no_barrier(x, y):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]  # <-
    v = cuda.shfl_xor_sync(FULL, x[t], 1)
    y[t] = s[31 - t] + v  # <-


@bug("race", {0, 16}, lambda: (floats(32), fresh(32)))
def halves_that_wait_apart(x, y):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]  # <-
    if t < 16:
        cuda.syncwarp(0x0000FFFF)
    else:
        cuda.syncwarp(0xFFFF0000)
    y[t] = s[(t + 16) % 32]  # <-


@bug("race", {0, 1}, lambda: (floats(4, 32), fresh(32)))
def buffers_not_swapped(x, y):
    s = cuda.shared.array((2, 32), float32)
    t = cuda.threadIdx.x
    now = 0
    s[now, t] = x[0, t]  # <-
    acc = float32(0.0)
    for row in range(1, 4):
        cuda.syncthreads()
        s[now, t] = x[row, t]  # <-
        acc += s[now, (t + 1) % 32]  # <-
    y[t] = acc


@bug("race", {0, 1}, lambda: (floats(64), fresh(64)), block=64)
def result_of_a_reduction_overwritten(x, y):
    s = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    for _ in range(2):
        s[t] = x[t]  # <-
        cuda.syncthreads()
        n = 32
        while n > 0:
            if t < n:
                s[t] += s[t + n]
            cuda.syncthreads()
            n //= 2
        y[t] = s[0]  # <-


@bug("race", {15, 16}, lambda: (floats(32), fresh(32)), shared=128)
def dynamic_memory_without_a_barrier(x, y):
    s = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]  # <-
    y[t] = s[31 - t]  # <-


@cuda.jit(device=True)
def shifted(s, t):
    return s[t ^ 1]  # <-


@bug("race", {0, 1}, lambda: (floats(32), fresh(32)), inside=shifted)
def race_in_a_device_function(x, y):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]  # <-
    y[t] = shifted(s, t)


# -- races in global memory ----------------------------------------------------------------------------------


@bug("race", {0, 1}, lambda: (floats(32), zeros(1)))
def sum_without_atomics(x, y):
    y[0] += x[cuda.grid(1)]  # <-


@bug("race", {0}, lambda: (floats(2), zeros(1)), at=(1, 0, 0), grid=2, block=1)
def sum_over_blocks_without_atomics(x, y):
    y[0] += x[cuda.grid(1)]  # <-


@bug("race", {0, 1}, lambda: (floats(65), fresh(65)), grid=2)
def a_cell_of_the_next_block(x, y):
    i = cuda.grid(1)
    y[i] = x[i]  # <-
    y[i + 1] = x[i + 1] + float32(1.0)  # <-


@bug("race", {0, 31}, lambda: (floats(64),), at=(1, 0, 0), grid=2)
def neighbours_changed_in_place(x):
    i = cuda.grid(1)
    left = x[i - 1] if i > 0 else float32(0.0)  # <-
    cuda.syncthreads()
    x[i] += left  # <-


@bug("race", {1, 4}, lambda: (floats(4, 4),), block=(4, 4))
def transposed_in_place(x):
    j, i = cuda.grid(2)
    v = x[i, j]  # <-
    x[j, i] = v  # <-


@bug("race", {0, 1}, lambda: (zeros(32, dtype=np.int64), floats(32), zeros(4)))
def scatter_without_atomics(index, dy, dw):
    n = cuda.grid(1)
    dw[index[n]] += dy[n]  # <-


@bug(
    "race",
    {0},
    lambda: (floats(3), fresh(3), zeros(1, dtype=np.int32), fresh(1)),
    at=(2, 0, 0),
    grid=3,
    block=1,
)
def last_block_without_a_fence(x, partial, counter, y):
    b = cuda.blockIdx.x
    partial[b] = x[b]  # <-
    if cuda.atomic.add(counter, 0, 1) == cuda.gridDim.x - 1:
        total = float32(0.0)
        for other in range(cuda.gridDim.x):
            total += partial[other]  # <-
        y[0] = total


@bug("race", {0, 1}, lambda: (floats(4), zeros(1, dtype=np.int32), zeros(1)), block=4)
def lock_opened_without_a_fence(x, lock, total):
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:
        pass
    total[0] += x[cuda.grid(1)]  # <-
    cuda.atomic.exch(lock, 0, 0)


@bug("race", {0, 1}, lambda: (floats(4), zeros(1, dtype=np.int32), zeros(1)), block=4)
def lock_opened_by_a_plain_store(x, lock, total):
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:  # <-
        pass
    cuda.threadfence()
    lock[0] = 0  # <-


@bug("race", {0, 1}, lambda: (floats(32),))
def shifted_in_place(x):
    i = cuda.grid(1)
    if i < 31:
        x[i] = x[i + 1]  # <-


def overlapping() -> tuple:
    x = floats(33)
    return x[:32], x[1:]


@bug("race", {0, 1}, overlapping)
def input_and_output_overlap(x, y):
    i = cuda.grid(1)
    y[i] = x[i]  # <-


@bug("race", {0}, lambda: (floats(4), zeros(1, dtype=np.int32), fresh(4)), at=(1, 0, 0), grid=4, block=1)
def counter_read_plainly(x, counter, y):
    cuda.atomic.add(counter, 0, 1)  # <-
    y[cuda.blockIdx.x] = float32(counter[0])  # <-


@bug("race", {0, 1}, lambda: (zeros(8), zeros(1)), grid=1, block=2)
def one_column_for_all_rows(x, y):
    for k in range(4):
        y[0] = float32(k + cuda.threadIdx.x)  # <-


# -- barriers ------------------------------------------------------------------------------------------------


@bug("barrier", 10, lambda: (fresh(32),))
def barrier_in_an_if(y):
    if cuda.threadIdx.x < 10:
        y[cuda.threadIdx.x] = 1.0
        cuda.syncthreads()  # <-


@bug("barrier", 4, lambda: (floats(100), fresh(100)), at=(3, 0, 0), grid=4)
def return_before_a_barrier(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    y[i] = x[i]
    cuda.syncthreads()  # <-
    y[i] += x[i]


@bug("barrier", 0, lambda: (fresh(8),), block=8)
def barrier_in_a_loop_of_uneven_length(y):
    t = cuda.threadIdx.x
    k = 0
    while k < min(t, 4):
        cuda.syncthreads()  # <-
        k += 1
    y[t] = float32(k)


@bug("barrier", 0, lambda: (fresh(32),))  # the first three are fewer
def a_barrier_in_each_branch(y):
    t = cuda.threadIdx.x
    if t < 3:
        y[t] = 1.0
        cuda.syncthreads()  # <-
    else:
        y[t] = 2.0
        cuda.syncthreads()  # <-


@cuda.jit(device=True)
def waited(v):
    cuda.syncthreads()  # <-
    return v


@bug("barrier", 1, lambda: (fresh(32),), inside=waited)
def barrier_in_a_device_function(y):
    t = cuda.threadIdx.x
    y[t] = waited(t) if t % 2 == 0 else 0


@bug("barrier", 0, lambda: (floats(32), fresh(32)))
def break_before_a_barrier(x, y):
    t = cuda.threadIdx.x
    for k in range(4):
        if k == 2 and t == 0:
            break
        cuda.syncthreads()  # <-
    y[t] = x[t]


@bug("barrier", 20, lambda: (floats(20), fresh(32)))
def barrier_behind_an_and(x, y):
    t = cuda.threadIdx.x
    y[t] = 1.0 if t < x.size and cuda.syncthreads_or(int32(x[t] > 0)) else 0.0  # <-


@bug("barrier", 32, lambda: (fresh(64),), block=64)
def barrier_of_one_warp(y):
    t = cuda.threadIdx.x
    if t // 32 == 0:
        cuda.syncthreads()  # <-
    y[t] = 1.0


# -- shuffles, votes, syncwarps ------------------------------------------------------------------------------


@bug("exchange", 16, lambda: (floats(32), fresh(32)))
def shuffle_in_an_if(x, y):
    t = cuda.threadIdx.x
    v = x[t]
    if t < 16:
        v += cuda.shfl_down_sync(FULL, v, 8)  # <-
    y[t] = v


@bug("exchange", 20, lambda: (floats(20), zeros(1)))
def return_before_a_shuffle(x, y):
    t = cuda.threadIdx.x
    if t >= x.size:
        return
    v = cuda.shfl_xor_sync(FULL, x[t], 1)  # <-
    cuda.atomic.add(y, 0, v)


@bug("exchange", 8, lambda: (floats(32), fresh(32)))
def mask_without_the_caller(x, y):
    t = cuda.threadIdx.x
    y[t] = cuda.shfl_sync(0xFF, x[t], 0)  # <-


@bug("exchange", 0, lambda: (floats(32), fresh(32)))
def masks_that_differ(x, y):
    t = cuda.threadIdx.x
    mask = 0x0000FFFF if t < 16 else FULL
    y[t] = cuda.shfl_xor_sync(mask, x[t], 1)  # <-


@bug("exchange", 1, lambda: (fresh(32),))
def syncwarp_in_an_if(y):
    t = cuda.threadIdx.x
    if t == 0:
        cuda.syncwarp()  # <-
    y[t] = 1.0


@bug("exchange", 0, lambda: (ints(2, 32), fresh(32)))
def ballots_in_loops_of_uneven_length(x, y):
    t = cuda.threadIdx.x
    k = 0
    while k < t % 2 + 1:
        y[t] = float32(cuda.ballot_sync(FULL, k > 0))  # <-
        k += 1


@bug("exchange", 0, lambda: (floats(32), fresh(32)))
def value_of_a_lane_out_of_the_mask(x, y):
    t = cuda.threadIdx.x
    if t < 16:
        y[t] = cuda.shfl_sync(0xFFFF, x[t], 20)  # <-


@bug("exchange", 0, lambda: (floats(16), fresh(1)), block=16)
def sum_of_a_warp_with_16_threads(x, y):
    v = x[cuda.threadIdx.x]
    step = 16
    while step > 0:
        v += cuda.shfl_down_sync(FULL, v, step)  # <-
        step //= 2
    if cuda.threadIdx.x == 0:
        y[0] = v


@bug("exchange", 16, lambda: (floats(32), fresh(32)))
def some_shuffle_while_others_wait(x, y):
    t = cuda.threadIdx.x
    if t < 16:
        y[t] = cuda.shfl_xor_sync(FULL, x[t], 1)  # <-
    cuda.syncthreads()


@bug("exchange", 0, lambda: (floats(32), fresh(32)))
def one_shuffle_in_each_branch(x, y):
    t = cuda.threadIdx.x
    if t < 8:
        y[t] = cuda.shfl_xor_sync(FULL, x[t], 1)
    else:
        y[t] = cuda.shfl_xor_sync(FULL, x[t], 2)  # <-


@bug("exchange", 31, lambda: (floats(32), fresh(32)))
def vote_without_the_last_lane(x, y):
    t = cuda.threadIdx.x
    y[t] = 0.0
    if t < 31 and cuda.any_sync(FULL, x[t] > 0):  # <-
        y[t] = 1.0


# -- deadlocks, loops without end ----------------------------------------------------------------------------


@bug("deadlock", 1, lambda: (zeros(1, dtype=np.int32),), block=4)
def lock_never_opened(lock):
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:  # <-
        pass


@bug("deadlock", 0, lambda: (zeros(2, dtype=np.int32),), grid=2, block=1)
def a_block_that_waits_for_the_next(flags):
    b = cuda.blockIdx.x
    cuda.atomic.exch(flags, b, 1)
    while cuda.atomic.add(flags, 1 - b, 0) == 0:  # <-
        pass


@bug("deadlock", 1, lambda: (zeros(1, dtype=np.int32), fresh(4)), block=4)
def barrier_while_the_lock_is_held(lock, y):
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:  # <-
        pass
    cuda.syncthreads()
    cuda.atomic.exch(lock, 0, 0)


@bug("endless", 0, lambda: (floats(8), zeros(8)), block=8, steps=5000)
def step_forgotten(x, y):
    i = cuda.grid(1)
    while i < x.size:
        y[i] = x[i]  # <-


@bug("endless", 0, lambda: (fresh(8),), block=1, patience=0.1)
def condition_that_does_not_change(y):
    n = 8
    while n > 1:  # <-
        n = max(n // 2, 2)  # <-
    y[0] = float32(n)


@bug("endless", 0, lambda: (floats(8), fresh(8)), block=8, steps=500)
def barriers_without_end(x, y):
    s = cuda.shared.array(8, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    n = 4
    while n > 0:
        cuda.syncthreads()  # <-
        if t < n:
            s[t] = x[t]
    y[t] = s[t]


@bug("endless", 0, lambda: (zeros(1, dtype=np.int32),), block=2, steps=5000)
def counted_for_ever(count):
    while cuda.atomic.add(count, 0, 1) >= 0:  # <-
        pass


# -- outputs -------------------------------------------------------------------------------------------------


@bug("output", set(), lambda: (floats(100), zeros(100)), grid=3, outputs="y")
def too_few_blocks(x, y):  # <-
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i]


@bug("output", set(), lambda: (floats(32), zeros(32)), outputs="y")
def last_one_left_out(x, y):  # <-
    i = cuda.grid(1)
    if i < x.size - 1:
        y[i] = x[i]


@bug("output", set(), lambda: (floats(5, 6), zeros(5, 6)), block=(4, 5), outputs=("y",))
def columns_beyond_the_block(x, y):  # <-
    j, i = cuda.grid(2)
    y[i, j] = x[i, j]


@bug("output", set(), lambda: (floats(32), zeros(32)), outputs="y")
def written_where_positive(x, y):  # <-
    i = cuda.grid(1)
    if x[i] > 0:
        y[i] = x[i]


# -- arrays that cannot be, calls that are not ---------------------------------------------------------------


@bug("memory", 0, lambda: (fresh(32),))
def too_much_shared_memory(y):
    s = cuda.shared.array((128, 128), float32)  # <-
    s[0, cuda.threadIdx.x] = y[0]


@bug("memory", 0, lambda: (fresh(32),))
def too_much_in_two_arrays(y):
    a = cuda.shared.array((64, 128), float32)
    b = cuda.shared.array((64, 65), float32)  # <-
    a[0, 0] = b[0, 0] = 0.0


@bug("memory", 0, lambda: (fresh(32), 32))
def shared_memory_of_an_argument(y, n):
    s = cuda.shared.array(n, float32)  # <-
    s[0] = 1.0


@bug("memory", 0, lambda: (fresh(32),))
def shared_memory_of_the_block(y):
    s = cuda.shared.array(cuda.blockDim.x, float32)  # <-
    s[0] = 1.0


@bug("memory", 0, lambda: (fresh(32),))
def shared_memory_of_floats(y):
    s = cuda.shared.array(32, float)  # <-
    s[0] = 1.0


@bug("memory", 0, lambda: (fresh(32),))
def local_memory_of_no_size(y):
    acc = cuda.local.array((4, 0), float32)  # <-
    acc[0, 0] = 1.0


@bug("memory", 0, lambda: (fresh(32),))
def shared_memory_of_half_a_size(y):
    s = cuda.shared.array(32 / 2, float32)  # <-
    s[0] = 1.0


@bug("memory", 0, lambda: (fresh(32),))
def aligned_to_twelve_bytes(y):
    s = cuda.shared.array(32, float32, 12)  # <-
    s[0] = 1.0


@bug("memory", 0, lambda: (fresh(3),), block=3)
def constant_memory_written(y):
    table = cuda.const.array_like(TABLE)
    table[cuda.threadIdx.x] = y[cuda.threadIdx.x] * 0 if False else 1.0  # <-


@bug("call", 0, lambda: (zeros(32),))
def float_exchanged(y):
    cuda.atomic.exch(y, 0, 1.0)  # <-


@bug("call", 0, lambda: (fresh(32),))
def a_name_that_is_not(y):
    y[cuda.threadIdx.x] = cuda.thread_id  # <-


@bug("call", 0, lambda: (floats(32), fresh(32)))
def bool_shuffled(x, y):
    t = cuda.threadIdx.x
    y[t] = cuda.shfl_xor_sync(FULL, x[t] > 0, 1)  # <-


@bug("call", 0, lambda: (floats(32), fresh(32)))
def sum_of_an_array(x, y):
    y[0] = x.sum()  # <-


@bug("call", 0, lambda: (floats(4, 8), fresh(4, 8)), block=4)
def a_row_copied(x, y):
    y[cuda.threadIdx.x, :] = x[cuda.threadIdx.x]  # <-


@bug("call", 0, lambda: (floats(32), fresh(32)))
def bools_counted(x, y):
    t = cuda.threadIdx.x
    y[t] = float32(cuda.syncthreads_count(x[t] > 0))  # <-


@bug("call", 0, lambda: (floats(4, 8), fresh(4)), block=4)
def a_row_in_a_cell(x, y):
    y[cuda.threadIdx.x] = x[cuda.threadIdx.x]  # <-


# -- the kernel's own Python ---------------------------------------------------------------------------------


@bug("exception", 0, lambda: (fresh(32),))
def a_number_and_none(y):
    v = None
    y[0] = v + 1.0  # <-


@bug("exception", 3, lambda: (fresh(8),), block=8)
def divided_by_zero(y):
    t = cuda.threadIdx.x
    y[t] = float32(8 // (t - 3))  # <-


@bug("exception", 2, lambda: (fresh(8),), block=8)
def index_of_a_tuple(y):
    t = cuda.threadIdx.x
    y[t] = (1.0, 2.0)[t]  # <-


@bug("exception", 0, lambda: (floats(8), fresh(8)), block=8)
def arrays_added(x, y):
    z = x + x  # <-
    y[0] = z


@bug("exception", 0, lambda: (fresh(8),), block=8)
def a_name_nobody_knows(y):
    y[0] = undefined_name  # noqa: F821  # <-


@cuda.jit(device=True)
def share(v, n):
    return v // n  # <-


@bug("exception", 2, lambda: (fresh(8),), block=8, inside=share)
def divided_by_zero_in_a_device_function(y):
    t = cuda.threadIdx.x
    y[t] = float32(share(8, 2 - t))


@bug("exception", 0, lambda: (fresh(8),), block=8)
def argument_forgotten(y):
    cuda.atomic.add(y, 0)  # <-
