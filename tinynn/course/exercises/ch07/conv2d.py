"""07.1: the forward pass of a convolution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from .in_place import in_place
from .training import with_images

conv = Fill("07.1", "conv2d(x, w, b, stride, padding)", returns="y", level=2, minutes=9, dtype_matters=False)


@conv.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def drawn(n: int, c: int, h: int, w: int, o: int, kh: int, kw: int) -> list[np.ndarray]:
        return [rng.normal(size=s).round(1) for s in ((n, c, h, w), (o, c, kh, kw), (o,))]

    yield case(
        *drawn(1, 1, 3, 4, 1, 2, 2), 1, 0, tags="one", note="one image, one channel, one filter 2 by 2"
    )
    yield case(
        *drawn(2, 3, 4, 5, 2, 3, 2), 1, 0, note="2 images, 3 channels, 2 filters of 3 rows and 2 columns"
    )
    yield case(*drawn(1, 1, 4, 4, 1, 3, 3), 1, 1, note="a padding of 1")
    yield case(*drawn(1, 2, 6, 5, 2, 2, 2), 2, 0, note="a stride of 2")
    yield case(*drawn(2, 3, 5, 5, 3, 3, 3), 2, 1, tags="square", note="3 channels, 3 filters 3 by 3")
    yield case(*drawn(2, 2, 6, 7, 3, 3, 2), 3, 2, note="a stride of 3 and a padding of 2")


def image(rng: np.random.Generator, kh: int, kw: int, padding: int) -> tuple[int, int]:
    """Rows and columns of an image that the filter fits into."""
    return tuple(max(1, k - 2 * padding) + int(rng.integers(0, 6)) for k in (kh, kw))  # type: ignore[return-value]


def setting(rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Rows and columns of a filter, stride and padding."""
    kh, kw = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    stride, padding = draw.one_of(rng, 1, 1, 2, 3), draw.one_of(rng, 0, 0, 1, 2, 3)
    return kh, (kh if rng.random() < 0.4 else kw), stride, padding


@conv.drawn
def _(rng: np.random.Generator) -> Case:
    kh, kw, stride, padding = setting(rng)
    n, c, o = (int(rng.integers(1, 4)) for _ in range(3))
    h, w = image(rng, kh, kw, padding)
    kinds = "usual whole below above equal sparse"
    return case(*draw.arrays(rng, (n, c, h, w), (o, c, kh, kw), (o,), kinds=kinds), stride, padding)


@conv.reference
def _(x, w, b, stride, padding):
    return ops.conv2d.pairs["numpy"].forward(x, w, b, stride, padding)[0]


@conv.worked
def conv2d(x, w, b, stride, padding):
    n, o, (kh, kw) = len(x), len(w), w.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (x.shape[2] - kh) // stride + 1
    columns = (x.shape[3] - kw) // stride + 1
    y = np.zeros((n, o, rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = x[:, :, top : top + kh, left : left + kw]  # (N, C, KH, KW)
            y[:, :, i, j] = window.reshape(n, -1) @ w.reshape(o, -1).T + b  # (N, C KH KW) @ (C KH KW, O)
    return y


@conv.right
def tap_by_tap(x, w, b, stride, padding):
    """All places at once, one number of the filter after the other."""
    p, s, (kh, kw) = padding, stride, w.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    rows, columns = (x.shape[2] - kh) // s + 1, (x.shape[3] - kw) // s + 1
    y = np.zeros((len(x), len(w), rows, columns)) + b[:, None, None]
    for i in range(kh):
        for j in range(kw):
            met = x[:, :, i : i + s * (rows - 1) + 1 : s, j : j + s * (columns - 1) + 1 : s]
            y += np.einsum("nchw,oc->nohw", met, w[:, :, i, j])
    return y


@conv.right
def by_windows(x, w, b, stride, padding):
    x = np.pad(x, [(0, 0)] * 2 + [(padding, padding)] * 2)
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwpq,ocpq->nohw", windows, w) + b.reshape(1, -1, 1, 1)


# -- mistakes: each changes one part of `_conv` ------------------------------------------------------------


def _pads(p: int) -> tuple[int, int]:
    return p, p


def _conv(x: Any, w: Any, b: Any, stride: int, padding: int, pads: Any = _pads, **how: Any) -> np.ndarray:
    """The right answer, with holes for what goes wrong."""
    step, mode = how.get("step", stride), how.get("mode", "constant")
    x = np.pad(x, [(0, 0)] * 2 + [pads(padding)] * 2, mode=mode)
    kh, kw = w.shape[2:]
    rows, columns = ((n - k) // stride + how.get("more", 1) for n, k in zip(x.shape[2:], (kh, kw)))
    y = np.zeros((len(x), len(w), rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = x[:, :, i * step : i * step + kh, j * step : j * step + kw]
            y[:, :, i, j] = np.einsum("ncpq,ocpq->no", window, w)
    return y + b[:, None, None]


@conv.mistake
def kernel_flipped(x, w, b, stride, padding):
    return _conv(x, w[:, :, ::-1, ::-1], b, stride, padding)


@conv.mistake
def kernel_transposed(x, w, b, stride, padding):
    return _conv(x, w.swapaxes(2, 3), b, stride, padding)


@conv.mistake
def no_padding(x, w, b, stride, padding):
    return _conv(x, w, b, stride, 0)


@conv.mistake
def padded_before_only(x, w, b, stride, padding):
    return _conv(x, w, b, stride, padding, lambda p: (p, 0))


@conv.mistake
def padded_behind_only(x, w, b, stride, padding):
    return _conv(x, w, b, stride, padding, lambda p: (0, p))


@conv.mistake
def all_padding_before(x, w, b, stride, padding):
    return _conv(x, w, b, stride, padding, lambda p: (2 * p, 0))


@conv.mistake
def padded_with_the_edge(x, w, b, stride, padding):
    return _conv(x, w, b, stride, padding, mode="edge")


@conv.mistake
def last_place_missing(x, w, b, stride, padding):
    return _conv(x, w, b, stride, padding, more=0)


@conv.mistake
def stride_counts_only(x, w, b, stride, padding):
    return _conv(x, w, b, stride, padding, step=1)


@conv.mistake
def stride_ignored(x, w, b, stride, padding):
    return _conv(x, w, b, 1, padding)


@conv.mistake
def no_bias(x, w, b, stride, padding):
    return _conv(x, w, 0 * b, stride, padding)


@conv.mistake
def bias_for_each_channel(x, w, b, stride, padding):
    return _conv(x, w, b * x.shape[1], stride, padding)


@conv.mistake
def bias_for_each_tap(x, w, b, stride, padding):
    return _conv(x, w, b * w[0].size, stride, padding)


@conv.mistake
def first_channel_only(x, w, b, stride, padding):
    return _conv(x[:, :1], w[:, :1], b, stride, padding)


@conv.mistake
def mean_of_the_window(x, w, b, stride, padding):
    return _conv(x, w / w[0].size, b, stride, padding)


@conv.mistake
def filters_last(x, w, b, stride, padding):
    return _conv(x, w, b, stride, padding).transpose(0, 2, 3, 1)


@conv.mistake
def places_transposed(x, w, b, stride, padding):
    return _conv(x, w, b, stride, padding).swapaxes(2, 3)


@conv.mistake
def w_inputs_first(x, w, b, stride, padding):
    return _conv(x, w.swapaxes(0, 1), b, stride, padding)


@conv.mistake
def first_image_only(x, w, b, stride, padding):
    return np.repeat(_conv(x[:1], w, b, stride, padding), len(x), axis=0)


@conv.two("kernel_flipped", "no_bias")
def _(x, w, b, stride, padding):
    return _conv(x, w[:, :, ::-1, ::-1], 0 * b, stride, padding)


@conv.two("no_padding", "no_bias")
def _(x, w, b, stride, padding):
    return _conv(x, w, 0 * b, stride, 0)


@conv.two("kernel_flipped", "no_padding")
def _(x, w, b, stride, padding):
    return _conv(x, w[:, :, ::-1, ::-1], b, stride, 0)


@conv.swaps
def _(function):
    return in_place("forward", function)


@conv.trains
def _(function, optimizer, seed):
    return with_images("07.1", function, optimizer, seed)
