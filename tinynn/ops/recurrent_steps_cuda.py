# mypy: no-check-untyped-defs

"""One step in one launch, for weights that are too large to be read by every block: the plain way.

A block takes TY sequences (times ROWS) and TX units; together the blocks read the weight once a step, from
all multiprocessors at once. The launches follow one another, so that no block must wait for another. The
host needs longer for a launch than the GPU for a small step: where the weight is small, a whole sequence
in one launch (`recurrent_sequence_cuda`) is the faster way.
"""

from __future__ import annotations

import functools

from ..gpu import cuda, float32, uint32


@functools.cache
def make_step(CELL, TX, TY, ROWS):
    """Forward: blocks of TX units and TY x ROWS sequences, the inner dimension TX at a time."""
    GATES, APART, HAS_C, cell = CELL.gates, CELL.apart, CELL.has_c, CELL.forward
    BATCH, WIDE, COLUMNS = TY * ROWS, TX + 1, (CELL.gates + CELL.apart) * TX

    @cuda.jit
    def step(a, wt, bias, h, c, lengths, t, extra, h_after, c_after, y):
        """h, c = cell(a_t + b + W h) for one t: h and c (N, H) are the states before, wt the weight (H, G H).

        Thread (ty, tx) computes the gates of one unit for ROWS sequences, from tiles in shared memory.
        Bytes: the weight N / (TY ROWS) times. FLOPs: 2 N G H^2.
        """
        hs = cuda.shared.array((BATCH, WIDE), float32)
        ws = cuda.shared.array((TX, GATES, TX), float32)
        p = cuda.shared.array((BATCH, COLUMNS), float32)
        acc = cuda.local.array((ROWS, GATES), float32)
        tx, ty = uint32(cuda.threadIdx.x), uint32(cuda.threadIdx.y)
        batch, hidden = uint32(h.shape[0]), uint32(h.shape[1])
        j, n0 = uint32(cuda.blockIdx.x) * uint32(TX) + tx, uint32(cuda.blockIdx.y) * uint32(BATCH)
        for i in range(ROWS):
            for g in range(GATES):
                acc[i, g] = bias[uint32(g) * hidden + j] if j < hidden else float32(0)
        k0 = uint32(0)
        while k0 < hidden:
            for i in range(ROWS):
                row = ty + uint32(i * TY)
                there = n0 + row < batch and k0 + tx < hidden
                hs[row, tx] = h[n0 + row, k0 + tx] if there else float32(0)
            k = ty
            while k < uint32(TX):
                for g in range(GATES):
                    there = k0 + k < hidden and j < hidden
                    ws[k, uint32(g), tx] = wt[k0 + k, uint32(g) * hidden + j] if there else float32(0)
                k += uint32(TY)
            cuda.syncthreads()
            for m in range(TX):
                for i in range(ROWS):
                    for g in range(GATES):
                        acc[i, g] += hs[ty + uint32(i * TY), uint32(m)] * ws[uint32(m), uint32(g), tx]
            cuda.syncthreads()
            k0 += uint32(TX)
        for i in range(ROWS):
            row = ty + uint32(i * TY)
            n = n0 + row
            if n < batch and j < hidden:
                for g in range(GATES):
                    arrived = a[t, n, uint32(g) * hidden + j]
                    if APART and g == GATES - 1:
                        p[row, uint32(g * TX) + tx], p[row, uint32(GATES * TX) + tx] = acc[i, g], arrived
                    else:
                        p[row, uint32(g * TX) + tx] = acc[i, g] + arrived
                h_new, c_new = h[n, j], c[n, j] if HAS_C else float32(0)
                running = t < lengths[n]
                if running:
                    h_new, c_new = cell(p, row, tx, uint32(TX), a, extra, t, n, j, hidden, h_new, c_new)
                h_after[t, n, j] = h_new
                if HAS_C:
                    c_after[t, n, j] = c_new
                y[t, n, j] = h_new if running else float32(0)

    return step


@functools.cache
def make_step_back(CELL, TX, TY, ROWS):
    """Backward: blocks of TX units and TY x ROWS sequences, the inner dimension TX at a time."""
    GATES, HAS_C, cell = CELL.gates, CELL.has_c, CELL.backward
    BATCH, WIDE, COLUMNS = TY * ROWS, TX + 1, CELL.gates * TX

    @cuda.jit
    def step_back(
        a, w_hh, lengths, t, came, extra, h_before, h_after, c_before, c_after, dy, has_dy, da, da_h, dh, dc
    ):  # fmt: skip
        """dh_t = dh + da_(came) W + dy_t, then da_t, for one t; dh (N, H) is what skips the product.

        `came` is the step before in this order, -1 for the first one; t is -1 after the last one, when only
        the product is left to add. Bytes: the weight (G H, H) N / (TY ROWS) times. FLOPs: 2 N G H^2.
        """
        ds = cuda.shared.array((BATCH, WIDE), float32)
        ws = cuda.shared.array((TX, TX), float32)
        d = cuda.shared.array((BATCH, COLUMNS), float32)
        acc = cuda.local.array(ROWS, float32)
        tx, ty = uint32(cuda.threadIdx.x), uint32(cuda.threadIdx.y)
        batch, hidden, rows = uint32(dh.shape[0]), uint32(dh.shape[1]), uint32(w_hh.shape[0])
        j, n0 = uint32(cuda.blockIdx.x) * uint32(TX) + tx, uint32(cuda.blockIdx.y) * uint32(BATCH)
        for i in range(ROWS):
            acc[i] = float32(0)
        k0 = uint32(0)
        while k0 < rows and came >= 0:
            for i in range(ROWS):
                row = ty + uint32(i * TY)
                there = n0 + row < batch and k0 + tx < rows
                ds[row, tx] = da_h[came, n0 + row, k0 + tx] if there else float32(0)
            k = ty
            while k < uint32(TX):
                ws[k, tx] = w_hh[k0 + k, j] if k0 + k < rows and j < hidden else float32(0)
                k += uint32(TY)
            cuda.syncthreads()
            for m in range(TX):
                for i in range(ROWS):
                    acc[i] += ds[ty + uint32(i * TY), uint32(m)] * ws[uint32(m), tx]
            cuda.syncthreads()
            k0 += uint32(TX)
        for i in range(ROWS):
            row = ty + uint32(i * TY)
            n = n0 + row
            if n < batch and j < hidden:
                up = dh[n, j]
                if came >= 0 and came < lengths[n]:
                    up += acc[i]
                if t >= 0:
                    if t < lengths[n]:
                        if has_dy:
                            up += dy[t, n, j]
                        up, dc_new = cell(
                            a, h_before, h_after, extra, c_before, c_after, da, da_h, t, n, j, hidden, up,
                            dc[n, j] if HAS_C else float32(0), d, row, tx, uint32(TX),
                        )  # fmt: skip
                        if HAS_C:
                            dc[n, j] = dc_new
                    else:
                        for g in range(GATES):
                            da[t, n, uint32(g) * hidden + j] = float32(0)
                            da_h[t, n, uint32(g) * hidden + j] = float32(0)
                dh[n, j] = up

    return step_back
