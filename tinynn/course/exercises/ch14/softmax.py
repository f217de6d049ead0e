"""14.3: softmax, a row read once."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.compiled import Compiled
from ...engine.exercise import Case, case
from ..ch02.softmax import probabilities

fused = Compiled("14.3", "softmax(x)", returns="p", level=2, minutes=8)

f = np.float32


@fused.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(f)

    yield case(np.array([[0, 1, 3], [2, -1, 0.5]], f), tags="float32", note="2 rows of 3")
    yield case(draw(3, 3), tags="float32 square", note="3 rows of 3")
    yield case(draw(1, 5), tags="float32 one", note="a single row")
    yield case(draw(4, 1), tags="float32", note="rows of one number")
    falling = np.array([[9, 1, 3], [2, -1, 0.5], [-4, -6, -5]], f)
    yield case(falling, tags="float32", note="each row smaller than the one above")
    large = np.array([[100, 101.5, 99], [80, 82, 83]], f)
    yield case(large, tags="float32 large", note="large numbers")
    yield case(-large - 10, tags="float32 large", note="numbers far below 0")
    apart = np.array([[100, 101, 99.5], [0, 1, -0.5]], f)
    yield case(apart, tags="float32 large", note="a row of large numbers above a row of small ones")
    yield case(draw(6, 20), tags="float32", note="6 rows of 20")


@fused.drawn
def _(rng: np.random.Generator) -> Case:
    rows, columns = draw.sizes(rng, 2, most=20)
    return case(draw.laid(rng, draw.scores(rng, (rows, columns), 150.0).astype(f)))


@fused.at_work
def _(rng: np.random.Generator) -> Case:
    return case(rng.standard_normal((50, 30), dtype=f))


@fused.reference
def _(x):
    return ops.softmax.pairs["numpy"].forward(x)[0]


@fused.worked
def softmax(x):
    p = np.empty_like(x)
    for i in range(x.shape[0]):
        largest = x[i, 0]
        for j in range(x.shape[1]):
            largest = max(largest, x[i, j])
        total = np.float32(0)  # 0.0 would be a float64, and the sum with it
        for j in range(x.shape[1]):
            p[i, j] = exp(x[i, j] - largest)
            total += p[i, j]
        for j in range(x.shape[1]):
            p[i, j] /= total
    return p


@fused.right
def by_rows_of_numpy(x):
    p = np.empty_like(x)
    for i in range(len(x)):
        e = np.exp(x[i] - x[i].max())
        p[i] = e / e.sum()
    return p


@fused.right
def online(x):
    """Largest and sum in one walk: the sum is scaled down whenever a larger number comes."""
    p = np.empty_like(x)
    for i in range(x.shape[0]):
        largest, total = x[i, 0], np.float32(0)
        for j in range(x.shape[1]):
            if x[i, j] > largest:
                total *= np.float32(exp(largest - x[i, j]))
                largest = x[i, j]
            total += np.float32(exp(x[i, j] - largest))
        for j in range(x.shape[1]):
            p[i, j] = np.float32(exp(x[i, j] - largest)) / total
    return p


# -- mistakes ------------------------------------------------------------------------------------------------


def _rows(x, largest=None, first=0, divided=True):
    """Row by row; `largest` gives what is subtracted in row i, `first` is where the sum begins."""
    p = np.empty_like(x)
    for i, row in enumerate(x):
        e = np.exp(row - (row.max() if largest is None else largest(i)))
        p[i] = e / e[first:].sum() if divided else e
    return p


@fused.mistake
def no_max(x):
    return _rows(x, lambda i: f(0))


@fused.mistake
def largest_of_the_rows_above(x):
    return _rows(x, lambda i: x[: i + 1].max())


@fused.mistake
def largest_of_all(x):
    return _rows(x, lambda i: x.max())


@fused.mistake
def largest_starts_at_0(x):
    return _rows(x, lambda i: max(f(0), x[i].max()))


@fused.mistake
def smallest_subtracted(x):
    return _rows(x, lambda i: x[i].min())


@fused.mistake
def first_subtracted(x):
    return _rows(x, lambda i: x[i, 0])


@fused.mistake
def not_divided(x):
    return _rows(x, divided=False)


@fused.mistake
def total_not_reset(x):
    e = _rows(x, divided=False)
    return e / e.sum(1, keepdims=True).cumsum(0)


@fused.mistake
def divided_too_early(x):
    e = _rows(x, divided=False)
    return e / e.cumsum(1)


@fused.mistake
def first_column_not_summed(x):
    return _rows(x, first=1)


@fused.mistake
def total_from_1(x):
    e = _rows(x, divided=False)
    return e / (1 + e.sum(1, keepdims=True))


@fused.mistake
def last_row_missing(x):
    p = _rows(x)
    p[-1] = 0
    return p


@fused.mistake
def along_the_columns(x):
    return np.ascontiguousarray(_rows(x.T).T)


@fused.mistake
def power_of_two(x):
    e = np.exp2(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@fused.mistake
def logarithm_returned(x):
    return np.log(_rows(x))


@fused.two("no_max", "not_divided")
def _(x):
    return np.exp(x)


@fused.two("no_max", "along_the_columns")
def _(x):
    e = np.exp(x)
    return e / e.sum(0)


assert probabilities.swap is not None


@fused.swaps
def _(function):
    """As 02.3: in the place of log_softmax, which cross-entropy is made of."""

    def by_rows(x):
        flat = np.ascontiguousarray(x.reshape(-1, x.shape[-1]), f)
        return function(flat).reshape(x.shape).astype(x.dtype, copy=False)

    return probabilities.swap(by_rows)  # type: ignore[misc]
