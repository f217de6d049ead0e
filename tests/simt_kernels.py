"""Kernels that are right: the interpreter must say so, in whatever order their threads run.

Each is registered with a launch and the result it must give. Sizes are odd where tiles might not divide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinynn.gpu import blocks, cuda, empty, float32, int32, launch, uint32

FULL = 0xFFFFFFFF


class Right(NamedTuple):
    name: str
    run: Callable[[], tuple[Any, Any]]  # what the kernel gave, and what it must give


RIGHT: list[Right] = []


def right(run: Callable[[], tuple[Any, Any]]) -> Callable[[], tuple[Any, Any]]:
    RIGHT.append(Right(run.__name__, run))
    return run


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def ints(high: int, *shape: int, dtype: Any = np.int32) -> np.ndarray:
    return np.random.default_rng(1).integers(0, high, shape).astype(dtype)


def fresh(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return empty(shape, np.zeros(1, np.float32), dtype)


def zeros(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


# -- one element a thread ------------------------------------------------------------------------------------


@cuda.jit
def add(x, y, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] + y[i]


@right
def one_element_a_thread():
    x, y, out = floats(77), floats(77, seed=1), fresh(77)
    launch(add, 3, 32, x, y, out)
    return out, x + y


@right
def in_place():
    x = floats(77)
    want = x + x
    launch(add, 3, 32, x, x, x)
    return x, want


@cuda.jit
def scaled(x, out, factor, n):
    i = cuda.grid(1)
    step = cuda.gridsize(1)
    while i < n:
        out[i] = x[i] * factor
        i += step


@right
def grid_stride_loop():
    x, out = floats(201), fresh(201)
    scaled[2, 32](x, out, 2.5, 201)
    return out, x * np.float32(2.5)


@cuda.jit
def plane(x, out):
    j, i = cuda.grid(2)
    if i < x.shape[0] and j < x.shape[1]:
        out[i, j] = x[i, j] * x[i, j]


@right
def two_axes():
    x, out = floats(13, 21), fresh(13, 21)
    launch(plane, (3, 2), (8, 8), x, out)
    return out, x * x


@cuda.jit
def solid(x, out):
    k, j, i = cuda.grid(3)
    if i < x.shape[0] and j < x.shape[1] and k < x.shape[2]:
        out[i, j, k] = x[i, j, k] + i


@right
def three_axes():
    x, out = floats(3, 5, 7), fresh(3, 5, 7)
    launch(solid, (2, 2, 2), (4, 3, 2), x, out)
    return out, x + np.arange(3, dtype=np.float32)[:, None, None]


@cuda.jit(device=True)
def logistic(v):
    return float32(1.0) / (float32(1.0) + math.exp(-v))


@cuda.jit
def silu(x, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] * logistic(x[i])


@right
def device_function():
    x, out = floats(50), fresh(50)
    launch(silu, 2, 32, x, out)
    return out, x / (1 + np.exp(-x))


@cuda.jit(device=True)
def row_dot(a, b):
    total = float32(0.0)
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@cuda.jit
def by_rows(a, b, out):
    i = cuda.grid(1)
    if i < a.shape[0]:
        out[i] = row_dot(a[i], b[:, i])


@right
def rows_and_columns_to_a_device_function():
    a, b, out = floats(9, 5), floats(5, 9), fresh(9)
    launch(by_rows, 1, 32, a, b, out)
    return out, np.einsum("ik,ki->i", a, b)


@cuda.jit
def transposed_views(x, out):
    j, i = cuda.grid(2)
    t = x.T
    if i < t.shape[0] and j < t.shape[1]:
        out[i, j] = t[i, j]


@right
def a_view_turned():
    x, out = floats(6, 9), fresh(9, 6)
    launch(transposed_views, (1, 2), (8, 8), x, out)
    return out, x.T


@cuda.jit
def rows_by_slices(x, out):
    i = cuda.grid(1)
    if i < x.shape[0]:
        out[i, :] = float32(0.5)
        row = x[i, ::-1]
        out[i, 0:2] = row[0]


@right
def slices_filled():
    x, out = floats(5, 4), fresh(5, 4)
    launch(rows_by_slices, 1, 8, x, out)
    want = np.full((5, 4), 0.5, np.float32)
    want[:, :2] = x[:, 3:]
    return out, want


@right
def strided_arguments():
    big, out = floats(20, 10), fresh(10, 5)
    launch(plane, (1, 2), (8, 8), big[::2, ::-2], out)
    return out, big[::2, ::-2] ** 2


@right
def parts_of_one_array():
    x = floats(64)
    want = np.concatenate([x[:32], x[:32] * 2])
    launch(add, 1, 32, x[:32], x[:32], x[32:])
    return x, want


# -- reductions ----------------------------------------------------------------------------------------------


@cuda.jit
def block_sum(x, out):
    s = cuda.shared.array(64, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < x.size else float32(0.0)
    cuda.syncthreads()
    n = 32
    while n > 0:
        if t < n:
            s[t] += s[t + n]
        cuda.syncthreads()
        n //= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


@right
def reduction_in_shared_memory():
    x, out = floats(200), fresh(4)
    launch(block_sum, 4, 64, x, out)
    return out, np.pad(x, (0, 56)).reshape(4, 64).sum(1)


@cuda.jit
def block_sum_interleaved(x, out):
    s = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    s[t] = x[cuda.grid(1)]
    step = 1
    while step < 64:
        cuda.syncthreads()
        if t % (2 * step) == 0:
            s[t] += s[t + step]
        step *= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


@right
def reduction_with_the_barrier_first():
    x, out = floats(128), fresh(2)
    launch(block_sum_interleaved, 2, 64, x, out)
    return out, x.reshape(2, 64).sum(1)


@cuda.jit
def warp_sum(x, out):
    v = x[cuda.grid(1)]
    step = 16
    while step > 0:
        v += cuda.shfl_down_sync(FULL, v, step)
        step //= 2
    if cuda.laneid == 0:
        cuda.atomic.add(out, 0, v)


@right
def reduction_by_shuffles():
    x, out = floats(128), zeros(1)
    launch(warp_sum, 2, 64, x, out)
    return out, [x.sum()]


@cuda.jit
def block_max(x, out):
    s = cuda.shared.array(32, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    v = x[i] if i < x.size else float32(-math.inf)
    step = 16
    while step > 0:
        v = max(v, cuda.shfl_xor_sync(FULL, v, step))
        step //= 2
    if t % 32 == 0:
        s[t // 32] = v
    cuda.syncthreads()
    if t < 32:
        v = s[t] if t < cuda.blockDim.x // 32 else float32(-math.inf)
        step = 16
        while step > 0:
            v = max(v, cuda.shfl_xor_sync(FULL, v, step))
            step //= 2
        if t == 0:
            out[cuda.blockIdx.x] = v


@right
def reduction_of_warps_in_two_steps():
    x, out = floats(150), fresh(2)
    launch(block_max, 2, 96, x, out)
    return out, [x[:96].max(), x[96:].max()]


@cuda.jit
def half_warp_sum(x, out):
    v = x[cuda.threadIdx.x]
    step = 8
    while step > 0:
        v += cuda.shfl_down_sync(FULL, v, step)
        step //= 2
    if cuda.threadIdx.x == 0:
        out[0] = v


@right
def a_warp_with_16_threads_whose_upper_results_nobody_uses():
    x, out = floats(16), fresh(1)
    launch(half_warp_sum, 1, 16, x, out)
    return out, [x.sum()]


@cuda.jit
def warp_synchronous(x, out):
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncwarp()
    step = 16
    while step > 0:
        v = s[t] + s[t + step] if t + step < 32 else s[t]
        cuda.syncwarp()
        s[t] = v
        cuda.syncwarp()
        step //= 2
    if t == 0:
        out[0] = s[0]


@right
def warp_synchronous_code():
    x, out = floats(32), fresh(1)
    launch(warp_synchronous, 1, 32, x, out)
    return out, [x.sum()]


@cuda.jit
def last_block_sums(x, partial, counter, out):
    s = cuda.shared.array(1, int32)
    t = cuda.threadIdx.x
    cuda.atomic.add(partial, cuda.blockIdx.x, x[cuda.grid(1)])
    cuda.threadfence()
    cuda.syncthreads()
    if t == 0:
        s[0] = cuda.atomic.add(counter, 0, 1)
    cuda.syncthreads()
    if s[0] == cuda.gridDim.x - 1 and t == 0:
        total = float32(0.0)
        for b in range(cuda.gridDim.x):
            total += partial[b]
        out[0] = total


@right
def the_last_block_adds_up():
    x, partial, counter, out = floats(96), zeros(3), zeros(1, dtype=np.int32), fresh(1)
    launch(last_block_sums, 3, 32, x, partial, counter, out)
    return out, [x.sum()]


@cuda.jit
def last_block_by_one_fence(x, partial, counter, out):
    t, b = cuda.threadIdx.x, cuda.blockIdx.x
    partial[b, t] = x[cuda.grid(1)]
    cuda.syncthreads()
    last = 0
    if t == 0:
        cuda.threadfence()
        last = cuda.atomic.inc(counter, 0, cuda.gridDim.x - 1) == cuda.gridDim.x - 1
    if cuda.syncthreads_or(int32(last)):
        total = float32(0.0)
        for other in range(cuda.gridDim.x):
            total += partial[other, t]
        out[t] = total


@right
def the_last_block_adds_columns():
    x, partial, counter, out = floats(96), fresh(3, 32), zeros(1, dtype=np.uint32), fresh(32)
    launch(last_block_by_one_fence, 3, 32, x, partial, counter, out)
    return np.append(out, counter), np.append(x.reshape(3, 32).sum(0), 0)


# -- scans ---------------------------------------------------------------------------------------------------


@cuda.jit
def hillis_steele(x, out):
    s = cuda.shared.array((2, 64), float32)
    t = cuda.threadIdx.x
    now = 0
    s[now, t] = x[t]
    step = 1
    while step < 64:
        cuda.syncthreads()
        s[1 - now, t] = s[now, t] + (s[now, t - step] if t >= step else float32(0.0))
        now = 1 - now
        step *= 2
    out[t] = s[now, t]


@right
def scan_with_two_buffers():
    x, out = floats(64), fresh(64)
    launch(hillis_steele, 1, 64, x, out)
    return out, x.cumsum()


@cuda.jit
def scan_in_one_buffer(x, out):
    s = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    step = 1
    while step < 64:
        left = s[t - step] if t >= step else float32(0.0)
        cuda.syncthreads()
        s[t] += left
        cuda.syncthreads()
        step *= 2
    out[t] = s[t]


@right
def scan_with_two_barriers():
    x, out = floats(64), fresh(64)
    launch(scan_in_one_buffer, 1, 64, x, out)
    return out, x.cumsum()


@cuda.jit
def warp_scan(x, out):
    t = cuda.threadIdx.x
    v = x[t]
    step = 1
    while step < 32:
        left = cuda.shfl_up_sync(FULL, v, step)
        if cuda.laneid >= step:
            v += left
        step *= 2
    out[t] = v


@right
def scan_by_shuffles():
    x, out = floats(64), fresh(64)
    launch(warp_scan, 1, 64, x, out)
    return out, x.reshape(2, 32).cumsum(1).ravel()


@cuda.jit
def blelloch(x, out):
    s = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    s[2 * t], s[2 * t + 1] = x[2 * t], x[2 * t + 1]
    offset, d = 1, 32
    while d > 0:
        cuda.syncthreads()
        if t < d:
            s[offset * (2 * t + 2) - 1] += s[offset * (2 * t + 1) - 1]
        offset *= 2
        d //= 2
    if t == 0:
        s[63] = float32(0.0)
    d = 1
    while d < 64:
        offset //= 2
        cuda.syncthreads()
        if t < d:
            a, b = offset * (2 * t + 1) - 1, offset * (2 * t + 2) - 1
            left = s[a]
            s[a] = s[b]
            s[b] += left
        d *= 2
    cuda.syncthreads()
    out[2 * t], out[2 * t + 1] = s[2 * t], s[2 * t + 1]


@right
def exclusive_scan_up_and_down_a_tree():
    x, out = floats(64), fresh(64)
    launch(blelloch, 1, 32, x, out)
    return out, np.append(0, x.cumsum()[:-1])


# -- matrices ------------------------------------------------------------------------------------------------


@cuda.jit
def matmul_naive(a, b, c):
    j, i = cuda.grid(2)
    if i < c.shape[0] and j < c.shape[1]:
        acc = float32(0.0)
        for k in range(a.shape[1]):
            acc += a[i, k] * b[k, j]
        c[i, j] = acc


@right
def product_naive():
    a, b, c = floats(7, 5), floats(5, 6, seed=1), fresh(7, 6)
    launch(matmul_naive, (1, 1), (8, 8), a, b, c)
    return c, a @ b


def make_tiled(TILE: int) -> Any:
    @cuda.jit
    def tiled(a, b, c):
        A = cuda.shared.array((TILE, TILE), float32)
        B = cuda.shared.array((TILE, TILE), float32)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        j, i = cuda.grid(2)
        acc = float32(0.0)
        k0 = 0
        while k0 < a.shape[1]:
            A[ty, tx] = a[i, k0 + tx] if i < a.shape[0] and k0 + tx < a.shape[1] else float32(0.0)
            B[ty, tx] = b[k0 + ty, j] if k0 + ty < b.shape[0] and j < b.shape[1] else float32(0.0)
            cuda.syncthreads()
            for k in range(TILE):
                acc += A[ty, k] * B[k, tx]
            cuda.syncthreads()
            k0 += TILE
        if i < c.shape[0] and j < c.shape[1]:
            c[i, j] = acc

    return tiled


@right
def product_in_tiles_that_do_not_divide():
    a, b, c = floats(7, 11), floats(11, 6, seed=1), fresh(7, 6)
    launch(make_tiled(4), (2, 2), (4, 4), a, b, c)
    return c, a @ b


def make_double_buffered(TILE: int) -> Any:
    @cuda.jit
    def double_buffered(a, b, c):
        A = cuda.shared.array((2, TILE, TILE), float32)
        B = cuda.shared.array((2, TILE, TILE), float32)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        j, i = cuda.grid(2)
        acc = float32(0.0)
        A[0, ty, tx], B[0, ty, tx] = a[i, tx], b[ty, j]
        now, k0 = 0, TILE
        while k0 <= a.shape[1]:
            cuda.syncthreads()
            if k0 < a.shape[1]:  # the next tile, while this one is used
                A[1 - now, ty, tx], B[1 - now, ty, tx] = a[i, k0 + tx], b[k0 + ty, j]
            for k in range(TILE):
                acc += A[now, ty, k] * B[now, k, tx]
            now, k0 = 1 - now, k0 + TILE
        c[i, j] = acc

    return double_buffered


@right
def product_with_the_next_tile_loading():
    a, b, c = floats(8, 12), floats(12, 8, seed=1), fresh(8, 8)
    launch(make_double_buffered(4), (2, 2), (4, 4), a, b, c)
    return c, a @ b


@cuda.jit
def register_blocked(a, b, c):
    acc = cuda.local.array((2, 2), float32)
    for i in range(2):
        for j in range(2):
            acc[i, j] = float32(0.0)
    j0, i0 = cuda.grid(2)
    for k in range(a.shape[1]):
        for i in range(2):
            for j in range(2):
                acc[i, j] += a[2 * i0 + i, k] * b[k, 2 * j0 + j]
    for i in range(2):
        for j in range(2):
            c[2 * i0 + i, 2 * j0 + j] = acc[i, j]


@right
def product_in_registers():
    a, b, c = floats(8, 5), floats(5, 8, seed=1), fresh(8, 8)
    launch(register_blocked, (2, 2), (2, 2), a, b, c)
    return c, a @ b


@cuda.jit
def transpose(x, out):
    tile = cuda.shared.array((8, 9), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    j, i = cuda.grid(2)
    if i < x.shape[0] and j < x.shape[1]:
        tile[ty, tx] = x[i, j]
    cuda.syncthreads()
    j, i = cuda.blockIdx.y * 8 + tx, cuda.blockIdx.x * 8 + ty
    if i < out.shape[0] and j < out.shape[1]:
        out[i, j] = tile[tx, ty]


@right
def transpose_in_tiles():
    x, out = floats(13, 10), fresh(10, 13)
    launch(transpose, (2, 2), (8, 8), x, out)
    return out, x.T


@cuda.jit
def split_k(a, b, c):
    j, i = cuda.threadIdx.x, cuda.threadIdx.y
    part = a.shape[1] // cuda.gridDim.z
    acc = float32(0.0)
    for k in range(cuda.blockIdx.z * part, (cuda.blockIdx.z + 1) * part):
        acc += a[i, k] * b[k, j]
    cuda.atomic.add(c, (i, j), acc)


@right
def product_with_the_sum_split_over_blocks():
    a, b, c = floats(4, 12), floats(12, 4, seed=1), zeros(4, 4)
    launch(split_k, (1, 1, 3), (4, 4), a, b, c)
    return c, a @ b


# -- rows: softmax, norms ------------------------------------------------------------------------------------


@cuda.jit
def softmax_row(x, out):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    top = float32(-math.inf)
    j = lane
    while j < x.shape[1]:
        top = max(top, x[row, j])
        j += 32
    step = 16
    while step > 0:
        top = max(top, cuda.shfl_xor_sync(FULL, top, step))
        step //= 2
    total = float32(0.0)
    j = lane
    while j < x.shape[1]:
        e = math.exp(x[row, j] - top)
        out[row, j] = e
        total += e
        j += 32
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(FULL, float32(total), step)
        step //= 2
    j = lane
    while j < x.shape[1]:
        out[row, j] /= total
        j += 32


@right
def softmax_of_rows_by_shuffles():
    x, out = floats(3, 45), fresh(3, 45)
    launch(softmax_row, 3, 32, x, out)
    e = np.exp(x - x.max(1, keepdims=True))
    return out, e / e.sum(1, keepdims=True)


@cuda.jit
def online_softmax(x, out):
    """Maximum and sum in one pass."""
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    top, total = float32(-1e30), float32(0.0)
    j = lane
    while j < x.shape[1]:
        new = max(top, x[row, j])
        total = total * math.exp(top - new) + math.exp(x[row, j] - new)
        top = new
        j += 32
    step = 16
    while step > 0:
        other, more = cuda.shfl_xor_sync(FULL, top, step), cuda.shfl_xor_sync(FULL, float32(total), step)
        new = max(top, other)
        total = total * math.exp(top - new) + more * math.exp(other - new)
        top = new
        step //= 2
    j = lane
    while j < x.shape[1]:
        out[row, j] = math.exp(x[row, j] - top) / total
        j += 32


@right
def softmax_in_one_pass():
    x, out = floats(2, 37), fresh(2, 37)
    launch(online_softmax, 2, 32, x, out)
    e = np.exp(x - x.max(1, keepdims=True))
    return out, e / e.sum(1, keepdims=True)


@cuda.jit
def layer_norm(x, out):
    s = cuda.shared.array(64, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    n = x.shape[1]
    mean = float32(0.0)
    for moment in range(2):
        acc = float32(0.0)
        j = t
        while j < n:
            d = x[row, j] - mean
            acc += d if moment == 0 else d * d
            j += 64
        s[t] = acc
        cuda.syncthreads()
        step = 32
        while step > 0:
            if t < step:
                s[t] += s[t + step]
            cuda.syncthreads()
            step //= 2
        result = s[0] / float32(n)
        cuda.syncthreads()  # before the next moment fills s
        if moment == 0:
            mean = result
    j = t
    while j < n:
        out[row, j] = (x[row, j] - mean) / math.sqrt(result + float32(1e-5))
        j += 64


@right
def norm_with_one_buffer_for_two_sums():
    x, out = floats(2, 71), fresh(2, 71)
    launch(layer_norm, 2, 64, x, out)
    return out, (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)


# -- neighbours ----------------------------------------------------------------------------------------------


@cuda.jit
def stencil(x, out):
    tile = cuda.shared.array(34, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    tile[t + 1] = x[i] if i < x.size else float32(0.0)
    if t == 0:
        tile[0] = x[i - 1] if i > 0 else float32(0.0)
    if t == 31:
        tile[33] = x[i + 1] if i + 1 < x.size else float32(0.0)
    cuda.syncthreads()
    if i < x.size:
        out[i] = tile[t] + tile[t + 1] + tile[t + 2]


@right
def stencil_with_a_halo():
    x, out = floats(70), fresh(70)
    launch(stencil, 3, 32, x, out)
    padded = np.pad(x, 1)
    return out, padded[:-2] + padded[1:-1] + padded[2:]


@cuda.jit
def blur(x, weights, out):
    w = cuda.const.array_like(KERNEL)
    j, i = cuda.grid(2)
    if i < out.shape[0] and j < out.shape[1]:
        acc = float32(0.0)
        for di in range(3):
            for dj in range(3):
                acc += w[di, dj] * x[i + di, j + dj]
        out[i, j] = acc + weights[0]


KERNEL = floats(3, 3, seed=5)


@right
def convolution_with_constant_weights():
    x, out = floats(9, 8), fresh(7, 6)
    launch(blur, (1, 1), (8, 8), x, zeros(1), out)
    want = sum(KERNEL[i, j] * x[i : i + 7, j : j + 6] for i in range(3) for j in range(3))
    return out, want


@cuda.jit
def jacobi(x, steps):
    a = cuda.shared.array(32, float32)
    b = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    a[t] = x[t]
    for _ in range(steps):
        cuda.syncthreads()
        b[t] = (a[max(t - 1, 0)] + a[min(t + 1, 31)]) / float32(2.0)
        cuda.syncthreads()
        a[t] = b[t]
    x[t] = a[t]


@right
def ping_pong_in_shared_memory():
    x = floats(32)
    want = x.copy()
    for _ in range(3):
        want = (np.append(want[0], want[:-1]) + np.append(want[1:], want[-1])) / 2
    launch(jacobi, 1, 32, x, 3)
    return x, want


@cuda.jit
def ping_pong_global(x, y, steps):
    t = cuda.threadIdx.x
    for _ in range(steps):
        y[t] = x[(t + 1) % x.size]
        cuda.syncthreads()
        x[t] = y[t]
        cuda.syncthreads()


@right
def ping_pong_in_global_memory():
    x, y = floats(48), fresh(48)
    want = np.roll(x, -3)
    launch(ping_pong_global, 1, 48, x, y, 3)
    return x, want


@cuda.jit
def reversed_block(x):
    s = cuda.shared.array(0, float32)
    t, n = cuda.threadIdx.x, cuda.blockDim.x
    s[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    x[cuda.grid(1)] = s[n - 1 - t]


@right
def dynamic_shared_memory():
    x = floats(80)
    want = x.reshape(2, 40)[:, ::-1].ravel().copy()
    launch(reversed_block, 2, 40, x, shared=160)
    return x, want


@cuda.jit
def two_dynamic_arrays(x, k, out):
    n = 32
    s = cuda.shared.array(0, float32)
    keys = cuda.shared.array(0, int32)[n:]
    t = cuda.threadIdx.x
    s[t], keys[t] = x[t], k[t]
    cuda.syncthreads()
    out[t] = s[keys[31 - t]]


@right
def two_arrays_in_dynamic_shared_memory():
    x, k, out = floats(32), ints(32, 32), fresh(32)
    two_dynamic_arrays[1, 32, 0, 256](x, k, out)
    return out, x[k[::-1]]


# -- atomics -------------------------------------------------------------------------------------------------


@cuda.jit
def histogram(x, counts):
    i = cuda.grid(1)
    while i < x.size:
        cuda.atomic.add(counts, x[i], 1)
        i += cuda.gridsize(1)


@right
def histogram_by_atomics():
    x, counts = ints(7, 200), zeros(7, dtype=np.int32)
    launch(histogram, 2, 32, x, counts)
    return counts, np.bincount(x, minlength=7)


@cuda.jit
def histogram_private(x, counts):
    s = cuda.shared.array(7, int32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    if t < 7:
        s[t] = 0
    cuda.syncthreads()
    if i < x.size:
        cuda.atomic.add(s, x[i], 1)
    cuda.syncthreads()
    if t < 7:
        cuda.atomic.add(counts, t, s[t])


@right
def histogram_first_in_shared_memory():
    x, counts = ints(7, 100), zeros(7, dtype=np.int32)
    launch(histogram_private, 4, 32, x, counts)
    return counts, np.bincount(x, minlength=7)


@cuda.jit
def scatter_add(index, dy, dw):
    j, n = cuda.grid(2)
    if n < index.size and j < dw.shape[1]:
        cuda.atomic.add(dw, (index[n], j), dy[n, j])


@right
def gradient_of_an_embedding():
    index, dy, dw = ints(5, 12, dtype=np.int64), floats(12, 6), zeros(5, 6)
    launch(scatter_add, (1, 2), (8, 8), index, dy, dw)
    want = zeros(5, 6)
    np.add.at(want, index, dy)
    return dw, want


@cuda.jit
def compacted(x, out, count):
    i = cuda.grid(1)
    if i < x.size and x[i] > 0:
        out[cuda.atomic.add(count, 0, 1)] = x[i]


@right
def compaction_by_a_counter():
    x, out, count = floats(90), fresh(90), zeros(1, dtype=np.int32)
    launch(compacted, 3, 32, x, out, count)
    return np.sort(out[: count[0]]), np.sort(x[x > 0])


@cuda.jit
def warp_compacted(x, out, count):
    i, lane = cuda.grid(1), cuda.laneid
    keep = x[i] > 0
    votes = cuda.ballot_sync(FULL, keep)
    start = int32(0)
    if lane == 0:
        start = cuda.atomic.add(count, 0, cuda.popc(votes))
    start = cuda.shfl_sync(FULL, start, 0)
    if keep:
        out[start + cuda.popc(votes & cuda.lanemask_lt())] = x[i]


@right
def compaction_by_votes():
    x, out, count = floats(96), fresh(96), zeros(1, dtype=np.int32)
    launch(warp_compacted, 3, 32, x, out, count)
    return np.sort(out[: count[0]]), np.sort(x[x > 0])


@cuda.jit
def locked(x, lock, total):
    i = cuda.grid(1)
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:
        pass
    total[0] += x[i]
    cuda.threadfence()
    cuda.atomic.exch(lock, 0, 0)


@right
def a_lock():
    x, lock, total = floats(40), zeros(1, dtype=np.int32), zeros(1)
    launch(locked, 2, 20, x, lock, total)
    return total, [x.sum()]


@cuda.jit
def float_max(x, out):
    """The greatest by compare and swap, on the bits of positive floats."""
    i = cuda.grid(1)
    old = cuda.atomic.add(out, 0, 0)
    while x[i] > old:
        seen = cuda.atomic.cas(out, 0, old, x[i])
        if seen == old:
            break
        old = seen


@right
def maximum_by_compare_and_swap():
    x, out = ints(1000, 64), zeros(1, dtype=np.int32)
    launch(float_max, 2, 32, x, out)
    return out, [x.max()]


@cuda.jit
def handed_over(x, out, flag):
    """The second warp waits for the first."""
    t = cuda.threadIdx.x
    if t < 32:
        out[t] = x[t] * float32(2.0)
        cuda.threadfence_block()
        cuda.atomic.add(flag, 0, 1)
    else:
        while cuda.atomic.add(flag, 0, 0) < 32:
            pass
        out[t] = out[t - 32] + float32(1.0)


@right
def one_warp_waits_for_another_by_a_flag():
    x, out, flag = floats(32), fresh(64), zeros(1, dtype=np.int32)
    launch(handed_over, 1, 64, x, out, flag)
    return out, np.concatenate([2 * x, 2 * x + 1])


@cuda.jit
def any_negative(x, found):
    i = cuda.grid(1)
    if x[i] < 0:
        found[0] = 1  # all who write, write the same


@right
def the_same_value_from_many_threads():
    x, found = floats(64), zeros(1, dtype=np.int32)
    launch(any_negative, 2, 32, x, found)
    return found, [1]


# -- blocks that vote, branches, random numbers --------------------------------------------------------------


@cuda.jit
def counted(x, out):
    i = cuda.grid(1)
    n = cuda.syncthreads_count(int32(i < x.size and x[i] > 0))
    if cuda.threadIdx.x == 0:
        out[cuda.blockIdx.x] = n


@right
def counted_at_a_barrier():
    x, out = floats(100), fresh(4, dtype=np.int32)
    launch(counted, 4, 32, x, out)
    return out, [(x[i : i + 32] > 0).sum() for i in range(0, 128, 32)]


@cuda.jit
def until_sorted(x):
    """Odd-even transposition sort: the block stops when no pair changed."""
    t = cuda.threadIdx.x
    s = cuda.shared.array(64, float32)
    s[2 * t], s[2 * t + 1] = x[2 * t], x[2 * t + 1]
    cuda.syncthreads()
    busy = True
    while busy:
        changed = False
        for odd in range(2):
            a = 2 * t + odd
            if a + 1 < 64 and s[a] > s[a + 1]:
                s[a], s[a + 1] = s[a + 1], s[a]
                changed = True
            cuda.syncthreads()
        busy = cuda.syncthreads_or(int32(changed)) != 0
    x[2 * t], x[2 * t + 1] = s[2 * t], s[2 * t + 1]


@right
def sorted_in_shared_memory():
    x = floats(64)
    want = np.sort(x)
    launch(until_sorted, 1, 32, x)
    return x, want


@cuda.jit
def bitonic(x):
    s = cuda.shared.array(32, int32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    cuda.syncthreads()
    k = 2
    while k <= 32:
        j = k // 2
        while j > 0:
            other = t ^ j
            if other > t and (s[t] > s[other]) == ((t & k) == 0):
                s[t], s[other] = s[other], s[t]
            cuda.syncthreads()
            j //= 2
        k *= 2
    x[t] = s[t]


@right
def bitonic_sort():
    x = ints(100, 32)
    want = np.sort(x)
    launch(bitonic, 1, 32, x)
    return x, want


@cuda.jit
def branches(x, out):
    lane = cuda.laneid
    if lane < 16:
        v = cuda.shfl_xor_sync(0x0000FFFF, x[lane], 1)
    else:
        v = cuda.shfl_xor_sync(0xFFFF0000, x[lane], 2)
    cuda.syncwarp()
    out[lane] = v


@right
def shuffles_in_two_branches_with_their_masks():
    x, out = floats(32), fresh(32)
    launch(branches, 1, 32, x, out)
    lanes = np.arange(32)
    return out, x[np.where(lanes < 16, lanes ^ 1, lanes ^ 2)]


@cuda.jit
def active(out):
    t = cuda.threadIdx.x
    if t % 3 == 0:
        mask = cuda.activemask()
        leader = cuda.ffs(mask) - 1
        out[t] = cuda.shfl_sync(mask, int32(t), leader)


@right
def those_who_are_active():
    out = zeros(48, dtype=np.int32) - 1
    launch(active, 1, 48, out)
    t = np.arange(48)
    return out, np.where(t % 3, -1, np.where(t < 32, 0, 33))


@cuda.jit
def producer_and_consumer(x, out):
    """The first warp loads what the second uses; both go through the same barriers."""
    s = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    for k in range(3):
        if t < 32:
            s[t] = x[k, t]
        cuda.syncthreads()
        if t >= 32:
            out[k, t - 32] = s[63 - t]
        cuda.syncthreads()


@right
def warps_with_different_work():
    x, out = floats(3, 32), fresh(3, 32)
    launch(producer_and_consumer, 1, 64, x, out)
    return out, x[:, ::-1]


@cuda.jit
def hashed(out, seed):
    """PCG of one round: 32 bits that wrap around."""
    i = cuda.grid(1)
    if i < out.size:
        state = uint32(i) * uint32(747796405) + uint32(seed)
        word = ((state >> ((state >> uint32(28)) + uint32(4))) ^ state) * uint32(277803737)
        out[i] = (word >> uint32(22)) ^ word


@right
def random_numbers_in_32_bits():
    out = fresh(40, dtype=np.uint32)
    launch(hashed, 2, 32, out, 12345)
    mask = 0xFFFFFFFF
    want = []
    for i in range(40):
        state = (i * 747796405 + 12345) & mask
        word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & mask
        want.append((word >> 22) ^ word)
    return out, want


@cuda.jit
def gated(x, h, w):
    """A recurrent net: one block, a barrier after each step."""
    s = cuda.shared.array(8, float32)
    t = cuda.threadIdx.x
    s[t] = float32(0.0)
    cuda.syncthreads()
    for step in range(x.shape[0]):
        acc = x[step, t]
        for k in range(8):
            acc += w[t, k] * s[k]
        cuda.syncthreads()
        s[t] = math.tanh(acc)
        h[step, t] = s[t]
        cuda.syncthreads()


@right
def recurrence():
    x, h, w = floats(5, 8), fresh(5, 8), floats(8, 8, seed=2) / 4
    launch(gated, 1, 8, x, h, w)
    state, want = zeros(8), []
    for row in x:
        state = np.tanh(row + w @ state)
        want.append(state)
    return h, want


@cuda.jit
def no_thread_at_all(x):
    i = cuda.grid(1)
    if i >= x.size:
        return
    x[i] = 1


@right
def threads_that_leave_early():
    x = fresh(33)
    launch(no_thread_at_all, blocks(33, 32), 32, x)
    return x, np.ones(33)


@cuda.jit
def edges(x, out):
    i = cuda.threadIdx.x
    if i < 6:
        v = x[i]
        out[0, i], out[1, i], out[2, i] = math.sqrt(v), math.exp(v * v * v), math.log(v)
        out[3, i] = max(v, float32(0.0))
        out[4, i] = min(float32(0.0), v)


@right
def math_that_does_not_raise():
    x, out = np.array([-1, 0, 4, 1000, -1000, np.nan], np.float32), fresh(5, 6)
    launch(edges, 1, 8, x, out)
    with np.errstate(all="ignore"):
        return out, [np.sqrt(x), np.exp(x * x * x), np.log(x), np.fmax(x, 0), np.fmin(x, 0)]
