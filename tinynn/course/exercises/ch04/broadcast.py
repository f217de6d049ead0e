"""04.3: the backward of a product whose inputs were stretched; 04.5: shapes that find the mistakes in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...engine.kinds import Checker

mul = Fill("04.3", "mul_backward(dz, x, y)", returns="dx dy", level=3, minutes=12)


@mul.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*shapes: tuple[int, ...], dtype: type = np.float64) -> list[np.ndarray]:
        full = np.broadcast_shapes(*shapes)
        return [rng.normal(size=s).astype(dtype) for s in (full, *shapes)]

    tiny = [a.round(1) for a in draw((3, 2), (2,))]
    yield case(*tiny, note="`y` (2,) was used for 3 rows")
    yield case(*draw((4, 3), (4, 1)), note="`y` (4, 1) was used for 3 columns")
    yield case(*draw((1, 3), (4, 3)), note="`x` (1, 3) was used for 4 rows")
    yield case(*draw((2, 3), (2, 3)), note="equal shapes: nothing was stretched")
    yield case(*draw((4, 1), (3,)), note="both are stretched, to (4, 3)")
    yield case(
        *draw((3, 1), (1, 3)), tags="square", note="both are stretched, to (3, 3), from 3 numbers each"
    )
    yield case(*draw((2, 3, 4), (3, 1)), note="`y` (3, 1) was used for 2 blocks and 4 columns")
    yield case(*draw((1, 3, 1), (2, 3, 4)), note="`x` (1, 3, 1) was used for 2 blocks and 4 columns")
    yield case(*draw((2, 2, 2), (1, 1, 2)), note="`y` (1, 1, 2), where every axis is 1 or 2")
    yield case(*draw((3, 3), (3,)), tags="square", note="`y` (3,) was used for 3 rows")
    yield case(*draw((), (2, 3)), note="`x` is a single number, shape ()")
    yield case(*draw((1, 1), (1, 1)), tags="one", note="(1, 1) times (1, 1): an axis of 1 that stays")
    dz, x, y = draw((3, 4), (4,))
    yield case(np.ones_like(dz), x, y, tags="ones", note="an upstream gradient of ones")
    yield case(*draw((2, 5), (2, 1), dtype=np.float32), tags="float32", note="float32")


@mul.drawn
def _(rng: np.random.Generator) -> Case:
    full = draw.shape(rng)
    shapes = [tuple(1 if rng.random() < 0.3 else n for n in full) for _ in range(2)]
    i = int(rng.integers(2))
    shapes[i] = shapes[i][int(rng.integers(len(full) + 1)) :] if rng.random() < 0.5 else shapes[i]
    return case(*draw.arrays(rng, np.broadcast_shapes(*shapes), *shapes))


@mul.reference
def _(dz, x, y):
    dx, dy = ops.mul.pairs["numpy"].pull(dz, (x, y), (True, True))
    return np.asarray(dx), np.asarray(dy)


@mul.worked
def mul_backward(dz, x, y):
    def summed(gradient, shape):
        new = gradient.ndim - len(shape)
        gradient = gradient.sum(axis=tuple(range(new)))  # axes that broadcasting put in front
        for axis, size in enumerate(shape):
            if size == 1:
                gradient = gradient.sum(axis=axis, keepdims=True)  # an axis of 1 that was stretched
        return gradient

    return summed(dz * y, x.shape), summed(dz * x, y.shape)


@mul.right
def by_while(dz, x, y):
    grads = []
    for g, like in ((dz * y, x), (dz * x, y)):
        while g.ndim > like.ndim:
            g = g.sum(0)
        axes = [k for k in range(g.ndim) if like.shape[k] < g.shape[k]]
        grads.append(np.add.reduce(g, tuple(axes), keepdims=True) if axes else g)
    return tuple(grads)


@mul.right
def by_scatter(dz, x, y):
    """Every element of dz finds the elements of x and y that made it, and adds to their gradients."""
    dx, dy = np.zeros_like(x), np.zeros_like(y)
    for index in np.ndindex(dz.shape):
        i, j = _own(index, x.shape), _own(index, y.shape)
        dx[i] += dz[index] * y[j]
        dy[j] += dz[index] * x[i]
    return dx, dy


def _own(index, shape):
    tail = index[len(index) - len(shape) :]
    return tuple(0 if n == 1 else k for k, n in zip(tail, shape))


def _summed(g, shape):
    new = g.ndim - len(shape)
    g = g.sum(axis=tuple(range(new)))
    return g.sum(axis=tuple(k for k, n in enumerate(shape) if n == 1), keepdims=True)


@mul.mistake
def not_summed(dz, x, y):
    return dz * y, dz * x


@mul.mistake
def new_axes_only(dz, x, y):
    def part(g, shape):
        return g.sum(axis=tuple(range(g.ndim - len(shape))))

    return part(dz * y, x.shape), part(dz * x, y.shape)


@mul.mistake
def ones_only(dz, x, y):
    def part(g, shape):
        new = g.ndim - len(shape)
        return g.sum(axis=tuple(new + k for k, n in enumerate(shape) if n == 1), keepdims=True)

    return part(dz * y, x.shape), part(dz * x, y.shape)


@mul.mistake
def axis_of_one_lost(dz, x, y):
    def part(g, shape):
        new = g.ndim - len(shape)
        axes = [new + k for k, n in enumerate(shape) if n == 1]
        return g.sum(axis=(*range(new), *axes))

    return part(dz * y, x.shape), part(dz * x, y.shape)


@mul.mistake
def factors_swapped(dz, x, y):
    full = dz.shape
    return _summed(dz * np.broadcast_to(x, full), x.shape), _summed(dz * np.broadcast_to(y, full), y.shape)


@mul.mistake
def as_for_a_sum(dz, x, y):
    return _summed(dz, x.shape), _summed(dz, y.shape)


@mul.mistake
def averaged(dz, x, y):
    def part(g, shape):
        return (_summed(g, shape) / dz.dtype.type(g.size // max(1, int(np.prod(shape))))).astype(dz.dtype)

    return part(dz * y, x.shape), part(dz * x, y.shape)


@mul.mistake
def only_dy_summed(dz, x, y):
    return dz * y, _summed(dz * x, y.shape)


@mul.mistake
def first_copy_only(dz, x, y):
    def part(g, shape):
        g = g[(0,) * (g.ndim - len(shape))]
        return g[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]

    return part(dz * y, x.shape), part(dz * x, y.shape)


@mul.mistake
def always_axis_0(dz, x, y):
    def part(g, shape):
        return g if g.shape == shape else g.sum(axis=0)

    return part(dz * y, x.shape), part(dz * x, y.shape)


@mul.mistake
def axis_0_in_any_case(dz, x, y):
    return (dz * y).sum(axis=0), (dz * x).sum(axis=0)


@mul.mistake
def forgot_dz(dz, x, y):
    full = dz.shape
    return _summed(np.broadcast_to(y, full), x.shape), _summed(np.broadcast_to(x, full), y.shape)


@mul.mistake
def summed_before_the_product(dz, x, y):
    return _summed(dz, x.shape) * y, _summed(dz, y.shape) * x


@mul.mistake
def returned_swapped(dz, x, y):
    return _summed(dz * x, y.shape), _summed(dz * y, x.shape)


@mul.mistake
def always_the_last_axis(dz, x, y):
    def part(g, shape):
        return g if g.shape == shape else g.sum(axis=-1, keepdims=True)

    return part(dz * y, x.shape), part(dz * x, y.shape)


@mul.mistake
def summed_to_numbers(dz, x, y):
    return (dz * y).sum(), (dz * x).sum()


@mul.mistake
def both_when_one_differs(dz, x, y):
    if x.shape == y.shape:
        return dz * y, dz * x
    return (dz * y).sum(axis=0), (dz * x).sum(axis=0)


@mul.two("not_summed", "factors_swapped")
def _(dz, x, y):
    return dz * x, dz * y


@mul.two("as_for_a_sum", "not_summed")
def _(dz, x, y):
    return dz.copy(), dz.copy()


@mul.two("factors_swapped", "only_dy_summed")
def _(dz, x, y):
    return dz * x, _summed(dz * y, y.shape)


@mul.two("new_axes_only", "only_dy_summed")
def _(dz, x, y):
    return dz * y, (dz * x).sum(axis=tuple(range(dz.ndim - y.ndim)))


@mul.swaps
def _(function):
    def forward(x, y):
        return x * y, (x, y)

    return ops.mul.using(forward, lambda dz, cache: function(dz, *cache))


check_broadcast = Checker(
    "04.5",
    "inputs_for_mul",
    of=mul,
    wrong=(
        "not_summed",
        "new_axes_only",
        "ones_only",
        "axis_of_one_lost",
        "factors_swapped",
        "as_for_a_sum",
        "averaged",
        "only_dy_summed",
        "always_axis_0",
        "forgot_dz",
    ),
    at_most=3,
    needed=1.0,
    level=2,
    minutes=8,
)


@check_broadcast.worked
def inputs_for_mul():
    rng = np.random.default_rng(0)

    def draw(x_shape, y_shape):
        full = np.broadcast_shapes(x_shape, y_shape)
        return rng.normal(size=full), rng.normal(size=x_shape), rng.normal(size=y_shape)

    return [draw((4, 1), (3,)), draw((2, 3, 4), (3, 1))]
