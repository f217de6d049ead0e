"""06.1: dropout, in training and at evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .... import ops
from ....ops.dropout import uniform
from ...engine import draw
from ...engine.exercise import Case, Fill, case

drop = Fill("06.1", "dropout(x, p, u, training)", returns="y", level=1, minutes=6)


@drop.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*shape: int, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
        return rng.normal(size=shape).astype(dtype), rng.random(shape).astype(dtype)

    x, u = np.array([[1.0, 2.0, -3.0, 4.0]]), np.array([[0.1, 0.9, 0.7, 0.2]])
    yield case(x, 0.25, u, True, note="training, 4 numbers, p = 0.25")
    yield case(x, 0.25, u, False, note="evaluation, the same numbers")
    x, u = draw(5, 4)
    yield case(x, 0.6, u, True, note="training, 5 rows of 4, p = 0.6")
    yield case(x, 0.6, u, False, note="evaluation, 5 rows of 4")
    x, u = draw(2, 3, 4)
    yield case(x, 0.3, u, True, note="training, shape (2, 3, 4)")
    x, u = draw(6)
    yield case(x, 0.0, u, True, note="training with p = 0: nothing is dropped")
    yield case(*_between(*draw(3, 3), 0.5), True, note="training, p = 0.5")
    x, u = draw(4, 3, dtype=np.float32)
    yield case(x, 0.4, u, True, tags="float32", note="training, float32")


@drop.drawn
def _(rng: np.random.Generator) -> Case:
    (x,) = draw.arrays(rng, draw.shape(rng, least=1))
    p = draw.one_of(rng, 0.0, 0.1, 0.5, 0.9, 0.99, 0.999, float(rng.integers(1, 100)) / 100)
    u = rng.random(x.shape).astype(x.dtype)
    if x.dtype == np.float64:  # exactly p is not below it
        u = np.where(rng.random(x.shape) < 0.15, draw.one_of(rng, p, p, 0.0), u)
    return case(x, p, draw.laid(rng, u), bool(rng.random() < 0.8))


def _between(x: np.ndarray, u: np.ndarray, p: float) -> tuple[np.ndarray, float, np.ndarray]:
    return x, p, u


@drop.reference
def _(x, p, u, training):
    return np.where(u < p, 0, x / (1 - p)).astype(x.dtype) if training else x


@drop.worked
def dropout(x, p, u, training):
    if not training:
        return x  # at evaluation every unit speaks
    kept = u >= p  # True with probability 1 - p
    return x * kept / (1 - p)  # what is left speaks louder, so that the mean stays


@drop.right
def by_indexing(x, p, u, training):
    y = x.copy()
    if training:
        y[u < p] = 0
        y /= 1 - p
    return y


@drop.right
def element_by_element(x, p, u, training):
    y = np.array(x)
    for i in np.ndindex(x.shape):
        if training:
            y[i] = 0 if u[i] < p else x[i] / (1 - p)
    return y


# -- mistakes: what is kept, and what it is multiplied by ------------------------------------------------


def _version(
    kept: Callable = lambda u, p: u >= p,
    scale: Callable = lambda p: 1 / (1 - p),
    later: Callable = lambda x, p: x,
) -> Callable:
    """Dropout with another mask, another scale, or another evaluation."""

    def version(x, p, u, training):
        with np.errstate(divide="ignore", invalid="ignore"):
            return x * kept(u, p) * np.asarray(scale(p), x.dtype) if training else later(x, p)

    return version


_inverse = np.reciprocal


@drop.mistake
def not_rescaled(*args):
    return _version(scale=lambda p: 1)(*args)


@drop.mistake
def at_evaluation_too(x, p, u, training):
    return _version()(x, p, u, True)


@drop.mistake
def never(x, p, u, training):
    return x


@drop.mistake
def only_at_evaluation(x, p, u, training):
    return _version()(x, p, u, not training)


@drop.mistake
def scaled_at_evaluation(*args):
    return _version(scale=lambda p: 1, later=lambda x, p: x * (1 - p))(*args)


@drop.mistake
def scaled_twice(*args):
    return _version(later=lambda x, p: x * (1 - p))(*args)


@drop.mistake
def scaled_up_at_evaluation(*args):
    return _version(later=lambda x, p: x / (1 - p))(*args)


@drop.mistake
def divided_by_p(*args):
    return _version(scale=lambda p: _inverse(np.float64(p)))(*args)


@drop.mistake
def multiplied_instead(*args):
    return _version(scale=lambda p: 1 - p)(*args)


@drop.mistake
def times_one_plus_p(*args):
    return _version(scale=lambda p: 1 + p)(*args)


@drop.mistake
def root_of_the_share(*args):
    return _version(scale=lambda p: 1 / np.sqrt(1 - p))(*args)


@drop.mistake
def p_is_kept(*args):
    return _version(kept=lambda u, p: u < p, scale=lambda p: _inverse(np.float64(p)))(*args)


@drop.mistake
def mask_turned_round(*args):
    return _version(kept=lambda u, p: u < p)(*args)


@drop.mistake
def compared_with_the_rest(*args):
    return _version(kept=lambda u, p: u >= 1 - p)(*args)


@drop.mistake
def always_a_half(*args):
    return _version(kept=lambda u, p: u >= 0.5)(*args)


@drop.mistake
def whole_rows(*args):
    return _version(kept=lambda u, p: u[..., :1] >= p)(*args)


@drop.mistake
def same_for_every_row(*args):
    return _version(kept=lambda u, p: u[:1] >= p)(*args)


@drop.mistake
def numbers_of_its_own(*args):
    return _version(kept=lambda u, p: np.random.default_rng(0).random(u.shape) >= p)(*args)


@drop.mistake
def divided_by_what_was_kept(x, p, u, training):
    kept = u >= p
    return (x * kept / max(kept.mean(), 1e-12)).astype(x.dtype) if training else x


@drop.mistake
def small_values_dropped(x, p, u, training):
    return x * (np.abs(x) >= p) / (1 - p) if training else x


@drop.mistake
def dropped_become_the_mean(x, p, u, training):
    return np.where(u < p, x.mean(), x).astype(x.dtype) if training else x


@drop.mistake
def noise_for_a_mask(x, p, u, training):
    return x * u / (1 - p) if training else x


@drop.mistake
def mask_alone(x, p, u, training):
    return ((u >= p) / (1 - p)).astype(x.dtype) if training else x


@drop.two("not_rescaled", "at_evaluation_too")
def _(x, p, u, training):
    return x * (u >= p)


@drop.two("mask_turned_round", "not_rescaled")
def _(x, p, u, training):
    return x * (u < p) if training else x


@drop.two("mask_turned_round", "at_evaluation_too")
def _(x, p, u, training):
    return x * (u < p) / (1 - p)


@drop.two("p_is_kept", "at_evaluation_too")
def _(x, p, u, training):
    with np.errstate(divide="ignore", invalid="ignore"):
        return (x * (u < p) / np.float64(p)).astype(x.dtype)


@drop.swaps
def _(function: Callable) -> Any:
    """The library draws the numbers, and asks in training only; the way back is its own."""

    def forward(x, p, seed):
        u = uniform(seed, x.size).reshape(x.shape)
        return function(x, p, u, True), (u >= np.float32(p), p)

    return ops.dropout.using(forward, ops.dropout.pairs["numpy"].backward)
