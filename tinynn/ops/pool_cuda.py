"""Pooling on the GPU: one thread for each number of the result, and the same backwards.

Forward, a thread goes through its window. Backward, a thread belongs to a pixel and asks the windows that it
is in (gathering): where windows share pixels, giving would need atomics and the order of a sum would change
from run to run. max_pool2d remembers which pixel of the plane won each window, so that backward compares
numbers and needs to know nothing of dilation.

The places of a thread come from divisions of its number, in uint32: a 64-bit division costs several times as
much. adaptive_avg_pool2d to one pixel is the mean of a plane, which a warp or a block sums (`sums_cuda`).
"""

from __future__ import annotations

import functools
import math
from typing import Any

from ..gpu import Kernel, blocks, cuda, empty, float32, int32, launch, uint32
from .conv import Geometry
from .conv_specs import pair
from .pool import max_geometry, places
from .sums_cuda import sum_rows

THREADS = 256
MOST = 2**31 - 1  # numbers in an array: places are counted in 32 bits


@cuda.jit(fastmath=False)  # fastmath takes for granted that no number is NaN
def max_pool(x, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw, y, winner):
    """y[r, i, j] = the largest of x[r, s i + d p - pad, s j + d q - pad]: x (planes, H, W), y as one row.

    winner: which pixel of the plane that was, H and W in one number. Of equal numbers the first wins, NaN
    beats every number. One thread a place; 4 (KH KW / (s s) + 2) bytes and KH KW comparisons each.
    """
    to = uint32(cuda.grid(1))
    if to < uint32(y.size):
        row = to // uint32(ow)
        r = row // uint32(oh)
        top = int32(int32(row - r * uint32(oh)) * sh - ph)
        left = int32(int32(to - row * uint32(ow)) * sw - pw)
        best, which = float32(0), int32(-1)
        for p in range(kh):
            h = int32(top + p * dh)
            for q in range(kw):
                w = int32(left + q * dw)
                if h >= 0 and h < x.shape[1] and w >= 0 and w < x.shape[2]:
                    value = x[r, uint32(h), uint32(w)]
                    if which < 0 or value > best or value != value:
                        best, which = value, int32(h * x.shape[2] + w)
        y[to], winner[to] = best, which


@cuda.jit
def max_pool_pull(dy, winner, oh, ow, sh, sw, ph, pw, reach_h, reach_w, dx):
    """dx[r, h, w] = the sum of dy over the windows that the pixel has won: dx (planes, H, W), dy as one row.

    One thread a pixel. It looks at the windows that reach over it: those from row
    ceil((h + pad - reach + 1) / s) to (h + pad) // s, and columns likewise. About 4 (2 / (s s) + 1) bytes
    from memory each.
    """
    n = uint32(cuda.grid(1))
    if n < uint32(dx.size):
        row = n // uint32(dx.shape[2])
        r = row // uint32(dx.shape[1])
        h, w = int32(row - r * uint32(dx.shape[1])), int32(n - row * uint32(dx.shape[2]))
        total, me, last = float32(0), int32(h * dx.shape[2] + w), uint32(w + pw) // uint32(sw)
        i = uint32(max(h + ph - reach_h + sh, 0)) // uint32(sh)
        first = uint32(max(w + pw - reach_w + sw, 0)) // uint32(sw)
        while i < uint32(oh) and i * uint32(sh) <= uint32(h + ph):
            j, start = first, uint32((r * uint32(oh) + i) * uint32(ow))
            while j < uint32(ow) and j <= last:
                if winner[uint32(start + j)] == me:
                    total += dy[uint32(start + j)]
                j = uint32(j + uint32(1))
            i = uint32(i + uint32(1))
        dx[r, uint32(h), uint32(w)] = total


# -- averages: where a window begins and ends, then one kernel for both ---------------------------------


@cuda.jit(device=True)
def sliding_window(i, n, count, kernel, stride, pad):
    """(start, stop) of window i among n pixels, and its size with the padding in it."""
    first = int32(i * stride - pad)
    end = int32(min(first + kernel, n + pad))
    return first if first > 0 else int32(0), end if end < n else int32(n), int32(end - first)


@cuda.jit(device=True)
def even_window(i, n, count, kernel, stride, pad):
    """(start, stop, size) of window i of `count` windows that share n pixels evenly."""
    start = int32(uint32(i * n) // uint32(count))
    stop = int32(uint32(i * n + n + count - 1) // uint32(count))
    return start, stop, int32(stop - start)


@cuda.jit(device=True)
def sliding_windows(h, n, count, kernel, stride, pad):
    """First and last of the windows that pixel h is in."""
    first = uint32(max(h + pad - kernel + stride, 0)) // uint32(stride)
    return int32(first), int32(min(int32(uint32(h + pad) // uint32(stride)), count - 1))


@cuda.jit(device=True)
def even_windows(h, n, count, kernel, stride, pad):
    """First and last of the windows that pixel h is in."""
    return int32(uint32(h * count) // uint32(n)), int32(uint32(h * count + count - 1) // uint32(n))


@functools.cache
def make_average(even: bool, include_pad: bool) -> Kernel:
    """The mean of windows that slide, or that share the image evenly."""
    window = even_window if even else sliding_window

    @cuda.jit
    def average(x, oh, ow, kh, kw, sh, sw, ph, pw, y):
        """y[r, i, j] = the mean of x[r] over window (i, j): x (planes, H, W), y as one row.

        One thread a place. 4 (H W / (OH OW) + 1) bytes and KH KW additions each.
        """
        to = uint32(cuda.grid(1))
        if to < uint32(y.size):
            row = to // uint32(ow)
            r = row // uint32(oh)
            i, j = int32(row - r * uint32(oh)), int32(to - row * uint32(ow))
            h, bottom, height = window(i, int32(x.shape[1]), oh, kh, sh, ph)
            left, right, width = window(j, int32(x.shape[2]), ow, kw, sw, pw)
            count = height * width if include_pad else (bottom - h) * (right - left)
            total = float32(0)
            while h < bottom:
                w = left
                while w < right:
                    total += x[r, uint32(h), uint32(w)]
                    w = int32(w + 1)
                h = int32(h + 1)
            y[to] = total / float32(count)

    return average


@functools.cache
def make_average_pull(even: bool, include_pad: bool) -> Kernel:
    """The gradient of such a mean."""
    window, windows = (even_window, even_windows) if even else (sliding_window, sliding_windows)

    @cuda.jit
    def average_pull(dy, oh, ow, kh, kw, sh, sw, ph, pw, dx):
        """dx[r, h, w] = the sum of dy[r, i, j] / size over the windows that the pixel is in; dy as one row.

        One thread a pixel. 4 (1 + OH OW / (H W)) bytes from memory each.
        """
        n = uint32(cuda.grid(1))
        if n < uint32(dx.size):
            height, width = int32(dx.shape[1]), int32(dx.shape[2])
            row = n // uint32(width)
            r = row // uint32(height)
            h, w = int32(row - r * uint32(height)), int32(n - row * uint32(width))
            i, bottom = windows(h, height, oh, kh, sh, ph)
            left, right = windows(w, width, ow, kw, sw, pw)
            total = float32(0)
            while i <= bottom:
                top, end, rows = window(i, height, oh, kh, sh, ph)
                j, start = left, uint32((r * uint32(oh) + uint32(i)) * uint32(ow))
                while j <= right:
                    first, last, columns = window(j, width, ow, kw, sw, pw)
                    count = rows * columns if include_pad else (end - top) * (last - first)
                    total += dy[uint32(start + uint32(j))] / float32(count)
                    j = int32(j + 1)
                i = int32(i + 1)
            dx[r, uint32(h), uint32(w)] = total

    return average_pull


# -- the pairs ------------------------------------------------------------------------------------------


def _planes(x: Any) -> Any:
    return x.reshape(-1, *x.shape[2:])


def max_pool2d_forward(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    if x.size > MOST:
        return NotImplemented
    g = max_geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    shape = (*x.shape[:2], *g.places)
    y, winner = empty(shape, x), empty(shape, x, "i4")
    sizes = (*g.places, *g.kernel, *g.stride, *g.before, *g.dilation)
    launch(max_pool, blocks(y.size, THREADS), THREADS, _planes(x), *sizes, y.ravel(), winner.ravel())
    return y, (winner, g)


def max_pool2d_backward(dy: Any, cache: tuple[Any, Geometry]) -> tuple:
    winner, g = cache
    dx = empty((*dy.shape[:2], *g.image), dy)
    reach = [d * (k - 1) + 1 for d, k in zip(g.dilation, g.kernel)]
    sizes = (*g.places, *g.stride, *g.before, *reach)
    launch(max_pool_pull, blocks(dx.size, THREADS), THREADS, dy.ravel(), winner.ravel(), *sizes, _planes(dx))
    return (dx,)


def _average(x: Any, sizes: tuple[int, ...], kind: tuple[bool, bool]) -> Any:
    shape = (*x.shape[:2], *sizes[:2])
    if max(x.size, math.prod(shape)) > MOST:
        return NotImplemented
    y = empty(shape, x)
    launch(make_average(*kind), blocks(y.size, THREADS), THREADS, _planes(x), *sizes, y.ravel())
    return y, (x.shape, sizes, kind)


def _average_backward(dy: Any, cache: tuple) -> tuple:
    shape, sizes, kind = cache
    dx = empty(shape, dy)
    launch(make_average_pull(*kind), blocks(dx.size, THREADS), THREADS, dy.ravel(), *sizes, _planes(dx))
    return (dx,)


def avg_pool2d_forward(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    k, p = pair(kernel_size), pair(padding)
    s = k if stride is None else pair(stride)
    counts = [places(*n, 1, ceil_mode) for n in zip(x.shape[2:], k, s, p)]
    return _average(x, (*counts, *k, *s, *p), (False, bool(count_include_pad)))


def avg_pool2d_backward(dy: Any, cache: tuple) -> tuple:
    return _average_backward(dy, cache)


def adaptive_avg_pool2d_forward(x: Any, output_size: Any) -> Any:
    counts, sizes = pair(output_size), (*pair(output_size), 0, 0, 1, 1, 0, 0)
    if counts == (1, 1):
        area = x.shape[2] * x.shape[3]
        y = sum_rows(x.reshape(-1, area), 1 / area).reshape(*x.shape[:2], 1, 1)
        return y, (x.shape, sizes, (True, False))
    return _average(x, sizes, (True, False))


def adaptive_avg_pool2d_backward(dy: Any, cache: tuple) -> tuple:
    return _average_backward(dy, cache)
