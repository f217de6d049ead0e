"""12.1: layer norm forward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engine import draw
from ...engine.exercise import Case, Fill, case
from .halves import half, library_forward

norm = Fill("12.1", "layer_norm(x, weight, bias, eps)", returns="y x_hat rstd", level=2, minutes=7)


@norm.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def around(*shape: int, dtype: Any = np.float64) -> list[Any]:
        x, weight, bias = rng.normal(1, 2, size=shape), rng.normal(size=shape[-1]), rng.normal(size=shape[-1])
        return [a.astype(dtype) for a in (x, weight, bias)]

    x = np.array([[1.0, 2.0, 6.0], [-2.0, 0.0, 2.0]])
    yield case(x, np.array([1.0, 2.0, -1.0]), np.array([0.5, 0.0, 3.0]), 1e-5, note="2 rows of 3")
    yield case(*around(2, 4), 0.5, note="2 rows of 4, with an eps of 0.5")
    yield case(*around(3, 3), 1e-5, tags="square", note="as many rows as numbers in a row")
    yield case(*around(2, 3, 4), 1e-3, note="2 sequences of 3 tokens of 4 numbers")
    x, weight, bias = around(3, 5)
    yield case(1e-3 * x, weight, bias, 1e-5, tags="small", note="numbers of about a thousandth")
    yield case(np.full((1, 3), 2.0), weight[:3], bias[:3], 1e-5, tags="one", note="three equal numbers")
    yield case(*around(4, 6, dtype=np.float32), 1e-5, tags="float32", note="float32")


@norm.drawn
def _(rng: np.random.Generator) -> Case:
    shape = draw.shape(rng, least=2)
    x, weight, bias = draw.arrays(rng, shape, shape[-1:], shape[-1:], kinds="usual whole below above sparse")
    scale = x.dtype.type(draw.one_of(rng, 1, 1, 1e-2, 1e-4, 100))
    return case(scale * x, weight, bias, draw.one_of(rng, 1e-5, 1e-5, 1e-3, 0.1, 1.0))


@norm.reference
def _(x, weight, bias, eps):
    return library_forward(x, weight, bias, eps)


@norm.worked
def layer_norm(x, weight, bias, eps):
    mean = x.mean(axis=-1, keepdims=True)  # (..., 1): one for each row
    var = x.var(axis=-1, keepdims=True)  # (..., 1)
    rstd = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * rstd  # (..., D)
    y = x_hat * weight + bias
    return y, x_hat, rstd


@norm.right
def from_two_means(x, weight, bias, eps):
    wide = x.astype(np.float64)
    mean = wide.mean(-1)[..., None]
    var = ((wide - mean) ** 2).sum(-1, keepdims=True) / x.shape[-1]
    rstd = (var + eps) ** -0.5
    x_hat = (wide - mean) * rstd
    return tuple(a.astype(x.dtype) for a in (weight * x_hat + bias, x_hat, rstd))


@norm.right
def row_by_row(x, weight, bias, eps):
    y, x_hat, rstd = np.empty_like(x), np.empty_like(x), np.empty((*x.shape[:-1], 1), x.dtype)
    for i in np.ndindex(x.shape[:-1]):
        centred = x[i] - np.mean(x[i])
        rstd[i] = 1 / np.sqrt(np.mean(centred**2) + eps)
        x_hat[i] = centred * rstd[i]
        y[i] = bias + weight * x_hat[i]
    return y, x_hat, rstd


# -- mistakes: each changes one part of `_norm` --------------------------------------------------------------


def _norm(*given: Any, axis: Any = -1, **how: Any) -> tuple:
    x, weight, bias, eps = given
    with np.errstate(all="ignore"):
        mean = x.mean(axis=axis, keepdims=True)
        var = x.var(axis=axis, keepdims=True)
        n = x.size // var.size
        var = var * n / (n - how.get("ddof", 0))  # NumPy's own ddof warns of rows of one number, on the page
        rstd = how.get("rstd", lambda var: 1 / np.sqrt(var + eps))(var)
        x_hat = (x - mean * how.get("centre", 1)) * rstd
    return x_hat * weight + bias, x_hat, rstd


@norm.mistake
def n_minus_1(*given):
    return _norm(*given, ddof=1)


@norm.mistake
def eps_outside_the_root(x, weight, bias, eps):
    return _norm(x, weight, bias, eps, rstd=lambda var: 1 / (np.sqrt(var) + eps))


@norm.mistake
def eps_missing(*given):
    return _norm(*given, rstd=lambda var: 1 / np.sqrt(var))


@norm.mistake
def eps_behind_the_fraction(x, weight, bias, eps):
    return _norm(x, weight, bias, eps, rstd=lambda var: 1 / np.sqrt(var) + eps)


@norm.mistake
def root_missing(x, weight, bias, eps):
    return _norm(x, weight, bias, eps, rstd=lambda var: 1 / (var + eps))


@norm.mistake
def over_the_batch(*given):
    return _norm(*given, axis=0)


@norm.mistake
def over_everything(*given):
    return _norm(*given, axis=None)


@norm.mistake
def over_each_example(x, *given):
    return _norm(x, *given, axis=tuple(range(1, x.ndim)))


@norm.mistake
def not_centred(*given):
    return _norm(*given, centre=0)


@norm.mistake
def spread_around_0(x, weight, bias, eps):
    rstd = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
    x_hat = (x - x.mean(axis=-1, keepdims=True)) * rstd
    return x_hat * weight + bias, x_hat, rstd


@norm.mistake
def bias_scaled_too(*given):
    y, x_hat, rstd = _norm(*given)
    return (x_hat + given[2]) * given[1], x_hat, rstd


@norm.mistake
def weight_missing(*given):
    y, x_hat, rstd = _norm(*given)
    return x_hat + given[2], x_hat, rstd


@norm.mistake
def bias_missing(*given):
    y, x_hat, rstd = _norm(*given)
    return x_hat * given[1], x_hat, rstd


@norm.mistake
def one_plus_weight(*given):
    y, x_hat, rstd = _norm(*given)
    return x_hat * (1 + given[1]) + given[2], x_hat, rstd


@norm.mistake
def y_kept_as_x_hat(*given):
    y, _, rstd = _norm(*given)
    return y, y, rstd


@norm.mistake
def centred_kept_as_x_hat(x, *given):
    y, _, rstd = _norm(x, *given)
    return y, x - x.mean(axis=-1, keepdims=True), rstd


@norm.mistake
def std_kept(*given):
    y, x_hat, rstd = _norm(*given)
    with np.errstate(all="ignore"):
        return y, x_hat, 1 / rstd


@norm.mistake
def var_kept(x, *given):
    y, x_hat, _ = _norm(x, *given)
    return y, x_hat, x.var(axis=-1, keepdims=True)


@norm.mistake
def axis_lost(*given):
    y, x_hat, rstd = _norm(*given)
    return y, x_hat, rstd[..., 0]


@norm.two("n_minus_1", "eps_outside_the_root")
def _(x, weight, bias, eps):
    return _norm(x, weight, bias, eps, ddof=1, rstd=lambda var: 1 / (np.sqrt(var) + eps))


@norm.two("over_the_batch", "eps_outside_the_root")
def _(x, weight, bias, eps):
    return _norm(x, weight, bias, eps, axis=0, rstd=lambda var: 1 / (np.sqrt(var) + eps))


@norm.two("over_the_batch", "n_minus_1")
def _(*given):
    return _norm(*given, axis=0, ddof=1)


@norm.swaps
def _(function):
    return half("forward", function)
