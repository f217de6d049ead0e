"""Attention with all scores in memory, to be read beside the tiled kernels; it takes heads of any width.

Products go to the device's BLAS; between them a kernel turns each row of scores into weights. N H T S numbers
are written and read several times, where the tiled kernels keep them in registers.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy import uint64

from ..gpu import cuda, empty, float32, launch, uint32
from .attention_call_cuda import Settings
from .attention_parts_cuda import LOW, make_scored
from .dropout_cuda import hashed
from .kernel_math_cuda import fast_exp as exp
from .team_cuda import FULL, WARP


@functools.cache
def make_weigh(MASK, DROPS):
    """Scores to weights, for one kind of mask, with or without dropout."""
    scored = make_scored(MASK)

    @cuda.jit
    def weigh(s, mask, by_example, by_head, by_query, by_key, p, kept, causal, heads, dropout, seed):
        """p = softmax(s + mask) of each row of s (B, T, S), and kept, what dropout leaves: a warp a row.

        Each lane takes every 32nd key, so that neighbours read neighbouring numbers. Three walks over the
        row: maximum, sum, weights. Bytes: 16 a score (20 with dropout), half of them from the caches.
        """
        queries, keys, lane = uint32(s.shape[1]), uint32(s.shape[2]), uint32(cuda.threadIdx.x)
        head, i = uint32(cuda.blockIdx.x) // queries, uint32(cuda.blockIdx.x) % queries
        place = head // heads * by_example + head % heads * by_head + i * by_query
        top, j = LOW, lane
        while j < keys:
            x = scored(s[head, i, j], mask, place + j * by_key, causal and j > i)
            p[head, i, j] = x
            top = x if x > top else top
            j += uint32(WARP)
        step = 16
        while step > 0:
            other = cuda.shfl_xor_sync(FULL, top, step)
            top = other if other > top else top
            step //= 2
        total, j = float32(0), lane
        while j < keys:
            x = p[head, i, j]
            e = exp(x - top) if not x <= LOW else float32(0)
            p[head, i, j] = e
            total += e
            j += uint32(WARP)
        step = 16
        while step > 0:
            total += cuda.shfl_xor_sync(FULL, total, step)
            step //= 2
        inverse = float32(0) if total == float32(0) else float32(1) / total
        j = lane
        while j < keys:
            weight = p[head, i, j] * inverse
            p[head, i, j] = weight
            if DROPS:
                number = (uint64(head) * uint64(queries) + uint64(i)) * uint64(keys) + uint64(j)
                keeps = hashed(seed, number) >= dropout
                kept[head, i, j] = weight / (float32(1) - dropout) if keeps else float32(0)
            j += uint32(WARP)

    return weigh


@functools.cache
def make_weigh_back(DROPS):
    @cuda.jit
    def weigh_back(p, dp, ds, dropout, seed):
        """ds = p (dp - sum_j p dp) for each row of p and dp (B, T, S): a warp a row. 16 bytes a score.

        With dropout dp is first multiplied by what the forward pass kept, which the hash tells again.
        """
        queries, keys, lane = uint32(p.shape[1]), uint32(p.shape[2]), uint32(cuda.threadIdx.x)
        head, i = uint32(cuda.blockIdx.x) // queries, uint32(cuda.blockIdx.x) % queries
        mean, j = float32(0), lane
        while j < keys:
            dx = dp[head, i, j]
            if DROPS:
                number = (uint64(head) * uint64(queries) + uint64(i)) * uint64(keys) + uint64(j)
                dx = dx / (float32(1) - dropout) if hashed(seed, number) >= dropout else float32(0)
            ds[head, i, j] = dx
            mean += p[head, i, j] * dx
            j += uint32(WARP)
        step = 16
        while step > 0:
            mean += cuda.shfl_xor_sync(FULL, mean, step)
            step //= 2
        j = lane
        while j < keys:
            ds[head, i, j] = p[head, i, j] * (ds[head, i, j] - mean)
            j += uint32(WARP)

    return weigh_back


# -- the two passes; q is (B, T, E), k and v (B / group, S, E) ---------------------------------------------


def grouped(x: Any, group: int) -> Any:
    """(B, T, E) as (B / group, group, T, E): beside the heads of keys that they share."""
    return x.reshape(-1, group, *x.shape[1:])


def plain_forward(q: Any, k: Any, v: Any, settings: Settings) -> tuple:
    """(y, p, kept) with all weights in memory."""
    group, scaled = len(q) // len(k), q * np.float32(settings.scale)
    s = np.matmul(grouped(scaled, group), k[:, None].swapaxes(-1, -2)).reshape(*q.shape[:2], -1)
    p = empty(s.shape, like=q)
    kept = empty(s.shape, like=q) if settings.dropout else p
    launch(
        make_weigh(*settings.kind), s.shape[0] * s.shape[1], WARP,
        s, *settings.masked.arguments, p, kept, int(settings.causal), np.uint32(settings.heads),
        *settings.chance,
    )  # fmt: skip
    y = np.matmul(grouped(kept, group), v[:, None])  # (B / group, group, T, Ev)
    return y.reshape(*q.shape[:2], -1), p, kept


def plain_backward(dy: Any, q: Any, k: Any, v: Any, p: Any, kept: Any, settings: Settings) -> tuple:
    """(dq, dk, dv, ds) from the weights in memory."""
    group, scale = len(q) // len(k), np.float32(settings.scale)
    dp = np.matmul(grouped(dy, group), v[:, None].swapaxes(-1, -2)).reshape(p.shape)
    ds = empty(p.shape, like=p)
    launch(make_weigh_back(settings.dropout > 0), p.shape[0] * p.shape[1], WARP, p, dp, ds, *settings.chance)
    to_scores = grouped(ds, group)
    dq = np.matmul(to_scores, k[:, None] * scale).reshape(q.shape)
    dk = np.matmul(to_scores.swapaxes(-1, -2), grouped(q * scale, group)).sum(axis=1)
    dv = np.matmul(grouped(kept, group).swapaxes(-1, -2), grouped(dy, group)).sum(axis=1)
    return dq, dk, dv, ds
