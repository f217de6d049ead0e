"""07.4: the way back through the largest of each window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import ops
from ....ops.conv_specs import pair
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from .training import with_images

pool = Fill(
    "07.4", "max_pool_backward(dy, x, size, stride)", returns="dx", level=2, minutes=8, dtype_matters=False
)


def _out(shape: tuple, size: int, stride: int) -> tuple[int, ...]:
    return *shape[:2], *((n - size) // stride + 1 for n in shape[2:])


@pool.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def drawn(shape: tuple, size: int, stride: int, numbers: Any = rng.normal) -> list[Any]:
        x = np.asarray(numbers(size=shape), np.float64).round(1)
        return [rng.normal(size=_out(shape, size, stride)).round(1), x, size, stride]

    yield case(*drawn((1, 1, 2, 4), 2, 2), tags="one", note="two windows of 2 by 2, side by side")
    yield case(*drawn((2, 3, 4, 6), 2, 2), note="2 images, 3 channels")
    yield case(*drawn((1, 1, 5, 5), 3, 2), note="windows of 3 by 3 that overlap")
    few = lambda size: rng.integers(0, 2, size=size)
    yield case(*drawn((1, 2, 4, 4), 2, 2, few), note="equal numbers: the first of them gets all")
    yield case(*drawn((1, 1, 5, 4), 2, 3), note="a stride of 3, which leaves pixels out")
    below = lambda size: -0.1 - rng.exponential(size=size)
    yield case(*drawn((1, 2, 4, 4), 2, 2, below), note="all pixels below 0")
    dy, *others = drawn((1, 1, 4, 4), 2, 2)
    yield case(np.ones_like(dy), *others, tags="ones", note="an upstream gradient of ones")


@pool.drawn
def _(rng: np.random.Generator) -> Case:
    size, stride = draw.one_of(rng, 1, 2, 2, 3, 4), draw.one_of(rng, 1, 2, 2, 3)
    n, c = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    shape = (n, c, size + int(rng.integers(0, 6)), size + int(rng.integers(0, 6)))
    kinds = "usual whole below above equal sparse"
    dy, x = draw.arrays(rng, _out(shape, size, stride), shape, kinds=kinds)
    return case(dy, x, size, stride)


@pool.reference
def _(dy, x, size, stride):
    pair = ops.max_pool2d.pairs["numpy"]
    return pair.pull(dy, pair.forward(x, size, stride)[1], (True,))[0]


@pool.worked
def max_pool_backward(dy, x, size, stride):
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dy.shape):
        top, left = i * stride, j * stride
        window = x[n, c, top : top + size, left : left + size]
        p, q = divmod(window.argmax(), size)  # of equal numbers, argmax takes the first
        dx[n, c, top + p, left + q] += dy[n, c, i, j]  # a pixel may win in several windows
    return dx


@pool.right
def all_images_at_once(dy, x, size, stride):
    dx, (n, c) = np.zeros(x.shape), x.shape[:2]
    image, channel = np.indices((n, c))
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            window = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
            p, q = np.divmod(window.reshape(n, c, -1).argmax(axis=2), size)
            dx[image, channel, i * stride + p, j * stride + q] += dy[:, :, i, j]
    return dx


@pool.right
def the_first_of_equals(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(dy.shape):
        top, left = i * stride, j * stride
        best: Any = None
        for p in range(top, top + size):
            for q in range(left, left + size):
                if best is None or x[n, c, p, q] > x[(n, c, *best)]:
                    best = p, q
        dx[(n, c, *best)] += dy[n, c, i, j]
    return dx


# -- mistakes: each changes what a window gives to its pixels, or where it lies ----------------------------


def _first(windows: np.ndarray) -> np.ndarray:
    """1 at the first of the largest of each window (N, C, size, size), 0 elsewhere."""
    flat = windows.reshape(*windows.shape[:2], -1)
    best = flat.argmax(axis=2)[..., None]
    return (np.arange(flat.shape[2]) == best).reshape(windows.shape) * 1.0


def _tied(windows: np.ndarray) -> np.ndarray:
    """1 at each of the largest."""
    return (windows == windows.max(axis=(2, 3), keepdims=True)) * 1.0


def _last(windows: np.ndarray) -> np.ndarray:
    return _first(windows[..., ::-1, ::-1])[..., ::-1, ::-1]


def _back(dy: Any, x: Any, size: int, stride: int, share: Any = _first, **how: Any) -> np.ndarray:
    """The right answer, with holes for what goes wrong."""
    dx, step = np.zeros(x.shape), how.get("step", stride)
    for i, j in np.ndindex(dy.shape[2:]):
        a, b = slice(i * step, i * step + size), slice(j * step, j * step + size)
        given = share(x[:, :, a, b])
        old = dx[:, :, a, b] * (given == 0) if how.get("over") else dx[:, :, a, b]
        dx[:, :, a, b] = old + given * dy[:, :, i, j, None, None]
    return dx


@pool.mistake
def every_tie_gets_all(dy, x, size, stride):
    return _back(dy, x, size, stride, _tied)


@pool.mistake
def ties_share(dy, x, size, stride):
    return _back(dy, x, size, stride, lambda w: _tied(w) / _tied(w).sum(axis=(2, 3), keepdims=True))


@pool.mistake
def last_of_equals(dy, x, size, stride):
    return _back(dy, x, size, stride, _last)


@pool.mistake
def overwritten(dy, x, size, stride):
    return _back(dy, x, size, stride, over=True)


@pool.mistake
def whole_window(dy, x, size, stride):
    return _back(dy, x, size, stride, np.ones_like)


@pool.mistake
def averaged(dy, x, size, stride):
    return _back(dy, x, size, stride, lambda w: np.full(w.shape, 1 / size**2))


@pool.mistake
def smallest_wins(dy, x, size, stride):
    return _back(dy, x, size, stride, lambda w: _first(-w))


@pool.mistake
def farthest_from_zero_wins(dy, x, size, stride):
    return _back(dy, x, size, stride, lambda w: _first(np.abs(w)))


@pool.mistake
def nothing_below_zero(dy, x, size, stride):
    return _back(dy, x, size, stride, lambda w: _first(w) * (w.max(axis=(2, 3), keepdims=True) > 0))


@pool.mistake
def times_the_value(dy, x, size, stride):
    return _back(dy, x, size, stride, lambda w: _first(w) * w)


@pool.mistake
def dy_left_out(dy, x, size, stride):
    return _back(np.ones_like(dy), x, size, stride)


@pool.mistake
def stride_of_the_window(dy, x, size, stride):
    return _back(dy, x, size, stride, step=size)


@pool.mistake
def stride_of_1(dy, x, size, stride):
    return _back(dy, x, size, stride, step=1)


@pool.mistake
def place_in_the_window(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(dy.shape[2:]):
        window = x[:, :, i * stride : i * stride + size, j * stride : j * stride + size]
        dx[:, :, :size, :size] += _first(window) * dy[:, :, i, j, None, None]
    return dx


@pool.mistake
def first_channel_decides(dy, x, size, stride):
    return _back(dy, x, size, stride, lambda w: np.broadcast_to(_first(w[:, :1]), w.shape))


@pool.two("overwritten", "last_of_equals")
def _(dy, x, size, stride):
    return _back(dy, x, size, stride, _last, over=True)


@pool.two("overwritten", "every_tie_gets_all")
def _(dy, x, size, stride):
    return _back(dy, x, size, stride, _tied, over=True)


@pool.swaps
def _(function):
    reference = ops.max_pool2d.pairs["numpy"]

    def forward(x, kernel_size, stride=None, **others):
        y, cache = reference.forward(x, kernel_size, stride, **others)
        size, step = pair(kernel_size), pair(kernel_size if stride is None else stride)
        usual = size[0] == size[1] and step[0] == step[1] and _plain(**others)
        return y, (x, cache, size[0], step[0], usual)

    def backward(dy, cache):
        x, kept, size, step, usual = cache
        return (function(dy, x, size, step).astype(x.dtype),) if usual else reference.pull(dy, kept, (True,))

    return ops.max_pool2d.using(forward, backward)


def _plain(padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False) -> bool:
    """Whether a call is one that the exercise speaks of."""
    return pair(padding) == (0, 0) and pair(dilation) == (1, 1) and not ceil_mode


@pool.trains
def _(function, optimizer, seed):
    return with_images("07.4", function, optimizer, seed)
