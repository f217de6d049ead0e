"""12.2: the gradients of layer norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....ops.norm import normalise
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from .halves import half, library_backward

backward = Fill(
    "12.2",
    "layer_norm_backward(dy, x_hat, rstd, weight)",
    returns="dx dweight dbias",
    level=3,
    minutes=8,
    tolerance=1e-6,
)


def _given(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float = 1e-5) -> tuple:
    """The function's arguments: x_hat and rstd belong to an x."""
    x_hat, rstd, _, _ = normalise(x, (-1,), eps)
    return dy, x_hat, rstd, weight


@backward.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def drawn(n: int, d: int, dtype: Any = np.float64) -> tuple:
        dy, x, weight = rng.normal(size=(n, d)), rng.normal(1, 2, size=(n, d)), rng.normal(size=d)
        return _given(dy.astype(dtype), x.astype(dtype), weight.astype(dtype))

    yield case(*drawn(2, 3), note="2 rows of 3")
    yield case(*drawn(3, 3), tags="square", note="as many rows as numbers in a row")
    dy, x_hat, rstd, weight = drawn(4, 3)
    yield case(np.ones_like(dy), x_hat, rstd, weight, tags="ones", note="an upstream gradient of ones")
    yield case(*drawn(1, 4), tags="one", note="one row")
    x, weight = rng.normal(size=(3, 4)), rng.normal(size=4)
    yield case(*_given(rng.normal(size=(3, 4)), x, weight, 1.0), note="3 rows of 4, with an eps of 1")
    yield case(*drawn(5, 6, np.float32), tags="float32", note="float32")


@backward.drawn
def _(rng: np.random.Generator) -> Case:
    n, d = draw.sizes(rng, 2)
    dy, x, weight = draw.arrays(rng, (n, d), (n, d), (d,), kinds="usual whole sparse")
    return case(*_given(dy, x, weight, draw.one_of(rng, 1e-2, 0.1, 0.1, 1.0)))


@backward.reference
def _(dy, x_hat, rstd, weight):
    return library_backward(dy, x_hat, rstd, weight)


@backward.worked
def layer_norm_backward(dy, x_hat, rstd, weight):
    dx_hat = dy * weight  # (N, D): y = x_hat * weight + bias
    through_mean = dx_hat.mean(axis=1, keepdims=True)  # (N, 1)
    through_var = x_hat * (dx_hat * x_hat).mean(axis=1, keepdims=True)  # (N, D)
    dx = rstd * (dx_hat - through_mean - through_var)
    dweight = (dy * x_hat).sum(axis=0)  # (D,): every row used the same weight
    dbias = dy.sum(axis=0)
    return dx, dweight, dbias


@backward.right
def by_the_whole_jacobian(dy, x_hat, rstd, weight):
    n, d = dy.shape
    dx = np.empty_like(dy)
    for i in range(n):
        slopes = rstd[i, 0] * (np.eye(d) - 1 / d - np.outer(x_hat[i], x_hat[i]) / d)
        dx[i] = slopes @ (dy[i] * weight)
    return dx, np.einsum("nd,nd->d", dy, x_hat), np.einsum("nd->d", dy)


@backward.right
def step_by_step(dy, x_hat, rstd, weight):
    """Through the variance and the mean, one after the other, as chapter 03 would go."""
    d = dy.shape[1]
    centred, dx_hat = x_hat / rstd, dy * weight
    dvar = (dx_hat * centred).sum(1, keepdims=True) * -0.5 * rstd**3
    dcentred = dx_hat * rstd + 2 / d * centred * dvar
    dx = dcentred - dcentred.sum(1, keepdims=True) / d
    return dx.astype(dy.dtype), (dy * x_hat).sum(0), dy.sum(0)


# -- mistakes ------------------------------------------------------------------------------------------------


def _parts(dy: Any, x_hat: Any, weight: Any, axis: int = 1) -> tuple:
    """dx_hat, its mean, and the part that goes through the variance."""
    dx_hat = dy * weight
    mean = dx_hat.mean(axis=axis, keepdims=True)
    return dx_hat, mean, x_hat * (dx_hat * x_hat).mean(axis=axis, keepdims=True)


def _rest(dy: Any, x_hat: Any) -> tuple:
    return (dy * x_hat).sum(axis=0), dy.sum(axis=0)


@backward.mistake
def mean_and_variance_forgotten(dy, x_hat, rstd, weight):
    return rstd * dy * weight, *_rest(dy, x_hat)


@backward.mistake
def mean_forgotten(dy, x_hat, rstd, weight):
    dx_hat, _, through_var = _parts(dy, x_hat, weight)
    return rstd * (dx_hat - through_var), *_rest(dy, x_hat)


@backward.mistake
def variance_forgotten(dy, x_hat, rstd, weight):
    dx_hat, mean, _ = _parts(dy, x_hat, weight)
    return rstd * (dx_hat - mean), *_rest(dy, x_hat)


@backward.mistake
def weight_forgotten(dy, x_hat, rstd, weight):
    dx_hat, mean, through_var = _parts(dy, x_hat, np.ones_like(weight))
    return rstd * (dx_hat - mean - through_var), *_rest(dy, x_hat)


@backward.mistake
def weight_after_the_means(dy, x_hat, rstd, weight):
    dx_hat, mean, through_var = _parts(dy, x_hat, np.ones_like(weight))
    return rstd * weight * (dx_hat - mean - through_var), *_rest(dy, x_hat)


@backward.mistake
def means_over_the_batch(dy, x_hat, rstd, weight):
    dx_hat, mean, through_var = _parts(dy, x_hat, weight, axis=0)
    return rstd * (dx_hat - mean - through_var), *_rest(dy, x_hat)


@backward.mistake
def rstd_missing(dy, x_hat, rstd, weight):
    dx_hat, mean, through_var = _parts(dy, x_hat, weight)
    return dx_hat - mean - through_var, *_rest(dy, x_hat)


@backward.mistake
def divided_by_rstd(dy, x_hat, rstd, weight):
    dx_hat, mean, through_var = _parts(dy, x_hat, weight)
    return (dx_hat - mean - through_var) / rstd, *_rest(dy, x_hat)


@backward.mistake
def sums_for_means(dy, x_hat, rstd, weight):
    dx_hat, mean, through_var = _parts(dy, x_hat, weight)
    return rstd * (dx_hat - dy.shape[1] * (mean + through_var)), *_rest(dy, x_hat)


@backward.mistake
def added_through_the_variance(dy, x_hat, rstd, weight):
    dx_hat, mean, through_var = _parts(dy, x_hat, weight)
    return rstd * (dx_hat - mean + through_var), *_rest(dy, x_hat)


@backward.mistake
def x_hat_once(dy, x_hat, rstd, weight):
    dx_hat, mean, _ = _parts(dy, x_hat, weight)
    return rstd * (dx_hat - mean - (dx_hat * x_hat).mean(axis=1, keepdims=True)), *_rest(dy, x_hat)


@backward.mistake
def rstd_on_the_first_part_only(dy, x_hat, rstd, weight):
    dx_hat, mean, through_var = _parts(dy, x_hat, weight)
    return rstd * dx_hat - mean - through_var, *_rest(dy, x_hat)


@backward.mistake
def weight_in_dweight(dy, x_hat, rstd, weight):
    return library_backward(dy, x_hat, rstd, weight)[0], *_rest(dy * weight, x_hat)


@backward.mistake
def dweight_without_x_hat(dy, x_hat, rstd, weight):
    return library_backward(dy, x_hat, rstd, weight)[0], dy.sum(axis=0), dy.sum(axis=0)


@backward.mistake
def rows_not_summed(dy, x_hat, rstd, weight):
    return library_backward(dy, x_hat, rstd, weight)[0], dy * x_hat, dy


@backward.mistake
def summed_over_the_row(dy, x_hat, rstd, weight):
    return library_backward(dy, x_hat, rstd, weight)[0], (dy * x_hat).sum(axis=1), dy.sum(axis=1)


@backward.mistake
def mean_over_the_batch(dy, x_hat, rstd, weight):
    return library_backward(dy, x_hat, rstd, weight)[0], (dy * x_hat).mean(axis=0), dy.mean(axis=0)


@backward.mistake
def gradients_exchanged(dy, x_hat, rstd, weight):
    dx, dweight, dbias = library_backward(dy, x_hat, rstd, weight)
    return dx, dbias, dweight


@backward.two("mean_and_variance_forgotten", "weight_forgotten")
def _(dy, x_hat, rstd, weight):
    return rstd * dy, *_rest(dy, x_hat)


@backward.two("mean_and_variance_forgotten", "rows_not_summed")
def _(dy, x_hat, rstd, weight):
    return rstd * dy * weight, dy * x_hat, dy


@backward.two("sums_for_means", "mean_over_the_batch")
def _(dy, x_hat, rstd, weight):
    dx_hat, mean, through_var = _parts(dy, x_hat, weight)
    return rstd * (dx_hat - dy.shape[1] * (mean + through_var)), (dy * x_hat).mean(0), dy.mean(0)


@backward.swaps
def _(function):
    return half("backward", function)
