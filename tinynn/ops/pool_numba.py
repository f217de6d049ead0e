"""Pooling over images with channels last: every step of a window is a run of C neighbours, which vectorises.

An image in C order with several channels is laid out anew once (`kernel_order`). Each thread takes rows of
places in the forward pass and whole images in the backward pass, where windows may share pixels.

Measured in one thread on a busy machine, processor time: max_pool2d of 64 x 32 x 26 x 26 by windows of 2 x 2
takes 0.53 ms forward and 0.66 ms backward, which is about what memory takes. Left on the table: backward
clears the image first, which windows that do not overlap would not need, and the averages are plain loops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..memory import empty
from . import pool as reference
from .conv import Geometry
from .kernel import kernel, share, split, unsigned
from .kernel_math import ZERO
from .kernel_order import channels_last, dense, flat, pixels
from .kernel_runs import clear_run, copy_run, give_run, win_run
from .pool import Windows, even_windows, max_geometry, sliding_windows

# -- max_pool2d -----------------------------------------------------------------------------------------

SIZES = "UniTuple(intp, 14)"
"""N, H, W, C; places, kernel, strides, paddings, dilations, each for rows and columns."""


@share
def _largest(lo, hi, x, y, which, sizes):
    """Rows of places lo to hi: y starts as the first pixel of the window, and each other one may beat it."""
    n, h, w, c, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw = sizes
    for r in range(lo, hi):
        image, i = r // oh, r % oh
        for j in range(ow):
            to, fresh = (r * ow + j) * c, True
            for k in range(kh * kw):
                a, b = i * sh - ph + k // kw * dh, j * sw - pw + k % kw * dw
                if a < 0 or a >= h or b < 0 or b >= w:
                    continue
                start = ((image * h + a) * w + b) * c
                if fresh:
                    copy_run(x, start, y, to, c)
                    for m in range(unsigned(c)):
                        which[unsigned(to) + m] = np.int32(k)
                    fresh = False
                else:
                    win_run(x, start, y, which, to, np.int32(k), c)


@kernel(f"f4[::1], f4[::1], i4[::1], {SIZES}")
def _max_pool(team, x, y, which, sizes):
    n, oh, kh, kw = sizes[0], sizes[4], sizes[6], sizes[7]
    split(_largest, team, n * oh, y.size / (n * oh) * 0.15 * kh * kw, (x, y, which, sizes))


@share
def _to_winners(lo, hi, dy, which, dx, sizes):
    n, h, w, c, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw = sizes
    for image in range(lo, hi):
        clear_run(dx, image * h * w * c, h * w * c)
        for i in range(oh):
            for j in range(ow):
                start = ((image * oh + i) * ow + j) * c
                for k in range(kh * kw):
                    a, b = i * sh - ph + k // kw * dh, j * sw - pw + k % kw * dw
                    if a >= 0 and a < h and b >= 0 and b < w:
                        give_run(dy, which, start, dx, ((image * h + a) * w + b) * c, np.int32(k), c)


@kernel(f"f4[::1], i4[::1], f4[::1], {SIZES}")
def _max_pool_backward(team, dy, which, dx, sizes):
    n, kh, kw = sizes[0], sizes[6], sizes[7]
    split(_to_winners, team, n, dy.size / n * 0.2 * kh * kw, (dy, which, dx, sizes))


def _sizes(n: int, c: int, g: Geometry) -> tuple[int, ...]:
    return (n, *g.image, c, *g.places, *g.kernel, *g.stride, *g.before, *g.dilation)


def max_pool2d_forward(
    x: np.ndarray,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> tuple:
    if not dense(x):
        return reference.max_pool2d_forward(x, kernel_size, stride, padding, dilation, ceil_mode)
    g = max_geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    n, c, *_ = x.shape
    y, which = empty((n, *g.places, c)), empty((n, *g.places, c), np.int32)
    _max_pool(flat(pixels(channels_last(x))), flat(y), flat(which), _sizes(n, c, g))
    return y.transpose(0, 3, 1, 2), (which, g, "numba")


def max_pool2d_backward(dy: np.ndarray, cache: tuple) -> tuple:
    if len(cache) == 2:
        return reference.max_pool2d_backward(dy, cache)
    which, g, _ = cache
    n, c = dy.shape[:2]
    dx = empty((n, *g.image, c))
    _max_pool_backward(flat(pixels(channels_last(dy))), flat(which), flat(dx), _sizes(n, c, g))
    return (dx.transpose(0, 3, 1, 2),)


# -- averages -------------------------------------------------------------------------------------------

ENDS = "i8[:, ::1], i8[:, ::1], f4[:, ::1]"  # rows and columns: start and stop of each window; its share


@share
def _means(lo, hi, x, y, rows, columns, weight):
    for r in range(lo, hi):
        n, i = r // y.shape[1], r % y.shape[1]
        for j in range(y.shape[2]):
            for c in range(y.shape[3]):
                y[n, i, j, c] = ZERO
            for a in range(rows[0, i], rows[1, i]):
                for b in range(columns[0, j], columns[1, j]):
                    for c in range(y.shape[3]):
                        y[n, i, j, c] += x[n, unsigned(a), unsigned(b), c]
            for c in range(y.shape[3]):
                y[n, i, j, c] *= weight[i, j]


@kernel(f"f4[:, :, :, ::1], f4[:, :, :, ::1], {ENDS}")
def _average(team, x, y, rows, columns, weight):
    count = y.shape[0] * y.shape[1]
    split(_means, team, count, 0.3 * (x.size + y.size) / count, (x, y, rows, columns, weight))


@share
def _to_all(lo, hi, dy, dx, rows, columns, weight):
    for n in range(lo, hi):
        for a in range(dx.shape[1]):
            for b in range(dx.shape[2]):
                for c in range(dx.shape[3]):
                    dx[n, a, b, c] = ZERO
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                w = weight[i, j]
                for a in range(rows[0, i], rows[1, i]):
                    for b in range(columns[0, j], columns[1, j]):
                        for c in range(dx.shape[3]):
                            dx[n, unsigned(a), unsigned(b), c] += dy[n, i, j, c] * w


@kernel(f"f4[:, :, :, ::1], f4[:, :, :, ::1], {ENDS}")
def _average_backward(team, dy, dx, rows, columns, weight):
    images = dy.shape[0]
    split(_to_all, team, images, 0.4 * (dx.size + dy.size) / images, (dy, dx, rows, columns, weight))


def _ends(w: Windows) -> np.ndarray:
    return np.array([w.start, w.stop], np.int64)


def _average_forward(x: np.ndarray, rows: Windows, columns: Windows, share: np.ndarray) -> tuple:
    n, c = x.shape[:2]
    y, where = empty((n, *share.shape, c)), (_ends(rows), _ends(columns), share.astype(np.float32))
    _average(pixels(channels_last(x)), y, *where)
    return y.transpose(0, 3, 1, 2), (x.shape, *where, "numba")


def _average_pull(dy: np.ndarray, cache: tuple) -> tuple:
    if len(cache) == 4:
        return reference.average_backward(dy, cache)
    (n, c, h, w), rows, columns, share, _ = cache
    dx = empty((n, h, w, c))
    _average_backward(pixels(channels_last(dy)), dx, rows, columns, share)
    return (dx.transpose(0, 3, 1, 2),)


def avg_pool2d_forward(
    x: np.ndarray,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> tuple:
    windows = sliding_windows(x.shape, kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _average_forward(x, *windows) if dense(x) else reference.average(x, *windows)


def avg_pool2d_backward(dy: np.ndarray, cache: tuple) -> tuple:
    return _average_pull(dy, cache)


def adaptive_avg_pool2d_forward(x: np.ndarray, output_size: Any) -> tuple:
    windows = even_windows(x.shape, output_size)
    return _average_forward(x, *windows) if dense(x) else reference.average(x, *windows)


def adaptive_avg_pool2d_backward(dy: np.ndarray, cache: tuple) -> tuple:
    return _average_pull(dy, cache)
