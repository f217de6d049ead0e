"""01.3: sigmoid and its slope."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

sigmoid = Fill("01.3", "sigmoid_and_slope(x)", returns="y slope", level=1, minutes=7, chained=True)


@sigmoid.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([-1.5, 0.4, 2.0]), note="three numbers")
    yield case(rng.normal(size=(2, 3)), note="a matrix")
    yield case(rng.normal(size=(3, 3)), tags="square", note="a square matrix")
    yield case(np.array([-0.7]), tags="one", note="one number")
    yield case(np.array([-1000.0, -12.0, 9.0, 800.0]), tags="large", note="numbers far from 0")
    yield case(rng.normal(size=(2, 4)).astype(np.float32), tags="float32", note="float32")


@sigmoid.drawn
def _(rng: np.random.Generator) -> Case:
    (x,) = draw.arrays(rng, draw.shape(rng, least=1))
    return case(x * x.dtype.type(draw.one_of(rng, 1, 5, 40, 1000)))


@sigmoid.reference
def _(x):
    y, cache = ops.sigmoid.pairs["numpy"].forward(x)
    return y, ops.sigmoid.pairs["numpy"].pull(np.ones_like(y), cache, (True,))[0]


@sigmoid.worked
def sigmoid_and_slope(x):
    e = np.exp(-np.abs(x))  # never more than 1: it cannot overflow
    y = np.where(x >= 0, 1, e) / (1 + e)  # below 0, both sides of the fraction times exp(x)
    return y, y * (1 - y)


@sigmoid.right
def by_tanh(x):
    t = np.tanh(x / 2)
    return (1 + t) / 2, (1 - t) * (1 + t) / 4


@sigmoid.right
def side_by_side(x):
    y, slope = np.empty_like(x), np.empty_like(x)
    for i in np.ndindex(x.shape):
        e = np.exp(-abs(x[i]))
        y[i] = 1 / (1 + e) if x[i] > 0 else e / (1 + e)
        slope[i] = e / (1 + e) ** 2
    return y, slope


@sigmoid.right
def cut_far_out(x):
    y = 1 / (1 + np.exp(-np.clip(x, -80, 80)))
    return y, y * (1 - y)


@sigmoid.mistake
def slope_from_x(x):
    return 1 / (1 + np.exp(-x)), x * (1 - x)


@sigmoid.mistake
def slope_at_y(x):
    y = 1 / (1 + np.exp(-x))
    again = 1 / (1 + np.exp(-y))
    return y, again * (1 - again)


@sigmoid.mistake
def exponent_without_minus(x):
    y = 1 / (1 + np.exp(x))
    return y, y * (1 - y)


@sigmoid.mistake
def slope_of_tanh(x):
    y = 1 / (1 + np.exp(-x))
    return y, 1 - y**2


@sigmoid.mistake
def tanh_instead(x):
    y = np.tanh(x)
    return y, 1 - y**2


@sigmoid.mistake
def slope_without_y(x):
    y = 1 / (1 + np.exp(-x))
    return y, 1 - y


@sigmoid.mistake
def slope_without_one_minus_y(x):
    y = 1 / (1 + np.exp(-x))
    return y, y


@sigmoid.mistake
def slope_with_plus(x):
    y = 1 / (1 + np.exp(-x))
    return y, y * (1 + y)


@sigmoid.mistake
def overflows_above(x):
    y = np.exp(x) / (1 + np.exp(x))
    return y, y * (1 - y)


@sigmoid.mistake
def slope_overflows(x):
    e = np.exp(-x)
    return 1 / (1 + e), e / (1 + e) ** 2


@sigmoid.mistake
def brackets_missing(x):
    y = 1 / 1 + np.exp(-x)
    return y, y * (1 - y)


@sigmoid.mistake
def slope_between_neighbours(x):
    y = 1 / (1 + np.exp(-x))
    return y, np.gradient(y, axis=-1)


@sigmoid.mistake
def slope_is_y_squared(x):
    y = 1 / (1 + np.exp(-x))
    return y, y**2


@sigmoid.mistake
def slope_mixes_y_and_x(x):
    y = 1 / (1 + np.exp(-x))
    return y, y * (1 - x)


@sigmoid.mistake
def slope_turned(x):
    y = 1 / (1 + np.exp(-x))
    return y, y * (y - 1)


@sigmoid.mistake
def left_side_mirrored(x):
    y = 1 / (1 + np.exp(-np.abs(x)))
    return y, y * (1 - y)


@sigmoid.mistake
def softmax_instead(x):
    y = np.exp(x) / np.exp(x).sum()
    return y, y * (1 - y)


@sigmoid.mistake
def minus_in_the_denominator(x):
    y = 1 / (1 - np.exp(-x))
    return y, y * (1 - y)


@sigmoid.two("exponent_without_minus", "slope_from_x")
def _(x):
    return 1 / (1 + np.exp(x)), x * (1 - x)


@sigmoid.two("exponent_without_minus", "slope_of_tanh")
def _(x):
    y = 1 / (1 + np.exp(x))
    return y, 1 - y**2


@sigmoid.two("overflows_above", "slope_from_x")
def _(x):
    return np.exp(x) / (1 + np.exp(x)), x * (1 - x)


@sigmoid.two("overflows_above", "slope_of_tanh")
def _(x):
    y = np.exp(x) / (1 + np.exp(x))
    return y, 1 - y**2


@sigmoid.two("overflows_above", "slope_without_y")
def _(x):
    y = np.exp(x) / (1 + np.exp(x))
    return y, 1 - y


@sigmoid.two("slope_without_y", "slope_overflows")
def _(x):
    e = np.exp(-x)
    return 1 / (1 + e), e / (1 + e)


@sigmoid.two("slope_turned", "slope_overflows")
def _(x):
    e = np.exp(-x)
    return 1 / (1 + e), -e / (1 + e) ** 2


@sigmoid.swaps
def _(function):
    def backward(dy, slope):
        return (dy * slope,)

    return ops.sigmoid.using(function, backward)  # what it returns is an output and a cache
