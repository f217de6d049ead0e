"""01.3 and 01.4: activations and their slopes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine.exercise import Case, Fill, case

# -- 01.3: sigmoid ------------------------------------------------------------------------------------------

sigmoid = Fill("01.3", "sigmoid_and_slope(x)", returns="y slope", level=1, minutes=7)


@sigmoid.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([-1.5, 0.4, 2.0]), note="three numbers")
    yield case(rng.normal(size=(2, 3)), note="a matrix")
    yield case(rng.normal(size=(3, 3)), tags="square", note="a square matrix")
    yield case(np.array([-0.7]), tags="one", note="one number")
    yield case(np.array([-1000.0, -12.0, 9.0, 800.0]), tags="large", note="numbers far from 0")
    yield case(rng.normal(size=(2, 4)).astype(np.float32), tags="float32", note="float32")


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


@sigmoid.swaps
def _(function):
    def backward(dy, slope):
        return (dy * slope,)

    return ops.sigmoid.using(function, backward)  # what it returns is an output and a cache


# -- 01.4: leaky relu ---------------------------------------------------------------------------------------

leaky = Fill("01.4", "leaky_relu_and_slope(x, a)", returns="y slope", level=1, minutes=6)


@leaky.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([-2.0, 0.5, 3.0]), 0.1, note="a small slope on the left")
    yield case(np.array([-1.5, 0.0, 2.0]), 0.25, note="with a 0 among the numbers")
    yield case(rng.normal(size=(2, 3)), 0.0, note="a = 0, which is relu")
    yield case(rng.normal(size=(3, 2)), 1.5, note="steeper on the left than on the right")
    yield case(rng.normal(size=(2, 4)), -0.5, note="a below 0: the left side rises again")
    yield case(np.array([-0.8]), 0.3, tags="one", note="one number")
    yield case(rng.normal(size=(3, 4)).astype(np.float32), 0.2, tags="float32", note="float32")


@leaky.reference
def _(x, a):
    y, cache = ops.leaky_relu.pairs["numpy"].forward(x, negative_slope=a)
    return y, ops.leaky_relu.pairs["numpy"].pull(np.ones_like(y), cache, (True,))[0]


@leaky.worked
def leaky_relu_and_slope(x, a):
    slope = np.where(x > 0, 1, a).astype(x.dtype)  # one for each element of x
    return slope * x, slope


@leaky.right
def in_two_halves(x, a):
    y = np.maximum(x, 0) + a * np.minimum(x, 0)
    return y, (x > 0) + a * (x <= 0).astype(x.dtype)


@leaky.right
def by_mask(x, a):
    y, slope = x.copy(), np.ones_like(x)
    y[x <= 0] *= a
    slope[x <= 0] = a
    return y, slope


@leaky.mistake
def slope_0_on_the_left(x, a):
    return np.where(x > 0, x, a * x), (x > 0).astype(x.dtype)


@leaky.mistake
def plain_relu(x, a):
    return np.maximum(x, 0), (x > 0).astype(x.dtype)


@leaky.mistake
def slope_1_at_0(x, a):
    return np.where(x >= 0, x, a * x), np.where(x >= 0, 1, a).astype(x.dtype)


@leaky.mistake
def larger_of_two(x, a):
    return np.maximum(x, a * x), np.where(x > 0, 1, a).astype(x.dtype)


@leaky.mistake
def mask_from_y(x, a):
    y = np.where(x > 0, x, a * x)
    return y, np.where(y > 0, 1, a).astype(x.dtype)


@leaky.mistake
def slope_is_y(x, a):
    y = np.where(x > 0, x, a * x)
    return y, y


@leaky.mistake
def minus_a(x, a):
    return np.where(x > 0, x, -a * x), np.where(x > 0, 1, -a).astype(x.dtype)


@leaky.mistake
def sides_swapped(x, a):
    return np.where(x > 0, a * x, x), np.where(x > 0, a, 1).astype(x.dtype)


@leaky.mistake
def a_instead_of_a_times_x(x, a):
    return np.where(x > 0, x, a).astype(x.dtype), np.where(x > 0, 1, 0).astype(x.dtype)


@leaky.mistake
def input_overwritten(x, a):
    y = x
    y[x < 0] *= a
    return y, np.where(x > 0, 1, a).astype(x.dtype)


@leaky.mistake
def one_question_for_all(x, a):
    return (x, np.ones_like(x)) if x > 0 else (a * x, np.full_like(x, a))


@leaky.two("larger_of_two", "slope_0_on_the_left")
def _(x, a):
    return np.maximum(x, a * x), (x > 0).astype(x.dtype)


@leaky.two("slope_1_at_0", "slope_0_on_the_left")
def _(x, a):
    return np.where(x >= 0, x, a * x), (x >= 0).astype(x.dtype)


@leaky.two("larger_of_two", "mask_from_y")
def _(x, a):
    y = np.maximum(x, a * x)
    return y, np.where(y > 0, 1, a).astype(x.dtype)


@leaky.swaps
def _(function):
    def forward(x):
        return function(x, 0.0)

    def backward(dy, slope):
        return (dy * slope,)

    return ops.relu.using(forward, backward)
