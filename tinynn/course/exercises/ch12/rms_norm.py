"""12.3: RMS norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

rms = Fill("12.3", "rms_norm(x, weight, eps)", returns="y", level=1, minutes=4)


@rms.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def around(*shape: int, dtype: Any = np.float64) -> list[Any]:
        return [a.astype(dtype) for a in (rng.normal(1, 2, size=shape), rng.normal(size=shape[-1]))]

    yield case(
        np.array([[3.0, -4.0, 0.0], [1.0, 1.0, 2.0]]), np.array([1.0, 2.0, -1.0]), 1e-5, note="2 rows of 3"
    )
    yield case(*around(2, 4), 0.5, note="2 rows of 4, with an eps of 0.5")
    yield case(*around(3, 3), 1e-5, tags="square", note="as many rows as numbers in a row")
    yield case(*around(2, 3, 4), 1e-3, note="2 sequences of 3 tokens of 4 numbers")
    x, weight = around(3, 5)
    yield case(1e-3 * x, weight, 1e-5, tags="small", note="numbers of about a thousandth")
    yield case(np.zeros((1, 3)), weight[:3], 1e-5, tags="one", note="nothing but zeros")
    yield case(*around(4, 6, dtype=np.float32), 1e-5, tags="float32", note="float32")


@rms.drawn
def _(rng: np.random.Generator) -> Case:
    shape = draw.shape(rng, least=1)
    x, weight = draw.arrays(rng, shape, shape[-1:], kinds="usual whole below above sparse")
    scale = x.dtype.type(draw.one_of(rng, 1, 1, 1e-2, 1e-4, 100))
    return case(scale * x, weight, draw.one_of(rng, 1e-5, 1e-5, 1e-3, 0.1, 1.0))


@rms.reference
def _(x, weight, eps):
    return ops.rms_norm.pairs["numpy"].forward(x, weight, eps=eps)[0]


@rms.worked
def rms_norm(x, weight, eps):
    mean_square = (x * x).mean(axis=-1, keepdims=True)  # (..., 1): one for each row
    return x / np.sqrt(mean_square + eps) * weight


@rms.right
def by_the_length(x, weight, eps):
    length = np.linalg.norm(x.astype(float), axis=-1)[..., None]
    return (weight * x * (length**2 / x.shape[-1] + eps) ** -0.5).astype(x.dtype)


@rms.right
def row_by_row(x, weight, eps):
    y = np.empty_like(x)
    for i in np.ndindex(x.shape[:-1]):
        y[i] = weight * x[i] / np.sqrt(x[i] @ x[i] / len(x[i]) + eps)
    return y


@rms.mistake
def mean_taken_away(x, weight, eps):
    return ops.layer_norm.pairs["numpy"].forward(x, weight, eps=eps)[0]


@rms.mistake
def mean_taken_away_above(x, weight, eps):
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * weight


@rms.mistake
def standard_deviation(x, weight, eps):
    return x / np.sqrt(x.var(axis=-1, keepdims=True) + eps) * weight


@rms.mistake
def eps_outside_the_root(x, weight, eps):
    return x / (np.sqrt((x * x).mean(axis=-1, keepdims=True)) + eps) * weight


@rms.mistake
def eps_missing(x, weight, eps):
    with np.errstate(all="ignore"):
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True)) * weight


@rms.mistake
def root_missing(x, weight, eps):
    return x / ((x * x).mean(axis=-1, keepdims=True) + eps) * weight


@rms.mistake
def sum_for_mean(x, weight, eps):
    return x / np.sqrt((x * x).sum(axis=-1, keepdims=True) + eps) * weight


@rms.mistake
def square_of_the_mean(x, weight, eps):
    return x / np.sqrt(x.mean(axis=-1, keepdims=True) ** 2 + eps) * weight


@rms.mistake
def mean_of_sizes(x, weight, eps):
    return x / (np.abs(x).mean(axis=-1, keepdims=True) + eps) * weight


@rms.mistake
def over_the_batch(x, weight, eps):
    return x / np.sqrt((x * x).mean(axis=0, keepdims=True) + eps) * weight


@rms.mistake
def over_everything(x, weight, eps):
    return x / np.sqrt((x * x).mean() + eps) * weight


@rms.mistake
def weight_missing(x, weight, eps):
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


@rms.mistake
def weight_first(x, weight, eps):
    z = x * weight
    return z / np.sqrt((z * z).mean(axis=-1, keepdims=True) + eps)


@rms.mistake
def one_plus_weight(x, weight, eps):
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * (1 + weight)


@rms.mistake
def multiplied_by_the_root(x, weight, eps):
    return x * np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * weight


@rms.two("eps_outside_the_root", "sum_for_mean")
def _(x, weight, eps):
    return x / (np.sqrt((x * x).sum(axis=-1, keepdims=True)) + eps) * weight


@rms.two("over_the_batch", "eps_outside_the_root")
def _(x, weight, eps):
    return x / (np.sqrt((x * x).mean(axis=0, keepdims=True)) + eps) * weight


@rms.two("mean_taken_away", "eps_outside_the_root")
def _(x, weight, eps):
    return (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, keepdims=True) + eps) * weight


@rms.swaps
def _(function):
    def forward(x, weight=None, shape=None, eps=1e-5):
        w = np.ones(x.shape[-1:], x.dtype) if weight is None else weight
        _, cache = ops.rms_norm.pairs["numpy"].forward(x, weight, shape, eps)
        return function(x, w, eps), cache

    return ops.rms_norm.using(forward, ops.rms_norm.pairs["numpy"].backward)
