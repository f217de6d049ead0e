"""11.2: attention with a mask."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine.exercise import Case, Fill, case
from .attend import drawn, scores_of, softmax
from .halves import half
from .network import recalled

masked = Fill("11.2", "masked_attention(q, k, v, mask)", returns="y p", level=2, minutes=7, chained=True)


@masked.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*shapes: tuple[int, ...], dtype: type = np.float64) -> list[np.ndarray]:
        return [rng.normal(size=s).astype(dtype) for s in shapes]

    q, k, v = (a.round(1) for a in draw((3, 2), (3, 2), (3, 2)))
    yield case(q, k, v, np.tri(3, dtype=bool), tags="square", note="3 tokens, none looks ahead")
    some = np.array([[True, False, True, True], [False, True, False, False]])
    yield case(*draw((2, 3), (4, 3), (4, 2)), some, note="2 queries, 4 keys")
    blind = np.array([[True, True, False], [False, False, False]])
    yield case(*draw((2, 4), (3, 4), (3, 2)), blind, note="the second query may look at nothing")
    yield case(*draw((2, 3), (4, 3), (4, 2)), np.ones((2, 4), bool), note="everything is open")
    q, k, v = draw((2, 3), (3, 3), (3, 2))
    k[2] *= 2000
    yield case(q, k, v, np.array([[True, True, False]] * 2), tags="large", note="the closed key is huge")
    yield case(60 * q, 60 * k[:2], v[:2], np.ones((2, 2), bool), tags="large", note="scores in the thousands")
    padding = np.array([[[True, True, True, False]], [[True, False, False, False]]])
    yield case(*draw((2, 3, 5), (2, 4, 5), (2, 4, 3)), padding, note="padding of two examples, (2, 1, 4)")
    yield case(*draw((2, 3, 4, 2), (2, 3, 4, 2), (2, 3, 4, 2)), np.tri(4, dtype=bool), note="heads, one mask")
    q, k, v = draw((4, 2), (4, 2), (4, 3), dtype=np.float32)
    yield case(q, k, v, np.tri(4, k=-1, dtype=bool), tags="float32", note="float32, the first sees nothing")


@masked.drawn
def _(rng: np.random.Generator) -> Case:
    return case(*drawn(rng))


@masked.reference
def _(q, k, v, mask):
    y, cache = ops.scaled_dot_product_attention.pairs["numpy"].forward(q, k, v, mask)
    return y, cache[4]


@masked.worked
def masked_attention(q, k, v, mask):
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5  # (T, S)
    scores = np.where(mask, scores, -np.inf)  # before the softmax: exp(-inf) is 0
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(top == -np.inf, 0, top))  # a row without a key would give -inf - -inf
    total = e.sum(axis=-1, keepdims=True)
    p = e / np.where(total == 0, 1, total)
    return p @ v, p


@masked.right
def exp_of_the_open(q, k, v, mask):
    """Only open scores go into the largest and into the sum."""
    scores = np.einsum("...te,...se->...ts", q, k) * float(q.shape[-1]) ** -0.5
    open_ = np.broadcast_to(mask, scores.shape)
    top = np.max(scores, axis=-1, keepdims=True, where=open_, initial=-1e30)
    e = np.where(open_, np.exp(np.minimum(scores - top, 0)), 0)
    p = e / np.maximum(e.sum(axis=-1, keepdims=True), 1e-30).astype(q.dtype)
    return p @ v, p


@masked.right
def query_by_query(q, k, v, mask):
    shape = (*q.shape[:-1], k.shape[-2])
    p, y = np.zeros(shape, q.dtype), np.zeros((*q.shape[:-1], v.shape[-1]), q.dtype)
    open_ = np.broadcast_to(mask, shape)
    for i in np.ndindex(shape[:-1]):
        keys = np.flatnonzero(open_[i])
        if len(keys):
            scores = k[i[:-1]][keys] @ q[i] / float(q.shape[-1]) ** 0.5
            e = np.exp(scores - scores.max())
            p[i][keys] = e / e.sum()
            y[i] = p[i] @ v[i[:-1]]
    return y, p


# -- mistakes ----------------------------------------------------------------------------------------------


def scaled(q, k):
    return scores_of(q, k) / q.shape[-1] ** 0.5


def closed(scores, mask, far=-np.inf):
    return np.where(mask, scores, scores.dtype.type(far))


def shares(scores, axis=-1):
    """Softmax with 0 where everything is closed."""
    top = scores.max(axis=axis, keepdims=True)
    e = np.exp(scores - np.where(top == -np.inf, 0, top))
    total = e.sum(axis=axis, keepdims=True)
    return e / np.where(total == 0, 1, total)


@masked.mistake
def mask_after_softmax(q, k, v, mask):
    p = softmax(scaled(q, k)) * mask
    return p @ v, p


@masked.mistake
def scores_set_to_0(q, k, v, mask):
    p = softmax(np.where(mask, scaled(q, k), 0))
    return p @ v, p


@masked.mistake
def mask_turned_round(q, k, v, mask):
    p = shares(closed(scaled(q, k), ~mask))
    return p @ v, p


@masked.mistake
def blind_row_not_a_number(q, k, v, mask):
    p = softmax(closed(scaled(q, k), mask))
    return p @ v, p


@masked.mistake
def blind_row_looks_everywhere(q, k, v, mask):
    p = softmax(closed(scaled(q, k), mask, -1e9))
    return p @ v, p


@masked.mistake
def mask_ignored(q, k, v, mask):
    p = softmax(scaled(q, k))
    return p @ v, p


@masked.mistake
def softmax_over_queries(q, k, v, mask):
    p = shares(closed(scaled(q, k), mask), axis=-2)
    return p @ v, p


@masked.mistake
def no_scale(q, k, v, mask):
    p = shares(closed(scores_of(q, k), mask))
    return p @ v, p


@masked.mistake
def scaled_by_the_width(q, k, v, mask):
    p = shares(closed(scores_of(q, k) / q.shape[-1], mask))
    return p @ v, p


@masked.mistake
def not_far_enough(q, k, v, mask):
    p = softmax(scaled(q, k) - q.dtype.type(10) * ~mask)
    p = p * mask.any(axis=-1, keepdims=True)
    return p @ v, p


@masked.mistake
def largest_of_the_closed_too(q, k, v, mask):
    scores = scaled(q, k)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True)) * mask
    total = e.sum(axis=-1, keepdims=True)
    p = e / np.where(total == 0, 1, total)
    return p @ v, p


@masked.mistake
def values_masked_only(q, k, v, mask):
    p = softmax(scaled(q, k))
    return (p * mask) @ v, p


@masked.mistake
def always_causal(q, k, v, mask):
    p = shares(closed(scaled(q, k), np.tri(q.shape[-2], k.shape[-2], dtype=bool)))
    return p @ v, p


@masked.mistake
def exp_overflows(q, k, v, mask):
    e = np.where(mask, np.exp(scaled(q, k)), 0)
    total = e.sum(axis=-1, keepdims=True)
    p = e / np.where(total == 0, 1, total)
    return p @ v, p


@masked.mistake
def smoothed_total(q, k, v, mask):
    scores = closed(scaled(q, k), mask)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(top == -np.inf, 0, top))
    p = e / (e.sum(axis=-1, keepdims=True) + e.dtype.type(1e-3))
    return p @ v, p


@masked.two("no_scale", "mask_after_softmax")
def _(q, k, v, mask):
    p = softmax(scores_of(q, k)) * mask
    return p @ v, p


@masked.two("softmax_over_queries", "mask_after_softmax")
def _(q, k, v, mask):
    p = softmax(scaled(q, k), axis=-2) * mask
    return p @ v, p


@masked.swaps
def _(function):
    return half("forward", function)


@masked.trains
def _(function, optimizer, seed):
    with half("forward", function):
        yield from recalled(optimizer, seed)
