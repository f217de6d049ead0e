"""Pooling: one number for each window of the image, its largest or its mean, channel by channel.

max_pool2d goes through the taps of its window as a convolution does (`conv`), and keeps which one won.
The windows of the averages are rows top to bottom and columns left to right: the sum over a window is a
sum of rows, then one of columns. avg_pool2d and adaptive_avg_pool2d differ in where their windows lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..gpu.arrays import contiguous, table
from .conv import Geometry, inside, padded, taps
from .conv_specs import LAYOUT, pair, require_image, whole_numbers
from .op import Out, Spec
from .specs import require_flag, require_float, size

Pair = tuple[int, int]


def places(n: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit along an axis of `n` pixels; with `ceil_mode` the last may hang over the edge.

    None begins in the padding behind the image.
    """
    room = n + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-room // stride) if ceil_mode else room // stride) + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= n + padding else count


# -- what pools accept ----------------------------------------------------------------------------------


def _pool_spec(
    where: str, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
) -> Spec:
    dtype = require_float(where, x.dtype)
    require_image(where, x)
    require_flag(where, "ceil_mode", ceil_mode)
    k, d = whole_numbers(where, "kernel_size", kernel_size, 1), whole_numbers(where, "dilation", dilation, 1)
    s = k if stride is None else whole_numbers(where, "stride", stride, 1)
    p = whole_numbers(where, "padding", padding, 0)
    if any(2 * b > r for b, r in zip(p, k)):
        got, hint = f"padding={padding} for kernel_size={kernel_size}", f"padding={min(k) // 2}"
        raise ArgumentError(where, got, "at most half the window, so that none is all padding", hint)
    counts = tuple(places(*n, ceil_mode) for n in zip(x.shape[2:], k, s, p, d))
    if min(counts) < 1 or 0 in x.shape[1:]:
        got = f"x {x.shape}, smaller than the window of {k}" if 0 not in x.shape[1:] else f"x {x.shape}"
        smaller = max(1, min(x.shape[2:]))
        raise ShapeError(where, got, "at least one whole window", f"kernel_size={smaller}")
    shape = (*x.shape[:2], *counts)
    return Spec(Out(shape, dtype), k[0] * k[1] * size(shape))


def max_pool2d_spec(
    x: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Spec:
    return _pool_spec("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool2d_spec(
    x: Any,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Spec:
    require_flag("avg_pool2d", "count_include_pad", count_include_pad)
    return _pool_spec("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)


def adaptive_avg_pool2d_spec(x: Any, *, output_size: Any) -> Spec:
    where = "adaptive_avg_pool2d"
    dtype = require_float(where, x.dtype)
    require_image(where, x)
    counts = whole_numbers(where, "output_size", output_size, 1)
    if 0 in x.shape[1:]:
        raise ShapeError(where, f"x {x.shape}", f"{LAYOUT[2]} with at least one pixel")
    return Spec(Out((*x.shape[:2], *counts), dtype), size(x.shape))


# -- max_pool2d -----------------------------------------------------------------------------------------


def max_geometry(
    x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Geometry:
    k, p, d, image = pair(kernel_size), pair(padding), pair(dilation), x.shape[2:]
    s = k if stride is None else pair(stride)
    counts = tuple(places(*n, ceil_mode) for n in zip(image, k, s, p, d))
    return Geometry(s, p, d, 1, k, image, counts)  # type: ignore[arg-type]


def max_pool2d_forward(
    x: np.ndarray,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> tuple:
    """y[n, c, i, j] = the largest of x[n, c, s i + d p, s j + d q] over the taps (p, q) of the window.

    x (N, C, H, W); all sizes are ints or pairs, the stride is the window's own size if not given. Padding
    never wins. Of equal numbers the first wins, and NaN beats every number. Cache: which tap won, 4 bytes
    for each element of y. Equals torch.nn.functional.max_pool2d.
    """
    g = max_geometry(x, kernel_size, stride, padding, dilation, ceil_mode)
    real = padded(np.ones_like(x, bool, shape=(1, 1, *g.image)), g)  # padding is no pixel
    y = np.zeros((*x.shape[:2], *g.places), x.dtype, like=x)
    which = np.full_like(y, -1, np.int32)
    for k, ((_, _, met), (_, _, there)) in enumerate(zip(taps(padded(x, g), g), taps(real, g))):
        better = there & ((which < 0) | (met > y) | np.isnan(met))
        y, which = np.where(better, met, y), np.where(better, np.int32(k), which)
    return y, (which, g)


def max_pool2d_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy where the largest was, 0 elsewhere, summed over the windows that a pixel is in."""
    which, g = cache
    wide = padded(np.zeros((*dy.shape[:2], *g.image), dy.dtype, like=dy), g)
    for k, (_, _, met) in enumerate(taps(wide, g)):
        met += np.where(which == k, dy, 0)
    return (contiguous(inside(wide, g)),)


# -- averages: where the windows lie, then one pair for both --------------------------------------------


class Windows(NamedTuple):
    """The windows along an axis: from `start` to before `stop`; `size` counts the padding in them too."""

    start: np.ndarray
    stop: np.ndarray
    size: np.ndarray


def sliding(n: int, kernel: int, stride: int, padding: int, ceil_mode: bool) -> Windows:
    """Windows of `kernel` pixels every `stride`, of which the last may hang over the edge."""
    first = np.arange(places(n, kernel, stride, padding, 1, ceil_mode)) * stride - padding
    end = np.minimum(first + kernel, n + padding)
    return Windows(np.maximum(first, 0), np.minimum(end, n), end - first)


def even(n: int, count: int) -> Windows:
    """`count` windows that cover `n` pixels as evenly as whole pixels allow; they may share some."""
    i = np.arange(count)
    start, stop = i * n // count, -(-(i + 1) * n // count)
    return Windows(start, stop, stop - start)


def weights(rows: Windows, columns: Windows, include_pad: bool) -> np.ndarray:
    """One over the number of pixels in each window: (places of rows, of columns)."""
    a, b = ((w.size if include_pad else w.stop - w.start) for w in (rows, columns))
    return 1 / (a[:, None] * b)


def window_sums(x: np.ndarray, axis: int, w: Windows) -> np.ndarray:
    """The sum of each window along an axis."""
    parts = [_slice(x, axis, a, b).sum(axis=axis, keepdims=True) for a, b in zip(w.start, w.stop)]
    return np.concatenate(parts, axis=axis)


def window_spread(dy: np.ndarray, axis: int, w: Windows, n: int) -> np.ndarray:
    """Each number given to all `n` pixels of the axis that are in its window."""
    dx = np.zeros((*dy.shape[:axis], n, *dy.shape[axis + 1 :]), dy.dtype, like=dy)
    for i, (a, b) in enumerate(zip(w.start, w.stop)):
        _slice(dx, axis, a, b)[...] += _slice(dy, axis, i, i + 1)
    return dx


def _slice(x: np.ndarray, axis: int, a: int, b: int) -> np.ndarray:
    return x[(slice(None),) * axis + (slice(a, b),)]


def average(x: np.ndarray, rows: Windows, columns: Windows, share: np.ndarray) -> tuple:
    """y = share times the sum over each window."""
    share = table(share.astype(x.dtype), x)
    y = window_sums(window_sums(x, 2, rows), 3, columns) * share
    return y, (x.shape, rows, columns, share)


def average_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = share times dy, given to every pixel of the window."""
    (*_, h, w), rows, columns, share = cache
    return (window_spread(window_spread(dy * share, 3, columns, w), 2, rows, h),)


def sliding_windows(
    shape: Sequence[int], kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, include_pad: bool
) -> tuple[Windows, Windows, np.ndarray]:
    k, p = pair(kernel_size), pair(padding)
    s = k if stride is None else pair(stride)
    rows, columns = (sliding(*n, ceil_mode) for n in zip(shape[2:], k, s, p))
    return rows, columns, weights(rows, columns, include_pad)


def even_windows(shape: Sequence[int], output_size: Any) -> tuple[Windows, Windows, np.ndarray]:
    rows, columns = (even(n, count) for n, count in zip(shape[2:], pair(output_size)))
    return rows, columns, weights(rows, columns, False)


def avg_pool2d_forward(
    x: np.ndarray,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> tuple:
    """y[n, c, i, j] = the mean over the window that begins at row s i and column s j of the padded image.

    x (N, C, H, W). Padding counts as zeros, unless `count_include_pad` is False: then the sum is over the
    number of real pixels. Cache: where the windows lie. Equals torch.nn.functional.avg_pool2d.
    """
    return average(x, *sliding_windows(x.shape, kernel_size, stride, padding, ceil_mode, count_include_pad))


def avg_pool2d_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """dx = dy over the size of the window, given to every pixel in it."""
    return average_backward(dy, cache)


def adaptive_avg_pool2d_forward(x: np.ndarray, output_size: Any) -> tuple:
    """y[n, c, i, j] = the mean over rows i H // OH to before ceil((i + 1) H / OH), and columns likewise.

    x (N, C, H, W), output_size (OH, OW) or one int for both; 1 is the mean of the whole image. Cache: where
    the windows lie. Equals torch.nn.functional.adaptive_avg_pool2d.
    """
    return average(x, *even_windows(x.shape, output_size))


def adaptive_avg_pool2d_backward(dy: np.ndarray, cache: tuple) -> tuple:
    """As `avg_pool2d_backward`."""
    return average_backward(dy, cache)
