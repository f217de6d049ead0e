"""08.3: gradients clipped by their common norm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case

clipping = Fill(
    "08.3", "clip(grads, max_norm)", returns="grads", level=1, minutes=6, tolerance=1e-5, dtype_matters=False
)  # the tolerance lets PyTorch's 1e-6 beside the norm pass


@clipping.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case([np.array([3.0]), np.array([4.0])], 1.0, note="two numbers, 3 and 4: their norm is 5")
    yield case([np.array([0.3]), np.array([0.4])], 1.0, note="0.3 and 0.4, shorter than 1")
    yield case([rng.normal(size=s).round(1) for s in ((2, 3), (2,))], 1.0, note="a matrix and a bias, to 1")
    yield case([rng.normal(size=s).round(1) for s in ((2, 2), (2,))], 2.0, note="a matrix and a bias, to 2")
    yield case([np.array([[-6.0, 8.0]]), np.array([0.1])], 0.5, note="one array is far longer than the other")
    yield case([np.zeros((2, 2)), np.zeros(3)], 1.0, note="all zero")
    yield case([rng.normal(size=s) for s in ((2, 2, 2), (1,), (3, 1))], 1.5, note="three arrays")
    single = [rng.normal(size=s).astype(np.float32) for s in ((3, 2), (3,))]
    yield case(single, 1.0, tags="float32", note="float32")


@clipping.drawn
def _(rng: np.random.Generator) -> Case:
    count = draw.one_of(rng, 1, 2, 2, 3, 6)
    grads = draw.arrays(rng, *[draw.shape(rng, least=1, most=3) for _ in range(count)])
    return case(grads, draw.one_of(rng, 1.0, 0.5, 5.0, 2.0, 30.0, float(rng.uniform(0.5, 8))))


def norm_of(grads: list) -> float:
    """The length of all numbers together."""
    return float(np.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in grads)))


@clipping.reference
def _(grads, max_norm):
    norm = norm_of(grads)
    scale = max_norm / norm if norm > max_norm else 1.0
    return [g * g.dtype.type(scale) for g in grads]


@clipping.worked
def clip(grads, max_norm):
    norm = np.sqrt(sum((g**2).sum() for g in grads))  # one number for all arrays together
    if norm <= max_norm:
        return grads
    return [g * (max_norm / norm) for g in grads]  # one factor for all: the direction stays


@clipping.right
def in_one_row(grads, max_norm):
    """All numbers in one row; the factor of short gradients is 1."""
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in grads]))
    factor = max_norm / max(norm, max_norm)
    return [factor * g for g in grads]


@clipping.right
def norm_of_the_norms(grads, max_norm):
    norm = np.linalg.norm([np.linalg.norm(g) for g in grads])
    return [g / max(1.0, norm / max_norm) for g in grads]


# -- mistakes ----------------------------------------------------------------------------------------------


def _scaled(grads: list, norm: float, max_norm: float) -> list:
    return [g * g.dtype.type(max_norm / norm) if norm > max_norm else g for g in grads]


@clipping.mistake
def each_array(grads, max_norm):
    return [_scaled([g], norm_of([g]), max_norm)[0] for g in grads]


@clipping.mistake
def each_element(grads, max_norm):
    return [np.clip(g, -max_norm, max_norm) for g in grads]


@clipping.mistake
def always_scaled(grads, max_norm):
    norm = norm_of(grads)
    with np.errstate(all="ignore"):
        return [g * g.dtype.type(np.float64(max_norm) / norm) for g in grads]


@clipping.mistake
def only_the_short_ones(grads, max_norm):
    norm = norm_of(grads)
    with np.errstate(all="ignore"):
        factor = np.float64(max_norm) / norm
        return [g * g.dtype.type(factor) if norm < max_norm else g for g in grads]


@clipping.mistake
def root_forgotten(grads, max_norm):
    return _scaled(grads, norm_of(grads) ** 2, max_norm)


@clipping.mistake
def sum_of_the_norms(grads, max_norm):
    return _scaled(grads, sum(norm_of([g]) for g in grads), max_norm)


@clipping.mistake
def largest_element(grads, max_norm):
    return _scaled(grads, max(float(np.abs(g).max()) for g in grads), max_norm)


@clipping.mistake
def largest_array(grads, max_norm):
    return _scaled(grads, max(norm_of([g]) for g in grads), max_norm)


@clipping.mistake
def sum_of_sizes(grads, max_norm):
    return _scaled(grads, sum(float(np.abs(g).sum()) for g in grads), max_norm)


@clipping.mistake
def mean_of_squares(grads, max_norm):
    count = sum(g.size for g in grads)
    return _scaled(grads, norm_of(grads) / count**0.5, max_norm)


@clipping.mistake
def to_length_1(grads, max_norm):
    norm = norm_of(grads)
    return [g / g.dtype.type(norm) if norm > max_norm else g for g in grads]


@clipping.mistake
def upside_down(grads, max_norm):
    norm = norm_of(grads)
    return [g * g.dtype.type(norm / max_norm) if norm > max_norm else g for g in grads]


@clipping.mistake
def thrown_away(grads, max_norm):
    return [0 * g if norm_of(grads) > max_norm else g for g in grads]


@clipping.mistake
def first_array_only(grads, max_norm):
    return _scaled(grads, norm_of(grads[:1]), max_norm)


@clipping.two("root_forgotten", "first_array_only")
def _(grads, max_norm):
    return _scaled(grads, norm_of(grads[:1]) ** 2, max_norm)


@clipping.two("root_forgotten", "always_scaled")
def _(grads, max_norm):
    with np.errstate(all="ignore"):
        return [g * g.dtype.type(np.float64(max_norm) / norm_of(grads) ** 2) for g in grads]
