"""scaled_dot_product_attention on the GPU: which kernels run, with tiles of which sizes.

Heads up to 128 wide run tile by tile, with memory linear in T; wider ones, and the gradient of a mask, with
all scores in memory. Why these tiles: a block's tiles must fit in 48 KB of shared memory, and its threads in
enough registers that two to five blocks share a multiprocessor (`resources` lists both).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..gpu import blocks, empty, launch
from .attention import default_scale
from .attention_back_cuda import attention_means, make_attend_keys, make_attend_queries
from .attention_call_cuda import Settings, Tiles, masked_by
from .attention_plain_cuda import plain_backward, plain_forward
from .attention_tiled_cuda import make_attend
from .elementwise import unbroadcast

Needs = tuple[bool, ...]


TOY = Tiles(8, 8, 8, 4, 8)  # one warp: for the small heads of examples, which the interpreter runs too
FORWARD = [TOY, Tiles(64, 64, 32, 8, 16), Tiles(64, 32, 64, 8, 16), Tiles(32, 16, 128, 8, 16)]
BACKWARD = [TOY, Tiles(64, 32, 32, 8, 16), Tiles(32, 32, 64, 4, 16), Tiles(16, 16, 128, 4, 16)]


def tiles_for(width: int, ladder: list[Tiles]) -> Tiles | None:
    """The narrowest tiles that hold a head of that width."""
    return next((tiles for tiles in ladder if width <= tiles.width), None)


def _flat(x: Any) -> Any:
    """(..., T, E) as (B, T, E)."""
    return x.reshape(-1, *x.shape[-2:])


def scaled_dot_product_attention_forward(
    q: Any,
    k: Any,
    v: Any,
    attn_mask: Any = None,
    is_causal: bool = False,
    scale: float | None = None,
    dropout_p: float = 0.0,
    seed: int = 0,
    enable_gqa: bool = False,
) -> Any:
    if attn_mask is not None and q.ndim > 4:
        return NotImplemented
    factor = default_scale(q.shape[-1]) if scale is None else scale
    heads = q.shape[-3] if q.ndim > 2 else 1
    settings = Settings(masked_by(attn_mask, q), factor, is_causal, heads, dropout_p, seed)
    flat = _flat(q), _flat(k), _flat(v)
    tiles = tiles_for(max(q.shape[-1], v.shape[-1]), FORWARD)
    y, *kept = attend_in_tiles(*flat, settings, tiles) if tiles else plain_forward(*flat, settings)
    cache = (q, k, v, attn_mask, settings, y, kept, tiles is not None)
    return y.reshape(*q.shape[:-1], v.shape[-1]), cache


def attend_in_tiles(q: Any, k: Any, v: Any, settings: Settings, tiles: Tiles) -> tuple:
    """(y, m, 1 / l) by the tiled kernel; two numbers a query are kept for backward."""
    batch, queries = q.shape[:2]
    y = empty((batch, queries, v.shape[2]), like=q)
    tops, inverses = empty((batch, queries), like=q), empty((batch, queries), like=q)
    launch(
        make_attend(*tiles, *settings.kind), blocks(queries, tiles.rows) * batch, tiles.block,
        q, k, v, *settings.masked.arguments, y, tops, inverses, *settings.numbers(batch // len(k)),
    )  # fmt: skip
    return y, tops, inverses


def scaled_dot_product_attention_backward(dy: Any, cache: tuple, needs: Needs = (True,) * 4) -> tuple:
    q, k, v, attn_mask, settings, y, kept, in_tiles = cache
    inputs = _flat(dy), _flat(q), _flat(k), _flat(v)
    learns = attn_mask is not None and attn_mask.dtype != np.bool_ and needs[3]
    if in_tiles and not learns:
        grads = back_in_tiles(*inputs, y, tuple(kept), settings)
    else:  # a mask that learns is rare, and its gradient as large as the scores
        _, p, dropped = plain_forward(*inputs[1:], settings) if in_tiles else (None, *kept)
        *grads, ds = plain_backward(*inputs, p, dropped, settings)
    grads = [g.reshape(x.shape) for g, x in zip(grads, (q, k, v), strict=True)]
    if attn_mask is None:
        return tuple(grads)
    return *grads, unbroadcast(ds.reshape(*q.shape[:-1], -1), attn_mask.shape) if learns else None


def back_in_tiles(dy: Any, q: Any, k: Any, v: Any, y: Any, kept: tuple, settings: Settings) -> list:
    """[dq, dk, dv] by the tiled kernels; `kept` are m and 1 / l."""
    batch, queries, group = q.shape[0], q.shape[1], len(q) // len(k)
    tiles = tiles_for(max(q.shape[-1], v.shape[-1]), BACKWARD)
    assert tiles is not None
    delta, dq, dk, dv = [empty(shape, like=q) for shape in (q.shape[:2], q.shape, k.shape, v.shape)]
    launch(
        attention_means, batch * queries, 32, *[x.reshape(-1, x.shape[2]) for x in (y, dy)], delta.reshape(-1)
    )
    inputs = q, k, v, *settings.masked.arguments, *kept, delta, dy
    launch(
        make_attend_queries(*tiles, *settings.kind), blocks(queries, tiles.rows) * batch, tiles.block,
        *inputs, dq, *settings.numbers(group),
    )  # fmt: skip
    launch(
        make_attend_keys(*tiles, *settings.kind), blocks(k.shape[1], tiles.rows) * len(k), tiles.block,
        *inputs, dk, dv, *settings.numbers(group),
    )  # fmt: skip
    return [dq, dk, dv]
