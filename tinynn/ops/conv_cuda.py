"""Convolutions on the GPU: three plain kernels, one thread a number, and the tiled ones of `conv_tiled_cuda`.

The plain kernels are the three sums of `conv` spelled out for one number of the result. Each gathers, that is
it reads what belongs to its number and writes once, so that none needs an atomic addition and every run adds
in the same order. They read each number of the image as often as taps and channels meet it; the tiled ones
read it once for many. Where a group has few channels (depthwise), a matrix product would be mostly empty, and
the plain kernels run; only the gradient to the weights, a long sum for few numbers, is shared by a block.
"""

from __future__ import annotations

import math
from typing import Any

from ..gpu import blocks, cuda, empty, float32, int32, launch, uint32
from . import conv_tiled_cuda as tiled
from .conv import Geometry, as_rows, geometry, transposed_geometry
from .elementwise import Needs
from .sums_cuda import channel_sums, given, row_sum

THREADS = 256
FEW = 4  # channels of a group, in and out, up to which the plain kernels run
MOST = 2**31 - 1  # numbers in an array: places are counted in 32 bits


@cuda.jit
def convolve_plain(x, weight, bias, biased, groups, sh, sw, ph, pw, dh, dw, y):
    """y[n, o, i, j] = bias[o] + sum over c, p, q of weight[o, c, p, q] x[n, c, s i + d p - pad, ...].

    One thread a number of y; neighbours read neighbours. 2 C KH KW operations and 8 C KH KW bytes each, of
    which most come from the cache.
    """
    to = uint32(cuda.grid(1))
    if to < uint32(y.size):
        row = to // uint32(y.shape[3])
        channel = row // uint32(y.shape[2])
        n = channel // uint32(y.shape[1])
        o, depth = uint32(channel - n * uint32(y.shape[1])), uint32(weight.shape[1])
        first = uint32(o // uint32(uint32(y.shape[1]) // uint32(groups)) * depth)
        i, j = uint32(row - channel * uint32(y.shape[2])), uint32(to - row * uint32(y.shape[3]))
        top, left = int32(int32(i) * sh - ph), int32(int32(j) * sw - pw)
        total = bias[o] if biased else float32(0)
        for c in range(depth):
            for p in range(uint32(weight.shape[2])):
                h = int32(top + int32(p) * dh)
                if h >= 0 and h < x.shape[2]:
                    for q in range(uint32(weight.shape[3])):
                        w = int32(left + int32(q) * dw)
                        if w >= 0 and w < x.shape[3]:
                            total += weight[o, c, p, q] * x[n, uint32(first + c), uint32(h), uint32(w)]
        y[n, o, i, j] = total


@cuda.jit
def spread_plain(dy, weight, bias, biased, groups, sh, sw, ph, pw, dh, dw, dx):
    """dx[n, c, h, w] = bias[c] + sum over o, p, q of weight[o, c, p, q] dy[n, o, i, j], s i + d p - pad = h.

    One thread a pixel, which asks each tap whether it comes from a place: whether h + pad - d p is a multiple
    of s. 2 O KH KW / (s s) operations each.
    """
    to = uint32(cuda.grid(1))
    if to < uint32(dx.size):
        row = to // uint32(dx.shape[3])
        channel = row // uint32(dx.shape[2])
        n = channel // uint32(dx.shape[1])
        b, out = uint32(channel - n * uint32(dx.shape[1])), uint32(uint32(weight.shape[0]) // uint32(groups))
        first = uint32(b // uint32(weight.shape[1]) * out)
        c = uint32(b % uint32(weight.shape[1]))
        h, w = uint32(row - channel * uint32(dx.shape[2])), uint32(to - row * uint32(dx.shape[3]))
        total = bias[b] if biased else float32(0)
        for p in range(uint32(weight.shape[2])):
            top = int32(int32(h) + ph - int32(p) * dh)
            i = uint32(top) // uint32(sh)
            if top >= 0 and i * uint32(sh) == uint32(top) and i < uint32(dy.shape[2]):
                for q in range(uint32(weight.shape[3])):
                    left = int32(int32(w) + pw - int32(q) * dw)
                    j = uint32(left) // uint32(sw)
                    if left >= 0 and j * uint32(sw) == uint32(left) and j < uint32(dy.shape[3]):
                        for o in range(out):
                            total += weight[uint32(first + o), c, p, q] * dy[n, uint32(first + o), i, j]
        dx[n, b, h, w] = total


@cuda.jit
def meet_plain(x, dy, groups, sh, sw, ph, pw, dh, dw, weight):
    """weight[o, c, p, q] = sum over n, i, j of dy[n, o, i, j] x[n, c, s i + d p - pad, s j + d q - pad].

    One block a number: its threads take every blockDim-th place (n, i, j) and meet in a sum. The whole of a
    channel of dy is read once for each tap, from the cache after the first. 2 N OH OW operations each.
    """
    room = cuda.shared.array(32, float32)
    row = uint32(cuda.blockIdx.x) // uint32(weight.shape[3])
    q = uint32(cuda.blockIdx.x) - row * uint32(weight.shape[3])
    channel = row // uint32(weight.shape[2])
    p = uint32(row - channel * uint32(weight.shape[2]))
    o = channel // uint32(weight.shape[1])
    c = uint32(channel - o * uint32(weight.shape[1]))
    b = uint32(o // uint32(uint32(weight.shape[0]) // uint32(groups)) * uint32(weight.shape[1]) + c)
    area, place, total = uint32(dy.shape[2] * dy.shape[3]), uint32(cuda.threadIdx.x), float32(0)
    while place < uint32(dy.shape[0]) * area:
        n = place // area
        i = uint32(place - n * area) // uint32(dy.shape[3])
        j = uint32(place - n * area - i * uint32(dy.shape[3]))
        h, w = int32(int32(i) * sh - ph + int32(p) * dh), int32(int32(j) * sw - pw + int32(q) * dw)
        if h >= 0 and h < x.shape[2] and w >= 0 and w < x.shape[3]:
            total += dy[n, o, i, j] * x[n, b, uint32(h), uint32(w)]
        place = uint32(place + uint32(cuda.blockDim.x))
    total = row_sum(total, room)
    if cuda.threadIdx.x == 0:
        weight[o, c, p, q] = total


# -- which kernel -------------------------------------------------------------------------------------


def _numbers(g: Geometry) -> tuple[int, ...]:
    return (g.groups, *g.stride, *g.before, *g.dilation)


def _few(weight: Any, g: Geometry) -> bool:
    return g.groups > 1 and max(weight.shape[0] // g.groups, weight.shape[1]) <= FEW


def correlate_plain(x: Any, weight: Any, bias: Any, g: Geometry) -> Any:
    y = empty((x.shape[0], weight.shape[0], *g.places), x)
    launch(convolve_plain, blocks(y.size, THREADS), THREADS, x, weight, *given(bias, x), *_numbers(g), y)
    return y


def pull_plain(dy: Any, weight: Any, bias: Any, g: Geometry) -> Any:
    dx = empty((dy.shape[0], weight.shape[1] * g.groups, *g.image), dy)
    launch(spread_plain, blocks(dx.size, THREADS), THREADS, dy, weight, *given(bias, dy), *_numbers(g), dx)
    return dx


def weights_plain(x: Any, dy: Any, weight: Any, g: Geometry) -> Any:
    dw = empty(weight.shape, dy)
    threads = min(THREADS, 32 * blocks(dy.size // dy.shape[1], 32))
    launch(meet_plain, dw.size, threads, x, dy, *_numbers(g), dw)
    return dw


def correlate(x: Any, weight: Any, bias: Any, g: Geometry) -> Any:
    return (correlate_plain if _few(weight, g) else tiled.correlate)(x, weight, bias, g)


def spread(dy: Any, weight: Any, bias: Any, g: Geometry) -> Any:
    return (pull_plain if _few(weight, g) else tiled.spread)(dy, weight, bias, g)


def meet(x: Any, dy: Any, weight: Any, g: Geometry) -> Any:
    return (weights_plain if _few(weight, g) else tiled.meet)(x, dy, weight, g)


def _fits(g: Geometry, x: Any, weight: Any, result: tuple[int, ...]) -> bool:
    """Whether all places can be counted in 32 bits, and groups are not more than a grid takes."""
    return x.size <= MOST and weight.size <= MOST and g.groups < 65536 and math.prod(result) <= MOST


# -- the pairs ------------------------------------------------------------------------------------------


def conv2d_forward(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    g = geometry(x, weight, stride, padding, dilation, groups)
    if not _fits(g, x, weight, (x.shape[0], weight.shape[0], *g.places)):
        return NotImplemented
    return correlate(x, weight, bias, g), (x, weight, bias is not None, g)


def conv2d_backward(dy: Any, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    x, weight, has_bias, g = cache
    dx = spread(dy, weight, None, g) if needs[0] else None
    dw = meet(x, dy, weight, g) if needs[1] else None
    return (dx, dw, channel_sums(dy)) if has_bias else (dx, dw)


def conv1d_forward(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    s, p, d = as_rows(stride, padding, dilation)
    result = conv2d_forward(x[:, :, None], weight[:, :, None], bias, s, p, d, groups)
    return result if result is NotImplemented else (result[0][:, :, 0], result[1])


def conv1d_backward(dy: Any, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    dx, dw, *db = conv2d_backward(dy[:, :, None], cache, needs)
    return (None if dx is None else dx[:, :, 0], None if dw is None else dw[:, :, 0], *db)


def conv_transpose2d_forward(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    g = transposed_geometry(x, weight, stride, padding, output_padding, groups, dilation)
    if not _fits(g, x, weight, (x.shape[0], weight.shape[1] * groups, *g.image)):
        return NotImplemented
    return spread(x, weight, bias, g), (x, weight, bias is not None, g)


def conv_transpose2d_backward(dy: Any, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    x, weight, has_bias, g = cache
    dx = correlate(dy, weight, None, g) if needs[0] else None
    dw = meet(dy, x, weight, g) if needs[1] else None
    return (dx, dw, channel_sums(dy)) if has_bias else (dx, dw)
