"""17.1: two states of an online softmax, merged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case

merged = Fill(
    "17.1", "merge(m1, l1, m2, l2)", returns="m l", level=2, minutes=7, dtype_matters=False, chained=True
)


def states(*pairs: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """(m, l) of several rows."""
    m, total = np.array(pairs, float).T.copy()
    return m, total


EMPTY = (-np.inf, 0.0)


@merged.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(*states((1, 1.5), (3, 2)), *states((2, 1.25), (1, 4)), note="two rows")
    yield case(*states((2, 1.5), (0, 1)), *states((2, 2.5), (0, 1)), note="equal maxima")
    yield case(*states((1, 1.5), EMPTY), *states(EMPTY, (2, 3)), note="one of the two is empty")
    yield case(*states(EMPTY, (1, 2)), *states(EMPTY, (0, 1)), note="in the first row both are empty")
    yield case(*states((900, 2), (-900, 3)), *states((899, 2), (-901, 1)), tags="large", note="far from 0")
    yield case(*states((3, 7)), *states((-2, 9)), tags="one", note="one row")
    m, total = rng.normal(size=(2, 2, 3)), 1 + rng.exponential(size=(2, 2, 3))
    yield case(m[0], total[0], m[1], total[1], note="2 x 3 rows")


@merged.drawn
def _(rng: np.random.Generator) -> Case:
    shape = (draw.size(rng, most=30),) if rng.random() < 0.7 else tuple(draw.sizes(rng, 2, most=8))
    parts: list[np.ndarray] = []
    for _ in range(2):
        m = draw.one_of(rng, 1.0, 3.0, 300.0) * rng.normal(size=shape)
        empty = rng.random(shape) < draw.one_of(rng, 0.0, 0.3)
        parts += [np.where(empty, -np.inf, m), np.where(empty, 0.0, 1 + rng.exponential(size=shape))]
    return case(*parts)


@merged.reference
def _(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    total = np.zeros(m.shape)
    for part, sums in ((m1, l1), (m2, l2)):
        full = part > -np.inf
        total[full] += sums[full] * np.exp(part[full] - m[full])
    return m, total


@merged.worked
def merge(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    around = np.where(m == -np.inf, 0, m)  # both empty: -inf - -inf would be NaN, and exp(-inf - 0) is 0
    return m, l1 * np.exp(m1 - around) + l2 * np.exp(m2 - around)


@merged.right
def row_by_row(m1, l1, m2, l2):
    m, total = np.empty(m1.shape), np.empty(m1.shape)
    for i in np.ndindex(m1.shape):
        m[i], total[i] = max(m1[i], m2[i]), 0
        for part, some in ((m1[i], l1[i]), (m2[i], l2[i])):
            if some > 0:
                total[i] += some * np.exp(part - m[i])
    return m, total


@merged.right
def the_lower_one_shrinks(m1, l1, m2, l2):
    higher, lower = np.where(m1 >= m2, m1, m2), np.where(m1 >= m2, m2, m1)
    kept, added = np.where(m1 >= m2, l1, l2), np.where(m1 >= m2, l2, l1)
    factor = np.exp(lower - np.where(np.isinf(higher), 0.0, higher))
    return higher, kept + factor * added


# -- mistakes ------------------------------------------------------------------------------------------------


def shrunk(part, m):
    """e^(part - m), and 0 for an empty part."""
    return np.exp(part - np.where(m == -np.inf, 0, m))


@merged.mistake
def both_empty_not_a_number(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    return m, l1 * np.exp(m1 - m) + l2 * np.exp(m2 - m)


@merged.mistake
def sums_added(m1, l1, m2, l2):
    return np.maximum(m1, m2), l1 + l2


@merged.mistake
def factors_swapped(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    return m, l1 * shrunk(m2, m) + l2 * shrunk(m1, m)


@merged.mistake
def second_not_shrunk(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    return m, l1 * shrunk(m1, m) + l2


@merged.mistake
def first_not_shrunk(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    return m, l1 + l2 * shrunk(m2, m)


@merged.mistake
def smaller_of_the_maxima(m1, l1, m2, l2):
    m = np.minimum(m1, m2)
    return m, l1 * shrunk(m1, m) + l2 * shrunk(m2, m)


@merged.mistake
def first_maximum_kept(m1, l1, m2, l2):
    return m1, l1 + l2 * np.exp(m2 - np.where(m1 == -np.inf, 0, m1))


@merged.mistake
def exp_overflows(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    return m, (l1 * np.exp(m1) + l2 * np.exp(m2)) / np.exp(np.where(m == -np.inf, 0, m))


@merged.mistake
def empty_with_maximum_0(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    m = np.where(m == -np.inf, 0, m)
    return m, l1 * np.exp(m1 - m) + l2 * np.exp(m2 - m)


@merged.mistake
def difference_without_exp(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    around = np.where(m == -np.inf, 0, m)
    return m, l1 * np.where(m1 == -np.inf, 0, m1 - around) + l2 * np.where(m2 == -np.inf, 0, m2 - around)


@merged.mistake
def logarithm_returned(m1, l1, m2, l2):
    m = np.maximum(m1, m2)
    total = l1 * shrunk(m1, m) + l2 * shrunk(m2, m)
    return m, np.log(np.maximum(total, 1e-300))
