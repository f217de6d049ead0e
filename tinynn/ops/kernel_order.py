"""The order in which the axes of an array lie in memory.

An image has the shape (N, C, H, W), as in PyTorch. What a convolution makes of it lies channels last, as
(N, H, W, C) would: a matrix product with a row for each pixel leaves its result so, and a window is a
few long runs of memory. Functions of single elements do not care: they run over the memory of any array
without gaps and give their result the same order (`dense`, `flat`, `memory.empty_like`). Only where two
orders meet, as after Flatten, is an array laid out anew, by `turn`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..memory import empty, empty_like
from .kernel import FLOAT32, kernel, ready, share, split, unsigned

__all__ = ["alike", "channels_last", "dense", "flat", "in_c_order", "is_channels_last", "pixels", "turned"]

TILE = 32  # a tile of 32 x 32 floats, read and written, lies in the first cache


def dense(x: np.ndarray) -> bool:
    """Whether elementwise kernels take `x`: float32, no gaps, aligned, writable, not empty; any order."""
    return x.dtype == FLOAT32 and x.size > 0 and (x.flags.carray or _without_gaps(x))


def _without_gaps(x: np.ndarray) -> bool:
    if not x.flags.behaved:
        return False
    step = x.itemsize
    for stride, n in sorted(zip(x.strides, x.shape)):
        if n > 1:
            if stride != step:
                return False
            step *= n
    return True


def flat(x: np.ndarray) -> np.ndarray:
    """The elements of an array without gaps as they lie in memory, as a view."""
    return x.ravel("K")


def alike(dy: Any, x: np.ndarray) -> np.ndarray:
    """A gradient in the order of `x`, copied if it has another."""
    if x.flags.c_contiguous:
        return ready(dy) if not turned(dy) else in_c_order(dy)
    if dy.__class__ is np.ndarray and dy.dtype == FLOAT32 and dy.flags.behaved:
        if dy.strides == tuple([n // x.itemsize * 4 for n in x.strides]):
            return dy
    if x.ndim == 4 and is_channels_last(x):
        return channels_last(dy)
    copy = empty_like(x)
    copy[...] = dy
    return copy


# -- images: (N, C, H, W) with the channels last in memory ------------------------------------------------


def is_channels_last(x: np.ndarray) -> bool:
    return x.transpose(0, 2, 3, 1).flags.c_contiguous


def turned(x: Any) -> bool:
    """Whether `x` is a float32 image with channels last, that no kernel takes for an array in C order."""
    return (
        x.__class__ is np.ndarray
        and x.ndim == 4
        and x.dtype == FLOAT32
        and x.size > 0
        and not x.flags.c_contiguous
        and x.flags.behaved
        and is_channels_last(x)
    )


def channels_last(x: Any) -> np.ndarray:
    """An image with its channels last in memory, copied if they are not."""
    if x.__class__ is np.ndarray and x.dtype == FLOAT32 and x.flags.behaved and is_channels_last(x):
        return x
    n, c, h, w = x.shape
    y = empty((n, h, w, c))
    if x.size:
        turn(ready(x).reshape(n, c, h * w), y.reshape(n, h * w, c))
    return y.transpose(0, 3, 1, 2)


def pixels(x: np.ndarray) -> np.ndarray:
    """An image with channels last as the array (N, H, W, C) that it is in memory."""
    return x.transpose(0, 2, 3, 1)


def in_c_order(x: np.ndarray) -> np.ndarray:
    """An array in C order, copied if it is not."""
    if not turned(x):
        return ready(x)
    n, c, h, w = x.shape
    y = empty(x.shape)
    turn(pixels(x).reshape(n, h * w, c), y.reshape(n, c, h * w))
    return y


@share
def _turn_share(lo, hi, x, y):
    """y[n, j, i] = x[n, i, j], tile by tile."""
    rows, columns = x.shape[1], x.shape[2]
    for n in range(lo, hi):
        for top in range(0, rows, TILE):
            for left in range(0, columns, TILE):
                for j in range(unsigned(left), unsigned(min(left + TILE, columns))):
                    for i in range(unsigned(top), unsigned(min(top + TILE, rows))):
                        y[n, j, i] = x[n, i, j]


@kernel("f4[:, :, ::1], f4[:, :, ::1]")
def turn(team, x, y):
    split(_turn_share, team, x.shape[0], 0.5 * x.shape[1] * x.shape[2], (x, y))
