"""04.4: an op of one's own: the backward of log(1 + exp(x))."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

softplus = Fill("04.4", "softplus_backward(dy, x)", returns="dx", level=2, minutes=8)


@softplus.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([2.0, -0.5, 3.0]), np.array([0.0, 1.0, -2.0]), note="three numbers")
    yield case(rng.normal(size=(2, 4)), rng.normal(size=(2, 4)), note="2 rows of 4")
    yield case(np.ones((3, 2)), rng.normal(size=(3, 2)), tags="ones", note="an upstream gradient of ones")
    large = np.array([[1000.0, -1000.0], [-30.0, 750.0]])
    yield case(np.array([[0.5, 2.0], [-1.5, -3.0]]), large, tags="large", note="x in the hundreds")
    mixed = np.array([0.3, 900.0, -0.8, -2000.0])
    yield case(np.array([1.5, -2.0, 0.7, 3.0]), mixed, tags="large", note="large numbers beside small ones")
    first = np.array([60.0, 0.4, -0.9])
    yield case(np.array([2.0, -1.0, 0.5]), first, tags="large", note="a large number in front")
    yield case(np.array([-2.0]), np.array([0.7]), tags="one", note="a single number")
    dy, x = rng.normal(size=(2, 3, 2)).astype(np.float32)
    yield case(dy, x, tags="float32", note="float32")


@softplus.drawn
def _(rng: np.random.Generator) -> Case:
    dy, x = draw.arrays(rng, *[draw.shape(rng, least=1)] * 2)
    return case(dy, x * x.dtype.type(draw.one_of(rng, 1, 1, 10, 1000)))


@softplus.reference
def _(dy, x):
    return ops.softplus.pairs["numpy"].pull(dy, x, (True,))[0]


@softplus.worked
def softplus_backward(dy, x):
    e = np.exp(-np.abs(x))  # between 0 and 1: cannot overflow
    return dy * np.where(x >= 0, 1, e) / (1 + e)  # dy times 1 / (1 + exp(-x)), written for both signs


@softplus.right
def by_tanh(dy, x):
    return dy * (0.5 + 0.5 * np.tanh(0.5 * x))


@softplus.right
def by_logaddexp(dy, x):
    return dy * np.exp(x - np.logaddexp(0, x)).astype(x.dtype)


@softplus.right
def clipped(dy, x):
    return dy / (1 + np.exp(-np.clip(x, -80, 80)))


def _s(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


@softplus.mistake
def overflows(dy, x):
    return dy * np.exp(x) / (1 + np.exp(x))


@softplus.mistake
def forgot_dy(dy, x):
    return _s(x)


@softplus.mistake
def slope_of_the_sigmoid(dy, x):
    return dy * _s(x) * (1 - _s(x))


@softplus.mistake
def slope_of_relu(dy, x):
    return dy * (x > 0)


@softplus.mistake
def at_the_output(dy, x):
    return dy * _s(np.logaddexp(0, x).astype(x.dtype))


@softplus.mistake
def forward_again(dy, x):
    return dy * np.logaddexp(0, x).astype(x.dtype)


@softplus.mistake
def inner_slope_missing(dy, x):
    return dy * _s(-x)


@softplus.mistake
def exp_only(dy, x):
    return dy * np.exp(x)


@softplus.two("overflows", "slope_of_the_sigmoid")
def _(dy, x):
    return dy * np.exp(x) / (1 + np.exp(x)) ** 2


@softplus.two("overflows", "forward_again")
def _(dy, x):
    return dy * np.log(1 + np.exp(x))


@softplus.two("overflows", "forgot_dy")
def _(dy, x):
    return np.exp(x) / (1 + np.exp(x))


@softplus.two("forgot_dy", "slope_of_the_sigmoid")
def _(dy, x):
    return _s(x) * (1 - _s(x))


@softplus.two("forgot_dy", "inner_slope_missing")
def _(dy, x):
    return _s(-x)


@softplus.swaps
def _(function):
    def forward(x):
        return np.logaddexp(0, x).astype(x.dtype), x

    return ops.softplus.using(forward, lambda dy, x: (function(dy, x),))
