"""01.4: leaky relu and its slope."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

leaky = Fill("01.4", "leaky_relu_and_slope(x, a)", returns="y slope", level=1, minutes=6, chained=True)


@leaky.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([-2.0, 0.5, 3.0]), 0.1, note="a small slope on the left")
    yield case(np.array([-1.5, 0.0, 2.0]), 0.25, note="with a 0 among the numbers")
    yield case(rng.normal(size=(2, 3)), 0.0, note="a = 0, which is relu")
    yield case(rng.normal(size=(3, 2)), 1.5, note="steeper on the left than on the right")
    yield case(rng.normal(size=(2, 4)), -0.5, note="a below 0: the left side rises again")
    yield case(np.array([-0.8]), 0.3, tags="one", note="one number")
    yield case(rng.normal(size=(3, 4)).astype(np.float32), 0.2, tags="float32", note="float32")


@leaky.drawn
def _(rng: np.random.Generator) -> Case:
    any_number = float(rng.normal()), float(rng.uniform(1, 30))
    a = draw.one_of(rng, 0.01, 0.0, 0, 1.0, 2, 1e-3, 0.5, -1.0, *any_number)
    return case(*draw.arrays(rng, draw.shape(rng, least=1)), a)


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


@leaky.mistake
def slope_a_everywhere(x, a):
    return np.where(x > 0, x, a * x), np.full_like(x, a)


@leaky.mistake
def slope_1_everywhere(x, a):
    return np.where(x > 0, x, a * x), np.ones_like(x)


@leaky.mistake
def slope_a_x_on_the_left(x, a):
    return np.where(x > 0, x, a * x), np.where(x > 0, 1, a * x).astype(x.dtype)


@leaky.mistake
def everything_times_a(x, a):
    return np.maximum(a * x, 0), np.where(x > 0, a, 0).astype(x.dtype)


@leaky.mistake
def slope_is_a_mask(x, a):
    return np.where(x > 0, x, a * x), x > 0


@leaky.mistake
def slope_by_sign(x, a):
    return np.where(x > 0, x, a * x), np.sign(x)


@leaky.mistake
def value_over_x(x, a):
    y = np.where(x > 0, x, a * x)
    return y, y / x


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
