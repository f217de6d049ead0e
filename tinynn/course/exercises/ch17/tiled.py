"""17.2: attention a tile of keys at a time, with a maximum that runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .... import ops
from ....errors import ArgumentError
from ....ops.attention import default_scale
from ....ops.attention_tiled import attention_tiled_gradients
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ..ch11.network import recalled

SIZE = 4  # keys of a tile, where the library's place is taken

tiled = Fill(
    "17.2", "tiled_attention(q, k, v, size, causal)", returns="y lse", level=3, minutes=12,
    dtype_matters=False, chained=True,
)  # fmt: skip


@tiled.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    def draw(*shapes: tuple[int, ...]) -> list[np.ndarray]:
        return [rng.normal(size=s) for s in shapes]

    q, k, v = (a.round(1) for a in draw((2, 2), (4, 2), (4, 3)))
    yield case(q, k, v, 2, False, note="2 queries, 4 keys in tiles of 2")
    yield case(*draw((3, 4), (5, 4), (5, 2)), 2, False, note="5 keys in tiles of 2: the last has one")
    yield case(*draw((6, 2), (6, 2), (6, 3)), 4, True, note="causal, 6 keys in tiles of 4")
    rising = np.arange(6)[:, None] * np.ones(2)
    yield case(np.ones((2, 2)), rising, draw((6, 2))[0], 2, False, note="scores that rise from tile to tile")
    yield case(np.ones((2, 2)), -rising, draw((6, 2))[0], 2, False, note="scores that fall")
    q, k, v = draw((3, 3), (3, 3), (3, 3))
    yield case(q, k, v, 3, False, tags="square", note="one tile holds all")
    yield case(q, k, v, 8, True, note="a tile larger than all keys")
    yield case(300 * q, 3 * k, v, 1, False, tags="large", note="scores in the hundreds, tiles of one key")
    yield case(*draw((1, 3), (4, 3), (4, 2)), 3, False, tags="one", note="a single query")
    yield case(*draw((4, 2), (7, 2), (7, 2)), 2, True, note="causal, more keys than queries")


@tiled.drawn
def _(rng: np.random.Generator) -> Case:
    t, s, e, w = draw.sizes(rng, 4, most=12)
    q, k, v = draw.arrays(rng, (t, e), (s, e), (s, w), kinds="usual whole equal sparse")
    q = q * q.dtype.type(draw.one_of(rng, 1, 1, 4, 30))
    return case(q, k, v, int(rng.integers(1, 15)), bool(rng.random() < 0.4))


@tiled.reference
def _(q, k, v, size, causal):
    y = ops.scaled_dot_product_attention.pairs["numpy"].forward(q, k, v, is_causal=causal)[0]
    scores = scores_of(q, k, slice(None), causal)
    top = scores.max(axis=1)
    return y, top + np.log(np.exp(scores - top[:, None]).sum(axis=1))


@tiled.worked
def tiled_attention(q, k, v, size, causal):
    m, l = np.full(len(q), -np.inf), np.zeros(len(q))  # (T,): nothing seen yet
    y = np.zeros((len(q), v.shape[1]))  # (T, V)
    for j in range(0, len(k), size):
        s = q @ k[j : j + size].T / q.shape[1] ** 0.5  # (T, E) @ (E, size) -> (T, size)
        if causal:
            later = np.arange(j, j + s.shape[1]) > np.arange(len(q))[:, None]
            s = np.where(later, -np.inf, s)
        higher = np.maximum(m, s.max(axis=1))
        e = np.exp(s - higher[:, None])
        shrink = np.exp(m - higher)  # what was summed before had the old maximum
        l = l * shrink + e.sum(axis=1)
        y = y * shrink[:, None] + e @ v[j : j + size]
        m = higher
    return y / l[:, None], m + np.log(l)


@tiled.right
def query_by_query(q, k, v, size, causal):
    y, lse = np.zeros((len(q), v.shape[1])), np.zeros(len(q))
    for i in range(len(q)):
        m, total, out = -np.inf, 0.0, np.zeros(v.shape[1])
        end = min(i + 1, len(k)) if causal else len(k)
        for j in range(0, end, size):
            stop = min(j + size, end)
            s = k[j:stop] @ q[i] / np.sqrt(q.shape[1])
            higher = max(m, s.max())
            e = np.exp(s - higher)
            total = total * np.exp(m - higher) + e.sum()
            out = out * np.exp(m - higher) + e @ v[j:stop]
            m = higher
        y[i], lse[i] = out / total, m + np.log(total)
    return y, lse


@tiled.right
def divided_as_it_goes(q, k, v, size, causal):
    """y is right after every tile, and lse is all of the state."""
    lse, y = np.full(len(q), -np.inf), np.zeros((len(q), v.shape[1]))
    for j in range(0, len(k), size):
        s = scores_of(q, k, slice(j, j + size), causal)
        both = np.logaddexp(lse, np.logaddexp.reduce(s, axis=1))
        y = y * np.exp(lse - both)[:, None] + np.exp(s - both[:, None]) @ v[j : j + size]
        lse = both
    return y, lse


# -- mistakes ------------------------------------------------------------------------------------------------


def scores_of(q, k, keys, causal, scale=None, places=None, ahead=0):
    """Scaled scores (T, keys); -inf where a key comes later than the query, if `causal`."""
    s = q @ k[keys].T * (default_scale(q.shape[1]) if scale is None else scale)
    if not causal:
        return s
    place = np.arange(len(k))[keys] if places is None else places(s.shape[1])
    return np.where(place + ahead > np.arange(len(q))[:, None], -np.inf, s)


def by_tiles(
    q, k, v, size, causal, *, total_shrinks=True, y_shrinks=True, top=None, way=1, end=None, **how
):  # fmt: skip
    """The state (m, l, y) after all tiles, with one thing or another done otherwise."""
    m, total, y = np.full(len(q), -np.inf), np.zeros(len(q)), np.zeros((len(q), v.shape[1]))
    for j in range(0, len(k) if end is None else end, size):
        keys = slice(j, j + size)
        s = scores_of(q, k, keys, causal, **how)
        higher = np.maximum(m, s.max(axis=1)) if top is None else top(s)
        e, shrink = np.exp(s - higher[:, None]), np.exp(way * (m - higher))
        total = total * (shrink if total_shrinks else 1) + e.sum(axis=1)
        y = y * (shrink[:, None] if y_shrinks else 1) + e @ v[keys]
        m = higher
    return m, total, y


def ended(m, total, y):
    return y / total[:, None], m + np.log(total)


@tiled.mistake
def accumulator_not_rescaled(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, y_shrinks=False))


@tiled.mistake
def total_not_rescaled(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, total_shrinks=False))


@tiled.mistake
def nothing_rescaled(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, total_shrinks=False, y_shrinks=False))


@tiled.mistake
def maximum_of_the_tile(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, top=lambda s: s.max(axis=1)))


@tiled.mistake
def rescaled_the_wrong_way(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, way=-1))


@tiled.mistake
def no_maximum(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, top=lambda s: np.zeros(len(s)), total_shrinks=False,
                           y_shrinks=False))  # fmt: skip


@tiled.mistake
def tail_left_out(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, end=len(k) // size * size))


@tiled.mistake
def counted_in_the_tile(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, places=np.arange))


@tiled.mistake
def causal_ignored(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, False))


@tiled.mistake
def itself_closed(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, ahead=1))


@tiled.mistake
def no_scale(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, causal, scale=1.0))


@tiled.mistake
def not_divided(q, k, v, size, causal):
    m, total, y = by_tiles(q, k, v, size, causal)
    return y, m + np.log(total)


@tiled.mistake
def softmax_in_each_tile(q, k, v, size, causal):
    _, lse = ended(*by_tiles(q, k, v, size, causal))
    y = np.zeros((len(q), v.shape[1]))
    for j in range(0, len(k), size):
        s = scores_of(q, k, slice(j, j + size), causal)
        top = s.max(axis=1, keepdims=True)
        e = np.exp(s - np.where(top == -np.inf, 0, top))
        total = e.sum(axis=1, keepdims=True)
        y += e / np.where(total == 0, 1, total) @ v[j : j + size]
    return y, lse


@tiled.mistake
def maximum_missing_in_lse(q, k, v, size, causal):
    _, total, y = by_tiles(q, k, v, size, causal)
    return y / total[:, None], np.log(total)


@tiled.mistake
def no_logarithm(q, k, v, size, causal):
    m, total, y = by_tiles(q, k, v, size, causal)
    return y / total[:, None], m + total


@tiled.two("no_scale", "causal_ignored")
def _(q, k, v, size, causal):
    return ended(*by_tiles(q, k, v, size, False, scale=1.0))


# -- in the library's place ----------------------------------------------------------------------------------


def head_by_head(function: Any, size: int = SIZE) -> Any:
    """The library's op by ``function(q, k, v, size, causal)``, a call a head; y and lse go to backward."""

    def forward(q, k, v, attn_mask=None, *, is_causal=False, scale=None, dropout_p=0.0, seed=0, **more):
        if attn_mask is not None or scale is not None or dropout_p or q.shape[:-2] != k.shape[:-2]:
            got = "attention with a mask of its own, another scale, dropout or shared heads"
            raise ArgumentError("tiled_attention", got, "plain or causal attention", "is_causal=True")
        y, lse = np.empty((*q.shape[:-1], v.shape[-1]), q.dtype), np.empty(q.shape[:-1], q.dtype)
        for head in np.ndindex(q.shape[:-2]):
            y[head], lse[head] = function(q[head], k[head], v[head], size, is_causal)
        return y, (q, k, v, y, lse, is_causal)

    def backward(dy, cache):
        q, k, v, y, lse, causal = cache
        return attention_tiled_gradients(dy, q, k, v, y, lse, causal, size)

    return ops.scaled_dot_product_attention.using(forward, backward)


tiled.casts = True  # into arrays of q's dtype, head by head


@tiled.swaps
def _(function):
    return head_by_head(function)


@tiled.trains
def _(function, optimizer, seed):
    with head_by_head(function):
        yield from recalled(optimizer, seed, texts=16, new=40)  # a call a head takes its time
