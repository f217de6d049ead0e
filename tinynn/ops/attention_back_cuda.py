"""Attention's gradients a tile at a time, with the weights computed again: p = e^(s - m) / l.

    dv = p^T dy;  dp = dy v^T;  ds = p (dp - delta);  dq = scale ds k;  dk = scale ds^T q

delta = sum_j p dp needs no whole row of p: it is dy . y. Two kernels go over the tiles, so that every number
has one thread that sums it and no atomics are needed: one holds a tile of queries and meets all keys (dq),
the other holds a tile of keys and meets all queries (dk and dv). Both compute s and dp, which makes 7
products where 5 would do.

Source: Dao, Fu, Ermon, Rudra and Re, FlashAttention, 2022, with the loops of Dao, FlashAttention-2, 2023.
"""

from __future__ import annotations

import functools

from numpy import uint64

from ..gpu import cuda, float32, uint32
from .attention_parts_cuda import LOW, make_column, make_dots, make_load, make_mix, make_scored
from .dropout_cuda import hashed
from .kernel_math_cuda import fast_exp as exp
from .team_cuda import FULL


@cuda.jit
def attention_means(y, dy, delta):
    """delta = y . dy of each query (rows of y (rows, E)): a warp for a row. 8 bytes and 2 FLOPs a number."""
    lane, row = uint32(cuda.threadIdx.x), uint32(cuda.blockIdx.x)
    total, e = float32(0), lane
    while e < uint32(y.shape[1]):
        total += y[row, e] * dy[row, e]
        e += uint32(32)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(FULL, total, step)
        step //= 2
    if lane == uint32(0):
        delta[row] = total


@functools.cache
def make_attend_queries(BQ, BK, WIDTH, TY, TX, MASK, DROPS):
    """dq for heads up to WIDTH wide: tiles of BQ queries and BK keys, TY x TX threads."""
    THREADS, ROWS, COLUMNS, SHOWN = TY * TX, BQ // TY, BK // TX, WIDTH // TX
    WIDE, LONG = WIDTH + 4, BK + 4
    load_queries, load_keys = make_load(BQ, WIDTH, THREADS), make_load(BK, WIDTH, THREADS)
    dots, mix = make_dots(TY, TX, ROWS, COLUMNS, WIDTH), make_mix(TY, TX, ROWS, SHOWN, BK)
    scored, column = make_scored(MASK), make_column(TX, SHOWN)

    @cuda.jit
    def attend_queries(
        q, k, v, mask, by_example, by_head, by_query, by_key, tops, inverses, delta, dy, dq, scale, causal,
        heads, group, dropout, seed,
    ):  # fmt: skip
        """dq = scale sum_j ds_j k_j: a block for BQ queries of a head, which goes over the keys.

        Bytes: q, dy and dq once, k and v T / BQ times. FLOPs: 6 T S E a head, half with `causal`.
        """
        qs = cuda.shared.array((BQ, WIDE), float32, alignment=16)
        dys = cuda.shared.array((BQ, WIDE), float32, alignment=16)
        ks = cuda.shared.array((BK, WIDE), float32, alignment=16)
        vs = cuda.shared.array((BK, WIDE), float32, alignment=16)
        ds = cuda.shared.array((BQ, LONG), float32, alignment=16)
        s, dp = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
        out = cuda.local.array((ROWS, SHOWN), float32)
        tx, ty = uint32(cuda.threadIdx.x), uint32(cuda.threadIdx.y)
        width = uint32(q.shape[2])
        tid = ty * uint32(TX) + tx
        queries, keys, batch = uint32(q.shape[1]), uint32(k.shape[1]), uint32(q.shape[0])
        head, tile = uint32(cuda.blockIdx.x) % batch, uint32(cuda.blockIdx.x) // batch
        i0 = (uint32(cuda.gridDim.x) // batch - uint32(1) - tile) * uint32(BQ)
        base = head // heads * by_example + head % heads * by_head

        load_queries(q, head, i0, scale, tid, qs)
        load_queries(dy, head, i0, float32(1), tid, dys)
        for a in range(ROWS):
            for c in range(SHOWN):
                out[a, c] = float32(0)
        end = min(keys, i0 + uint32(BQ)) if causal else keys
        j0 = uint32(0)
        while j0 < end:
            load_keys(k, head // group, j0, float32(1), tid, ks)
            load_keys(v, head // group, j0, float32(1), tid, vs)
            cuda.syncthreads()
            dots(qs, ks, ty, tx, s)
            dots(dys, vs, ty, tx, dp)
            for a in range(ROWS):
                i = i0 + ty + uint32(a * TY)
                inside = min(i, queries - uint32(1))  # the last one, for rows beyond it
                top, inverse, mean = tops[head, inside], inverses[head, inside], delta[head, inside]
                for b in range(COLUMNS):
                    j = j0 + tx + uint32(b * TX)
                    closed = i >= queries or j >= keys or (causal and j > i)
                    x = scored(s[a, b], mask, base + i * by_query + j * by_key, closed)
                    p = exp(x - top) * inverse if not x <= LOW else float32(0)
                    dx = dp[a, b]
                    if DROPS:
                        number = (uint64(head) * uint64(queries) + uint64(i)) * uint64(keys) + uint64(j)
                        dx = dx / (float32(1) - dropout) if hashed(seed, number) >= dropout else float32(0)
                    ds[ty + uint32(a * TY), tx + uint32(b * TX)] = (
                        p * (dx - mean) if not x <= LOW else float32(0)
                    )
            cuda.syncwarp()  # a row of ds is written and read by one warp
            mix(ds, ks, ty, tx, out)
            cuda.syncthreads()
            j0 += uint32(BK)

        for a in range(ROWS):
            i = i0 + ty + uint32(a * TY)
            for c in range(SHOWN):
                e = column(tx, c)
                if i < queries and e < width:
                    dq[head, i, e] = scale * out[a, c]

    return attend_queries


@functools.cache
def make_attend_keys(BK, BQ, WIDTH, TY, TX, MASK, DROPS):
    """dk and dv for heads up to WIDTH wide: tiles of BK keys and BQ queries, TY x TX threads."""
    THREADS, ROWS, COLUMNS, SHOWN = TY * TX, BK // TY, BQ // TX, WIDTH // TX
    WIDE, LONG = WIDTH + 4, BQ + 4
    load_queries, load_keys = make_load(BQ, WIDTH, THREADS), make_load(BK, WIDTH, THREADS)
    dots, mix = make_dots(TY, TX, ROWS, COLUMNS, WIDTH), make_mix(TY, TX, ROWS, SHOWN, BQ)
    scored, column = make_scored(MASK), make_column(TX, SHOWN)

    @cuda.jit
    def attend_keys(
        q, k, v, mask, by_example, by_head, by_query, by_key, tops, inverses, delta, dy, dk, dv, scale,
        causal, heads, group, dropout, seed,
    ):  # fmt: skip
        """dk = scale sum_i ds_i q_i and dv = sum_i p_i dy_i: a block for BK keys of a head of keys.

        It goes over the queries of all heads that share those keys. Rows of the tiles are keys here and
        columns queries. Bytes: k, v, dk and dv once, q and dy S / BK times. FLOPs: 8 T S E a head of
        queries, half with `causal`, which leaves out the queries before the keys.
        """
        qs = cuda.shared.array((BQ, WIDE), float32, alignment=16)
        dys = cuda.shared.array((BQ, WIDE), float32, alignment=16)
        ks = cuda.shared.array((BK, WIDE), float32, alignment=16)
        vs = cuda.shared.array((BK, WIDE), float32, alignment=16)
        ps = cuda.shared.array((BK, LONG), float32, alignment=16)
        s, dp = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, COLUMNS), float32)
        to_k, to_v = cuda.local.array((ROWS, SHOWN), float32), cuda.local.array((ROWS, SHOWN), float32)
        tx, ty = uint32(cuda.threadIdx.x), uint32(cuda.threadIdx.y)
        width, shown = uint32(q.shape[2]), uint32(v.shape[2])
        tid = ty * uint32(TX) + tx
        queries, keys, batch = uint32(q.shape[1]), uint32(k.shape[1]), uint32(k.shape[0])
        shared, j0 = uint32(cuda.blockIdx.x) % batch, uint32(cuda.blockIdx.x) // batch * uint32(BK)

        load_keys(k, shared, j0, float32(1), tid, ks)
        load_keys(v, shared, j0, float32(1), tid, vs)
        for a in range(ROWS):
            for c in range(SHOWN):
                to_k[a, c], to_v[a, c] = float32(0), float32(0)
        head = shared * group
        while head < (shared + uint32(1)) * group:
            base = head // heads * by_example + head % heads * by_head
            i0 = j0 // uint32(BQ) * uint32(BQ) if causal else uint32(0)
            while i0 < queries:
                load_queries(q, head, i0, scale, tid, qs)
                load_queries(dy, head, i0, float32(1), tid, dys)
                cuda.syncthreads()
                dots(ks, qs, ty, tx, s)
                dots(vs, dys, ty, tx, dp)
                for b in range(COLUMNS):
                    i = i0 + tx + uint32(b * TX)
                    inside = min(i, queries - uint32(1))
                    top, inverse, mean = tops[head, inside], inverses[head, inside], delta[head, inside]
                    for a in range(ROWS):
                        j = j0 + ty + uint32(a * TY)
                        closed = i >= queries or j >= keys or (causal and j > i)
                        x = scored(s[a, b], mask, base + i * by_query + j * by_key, closed)
                        p = exp(x - top) * inverse if not x <= LOW else float32(0)
                        kept, dx = p, dp[a, b]
                        if DROPS:
                            number = (uint64(head) * uint64(queries) + uint64(i)) * uint64(keys) + uint64(j)
                            keeps = hashed(seed, number) >= dropout
                            kept = p / (float32(1) - dropout) if keeps else float32(0)
                            dx = dx / (float32(1) - dropout) if keeps else float32(0)
                        s[a, b] = p * (dx - mean) if not x <= LOW else float32(0)
                        ps[ty + uint32(a * TY), tx + uint32(b * TX)] = kept
                cuda.syncwarp()  # a row of ps is written and read by one warp
                mix(ps, dys, ty, tx, to_v)
                cuda.syncwarp()
                for a in range(ROWS):
                    for b in range(COLUMNS):
                        ps[ty + uint32(a * TY), tx + uint32(b * TX)] = s[a, b]
                cuda.syncwarp()
                mix(ps, qs, ty, tx, to_k)
                cuda.syncthreads()
                i0 += uint32(BQ)
            head += uint32(1)

        for a in range(ROWS):
            j = j0 + ty + uint32(a * TY)
            for c in range(SHOWN):
                e = column(tx, c)
                if j < keys and e < width:
                    dk[shared, j, e] = to_k[a, c]
                if j < keys and e < shown:
                    dv[shared, j, e] = to_v[a, c]

    return attend_keys
