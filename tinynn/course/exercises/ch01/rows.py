"""01.6: every row for itself, (N,) against (N, 1)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

standardise = Fill("01.6", "standardise_rows(x)", returns="y", level=2, minutes=7, dtype_matters=False)


@standardise.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(np.array([[1.0, 2.0, 6.0], [0.5, -1.0, 2.0]]), note="2 rows of 3")
    yield case(rng.normal(2, 3, size=(3, 3)), tags="square", note="as many rows as columns")
    yield case(rng.normal(-1, 2, size=(4, 3)), note="4 rows of 3")
    yield case(rng.normal(1, 2, size=(1, 4)), tags="one", note="one row")
    yield case(rng.normal(1e-6, 2e-6, size=(2, 4)), tags="small", note="numbers around a millionth")
    yield case(rng.normal(300, 20, size=(2, 5)), tags="large", note="numbers far from 0")
    far = 1e5 + 0.1 * rng.normal(size=(2, 4))
    yield case(far, tags="large", note="numbers close together and very far from 0")
    yield case(rng.normal(0, 1e-10, size=(2, 3)), tags="small", note="hardly any spread")
    yield case(rng.normal(1, 2, size=(3, 5)).astype(np.float32), tags="float32", note="float32")


@standardise.drawn
def _(rng: np.random.Generator) -> Case:
    n, d, kind = draw.size(rng), draw.size(rng, least=2), draw.dtype(rng)
    apart = np.clip(rng.normal(size=(n, d)), -0.9, 0.9) + 2 * (np.arange(d) % 2)  # no row is nearly constant
    spread = 10.0 ** rng.uniform(-12, 6) if rng.random() < 0.5 else 10.0 ** rng.uniform(-6, 3, size=(n, 1))
    middle = draw.one_of(rng, 0.0, -1.0, 3.0, *((100.0, 1e5) if kind == np.float64 else ()))
    if rng.random() < 0.3:
        apart = rng.permuted(np.tile(np.arange(d) % 3 - 1.0, (n, 1)), axis=1)  # ties, and zeros
    return case(draw.laid(rng, (spread * (apart + middle)).astype(kind)))


@standardise.reference
def _(x):
    return ops.layer_norm.pairs["numpy"].forward(x, shape=x.shape[-1:], eps=0.0)[0]


@standardise.worked
def standardise_rows(x):
    mean = x.mean(axis=1, keepdims=True)  # (N, 1): one number for each row
    std = x.std(axis=1, keepdims=True)  # (N, 1)
    return (x - mean) / std  # (N, D) with (N, 1): stretched along the row


@standardise.right
def transposed_there_and_back(x):
    return ((x.T - x.mean(axis=1)) / x.std(axis=1)).T


@standardise.right
def row_by_row(x):
    y = np.empty_like(x)
    for n, row in enumerate(x):
        centred = row - row.sum() / len(row)
        y[n] = centred / np.sqrt((centred * centred).sum() / len(row))
    return y


@standardise.mistake
def one_axis_lost(x):
    return (x - x.mean(axis=1)) / x.std(axis=1)


@standardise.mistake
def columns_instead(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


@standardise.mistake
def everything_at_once(x):
    return (x - x.mean()) / x.std()


@standardise.mistake
def one_deviation_for_all(x):
    return (x - x.mean(axis=1, keepdims=True)) / x.std()


@standardise.mistake
def one_mean_for_all(x):
    return (x - x.mean()) / x.std(axis=1, keepdims=True)


@standardise.mistake
def mean_of_columns(x):
    return (x - x.mean(axis=0)) / x.std(axis=1, keepdims=True)


@standardise.mistake
def not_divided(x):
    return x - x.mean(axis=1, keepdims=True)


@standardise.mistake
def not_centred(x):
    return x / x.std(axis=1, keepdims=True)


@standardise.mistake
def divided_by_variance(x):
    return (x - x.mean(axis=1, keepdims=True)) / x.var(axis=1, keepdims=True)


@standardise.mistake
def divided_by_n_minus_1(x):
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, ddof=1, keepdims=True)


@standardise.mistake
def divided_by_length(x):
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


@standardise.mistake
def length_of_the_raw_row(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.linalg.norm(x, axis=1, keepdims=True)


@standardise.mistake
def deviation_around_0(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt((x * x).mean(axis=1, keepdims=True))


@standardise.mistake
def squeezed_to_0_1(x):
    low, high = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
    return (x - low) / (high - low)


@standardise.mistake
def bracket_missing(x):
    return x - x.mean(axis=1, keepdims=True) / x.std(axis=1, keepdims=True)


@standardise.mistake
def something_added_to_std(x):
    return (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + 1e-8)


@standardise.mistake
def more_added_to_std(x):
    return (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + 1e-5)


@standardise.mistake
def something_added_to_var(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)


@standardise.mistake
def left_on_its_side(x):
    return (x.T - x.mean(axis=1)) / x.std(axis=1)


@standardise.mistake
def deviation_of_columns(x):
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=0)


@standardise.mistake
def raw_row_of_length_1(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@standardise.mistake
def mean_distance(x):
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / np.abs(centred).mean(axis=1, keepdims=True)


@standardise.mistake
def divided_by_range(x):
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / (x.max(axis=1, keepdims=True) - x.min(axis=1, keepdims=True))


@standardise.two("one_axis_lost", "divided_by_variance")
def _(x):
    return (x - x.mean(axis=1)) / x.var(axis=1)


@standardise.two("columns_instead", "divided_by_variance")
def _(x):
    return (x - x.mean(axis=0)) / x.var(axis=0)


@standardise.two("columns_instead", "divided_by_n_minus_1")
def _(x):
    return (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)


@standardise.two("everything_at_once", "divided_by_n_minus_1")
def _(x):
    return (x - x.mean()) / x.std(ddof=1)


@standardise.swaps
def _(function):
    def forward(x, weight=None, bias=None, shape=None, eps=1e-5):
        _, cache = ops.layer_norm.pairs["numpy"].forward(x, weight, bias, shape, eps)
        y = function(x.reshape(-1, x.shape[-1])).reshape(x.shape)
        y = y if weight is None else y * weight
        return y if bias is None else y + bias, cache

    return ops.layer_norm.using(forward, ops.layer_norm.pairs["numpy"].backward)
