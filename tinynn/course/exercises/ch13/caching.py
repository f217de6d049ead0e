"""13.3: attention with a key/value cache, and rotary positions that go on where the cache ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .... import functional as F
from ....nn import KeyValueCache, SelfAttention
from ....nn.attention import merge_heads, split_heads
from ....ops.rotary import angles
from ....ops.rotary import turn as turned_by
from ....tensor import Tensor
from ...engine import draw
from ...engine.exercise import Case, Fill, case
from ...engine.places import in_place_of
from ...given import turn

caching = Fill(
    "13.3",
    "cached_attention(q, k, v, keys, values, turn)",
    returns="y keys values",
    level=3,
    minutes=10,
    tolerance=1e-5,
    dtype_matters=False,
)


def _inputs(rng: np.random.Generator, lead: tuple, t: int, s: int, e: int) -> tuple:
    q, k, v = rng.normal(size=(3, *lead, t, e))
    keys, values = rng.normal(size=(2, *lead, s, e))
    return q, k, v, keys, values, turn


@caching.cases
def _(rng: np.random.Generator) -> Iterator[Case]:
    yield case(*_inputs(rng, (), 1, 3, 2), note="one new token after three")
    yield case(*_inputs(rng, (), 3, 2, 4), note="three new tokens after two")
    yield case(*_inputs(rng, (), 4, 0, 4), note="a prompt of four, nothing in the cache yet")
    yield case(*_inputs(rng, (2,), 2, 5, 4), note="two heads, two new tokens after five")
    yield case(*_inputs(rng, (2,), 4, 4, 4), tags="square", note="sizes that agree")
    yield case(*_inputs(rng, (1, 3), 1, 9, 6), tags="one", note="three heads, one new token after nine")


@caching.drawn
def _(rng: np.random.Generator) -> Case:
    lead = draw.one_of(rng, (), (2,), (1, 3))
    s = draw.one_of(rng, 0, 1, draw.size(rng, most=20))
    return case(*_inputs(rng, lead, draw.size(rng, most=8), s, 2 * draw.size(rng, most=4)))


def _attended(q: Any, k: Any, v: Any, mask: Any) -> np.ndarray:
    scores = np.where(mask, q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True) @ v


def _step(q: Any, k: Any, v: Any, keys: Any, values: Any, turn: Callable, **how: Any) -> tuple:
    """The right step, or one with a part of it changed."""
    s, t = keys.shape[-2], q.shape[-2]
    q = turn(q, how.get("q_start", s))
    k = turn(k, how.get("k_start", s))
    keys, values = (np.concatenate(pair, axis=-2) for pair in ((keys, k), (values, v)))
    mask = how.get("mask", lambda t, s: np.tri(t, s + t, s, dtype=bool))(t, s)
    return _attended(q, how.get("seen", lambda a: a)(keys), values, mask), keys, values


@caching.reference
def _(q, k, v, keys, values, turn):
    return _step(q, k, v, keys, values, turn)


@caching.worked
def cached_attention(q, k, v, keys, values, turn):
    start = keys.shape[-2]  # as many tokens came before: the position of the first new one
    q, k = turn(q, start), turn(k, start)
    keys = np.concatenate([keys, k], axis=-2)  # (..., S + T, E)
    values = np.concatenate([values, v], axis=-2)
    scores = q @ keys.swapaxes(-1, -2) / q.shape[-1] ** 0.5  # (..., T, S + T)
    may = np.arange(keys.shape[-2]) <= start + np.arange(q.shape[-2])[:, None]
    scores = np.where(may, scores, -np.inf)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p = p / p.sum(axis=-1, keepdims=True)
    return p @ values, keys, values


@caching.right
def query_by_query(q, k, v, keys, values, turn):
    start = keys.shape[-2]
    keys = np.concatenate([keys, turn(k, start)], axis=-2)
    values, rows = np.concatenate([values, v], axis=-2), []
    for t in range(q.shape[-2]):
        one, upto = turn(q[..., t : t + 1, :], start + t), start + t + 1
        scores = np.einsum("...te,...se->...ts", one, keys[..., :upto, :]) / np.sqrt(q.shape[-1])
        p = np.exp(scores - scores.max(-1, keepdims=True))
        rows.append(p / p.sum(-1, keepdims=True) @ values[..., :upto, :])
    return np.concatenate(rows, axis=-2), keys, values


@caching.right
def as_a_whole_and_cut(q, k, v, keys, values, turn):
    """Queries of zeros for the tokens in the cache; their rows are thrown away."""
    start, t = keys.shape[-2], q.shape[-2]
    whole = np.concatenate([np.zeros_like(keys), turn(q, start)], axis=-2)
    keys = np.append(keys, turn(k, start), axis=-2)
    values = np.append(values, v, axis=-2)
    return _attended(whole, keys, values, np.tri(start + t, dtype=bool))[..., start:, :], keys, values


# -- mistakes --------------------------------------------------------------------------------------------


@caching.mistake
def positions_from_0(q, k, v, keys, values, turn):
    return _step(q, k, v, keys, values, turn, q_start=0, k_start=0)


@caching.mistake
def positions_one_behind(q, k, v, keys, values, turn):
    s = keys.shape[-2] + 1
    return _step(q, k, v, keys, values, turn, q_start=s, k_start=s)


@caching.mistake
def queries_from_0(q, k, v, keys, values, turn):
    return _step(q, k, v, keys, values, turn, q_start=0)


@caching.mistake
def keys_from_0(q, k, v, keys, values, turn):
    return _step(q, k, v, keys, values, turn, k_start=0)


@caching.mistake
def not_turned(q, k, v, keys, values, turn):
    return _step(q, k, v, keys, values, lambda x, start: x)


@caching.mistake
def keys_turned_again(q, k, v, keys, values, turn):
    s, t = keys.shape[-2], q.shape[-2]
    every = turn(np.concatenate([keys, k], axis=-2), 0)
    values = np.concatenate([values, v], axis=-2)
    return _attended(turn(q, s), every, values, np.tri(t, s + t, s, dtype=bool)), every, values


@caching.mistake
def values_turned(q, k, v, keys, values, turn):
    return _step(q, k, turn(v, keys.shape[-2]), keys, values, turn)


@caching.mistake
def no_mask(q, k, v, keys, values, turn):
    return _step(q, k, v, keys, values, turn, mask=lambda t, s: np.ones((t, s + t), bool))


@caching.mistake
def mask_from_the_first_key(q, k, v, keys, values, turn):
    return _step(q, k, v, keys, values, turn, mask=lambda t, s: np.tri(t, s + t, dtype=bool))


@caching.mistake
def sees_not_itself(q, k, v, keys, values, turn):
    def mask(t, s):
        may = np.tri(t, s + t, s - 1, dtype=bool)
        may[0, 0] |= not s
        return may

    return _step(q, k, v, keys, values, turn, mask=mask)


@caching.mistake
def cache_not_seen(q, k, v, keys, values, turn):
    t, s = q.shape[-2], keys.shape[-2]
    _, keys, values = _step(q, k, v, keys, values, turn)
    y = _attended(turn(q, s), keys[..., s:, :], values[..., s:, :], np.tri(t, dtype=bool))
    return y, keys, values


@caching.mistake
def cache_not_kept(q, k, v, keys, values, turn):
    y = _step(q, k, v, keys, values, turn)[0]
    return y, turn(k, keys.shape[-2]), v


@caching.mistake
def nothing_added(q, k, v, keys, values, turn):
    return _step(q, k, v, keys, values, turn)[0], keys, values


@caching.mistake
def unturned_keys_kept(q, k, v, keys, values, turn):
    y, _, after = _step(q, k, v, keys, values, turn)
    return y, np.concatenate([keys, k], axis=-2), after


@caching.mistake
def new_ones_in_front(q, k, v, keys, values, turn):
    y = _step(q, k, v, keys, values, turn)[0]
    front = np.concatenate([turn(k, keys.shape[-2]), keys], axis=-2)
    return y, front, np.concatenate([v, values], axis=-2)


@caching.mistake
def no_scale(q, k, v, keys, values, turn):
    return _step(q * q.shape[-1] ** 0.5, k, v, keys, values, turn)


@caching.two("positions_from_0", "no_mask")
def _(q, k, v, keys, values, turn):
    ones = lambda t, s: np.ones((t, s + t), bool)
    return _step(q, k, v, keys, values, turn, q_start=0, k_start=0, mask=ones)


@caching.two("values_turned", "no_mask")
def _(q, k, v, keys, values, turn):
    ones = lambda t, s: np.ones((t, s + t), bool)
    return _step(q, k, turn(v, keys.shape[-2]), keys, values, turn, mask=ones)


# -- inside the library --------------------------------------------------------------------------------------


@caching.swaps
def _(function: Callable) -> AbstractContextManager:
    """Where `SelfAttention` has a cache and rotary positions."""
    library = SelfAttention.forward

    def forward(self: SelfAttention, x: Any, cache: KeyValueCache | None = None) -> Tensor:
        if cache is None or self.rotary is None:
            return library(self, x, cache)
        q, k, v = F.split(self.qkv(x), self.sizes, -1)
        q, k, v = split_heads(q, self.heads), split_heads(k, self.kv_heads), split_heads(v, self.kv_heads)
        return self.proj(merge_heads(Tensor(_with(function, self, (q, k, v), cache))))

    return in_place_of(SelfAttention, "forward", forward)


def _with(function: Callable, part: SelfAttention, qkv: tuple[Tensor, ...], cache: KeyValueCache) -> Any:
    """The function's mix; what it says of keys and values goes into the cache."""
    q, k, v = (a.data for a in qkv)
    empty = (np.empty((*k.shape[:2], 0, k.shape[3]), k.dtype),) * 2
    kept = [room[:, :, : cache.length] for room in cache._room] or empty
    groups = part.heads // part.kv_heads
    wide = lambda a: np.repeat(a, groups, axis=1)  # a head of keys for each of queries
    by = lambda x, start: turned_by(x, *angles(*x.shape[-2:], int(start), float(part.rotary or 1), x.dtype))
    y, keys, values = function(q, *map(wide, (k, v, *kept)), by)
    new = slice(cache.length, None)
    cache.extend(*(Tensor(np.asarray(a)[:, ::groups, new].astype(q.dtype)) for a in (keys, values)))
    return np.asarray(y).astype(q.dtype)
