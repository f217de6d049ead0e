"""A student's attention in the library's place: forward by 11.2, backward by 11.4, or both at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .... import ops
from ....ops.attention import additive, default_scale, groups_of, kept_weights, repeated
from ...engine.places import Parts

op = ops.scaled_dot_product_attention
library = op.pairs["numpy"]
halves = Parts()  # "forward" and "backward"


def half(part: str, function: Callable) -> AbstractContextManager:
    """While it lasts, one half of the pair is `function`."""
    return halves.replaced(part, function, lambda: op.using(forward, backward))


def forward(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, attn_mask: Any = None, *, is_causal: bool = False,
    scale: float | None = None, dropout_p: float = 0.0, seed: int = 0, enable_gqa: bool = False,
) -> tuple:  # fmt: skip
    """y by the student's ``own(q, k, v, mask) -> (y, p)``, with the library's cache.

    What the student's function has no argument for is done around it: another scale is multiplied into q,
    shared heads are repeated. A mask of floats that are added to the scores is left to the library.
    """
    options: dict[str, Any] = {"is_causal": is_causal, "scale": scale, "dropout_p": dropout_p}
    added = additive(attn_mask, is_causal, q.shape[-2], k.shape[-2], q.dtype)
    plain = added is None or bool(np.isin(added, (0, -np.inf)).all())
    own = halves.of("forward")
    if own is None or not plain:
        return library.forward(q, k, v, attn_mask, seed=seed, enable_gqa=enable_gqa, **options)
    groups, usual = groups_of(q, k), default_scale(q.shape[-1])
    scale = usual if scale is None else scale
    shape = (*q.shape[:-1], k.shape[-2])
    mask = np.broadcast_to(True if added is None else added == 0, shape)
    values = repeated(v, groups)
    y, p = own(q * q.dtype.type(scale / usual), repeated(k, groups), values, mask)
    kept = kept_weights(p.shape, dropout_p, seed, q.dtype)
    return y if dropout_p == 0 else (p * kept) @ values, (q, k, v, attn_mask, p, kept, scale, groups)


def backward(dy: np.ndarray, cache: tuple) -> tuple:
    """By the student's ``own(dy, q, k, v, p) -> (dq, dk, dv)``.

    Dropped weights and shared heads, which it has no argument for, are left to the library.
    """
    q, k, v, mask, p, kept, scale, groups = cache
    known = groups == 1 and np.ndim(kept) == 0 and scale == default_scale(q.shape[-1])
    floating = mask is not None and mask.dtype != np.bool_
    own = halves.of("backward")
    if own is None or not known or floating:
        return library.pull(dy, cache, (True,) * 4)
    grads = tuple(own(dy, q, k, v, p))
    return grads if mask is None else (*grads, None)
