"""Kernels of layer_norm and rms_norm: a ladder of three, from one thread a row to a block that reads it once.

x is taken as rows (R, D). Naive: one thread a row; neighbours read numbers that lie D apart, so that each
of the 32 loads of a warp fetches 32 bytes to use 4. Looped: a block a row, neighbours read neighbours, and
the row is read three times, twice of it from the cache. Kept: each thread keeps its numbers in registers.
The variance is the mean of squares around the mean, as in the reference: E[x^2] - E[x]^2 would lose all
digits where the mean is large. rms_norm is layer_norm with a mean of 0.
"""

from __future__ import annotations

import functools
import math

from ..gpu import Kernel, cuda, float32, uint32
from .sums_cuda import LANES, TEAM, row_sum


@functools.cache
def make_naive(centre: bool) -> Kernel:
    """layer_norm, or rms_norm without `centre`, by one thread a row."""

    @cuda.jit
    def normalise_naive(x, weight, bias, weighted, biased, eps, y, mean, rstd):
        """y = weight (x - mean) / sqrt(var + eps) + bias: x, y (R, D), weight, bias (D,), mean, rstd (R,).

        One thread a row: it goes through the row three times. 16 D bytes and about 8 D operations a row.
        """
        r, d = uint32(cuda.grid(1)), uint32(x.shape[1])
        if r < uint32(x.shape[0]):
            total, squares = float32(0), float32(0)
            if centre:
                for j in range(d):
                    total += x[r, j]
            m = total / float32(d)
            for j in range(d):
                squares += (x[r, j] - m) * (x[r, j] - m)
            s = float32(1) / math.sqrt(squares / float32(d) + eps)
            for j in range(d):
                w = weight[j] if weighted else float32(1)
                b = bias[j] if biased else float32(0)
                y[r, j] = (x[r, j] - m) * s * w + b
            mean[r], rstd[r] = m, s

    return normalise_naive


@functools.cache
def make_looped(centre: bool) -> Kernel:
    """layer_norm, or rms_norm without `centre`, by one block a row of any length."""

    @cuda.jit
    def normalise_looped(x, weight, bias, weighted, biased, eps, y, mean, rstd):
        """y = weight (x - mean) / sqrt(var + eps) + bias, a block a row.

        A thread takes every blockDim-th number of the row, three times. 8 D bytes from memory and about
        8 D operations a row; the second and third reading come from the cache while it holds the row.
        """
        room = cuda.shared.array(32, float32)
        r, d, step = uint32(cuda.blockIdx.x), uint32(x.shape[1]), uint32(cuda.blockDim.x)
        m, squares, first = float32(0), float32(0), uint32(cuda.threadIdx.x)
        j = first
        while centre and j < d:
            m += x[r, j]
            j = uint32(j + step)
        m = row_sum(m, room) / float32(d)
        j = first
        while j < d:
            squares += (x[r, j] - m) * (x[r, j] - m)
            j = uint32(j + step)
        s = float32(1) / math.sqrt(row_sum(squares, room) / float32(d) + eps)
        j = first
        while j < d:
            w = weight[j] if weighted else float32(1)
            b = bias[j] if biased else float32(0)
            y[r, j] = (x[r, j] - m) * s * w + b
            j = uint32(j + step)
        if first == 0:
            mean[r], rstd[r] = m, s

    return normalise_looped


@functools.cache
def make_kept(centre: bool, KEPT: int) -> Kernel:
    """layer_norm, or rms_norm without `centre`, of rows of up to blockDim.x KEPT numbers."""

    @cuda.jit
    def normalise_kept(x, weight, bias, weighted, biased, eps, y, mean, rstd):
        """y = weight (x - mean) / sqrt(var + eps) + bias, a warp or a block a row, which is read once.

        Thread t keeps numbers t, t + blockDim, ... in registers: the loops over KEPT are unrolled.
        8 D bytes and about 8 D operations a row. Block (a multiple of 32, 1) or (32, rows).
        """
        room, kept = cuda.shared.array(32, float32), cuda.local.array(KEPT, float32)
        r, d = uint32(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y), uint32(x.shape[1])
        there, t, step = r < uint32(x.shape[0]), uint32(cuda.threadIdx.x), uint32(cuda.blockDim.x)
        m, squares = float32(0), float32(0)
        for k in range(KEPT):
            j = uint32(t + uint32(k) * step)
            kept[k] = x[r, j] if there and j < d else float32(0)
            m += kept[k]
        m = row_sum(m, room) / float32(d) if centre else float32(0)
        for k in range(KEPT):
            kept[k] = kept[k] - m if uint32(t + uint32(k) * step) < d else float32(0)
            squares += kept[k] * kept[k]
        s = float32(1) / math.sqrt(row_sum(squares, room) / float32(d) + eps)
        for k in range(KEPT):
            j = uint32(t + uint32(k) * step)
            if there and j < d:
                w = weight[j] if weighted else float32(1)
                y[r, j] = kept[k] * s * w + (bias[j] if biased else float32(0))
        if there and t == 0:
            mean[r], rstd[r] = m, s

    return normalise_kept


# -- backward -------------------------------------------------------------------------------------------


@functools.cache
def make_backward_naive(centre: bool) -> Kernel:
    """The gradient to x by one thread a row."""

    @cuda.jit
    def gradient_naive(dy, x, weight, weighted, mean, rstd, dx):
        """dx = (dx_hat - mean(dx_hat) - x_hat mean(dx_hat x_hat)) rstd, with dx_hat = weight dy.

        One thread a row: it goes through dy and x twice. 20 D bytes and about 12 D operations a row.
        """
        r, d = uint32(cuda.grid(1)), uint32(x.shape[1])
        if r < uint32(x.shape[0]):
            m, s = mean[r], rstd[r]
            total, correlation = float32(0), float32(0)
            for j in range(d):
                g = dy[r, j] * weight[j] if weighted else dy[r, j]
                total += g
                correlation += g * (x[r, j] - m) * s
            total = total / float32(d) if centre else float32(0)
            correlation /= float32(d)
            for j in range(d):
                g = dy[r, j] * weight[j] if weighted else dy[r, j]
                dx[r, j] = (g - total - (x[r, j] - m) * s * correlation) * s

    return gradient_naive


@functools.cache
def make_backward_looped(centre: bool) -> Kernel:
    """The gradient to x by one block a row of any length."""

    @cuda.jit
    def gradient_looped(dy, x, weight, weighted, mean, rstd, dx):
        """dx = (dx_hat - mean(dx_hat) - x_hat mean(dx_hat x_hat)) rstd, a block a row.

        A thread takes every blockDim-th number of dy and x, twice. 12 D bytes from memory and about 12 D
        operations a row.
        """
        room = cuda.shared.array(32, float32)
        r, d, step = uint32(cuda.blockIdx.x), uint32(x.shape[1]), uint32(cuda.blockDim.x)
        m, s, total, correlation = mean[r], rstd[r], float32(0), float32(0)
        j = uint32(cuda.threadIdx.x)
        while j < d:
            g = dy[r, j] * weight[j] if weighted else dy[r, j]
            total += g
            correlation += g * (x[r, j] - m) * s
            j = uint32(j + step)
        total = row_sum(total, room) / float32(d) if centre else float32(0)
        correlation = row_sum(correlation, room) / float32(d)
        j = uint32(cuda.threadIdx.x)
        while j < d:
            g = dy[r, j] * weight[j] if weighted else dy[r, j]
            dx[r, j] = (g - total - (x[r, j] - m) * s * correlation) * s
            j = uint32(j + step)

    return gradient_looped


@functools.cache
def make_backward_kept(centre: bool, KEPT: int) -> Kernel:
    """The gradient to x for rows of up to blockDim.x KEPT numbers."""

    @cuda.jit
    def gradient_kept(dy, x, weight, weighted, mean, rstd, dx):
        """dx = (dx_hat - mean(dx_hat) - x_hat mean(dx_hat x_hat)) rstd, reading dy and x once.

        Thread t keeps dx_hat and x_hat at t, t + blockDim, ... in registers. 12 D bytes and about 12 D
        operations a row. Block (a multiple of 32, 1) or (32, rows).
        """
        room = cuda.shared.array(32, float32)
        g, x_hat = cuda.local.array(KEPT, float32), cuda.local.array(KEPT, float32)
        r, d = uint32(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y), uint32(x.shape[1])
        there, t, step = r < uint32(x.shape[0]), uint32(cuda.threadIdx.x), uint32(cuda.blockDim.x)
        m, s = (mean[r], rstd[r]) if there else (float32(0), float32(0))
        total, correlation = float32(0), float32(0)
        for k in range(KEPT):
            j = uint32(t + uint32(k) * step)
            g[k], x_hat[k] = float32(0), float32(0)
            if there and j < d:
                g[k] = dy[r, j] * weight[j] if weighted else dy[r, j]
                x_hat[k] = (x[r, j] - m) * s
            total += g[k]
            correlation += g[k] * x_hat[k]
        total = row_sum(total, room) / float32(d) if centre else float32(0)
        correlation = row_sum(correlation, room) / float32(d)
        for k in range(KEPT):
            j = uint32(t + uint32(k) * step)
            if there and j < d:
                dx[r, j] = (g[k] - total - x_hat[k] * correlation) * s

    return gradient_kept


@cuda.jit
def parameter_parts(dy, x, mean, rstd, rows, parts):
    """parts[b, 0, j] = sum of dy x_hat and parts[b, 1, j] = sum of dy, over rows b `rows` and on.

    Block (32, 8). A thread adds every eighth of these rows in its column; the 32 threads of a warp read 32
    neighbours. 8 R D bytes and 4 R D operations.
    """
    shares = cuda.shared.array((2, TEAM, LANES), float32)
    column, team = cuda.threadIdx.x, cuda.threadIdx.y
    j, r = uint32(cuda.blockIdx.x * LANES + column), uint32(cuda.blockIdx.y * rows + team)
    end = min(uint32(cuda.blockIdx.y * rows + rows), uint32(x.shape[0]))
    dw, db = float32(0), float32(0)
    while r < end and j < uint32(x.shape[1]):
        dw += dy[r, j] * (x[r, j] - mean[r]) * rstd[r]
        db += dy[r, j]
        r = uint32(r + uint32(TEAM))
    shares[0, team, column], shares[1, team, column] = dw, db
    cuda.syncthreads()
    if team < 2 and j < uint32(x.shape[1]):
        total = float32(0)
        for k in range(TEAM):
            total += shares[team, k, column]
        parts[cuda.blockIdx.y, team, j] = total
