# mypy: no-check-untyped-defs

"""A whole sequence in one launch: a block of threads takes ROWS sequences through all steps.

A step has two halves with a barrier after each. First thread (g, j) computes row j of gate g of the recurrent
product, for all ROWS sequences; then thread (r, j) does the arithmetic of unit j of sequence r, which is all
that tells rnn, gru and lstm apart (`Cell`). The state stays in shared memory and no block waits for another.

What a step costs is the recurrent weight. `KEPT` kernels hold it in registers, a row of K numbers in each
thread, read once for the whole sequence ("persistent": Diamos and others, Persistent RNNs, 2016); a step then
reads only the state, the same number for all threads of a warp. The others read the weight from the L2 cache
at every step, neighbouring threads neighbouring numbers, DEEP rows under way at a time.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from ..gpu import Kernel, cuda, float32, uint32

DEEP = 8  # rows of the weight that a thread has under way at a time
CHAINS = (
    4  # sums of a thread that do not wait for each other: a sum alone would wait four cycles for each term
)


class Cell(NamedTuple):
    """What tells one recurrent op from another."""

    gates: int
    apart: bool  # whether the last gate's two products meet only in `forward`, as in gru
    has_c: bool  # whether there is a second state, as in lstm
    forward: Kernel  # (p, r, at, step, a, extra, t, n, j, hidden, h, c) -> (h, c)
    backward: (
        Kernel  # (a, h_before, h_after, extra, c_before, da, da_h, t, n, j, hidden, dh, dc, d, r, at, step)
    )


@functools.cache
def make_sequence(CELL, K, ROWS, KEPT):
    """Forward for up to K units (a multiple of DEEP), ROWS sequences a block."""
    GATES, APART, HAS_C, cell = CELL.gates, CELL.apart, CELL.has_c, CELL.forward
    HELD, BLOCKS, SUMS = K if KEPT else DEEP, (GATES + APART) * K, max(1, CHAINS // ROWS)

    @cuda.jit
    def sequence(a, wt, bias, h0, c0, lengths, reverse, extra, h_after, c_after, y):
        """h, c = cell(a_t + b + W h) through all steps: a (T, N, G H) comes with what the inputs contribute.

        wt is the weight as (K, G H), so that thread q reads wt[k, q]. `a` leaves as the gates.
        Bytes: a and the states once; the weight once (KEPT) or T times. FLOPs: 2 T N G H^2.
        """
        h = cuda.shared.array((ROWS, K), float32, alignment=16)
        c = cuda.shared.array((ROWS, K), float32)
        p = cuda.shared.array((ROWS, BLOCKS), float32)
        w, acc = cuda.local.array(HELD, float32), cuda.local.array((ROWS, SUMS), float32)
        arrived = cuda.local.array(ROWS, float32)
        tid, threads = uint32(cuda.threadIdx.x), uint32(cuda.blockDim.x)
        steps, batch, hidden = uint32(h_after.shape[0]), uint32(h_after.shape[1]), uint32(h_after.shape[2])
        rows, n0 = uint32(GATES) * hidden, uint32(cuda.blockIdx.x) * uint32(ROWS)
        if KEPT:
            for k in range(K):
                w[k] = wt[uint32(k), tid] if tid < rows else float32(0)
        i = tid
        while i < uint32(ROWS * K):
            r, j = i // uint32(K), i % uint32(K)
            there = n0 + r < batch and j < hidden
            h[r, j] = h0[n0 + r, j] if there else float32(0)
            if HAS_C:
                c[r, j] = c0[n0 + r, j] if there else float32(0)
            i += threads
        cuda.syncthreads()
        s = uint32(0)
        while s < steps:
            t = steps - uint32(1) - s if reverse else s
            q = tid
            while q < rows:
                for b in range(ROWS):
                    for m in range(SUMS):
                        acc[b, m] = bias[q] if m == 0 else float32(0)
                    n = n0 + uint32(b)
                    arrived[b] = a[t, n, q] if n < batch else float32(0)
                if KEPT:
                    for k in range(K):
                        for b in range(ROWS):
                            acc[b, k % SUMS] += w[k] * h[uint32(b), uint32(k)]
                else:
                    k0 = uint32(0)
                    while k0 < hidden:
                        for k in range(DEEP):
                            w[k] = wt[k0 + uint32(k), q]
                        for k in range(DEEP):
                            for b in range(ROWS):
                                acc[b, k % SUMS] += w[k] * h[uint32(b), k0 + uint32(k)]
                        k0 += uint32(DEEP)
                for b in range(ROWS):
                    for m in range(1, SUMS):
                        acc[b, 0] += acc[b, m]
                    if APART and q >= rows - hidden:
                        p[uint32(b), q], p[uint32(b), q + hidden] = acc[b, 0], arrived[b]
                    else:
                        p[uint32(b), q] = acc[b, 0] + arrived[b]
                q = rows if KEPT else q + threads  # a weight that is kept is that of one row
            cuda.syncthreads()
            i = tid
            while i < uint32(ROWS) * hidden:
                r, j = i // hidden, i % hidden
                n = n0 + r
                if n < batch:
                    running = t < uint32(lengths[n])
                    if running:
                        c_old = c[r, j] if HAS_C else float32(0)
                        h_new, c_new = cell(p, r, j, hidden, a, extra, t, n, j, hidden, h[r, j], c_old)
                        h[r, j] = h_new
                        if HAS_C:
                            c[r, j] = c_new
                    h_after[t, n, j] = h[r, j]
                    if HAS_C:
                        c_after[t, n, j] = c[r, j]
                    y[t, n, j] = h[r, j] if running else float32(0)
                i += threads
            cuda.syncthreads()
            s += uint32(1)

    return sequence


@functools.cache
def make_sequence_back(CELL, K, ROWS, KEPT):
    """Backward for up to K units (a multiple of DEEP), ROWS sequences a block."""
    GATES, HAS_C, cell = CELL.gates, CELL.has_c, CELL.backward
    HELD, BLOCKS, SUMS = K if KEPT else DEEP, GATES * K, max(1, CHAINS // ROWS)

    @cuda.jit
    def sequence_back(
        a, w_hh, lengths, reverse, extra, h_before, h_after, c_before, c_after, dy, has_dy, dh_last, dc_last,
        da, da_h, dh0, dc0,
    ):  # fmt: skip
        """da_t from dh_t = dy_t + da_(t+1) W, back through all steps; dh0 and dc0 arrive at the start.

        w_hh is the weight with each gate's rows padded to a multiple of DEEP: thread (g, j) reads column j
        of gate g's rows and adds up H products; the threads of a unit then add up the gates.
        Bytes: gates, states and gradients once; the weight once (KEPT) or T times. FLOPs: 2 T N G H^2.
        """
        d = cuda.shared.array((ROWS, BLOCKS), float32, alignment=16)
        p = cuda.shared.array((ROWS, BLOCKS), float32)
        dh = cuda.shared.array((ROWS, K), float32)
        dc = cuda.shared.array((ROWS, K), float32)
        w, acc = cuda.local.array(HELD, float32), cuda.local.array((ROWS, SUMS), float32)
        tid, threads = uint32(cuda.threadIdx.x), uint32(cuda.blockDim.x)
        steps, batch, hidden = uint32(h_after.shape[0]), uint32(h_after.shape[1]), uint32(h_after.shape[2])
        rows, n0 = uint32(GATES) * hidden, uint32(cuda.blockIdx.x) * uint32(ROWS)
        tall = uint32(w_hh.shape[0]) // uint32(GATES)  # rows of a gate, with the padding
        if KEPT:
            for k in range(K):
                w[k] = w_hh[tid // hidden * tall + uint32(k), tid % hidden] if tid < rows else float32(0)
        i = tid
        while i < uint32(ROWS * BLOCKS):
            d[i // uint32(BLOCKS), i % uint32(BLOCKS)] = float32(0)
            i += threads
        i = tid
        while i < uint32(ROWS) * hidden:
            r, j = i // hidden, i % hidden
            dh[r, j] = dh_last[n0 + r, j] if n0 + r < batch else float32(0)
            if HAS_C:
                dc[r, j] = dc_last[n0 + r, j] if n0 + r < batch else float32(0)
            i += threads
        cuda.syncthreads()
        s = uint32(0)
        while s < steps:
            t = s if reverse else steps - uint32(1) - s
            i = tid
            while i < uint32(ROWS) * hidden:
                r, j = i // hidden, i % hidden
                n = n0 + r
                if n < batch:
                    if t < uint32(lengths[n]):
                        up = dh[r, j] + dy[t, n, j] if has_dy else dh[r, j]
                        dc_new = dc[r, j] if HAS_C else float32(0)
                        dh[r, j], dc_new = cell(
                            a, h_before, h_after, extra, c_before, c_after, da, da_h, t, n, j, hidden, up,
                            dc_new, d, r, j, uint32(K),
                        )  # fmt: skip
                        if HAS_C:
                            dc[r, j] = dc_new
                    else:
                        for part in range(GATES):
                            d[r, uint32(part * K) + j] = float32(0)
                            da[t, n, uint32(part) * hidden + j] = float32(0)
                            da_h[t, n, uint32(part) * hidden + j] = float32(0)
                i += threads
            cuda.syncthreads()
            q = tid
            while q < rows:
                g, j = q // hidden, q % hidden
                for b in range(ROWS):
                    for m in range(SUMS):
                        acc[b, m] = float32(0)
                if KEPT:
                    for k in range(K):
                        for b in range(ROWS):
                            acc[b, k % SUMS] += w[k] * d[uint32(b), g * uint32(K) + uint32(k)]
                else:
                    k0 = uint32(0)
                    while k0 < hidden:
                        for k in range(DEEP):
                            w[k] = w_hh[g * tall + k0 + uint32(k), j]
                        for k in range(DEEP):
                            for b in range(ROWS):
                                acc[b, k % SUMS] += w[k] * d[uint32(b), g * uint32(K) + k0 + uint32(k)]
                        k0 += uint32(DEEP)
                for b in range(ROWS):
                    for m in range(1, SUMS):
                        acc[b, 0] += acc[b, m]
                    p[uint32(b), q] = acc[b, 0]
                q = rows if KEPT else q + threads  # a weight that is kept is that of one row
            cuda.syncthreads()
            i = tid
            while i < uint32(ROWS) * hidden:
                r, j = i // hidden, i % hidden
                if n0 + r < batch and t < uint32(lengths[n0 + r]):
                    sent = p[r, j]
                    for part in range(1, GATES):
                        sent += p[r, uint32(part) * hidden + j]
                    dh[r, j] += sent
                i += threads
            s += uint32(1)  # no barrier: the same thread goes on with the same unit
        i = tid
        while i < uint32(ROWS) * hidden:
            r, j = i // hidden, i % hidden
            if n0 + r < batch:
                dh0[n0 + r, j] = dh[r, j]
                if HAS_C:
                    dc0[n0 + r, j] = dc[r, j]
            i += threads

    return sequence_back
