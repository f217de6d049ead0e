"""Attention a tile at a time, in NumPy, to be read; the kernel in `attention_numba` does the same.

No array here is longer than a tile in both directions, so memory grows with T, not with T^2.

Sources: Milakov and Gimelshein, Online normalizer calculation for softmax, 2018; Dao, Fu, Ermon, Rudra and
Re, FlashAttention: fast and memory-efficient exact attention with IO-awareness, 2022.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .attention import default_scale


def tiles(t: int, s: int, size: int, is_causal: bool) -> Iterator[tuple[slice, slice]]:
    """(queries, keys) of every tile; with `is_causal` without those of which every key comes later."""
    for i in range(0, t, size):
        for j in range(0, s, size):
            if not is_causal or j < i + size:
                yield slice(i, min(i + size, t)), slice(j, min(j + size, s))


def scores(q: np.ndarray, k: np.ndarray, rows: slice, columns: slice, is_causal: bool) -> np.ndarray:
    """scale q k^T of one tile, -inf where the key comes later than the query."""
    s = default_scale(q.shape[-1]) * (q[..., rows, :] @ k[..., columns, :].swapaxes(-1, -2))
    if is_causal:
        later = np.arange(columns.start, columns.stop) > np.arange(rows.start, rows.stop)[:, None]
        s = np.where(later, -np.inf, s)
    return s


def attention_tiled(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, is_causal: bool = False, size: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """(y, lse): what scaled_dot_product_attention gives, and the logarithm of each query's sum of exp.

    For each query a maximum m, a sum l and a weighted sum y are kept. A new tile may raise the maximum;
    what was summed before shrinks by e^(m - m').
    """
    m = np.full(q.shape[:-1], -np.inf, q.dtype)
    total = np.zeros(q.shape[:-1], q.dtype)
    y = np.zeros((*q.shape[:-1], v.shape[-1]), q.dtype)
    for rows, columns in tiles(q.shape[-2], k.shape[-2], size, is_causal):
        s = scores(q, k, rows, columns, is_causal)
        higher = np.maximum(m[..., rows], s.max(axis=-1))
        e = np.exp(s - higher[..., None])
        shrink = np.exp(m[..., rows] - higher)
        total[..., rows] = total[..., rows] * shrink + e.sum(axis=-1)
        y[..., rows, :] = y[..., rows, :] * shrink[..., None] + e @ v[..., columns, :]
        m[..., rows] = higher
    return y / total[..., None], m + np.log(total)


def attention_tiled_gradients(
    dy: np.ndarray,
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    y: np.ndarray,
    lse: np.ndarray,
    is_causal: bool = False,
    size: int = 64,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dq, dk and dv; the weights are computed again, p = e^(s - lse), a tile at a time.

    ds = p (dp - sum_j p dp), and the sum needs no whole row: sum_j p_j (dy . v_j) = dy . y.
    """
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    scale = default_scale(q.shape[-1])
    mean = (dy * y).sum(axis=-1)
    for rows, columns in tiles(q.shape[-2], k.shape[-2], size, is_causal):
        p = np.exp(scores(q, k, rows, columns, is_causal) - lse[..., rows, None])
        dv[..., columns, :] += p.swapaxes(-1, -2) @ dy[..., rows, :]
        dp = dy[..., rows, :] @ v[..., columns, :].swapaxes(-1, -2)
        ds = scale * p * (dp - mean[..., rows, None])
        dq[..., rows, :] += ds @ k[..., columns, :]
        dk[..., columns, :] += ds.swapaxes(-1, -2) @ q[..., rows, :]
    return dq, dk, dv
