"""Scaled dot-product attention: a query takes a mean of the values, weighted by how well it fits their keys.

Shape letters: N batch, H heads, T queries, S keys, E width of a head. The axes before the last two are
batches, so (T, E), (N, T, E) and (N, H, T, E) all work.

Source: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin, Attention is all you
need, 2017. Grouped heads: Ainslie, Lee-Thorp, de Jong, Zemlyanskiy, Lebron and Sanghai, GQA, 2023.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from ..gpu.arrays import is_on_gpu
from .dropout import check_probability, uniform
from .elementwise import unbroadcast
from .op import Out, Spec
from .specs import require_flag, require_float, require_number, require_same_dtype, size

NAME = "scaled_dot_product_attention"
Shape = tuple[int, ...]

# -- the rule ----------------------------------------------------------------------------------------


def scaled_dot_product_attention_spec(
    q: Any,
    k: Any,
    v: Any,
    attn_mask: Any = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    dropout_p: float = 0.0,
    enable_gqa: bool = False,
    **_: Any,
) -> Spec:
    dtype = require_float(NAME, require_same_dtype(NAME, q=q, k=k, v=v), "q")
    require_flag(NAME, "is_causal", is_causal, "is_causal=True")
    require_flag(NAME, "enable_gqa", enable_gqa, "enable_gqa=True")
    check_probability(dropout_p)
    if scale is not None:
        require_number(NAME, "scale", scale)
    _check_shapes(q.shape, k.shape, v.shape, enable_gqa)
    scores = (*q.shape[:-1], k.shape[-2])  # (..., T, S)
    if attn_mask is not None:
        _check_mask(attn_mask, scores, dtype)
    flops = size(scores) * (2 * q.shape[-1] + 2 * v.shape[-1] + 15)
    return Spec(Out((*q.shape[:-1], v.shape[-1]), dtype), flops)


def _check_shapes(q: Shape, k: Shape, v: Shape, grouped: bool) -> None:
    got = f"q {q}, k {k} and v {v}"
    if not len(q) == len(k) == len(v) >= 2:
        raise ShapeError(NAME, got, "three times (N, H, T, E), or (..., T, E)", "x[None] for one example")
    if q[-1] != k[-1] or q[-1] == 0:
        raise ShapeError(
            NAME, f"{got}: width {q[-1]} against {k[-1]}", "queries as wide as keys",
            f"k @ weight of shape ({k[-1]}, {q[-1]})" if q[-1] and k[-1] else None,
        )  # fmt: skip
    if k[:-1] != v[:-1] or k[-2] == 0:
        raise ShapeError(NAME, got, "as many values as keys, at least one, with the same axes before them")
    if q[:-2] != k[:-2]:
        heads = q[-3:-2] + k[-3:-2]
        divides = q[:-3] == k[:-3] and heads[1] and heads[0] % heads[1] == 0
        if divides and not grouped:
            wanted = "as many heads in k and v as in q"
            raise ShapeError(NAME, got, wanted, "enable_gqa=True, which shares each of them")
        if not divides:
            wanted = "the same axes before the last two" + (
                f"; with enable_gqa, heads of k that divide the {heads[0]} of q" if grouped else ""
            )
            raise ShapeError(NAME, got, wanted)


def _check_mask(mask: Any, scores: Shape, dtype: np.dtype) -> None:
    if mask.dtype != np.bool_ and mask.dtype != dtype:
        hint = f"attn_mask.astype({'bool' if mask.dtype.kind in 'iu' else f'np.{dtype}'})"
        expected = f"bool (True where a query may look) or {dtype} (added to the scores)"
        raise DtypeError(NAME, f"attn_mask of dtype {mask.dtype}", expected, hint)
    pairs = zip(mask.shape[::-1], scores[::-1], strict=False)
    if len(mask.shape) > len(scores) or any(m not in (1, s) for m, s in pairs):
        of_keys = len(scores) == 4 and mask.shape == (scores[0], scores[-1])
        lined_up = "attn_mask[:, None, None, :] for one line of keys an example" if of_keys else None
        got = f"attn_mask {mask.shape} for scores {scores}"
        raise ShapeError(NAME, got, f"a shape that broadcasts to {scores}", lined_up)


# -- the pair ----------------------------------------------------------------------------------------


def default_scale(width: int) -> float:
    """1 / sqrt(E): the scores of random vectors keep variance 1, whatever their width."""
    return 1 / math.sqrt(width)


def repeated(x: np.ndarray, groups: int) -> np.ndarray:
    """Each head of keys or values `groups` times in a row, one for each head of queries that shares it."""
    return x if groups == 1 else np.repeat(x, groups, axis=-3)


def summed(dx: np.ndarray, groups: int) -> np.ndarray:
    """The gradient of `repeated`: the sum over the copies."""
    if groups == 1:
        return dx
    *batch, heads, n, width = dx.shape
    return dx.reshape(*batch, heads // groups, groups, n, width).sum(axis=-3)


def groups_of(q: Any, k: Any) -> int:
    """How many heads of queries share one of keys."""
    return q.shape[-3] // k.shape[-3] if len(q.shape) > 2 and k.shape[-3] else 1


def additive(
    attn_mask: Any, is_causal: bool, t: int, s: int, dtype: Any, like: Any = None
) -> np.ndarray | None:
    """What is added to the scores, of a shape that broadcasts to theirs: 0 or -inf, or the mask itself.

    It lies where `like` does.
    """
    mask = None
    if attn_mask is not None:
        mask = attn_mask if is_on_gpu(attn_mask) else np.asarray(attn_mask)
        mask = np.where(mask, 0, -np.inf).astype(dtype) if mask.dtype == np.bool_ else mask
    if is_causal:
        later = np.where(np.tri(t, s, dtype=bool, like=like), 0, -np.inf).astype(dtype)
        mask = later if mask is None else mask + later
    return mask


def kept_weights(shape: Shape, p: float, seed: int, dtype: Any, like: Any = None) -> np.ndarray | float:
    """1 / (1 - p) where a weight is kept and 0 where it is dropped, as `dropout` chooses; 1 for p = 0."""
    if p == 0:
        return 1.0
    kept = uniform(seed, size(shape), like).reshape(shape) >= np.float32(p)
    return kept.astype(dtype) * dtype.type(1 / (1 - p))


def scaled_dot_product_attention_forward(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    attn_mask: np.ndarray | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    dropout_p: float = 0.0,
    seed: int = 0,
    enable_gqa: bool = False,
) -> tuple:
    """y = p v with p = softmax(scale q k^T + mask): q (N, H, T, E), k (N, H, S, E), v (N, H, S, Ev).

    Parameters
    ----------
    attn_mask : array, broadcastable to (N, H, T, S)
        bool, True where a query may look at a key; or floating, added to the scores.
    is_causal : bool
        Query i looks at keys 0 .. i; together with `attn_mask`, both hold (PyTorch refuses the two).
    scale : float
        By default 1 / sqrt(E).
    dropout_p, seed : float, int
        Drop weights as `dropout` does, by the number of the weight in (N, H, T, S).
    enable_gqa : bool
        k and v may have fewer heads: each serves H / H_k heads of q, one after the other.

    A query that may look at nothing gets y = 0 and sends back no gradient, as in PyTorch 2.13.
    Cache: p, and with dropout what is kept: N H T S numbers each.
    Equals torch.nn.functional.scaled_dot_product_attention.
    """
    scale = default_scale(q.shape[-1]) if scale is None else scale
    groups = groups_of(q, k)
    scores = scale * (q @ repeated(k, groups).swapaxes(-1, -2))  # (..., T, S)
    mask = additive(attn_mask, is_causal, q.shape[-2], k.shape[-2], q.dtype, q)
    if mask is None:
        p = _softmax(scores)
    else:
        closed = mask == -np.inf  # for good: also where a score is NaN
        p = np.where(closed, 0, _softmax(np.where(closed, -np.inf, scores + mask)))
    kept = kept_weights(p.shape, dropout_p, seed, q.dtype, q)
    y = (p * kept) @ repeated(v, groups)  # (..., T, Ev)
    return y, (q, k, v, attn_mask, p, kept, scale, groups)


def _softmax(scores: np.ndarray) -> np.ndarray:
    """softmax of rows; 0 in a row of which every number is -inf."""
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(top == -np.inf, 0, top))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


def scaled_dot_product_attention_backward(
    dy: np.ndarray, cache: tuple, needs: tuple[bool, ...] = (True,) * 4
) -> tuple:
    """dv = p^T dy, dp = dy v^T, ds = p (dp - sum_j p dp), dq = scale ds k, dk = scale ds^T q, dmask = ds.

    The key of several queries' heads gets the sum of what they send.
    """
    q, k, v, mask, p, kept, scale, groups = cache
    dv = (p * kept).swapaxes(-1, -2) @ dy
    dp = (dy @ repeated(v, groups).swapaxes(-1, -2)) * kept
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True))
    dq = scale * (ds @ repeated(k, groups))
    dk = scale * (ds.swapaxes(-1, -2) @ q)
    grads = (dq, summed(dk, groups), summed(dv, groups))
    if mask is None:
        return grads
    floating = mask.dtype != np.bool_ and needs[3]
    return *grads, unbroadcast(ds, mask.shape) if floating else None


# -- the same out of other ops -------------------------------------------------------------------------


def attention_weights(
    F: Any, q: Any, k: Any, attn_mask: Any = None, is_causal: bool = False, scale: float | None = None
) -> Any:
    """p = softmax(scale q k^T + mask) by functions of F, for who wants to see the weights."""
    scale = default_scale(q.shape[-1]) if scale is None else scale
    scores = F.matmul(F.mul(q, scale), F.transpose(k, -1, -2))  # (..., T, S)
    given = None if attn_mask is None else F.plain_array(attn_mask)
    mask = additive(given, is_causal, q.shape[-2], k.shape[-2], q.dtype, F.plain_array(q))
    if mask is None:
        return F.softmax(scores, -1)
    open_ = np.broadcast_to(mask, scores.shape) != -np.inf
    blind = ~open_.any(axis=-1, keepdims=True)  # softmax of -inf alone would be NaN
    if given is not None and given.dtype != np.bool_:
        scores = F.add(scores, F.where(blind, 0.0, attn_mask))
    p = F.softmax(F.where(open_ | blind, scores, -np.inf), -1)
    return F.where(blind, 0.0, p) if is_on_gpu(blind) or blind.any() else p


def scaled_dot_product_attention_composition(
    F: Any,
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
    if (groups := groups_of(q, k)) > 1:
        heads = np.repeat(np.arange(k.shape[-3]), groups)
        k, v = (F.index(x, (..., heads, slice(None), slice(None))) for x in (k, v))
    p = attention_weights(F, q, k, attn_mask, is_causal, scale)
    if dropout_p:
        p = F.apply(F.ops.dropout, p, p=dropout_p, seed=seed)
    return F.matmul(p, v)
