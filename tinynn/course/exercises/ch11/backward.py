"""11.4: the gradients of attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .... import ops
from ...engine.exercise import Case, Fill, case
from .attend import drawn
from .halves import half
from .masked import masked
from .network import recalled

back = Fill(
    "11.4", "attention_backward(dy, q, k, v, p)", returns="dq dk dv", level=3, minutes=9, chained=True
)


def with_shares(
    rng: np.random.Generator, q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray
) -> Case:
    """An input: the shares are those of the queries and keys."""
    y, p = masked.true(q, k, v, mask)  # type: ignore[misc]
    return case(rng.normal(size=y.shape).astype(y.dtype), q, k, v, p)


@back.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def made(*shapes: tuple[int, ...], mask: Any = True, dtype: type = np.float64) -> tuple:
        arrays: list[np.ndarray] = [rng.normal(size=s).astype(dtype) for s in shapes]
        q, k, v = arrays
        return with_shares(rng, q, k, v, np.asarray(mask, bool)).args

    yield case(*made((2, 4), (3, 4), (3, 2)), note="2 queries, 3 keys of width 4")
    yield case(*made((3, 3), (3, 3), (3, 3)), tags="square", note="everything 3 by 3")
    dy, *rest = made((2, 3), (4, 3), (4, 2))
    yield case(np.ones_like(dy), *rest, tags="ones", note="an upstream gradient of ones")
    yield case(*made((4, 3), (4, 3), (4, 3), mask=np.tri(4, k=-1)), note="the first query sees nothing")
    yield case(*made((2, 3, 4), (2, 5, 4), (2, 5, 3)), note="two examples")
    yield case(*made((2, 3, 2, 4), (2, 3, 4, 4), (2, 3, 4, 2)), note="two examples with three heads each")
    yield case(*made((3, 2), (4, 2), (4, 3), dtype=np.float32), tags="float32", note="float32")


@back.drawn
def one(rng: np.random.Generator) -> Case:
    made = with_shares(rng, *drawn(rng, sharp=(1, 1, 2), kinds="usual sparse"))  # shares near 1 or 0 cancel
    p = made.args[-1]
    nothing_but_rounding = p.dtype == np.float32 and (p * (1 - p)).max(initial=0) < 1e-3
    return one(rng) if nothing_but_rounding else made


@back.reference
def _(dy, q, k, v, p):
    cache = (q, k, v, None, p, 1.0, 1 / q.shape[-1] ** 0.5, 1)
    return ops.scaled_dot_product_attention.pairs["numpy"].pull(dy, cache, (True,) * 3)


@back.worked
def attention_backward(dy, q, k, v, p):
    dv = p.swapaxes(-1, -2) @ dy  # (S, T) @ (T, V) -> (S, V): a value collects from all queries
    dp = dy @ v.swapaxes(-1, -2)  # (T, V) @ (V, S) -> (T, S)
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True))  # back through each row's softmax
    ds = ds / q.shape[-1] ** 0.5  # and through the scale
    dq = ds @ k  # (T, S) @ (S, E) -> (T, E)
    dk = ds.swapaxes(-1, -2) @ q  # (S, T) @ (T, E) -> (S, E)
    return dq, dk, dv


@back.right
def by_einsum(dy, q, k, v, p):
    scale = float(q.shape[-1]) ** -0.5
    dp = np.einsum("...tv,...sv->...ts", dy, v)
    ds = p * dp - p * np.einsum("...ts,...ts->...t", p, dp)[..., None]
    dq, dk = np.einsum("...ts,...se->...te", ds, k), np.einsum("...ts,...te->...se", ds, q)
    return scale * dq, scale * dk, np.einsum("...ts,...tv->...sv", p, dy)


@back.right
def by_the_output(dy, q, k, v, p):
    """sum_s p dp is dy . y: what tiled attention keeps a number for each query for."""
    y = p @ v
    dot = np.sum(dy * y, axis=-1, keepdims=True)  # (T, 1)
    ds = p * (dy @ np.swapaxes(v, -1, -2) - dot) * float(q.shape[-1]) ** -0.5
    return ds @ k, np.swapaxes(ds, -1, -2) @ q, np.swapaxes(p, -1, -2) @ dy


# -- mistakes: each changes one part of `_back` --------------------------------------------------------------


def turned(a):
    return a.swapaxes(-1, -2)


def through_softmax(p, dp):
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def _back(given: tuple, through: Callable = through_softmax, scale: float | None = None) -> tuple:
    dy, q, k, v, p = given
    ds = through(p, dy @ turned(v)) * (float(q.shape[-1]) ** -0.5 if scale is None else scale)
    return ds @ k, turned(ds) @ q, turned(p) @ dy


@back.mistake
def no_scale(*given):
    return _back(given, scale=1.0)


@back.mistake
def scaled_by_the_width(dy, q, k, v, p):
    return _back((dy, q, k, v, p), scale=1 / q.shape[-1])


@back.mistake
def scaled_up(dy, q, k, v, p):
    return _back((dy, q, k, v, p), scale=float(q.shape[-1]) ** 0.5)


@back.mistake
def dv_scaled_too(dy, q, k, v, p):
    dq, dk, dv = _back((dy, q, k, v, p))
    return dq, dk, dv * float(q.shape[-1]) ** -0.5


@back.mistake
def softmax_passed_over(*given):
    return _back(given, through=lambda p, dp: dp)


@back.mistake
def sum_forgotten(*given):
    return _back(given, through=lambda p, dp: p * dp)


@back.mistake
def softmax_element_by_element(*given):
    return _back(given, through=lambda p, dp: p * (1 - p) * dp)


@back.mistake
def sum_over_queries(*given):
    return _back(given, through=lambda p, dp: p * (dp - (p * dp).sum(axis=-2, keepdims=True)))


@back.mistake
def sum_without_p(*given):
    return _back(given, through=lambda p, dp: p * (dp - dp.sum(axis=-1, keepdims=True)))


@back.mistake
def mean_for_sum(*given):
    return _back(given, through=lambda p, dp: p * (dp - (p * dp).mean(axis=-1, keepdims=True)))


@back.mistake
def p_left_out(*given):
    return _back(given, through=lambda p, dp: dp - (p * dp).sum(axis=-1, keepdims=True))


@back.mistake
def dv_not_turned(dy, q, k, v, p):
    dq, dk, _ = _back((dy, q, k, v, p))
    return dq, dk, p @ dy


@back.mistake
def dk_not_turned(dy, q, k, v, p):
    ds = through_softmax(p, dy @ turned(v)) * float(q.shape[-1]) ** -0.5
    return ds @ k, ds @ q, turned(p) @ dy


@back.mistake
def dq_and_dk_swapped(dy, q, k, v, p):
    dq, dk, dv = _back((dy, q, k, v, p))
    return dk, dq, dv


@back.mistake
def dq_by_q(dy, q, k, v, p):
    ds = through_softmax(p, dy @ turned(v)) * float(q.shape[-1]) ** -0.5
    return ds @ q, turned(ds) @ k, turned(p) @ dy


@back.mistake
def dp_for_dv(dy, q, k, v, p):
    dq, dk, _ = _back((dy, q, k, v, p))
    return dq, dk, turned(dy @ turned(v)) @ dy


@back.mistake
def order_of_the_forward(dy, q, k, v, p):
    dq, dk, dv = _back((dy, q, k, v, p))
    return dv, dk, dq


@back.mistake
def uphill(*given):
    return _back(given, through=lambda p, dp: p * ((p * dp).sum(axis=-1, keepdims=True) - dp))


@back.two("no_scale", "sum_forgotten")
def _(*given):
    return _back(given, through=lambda p, dp: p * dp, scale=1.0)


@back.two("no_scale", "softmax_element_by_element")
def _(*given):
    return _back(given, through=lambda p, dp: p * (1 - p) * dp, scale=1.0)


@back.two("no_scale", "dv_not_turned")
def _(dy, q, k, v, p):
    dq, dk, _ = _back((dy, q, k, v, p), scale=1.0)
    return dq, dk, p @ dy


@back.swaps
def _(function):
    return half("backward", function)


@back.trains
def _(function, optimizer, seed):
    with half("backward", function):
        yield from recalled(optimizer, seed)
