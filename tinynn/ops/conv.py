"""Convolution: the same small weight meets every place of the image.

One sum says all of it. Tap (p, q) of the kernel meets the padded image x at every s-th pixel, shifted by
d p rows and d q columns:

    y[n, o, i, j] = b[o] + sum over c, p, q of w[o, c, p, q] x[n, c, s i + d p, s j + d q]

So the reference goes through the taps, and each is one matrix product of all channels, in each group, at
all places at once. Both gradients run the same loop: dw multiplies dy by the shifted image, dx adds dy
times the weight where the tap took from. conv_transpose2d is that last step by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..gpu.arrays import contiguous
from .conv_specs import conv1d_spec, conv2d_spec, conv_transpose2d_spec, pair, same_padding
from .elementwise import Needs

__all__ = ["conv1d_spec", "conv2d_spec", "conv_transpose2d_spec"]

Pair = tuple[int, int]


class Geometry(NamedTuple):
    """Where the taps of a kernel meet an image, per axis (rows, columns)."""

    stride: Pair
    before: Pair  # padding above and left
    dilation: Pair
    groups: int
    kernel: Pair
    image: Pair  # H and W of what a convolution reads
    places: Pair  # H and W of what it writes


def geometry(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    kernel, image, d, s = weight.shape[2:], x.shape[2:], pair(dilation), pair(stride)
    before, total = same_padding(kernel, d) if padding == "same" else _both(padding)
    places = tuple((n + t - e * (k - 1) - 1) // r + 1 for n, t, e, k, r in zip(image, total, d, kernel, s))
    return Geometry(s, before, d, groups, kernel, image, places)  # type: ignore[arg-type]


def _both(padding: Any) -> tuple[Pair, Pair]:
    """The padding before, and before and after together."""
    p, q = (0, 0) if padding == "valid" else pair(padding)
    return (p, q), (2 * p, 2 * q)


def padded(x: np.ndarray, g: Geometry) -> np.ndarray:
    """The image with as many zeros around it as the taps reach: (N, C, reach of rows, of columns)."""
    reach = [
        max(n + b, s * (m - 1) + d * (k - 1) + 1)
        for n, b, s, m, d, k in zip(g.image, g.before, g.stride, g.places, g.dilation, g.kernel)
    ]
    wide = np.zeros((*x.shape[:2], *reach), x.dtype, like=x)
    inside(wide, g)[...] = x
    return wide


def inside(wide: np.ndarray, g: Geometry) -> np.ndarray:
    """The image itself within what `padded` made, as a view."""
    (top, left), (h, w) = g.before, g.image
    return wide[:, :, top : top + h, left : left + w]


def taps(wide: np.ndarray, g: Geometry) -> Iterator[tuple[int, int, np.ndarray]]:
    """For each tap (p, q), the pixels that it meets: a view (N, C, places of rows, of columns)."""
    (s, t), (d, e), (h, w) = g.stride, g.dilation, g.places
    for p in range(g.kernel[0]):
        for q in range(g.kernel[1]):
            top, left = d * p, e * q
            yield p, q, wide[:, :, top : top + s * h : s, left : left + t * w : t][:, :, :h, :w]


def grouped(x: np.ndarray, groups: int) -> np.ndarray:
    """(N, C, H, W) as (N, groups, C / groups, H W): a matrix for each example and group."""
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h * w)


def _weights(weight: np.ndarray, groups: int) -> np.ndarray:
    """(O, C, KH, KW) as (groups, O / groups, C, KH, KW)."""
    return weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])


# -- the three sums -------------------------------------------------------------------------------------


def correlate(x: np.ndarray, weight: np.ndarray, g: Geometry) -> np.ndarray:
    """y = the sum over taps of w[p, q] times the pixels it meets."""
    w, shape = _weights(weight, g.groups), (x.shape[0], weight.shape[0], *g.places)
    y = np.zeros(grouped_shape(shape, g.groups), x.dtype, like=x)
    for p, q, met in taps(padded(x, g), g):
        y += w[..., p, q] @ grouped(met, g.groups)  # (O, C) @ (C, places)
    return y.reshape(shape)


def spread(dy: np.ndarray, weight: np.ndarray, g: Geometry) -> np.ndarray:
    """dx: each place gives dy w[p, q] back to the pixel where tap (p, q) took from."""
    w, d = _weights(weight, g.groups), grouped(dy, g.groups)
    channels = weight.shape[1] * g.groups
    wide = padded(np.zeros((dy.shape[0], channels, *g.image), dy.dtype, like=dy), g)
    for p, q, met in taps(wide, g):
        met += (w[..., p, q].swapaxes(1, 2) @ d).reshape(met.shape)  # (C, O) @ (O, places)
    return contiguous(inside(wide, g))


def meet(x: np.ndarray, dy: np.ndarray, weight: np.ndarray, g: Geometry) -> np.ndarray:
    """dw[p, q] = dy times the pixels that the tap met, summed over examples and places."""
    dw, d = np.empty_like(weight, order="C"), grouped(dy, g.groups)
    for p, q, met in taps(padded(x, g), g):
        product = d @ grouped(met, g.groups).swapaxes(2, 3)  # (O, places) @ (places, C)
        dw[..., p, q] = product.sum(axis=0).reshape(dw.shape[:2])
    return dw


def grouped_shape(shape: tuple[int, ...], groups: int) -> tuple[int, ...]:
    n, c, h, w = shape
    return n, groups, c // groups, h * w


# -- conv2d and conv1d ----------------------------------------------------------------------------------


def conv2d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple:
    """y[n, o, i, j] = b[o] + sum w[o, c, p, q] x[n, c, s i + d p, s j + d q], x padded with zeros.

    x (N, C, H, W), weight (O, C / groups, KH, KW), bias (O,). stride s, padding and dilation d are ints or
    pairs (rows, columns); padding may be "valid" (none) or "same" (as many places as pixels; the odd zero
    goes to the right and below). With groups, output channels see the input channels of their group only.
    Cache: x and weight. Equals torch.nn.functional.conv2d.
    Source: LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998.
    """
    g = geometry(x, weight, stride, padding, dilation, groups)
    y = correlate(x, weight, g)
    return (y if bias is None else y + bias[:, None, None]), (x, weight, bias is not None, g)


def conv2d_backward(dy: np.ndarray, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    """dx = `spread` of dy, dw = dy times what each tap met, db = sum of dy."""
    x, weight, has_bias, g = cache
    dx = spread(dy, weight, g) if needs[0] else None
    dw = meet(x, dy, weight, g) if needs[1] else None
    return (dx, dw, dy.sum(axis=(0, 2, 3))) if has_bias else (dx, dw)


def conv1d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple:
    """y[n, o, i] = b[o] + sum w[o, c, p] x[n, c, s i + d p]: conv2d of an image with one row.

    x (N, C, T), weight (O, C / groups, K), bias (O,). Cache: x and weight. Equals
    torch.nn.functional.conv1d.
    """
    s, p, d = as_rows(stride, padding, dilation)
    y, cache = conv2d_forward(x[:, :, None], weight[:, :, None], bias, s, p, d, groups)
    return y[:, :, 0], cache


def conv1d_backward(dy: np.ndarray, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    """As `conv2d_backward`, of an image with one row."""
    dx, dw, *db = conv2d_backward(dy[:, :, None], cache, needs)
    return (None if dx is None else dx[:, :, 0], None if dw is None else dw[:, :, 0], *db)


def as_rows(stride: Any, padding: Any, dilation: Any) -> tuple[Any, Any, Any]:
    """Parameters of a signal as those of an image with one row."""
    s, p, d = (n[0] if isinstance(n, tuple) else n for n in (stride, padding, dilation))
    return (1, s), p if isinstance(p, str) else (0, p), (1, d)


# -- conv_transpose2d -----------------------------------------------------------------------------------


def transposed_geometry(
    x: Any, weight: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any
) -> Geometry:
    """That of the convolution which would lead from the result back to x."""
    s, p, o, d = map(pair, (stride, padding, output_padding, dilation))
    kernel, places = weight.shape[2:], x.shape[2:]
    image = tuple(
        (m - 1) * r - 2 * b + e * (k - 1) + a + 1 for m, r, b, e, k, a in zip(places, s, p, d, kernel, o)
    )
    return Geometry(s, p, d, groups, kernel, image, places)  # type: ignore[arg-type]


def conv_transpose2d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> tuple:
    """y[n, o, s i + d p, s j + d q] += w[c, o, p, q] x[n, c, i, j], then padding cut off, and b[o].

    What conv2d does to gradients, as a forward: <conv2d(y), x> = <y, conv_transpose2d(x)> for one weight.
    x (N, C, H, W), weight (C, O / groups, KH, KW), bias (O,); `output_padding` adds rows and columns below
    and right, since several sizes lead to the same one under a stride. Cache: x and weight.
    Equals torch.nn.functional.conv_transpose2d.
    Source: Zeiler, Krishnan, Taylor and Fergus, Deconvolutional networks, 2010.
    """
    g = transposed_geometry(x, weight, stride, padding, output_padding, groups, dilation)
    y = spread(x, weight, g)
    return (y if bias is None else y + bias[:, None, None]), (x, weight, bias is not None, g)


def conv_transpose2d_backward(dy: np.ndarray, cache: tuple, needs: Needs = (True, True, True)) -> tuple:
    """dx = conv2d of dy; dw as in conv2d with x and dy in each other's place; db = sum of dy."""
    x, weight, has_bias, g = cache
    dx = correlate(dy, weight, g) if needs[0] else None
    dw = meet(dy, x, weight, g) if needs[1] else None
    return (dx, dw, dy.sum(axis=(0, 2, 3))) if has_bias else (dx, dw)
