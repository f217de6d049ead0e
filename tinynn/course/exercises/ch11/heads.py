"""11.3: several heads side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ....ops.attention import scaled_dot_product_attention_forward as forward
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from .attend import scores_of, softmax

heads = Fill("11.3", "multihead(q, k, v, heads)", returns="y", level=2, minutes=7)


@heads.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(n: int, t: int, s: int, d: int, dtype: type = np.float64) -> list[np.ndarray]:
        return [rng.normal(size=(n, length, d)).astype(dtype) for length in (t, s, s)]

    yield case(
        *[a.round(1) for a in draw(1, 2, 3, 4)], 2, note="1 example, 2 queries, 3 keys, 2 heads of width 2"
    )
    yield case(*draw(2, 3, 4, 6), 3, note="2 examples, 3 heads of width 2")
    yield case(*draw(2, 4, 4, 8), 2, tags="square", note="4 queries, 4 keys, 2 heads of width 4")
    yield case(*draw(2, 2, 2, 4), 2, tags="square", note="everything 2")
    yield case(*draw(2, 3, 5, 4), 1, tags="one", note="a single head")
    yield case(*draw(1, 2, 3, 3), 3, note="heads of width 1")
    q, k, v = draw(1, 2, 3, 4)
    yield case(60 * q, 60 * k, v, 2, tags="large", note="scores in the thousands")
    yield case(*draw(2, 3, 2, 4, np.float32), 2, tags="float32", note="float32")


@heads.drawn
def _(rng: np.random.Generator) -> Case:
    n, t, s = draw.sizes(rng, 3, most=8)
    h, e = draw.sizes(rng, 2, most=6)
    return case(*draw.arrays(rng, (n, t, h * e), *[(n, s, h * e)] * 2, kinds="usual whole sparse"), h)


@heads.reference
def _(q, k, v, heads):
    y, _ = forward(*(_split(x, heads) for x in (q, k, v)))
    return y.transpose(0, 2, 1, 3).reshape(q.shape)


def _split(x, heads):
    n, t, d = x.shape
    return x.reshape(n, t, heads, d // heads).transpose(0, 2, 1, 3)


@heads.worked
def multihead(q, k, v, heads):
    n, t, d = q.shape

    def split(x):
        return x.reshape(n, -1, heads, d // heads).transpose(0, 2, 1, 3)  # (N, T, D) -> (N, H, T, E)

    q, k, v = split(q), split(k), split(v)
    scores = q @ k.swapaxes(-1, -2) / (d // heads) ** 0.5  # (N, H, T, S): by the head's width
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    y = e / e.sum(axis=-1, keepdims=True) @ v  # (N, H, T, E)
    return y.transpose(0, 2, 1, 3).reshape(n, t, d)  # turned back first, then merged


@heads.right
def slice_by_slice(q, k, v, heads):
    width = q.shape[-1] // heads
    parts = []
    for h in range(heads):
        own = slice(h * width, (h + 1) * width)
        parts.append(softmax(scores_of(q[..., own], k[..., own]) / width**0.5) @ v[..., own])
    return np.concatenate(parts, axis=-1)


@heads.right
def by_einsum(q, k, v, heads):
    q, k, v = (x.reshape(*x.shape[:2], heads, -1) for x in (q, k, v))
    p = softmax(np.einsum("nthe,nshe->nhts", q, k) / q.shape[-1] ** 0.5)
    return np.einsum("nhts,nshe->nthe", p, v).reshape(*q.shape[:2], -1)


# -- mistakes: each changes one part of `_heads` -------------------------------------------------------------


def merged(y):
    n, h, t, e = y.shape
    return y.transpose(0, 2, 1, 3).reshape(n, t, h * e)


def _heads(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, heads: int, *, split: Callable = _split,
    merge: Callable = merged, width: int = 0, axis: int = -1,
) -> np.ndarray:  # fmt: skip
    width = width or q.shape[-1] // heads
    q, k, v = (split(x, heads) for x in (q, k, v))
    return merge(softmax(scores_of(q, k) / width**0.5, axis) @ v)


@heads.mistake
def scaled_by_the_whole_width(q, k, v, heads):
    return _heads(q, k, v, heads, width=q.shape[-1])


@heads.mistake
def no_scale(q, k, v, heads):
    return _heads(q, k, v, heads, width=1)


@heads.mistake
def scaled_by_the_heads(q, k, v, heads):
    return _heads(q, k, v, heads, width=heads)


@heads.mistake
def split_without_turning(q, k, v, heads):
    return _heads(q, k, v, heads, split=lambda x, h: x.reshape(len(x), h, x.shape[1], x.shape[2] // h))


@heads.mistake
def merged_without_turning(q, k, v, heads):
    return _heads(q, k, v, heads, merge=lambda y: y.reshape(len(y), y.shape[2], -1))


@heads.mistake
def never_turned(q, k, v, heads):
    return _heads(
        q, k, v, heads,
        split=lambda x, h: x.reshape(len(x), h, x.shape[1], x.shape[2] // h),
        merge=lambda y: y.reshape(len(y), y.shape[2], -1),
    )  # fmt: skip


@heads.mistake
def heads_look_at_each_other(q, k, v, heads):
    """Split, but not turned: within a token, head looks at head."""
    n, t, d = q.shape
    if k.shape[1] != t:
        raise ValueError(f"operands could not be broadcast together with shapes {q.shape} {k.shape}")
    return _heads(
        q, k, v, heads,
        split=lambda x, h: x.reshape(n, -1, h, d // h),
        merge=lambda y: y.reshape(n, t, d),
    )  # fmt: skip


@heads.mistake
def one_wide_head(q, k, v, heads):
    return softmax(scores_of(q, k) / q.shape[-1] ** 0.5) @ v


@heads.mistake
def one_wide_head_scaled_as_many(q, k, v, heads):
    return softmax(scores_of(q, k) / (q.shape[-1] // heads) ** 0.5) @ v


@heads.mistake
def axes_in_the_wrong_order(q, k, v, heads):
    return _heads(q, k, v, heads, split=lambda x, h: x.reshape(*x.shape[:2], -1, h).transpose(0, 3, 1, 2))


@heads.mistake
def not_merged(q, k, v, heads):
    return _heads(q, k, v, heads, merge=lambda y: y)


@heads.mistake
def mean_of_the_heads(q, k, v, heads):
    return _heads(q, k, v, heads, merge=lambda y: y.mean(axis=1))


@heads.mistake
def softmax_over_queries(q, k, v, heads):
    return _heads(q, k, v, heads, axis=-2)


@heads.mistake
def softmax_over_heads(q, k, v, heads):
    return _heads(q, k, v, heads, axis=1)


@heads.two("split_without_turning", "no_scale")
def _(q, k, v, heads):
    return _heads(
        q, k, v, heads, split=lambda x, h: x.reshape(len(x), h, x.shape[1], x.shape[2] // h), width=1
    )


@heads.two("scaled_by_the_whole_width", "merged_without_turning")
def _(q, k, v, heads):
    return _heads(q, k, v, heads, merge=lambda y: y.reshape(len(y), y.shape[2], -1), width=q.shape[-1])
