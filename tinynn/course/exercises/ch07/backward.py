"""07.3: the way back through a convolution, to its input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import ops
from ....ops.conv import geometry, spread
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from .conv2d import image, setting
from .in_place import in_place
from .training import with_images

back = Fill(
    "07.3", "conv2d_backward(dy, w, shape, stride, padding)", returns="dx", level=3, minutes=9,
    dtype_matters=False,
)  # fmt: skip


def _out(shape: tuple, w: tuple, stride: int, padding: int) -> tuple[int, ...]:
    """The shape of dy."""
    rows, columns = ((n + 2 * padding - k) // stride + 1 for n, k in zip(shape[2:], w[2:]))
    return shape[0], w[0], rows, columns


@back.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def drawn(shape: tuple, w: tuple, stride: int, padding: int) -> list[Any]:
        dy = rng.normal(size=_out(shape, w, stride, padding)).round(1)
        return [dy, rng.normal(size=w).round(1), shape, stride, padding]

    yield case(*drawn((1, 1, 3, 4), (1, 1, 2, 2), 1, 0), tags="one", note="one image, one filter 2 by 2")
    yield case(*drawn((2, 3, 4, 5), (2, 3, 3, 2), 1, 0), note="3 channels, 2 filters of 3 rows and 2 columns")
    yield case(*drawn((1, 2, 4, 4), (1, 2, 3, 3), 1, 1), note="a padding of 1")
    yield case(*drawn((1, 1, 6, 5), (2, 1, 3, 3), 2, 0), note="a stride of 2, which leaves a column out")
    yield case(*drawn((2, 3, 5, 5), (3, 3, 3, 3), 2, 1), tags="square", note="3 channels, 3 filters 3 by 3")
    dy, *others = drawn((1, 2, 4, 4), (2, 2, 2, 2), 1, 0)
    yield case(np.ones_like(dy), *others, tags="ones", note="an upstream gradient of ones")
    yield case(*drawn((2, 2, 6, 7), (3, 2, 2, 3), 3, 2), note="a stride of 3 and a padding of 2")


@back.drawn
def _(rng: np.random.Generator) -> Case:
    kh, kw, stride, padding = setting(rng)
    n, c, o = (int(rng.integers(1, 4)) for _ in range(3))
    shape, w = (n, c, *image(rng, kh, kw, padding)), (o, c, kh, kw)
    kinds = "usual whole below above equal sparse"
    return case(*draw.arrays(rng, _out(shape, w, stride, padding), w, kinds=kinds), shape, stride, padding)


@back.reference
def _(dy, w, shape, stride, padding):
    like = np.empty(shape, dy.dtype)
    return spread(dy, w, geometry(like, w, stride, padding, 1, 1))


@back.worked
def conv2d_backward(dy, w, shape, stride, padding):
    n, c, height, width = shape
    (o, _, kh, kw), (rows, columns) = w.shape, dy.shape[2:]
    dx = np.zeros((n, c, height + 2 * padding, width + 2 * padding))  # of the padded image
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            share = dy[:, :, i, j] @ w.reshape(o, -1)  # (N, O) @ (O, C KH KW)
            dx[:, :, top : top + kh, left : left + kw] += share.reshape(n, c, kh, kw)
    return dx[:, :, padding : padding + height, padding : padding + width]


@back.right
def tap_by_tap(dy, w, shape, stride, padding):
    n, c, height, width = shape
    rows, columns = dy.shape[2:]
    dx = np.zeros((n, c, height + 2 * padding, width + 2 * padding))
    for p in range(w.shape[2]):
        for q in range(w.shape[3]):
            met = dx[
                :, :, p : p + stride * (rows - 1) + 1 : stride, q : q + stride * (columns - 1) + 1 : stride
            ]
            met += np.einsum("nohw,oc->nchw", dy, w[:, :, p, q])
    return dx[:, :, padding : padding + height, padding : padding + width]


@back.right
def as_a_convolution(dy, w, shape, stride, padding):
    """dy with zeros between and around, met by the filters turned half round."""
    kh, kw = w.shape[2:]
    (n, o, rows, columns), (height, width) = dy.shape, shape[2:]
    wide = np.zeros((n, o, height + 2 * padding + kh - 1, width + 2 * padding + kw - 1), dy.dtype)
    wide[:, :, kh - 1 : kh + stride * (rows - 1) : stride, kw - 1 : kw + stride * (columns - 1) : stride] = dy
    turned = w[:, :, ::-1, ::-1].swapaxes(0, 1)
    full = ops.conv2d.pairs["numpy"].forward(wide, turned)[0]
    return full[:, :, padding : padding + height, padding : padding + width]


# -- mistakes: each changes one part of `_back` ------------------------------------------------------------


def _add(dx: np.ndarray, share: np.ndarray) -> None:
    dx += share


def _back(dy: Any, w: Any, shape: tuple, stride: int, padding: int, put: Any = _add, **how: Any) -> Any:
    """The right answer, with holes for what goes wrong."""
    p, (n, c, height, width), (kh, kw) = padding, shape, w.shape[2:]
    step, cut = how.get("step", stride), how.get("cut", p)
    dx = np.zeros((n, c, height + 2 * p, width + 2 * p))
    for i, j in np.ndindex(dy.shape[2:]):
        share = np.einsum("no,ocpq->ncpq", dy[:, :, i, j], w)
        put(dx[:, :, i * step : i * step + kh, j * step : j * step + kw], share)
    return dx if cut is None else dx[:, :, cut : cut + height, cut : cut + width]


@back.mistake
def overwritten(dy, w, shape, stride, padding):
    return _back(dy, w, shape, stride, padding, lambda dx, share: np.copyto(dx, share))


@back.mistake
def kernel_flipped(dy, w, shape, stride, padding):
    return _back(dy, w[:, :, ::-1, ::-1], shape, stride, padding)


@back.mistake
def kernel_transposed(dy, w, shape, stride, padding):
    return _back(dy, w.swapaxes(2, 3), shape, stride, padding)


@back.mistake
def padding_not_cut(dy, w, shape, stride, padding):
    return _back(dy, w, shape, stride, padding, cut=None)


@back.mistake
def cut_from_the_corner(dy, w, shape, stride, padding):
    return _back(dy, w, shape, stride, padding, cut=0)


@back.mistake
def cut_behind(dy, w, shape, stride, padding):
    return _back(dy, w, shape, stride, padding, cut=2 * padding)


@back.mistake
def stride_forgotten(dy, w, shape, stride, padding):
    return _back(dy, w, shape, stride, padding, step=1)


@back.mistake
def first_filter_only(dy, w, shape, stride, padding):
    return _back(dy[:, :1], w[:1], shape, stride, padding)


@back.mistake
def mean_over_filters(dy, w, shape, stride, padding):
    return _back(dy, w / len(w), shape, stride, padding)


@back.mistake
def averaged_where_windows_overlap(dy, w, shape, stride, padding):
    used = _back(np.ones_like(dy[:, :1]), np.ones_like(w[:1]), shape, stride, padding)
    return _back(dy, w, shape, stride, padding) / np.maximum(used, 1)


@back.mistake
def dy_left_out(dy, w, shape, stride, padding):
    return _back(np.ones_like(dy), w, shape, stride, padding)


@back.mistake
def w_left_out(dy, w, shape, stride, padding):
    return _back(dy, np.ones_like(w), shape, stride, padding)


@back.mistake
def w_inputs_first(dy, w, shape, stride, padding):
    return _back(dy, w.swapaxes(0, 1), shape, stride, padding)


@back.mistake
def examples_added(dy, w, shape, stride, padding):
    whole = _back(dy, w, shape, stride, padding)
    return np.repeat(whole.sum(axis=0, keepdims=True), shape[0], axis=0)


@back.two("overwritten", "kernel_flipped")
def _(dy, w, shape, stride, padding):
    return overwritten(dy, w[:, :, ::-1, ::-1], shape, stride, padding)


@back.two("overwritten", "padding_not_cut")
def _(dy, w, shape, stride, padding):
    return _back(dy, w, shape, stride, padding, lambda dx, share: np.copyto(dx, share), cut=None)


@back.two("overwritten", "cut_from_the_corner")
def _(dy, w, shape, stride, padding):
    return _back(dy, w, shape, stride, padding, lambda dx, share: np.copyto(dx, share), cut=0)


@back.swaps
def _(function):
    return in_place("dx", function)


@back.trains
def _(function, optimizer, seed):
    return with_images("07.3", function, optimizer, seed)
