"""14.4: a sum in parts, each for a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...engine import draw
from ...engine.compiled import Compiled
from ...engine.exercise import Case, case

prange = range
"""Numba's, where an answer is compiled; in plain Python it is this."""

partial = Compiled(
    "14.4", "partial_sums(x, parts)", returns="sums", level=2, minutes=9, tolerance=1e-6, parallel=True
)


@partial.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 2, note="6 numbers in 2 blocks")
    yield case(np.arange(1.0, 8.0), 3, note="7 numbers in 3 blocks")
    yield case(np.arange(1.0, 12.0) ** 2, 4, note="11 numbers in 4 blocks")
    yield case(rng.random(5), 1, tags="one", note="a single block")
    yield case(np.array([3.0, 4.0]), 5, note="more blocks than numbers")
    yield case(rng.random(13).astype(np.float32), 4, tags="float32", note="float32")


@partial.drawn
def _(rng: np.random.Generator) -> Case:
    n, parts = draw.size(rng, most=60), draw.size(rng, most=9)
    (x,) = draw.arrays(rng, (n,), kinds="whole above below")
    return case(x, parts)


@partial.at_work
def _(rng: np.random.Generator) -> Case:
    return case(rng.random(41, dtype=np.float32), 4)


def blocks(n: int, parts: int) -> Iterator[tuple[int, int]]:
    return ((p * n // parts, (p + 1) * n // parts) for p in range(parts))


def summed(x: np.ndarray, parts: int, bounds: Callable = blocks) -> np.ndarray:
    """The sums of blocks with these bounds."""
    return np.array([x[lo:hi].sum() for lo, hi in bounds(len(x), parts)], x.dtype)


@partial.reference
def _(x, parts):
    return summed(x, parts)


@partial.worked
def partial_sums(x, parts):
    n = len(x)
    sums = np.zeros(parts, x.dtype)
    for p in prange(parts):  # each round may run in a thread of its own
        total = x.dtype.type(0)  # this round's own
        for i in range(p * n // parts, (p + 1) * n // parts):
            total += x[i]
        sums[p] = total  # one write, to an element that no other round touches
    return sums


@partial.right
def slice_by_slice(x, parts):
    sums = np.empty(parts, x.dtype)
    for p in prange(parts):
        sums[p] = x[p * len(x) // parts : (p + 1) * len(x) // parts].sum()
    return sums


@partial.right
def into_its_own_element(x, parts):
    sums = np.zeros(parts, x.dtype)
    for p in prange(parts):
        lo, hi = p * len(x) // parts, (p + 1) * len(x) // parts
        while lo < hi:
            sums[p] += x[lo]
            lo += 1
    return sums


# -- mistakes ------------------------------------------------------------------------------------------------


@partial.mistake
def rest_dropped(x, parts):
    size = len(x) // parts
    return summed(x, parts, lambda n, parts: ((p * size, (p + 1) * size) for p in range(parts)))


@partial.mistake
def rest_in_the_last(x, parts):
    size = len(x) // parts
    ends = lambda n, parts: ((p * size, (p + 1) * size if p < parts - 1 else n) for p in range(parts))
    return summed(x, parts, ends)


@partial.mistake
def blocks_rounded_up(x, parts):
    size = -(-len(x) // parts)
    return summed(x, parts, lambda n, parts: ((p * size, (p + 1) * size) for p in range(parts)))


@partial.mistake
def dealt_like_cards(x, parts):
    return np.array([x[p::parts].sum() for p in range(parts)], x.dtype)


@partial.mistake
def total_not_reset(x, parts):
    return summed(x, parts).cumsum(dtype=x.dtype)


@partial.mistake
def last_of_each_missing(x, parts):
    return summed(x, parts, lambda n, parts: ((lo, max(lo, hi - 1)) for lo, hi in blocks(n, parts)))


@partial.mistake
def first_of_each_missing(x, parts):
    return summed(x, parts, lambda n, parts: ((lo + 1, hi) for lo, hi in blocks(n, parts)))


@partial.mistake
def last_of_each_twice(x, parts):
    return summed(x, parts, lambda n, parts: ((lo, hi + 1) for lo, hi in blocks(n, parts)))


@partial.mistake
def all_in_the_first(x, parts):
    sums = np.zeros(parts, x.dtype)
    sums[0] = x.sum()
    return sums


@partial.mistake
def whole_sum_in_each(x, parts):
    return np.full(parts, x.sum(), x.dtype)


@partial.mistake
def overwritten(x, parts):
    sums = np.zeros(parts, x.dtype)
    for p, (lo, hi) in enumerate(blocks(len(x), parts)):
        sums[p] = x[hi - 1] if hi > lo else 0
    return sums


@partial.mistake
def only_the_total(x, parts):
    return x.sum()


@partial.two("rest_dropped", "total_not_reset")
def _(x, parts):
    return rest_dropped(x, parts).cumsum(dtype=x.dtype)


@partial.two("last_of_each_missing", "total_not_reset")
def _(x, parts):
    return last_of_each_missing(x, parts).cumsum(dtype=x.dtype)
