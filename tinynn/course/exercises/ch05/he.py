"""05.3: initial weights for a layer that relu follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ....nn import init
from ....tensor import Tensor
from ...effects.by_hand import with_weights
from ...effects.moments import Moment
from ...engine import draw
from ...engine.exercise import Case, Fill, case

initial = Fill(
    "05.3", "he(fan_in, fan_out, seed)", returns="weights", level=1, minutes=5, dtype_matters=False, seeded=64
)


@initial.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(3, 2, 0, note="3 inputs, 2 outputs: the shape alone is compared")
    yield case(200, 100, 1, note="200 inputs, 100 outputs: shape, mean and standard deviation are compared")
    yield case(100, 400, 2, note="100 inputs, 400 outputs")
    yield case(150, 150, 3, tags="square", note="150 inputs, 150 outputs")
    yield case(2000, 10, 4, tags="large", note="2000 inputs, 10 outputs")
    yield case(1, 20000, 5, tags="one", note="1 input, 20000 outputs")


@initial.drawn
def _(rng: np.random.Generator) -> Case:
    sizes = draw.one_of(rng, (3, 2), (1, 1), (64, 32), (32, 64), (40, 40), (1, 3000), (3000, 1), (500, 7))
    return case(*sizes, draw.one_of(rng, 0, 1, 2, 7, 42, int(rng.integers(10_000))))


@initial.accept
def _(got: Any, wanted: Any, args: tuple) -> bool:
    """Draws are compared by their statistics: two that are meant alike differ by chance only."""
    if not isinstance(got, np.ndarray) or got.dtype.kind != "f" or got.shape != wanted.shape:
        return False
    if got.size < 1000:
        return bool(np.isfinite(got).all())
    chance = wanted.std() / np.sqrt(got.size)
    means, spreads = abs(got.mean() - wanted.mean()), abs(got.std() - wanted.std())
    return bool(means <= 8 * chance and spreads <= 8 * chance and all(map(_varied, (got, got.T))))


def _varied(rows: np.ndarray) -> bool:
    """Whether no row comes again and again. Single numbers may: +1 and -1 have a mean and a variance too."""
    return rows.shape[1] < 12 or len(np.unique(rows, axis=0)) > len(rows) / 2


@initial.measured
def _(value: np.ndarray, args: tuple) -> dict[str, Any]:
    return {
        "shape": value.shape,
        "mean": round(float(value.mean()), 4),
        "standard deviation": round(float(value.std()), 4),
    }


@initial.reference
def _(fan_in, fan_out, seed):
    return init.kaiming_normal_(Tensor(np.empty((fan_out, fan_in))), generator=seed).data


@initial.worked
def he(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    std = np.sqrt(2 / fan_in)  # the variance is 2 / fan_in
    return rng.normal(0, std, size=(fan_out, fan_in))


@initial.right
def evenly(fan_in, fan_out, seed):
    bound = (6 / fan_in) ** 0.5  # a uniform distribution has the variance bound**2 / 3
    return np.random.default_rng(seed).uniform(-bound, bound, (fan_out, fan_in))


@initial.right
def another_generator(fan_in, fan_out, seed):
    draws = np.random.RandomState(seed).randn(fan_out, fan_in)
    return (draws / np.sqrt(fan_in / 2)).astype(np.float32)


@initial.right
def row_by_row(fan_in, fan_out, seed):
    rng = np.random.default_rng([seed, 7])
    return np.stack([rng.standard_normal(fan_in) * 2**0.5 / fan_in**0.5 for _ in range(fan_out)])


def _normal(std: Callable) -> Callable:
    """An implementation that draws from a normal distribution with ``std(fan_in, fan_out)``."""

    def draw(fan_in, fan_out, seed):
        return np.random.default_rng(seed).normal(0, std(fan_in, fan_out), size=(fan_out, fan_in))

    return draw


@initial.mistake
def variance_for_std(*args):
    return _normal(lambda fan_in, fan_out: 2 / fan_in)(*args)


@initial.mistake
def fan_out_for_fan_in(*args):
    return _normal(lambda fan_in, fan_out: np.sqrt(2 / fan_out))(*args)


@initial.mistake
def without_the_2(*args):
    return _normal(lambda fan_in, fan_out: np.sqrt(1 / fan_in))(*args)


@initial.mistake
def both_fans(*args):
    return _normal(lambda fan_in, fan_out: np.sqrt(2 / (fan_in + fan_out)))(*args)


@initial.mistake
def root_of_2_alone(*args):
    return _normal(lambda fan_in, fan_out: np.sqrt(2) / fan_in)(*args)


@initial.mistake
def root_of_fan_in_alone(*args):
    return _normal(lambda fan_in, fan_out: 2 / np.sqrt(fan_in))(*args)


@initial.mistake
def upside_down(*args):
    return _normal(lambda fan_in, fan_out: np.sqrt(fan_in / 2))(*args)


@initial.mistake
def not_scaled(*args):
    return _normal(lambda fan_in, fan_out: 1.0)(*args)


@initial.mistake
def small_constant(*args):
    return _normal(lambda fan_in, fan_out: 0.01)(*args)


@initial.mistake
def transposed(fan_in, fan_out, seed):
    return np.random.default_rng(seed).normal(0, np.sqrt(2 / fan_in), size=(fan_in, fan_out))


@initial.mistake
def std_as_bound(fan_in, fan_out, seed):
    bound = np.sqrt(2 / fan_in)
    return np.random.default_rng(seed).uniform(-bound, bound, (fan_out, fan_in))


@initial.mistake
def positive_only(fan_in, fan_out, seed):
    return np.random.default_rng(seed).random((fan_out, fan_in)) * np.sqrt(2 / fan_in)


@initial.mistake
def all_zero(fan_in, fan_out, seed):
    return np.zeros((fan_out, fan_in))


@initial.mistake
def one_row_for_all(fan_in, fan_out, seed):
    row = np.random.default_rng(seed).normal(0, np.sqrt(2 / fan_in), size=fan_in)
    return np.tile(row, (fan_out, 1))


@initial.mistake
def std_as_mean(fan_in, fan_out, seed):
    return np.random.default_rng(seed).normal(np.sqrt(2 / fan_in), size=(fan_out, fan_in))


@initial.mistake
def bound_of_the_other_distribution(*args):
    return _normal(lambda fan_in, fan_out: np.sqrt(6 / fan_in))(*args)


@initial.mistake
def bound_of_linear(fan_in, fan_out, seed):
    bound = 1 / np.sqrt(fan_in)
    return np.random.default_rng(seed).uniform(-bound, bound, (fan_out, fan_in))


@initial.mistake
def one_number_for_all(fan_in, fan_out, seed):
    return np.full((fan_out, fan_in), np.sqrt(2 / fan_in))


@initial.two("variance_for_std", "transposed")
def _(fan_in, fan_out, seed):
    return np.random.default_rng(seed).normal(0, 2 / fan_in, size=(fan_in, fan_out))


@initial.two("without_the_2", "transposed")
def _(fan_in, fan_out, seed):
    return np.random.default_rng(seed).normal(0, np.sqrt(1 / fan_in), size=(fan_in, fan_out))


@initial.two("fan_out_for_fan_in", "transposed")
def _(fan_in, fan_out, seed):
    return np.random.default_rng(seed).normal(0, np.sqrt(2 / fan_out), size=(fan_in, fan_out))


@initial.trains
def _(function: Callable, optimizer: str, seed: int) -> Iterator[Moment]:
    """A deep network on the digits, whose weights start as drawn."""
    return with_weights(function, optimizer, seed)
