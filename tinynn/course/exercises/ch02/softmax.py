"""02.3: softmax."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

probabilities = Fill("02.3", "softmax(x)", returns="p", level=2, minutes=8)


@probabilities.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([[0.0, 1.0, 3.0], [2.0, -1.0, 0.5]]), note="2 rows of 3")
    yield case(rng.normal(size=4), tags="one", note="one row, with no other axis")
    yield case(rng.normal(size=(3, 3)), tags="square", note="3 rows of 3")
    yield case(rng.normal(size=(2, 3, 4)), note="three axes")
    yield case(np.array([[1000.0, 1001.5, 999.0], [800.0, 802.0, 803.0]]), tags="large", note="large numbers")
    apart = np.array([[1000.0, 1001.0, 999.5], [0.0, 1.0, -0.5]])
    yield case(apart, tags="large", note="a row of large numbers above a row of small ones")
    below = np.array([[-1000.0, -1001.5, -999.0], [-800.0, -802.0, -803.0]])
    yield case(below, tags="large", note="numbers far below 0")
    wide = np.array([[0.0, 1000.0, 3.0], [0.0, 2000.0, 3.0]])
    yield case(wide, tags="large", note="one number far above the others")
    yield case(rng.normal(size=(3, 5)).astype(np.float32), tags="float32", note="float32")


@probabilities.drawn
def _(rng: np.random.Generator) -> Case:
    kind = draw.dtype(rng)
    x = draw.scores(rng, draw.shape(rng, least=1), 150.0 if kind == np.float32 else 2000.0)
    return case(draw.laid(rng, x.astype(kind)))


@probabilities.reference
def _(x):
    return ops.softmax.pairs["numpy"].forward(x)[0]


@probabilities.worked
def softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)  # (..., K) - (..., 1): the largest of each row is 0
    e = np.exp(shifted)  # from 0 to 1: it cannot overflow
    return e / e.sum(axis=-1, keepdims=True)  # (..., K) / (..., 1)


@probabilities.right
def through_the_logarithm(x):
    return np.exp(x - np.logaddexp.reduce(x, axis=-1, keepdims=True))


@probabilities.right
def row_by_row(x):
    p = np.empty_like(x)
    for i in np.ndindex(x.shape[:-1]):
        e = np.array([np.exp(v - max(x[i])) for v in x[i]])
        p[i] = e / sum(e)
    return p


@probabilities.right
def by_differences(x):
    d = x[..., None, :] - x[..., :, None]  # (..., K, K): x_j - x_i
    return 1 / np.exp(d).sum(axis=-1)  # 1 over infinity is 0, as it should be


@probabilities.mistake
def no_max(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def max_over_all(x):
    e = np.exp(x - x.max())
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def sum_over_all(x):
    e = np.exp(x - x.max())
    return e / e.sum()


@probabilities.mistake
def axis_0(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


@probabilities.mistake
def axis_1(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@probabilities.mistake
def max_over_axis_0(x):
    e = np.exp(x - x.max(axis=0, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def sum_over_axis_0(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


@probabilities.mistake
def axis_lost(x):
    e = np.exp(x - x.max(axis=-1))
    return e / e.sum(axis=-1)


@probabilities.mistake
def axis_lost_in_the_sum(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1)


@probabilities.mistake
def axis_lost_in_the_max(x):
    e = np.exp(x - x.max(axis=-1))
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def not_divided(x):
    return np.exp(x - x.max(axis=-1, keepdims=True))


@probabilities.mistake
def exp_alone(x):
    return np.exp(x)


@probabilities.mistake
def no_exp(x):
    return x / x.sum(axis=-1, keepdims=True)


@probabilities.mistake
def denominator_not_shifted(x):
    return np.exp(x - x.max(axis=-1, keepdims=True)) / np.exp(x).sum(axis=-1, keepdims=True)


@probabilities.mistake
def divided_by_max(x):
    e = np.exp(x / x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def min_subtracted(x):
    e = np.exp(x - x.min(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def mean_subtracted(x):
    e = np.exp(x - x.mean(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def largest_magnitude_subtracted(x):
    e = np.exp(x - np.abs(x).max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def cut_off(x):
    e = np.exp(np.clip(x, -500, 500))
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def cut_off_above(x):
    e = np.exp(np.minimum(x, 700))
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def max_minus_x(x):
    e = np.exp(x.max(axis=-1, keepdims=True) - x)
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def minus_in_the_exponent(x):
    e = np.exp(x.min(axis=-1, keepdims=True) - x)
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def power_of_two(x):
    e = np.exp2(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.mistake
def each_on_its_own(x):
    return 1 / (1 + np.exp(-x))


@probabilities.mistake
def logarithm_returned(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@probabilities.mistake
def winner_takes_all(x):
    return (x == x.max(axis=-1, keepdims=True)).astype(x.dtype)


@probabilities.mistake
def first_axis_looped(x):
    return np.array([np.exp(row - row.max()) / np.exp(row - row.max()).sum() for row in x])


@probabilities.mistake
def divided_by_length(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / np.linalg.norm(e, axis=-1, keepdims=True)


@probabilities.two("no_max", "axis_0")
def _(x):
    e = np.exp(x)
    return e / e.sum(axis=0, keepdims=True)


@probabilities.two("no_max", "axis_1")
def _(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


@probabilities.two("no_max", "sum_over_all")
def _(x):
    e = np.exp(x)
    return e / e.sum()


@probabilities.two("no_max", "axis_lost_in_the_sum")
def _(x):
    e = np.exp(x)
    return e / e.sum(axis=-1)


@probabilities.two("no_max", "power_of_two")
def _(x):
    return 2**x / (2**x).sum(axis=-1, keepdims=True)


@probabilities.two("no_max", "minus_in_the_exponent")
def _(x):
    e = np.exp(-x)
    return e / e.sum(axis=-1, keepdims=True)


@probabilities.two("max_over_all", "axis_1")
def _(x):
    e = np.exp(x - x.max())
    return e / e.sum(axis=1, keepdims=True)


@probabilities.two("max_over_all", "axis_0")
def _(x):
    e = np.exp(x - x.max())
    return e / e.sum(axis=0, keepdims=True)


@probabilities.swaps
def _(function):
    """In the place of log_softmax, which cross-entropy is made of: its backward reads these probabilities."""

    def forward(x, axis=-1):
        p = np.moveaxis(function(np.moveaxis(x, axis, -1)), -1, axis)
        return np.log(np.maximum(p, np.finfo(p.dtype).tiny)), (p, axis)

    def backward(dy, cache):
        p, axis = cache
        return (dy - p * dy.sum(axis=axis, keepdims=True),)

    return ops.log_softmax.using(forward, backward)
