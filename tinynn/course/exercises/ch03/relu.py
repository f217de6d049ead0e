"""03.2: the gradient of relu."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

relu = Fill("03.2", "relu_backward(dy, x)", returns="dx", level=1, minutes=4)


@relu.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    x = np.array([[-1.5, 0.5, 2.0], [0.3, -0.2, -4.0]])
    dy = np.array([[2.0, -3.0, 0.5], [1.5, -0.7, 0.4]])
    yield case(dy, x, note="2 rows of 3")
    x = rng.normal(size=(3, 4)).round(1)
    x[0, 1] = x[2, 0] = x[2, 3] = 0
    yield case(rng.normal(size=(3, 4)), x, note="some of `x` exactly 0")
    yield case(np.ones((4, 3)), rng.normal(size=(4, 3)), tags="ones", note="an upstream gradient of ones")
    yield case(rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4)), note="three axes")
    yield case(np.array([-2.0]), np.array([3.0]), tags="one", note="a single number")
    x = np.array([[1e-5, -1e-5, 1e8], [-1e8, 3e-4, -3e-4]])
    yield case(rng.normal(size=(2, 3)), x, note="numbers very near 0 and very far from it")
    dy, x = rng.normal(size=(2, 5, 2)).astype(np.float32)
    yield case(dy, x, tags="float32", note="float32")


@relu.drawn
def _(rng: np.random.Generator) -> Case:
    return case(*draw.arrays(rng, *[draw.shape(rng, least=1)] * 2))


@relu.reference
def _(dy, x):
    y, cache = ops.relu.pairs["numpy"].forward(x)
    return ops.relu.pairs["numpy"].pull(dy, cache, (True,))[0]


@relu.worked
def relu_backward(dy, x):
    return dy * (x > 0)  # the slope is 1 where x > 0, else 0


@relu.right
def by_where(dy, x):
    return np.where(x > 0, dy, 0)


@relu.right
def by_assignment(dy, x):
    dx = dy.copy()
    dx[x <= 0] = 0
    return dx


@relu.right
def mask_of_the_output(dy, x):
    return dy * np.sign(np.maximum(x, 0))


@relu.mistake
def mask_of_dy(dy, x):
    return dy * (dy > 0)


@relu.mistake
def slope_at_zero(dy, x):
    return dy * (x >= 0)


@relu.mistake
def forgot_dy(dy, x):
    return (x > 0).astype(dy.dtype)


@relu.mistake
def times_the_output(dy, x):
    return dy * np.maximum(x, 0)


@relu.mistake
def passed_through(dy, x):
    return dy.copy()


@relu.mistake
def mask_flipped(dy, x):
    return dy * (x < 0)


@relu.mistake
def leaky(dy, x):
    return np.where(x > 0, dy, dy.dtype.type(0.01) * dy)


@relu.mistake
def masked_twice(dy, x):
    return np.maximum(dy, 0) * (x > 0)


@relu.mistake
def relu_of_x(dy, x):
    return np.maximum(x, 0)


@relu.mistake
def sign_of_x(dy, x):
    return dy * np.sign(x)


@relu.mistake
def times_x(dy, x):
    return dy * x


@relu.mistake
def others_dropped(dy, x):
    return dy[x > 0]


@relu.two("slope_at_zero", "forgot_dy")
def _(dy, x):
    return (x >= 0).astype(dy.dtype)


@relu.two("slope_at_zero", "leaky")
def _(dy, x):
    return np.where(x >= 0, dy, dy.dtype.type(0.01) * dy)


@relu.two("slope_at_zero", "masked_twice")
def _(dy, x):
    return np.maximum(dy, 0) * (x >= 0)


@relu.two("forgot_dy", "mask_flipped")
def _(dy, x):
    return (x < 0).astype(dy.dtype)


@relu.swaps
def _(function):
    def forward(x):
        return np.maximum(x, 0), x

    return ops.relu.using(forward, lambda dy, x: (function(dy, x),))
