"""11.1: scaled dot-product attention."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .... import ops
from ...engine import draw
from ...engine.exercise import Case, Fill, case

attend = Fill("11.1", "attention(q, k, v)", returns="y p", level=1, minutes=5, chained=True)


@attend.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*shapes: tuple[int, ...], dtype: type = np.float64) -> list[np.ndarray]:
        return [rng.normal(size=s).astype(dtype) for s in shapes]

    yield case(*[a.round(1) for a in draw((2, 4), (3, 4), (3, 2))], note="2 queries, 3 keys of width 4")
    yield case(*draw((3, 3), (3, 3), (3, 3)), tags="square", note="everything 3 by 3")
    yield case(*draw((2, 3, 5), (2, 4, 5), (2, 4, 3)), note="two examples")
    yield case(*draw((2, 3, 2, 4), (2, 3, 5, 4), (2, 3, 5, 4)), note="two examples with three heads each")
    q, k, v = draw((2, 4), (3, 4), (3, 2))
    yield case(60 * q, 60 * k, v, tags="large", note="scores in the thousands")
    yield case(*draw((1, 3), (4, 3), (4, 2)), tags="one", note="a single query")
    yield case(*draw((3, 2), (4, 2), (4, 3), dtype=np.float32), tags="float32", note="float32")


@attend.drawn
def _(rng: np.random.Generator) -> Case:
    q, k, v, _ = drawn(rng)
    return case(q, k, v)


def drawn(
    rng: np.random.Generator, sharp: tuple[int, ...] = (1, 1, 4, 30), kinds: str = "usual whole equal sparse"
) -> tuple[np.ndarray, ...]:
    """Queries, keys, values, and which query may look at which key; some may look at nothing.

    Scores grow by one of the factors in `sharp`.
    """
    t, s, e, w = draw.sizes(rng, 4, most=12)
    batch = draw.one_of(rng, (), (), (2,), (1,), (3, 2))
    q, k, v = draw.arrays(rng, (*batch, t, e), (*batch, s, e), (*batch, s, w), kinds=kinds)
    q = q * q.dtype.type(draw.one_of(rng, *sharp))
    shape = draw.one_of(rng, (t, s), (*batch, t, s), (t, s))
    return q, k, v, rng.random(shape) < draw.one_of(rng, 0.5, 0.8, 0.2, 1.0)


@attend.reference
def _(q, k, v):
    y, cache = ops.scaled_dot_product_attention.pairs["numpy"].forward(q, k, v)
    return y, cache[4]


@attend.worked
def attention(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5  # (T, E) @ (E, S) -> (T, S)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)  # each query's shares add up to 1
    return p @ v, p  # (T, S) @ (S, V) -> (T, V)


@attend.right
def by_einsum(q, k, v):
    scores = np.einsum("...te,...se->...ts", q, k) / float(np.sqrt(q.shape[-1]))
    p = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    p /= p.sum(axis=-1)[..., None]
    return np.einsum("...ts,...sv->...tv", p, v), p


@attend.right
def query_by_query(q, k, v):
    p = np.empty((*q.shape[:-1], k.shape[-2]), q.dtype)
    y = np.empty((*q.shape[:-1], v.shape[-1]), q.dtype)
    for i in np.ndindex(q.shape[:-1]):
        scores = k[i[:-1]] @ q[i] * float(q.shape[-1]) ** -0.5  # (S,)
        e = np.exp(scores - scores.max())
        p[i] = e / e.sum()
        y[i] = p[i] @ v[i[:-1]]
    return y, p


# -- mistakes ----------------------------------------------------------------------------------------------


def softmax(scores, axis=-1):
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def scores_of(q, k):
    return q @ k.swapaxes(-1, -2)


@attend.mistake
def no_scale(q, k, v):
    p = softmax(scores_of(q, k))
    return p @ v, p


@attend.mistake
def scaled_by_the_width(q, k, v):
    p = softmax(scores_of(q, k) / q.shape[-1])
    return p @ v, p


@attend.mistake
def scaled_by_the_number_of_keys(q, k, v):
    p = softmax(scores_of(q, k) / k.shape[-2] ** 0.5)
    return p @ v, p


@attend.mistake
def scaled_up(q, k, v):
    p = softmax(scores_of(q, k) * q.shape[-1] ** 0.5)
    return p @ v, p


@attend.mistake
def softmax_over_queries(q, k, v):
    p = softmax(scores_of(q, k) / q.shape[-1] ** 0.5, axis=-2)
    return p @ v, p


@attend.mistake
def softmax_of_all(q, k, v):
    p = softmax(scores_of(q, k) / q.shape[-1] ** 0.5, axis=(-1, -2))
    return p @ v, p


@attend.mistake
def no_softmax(q, k, v):
    p = scores_of(q, k) / q.shape[-1] ** 0.5
    return p @ v, p


@attend.mistake
def scaled_after_softmax(q, k, v):
    p = softmax(scores_of(q, k)) / q.shape[-1] ** 0.5
    return p @ v, p


@attend.mistake
def exp_overflows(q, k, v):
    e = np.exp(scores_of(q, k) / q.shape[-1] ** 0.5)
    p = e / e.sum(axis=-1, keepdims=True)
    return p @ v, p


@attend.mistake
def all_axes_turned(q, k, v):
    p = softmax(q @ k.T / q.shape[-1] ** 0.5)
    return p @ v, p


@attend.mistake
def shares_first(q, k, v):
    p = softmax(scores_of(q, k) / q.shape[-1] ** 0.5)
    return p, p @ v


@attend.mistake
def scores_returned(q, k, v):
    scores = scores_of(q, k) / q.shape[-1] ** 0.5
    return softmax(scores) @ v, scores


@attend.mistake
def float64_scale(q, k, v):
    p = softmax(scores_of(q, k) / np.sqrt(np.float64(q.shape[-1])))
    return p @ v, p


@attend.two("no_scale", "softmax_over_queries")
def _(q, k, v):
    p = softmax(scores_of(q, k), axis=-2)
    return p @ v, p


@attend.two("softmax_over_queries", "scaled_by_the_width")
def _(q, k, v):
    p = softmax(scores_of(q, k) / q.shape[-1], axis=-2)
    return p @ v, p
