"""batch_norm and group_norm on the GPU: both are sums over the planes of images.

A plane is one channel of one example, L = H W numbers that lie side by side. Each has its own mean and sum of
squares around it; merging N planes gives the statistics of a channel (batch_norm), merging C / groups
neighbours those of a group (group_norm):

    mean = average of means;    squares = sum of squares + L (each mean - mean)^2

which is the two-pass variance, exact where planes are equally long (Chan, Golub and LeVeque, Updating
formulae and a pairwise algorithm for computing sample variances, 1979). Both backwards are one formula, too:

    dx = (weight dy - (A + x_hat B) / count) rstd

with A and B the sums of weight dy and of weight dy x_hat over whatever shares a mean. A matrix (N, C) is
turned first, so that a channel is a plane of N numbers: otherwise each block would sum a single one.

Plane r uses the mean number (r // share) % groups: share 1 and groups C for batch_norm, share C / groups for
group_norm.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..gpu import blocks, contiguous, cuda, empty, float32, launch, uint32
from .sums_cuda import given, row_sum, sum_columns, threads_of_rows


@cuda.jit
def normalise_channel_naive(x, weight, bias, eps, y, mean, var, rstd):
    """batch_norm of x (N, C, L) by one thread a channel: weight, bias, mean, var, rstd (C,).

    y = weight (x - mean) / sqrt(var + eps) + bias. With 64 channels 64 threads work, where a GPU has room
    for two hundred thousand. 16 N L bytes and 8 N L operations a channel.
    """
    c, length = uint32(cuda.grid(1)), uint32(x.shape[2])
    if c < uint32(x.shape[1]):
        m, squares, count = float32(0), float32(0), float32(x.shape[0]) * float32(length)
        for n in range(uint32(x.shape[0])):
            for j in range(length):
                m += x[n, c, j]
        m /= count
        for n in range(uint32(x.shape[0])):
            for j in range(length):
                squares += (x[n, c, j] - m) * (x[n, c, j] - m)
        mean[c], var[c] = m, squares / count
        rstd[c] = float32(1) / math.sqrt(squares / count + eps)
        for n in range(uint32(x.shape[0])):
            for j in range(length):
                y[n, c, j] = (x[n, c, j] - m) * rstd[c] * weight[c] + bias[c]


@cuda.jit
def plane_statistics(x, mean, squares):
    """mean[r] of x[r, :] and squares[r] = sum of (x[r, :] - mean[r])^2: x (planes, L). Block (X, Y).

    X threads a plane, which goes through it twice, the second time from the cache. 4 L bytes and 4 L
    operations a plane.
    """
    room = cuda.shared.array(32, float32)
    r, t = uint32(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y), uint32(cuda.threadIdx.x)
    length = uint32(x.shape[1])
    end, step = length if r < uint32(x.shape[0]) else uint32(0), uint32(cuda.blockDim.x)
    m, total, j = float32(0), float32(0), t
    while j < end:
        m += x[r, j]
        j = uint32(j + step)
    m = row_sum(m, room) / float32(length)
    j = t
    while j < end:
        total += (x[r, j] - m) * (x[r, j] - m)
        j = uint32(j + step)
    total = row_sum(total, room)
    if t == 0 and end > 0:
        mean[r], squares[r] = m, total


@cuda.jit
def merge_statistics(means, squares, length, apart, step, count, eps, mean, var, rstd):
    """mean, var and rstd of group i, which has planes i apart, i apart + step, ... (`count` of them).

    One thread a group. 12 bytes and 6 operations a plane.
    """
    i = uint32(cuda.grid(1))
    if i < uint32(mean.size):
        m, total, n = float32(0), float32(0), float32(count)
        for k in range(uint32(count)):
            m += means[uint32(i * uint32(apart) + k * uint32(step))]
        m /= n
        for k in range(uint32(count)):
            r = uint32(i * uint32(apart) + k * uint32(step))
            total += squares[r] + float32(length) * (means[r] - m) * (means[r] - m)
        mean[i], var[i] = m, total / (n * float32(length))
        rstd[i] = float32(1) / math.sqrt(var[i] + eps)


@cuda.jit
def scale_planes(x, mean, rstd, weight, bias, weighted, biased, share, channels, y):
    """y[r, j] = weight[c] (x[r, j] - mean[g]) rstd[g] + bias[c], c = r % C, g = (r // share) % groups.

    One thread a number, along x; a block that walks down the planes along y. 8 bytes and 4 operations each.
    """
    j, r = uint32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x), uint32(cuda.blockIdx.y)
    r = uint32(r * uint32(cuda.blockDim.y) + uint32(cuda.threadIdx.y))
    while r < uint32(x.shape[0]) and j < uint32(x.shape[1]):
        c, g = r % uint32(channels), (r // uint32(share)) % uint32(mean.size)
        w = rstd[g] * weight[c] if weighted else rstd[g]
        y[r, j] = (x[r, j] - mean[g]) * w + (bias[c] if biased else float32(0))
        r = uint32(r + uint32(cuda.gridDim.y * cuda.blockDim.y))


@cuda.jit
def plane_gradients(dy, x, mean, rstd, share, total, product):
    """total[r] = sum of dy[r, :] and product[r] = sum of dy[r, :] x_hat[r, :]. Block (X, Y), X to a plane.

    8 L bytes and 5 L operations a plane.
    """
    room = cuda.shared.array(32, float32)
    r, j = uint32(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y), uint32(cuda.threadIdx.x)
    there = r < uint32(x.shape[0])
    g = (r // uint32(share)) % uint32(mean.size) if there else uint32(0)
    m, a, b = mean[g], float32(0), float32(0)
    while there and j < uint32(x.shape[1]):
        a += dy[r, j]
        b += dy[r, j] * (x[r, j] - m)
        j = uint32(j + uint32(cuda.blockDim.x))
    a, b = row_sum(a, room), row_sum(b, room)
    if there and cuda.threadIdx.x == 0:
        total[r], product[r] = a, b * rstd[g]


@cuda.jit
def pull_planes(dy, x, mean, rstd, weight, weighted, a, b, count, share, channels, dx):
    """dx[r, j] = (weight[c] dy[r, j] - (a[g] + x_hat[r, j] b[g]) / count) rstd[g]; c, g as in `scale_planes`.

    One thread a number, along x; a block that walks down the planes along y. 12 bytes, 7 operations each.
    """
    j, r = uint32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x), uint32(cuda.blockIdx.y)
    r = uint32(r * uint32(cuda.blockDim.y) + uint32(cuda.threadIdx.y))
    one = float32(1) / float32(count)
    while r < uint32(x.shape[0]) and j < uint32(x.shape[1]):
        c, g = r % uint32(channels), (r // uint32(share)) % uint32(mean.size)
        d, x_hat = dy[r, j], (x[r, j] - mean[g]) * rstd[g]
        d = weight[c] * d if weighted else d
        dx[r, j] = (d - (a[g] + x_hat * b[g]) * one) * rstd[g]
        r = uint32(r + uint32(cuda.gridDim.y * cuda.blockDim.y))


# -- launches: x as (N, C, L), and who shares a mean ----------------------------------------------------


class Shared(NamedTuple):
    """Planes of (N, C, L) in groups that share a mean: `share` neighbours, or one channel of all examples."""

    n: int
    channels: int
    length: int
    groups: int  # how many means
    share: int  # neighbours with one mean
    merged: tuple[
        int, int, int
    ]  # distance of two groups' first planes, of two planes in a group, and how many

    @property
    def planes(self) -> tuple[int, int]:
        return self.n * self.channels, self.length

    @property
    def numbers(self) -> int:
        """Numbers with one mean."""
        return self.merged[2] * self.length


def by_channel(n: int, c: int, length: int) -> Shared:
    return Shared(n, c, length, c, 1, (1, c, n))


def by_group(n: int, c: int, length: int, groups: int) -> Shared:
    return Shared(n, c, length, n * groups, c // groups, (c // groups, 1, c // groups))


def _each_number(s: Shared) -> tuple[tuple[int, int], tuple[int, int]]:
    """Grid and block with a thread along each plane; at most 32768 blocks walk down the planes."""
    width = min(256, 32 * blocks(s.length, 32))
    return (blocks(s.length, width), min(blocks(s.planes[0], 256 // width), 32768)), (width, 256 // width)


def _normalise(x: Any, weight: Any, bias: Any, eps: float, s: Shared) -> tuple:
    """y, mean, var and rstd."""
    x, block = x.reshape(s.planes), threads_of_rows(s.length, most=256)
    means, squares = (empty((s.planes[0],), x) for _ in range(2))
    mean, var, rstd = (empty((s.groups,), x) for _ in range(3))
    y, (scale, weighted), (shift, biased) = empty(x.shape, x), given(weight, x), given(bias, x)
    launch(plane_statistics, blocks(x.shape[0], block[1]), block, x, means, squares)
    merged = (means, squares, s.length, *s.merged, float(eps), mean, var, rstd)
    launch(merge_statistics, blocks(s.groups, 64), 64, *merged)
    launch(
        scale_planes, *_each_number(s), x, mean, rstd, scale, shift, weighted, biased, s.share, s.channels, y
    )
    return y, mean, var, rstd


def _pull(dy: Any, x: Any, mean: Any, rstd: Any, weight: Any, s: Shared) -> tuple:
    """dx, dweight and dbias."""
    dy, x, block = dy.reshape(s.planes), x.reshape(s.planes), threads_of_rows(s.length, most=256)
    dx, total, product = empty(x.shape, x), empty((s.planes[0],), x), empty((s.planes[0],), x)
    launch(plane_gradients, blocks(x.shape[0], block[1]), block, dy, x, mean, rstd, s.share, total, product)
    db, dw = sum_columns(total.reshape(s.n, -1)), sum_columns(product.reshape(s.n, -1))
    a, b = _of_group(total, db, weight, s), _of_group(product, dw, weight, s)
    scale, weighted = given(weight, x)
    launch(
        pull_planes, *_each_number(s), dy, x, mean, rstd, scale, weighted, a, b, s.numbers, s.share,
        s.channels, dx,
    )  # fmt: skip
    return dx, dw, db


def _of_group(planes: Any, channels: Any, weight: Any, s: Shared) -> Any:
    """The sum over what shares a mean of weight times `planes`, whose sums by channel are `channels`."""
    if s.groups == s.channels and s.share == 1:
        return channels if weight is None else channels * weight
    planes = planes.reshape(s.n, s.channels)
    planes = planes if weight is None else planes * weight
    return contiguous(planes.reshape(s.groups, s.share).sum(axis=1))


# -- the pairs ------------------------------------------------------------------------------------------


def batch_norm_forward(x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> tuple:
    n, c = x.shape[:2]
    length = x.size // (n * c)
    turned = length == 1
    s = by_channel(1, c, n) if turned else by_channel(n, c, length)
    rows = contiguous(x.reshape(n, c).T) if turned else x
    y, mean, var, rstd = _normalise(rows, weight, bias, eps, s)
    y = contiguous(y.T) if turned else y
    return (y.reshape(x.shape), mean, var), (rows, mean, rstd, weight, bias is not None, s, turned)


def batch_norm_backward(dout: tuple, cache: tuple) -> tuple:
    x, mean, rstd, weight, has_bias, s, turned = cache
    dy = contiguous(dout[0].reshape(s.length, -1).T) if turned else dout[0]
    dx, dw, db = _pull(dy, x, mean, rstd, weight, s)
    dx = contiguous(dx.T) if turned else dx
    dx = dx.reshape(dout[0].shape)
    return (dx,) if weight is None else (dx, dw, db) if has_bias else (dx, dw)


def group_norm_forward(
    x: Any, weight: Any = None, bias: Any = None, groups: int = 1, eps: float = 1e-5
) -> tuple:
    n, c = x.shape[:2]
    s = by_group(n, c, x.size // (n * c), groups)
    y, mean, _, rstd = _normalise(x, weight, bias, eps, s)
    return y.reshape(x.shape), (x, mean, rstd, weight, bias is not None, s)


def group_norm_backward(dy: Any, cache: tuple) -> tuple:
    x, mean, rstd, weight, has_bias, s = cache
    dx, dw, db = _pull(dy, x, mean, rstd, weight, s)
    dx = dx.reshape(dy.shape)
    return (dx,) if weight is None else (dx, dw, db) if has_bias else (dx, dw)
