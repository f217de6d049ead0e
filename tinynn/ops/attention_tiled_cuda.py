"""Attention a tile at a time: the scores of all queries and keys never lie in memory together.

A block of threads takes BQ queries of one head and goes over the keys, BK at a time. Each query keeps the
maximum m of its scores, the sum l of their exponentials and the weighted sum y of the values; a new tile may
raise the maximum, and what was summed before shrinks by e^(m - m'):

    m' = max(m, max_j s_j)
    l' = l e^(m - m') + sum_j e^(s_j - m')
    y' = y e^(m - m') + sum_j e^(s_j - m') v_j

and y / l at the end. m and 1 / l are kept apart for backward (their logarithm m + ln l would lose digits).

Sources: Milakov and Gimelshein, Online normalizer calculation for softmax, 2018; Dao, Fu, Ermon, Rudra and
Re, FlashAttention: fast and memory-efficient exact attention with IO-awareness, 2022.
"""

from __future__ import annotations

import functools

from numpy import uint64

from ..gpu import cuda, float32, uint32
from .attention_parts_cuda import LOW, make_column, make_dots, make_load, make_mix, make_scored
from .dropout_cuda import hashed
from .kernel_math_cuda import fast_exp as exp
from .team_cuda import FULL


@functools.cache
def make_attend(BQ, BK, WIDTH, TY, TX, MASK, DROPS):
    """Forward for heads up to WIDTH wide: tiles of BQ queries and BK keys, TY x TX threads (32 or more)."""
    THREADS, ROWS, COLUMNS, SHOWN = TY * TX, BQ // TY, BK // TX, WIDTH // TX
    WIDE, LONG = WIDTH + 4, BK + 4
    load_queries, load_keys = make_load(BQ, WIDTH, THREADS), make_load(BK, WIDTH, THREADS)
    dots, mix = make_dots(TY, TX, ROWS, COLUMNS, WIDTH), make_mix(TY, TX, ROWS, SHOWN, BK)
    scored, column = make_scored(MASK), make_column(TX, SHOWN)

    @cuda.jit
    def attend(
        q, k, v, mask, by_example, by_head, by_query, by_key, y, tops, inverses, scale, causal, heads, group,
        dropout, seed,
    ):  # fmt: skip
        """y = softmax(scale q k^T + mask) v, a block for BQ queries of one head.

        q is (B, T, E); k and v are (B / group, S, E): `group` heads of q share one of k and v.

        Bytes: q and y once, k and v T / BQ times (out of the L2 cache, mostly); nothing of size T S.
        FLOPs: 4 T S E a head, half with `causal`, which leaves out the tiles beyond the diagonal.
        The longest rows of tiles begin first, so that none is left alone at the end.
        With a mask and dropout at once, sm_75 spills 8 bytes a thread for heads of 32, 40 for heads of 64;
        smaller tiles would fit, and load k and v more often. sm_80 and sm_90 spill nothing.
        """
        qs = cuda.shared.array((BQ, WIDE), float32, alignment=16)
        ks = cuda.shared.array((BK, WIDE), float32, alignment=16)
        vs = cuda.shared.array((BK, WIDE), float32, alignment=16)
        ps = cuda.shared.array((BQ, LONG), float32, alignment=16)
        s, out = cuda.local.array((ROWS, COLUMNS), float32), cuda.local.array((ROWS, SHOWN), float32)
        top, total = cuda.local.array(ROWS, float32), cuda.local.array(ROWS, float32)
        tx, ty = uint32(cuda.threadIdx.x), uint32(cuda.threadIdx.y)
        tid = ty * uint32(TX) + tx
        queries, keys, batch = uint32(q.shape[1]), uint32(k.shape[1]), uint32(q.shape[0])
        head, tile = uint32(cuda.blockIdx.x) % batch, uint32(cuda.blockIdx.x) // batch
        i0 = (uint32(cuda.gridDim.x) // batch - uint32(1) - tile) * uint32(BQ)
        base = head // heads * by_example + head % heads * by_head

        load_queries(q, head, i0, scale, tid, qs)
        for a in range(ROWS):
            top[a], total[a] = LOW, float32(0)
            for c in range(SHOWN):
                out[a, c] = float32(0)
        end = min(keys, i0 + uint32(BQ)) if causal else keys
        j0 = uint32(0)
        while j0 < end:
            load_keys(k, head // group, j0, float32(1), tid, ks)
            load_keys(v, head // group, j0, float32(1), tid, vs)
            cuda.syncthreads()
            dots(qs, ks, ty, tx, s)
            for a in range(ROWS):
                i = i0 + ty + uint32(a * TY)
                highest = top[a]
                for b in range(COLUMNS):
                    j = j0 + tx + uint32(b * TX)
                    closed = i >= queries or j >= keys or (causal and j > i)
                    s[a, b] = scored(s[a, b], mask, base + i * by_query + j * by_key, closed)
                    highest = s[a, b] if s[a, b] > highest else highest
                lane = TX // 2
                while lane > 0:  # the TX threads that share these queries
                    other = cuda.shfl_xor_sync(FULL, highest, lane)
                    highest = other if other > highest else highest
                    lane //= 2
                shrink = exp(top[a] - highest)
                top[a] = highest
                total[a] *= shrink
                for c in range(SHOWN):
                    out[a, c] *= shrink
                for b in range(COLUMNS):
                    e = exp(s[a, b] - highest) if not s[a, b] <= LOW else float32(0)
                    total[a] += e
                    ps[ty + uint32(a * TY), tx + uint32(b * TX)] = e
            if DROPS:  # by steps that the compiler does not know: unrolled, its 64-bit numbers would not fit
                row = ty
                while row < uint32(BQ):
                    first = (uint64(head) * uint64(queries) + uint64(i0 + row)) * uint64(keys) + uint64(j0)
                    key = tx
                    while key < uint32(BK):
                        e = ps[row, key] / (float32(1) - dropout)
                        ps[row, key] = e if hashed(seed, first + uint64(key)) >= dropout else float32(0)
                        key += uint32(cuda.blockDim.x)
                    row += uint32(cuda.blockDim.y)
            cuda.syncwarp()  # a row of ps is written and read by one warp
            mix(ps, vs, ty, tx, out)
            cuda.syncthreads()
            j0 += uint32(BK)

        for a in range(ROWS):
            lane = TX // 2
            whole = total[a]
            while lane > 0:
                whole += cuda.shfl_xor_sync(FULL, whole, lane)
                lane //= 2
            inverse = float32(0) if whole == float32(0) else float32(1) / whole  # 0: looks at nothing
            i = i0 + ty + uint32(a * TY)
            if i < queries:
                for c in range(SHOWN):
                    e = column(tx, c)
                    if e < uint32(y.shape[2]):
                        y[head, i, e] = out[a, c] * inverse
                if tx == uint32(0):
                    tops[head, i], inverses[head, i] = top[a], inverse

    return attend
